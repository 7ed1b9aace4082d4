-- What samplers learn from: each time that a trial ends, a row of its own, which stays when the trial is run
-- again; and with each trial what its proposal was made of. So a worker reads what is new without reading what
-- it has, and a proposal can be derived again from the rows that it saw.
ALTER TABLE hpt_record.trial ADD COLUMN proposal bytea;

CREATE TABLE hpt_record.result (
    study_id   bigint NOT NULL,
    number     bigint NOT NULL,
    turn       integer NOT NULL CHECK (turn >= 1), -- the how many-th end of the trial
    state      text NOT NULL REFERENCES hpt_record.trial_state,
    objectives double precision[], -- in the order of the definition, as they were read; NULL: one is missing
    -- The transaction: all before the oldest one that runs are visible, see history.
    xact       bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    PRIMARY KEY (study_id, number, turn),
    FOREIGN KEY (study_id, number) REFERENCES hpt_record.trial
);
CREATE INDEX result_xact ON hpt_record.result (study_id, xact);

-- The objectives of a trial as its newest attempt left them. (In plpgsql for its plans, which last as long as the
-- connection: a function in SQL is planned at each call.)
CREATE FUNCTION hpt_record.trial_objectives(p_study bigint, p_number bigint) RETURNS double precision[]
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
BEGIN
    RETURN (SELECT CASE WHEN bool_and(m.value IS NOT NULL) THEN array_agg(m.value ORDER BY o.ordinality) END
        FROM hpt_record.trial t
        JOIN hpt_record.definition d ON d.study_id = t.study_id
             AND d.version = coalesce(t.definition, (SELECT max(x.version) FROM hpt_record.definition x
                                                     WHERE x.study_id = p_study))
        CROSS JOIN LATERAL jsonb_array_elements(d.body -> 'metrics') WITH ORDINALITY o (metric, ordinality)
        LEFT JOIN hpt_record.metric m ON m.study_id = t.study_id AND m.number = t.number
             AND m.attempt = t.attempt AND m.name = o.metric ->> 'name'
        WHERE t.study_id = p_study AND t.number = p_number AND o.metric ->> 'direction' IN ('min', 'max'));
END $$;

-- At the commit, when the metrics are there. An import brings its results with it.
CREATE FUNCTION hpt_record.add_result() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO hpt_record.result (study_id, number, turn, state, objectives)
    SELECT t.study_id, t.number, coalesce(max(r.turn), 0) + 1, t.state,
           CASE WHEN t.state IN ('complete', 'pruned') THEN hpt_record.trial_objectives(t.study_id, t.number) END
    FROM hpt_record.trial t
    LEFT JOIN hpt_record.result r ON r.study_id = t.study_id AND r.number = t.number
    WHERE t.study_id = NEW.study_id AND t.number = NEW.number
      AND t.state IN ('complete', 'pruned', 'failed', 'lost')
    GROUP BY t.study_id, t.number, t.state
    HAVING coalesce(max(r.xact), 0) <> pg_current_xact_id()::text::bigint;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER result AFTER INSERT OR UPDATE OF state ON hpt_record.trial
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state IN ('complete', 'pruned', 'failed', 'lost'))
    EXECUTE FUNCTION hpt_record.add_result();

INSERT INTO hpt_record.result (study_id, number, turn, state, objectives)
SELECT t.study_id, t.number, 1, t.state,
       CASE WHEN t.state IN ('complete', 'pruned') THEN hpt_record.trial_objectives(t.study_id, t.number) END
FROM hpt_record.trial t WHERE t.state IN ('complete', 'pruned', 'failed', 'lost');

-- What a sampler of the study is to know: results whose transactions may have ended since p_mark (0: all), and,
-- with turn 0, trials that have a configuration and are run or wait to be. mark is for the next time: rows
-- from it on may be given twice, none before it is ever missing.
CREATE FUNCTION hpt_record.history(p_study bigint, p_mark bigint)
RETURNS TABLE (trial bigint, turn integer, config bytea, objectives double precision[], mark bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    WITH m AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS mark),
    r AS (SELECT r.number, r.turn, r.objectives FROM hpt_record.result r
          WHERE r.study_id = p_study AND r.xact >= p_mark
          UNION ALL
          SELECT o.number, 0, NULL
          FROM (SELECT l.number FROM hpt_record.lease l WHERE l.study_id = p_study
                UNION SELECT q.number FROM hpt_record.queue q WHERE q.study_id = p_study) o)
    SELECT r.number, r.turn, t.config, r.objectives, m.mark
    FROM r JOIN hpt_record.trial t ON t.study_id = p_study AND t.number = r.number, m
    WHERE t.config IS NOT NULL
    ORDER BY r.number, r.turn
$$;

-- What the proposal of the attempt's trial was made of; the first that is said counts.
CREATE FUNCTION hpt_record.trial_proposed(p_attempt uuid, p_proposal bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF p_proposal IS NULL THEN
        RETURN false;
    END IF;
    UPDATE hpt_record.trial t SET proposal = p_proposal
    FROM hpt_record.attempt a
    WHERE a.id = p_attempt AND t.study_id = a.study_id AND t.number = a.number AND t.attempt = a.attempt
      AND t.proposal IS NULL;
    RETURN FOUND;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
