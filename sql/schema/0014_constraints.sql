-- With each result of a trial, how the metrics with bounds came out, for samplers that learn where bounds are kept.
ALTER TABLE hpt_record.result ADD COLUMN constraints double precision[]; -- in the order of the definition, as they
    -- were read, NaN where one is missing; NULL: there are none

-- The metrics with bounds of a trial as its newest attempt left them.
CREATE FUNCTION hpt_record.trial_constraints(p_study bigint, p_number bigint) RETURNS double precision[]
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
    RETURN (SELECT array_agg(coalesce(m.value, 'NaN') ORDER BY o.ordinality)
        FROM hpt_record.trial t
        JOIN hpt_record.definition d ON d.study_id = t.study_id
             AND d.version = coalesce(t.definition, (SELECT max(x.version) FROM hpt_record.definition x
                                                     WHERE x.study_id = p_study))
        CROSS JOIN LATERAL jsonb_array_elements(d.body -> 'metrics') WITH ORDINALITY o (metric, ordinality)
        LEFT JOIN hpt_record.metric m ON m.study_id = t.study_id AND m.number = t.number
             AND m.attempt = t.attempt AND m.name = o.metric ->> 'name'
        WHERE t.study_id = p_study AND t.number = p_number AND o.metric ->> 'direction' IN ('le', 'ge'));
END $$;

-- At the commit, when the metrics are there. An import brings its results with it.
CREATE OR REPLACE FUNCTION hpt_record.add_result() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO hpt_record.result (study_id, number, turn, state, objectives, constraints)
    SELECT t.study_id, t.number, coalesce(max(r.turn), 0) + 1, t.state,
           CASE WHEN t.state IN ('complete', 'pruned') THEN hpt_record.trial_objectives(t.study_id, t.number) END,
           CASE WHEN t.state IN ('complete', 'pruned') THEN hpt_record.trial_constraints(t.study_id, t.number) END
    FROM hpt_record.trial t
    LEFT JOIN hpt_record.result r ON r.study_id = t.study_id AND r.number = t.number
    WHERE t.study_id = NEW.study_id AND t.number = NEW.number
      AND t.state IN ('complete', 'pruned', 'failed', 'lost')
    GROUP BY t.study_id, t.number, t.state
    HAVING coalesce(max(r.xact), 0) <> pg_current_xact_id()::text::bigint;
    RETURN NULL;
END $$;

-- Of results that are there already only the newest of a trial can still be read off its metrics.
UPDATE hpt_record.result r
SET constraints = hpt_record.trial_constraints(r.study_id, r.number)
WHERE r.state IN ('complete', 'pruned')
  AND r.turn = (SELECT max(x.turn) FROM hpt_record.result x WHERE x.study_id = r.study_id AND x.number = r.number);

DROP FUNCTION hpt_record.history(bigint, bigint);
-- What a sampler of the study is to know: results whose transactions may have ended since p_mark (0: all), and,
-- with turn 0, trials that have a configuration and are run or wait to be. mark is for the next time: rows
-- from it on may be given twice, none before it is ever missing.
CREATE FUNCTION hpt_record.history(p_study bigint, p_mark bigint)
RETURNS TABLE (trial bigint, turn integer, config bytea, objectives double precision[],
               constraints double precision[], mark bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    WITH m AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS mark),
    r AS (SELECT r.number, r.turn, r.objectives, r.constraints FROM hpt_record.result r
          WHERE r.study_id = p_study AND r.xact >= p_mark
          UNION ALL
          SELECT o.number, 0, NULL, NULL
          FROM (SELECT l.number FROM hpt_record.lease l WHERE l.study_id = p_study
                UNION SELECT q.number FROM hpt_record.queue q WHERE q.study_id = p_study) o)
    SELECT r.number, r.turn, t.config, r.objectives, r.constraints, m.mark
    FROM r JOIN hpt_record.trial t ON t.study_id = p_study AND t.number = r.number, m
    WHERE t.config IS NOT NULL
    ORDER BY r.number, r.turn
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
