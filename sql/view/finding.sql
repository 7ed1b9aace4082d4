-- What must hold of the record and does not, a row each; none when all is well. kind: error, or note for
-- what is allowed but worth knowing. One statement is one snapshot, so that trials that come and go
-- while it runs make no false alarm. I1 to I6 are explained in hpt-verify(1).
DROP VIEW IF EXISTS hpt.finding;
CREATE VIEW hpt.finding AS
SELECT f.invariant, f.kind, s.name AS study, f.number AS trial, f.attempt, f.finding
FROM (
    -- I1: the trial's state and the attempt that counts. A trial with evaluations (rung is not null) has an
    -- attempt for each, and its state is theirs together.
    SELECT 'I1' AS invariant, 'error' AS kind, t.study_id, t.number, t.attempt,
           CASE WHEN a.id IS NULL THEN 'the attempt that counts is missing'
                WHEN t.rung IS NOT NULL THEN NULL
                WHEN t.state = 'running' AND a.outcome IS NOT NULL
                    THEN 'running, but its attempt ended as ' || a.outcome
                WHEN t.state <> 'running' AND a.outcome IS NULL
                    THEN t.state || ', but its attempt has not ended'
                WHEN t.state NOT IN ('running', 'waiting', 'cancelled') AND t.state <> a.outcome
                    THEN t.state || ', but the attempt that counts is ' || a.outcome
                WHEN t.state = 'waiting' AND a.outcome IN ('complete', 'pruned')
                    THEN 'waiting, but its attempt is ' || a.outcome END AS finding
    FROM hpt_record.trial t
    LEFT JOIN hpt_record.attempt a
        ON a.study_id = t.study_id AND a.number = t.number AND a.attempt = t.attempt
    UNION ALL
    -- I1: attempts are 1, 2, … and the newest counts; only that one may have a result or be running.
    SELECT 'I1', 'error', a.study_id, a.number, NULL,
           CASE WHEN t.number IS NULL THEN 'attempts of a trial that is missing'
                WHEN a.newest <> a.n OR a.oldest <> 1 THEN 'attempts are not numbered without a gap'
                WHEN a.newest <> t.attempt
                    THEN format('attempt %s counts, but there are %s', t.attempt, a.newest)
                WHEN a.early > 0 THEN 'an attempt before the last has a result'
                WHEN a.open > 0 THEN 'an attempt before the last has not ended' END
    FROM (SELECT a.study_id, a.number, count(*) AS n, max(a.attempt) AS newest, min(a.attempt) AS oldest,
                 count(*) FILTER (WHERE a.outcome IN ('complete', 'pruned') AND a.attempt < t.attempt AND t.rung IS NULL) AS early,
                 count(*) FILTER (WHERE a.outcome IS NULL AND a.attempt < t.attempt AND t.rung IS NULL) AS open
          FROM hpt_record.attempt a
          LEFT JOIN hpt_record.trial t ON t.study_id = a.study_id AND t.number = a.number
          GROUP BY a.study_id, a.number) a
    LEFT JOIN hpt_record.trial t ON t.study_id = a.study_id AND t.number = a.number
    UNION ALL
    SELECT 'I1', 'error', e.study_id, e.number, e.attempt,
           CASE WHEN e.state = 'complete' AND a.outcome IS DISTINCT FROM 'complete'
                    THEN format('evaluation %s is complete, but its attempt is not', e.evaluation)
                WHEN e.state <> 'complete' AND a.outcome = 'complete'
                    THEN format('evaluation %s is %s, but its attempt is complete', e.evaluation, e.state)
                WHEN EXISTS (SELECT FROM hpt_record.attempt b WHERE b.study_id = e.study_id AND b.number = e.number
                             AND b.evaluation = e.evaluation AND b.attempt < e.attempt AND b.outcome = 'complete')
                    THEN format('evaluation %s has results of two attempts', e.evaluation) END
    FROM hpt_record.evaluation e
    LEFT JOIN hpt_record.attempt a
        ON a.study_id = e.study_id AND a.number = e.number AND a.attempt = e.attempt
    UNION ALL
    SELECT 'I1', 'error', a.study_id, a.number, a.attempt,
           format('evaluation %s has an attempt that has not ended and has no lease', a.evaluation)
    FROM hpt_record.attempt a
    JOIN hpt_record.evaluation e
        ON e.study_id = a.study_id AND e.number = a.number AND e.evaluation = a.evaluation
    WHERE a.outcome IS NULL
      AND NOT EXISTS (SELECT FROM hpt_record.lease l WHERE l.study_id = a.study_id AND l.number = a.number
                      AND l.evaluation = a.evaluation AND l.attempt = a.attempt)
    UNION ALL
    SELECT 'I1', 'error', a.study_id, a.number, a.attempt, 'ended, but nobody knows when'
    FROM hpt_record.attempt a WHERE a.outcome IS NOT NULL AND a.ended_at IS NULL
    UNION ALL
    -- I1: who runs has a lease, who waits is in the queue, and nobody else.
    SELECT 'I1', 'error', t.study_id, t.number, t.attempt, 'running without a lease'
    FROM hpt_record.trial t
    WHERE t.state = 'running'
      AND NOT EXISTS (SELECT FROM hpt_record.lease l WHERE l.study_id = t.study_id AND l.number = t.number)
      AND (t.rung IS NULL OR NOT EXISTS (SELECT FROM hpt_record.queue q
                                         WHERE q.study_id = t.study_id AND q.number = t.number))
    UNION ALL
    SELECT 'I1', 'error', l.study_id, l.number, l.attempt, 'a lease without a running attempt'
    FROM hpt_record.lease l
    LEFT JOIN hpt_record.trial t ON t.study_id = l.study_id AND t.number = l.number
    LEFT JOIN hpt_record.attempt a
        ON a.study_id = l.study_id AND a.number = l.number AND a.attempt = l.attempt
    WHERE t.state IS DISTINCT FROM 'running' OR (t.rung IS NULL AND t.attempt <> l.attempt) OR a.id IS NULL
       OR a.outcome IS NOT NULL OR a.worker_id <> l.worker_id
    UNION ALL
    SELECT 'I1', 'error', t.study_id, t.number, t.attempt, 'waiting, but not in the queue'
    FROM hpt_record.trial t
    WHERE t.state = 'waiting'
      AND NOT EXISTS (SELECT FROM hpt_record.queue q WHERE q.study_id = t.study_id AND q.number = t.number)
      AND NOT EXISTS (SELECT FROM hpt_record.evaluation e -- waits for a decision: held
                      WHERE e.study_id = t.study_id AND e.number = t.number AND e.held)
    UNION ALL
    SELECT 'I1', 'error', q.study_id, q.number, NULL, 'in the queue, but not waiting'
    FROM hpt_record.queue q
    LEFT JOIN hpt_record.trial t ON t.study_id = q.study_id AND t.number = q.number
    WHERE t.state IS DISTINCT FROM 'waiting' AND NOT (t.rung IS NOT NULL AND t.state = 'running')
    UNION ALL
    -- I1: what belongs to an attempt that is not there.
    SELECT DISTINCT 'I1', 'error', m.study_id, m.number, m.attempt, 'metrics of an attempt that is missing'
    FROM hpt_record.metric m
    WHERE NOT EXISTS (SELECT FROM hpt_record.attempt a WHERE a.study_id = m.study_id
                      AND a.number = m.number AND a.attempt = m.attempt)
    UNION ALL
    SELECT DISTINCT 'I1', 'error', m.study_id, m.number, m.attempt, 'points of an attempt that is missing'
    FROM hpt_record.metric_chunk m
    WHERE NOT EXISTS (SELECT FROM hpt_record.attempt a WHERE a.study_id = m.study_id
                      AND a.number = m.number AND a.attempt = m.attempt)
    UNION ALL
    SELECT DISTINCT 'I1', 'error', m.study_id, m.number, m.attempt, 'artefacts of an attempt that is missing'
    FROM hpt_record.artefact m
    WHERE NOT EXISTS (SELECT FROM hpt_record.attempt a WHERE a.study_id = m.study_id
                      AND a.number = m.number AND a.attempt = m.attempt)
    UNION ALL
    -- I1: a number that an aborted transaction or a crash of the server left out is taken by the next
    -- worker, once the others are; so it is no error.
    SELECT 'I1', 'note', t.study_id, t.number - t.gap, NULL,
           CASE WHEN t.gap = 1 THEN 'this number was not used yet'
                ELSE format('%s numbers from this one on were not used yet', t.gap) END
    FROM (SELECT t.study_id, t.number,
                 t.number - coalesce(lag(t.number) OVER (PARTITION BY t.study_id ORDER BY t.number), -1) - 1
                     AS gap
          FROM hpt_record.trial t) t
    WHERE t.gap > 0
    UNION ALL
    -- I2: rows that name an object.
    SELECT DISTINCT 'I2', 'error', m.study_id, m.number, m.attempt,
           'an artefact names an object that has no row: sha256:' || encode(m.digest, 'hex')
    FROM hpt_record.artefact m
    WHERE m.digest IS NOT NULL AND NOT EXISTS (SELECT FROM hpt_record.object o WHERE o.digest = m.digest)
    UNION ALL
    SELECT DISTINCT 'I2', 'error', m.study_id, m.number, m.attempt,
           'an environment names a part that has no row: sha256:' || n.value
    FROM hpt_record.environment e
    CROSS JOIN LATERAL jsonb_each_text(e.body -> 'parts') n
    JOIN hpt_record.attempt m ON m.environment = e.digest
    WHERE NOT EXISTS (SELECT FROM hpt_record.environment_part p WHERE p.digest = decode(n.value, 'hex'))
    UNION ALL
    SELECT 'I2', 'error', a.study_id, a.number, a.attempt,
           'an attempt names a code snapshot that has no row: ' || encode(a.code, 'hex')
    FROM hpt_record.attempt a
    WHERE a.code IS NOT NULL AND NOT EXISTS (SELECT FROM hpt_record.code c WHERE c.digest = a.code)
    UNION ALL
    SELECT 'I2', 'error', a.study_id, a.number, a.attempt,
           format('code snapshot %s names an object that has no row: sha256:%s', encode(c.digest, 'hex'), l[5])
    FROM hpt_record.code c
    CROSS JOIN LATERAL string_to_table(convert_from(c.canonical, 'UTF8'), E'\n') s (line)
    CROSS JOIN LATERAL string_to_array(s.line, E'\t') l
    LEFT JOIN LATERAL (SELECT x.study_id, x.number, x.attempt FROM hpt_record.attempt x
                       WHERE x.code = c.digest ORDER BY 1, 2, 3 LIMIT 1) a ON true
    WHERE l[1] = 'file'
      AND NOT EXISTS (SELECT FROM hpt_record.object o WHERE o.digest = decode(l[5], 'hex'))
    UNION ALL
    SELECT 'I2', 'error', a.study_id, a.number, a.attempt,
           'an attempt names an environment that has no row: ' || encode(a.environment, 'hex')
    FROM hpt_record.attempt a
    WHERE a.environment IS NOT NULL
      AND NOT EXISTS (SELECT FROM hpt_record.environment e WHERE e.digest = a.environment)
    UNION ALL
    SELECT 'I2', 'error', a.study_id, a.number, a.attempt,
           'an attempt names an input set that has no row: ' || encode(n.digest, 'hex')
    FROM hpt_record.attempt a CROSS JOIN LATERAL (VALUES (a.inputs), (a.common_inputs)) n (digest)
    WHERE n.digest IS NOT NULL AND NOT EXISTS (SELECT FROM hpt_record.input_set i WHERE i.digest = n.digest)
    UNION ALL
    SELECT 'I2', 'error', a.study_id, a.number, a.attempt, format('input set %s %s', encode(i.digest, 'hex'), p.problem)
    FROM hpt_record.input_set i
    CROSS JOIN LATERAL (
        SELECT 'and its files differ' AS problem
        FROM (SELECT array_agg(r.line ORDER BY r.line) AS lines FROM (
                  SELECT s.line COLLATE "C" AS line
                  FROM string_to_table(convert_from(i.canonical, 'UTF8'), E'\n') s (line)
                  WHERE cardinality(string_to_array(s.line, E'\t')) = 6) r) c,
             (SELECT array_agg(r.line ORDER BY r.line) AS lines FROM (
                  SELECT concat_ws(E'\t', f.role, f.state, coalesce(f.size::text, ''),
                                   coalesce(encode(f.sha256, 'hex'), ''),
                                   CASE WHEN f.ignored THEN 'ignored' ELSE '' END, f.path) COLLATE "C" AS line
                  FROM hpt_record.input_file f WHERE f.input_set = i.digest) r) f
        WHERE c.lines IS DISTINCT FROM f.lines
        UNION ALL
        SELECT 'names an object that has no row: sha256:' || encode(f.sha256, 'hex')
        FROM hpt_record.input_file f
        WHERE f.input_set = i.digest AND f.state = 'stored'
          AND NOT EXISTS (SELECT FROM hpt_record.object o WHERE o.digest = f.sha256)) p
    LEFT JOIN LATERAL (SELECT x.study_id, x.number, x.attempt FROM hpt_record.attempt x
                       WHERE i.digest IN (x.inputs, x.common_inputs) ORDER BY 1, 2, 3 LIMIT 1) a ON true
    UNION ALL
    -- I3: complete means that the command ended well, unless it was run outside, and that every objective has its
    -- number.
    SELECT 'I3', 'error', t.study_id, t.number, t.attempt,
           CASE WHEN a.exit_status IS NULL AND w.kind IS NULL THEN 'complete without an exit status'
                WHEN t.config IS NULL THEN 'complete without a configuration'
                ELSE 'complete without the metric ' || m.missing END
    FROM hpt_record.trial t
    JOIN hpt_record.attempt a ON a.study_id = t.study_id AND a.number = t.number AND a.attempt = t.attempt
    LEFT JOIN hpt_record.worker w ON w.id = a.worker_id
    LEFT JOIN hpt_record.definition d ON d.study_id = t.study_id AND d.version = t.definition
    LEFT JOIN LATERAL (
        SELECT string_agg(o.value ->> 'name', ', ' ORDER BY o.ordinality) AS missing
        FROM jsonb_array_elements(d.body -> 'metrics') WITH ORDINALITY o
        WHERE o.value ->> 'direction' IN ('min', 'max')
          AND NOT EXISTS (SELECT FROM hpt_record.metric m
                          WHERE m.study_id = t.study_id AND m.number = t.number AND m.attempt = t.attempt
                            AND m.name = o.value ->> 'name')) m ON true
    WHERE t.state = 'complete'
      AND (a.exit_status IS NULL AND w.kind IS NULL OR t.config IS NULL OR m.missing IS NOT NULL)
    UNION ALL
    -- I5: more than the total; a note, because a total may be lowered.
    SELECT 'I5', 'note', s.id, NULL, NULL,
           format('%s trials were started, and the total is %s', count(*), s.total)
    FROM hpt_record.study s JOIN hpt_record.trial t ON t.study_id = s.id
    GROUP BY s.id HAVING count(*) > s.total
    UNION ALL
    -- I5: one number is one configuration.
    SELECT 'I5', 'error', t.study_id, t.number, NULL, 'the configuration and its hash or its values differ'
    FROM hpt_record.trial t
    WHERE t.config IS NOT NULL
      AND (t.config_hash IS DISTINCT FROM sha256(t.config)
           OR t.params IS DISTINCT FROM convert_from(t.config, 'UTF8')::jsonb)
    UNION ALL
    -- I6: what the next run needs.
    SELECT 'I6', 'error', s.id, NULL, NULL, 'the study has no definition'
    FROM hpt_record.study s
    WHERE NOT EXISTS (SELECT FROM hpt_record.definition d WHERE d.study_id = s.id)
    UNION ALL
    SELECT 'I6', 'error', d.study_id, NULL, NULL,
           format('version %s of the definition and its hash or its values differ', d.version)
    FROM hpt_record.definition d
    WHERE d.digest IS DISTINCT FROM sha256(d.canonical)
       OR d.body IS DISTINCT FROM convert_from(d.canonical, 'UTF8')::jsonb
    UNION ALL
    SELECT 'I6', 'error', t.study_id, t.number, NULL,
           format('version %s of the definition is missing', t.definition)
    FROM hpt_record.trial t
    WHERE t.definition IS NOT NULL
      AND NOT EXISTS (SELECT FROM hpt_record.definition d
                      WHERE d.study_id = t.study_id AND d.version = t.definition)
    UNION ALL
    SELECT 'I6', 'error', s.id, NULL, NULL, 'the sequence of trial numbers is missing'
    FROM hpt_record.study s
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'hpt_record' AND c.relname = 'trial_number_' || s.id AND c.relkind = 'S')
    UNION ALL
    SELECT 'I6', 'error', s.id, NULL, NULL, format('the view hpt_study.%I is missing', s.view_name)
    FROM hpt_record.study s
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'hpt_study' AND c.relname = s.view_name AND c.relkind = 'v')
) f
LEFT JOIN hpt_record.study s ON s.id = f.study_id
WHERE f.finding IS NOT NULL;
