-- Trials that are run outside report while they run, and are judged by it as those of hpt-run are.

-- What is known of an attempt that is told of. p_outcome: as of trial_tell, or report. verdict, counts and state are those
-- of the evaluation where there is one:
--   again    it was recorded before, the same
--   differs  it has ended, in another way or with other numbers: ended_as, names, vals say how
--   over     its trial has ended before, by a decision or by another evaluation: state and cause are the trial's
--   late     its lease ran out, or it was given back: counts is the attempt that counts now, 0: none is given out
--   foreign  a worker runs it, which records it itself
--   unknown  there is no such trial, or no such attempt: counts is the newest, NULL: no such trial
--   running  none of these: it is given out and has not ended
-- more: other evaluations of its trial are to come, and a pruner may say whether they are worth it.
CREATE FUNCTION hpt_record.trial_told(p_study bigint, p_number bigint, p_attempt integer, p_outcome text, p_names text[],
    p_values double precision[],
    OUT verdict text, OUT counts integer, OUT state text, OUT ended_as text, OUT cause text, OUT ended timestamptz,
    OUT names text[], OUT vals double precision[], OUT more boolean)
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
    v_trial   hpt_record.trial;
    v_kind    text;
BEGIN
    SELECT a.* INTO v_attempt FROM hpt_record.attempt a
    WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt;
    SELECT w.kind INTO v_kind FROM hpt_record.worker w WHERE w.id = v_attempt.worker_id;
    SELECT t.* INTO v_trial FROM hpt_record.trial t WHERE t.study_id = p_study AND t.number = p_number;
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
    more := false;
    SELECT array_agg(m.name ORDER BY m.name), array_agg(m.value ORDER BY m.name) INTO names, vals
    FROM (SELECT o.name, o.value FROM hpt_record.metric o
          WHERE v_trial.rung IS NULL AND o.study_id = p_study AND o.number = p_number AND o.attempt = p_attempt
          UNION ALL
          SELECT o.name, o.value FROM hpt_record.evaluation_metric o
          WHERE o.study_id = p_study AND o.number = p_number AND o.attempt = p_attempt) m;
    verdict := CASE
        WHEN v_attempt.id IS NULL THEN 'unknown'
        WHEN v_kind IS DISTINCT FROM 'ask' THEN 'foreign'
        WHEN v_attempt.outcome IS NULL THEN 'running'
        WHEN v_attempt.outcome = 'cancelled' AND p_outcome = 'cancelled' THEN 'again'
        WHEN v_attempt.outcome = 'pruned' THEN 'over'
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

