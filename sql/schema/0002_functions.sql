-- Everything that writes. Each function is one statement and one commit for its caller, may be sent
-- again after a lost reply, and needs nothing from the session (poolers).

-- A name for SQL users: what is not a letter, digit or _ becomes _, folded to lower case, so that
-- it needs no quotes.
CREATE FUNCTION hpt_record.plain_name(p_name text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN left(CASE WHEN p_name ~ '^[0-9]' THEN '_' ELSE '' END
            || lower(regexp_replace(p_name, '[^A-Za-z0-9_]', '_', 'g')), 56);

-- Words that SQL keeps for itself: as a column or a view they would need quotes.
CREATE FUNCTION hpt_record.is_reserved(p_name text) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM pg_catalog.pg_get_keywords() k WHERE k.word = p_name AND k.catcode IN ('R', 'T'));

-- (Re)makes the wide view of a study: one column per parameter and declared metric, typed.
CREATE FUNCTION hpt_record.study_make_view(p_study bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_view    text;
    v_body    jsonb;
    v_item    record;
    v_column  text;
    v_taken   text[] := ARRAY['trial', 'state', 'feasible', 'seconds', 'attempt', 'seed', 'cause',
                              'origin', 'started', 'ended', 'host', 'config_hash'];
    v_columns text := '';
    v_joins   text := '';
    v_bounds  text := 'true';
    v_n       integer := 0;
    v_suffix  integer;
    v_base    text;
    v_parts   boolean; -- trials have evaluations
BEGIN
    SELECT s.view_name, d.body INTO STRICT v_view, v_body
    FROM hpt_record.study s JOIN hpt_record.definition d ON d.study_id = s.id
    WHERE s.id = p_study ORDER BY d.version DESC LIMIT 1;
    DELETE FROM hpt_record.wide_column WHERE study_id = p_study;
    v_parts := coalesce((v_body ->> 'evaluations')::integer, 1) > 1 OR v_body ? 'budget';
    IF v_parts THEN
        v_taken := v_taken || ARRAY['budget', 'evaluations'];
    END IF;

    FOR v_item IN
        SELECT 'metric' AS kind, m.value ->> 'name' AS name, 'double precision' AS type,
               m.value ->> 'direction' AS direction, m.value ->> 'bound' AS bound, 1 AS part, m.ordinality
        FROM jsonb_array_elements(v_body -> 'metrics') WITH ORDINALITY m
        UNION ALL
        SELECT 'param', p.value ->> 'name',
               CASE p.value ->> 'type' WHEN 'real' THEN 'double precision' WHEN 'integer' THEN 'bigint'
                    ELSE 'text' END, NULL, NULL, 2, p.ordinality
        FROM jsonb_array_elements(v_body -> 'parameters') WITH ORDINALITY p
        ORDER BY part, ordinality
    LOOP
        v_column := hpt_record.plain_name(v_item.name);
        IF v_column = ANY (v_taken) OR hpt_record.is_reserved(v_column) THEN
            v_column := left(v_item.kind, 1) || '_' || v_column;
        END IF;
        v_base := v_column;
        v_suffix := 2;
        WHILE v_column = ANY (v_taken) LOOP
            v_column := v_base || '_' || v_suffix;
            v_suffix := v_suffix + 1;
        END LOOP;
        v_taken := v_taken || v_column;
        v_n := v_n + 1;
        -- A view has 1,664 columns at most; the rest is in hpt.param and hpt.metric.
        EXIT WHEN v_n > 1500;
        INSERT INTO hpt_record.wide_column VALUES (p_study, v_n, v_column, v_item.kind, v_item.name);
        IF v_item.kind = 'metric' THEN
            v_columns := v_columns || format(', m%s.value AS %I', v_n, v_column);
            v_joins := v_joins || format(
                ' LEFT JOIN hpt_record.metric m%1$s ON m%1$s.study_id = t.study_id'
                ' AND m%1$s.number = t.number AND m%1$s.attempt = t.attempt AND m%1$s.name = %2$L',
                v_n, v_item.name);
            IF v_item.direction IN ('le', 'ge') THEN
                v_bounds := v_bounds || format(' AND m%s.value %s %L::double precision', v_n,
                    CASE v_item.direction WHEN 'le' THEN '<=' ELSE '>=' END, v_item.bound);
            END IF;
            IF v_parts AND v_item.direction IN ('min', 'max') THEN
                v_base := left(v_column, 53) || '_se';
                IF v_base <> ALL (v_taken) THEN
                    v_taken := v_taken || v_base;
                    v_n := v_n + 1;
                    INSERT INTO hpt_record.wide_column VALUES (p_study, v_n, v_base, 'se', v_item.name);
                    v_columns := v_columns || format(', m%s.se AS %I', v_n - 1, v_base);
                END IF;
            END IF;
        ELSE
            v_columns := v_columns
                || format(', (t.params ->> %L)::%s AS %I', v_item.name, v_item.type, v_column);
        END IF;
    END LOOP;

    IF v_parts THEN
        INSERT INTO hpt_record.wide_column
        SELECT p_study, v_n + p.ordinality, p.name, 'part', p.name
        FROM unnest(ARRAY['budget', 'evaluations']) WITH ORDINALITY p (name, ordinality)
        WHERE p.name <> 'budget' OR v_body ? 'budget';
    END IF;
    EXECUTE format('DROP VIEW IF EXISTS hpt_study.%I', v_view);
    EXECUTE format(
        'CREATE VIEW hpt_study.%I AS SELECT t.number AS trial, t.state%s,'
        ' CASE WHEN t.state = ''complete'' THEN coalesce(%s, false) END AS feasible,'
        ' %s t.attempt, t.seed, coalesce(t.cause, a.cause) AS cause, t.origin,'
        ' a.started_at AS started, a.ended_at AS ended, w.host, encode(t.config_hash, ''hex'') AS config_hash'
        ' FROM hpt_record.trial t'
        ' JOIN hpt_record.attempt a ON a.study_id = t.study_id AND a.number = t.number'
        ' AND a.attempt = t.attempt'
        ' JOIN hpt_record.worker w ON w.id = a.worker_id%s WHERE t.study_id = %s',
        v_view, v_columns, v_bounds,
        CASE WHEN v_parts THEN
            '(SELECT sum(x.wall_us) / 1e6::double precision FROM hpt_record.attempt x'
            ' WHERE x.study_id = t.study_id AND x.number = t.number) AS seconds,'
            '(SELECT count(*) FROM hpt_record.evaluation e WHERE e.study_id = t.study_id'
            ' AND e.number = t.number AND e.state = ''complete'') AS evaluations,'
            '(SELECT max(e.budget) FROM hpt_record.evaluation e WHERE e.study_id = t.study_id'
            ' AND e.number = t.number AND e.rung = t.rung) AS budget,'
        ELSE 'a.wall_us / 1e6::double precision AS seconds,' END,
        v_joins, p_study);
    FOR v_column IN SELECT rolname FROM pg_catalog.pg_roles
                    WHERE rolname IN ('hpt_reader', 'hpt_writer', 'hpt_auditor') LOOP
        EXECUTE format('GRANT SELECT ON hpt_study.%I TO %I', v_view, v_column);
    END LOOP;
END $$;

-- Makes a study. NULL: one of that name was there already (read it and compare).
CREATE FUNCTION hpt_record.study_create(p_name text, p_seed bigint, p_total bigint, p_definition bytea)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_id     bigint;
    v_base   text := hpt_record.plain_name(p_name);
    v_view   text := v_base;
    v_suffix integer := 2;
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1752199284, 1);
    IF EXISTS (SELECT FROM hpt_record.study WHERE name = p_name) THEN
        RETURN NULL;
    END IF;
    -- The catalogue and the views of schema hpt come first in the search path.
    WHILE hpt_record.is_reserved(v_view)
          OR to_regclass(format('pg_catalog.%I', v_view)) IS NOT NULL
          OR EXISTS (SELECT FROM hpt_record.study WHERE view_name = v_view)
          OR to_regclass(format('hpt.%I', v_view)) IS NOT NULL LOOP
        v_view := v_base || '_' || v_suffix;
        v_suffix := v_suffix + 1;
    END LOOP;
    INSERT INTO hpt_record.study (name, view_name, seed, total) VALUES (p_name, v_view, p_seed, p_total)
    RETURNING id INTO v_id;
    INSERT INTO hpt_record.definition (study_id, version, canonical, digest, body)
    VALUES (v_id, 1, p_definition, sha256(p_definition), convert_from(p_definition, 'UTF8')::jsonb);
    EXECUTE format('CREATE SEQUENCE hpt_record.trial_number_%s MINVALUE 0 START 0', v_id);
    PERFORM hpt_record.study_make_view(v_id);
    RETURN v_id;
