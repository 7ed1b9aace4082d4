-- A report looks at the newest chunk of each name instead of all of them.

-- As before, in the time that its curve takes.
CREATE OR REPLACE FUNCTION hpt_record.trial_report(p_study bigint, p_number bigint, p_attempt integer, p_step bigint,
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