-- As before, and what is told of a trial that a decision about its reports has ended is not needed. verdict: as of
-- trial_told, or done: recorded now.
CREATE OR REPLACE FUNCTION hpt_record.trial_tell(p_study bigint, p_number bigint, p_attempt integer, p_outcome text,
    p_cause text, p_names text[], p_values double precision[], p_max_lost integer,
    OUT verdict text, OUT counts integer, OUT state text, OUT ended_as text, OUT cause text, OUT ended timestamptz,
    OUT names text[], OUT vals double precision[], OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt  hpt_record.attempt;
    v_finished text;
    v_n        integer := cardinality(p_names);
BEGIN
    SELECT a.* INTO v_attempt FROM hpt_record.attempt a
    JOIN hpt_record.worker w ON w.id = a.worker_id AND w.kind = 'ask'
    WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt AND a.outcome IS NULL;
    IF FOUND THEN
        SELECT f.finished INTO v_finished
        FROM hpt_record.trial_finish(p_study, v_attempt.worker_id, v_attempt.id, p_outcome, p_max_lost, 1, p_cause,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            p_names, p_values, array_fill('told'::text, ARRAY[v_n]), array_fill('tell'::text, ARRAY[v_n]),
            array_fill(NULL::bigint, ARRAY[v_n]), 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
            '{}', '{}', '{}', '{}', NULL, NULL, 60) f;
    END IF;
    SELECT k.* INTO verdict, counts, state, ended_as, cause, ended, names, vals, more
    FROM hpt_record.trial_told(p_study, p_number, p_attempt, p_outcome, p_names, p_values) k;
    IF v_finished IN ('done', 'requeued', 'more', 'paused') THEN -- else it ended at this moment, as it is there now
        verdict := 'done';
        more := v_finished = 'more';
    END IF;
END $$;

-- Numbers of an attempt that was given out, at a step, while it runs; its lease lasts from now for as long as it was given
-- for. Each report is a chunk of its own. p_objectives: what a pruner compares together, NULL: nothing is judged.
-- verdict, counts … more: as of trial_told with
--   done     recorded
--   again    it was recorded before, the same
--   differs  there is another number of that step: names, vals are those that are there
--   order    there is a number of a later step, newest, so that this one cannot come behind it
--   ended    it has its result
-- With done and again, in the order they were reported: curve_names, curve_steps, curve_vals, the points of p_objectives;
-- and decided, the last step that was decided about (-1: none).
CREATE FUNCTION hpt_record.trial_report(p_study bigint, p_number bigint, p_attempt integer, p_step bigint,
    p_names text[], p_values double precision[], p_objectives text[],
    OUT verdict text, OUT counts integer, OUT state text, OUT ended_as text, OUT cause text, OUT ended timestamptz,
    OUT names text[], OUT vals double precision[], OUT more boolean, OUT newest bigint, OUT attempt_id uuid,
    OUT fold integer, OUT repeat integer, OUT decided bigint,
    OUT curve_names text[], OUT curve_steps bigint[], OUT curve_vals double precision[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_chunk integer;
    v_known text[];  -- those that are there
    v_there double precision[];
    v_same  boolean; -- with these values
BEGIN
    -- Ends of the attempt, and other reports of it, wait for each other here.
    UPDATE hpt_record.lease l SET until = clock_timestamp() + make_interval(secs => l.seconds)
    WHERE l.study_id = p_study AND l.number = p_number AND l.attempt = p_attempt AND l.seconds IS NOT NULL;
    SELECT k.* INTO verdict, counts, state, ended_as, cause, ended, names, vals, more
    FROM hpt_record.trial_told(p_study, p_number, p_attempt, 'report', p_names, p_values) k;
    IF verdict NOT IN ('running', 'differs') THEN
        RETURN;
    END IF;
    -- Of each name the newest chunk has the newest step.
    SELECT max(k.step), coalesce(max(k.chunk), -1) + 1 INTO newest, v_chunk
    FROM (SELECT unnest(p_names) UNION SELECT unnest(p_objectives) WHERE p_names && p_objectives) m (name)
    CROSS JOIN LATERAL (SELECT c.chunk, c.steps[cardinality(c.steps)] AS step FROM hpt_record.metric_chunk c
        WHERE c.study_id = p_study AND c.number = p_number AND c.attempt = p_attempt AND c.name = m.name
        ORDER BY c.chunk DESC LIMIT 1) k;
    IF newest >= p_step THEN
        SELECT array_agg(m.name ORDER BY m.name), array_agg(k.value ORDER BY m.name), bool_and(k.value = m.value)
        INTO v_known, v_there, v_same
        FROM unnest(p_names, p_values) m (name, value)
        JOIN LATERAL (SELECT p.value
            FROM hpt_record.metric_chunk c CROSS JOIN LATERAL unnest(c.steps, c.vals) p (step, value)
            WHERE c.study_id = p_study AND c.number = p_number AND c.attempt = p_attempt AND c.name = m.name
              AND p.step = p_step LIMIT 1) k ON true;
    END IF;
    IF NOT v_same THEN
        verdict := 'differs';
        names := v_known;
        vals := v_there;
    ELSIF cardinality(v_known) = cardinality(p_names) THEN
        verdict := 'again';
    ELSIF verdict = 'differs' THEN
        verdict := 'ended';
    ELSIF newest > p_step THEN
        verdict := 'order';
    ELSE
        verdict := 'done';
        INSERT INTO hpt_record.metric_chunk
        SELECT p_study, p_number, p_attempt, m.name, v_chunk, ARRAY[p_step], ARRAY[m.value]
        FROM unnest(p_names, p_values) m (name, value)
        WHERE v_known IS NULL OR m.name <> ALL (v_known);
    END IF;
    IF verdict NOT IN ('done', 'again') OR p_objectives IS NULL THEN
        RETURN;
    END IF;
    SELECT a.id, coalesce(e.fold, 0), coalesce(e.repeat, 0) INTO attempt_id, fold, repeat
    FROM hpt_record.attempt a LEFT JOIN hpt_record.evaluation e USING (study_id, number, evaluation)
    WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt;
    SELECT coalesce(max(p.place), -1) INTO decided FROM hpt_record.pruning p
    WHERE p.study_id = p_study AND p.number = p_number AND p.attempt = p_attempt AND p.kind = 'step';
    SELECT array_agg(x.name), array_agg(x.step), array_agg(x.value) INTO curve_names, curve_steps, curve_vals
    FROM (SELECT c.name, p.step, p.value
          FROM hpt_record.metric_chunk c CROSS JOIN LATERAL unnest(c.steps, c.vals) WITH ORDINALITY p (step, value, n)
          WHERE c.study_id = p_study AND c.number = p_number AND c.attempt = p_attempt AND c.name = ANY (p_objectives)
          ORDER BY c.chunk, p.n, c.name) x;
END $$;

-- Records a decision about a report of an attempt that was given out, as prune_decide does. One to stop ends the attempt,
-- with the last number of each name that it reported. true: stop, by this decision or by the one that was there before.
CREATE FUNCTION hpt_record.report_decide(p_study bigint, p_number bigint, p_attempt integer, p_kind text,
    p_place bigint, p_rule text, p_stop boolean, p_value double precision, p_threshold double precision,
    p_compared bigint, p_reason text, p_peers bigint[], p_peer_vals double precision[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
    v_said    hpt_record.pruning;
    v_names   text[];
    v_values  double precision[];
    v_n       integer;
BEGIN
    PERFORM hpt_record.prune_decide(p_study, p_number, p_attempt, p_kind, p_place, p_rule, p_stop, p_value, p_threshold,
                                    p_compared, p_reason, p_peers, p_peer_vals);
    SELECT p.* INTO STRICT v_said FROM hpt_record.pruning p
    WHERE p.study_id = p_study AND p.number = p_number AND p.attempt = p_attempt AND p.kind = p_kind AND p.place = p_place;
    IF NOT v_said.stop THEN
        RETURN false;
    END IF;
    PERFORM pg_catalog.set_config('synchronous_commit', 'on', true); -- a decision to go on does not wait for the disk
    SELECT a.* INTO STRICT v_attempt FROM hpt_record.attempt a
    WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt;
    SELECT array_agg(m.name ORDER BY m.name), array_agg(m.value ORDER BY m.name), count(*) INTO v_names, v_values, v_n
    FROM (SELECT DISTINCT ON (c.name) c.name, c.vals[cardinality(c.vals)] AS value FROM hpt_record.metric_chunk c
          WHERE c.study_id = p_study AND c.number = p_number AND c.attempt = p_attempt
          ORDER BY c.name, c.chunk DESC) m;
    PERFORM hpt_record.trial_finish(p_study, v_attempt.worker_id, v_attempt.id, 'pruned', 1, 1,
        split_part(v_said.rule, ':', 1) || ': ' || v_said.reason,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        v_names, v_values, array_fill('report'::text, ARRAY[v_n]), array_fill('tell'::text, ARRAY[v_n]),
        array_fill(NULL::bigint, ARRAY[v_n]), 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{}', '{}', '{}', '{}', NULL, NULL, 60);
    RETURN true;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