END $$;

-- Adds version p_version; false: somebody else added it first.
CREATE FUNCTION hpt_record.study_extend(p_study bigint, p_version integer, p_definition bytea)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1752199284, 1);
    IF (SELECT max(version) FROM hpt_record.definition WHERE study_id = p_study)
       IS DISTINCT FROM p_version - 1 THEN
        RETURN false;
    END IF;
    INSERT INTO hpt_record.definition (study_id, version, canonical, digest, body)
    VALUES (p_study, p_version, p_definition, sha256(p_definition),
            convert_from(p_definition, 'UTF8')::jsonb);
    PERFORM hpt_record.study_make_view(p_study);
    RETURN true;
END $$;

CREATE FUNCTION hpt_record.study_set_total(p_study bigint, p_total bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE hpt_record.study SET total = p_total WHERE id = p_study AND total IS DISTINCT FROM p_total
$$;

CREATE FUNCTION hpt_record.worker_start(p_worker uuid, p_study bigint, p_host text, p_boot_id text,
    p_pid_namespace text, p_pid integer, p_pid_started bigint, p_launcher jsonb, p_tool_version text,
    p_environment bytea)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    INSERT INTO hpt_record.environment (digest, canonical, body)
    VALUES (sha256(p_environment), p_environment, convert_from(p_environment, 'UTF8')::jsonb)
    ON CONFLICT DO NOTHING;
    INSERT INTO hpt_record.worker (id, study_id, host, boot_id, pid_namespace, pid, pid_started, launcher,
                                   tool_version)
    VALUES (p_worker, p_study, p_host, p_boot_id, p_pid_namespace, p_pid, p_pid_started, p_launcher,
            p_tool_version)
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION hpt_record.worker_end(p_worker uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE hpt_record.worker SET ended_at = clock_timestamp() WHERE id = p_worker AND ended_at IS NULL
$$;

-- A trial to run: one that waits, else one that p_plan promotes, else a new number below p_total,
-- else a number that an aborted transaction left unused, so that numbers have no gap and the total is
-- exact with any number of workers. outcome: trial | wait (others still run the last ones) | done.
-- Sent again with the same p_attempt it gives the same trial. p_plan: see evaluations_begin; NULL: a
-- trial is one run. part describes the evaluation: see evaluation_part; NULL: the trial has only one.
CREATE FUNCTION hpt_record.trial_reserve(p_study bigint, p_worker uuid, p_attempt uuid, p_total bigint,
    p_lease_s integer, p_plan jsonb DEFAULT NULL,
    OUT outcome text, OUT trial bigint, OUT attempt_number integer, OUT definition_version integer,
    OUT config_bytes bytea, OUT part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_sequence   regclass;
    v_new        boolean := false;
    v_evaluation integer := 0;
    v_promoted   boolean := false;
BEGIN
    outcome := 'trial';
    SELECT a.number, a.attempt, a.evaluation, t.definition, t.config
    INTO trial, attempt_number, v_evaluation, definition_version, config_bytes
    FROM hpt_record.attempt a JOIN hpt_record.trial t USING (study_id, number)
    WHERE a.id = p_attempt;
    IF FOUND THEN
        IF p_plan IS NOT NULL THEN
            part := hpt_record.evaluation_part(p_study, trial, v_evaluation);
        END IF;
        RETURN;
    END IF;
    v_evaluation := 0;
    IF hpt_record.study_stop(p_study) IS NOT NULL THEN
        outcome := 'done';
        RETURN;
    END IF;

    -- Two statements: a join with a limited subquery may run that more than once.
    SELECT w.number, w.evaluation INTO trial, v_evaluation
    FROM hpt_record.queue w
    WHERE w.study_id = p_study
      -- What else is run of a trial waits until its configuration is recorded.
      AND (w.evaluation = 0
           OR EXISTS (SELECT FROM hpt_record.trial t
                      WHERE t.study_id = p_study AND t.number = w.number AND t.config IS NOT NULL)
           OR NOT EXISTS (SELECT FROM hpt_record.lease l WHERE l.study_id = p_study AND l.number = w.number))
    ORDER BY w.study_id, w.number, w.evaluation LIMIT 1 FOR UPDATE SKIP LOCKED;
    DELETE FROM hpt_record.queue q
    WHERE q.study_id = p_study AND q.number = trial AND q.evaluation = v_evaluation;
    IF trial IS NULL AND p_plan ? 'promote' THEN
        v_promoted := hpt_record.trial_promote(p_study, p_plan);
        IF v_promoted THEN
            trial := (p_plan ->> 'promote')::bigint;
            v_evaluation := (p_plan ->> 'rung')::integer * (p_plan ->> 'evaluations')::integer;
        END IF;
    END IF;
    IF trial IS NOT NULL THEN
        UPDATE hpt_record.trial t SET state = 'running', attempt = t.attempt + 1
        WHERE t.study_id = p_study AND t.number = trial
        RETURNING t.attempt, t.definition, t.config INTO attempt_number, definition_version, config_bytes;
    ELSE
        v_evaluation := 0;
        IF p_plan ? 'child' THEN
            p_plan := hpt_record.child_plan(p_study, p_plan);
        END IF;
        v_sequence := format('hpt_record.trial_number_%s', p_study)::regclass;
        attempt_number := 1;
        -- Looking before taking a number keeps the sequence from running away at the end.
        WHILE trial IS NULL
              AND (p_total IS NULL OR coalesce(pg_sequence_last_value(v_sequence), -1) < p_total - 1) LOOP
            trial := nextval(v_sequence);
            EXIT WHEN trial >= p_total;
            INSERT INTO hpt_record.trial (study_id, number, state, attempt)
            VALUES (p_study, trial, 'running', 1) ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                trial := NULL;
            END IF;
        END LOOP;
        IF trial >= p_total THEN
            trial := NULL;
        END IF;
        IF trial IS NULL AND p_total > (SELECT count(*) FROM hpt_record.trial t
                                        WHERE t.study_id = p_study AND t.number < p_total) THEN
            -- Another worker may be inserting the same number: its commit or abort decides.
            FOR trial IN SELECT g.number FROM generate_series(0, p_total - 1) AS g (number)
                         WHERE NOT EXISTS (SELECT FROM hpt_record.trial t
                                           WHERE t.study_id = p_study AND t.number = g.number) LOOP
                INSERT INTO hpt_record.trial (study_id, number, state, attempt)
                VALUES (p_study, trial, 'running', 1) ON CONFLICT DO NOTHING;
                v_new := FOUND;
                EXIT WHEN v_new;
            END LOOP;
            IF NOT v_new THEN
                trial := NULL;
            END IF;
        END IF;
        IF trial IS NOT NULL AND p_plan ? 'evaluations' THEN
            v_evaluation := hpt_record.evaluations_begin(p_study, trial, p_plan);
        END IF;
    END IF;

    IF trial IS NULL THEN
        attempt_number := NULL;
        outcome := CASE WHEN EXISTS (SELECT FROM hpt_record.lease l WHERE l.study_id = p_study)
                          OR EXISTS (SELECT FROM hpt_record.queue q WHERE q.study_id = p_study)
                          OR EXISTS (SELECT FROM hpt_record.evaluation e WHERE e.study_id = p_study AND e.held)
                   THEN 'wait' ELSE 'done' END;
        RETURN;
    END IF;
    INSERT INTO hpt_record.attempt (study_id, number, attempt, id, evaluation, worker_id)
    VALUES (p_study, trial, attempt_number, p_attempt, v_evaluation, p_worker);
    INSERT INTO hpt_record.lease (study_id, number, evaluation, attempt, worker_id, until)
    VALUES (p_study, trial, v_evaluation, attempt_number, p_worker,
            clock_timestamp() + make_interval(secs => p_lease_s));
    IF p_plan IS NOT NULL THEN
        UPDATE hpt_record.evaluation e SET state = 'running', attempt = attempt_number
        WHERE e.study_id = p_study AND e.number = trial AND e.evaluation = v_evaluation;
        part := hpt_record.evaluation_part(p_study, trial, v_evaluation);
    END IF;
END $$;

-- What the trial is: recorded before its result is known, without waiting for the disk (the end
-- carries the same facts and makes them durable). false: the lease is gone, stop the trial.
CREATE FUNCTION hpt_record.trial_start(p_attempt uuid, p_definition integer, p_origin text, p_reason text,
    p_config bytea, p_seed bigint, p_slot integer, p_argv bytea[], p_environment bytea,
    p_part_seed bigint DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
BEGIN
    PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    UPDATE hpt_record.attempt a
    SET slot = p_slot, argv = p_argv, environment = p_environment, started_at = clock_timestamp()
    WHERE a.id = p_attempt AND a.outcome IS NULL
    RETURNING * INTO v_attempt;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE hpt_record.trial t
    SET definition = p_definition, origin = p_origin, reason = p_reason, config = p_config,
        config_hash = sha256(p_config), params = convert_from(p_config, 'UTF8')::jsonb, seed = p_seed
    WHERE t.study_id = v_attempt.study_id AND t.number = v_attempt.number
      AND t.config IS NULL;
    IF p_part_seed IS NOT NULL THEN
        UPDATE hpt_record.evaluation e SET seed = p_part_seed
        WHERE e.study_id = v_attempt.study_id AND e.number = v_attempt.number
          AND e.evaluation = v_attempt.evaluation;
    END IF;
    RETURN true;
END $$;

-- Points of one batch, a row a name; a batch that was stored before is left as it is. superseded:
-- names whose points of earlier batches were read from text and are reported now.
CREATE FUNCTION hpt_record.store_points(p_study bigint, p_number bigint, p_attempt integer, p_batch integer,
    p_names text[], p_steps bigint[], p_values double precision[], p_superseded text[])
RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF cardinality(p_superseded) > 0 THEN
        DELETE FROM hpt_record.metric_chunk c
        WHERE c.study_id = p_study AND c.number = p_number AND c.attempt = p_attempt
          AND c.name = ANY (p_superseded) AND c.chunk < p_batch;
    END IF;
    IF cardinality(p_names) > 0 THEN
        INSERT INTO hpt_record.metric_chunk
        SELECT p_study, p_number, p_attempt, p.name, p_batch, array_agg(p.step ORDER BY p.n),
               array_agg(p.value ORDER BY p.n)
        FROM unnest(p_names, p_steps, p_values) WITH ORDINALITY p (name, step, value, n)
        GROUP BY p.name
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- Points of a trial that still runs, without waiting for the disk: its end makes them durable.
-- false: the trial is not this worker's any more.
CREATE FUNCTION hpt_record.trial_points(p_attempt uuid, p_batch integer, p_names text[], p_steps bigint[],
    p_values double precision[], p_superseded text[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
BEGIN
    PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    SELECT * INTO v_attempt FROM hpt_record.attempt a WHERE a.id = p_attempt AND a.outcome IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM hpt_record.store_points(v_attempt.study_id, v_attempt.number, v_attempt.attempt, p_batch,
                                    p_names, p_steps, p_values, p_superseded);
    RETURN true;
END $$;

-- Ends an attempt with everything it left, in one transaction, and reserves the next trial when
-- p_next is given. An interrupted trial (cancelled) waits for its next attempt, and so does one that
-- was lost less than p_max_lost times or failed less than p_max_failed times. finished: done | requeued | again (was recorded before) |
-- fenced (the trial was taken from this worker, or ended elsewhere: nothing recorded); of a trial with
-- evaluations also more (others of its evaluations go on) | paused (it has ended a rung). Arrays of one
-- kind have one length.
CREATE FUNCTION hpt_record.trial_finish(p_study bigint, p_worker uuid, p_attempt uuid,
    p_outcome text, p_max_lost integer, p_max_failed integer, p_cause text,
    p_exit_status integer, p_signal integer, p_wall_us bigint, p_user_us bigint, p_system_us bigint,
    p_max_rss_bytes bigint, p_details jsonb,
    p_definition integer, p_origin text, p_reason text, p_config bytea, p_seed bigint, p_slot integer,
    p_argv bytea[], p_environment bytea,
    p_metric_names text[], p_metric_values double precision[], p_metric_rules text[],
    p_metric_sources text[], p_metric_offsets bigint[],
    p_batch integer, p_point_names text[], p_point_steps bigint[], p_point_values double precision[],
    p_superseded text[],
    p_object_digests bytea[], p_object_sizes bigint[], p_object_bytes bytea[],
    p_artefact_kinds text[], p_artefact_paths bytea[], p_artefact_digests bytea[],
    p_artefact_full_digests bytea[], p_artefact_full_sizes bigint[], p_artefact_modes bigint[],
    p_artefact_targets bytea[], p_artefact_notes text[],
    p_next uuid, p_total bigint, p_lease_s integer, p_plan jsonb DEFAULT NULL,
    p_part_seed bigint DEFAULT NULL,
    OUT finished text, OUT next_outcome text, OUT next_trial bigint, OUT next_attempt integer,
    OUT next_definition integer, OUT next_config bytea, OUT next_part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
    v_requeue boolean;
    v_rung    integer;
BEGIN
    -- The order of locks, here and in lease_reap: the trial, where others of its evaluations may end at
    -- this moment, the lease, the attempt.
    PERFORM FROM hpt_record.attempt a JOIN hpt_record.trial t USING (study_id, number)
    WHERE a.id = p_attempt AND t.rung IS NOT NULL FOR UPDATE OF t;
    PERFORM FROM hpt_record.attempt a JOIN hpt_record.lease l USING (study_id, number, evaluation)
    WHERE a.id = p_attempt AND l.attempt = a.attempt FOR UPDATE OF l;
    UPDATE hpt_record.attempt a
    SET outcome = p_outcome, cause = p_cause, exit_status = p_exit_status, signal = p_signal,
        wall_us = p_wall_us, user_us = p_user_us, system_us = p_system_us, max_rss_bytes = p_max_rss_bytes,
        details = p_details, slot = p_slot, argv = p_argv, environment = p_environment,
        ended_at = clock_timestamp()
    WHERE a.id = p_attempt AND a.outcome IS NULL
    RETURNING * INTO v_attempt;
    IF FOUND THEN
        v_requeue := p_outcome = 'cancelled'
            OR p_outcome IN ('lost', 'failed')
               AND CASE p_outcome WHEN 'lost' THEN p_max_lost ELSE p_max_failed END > (
                   SELECT count(*) FROM hpt_record.attempt a
                   WHERE a.study_id = v_attempt.study_id AND a.number = v_attempt.number
                     AND a.evaluation = v_attempt.evaluation AND a.outcome = p_outcome);
        finished := CASE WHEN v_requeue THEN 'requeued' ELSE 'done' END;
        UPDATE hpt_record.trial t
        SET state = CASE WHEN t.rung IS NOT NULL THEN t.state WHEN v_requeue THEN 'waiting'
                    ELSE p_outcome END,
            definition = coalesce(t.definition, p_definition), origin = coalesce(t.origin, p_origin),
            reason = coalesce(t.reason, p_reason), config = coalesce(t.config, p_config),
            config_hash = coalesce(t.config_hash, sha256(p_config)),
            params = coalesce(t.params, convert_from(p_config, 'UTF8')::jsonb),
            seed = coalesce(t.seed, p_seed)
        WHERE t.study_id = v_attempt.study_id AND t.number = v_attempt.number
        RETURNING t.rung INTO v_rung;
        DELETE FROM hpt_record.lease l
        WHERE l.study_id = v_attempt.study_id AND l.number = v_attempt.number
          AND l.evaluation = v_attempt.evaluation;
        IF v_requeue THEN
            INSERT INTO hpt_record.queue VALUES (v_attempt.study_id, v_attempt.number, v_attempt.evaluation);
        END IF;
        IF v_rung IS NOT NULL THEN
            INSERT INTO hpt_record.evaluation_metric
            SELECT v_attempt.study_id, v_attempt.number, v_attempt.attempt, m.*
            FROM unnest(p_metric_names, p_metric_values, p_metric_rules, p_metric_sources,
                        p_metric_offsets) m;
            UPDATE hpt_record.evaluation e SET seed = coalesce(e.seed, p_part_seed)
            WHERE e.study_id = v_attempt.study_id AND e.number = v_attempt.number
              AND e.evaluation = v_attempt.evaluation;
            finished := hpt_record.evaluation_end(v_attempt, v_requeue);
        ELSIF cardinality(p_metric_names) > 0 THEN
            INSERT INTO hpt_record.metric
            SELECT v_attempt.study_id, v_attempt.number, v_attempt.attempt, m.*
            FROM unnest(p_metric_names, p_metric_values, p_metric_rules, p_metric_sources,
                        p_metric_offsets) m;
        END IF;
        PERFORM hpt_record.study_spent(v_attempt, p_metric_names, p_metric_values);
        PERFORM hpt_record.store_points(v_attempt.study_id, v_attempt.number, v_attempt.attempt, p_batch,
                                        p_point_names, p_point_steps, p_point_values, p_superseded);
        IF cardinality(p_object_digests) > 0 THEN
            -- In one order everywhere, so that two ends that bring the same bytes cannot deadlock.
            INSERT INTO hpt_record.object
            SELECT o.* FROM unnest(p_object_digests, p_object_sizes, p_object_bytes) o ORDER BY 1
            ON CONFLICT DO NOTHING;
        END IF;
        IF cardinality(p_artefact_kinds) > 0 THEN
            INSERT INTO hpt_record.artefact
            SELECT v_attempt.study_id, v_attempt.number, v_attempt.attempt, f.kind, f.path, f.digest,
                   f.full_digest, f.full_size, f.mode::integer, f.target, f.note
            FROM unnest(p_artefact_kinds, p_artefact_paths, p_artefact_digests, p_artefact_full_digests,
                        p_artefact_full_sizes, p_artefact_modes, p_artefact_targets, p_artefact_notes)
                 f (kind, path, digest, full_digest, full_size, mode, target, note);
        END IF;
    ELSE
        SELECT CASE WHEN a.outcome = p_outcome AND a.cause IS NOT DISTINCT FROM p_cause
                         AND a.worker_id = p_worker THEN 'again' END INTO finished
        FROM hpt_record.attempt a WHERE a.id = p_attempt;
        finished := coalesce(finished, 'fenced');
    END IF;
    IF p_next IS NOT NULL THEN
        SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes, r.part
        INTO next_outcome, next_trial, next_attempt, next_definition, next_config, next_part
        FROM hpt_record.trial_reserve(p_study, p_worker, p_next, p_total, p_lease_s, p_plan) r;
    END IF;
END $$;

-- Renews all leases of a worker and tells which attempts it still holds.
CREATE FUNCTION hpt_record.lease_renew(p_study bigint, p_worker uuid, p_lease_s integer)
RETURNS TABLE (trial bigint, attempt_number integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    RETURN QUERY
        UPDATE hpt_record.lease l SET until = clock_timestamp() + make_interval(secs => p_lease_s)
        WHERE l.study_id = p_study AND l.worker_id = p_worker
        RETURNING l.number, l.attempt;
END $$;

-- Declares lost what dead workers held: those in p_dead at once, others when the lease has run out
-- (a restarted server gives everybody one lease of grace). A trial lost p_max_lost times is not
-- queued again.
CREATE FUNCTION hpt_record.lease_reap(p_study bigint, p_dead uuid[], p_lease_s integer, p_max_lost integer)
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
                  AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => p_lease_s))
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
        SET outcome = 'lost', cause = 'worker died', ended_at = clock_timestamp()
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

-- Puts failed or lost trials back in the queue (hpt-run --retry=failed); how many.
CREATE FUNCTION hpt_record.trial_retry(p_study bigint, p_states text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_n bigint;
BEGIN
    WITH retried AS (
        UPDATE hpt_record.trial t SET state = 'waiting', cause = NULL
        WHERE t.study_id = p_study AND t.state = ANY (p_states) AND t.state IN ('failed', 'lost')
        RETURNING t.study_id, t.number, t.rung),
    parts AS (
        UPDATE hpt_record.evaluation e SET state = 'waiting', held = false
        FROM retried r
        WHERE e.study_id = r.study_id AND e.number = r.number AND e.rung = r.rung AND e.state <> 'complete'
        RETURNING e.study_id, e.number, e.evaluation),
    queued AS (
        INSERT INTO hpt_record.queue
        SELECT r.study_id, r.number, 0 FROM retried r WHERE r.rung IS NULL
        UNION ALL SELECT * FROM parts)
    SELECT count(*) INTO v_n FROM retried;
    RETURN v_n;
END $$;

-- A study by name: its newest definition, as the bytes that were hashed. No row: no such study.
CREATE FUNCTION hpt_record.study_read(p_name text)
RETURNS TABLE (id bigint, view_name text, seed bigint, total bigint, version integer, canonical bytea,
               digest bytea, limits jsonb, stopped text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT s.id, s.view_name, s.seed, s.total, d.version, d.canonical, d.digest,
           s.limits, s.stopped
    FROM hpt_record.study s JOIN hpt_record.definition d ON d.study_id = s.id
    WHERE s.name = p_name ORDER BY d.version DESC LIMIT 1
$$;

CREATE FUNCTION hpt_record.study_definition(p_study bigint, p_version integer) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT canonical FROM hpt_record.definition WHERE study_id = p_study AND version = p_version
$$;

-- Workers that hold leases and ran on this boot of this machine: the caller can see whether they live.
CREATE FUNCTION hpt_record.worker_peers(p_study bigint, p_boot_id text, p_pid_namespace text)
RETURNS TABLE (id uuid, pid integer, pid_started bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT DISTINCT w.id, w.pid, w.pid_started
    FROM hpt_record.worker w JOIN hpt_record.lease l ON l.study_id = w.study_id AND l.worker_id = w.id
    WHERE w.study_id = p_study AND w.boot_id = p_boot_id AND w.pid_namespace = p_pid_namespace
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
