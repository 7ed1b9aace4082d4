-- Trials that are more than one run: folds, repeats, rungs of a budget; the decisions that stop or
-- promote them; what ends a study besides its total.

-- One run of the command for a trial. A trial of a plain study has no row here. Numbered
-- rung × (folds × repeats) + repeat × folds + fold, so that the same fold has the same place in every
-- trial.
CREATE TABLE hpt_record.evaluation (
    study_id       bigint NOT NULL,
    number         bigint NOT NULL,
    evaluation     integer NOT NULL CHECK (evaluation >= 0),
    rung           integer NOT NULL,
    budget         double precision, -- NULL: the study has none
    last           boolean NOT NULL, -- the trial is complete after this rung
    fold           integer NOT NULL,
    repeat         integer NOT NULL,
    seed           bigint,
    state          text NOT NULL REFERENCES hpt_record.trial_state,
    held           boolean NOT NULL, -- waits for those before it, not for a worker
    attempt        integer,          -- the newest, which counts in the end
    resume_number  bigint,           -- the attempt whose folder it goes on from
    resume_attempt integer,
    PRIMARY KEY (study_id, number, evaluation),
    FOREIGN KEY (study_id, number) REFERENCES hpt_record.trial
) WITH (fillfactor = 80);
CREATE INDEX evaluation_held ON hpt_record.evaluation (study_id, number, evaluation) WHERE held;

-- The numbers of one evaluation; their means are in hpt_record.metric.
CREATE TABLE hpt_record.evaluation_metric (
    study_id    bigint NOT NULL,
    number      bigint NOT NULL,
    attempt     integer NOT NULL,
    name        text NOT NULL,
    value       double precision NOT NULL,
    rule        text NOT NULL,
    source      text NOT NULL,
    byte_offset bigint,
    PRIMARY KEY (study_id, number, attempt, name),
    FOREIGN KEY (study_id, number, attempt) REFERENCES hpt_record.attempt
);

-- A rung that a trial has ended, with its objectives in the study's order; NULL: it did not pass.
CREATE TABLE hpt_record.rung (
    study_id bigint NOT NULL,
    number   bigint NOT NULL,
    rung     integer NOT NULL,
    vals     double precision[],
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (study_id, number, rung),
    FOREIGN KEY (study_id, number) REFERENCES hpt_record.trial
);

-- What pruners by step compare: a trial's objectives when it came to a level, and its best until then.
CREATE TABLE hpt_record.observation (
    study_id bigint NOT NULL,
    level    bigint NOT NULL,
    part     integer NOT NULL, -- fold and repeat: like is compared with like
    number   bigint NOT NULL,
    attempt  integer NOT NULL,
    step     bigint NOT NULL,
    vals     double precision[] NOT NULL,
    best     double precision[] NOT NULL,
    PRIMARY KEY (study_id, level, part, number)
);

-- Every decision of a pruner, with what it compared (of many peers those nearest the threshold).
CREATE TABLE hpt_record.pruning (
    study_id   bigint NOT NULL,
    number     bigint NOT NULL,
    attempt    integer NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('step', 'rung', 'fold')),
    place      bigint NOT NULL, -- the step, the rung, or how many evaluations were done
    rule       text NOT NULL,
    stop       boolean NOT NULL,
    value      double precision,
    threshold  double precision,
    compared   bigint NOT NULL,
    reason     text,
    peers      bigint[] NOT NULL,
    peer_vals  double precision[] NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (study_id, number, attempt, kind, place)
);

-- ---- evaluations ----

