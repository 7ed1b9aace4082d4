-- Trials that are made of several runs are given out, too: a run of one at a time, as trial_reserve does it.

DROP FUNCTION hpt_record.trial_new(bigint, uuid, uuid, bigint, integer);

-- As before. p_plan, part: as of trial_reserve.
CREATE FUNCTION hpt_record.trial_new(p_study bigint, p_worker uuid, p_attempt uuid, p_total bigint, p_lease_s integer,
    p_plan jsonb,
    OUT outcome text, OUT trial bigint, OUT attempt_number integer, OUT definition_version integer,
    OUT config_bytes bytea, OUT part jsonb)
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_sequence   regclass := format('hpt_record.trial_number_%s', p_study)::regclass;
    v_total      bigint := least(p_total, (SELECT s.total FROM hpt_record.study s WHERE s.id = p_study));
    v_evaluation integer := 0;
BEGIN
    outcome := 'trial';
    SELECT a.number, a.attempt, a.evaluation, t.definition, t.config
    INTO trial, attempt_number, v_evaluation, definition_version, config_bytes
    FROM hpt_record.attempt a JOIN hpt_record.trial t USING (study_id, number)
    WHERE a.id = p_attempt;
    IF FOUND THEN
        part := hpt_record.evaluation_part(p_study, trial, v_evaluation);
        RETURN;
    END IF;
    v_evaluation := 0;
    outcome := 'done';
    IF hpt_record.study_stop(p_study) IS NOT NULL THEN
        RETURN;
    END IF;
    WHILE trial IS NULL AND (v_total IS NULL OR coalesce(pg_sequence_last_value(v_sequence), -1) < v_total - 1) LOOP
        trial := nextval(v_sequence);
        EXIT WHEN trial >= v_total;
        INSERT INTO hpt_record.trial (study_id, number, state, attempt)
        VALUES (p_study, trial, 'running', 1) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            trial := NULL;
        END IF;
    END LOOP;
    IF trial IS NULL OR trial >= v_total THEN
        trial := NULL;
        RETURN;
    END IF;
    IF p_plan ? 'evaluations' THEN
        v_evaluation := hpt_record.evaluations_begin(p_study, trial, p_plan);
        UPDATE hpt_record.evaluation e SET state = 'running', attempt = 1
        WHERE e.study_id = p_study AND e.number = trial AND e.evaluation = v_evaluation;
        part := hpt_record.evaluation_part(p_study, trial, v_evaluation);
    END IF;
    outcome := 'trial';
    attempt_number := 1;
    INSERT INTO hpt_record.attempt (study_id, number, attempt, id, evaluation, worker_id)
    VALUES (p_study, trial, 1, p_attempt, v_evaluation, p_worker);
    INSERT INTO hpt_record.lease (study_id, number, evaluation, attempt, worker_id, until)
    VALUES (p_study, trial, v_evaluation, 1, p_worker, clock_timestamp() + make_interval(secs => p_lease_s));
END $$;

DROP FUNCTION hpt_record.trial_ask(bigint, uuid, uuid[], bigint, integer, integer, boolean, integer);

-- As before. p_plan: as of trial_reserve, which has the window of an ordered study; a promotion in it is for one attempt.
CREATE FUNCTION hpt_record.trial_ask(p_study bigint, p_worker uuid, p_attempts uuid[], p_total bigint,
    p_lease_s integer, p_max_lost integer, p_new boolean, p_plan jsonb DEFAULT NULL)
RETURNS TABLE (outcome text, trial bigint, attempt_number integer, definition_version integer, config_bytes bytea,
    attempt_id uuid, until timestamptz, part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM hpt_record.attempt a WHERE a.id = ANY (p_attempts)) THEN
        PERFORM hpt_record.lease_reap(p_study, '{}', 60, p_max_lost);
    END IF;
    FOREACH attempt_id IN ARRAY p_attempts LOOP
        IF p_new THEN
            SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes, r.part
            INTO outcome, trial, attempt_number, definition_version, config_bytes, part
            FROM hpt_record.trial_new(p_study, p_worker, attempt_id, p_total, p_lease_s, p_plan) r;
        ELSE
            SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes, r.part
            INTO outcome, trial, attempt_number, definition_version, config_bytes, part
            FROM hpt_record.trial_reserve(p_study, p_worker, attempt_id, p_total, p_lease_s, p_plan) r;
        END IF;
        UPDATE hpt_record.lease l SET seconds = p_lease_s
        FROM hpt_record.attempt a
        WHERE a.id = attempt_id AND l.study_id = a.study_id AND l.number = a.number AND l.attempt = a.attempt
          AND l.worker_id = p_worker
        RETURNING l.until INTO until;
        RETURN NEXT;
        EXIT WHEN outcome <> 'trial';
    END LOOP;
END $$;

DROP FUNCTION hpt_record.trial_asked(uuid, integer, text, text, bytea, bigint, bytea);

