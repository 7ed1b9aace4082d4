-- Trials that are run outside: given out by hpt-ask for as long as their lease says, and ended by hpt-tell.

-- What a worker is: NULL an hpt-run, which runs its trials itself and renews their leases, or ask, an hpt-ask
-- that has given out trials and may be gone.
ALTER TABLE hpt_record.worker ADD COLUMN kind text CHECK (kind = 'ask');

-- How long a lease was given for, of a trial that is run outside; NULL: its worker renews it.
ALTER TABLE hpt_record.lease ADD COLUMN seconds integer CHECK (seconds > 0);

CREATE FUNCTION hpt_record.worker_ask(p_worker uuid, p_study bigint, p_host text, p_boot_id text,
    p_pid_namespace text, p_pid integer, p_pid_started bigint, p_launcher jsonb, p_tool_version text)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    INSERT INTO hpt_record.worker (id, study_id, host, boot_id, pid_namespace, pid, pid_started, launcher,
                                   tool_version, kind)
    VALUES (p_worker, p_study, p_host, p_boot_id, p_pid_namespace, p_pid, p_pid_started, p_launcher,
            p_tool_version, 'ask')
    ON CONFLICT DO NOTHING
$$;

-- Workers that hold leases and ran on this boot of this machine: the caller can see whether they live. That an
-- hpt-ask is gone says nothing of the trials that it gave out.
CREATE OR REPLACE FUNCTION hpt_record.worker_peers(p_study bigint, p_boot_id text, p_pid_namespace text)
RETURNS TABLE (id uuid, pid integer, pid_started bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT DISTINCT w.id, w.pid, w.pid_started
    FROM hpt_record.worker w JOIN hpt_record.lease l ON l.study_id = w.study_id AND l.worker_id = w.id
    WHERE w.study_id = p_study AND w.boot_id = p_boot_id AND w.pid_namespace = p_pid_namespace
      AND w.kind IS NULL
$$;

-- As before, but for leases that were given for a stated time: nobody renews them from moment to moment, so a
-- server that was away for one changes nothing, and their attempts end because the time is over.
CREATE OR REPLACE FUNCTION hpt_record.lease_reap(p_study bigint, p_dead uuid[], p_lease_s integer, p_max_lost integer)
RETURNS TABLE (trial bigint, attempt_number integer, requeued boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_found   hpt_record.lease;
    v_lease   hpt_record.lease;
    v_attempt hpt_record.attempt;
BEGIN
    FOR v_found IN
        SELECT l.* FROM hpt_record.lease l
        WHERE l.study_id = p_study
          AND (l.worker_id = ANY (p_dead)
               OR l.until < clock_timestamp()
                  AND (l.seconds IS NOT NULL
                       OR pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => p_lease_s)))
        ORDER BY l.number, l.evaluation
    LOOP
        PERFORM FROM hpt_record.trial t
        WHERE t.study_id = p_study AND t.number = v_found.number AND t.rung IS NOT NULL FOR UPDATE;
        SELECT * INTO v_lease FROM hpt_record.lease l
        WHERE l.study_id = p_study AND l.number = v_found.number AND l.evaluation = v_found.evaluation
          AND l.attempt = v_found.attempt AND (l.worker_id = ANY (p_dead) OR l.until < clock_timestamp())
        FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND; -- it ends, or was renewed, at this moment
        UPDATE hpt_record.attempt a
        SET outcome = 'lost', cause = CASE WHEN v_lease.seconds IS NULL THEN 'worker died' ELSE 'lease ran out' END,
            ended_at = clock_timestamp()
        WHERE a.study_id = p_study AND a.number = v_lease.number AND a.attempt = v_lease.attempt
          AND a.outcome IS NULL
        RETURNING a.* INTO v_attempt;
        SELECT count(*) < p_max_lost INTO requeued FROM hpt_record.attempt a
        WHERE a.study_id = p_study AND a.number = v_lease.number AND a.evaluation = v_lease.evaluation
          AND a.outcome = 'lost';
        DELETE FROM hpt_record.lease l
        WHERE l.study_id = p_study AND l.number = v_lease.number AND l.evaluation = v_lease.evaluation;
        IF requeued THEN
            INSERT INTO hpt_record.queue VALUES (p_study, v_lease.number, v_lease.evaluation);
        END IF;
        UPDATE hpt_record.trial t SET state = CASE WHEN requeued THEN 'waiting' ELSE 'lost' END
        WHERE t.study_id = p_study AND t.number = v_lease.number AND t.rung IS NULL;
        IF NOT FOUND THEN
            PERFORM hpt_record.evaluation_end(v_attempt, requeued);
        END IF;
        trial := v_lease.number;
        attempt_number := v_lease.attempt;
        RETURN NEXT;
    END LOOP;
    -- What waits for a decision that nobody makes any more.
    PERFORM hpt_record.evaluation_release(p_study, h.number)
    FROM (SELECT DISTINCT e.number FROM hpt_record.evaluation e WHERE e.study_id = p_study AND e.held) h
    WHERE NOT EXISTS (SELECT FROM hpt_record.lease l WHERE l.study_id = p_study AND l.number = h.number)
      AND NOT EXISTS (SELECT FROM hpt_record.queue q WHERE q.study_id = p_study AND q.number = h.number);
END $$;

-- A new trial, though others wait: as trial_reserve, below the smaller of p_total and the study's own total, for
-- proposals with conditions of their own, which no trial that was proposed before meets. A number that an undone
-- transaction left is not taken here; the others take it.
CREATE FUNCTION hpt_record.trial_new(p_study bigint, p_worker uuid, p_attempt uuid, p_total bigint, p_lease_s integer,
    OUT outcome text, OUT trial bigint, OUT attempt_number integer, OUT definition_version integer,
    OUT config_bytes bytea)
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_sequence regclass := format('hpt_record.trial_number_%s', p_study)::regclass;
    v_total    bigint := least(p_total, (SELECT s.total FROM hpt_record.study s WHERE s.id = p_study));
BEGIN
    outcome := 'trial';
    SELECT a.number, a.attempt, t.definition, t.config
    INTO trial, attempt_number, definition_version, config_bytes
    FROM hpt_record.attempt a JOIN hpt_record.trial t USING (study_id, number)
    WHERE a.id = p_attempt;
    IF FOUND THEN
        RETURN;
    END IF;
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
    outcome := 'trial';
    attempt_number := 1;
    INSERT INTO hpt_record.attempt (study_id, number, attempt, id, worker_id)
    VALUES (p_study, trial, 1, p_attempt, p_worker);
    INSERT INTO hpt_record.lease (study_id, number, attempt, worker_id, until)
    VALUES (p_study, trial, 1, p_worker, clock_timestamp() + make_interval(secs => p_lease_s));
END $$;

-- Trials to be run outside, one for each of p_attempts, in one commit: what has run out is taken back first.
-- p_new: new trials only, see trial_new. outcome: as of trial_reserve; after one that is no trial there is none.
-- Sent again with the same attempts it gives the same trials.
CREATE FUNCTION hpt_record.trial_ask(p_study bigint, p_worker uuid, p_attempts uuid[], p_total bigint,
    p_lease_s integer, p_max_lost integer, p_new boolean)
RETURNS TABLE (outcome text, trial bigint, attempt_number integer, definition_version integer, config_bytes bytea,
    attempt_id uuid, until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM hpt_record.attempt a WHERE a.id = ANY (p_attempts)) THEN
        PERFORM hpt_record.lease_reap(p_study, '{}', 60, p_max_lost);
    END IF;
    FOREACH attempt_id IN ARRAY p_attempts LOOP
        IF p_new THEN
            SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes
            INTO outcome, trial, attempt_number, definition_version, config_bytes
            FROM hpt_record.trial_new(p_study, p_worker, attempt_id, p_total, p_lease_s) r;
        ELSE
            SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes
            INTO outcome, trial, attempt_number, definition_version, config_bytes
            FROM hpt_record.trial_reserve(p_study, p_worker, attempt_id, p_total, p_lease_s) r;
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

-- What a trial is that is given out: recorded for good before anybody is told of it. false: its lease ran out
-- before that.
CREATE FUNCTION hpt_record.trial_asked(p_attempt uuid, p_definition integer, p_origin text, p_reason text,
    p_config bytea, p_seed bigint, p_proposal bytea)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_held boolean := hpt_record.trial_start(p_attempt, p_definition, p_origin, p_reason, p_config, p_seed,
                                             NULL, NULL, NULL);
BEGIN
    PERFORM hpt_record.trial_proposed(p_attempt, p_proposal);
    PERFORM pg_catalog.set_config('synchronous_commit', 'on', true); -- trial_start does not wait for the disk
    RETURN v_held;
END $$;

-- The end of a trial that was given out. p_outcome: complete, failed, or cancelled: it is given back. verdict:
--   done     recorded
--   again    it was recorded before, the same
--   differs  it has ended, in another way or with other numbers: ended_as, names, vals say how
--   late     its lease ran out, or it was given back: counts is the attempt that counts now, 0: none is given out
--   foreign  a worker runs it, which records it itself
--   unknown  there is no such trial, or no such attempt: counts is the newest, NULL: no such trial
CREATE FUNCTION hpt_record.trial_tell(p_study bigint, p_number bigint, p_attempt integer, p_outcome text,
    p_cause text, p_names text[], p_values double precision[], p_max_lost integer,
    OUT verdict text, OUT counts integer, OUT state text, OUT ended_as text, OUT cause text, OUT ended timestamptz,
    OUT names text[], OUT vals double precision[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
    v_kind    text;
    v_n       integer := cardinality(p_names);
BEGIN
    SELECT a.* INTO v_attempt FROM hpt_record.attempt a
    WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt;
    SELECT w.kind INTO v_kind FROM hpt_record.worker w WHERE w.id = v_attempt.worker_id;
    IF v_attempt.id IS NOT NULL AND v_kind = 'ask' AND v_attempt.outcome IS NULL THEN
        SELECT CASE WHEN f.finished IN ('done', 'requeued') THEN 'done' END INTO verdict
        FROM hpt_record.trial_finish(p_study, v_attempt.worker_id, v_attempt.id, p_outcome, p_max_lost, 1, p_cause,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            p_names, p_values, array_fill('told'::text, ARRAY[v_n]), array_fill('tell'::text, ARRAY[v_n]),
            array_fill(NULL::bigint, ARRAY[v_n]), 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
            '{}', '{}', '{}', '{}', NULL, NULL, 60) f;
        -- NULL: it ended at this moment, as it is there now.
        SELECT a.* INTO v_attempt FROM hpt_record.attempt a WHERE a.id = v_attempt.id;
    END IF;
    SELECT t.attempt, t.state INTO counts, state FROM hpt_record.trial t
    WHERE t.study_id = p_study AND t.number = p_number;
    ended_as := v_attempt.outcome;
    cause := v_attempt.cause;
    ended := v_attempt.ended_at;
    SELECT array_agg(m.name ORDER BY m.name), array_agg(m.value ORDER BY m.name) INTO names, vals
    FROM hpt_record.metric m WHERE m.study_id = p_study AND m.number = p_number AND m.attempt = p_attempt;
    IF verdict IS NOT NULL THEN
        RETURN;
    END IF;
    verdict := CASE
        WHEN v_attempt.id IS NULL THEN 'unknown'
        WHEN v_kind IS DISTINCT FROM 'ask' THEN 'foreign'
        WHEN v_attempt.outcome = 'cancelled' AND p_outcome = 'cancelled' THEN 'again'
        WHEN v_attempt.outcome IN ('lost', 'cancelled') THEN 'late'
        WHEN v_attempt.outcome = p_outcome
             AND (SELECT coalesce(array_agg(m.name ORDER BY m.name), '{}') = coalesce(names, '{}')
                         AND coalesce(array_agg(m.value ORDER BY m.name), '{}') = coalesce(vals, '{}')
                  FROM unnest(p_names, p_values) m (name, value)) THEN 'again'
        ELSE 'differs' END;
    IF verdict = 'late' AND (state <> 'running' OR counts = p_attempt) AND state NOT IN ('complete', 'pruned', 'failed') THEN
        counts := 0;
    END IF;
END $$;

-- The lease of a trial that was given out lasts from now for p_lease_s, NULL: as long as it was given for. NULL: it
-- is not to be had any more.
CREATE FUNCTION hpt_record.lease_extend(p_study bigint, p_number bigint, p_attempt integer, p_lease_s integer)
RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE hpt_record.lease l
    SET seconds = coalesce(p_lease_s, l.seconds),
        until = clock_timestamp() + make_interval(secs => coalesce(p_lease_s, l.seconds))
    WHERE l.study_id = p_study AND l.number = p_number AND l.attempt = p_attempt AND l.seconds IS NOT NULL
    RETURNING l.until
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