-- What a worker has to know of an evaluation; NULL: there is none, the trial is one run.
CREATE FUNCTION hpt_record.evaluation_part(p_study bigint, p_number bigint, p_evaluation integer)
RETURNS jsonb
LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT jsonb_build_object(
        'evaluation', e.evaluation, 'rung', e.rung, 'budget', e.budget, 'last', e.last, 'fold', e.fold,
        'repeat', e.repeat, 'resume_trial', e.resume_number, 'resume_attempt', e.resume_attempt,
        'parent', t.parent, 'parent_config', (SELECT convert_from(p.config, 'UTF8')
            FROM hpt_record.trial p WHERE p.study_id = t.study_id AND p.number = t.parent))
    FROM hpt_record.evaluation e JOIN hpt_record.trial t USING (study_id, number)
    WHERE e.study_id = p_study AND e.number = p_number AND e.evaluation = p_evaluation
$$;

-- Makes the evaluations of one rung. p_plan: {"evaluations": in a rung, "folds": of them per repeat,
-- "release": to start with (the others are held), "budgets": [of each rung]}. The first one is the
-- caller's to run: its number is returned.
CREATE FUNCTION hpt_record.evaluations_make(p_study bigint, p_number bigint, p_rung integer, p_plan jsonb,
    p_donor bigint)
RETURNS integer
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_n       integer := (p_plan ->> 'evaluations')::integer;
    v_folds   integer := (p_plan ->> 'folds')::integer;
    v_release integer := (p_plan ->> 'release')::integer;
    v_rungs   integer := coalesce(jsonb_array_length(p_plan -> 'budgets'), 0);
BEGIN
    INSERT INTO hpt_record.evaluation
    SELECT p_study, p_number, p_rung * v_n + i, p_rung, (p_plan -> 'budgets' ->> p_rung)::double precision,
           p_rung >= v_rungs - 1, i % v_folds, i / v_folds, NULL, 'waiting', i >= v_release, NULL,
           d.number, d.attempt
    FROM generate_series(0, v_n - 1) i
    LEFT JOIN hpt_record.evaluation d
        ON d.study_id = p_study AND d.number = p_donor AND d.evaluation = (p_rung - 1) * v_n + i;
    INSERT INTO hpt_record.queue
    SELECT p_study, p_number, p_rung * v_n + i FROM generate_series(1, v_release - 1) i;
    RETURN p_rung * v_n;
END $$;