-- As before. p_part_seed: of an evaluation.
CREATE FUNCTION hpt_record.trial_asked(p_attempt uuid, p_definition integer, p_origin text, p_reason text,
    p_config bytea, p_seed bigint, p_proposal bytea, p_part_seed bigint DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_held boolean := hpt_record.trial_start(p_attempt, p_definition, p_origin, p_reason, p_config, p_seed,
                                             NULL, NULL, NULL, p_part_seed);
BEGIN
    PERFORM hpt_record.trial_proposed(p_attempt, p_proposal);
    PERFORM pg_catalog.set_config('synchronous_commit', 'on', true); -- trial_start does not wait for the disk
    RETURN v_held;
END $$;

DROP FUNCTION hpt_record.trial_tell(bigint, bigint, integer, text, text, text[], double precision[], integer);

-- The end of a trial that was given out, or of one of its evaluations. p_outcome: complete, failed, or cancelled: it is
-- given back. verdict, counts and state are those of the evaluation where there is one:
--   done     recorded
--   again    it was recorded before, the same
--   differs  it has ended, in another way or with other numbers: ended_as, names, vals say how
--   over     its trial has ended before, by a decision or by another evaluation: state and cause are the trial's
--   late     its lease ran out, or it was given back: counts is the attempt that counts now, 0: none is given out
--   foreign  a worker runs it, which records it itself
--   unknown  there is no such trial, or no such attempt: counts is the newest, NULL: no such trial
-- more: other evaluations of its trial are to come, and a pruner may say whether they are worth it.
CREATE FUNCTION hpt_record.trial_tell(p_study bigint, p_number bigint, p_attempt integer, p_outcome text,
    p_cause text, p_names text[], p_values double precision[], p_max_lost integer,
    OUT verdict text, OUT counts integer, OUT state text, OUT ended_as text, OUT cause text, OUT ended timestamptz,
    OUT names text[], OUT vals double precision[], OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt  hpt_record.attempt;
    v_trial    hpt_record.trial;
    v_kind     text;
    v_finished text;
    v_n        integer := cardinality(p_names);
BEGIN
    SELECT a.* INTO v_attempt FROM hpt_record.attempt a
    WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt;
    SELECT w.kind INTO v_kind FROM hpt_record.worker w WHERE w.id = v_attempt.worker_id;
    IF v_attempt.id IS NOT NULL AND v_kind = 'ask' AND v_attempt.outcome IS NULL THEN
        SELECT f.finished INTO v_finished
        FROM hpt_record.trial_finish(p_study, v_attempt.worker_id, v_attempt.id, p_outcome, p_max_lost, 1, p_cause,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            p_names, p_values, array_fill('told'::text, ARRAY[v_n]), array_fill('tell'::text, ARRAY[v_n]),
            array_fill(NULL::bigint, ARRAY[v_n]), 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
            '{}', '{}', '{}', '{}', NULL, NULL, 60) f;
        -- Else it ended at this moment, as it is there now.
        verdict := CASE WHEN v_finished IN ('done', 'requeued', 'more', 'paused') THEN 'done' END;
        SELECT a.* INTO v_attempt FROM hpt_record.attempt a WHERE a.id = v_attempt.id;
    END IF;
    SELECT t.* INTO v_trial FROM hpt_record.trial t WHERE t.study_id = p_study AND t.number = p_number;
    counts := v_trial.attempt;
    state := v_trial.state;
    SELECT e.attempt, e.state INTO counts, state FROM hpt_record.evaluation e
    WHERE v_attempt.id IS NOT NULL AND e.study_id = p_study AND e.number = p_number
      AND e.evaluation = v_attempt.evaluation;
    IF NOT FOUND THEN
        counts := v_trial.attempt;
        state := v_trial.state;
    END IF;
    ended_as := v_attempt.outcome;
    cause := v_attempt.cause;
    ended := v_attempt.ended_at;
    more := coalesce(v_finished = 'more', false);
    SELECT array_agg(m.name ORDER BY m.name), array_agg(m.value ORDER BY m.name) INTO names, vals
    FROM (SELECT o.name, o.value FROM hpt_record.metric o
          WHERE v_trial.rung IS NULL AND o.study_id = p_study AND o.number = p_number AND o.attempt = p_attempt
          UNION ALL
          SELECT o.name, o.value FROM hpt_record.evaluation_metric o
          WHERE o.study_id = p_study AND o.number = p_number AND o.attempt = p_attempt) m;
    IF verdict IS NOT NULL THEN
        RETURN;
    END IF;
    verdict := CASE
        WHEN v_attempt.id IS NULL THEN 'unknown'
        WHEN v_kind IS DISTINCT FROM 'ask' THEN 'foreign'
        WHEN v_attempt.outcome = 'cancelled' AND p_outcome = 'cancelled' THEN 'again'
        WHEN v_attempt.outcome IN ('lost', 'cancelled') AND v_trial.rung IS NOT NULL AND state = 'cancelled' THEN 'over'
        WHEN v_attempt.outcome IN ('lost', 'cancelled') THEN 'late'
        WHEN v_attempt.outcome = p_outcome
             AND (SELECT coalesce(array_agg(m.name ORDER BY m.name), '{}') = coalesce(names, '{}')
                         AND coalesce(array_agg(m.value ORDER BY m.name), '{}') = coalesce(vals, '{}')
                  FROM unnest(p_names, p_values) m (name, value)) THEN 'again'
        ELSE 'differs' END;
    IF verdict = 'over' THEN
        state := v_trial.state;
        cause := v_trial.cause;
    ELSIF verdict = 'again' THEN -- whoever told it first may not have come to the decision
        more := v_trial.rung IS NOT NULL AND v_attempt.outcome = 'complete' AND v_trial.state IN ('running', 'waiting');
    ELSIF verdict = 'late' AND (state <> 'running' OR counts = p_attempt)
          AND state NOT IN ('complete', 'pruned', 'failed') THEN
        counts := 0;
    END IF;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
