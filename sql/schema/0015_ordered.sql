-- Ordered studies (hpt-run --ordered): proposal n is made of the results of trials 0 to n − window and of no other,
-- so that the study is the same with any number of workers. A new number is handed out when these are there.

-- New numbers of the study are handed out below this; no other transaction hands one out until the end of this one.
CREATE FUNCTION hpt_record.ordered_total(p_study bigint, p_window bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_sequence regclass := format('hpt_record.trial_number_%s', p_study)::regclass;
    v_next     bigint;
    v_open     bigint;
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(hashtextextended('hpt ordered', p_study));
    SELECT coalesce(max(t.number) + 1, 0) INTO v_next FROM hpt_record.trial t WHERE t.study_id = p_study;
    -- Numbers that transactions took which were not committed: the next in order is one of them.
    IF coalesce(pg_sequence_last_value(v_sequence), -1) >= v_next THEN
        PERFORM setval(v_sequence, greatest(v_next - 1, 0), v_next > 0);
    END IF;
    -- A trial that is run again has its first result, which is the one that counts.
    SELECT min(o.number) INTO v_open
    FROM (SELECT l.number FROM hpt_record.lease l WHERE l.study_id = p_study
          UNION ALL SELECT q.number FROM hpt_record.queue q WHERE q.study_id = p_study) o
    WHERE NOT EXISTS (SELECT FROM hpt_record.result r WHERE r.study_id = p_study AND r.number = o.number);
    RETURN coalesce(v_open, v_next) + p_window;
END $$;

CREATE OR REPLACE FUNCTION hpt_record.trial_reserve(p_study bigint, p_worker uuid, p_attempt uuid, p_total bigint,
    p_lease_s integer, p_plan jsonb DEFAULT NULL,
    OUT outcome text, OUT trial bigint, OUT attempt_number integer, OUT definition_version integer,
    OUT config_bytes bytea, OUT part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    p_total := least(p_total, (SELECT s.total FROM hpt_record.study s WHERE s.id = p_study));
    IF p_plan ? 'window' THEN
        p_total := least(p_total, hpt_record.ordered_total(p_study, (p_plan ->> 'window')::bigint));
    END IF;
    SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes, r.part
    INTO outcome, trial, attempt_number, definition_version, config_bytes, part
    FROM hpt_record.trial_take(p_study, p_worker, p_attempt, p_total, p_lease_s, p_plan) r;
END $$;

-- As before, and results of trials that were lost before their configuration was recorded.
CREATE OR REPLACE FUNCTION hpt_record.history(p_study bigint, p_mark bigint)
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
    WHERE t.config IS NOT NULL OR r.turn > 0
    ORDER BY r.number, r.turn
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