-- The evaluations of a new trial. p_plan as above, and "first": [the rung that trials 0, 1, … begin at,
-- again and again], or "child": the trial that this one is made from, "rung": where it begins, "replaces":
-- the trial whose place it takes.
CREATE FUNCTION hpt_record.evaluations_begin(p_study bigint, p_number bigint, p_plan jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_rung integer := 0;
BEGIN
    IF p_plan ? 'child' THEN
        v_rung := (p_plan ->> 'rung')::integer;
    ELSIF p_plan ? 'first' THEN
        v_rung := (p_plan -> 'first' ->> (p_number % jsonb_array_length(p_plan -> 'first'))::integer)::integer;
    END IF;
    UPDATE hpt_record.trial t SET rung = v_rung, parent = (p_plan ->> 'child')::bigint,
                                  replaces = (p_plan ->> 'replaces')::bigint
    WHERE t.study_id = p_study AND t.number = p_number;
    RETURN hpt_record.evaluations_make(p_study, p_number, v_rung, p_plan, (p_plan ->> 'child')::bigint);
END $$;

-- A place is taken once: where another worker was first, the new trial is one like any other.
CREATE FUNCTION hpt_record.child_plan(p_study bigint, p_plan jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    PERFORM FROM hpt_record.trial t
    WHERE t.study_id = p_study AND t.number = (p_plan ->> 'replaces')::bigint FOR UPDATE;
    RETURN CASE WHEN EXISTS (SELECT FROM hpt_record.trial c WHERE c.study_id = p_study
                             AND c.replaces = (p_plan ->> 'replaces')::bigint)
           THEN p_plan - 'child' - 'rung' - 'replaces' ELSE p_plan END;
END $$;

-- A trial that is paused goes on with the next rung; false: somebody else was first.
CREATE FUNCTION hpt_record.trial_promote(p_study bigint, p_plan jsonb) RETURNS boolean
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_number bigint := (p_plan ->> 'promote')::bigint;
    v_rung   integer := (p_plan ->> 'rung')::integer;
BEGIN
    PERFORM FROM hpt_record.trial t
    WHERE t.study_id = p_study AND t.number = v_number AND t.state = 'pruned' AND t.rung = v_rung - 1
      AND EXISTS (SELECT FROM hpt_record.rung r WHERE r.study_id = p_study AND r.number = v_number
                  AND r.rung = v_rung - 1 AND r.vals IS NOT NULL)
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE hpt_record.trial t SET state = 'running', rung = v_rung, cause = NULL
    WHERE t.study_id = p_study AND t.number = v_number;
    PERFORM hpt_record.evaluations_make(p_study, v_number, v_rung, p_plan, v_number);
    RETURN true;
END $$;

-- The means of a rung over its complete evaluations become the metrics of the trial.
CREATE FUNCTION hpt_record.evaluations_mean(p_study bigint, p_number bigint) RETURNS void
LANGUAGE sql SET search_path = '' AS $$
    INSERT INTO hpt_record.metric
    SELECT p_study, p_number, t.attempt, m.name, avg(m.value ORDER BY e.evaluation), 'mean', 'evaluations',
           NULL, count(*), stddev_samp(m.value ORDER BY e.evaluation) / sqrt(count(*))
    FROM hpt_record.trial t
    JOIN hpt_record.evaluation e USING (study_id, number)
    JOIN hpt_record.evaluation_metric m
        ON m.study_id = e.study_id AND m.number = e.number AND m.attempt = e.attempt
    WHERE t.study_id = p_study AND t.number = p_number AND e.rung = t.rung AND e.state = 'complete'
    GROUP BY t.attempt, m.name
    ON CONFLICT (study_id, number, attempt, name)
        DO UPDATE SET value = excluded.value, n = excluded.n, se = excluded.se
$$;

-- The rung of a trial is over. The objectives are those of the trial's metrics, in the study's order.
CREATE FUNCTION hpt_record.rung_end(p_study bigint, p_number bigint, p_passed boolean) RETURNS void
LANGUAGE sql SET search_path = '' AS $$
    INSERT INTO hpt_record.rung (study_id, number, rung, vals)
    SELECT p_study, p_number, t.rung,
           CASE WHEN p_passed THEN (
               SELECT array_agg(m.value ORDER BY o.ordinality)
               FROM hpt_record.definition d
               CROSS JOIN LATERAL jsonb_array_elements(d.body -> 'metrics') WITH ORDINALITY o
               JOIN hpt_record.metric m ON m.study_id = t.study_id AND m.number = t.number
                   AND m.attempt = t.attempt AND m.name = o.value ->> 'name'
               WHERE d.study_id = t.study_id AND d.version = t.definition
                 AND o.value ->> 'direction' IN ('min', 'max')) END
    FROM hpt_record.trial t WHERE t.study_id = p_study AND t.number = p_number
    ON CONFLICT DO NOTHING
$$;

-- Ends a trial whatever of it still runs or waits: those are cancelled, and their workers find the
-- leases gone. The caller holds the trial's row.
CREATE FUNCTION hpt_record.trial_end(p_study bigint, p_number bigint, p_state text, p_cause text)
RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE hpt_record.attempt a SET outcome = 'cancelled', cause = 'the trial has ended',
                                    ended_at = clock_timestamp()
    WHERE a.study_id = p_study AND a.number = p_number AND a.outcome IS NULL;
    DELETE FROM hpt_record.lease l WHERE l.study_id = p_study AND l.number = p_number;
    DELETE FROM hpt_record.queue q WHERE q.study_id = p_study AND q.number = p_number;
    UPDATE hpt_record.evaluation e SET state = 'cancelled', held = false
    WHERE e.study_id = p_study AND e.number = p_number AND e.state IN ('waiting', 'running');
    PERFORM hpt_record.evaluations_mean(p_study, p_number);
    PERFORM hpt_record.rung_end(p_study, p_number, false);
    UPDATE hpt_record.trial t SET state = p_state, cause = p_cause
    WHERE t.study_id = p_study AND t.number = p_number;
END $$;

-- The next evaluation that is held may run.
CREATE FUNCTION hpt_record.evaluation_release(p_study bigint, p_number bigint) RETURNS void
LANGUAGE sql SET search_path = '' AS $$
    WITH next AS (
        UPDATE hpt_record.evaluation e SET held = false
        WHERE e.study_id = p_study AND e.number = p_number AND e.held
          AND e.evaluation = (SELECT min(h.evaluation) FROM hpt_record.evaluation h
                              WHERE h.study_id = p_study AND h.number = p_number AND h.held)
        RETURNING e.study_id, e.number, e.evaluation)
    INSERT INTO hpt_record.queue SELECT * FROM next
$$;

-- An attempt at an evaluation has ended (p_requeue: and is in the queue again): what that means for
-- the trial. requeued | more | paused | done, see trial_finish.
CREATE FUNCTION hpt_record.evaluation_end(p_attempt hpt_record.attempt, p_requeue boolean) RETURNS text
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_trial hpt_record.trial;
    v_part  hpt_record.evaluation;
BEGIN
    SELECT * INTO STRICT v_trial FROM hpt_record.trial t
    WHERE t.study_id = p_attempt.study_id AND t.number = p_attempt.number FOR UPDATE;
    UPDATE hpt_record.evaluation e SET state = CASE WHEN p_requeue THEN 'waiting' ELSE p_attempt.outcome END
    WHERE e.study_id = p_attempt.study_id AND e.number = p_attempt.number
      AND e.evaluation = p_attempt.evaluation
    RETURNING * INTO STRICT v_part;
    IF NOT p_requeue AND p_attempt.outcome <> 'complete' THEN
        PERFORM hpt_record.trial_end(v_trial.study_id, v_trial.number, p_attempt.outcome,
            concat_ws(', ', 'fold ' || v_part.fold || ' of repeat ' || v_part.repeat,
                      'budget ' || v_part.budget) || ': ' || coalesce(p_attempt.cause, p_attempt.outcome));
        RETURN 'done';
    END IF;
    IF NOT p_requeue AND NOT EXISTS (SELECT FROM hpt_record.evaluation e
                                     WHERE e.study_id = v_trial.study_id AND e.number = v_trial.number
                                       AND e.rung = v_trial.rung AND e.state <> 'complete') THEN
        PERFORM hpt_record.evaluations_mean(v_trial.study_id, v_trial.number);
        PERFORM hpt_record.rung_end(v_trial.study_id, v_trial.number, true);
        UPDATE hpt_record.trial t
        SET state = CASE WHEN v_part.last THEN 'complete' ELSE 'pruned' END,
            cause = CASE WHEN NOT v_part.last THEN 'paused at budget ' || v_part.budget END
        WHERE t.study_id = v_trial.study_id AND t.number = v_trial.number;
        RETURN CASE WHEN v_part.last THEN 'done' ELSE 'paused' END;
    END IF;
    UPDATE hpt_record.trial t
    SET state = CASE WHEN EXISTS (SELECT FROM hpt_record.lease l
                                  WHERE l.study_id = t.study_id AND l.number = t.number)
                THEN 'running' ELSE 'waiting' END
    WHERE t.study_id = v_trial.study_id AND t.number = v_trial.number;
    RETURN CASE WHEN p_requeue THEN 'requeued' ELSE 'more' END;
END $$;

-- The regular files of an attempt, to go on from.
CREATE FUNCTION hpt_record.attempt_files(p_study bigint, p_number bigint, p_attempt integer)
RETURNS TABLE (path bytea, digest bytea, size bigint, mode integer, bytes bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT f.path, f.digest, coalesce(o.size, f.full_size), f.mode, o.bytes
    FROM hpt_record.artefact f LEFT JOIN hpt_record.object o ON o.digest = f.digest
    WHERE f.study_id = p_study AND f.number = p_number AND f.attempt = p_attempt AND f.kind = 'file'
    ORDER BY f.path
$$;

-- ---- pruning ----

-- Keeps what a running trial shows at a level and tells what the others showed there.
CREATE FUNCTION hpt_record.prune_observe(p_attempt uuid, p_level bigint, p_part integer, p_step bigint,
    p_vals double precision[], p_best double precision[])
RETURNS TABLE (trial bigint, complete boolean, vals double precision[], best double precision[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
BEGIN
    PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    SELECT * INTO v_attempt FROM hpt_record.attempt a WHERE a.id = p_attempt AND a.outcome IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO hpt_record.observation
    VALUES (v_attempt.study_id, p_level, p_part, v_attempt.number, v_attempt.attempt, p_step, p_vals, p_best)
    ON CONFLICT (study_id, level, part, number) DO UPDATE
        SET attempt = excluded.attempt, step = excluded.step, vals = excluded.vals, best = excluded.best;
    RETURN QUERY
        SELECT o.number, t.state = 'complete', o.vals, o.best
        FROM hpt_record.observation o
        JOIN hpt_record.trial t ON t.study_id = o.study_id AND t.number = o.number
        WHERE o.study_id = v_attempt.study_id AND o.level = p_level AND o.part = p_part
          AND o.number <> v_attempt.number
        ORDER BY o.number;
END $$;

-- Records a decision. One of kind fold ends the trial (true: it has) or lets its next evaluation run;
-- should its worker die before it comes to that, lease_reap lets it run.
CREATE FUNCTION hpt_record.prune_decide(p_study bigint, p_number bigint, p_attempt integer, p_kind text,
    p_place bigint, p_rule text, p_stop boolean, p_value double precision, p_threshold double precision,
    p_compared bigint, p_reason text, p_peers bigint[], p_peer_vals double precision[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO hpt_record.pruning VALUES (p_study, p_number, p_attempt, p_kind, p_place, p_rule, p_stop,
        p_value, p_threshold, p_compared, p_reason, p_peers, p_peer_vals)
    ON CONFLICT DO NOTHING;
    IF p_kind <> 'fold' OR NOT FOUND THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
        RETURN false;
    END IF;
    PERFORM FROM hpt_record.trial t
    WHERE t.study_id = p_study AND t.number = p_number AND t.state IN ('running', 'waiting') FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_stop THEN
        PERFORM hpt_record.trial_end(p_study, p_number, 'pruned', split_part(p_rule, ':', 1) || ': ' || p_reason);
    ELSE
        PERFORM hpt_record.evaluation_release(p_study, p_number);
    END IF;
    RETURN p_stop;
END $$;

-- Every rung that any trial has ended; promoted: it has gone on, or another has taken its place. trials:
-- how many there are.
CREATE FUNCTION hpt_record.rung_results(p_study bigint)
RETURNS TABLE (trial bigint, rung integer, promoted boolean, vals double precision[], trials bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT r.number, r.rung,
           t.rung > r.rung OR EXISTS (SELECT FROM hpt_record.trial c
                                      WHERE c.study_id = p_study AND c.replaces = r.number),
           r.vals, n.trials
    FROM (SELECT count(*) AS trials FROM hpt_record.trial c WHERE c.study_id = p_study) n
    LEFT JOIN hpt_record.rung r ON r.study_id = p_study
    LEFT JOIN hpt_record.trial t ON t.study_id = p_study AND t.number = r.number
    ORDER BY r.number, r.rung
$$;

-- The objectives of a trial by evaluation (numbered within its rung), and those of the best complete
-- one. place: how many of its own are done.
CREATE FUNCTION hpt_record.fold_values(p_study bigint, p_number bigint)
RETURNS TABLE (own boolean, trial bigint, part integer, vals double precision[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.number = p_number, e.number, (row_number() OVER w)::integer - 1,
           CASE WHEN e.state = 'complete' THEN (
               SELECT array_agg(m.value ORDER BY o.ordinality)
               FROM hpt_record.definition d
               CROSS JOIN LATERAL jsonb_array_elements(d.body -> 'metrics') WITH ORDINALITY o
               JOIN hpt_record.evaluation_metric m ON m.study_id = e.study_id AND m.number = e.number
                   AND m.attempt = e.attempt AND m.name = o.value ->> 'name'
               WHERE d.study_id = t.study_id AND d.version = t.definition
                 AND o.value ->> 'direction' IN ('min', 'max')) END
    FROM hpt_record.trial t JOIN hpt_record.evaluation e USING (study_id, number)
    WHERE t.study_id = p_study AND e.rung = t.rung
      AND t.number IN (p_number, (SELECT k.number FROM (
              SELECT r.trial AS number FROM hpt.ranking r JOIN hpt_record.study s ON s.name = r.study
              WHERE s.id = p_study AND r.place <= 2 AND r.trial <> p_number ORDER BY r.place LIMIT 1) k))
    WINDOW w AS (PARTITION BY e.number ORDER BY e.evaluation)
    ORDER BY 1 DESC, 2, 3;
END $$;

-- ---- what ends a study ----

-- Do all of these hold for a trial? p_goals: [{"name", "op": "le" or "ge", "value"}].
CREATE FUNCTION hpt_record.trial_meets(p_study bigint, p_number bigint, p_goals jsonb) RETURNS boolean
LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT NOT EXISTS (
        SELECT FROM jsonb_to_recordset(p_goals) g (name text, op text, value double precision)
        WHERE NOT EXISTS (
            SELECT FROM hpt_record.trial t
            JOIN hpt_record.metric m USING (study_id, number, attempt)
            WHERE t.study_id = p_study AND t.number = p_number AND t.state = 'complete'
              AND m.name = g.name
              AND CASE g.op WHEN 'le' THEN m.value <= g.value ELSE m.value >= g.value END))
$$;

-- An attempt has ended: adds what it used to its worker, and sees whether the goal is reached.
CREATE FUNCTION hpt_record.study_spent(p_attempt hpt_record.attempt, p_names text[],
    p_values double precision[])
RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_limits jsonb;
BEGIN
    SELECT s.limits INTO v_limits FROM hpt_record.study s WHERE s.id = p_attempt.study_id;
    IF v_limits = '{}' THEN
        RETURN;
    END IF;
    -- One end after the other: the next one sees what this one has used.
    PERFORM FROM hpt_record.study s WHERE s.id = p_attempt.study_id FOR UPDATE;
    UPDATE hpt_record.worker w
    SET cpu_us = w.cpu_us + coalesce(p_attempt.user_us + p_attempt.system_us, 0),
        cost = w.cost + coalesce((SELECT m.value FROM unnest(p_names, p_values) m (name, value)
                                  WHERE m.name = v_limits -> 'cost' ->> 'name' AND m.value > 0), 0)
    WHERE w.id = p_attempt.worker_id;
    IF v_limits ? 'until' AND p_attempt.outcome = 'complete'
       AND hpt_record.trial_meets(p_attempt.study_id, p_attempt.number, v_limits -> 'until') THEN
        UPDATE hpt_record.study s SET stopped = 'trial ' || p_attempt.number || ' reached the goal'
        WHERE s.id = p_attempt.study_id AND s.stopped IS NULL;
    END IF;
END $$;

-- How many complete trials have ended since the best value, less its standard error, was first there.
CREATE FUNCTION hpt_record.study_stall(p_study bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
    RETURN (
    WITH ranked AS (
        SELECT r.trial, r.place, r.value, r.direction, a.ended_at, coalesce(m.se, 0) AS se
        FROM hpt.ranking r
        JOIN hpt_record.study s ON s.name = r.study
        JOIN hpt_record.trial t ON t.study_id = s.id AND t.number = r.trial
        JOIN hpt_record.attempt a ON a.study_id = s.id AND a.number = t.number AND a.attempt = t.attempt
        JOIN hpt_record.metric m ON m.study_id = s.id AND m.number = t.number AND m.attempt = t.attempt
            AND m.name = r.name
        WHERE s.id = p_study),
    first AS (
        SELECT min(r.ended_at) AS ended_at FROM ranked r, ranked b
        WHERE b.place = 1 AND CASE b.direction WHEN 'min' THEN r.value <= b.value + b.se
                                               ELSE r.value >= b.value - b.se END)
    SELECT count(*) FROM ranked r, first f WHERE r.ended_at > f.ended_at);
END $$;

-- Why no more of this study is to be started, or NULL; found out once, then kept.
CREATE FUNCTION hpt_record.study_stop(p_study bigint) RETURNS text
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_study  hpt_record.study;
    v_reason text;
BEGIN
    SELECT * INTO v_study FROM hpt_record.study s WHERE s.id = p_study;
    IF v_study.stopped IS NOT NULL OR v_study.limits = '{}' THEN
        RETURN v_study.stopped;
    END IF;
    SELECT s.stopped INTO v_reason FROM hpt_record.study s WHERE s.id = p_study FOR UPDATE;
    IF v_reason IS NOT NULL THEN
        RETURN v_reason;
    END IF;
    SELECT CASE
        WHEN sum(w.cpu_us) >= (v_study.limits ->> 'cpu_us')::bigint THEN 'the CPU time is used up'
        WHEN sum(w.cost) >= (v_study.limits -> 'cost' ->> 'max')::double precision
            THEN 'the budget of ' || (v_study.limits -> 'cost' ->> 'name') || ' is used up'
        WHEN clock_timestamp() - min(w.started_at)
             >= make_interval(secs => (v_study.limits ->> 'wall_us')::bigint / 1e6::double precision)
            THEN 'the time is over' END
    INTO v_reason FROM hpt_record.worker w WHERE w.study_id = p_study;
    IF v_reason IS NULL AND hpt_record.study_stall(p_study) >= (v_study.limits ->> 'stall')::bigint THEN
        v_reason := 'no improvement in ' || (v_study.limits ->> 'stall') || ' trials';
    END IF;
    IF v_reason IS NOT NULL THEN
        UPDATE hpt_record.study s SET stopped = v_reason WHERE s.id = p_study AND s.stopped IS NULL;
    END IF;
    RETURN v_reason;
END $$;

-- New limits, and a fresh look at whether they are reached. p_limits: {"until": goals as in
-- trial_meets, "cpu_us", "wall_us" (since the first worker began), "cost": {"name", "max"}, "stall"}, each
-- optional. Returns why nothing more is started, or NULL.
CREATE FUNCTION hpt_record.study_set_limits(p_study bigint, p_limits jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_number bigint;
BEGIN
    UPDATE hpt_record.study s SET limits = p_limits, stopped = NULL
    WHERE s.id = p_study AND s.limits IS DISTINCT FROM p_limits;
    IF FOUND AND p_limits ? 'until' THEN
        SELECT min(t.number) INTO v_number FROM hpt_record.trial t
        WHERE t.study_id = p_study AND t.state = 'complete'
          AND hpt_record.trial_meets(p_study, t.number, p_limits -> 'until');
        UPDATE hpt_record.study s SET stopped = 'trial ' || v_number || ' reached the goal'
        WHERE s.id = p_study AND v_number IS NOT NULL;
    END IF;
    RETURN hpt_record.study_stop(p_study);
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
