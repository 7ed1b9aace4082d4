-- Trials of an ordered study are given out too: as trial_reserve does it, each when the results that its proposal is
-- made of are there.

DROP FUNCTION hpt_record.trial_ask(bigint, uuid, uuid[], bigint, integer, integer, boolean);

-- As before. p_window: of an ordered study, NULL: it is none; then none of them are new ones alone.
CREATE FUNCTION hpt_record.trial_ask(p_study bigint, p_worker uuid, p_attempts uuid[], p_total bigint,
    p_lease_s integer, p_max_lost integer, p_new boolean, p_window integer DEFAULT NULL)
RETURNS TABLE (outcome text, trial bigint, attempt_number integer, definition_version integer, config_bytes bytea,
    attempt_id uuid, until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_plan jsonb := CASE WHEN p_window IS NOT NULL THEN jsonb_build_object('window', p_window) END;
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
            FROM hpt_record.trial_reserve(p_study, p_worker, attempt_id, p_total, p_lease_s, v_plan) r;
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

-- As before. The result that the next one waits for may come in the moment between the look for it and the look for
-- leases: then there seemed to be nothing left, though there is.
CREATE OR REPLACE FUNCTION hpt_record.trial_reserve(p_study bigint, p_worker uuid, p_attempt uuid, p_total bigint,
    p_lease_s integer, p_plan jsonb DEFAULT NULL,
    OUT outcome text, OUT trial bigint, OUT attempt_number integer, OUT definition_version integer,
    OUT config_bytes bytea, OUT part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_ordered bigint;
BEGIN
    p_total := least(p_total, (SELECT s.total FROM hpt_record.study s WHERE s.id = p_study));
    IF p_plan ? 'window' THEN
        v_ordered := hpt_record.ordered_total(p_study, (p_plan ->> 'window')::bigint);
    END IF;
    SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes, r.part
    INTO outcome, trial, attempt_number, definition_version, config_bytes, part
    FROM hpt_record.trial_take(p_study, p_worker, p_attempt, least(p_total, v_ordered), p_lease_s, p_plan) r;
    IF outcome = 'done' AND (p_total IS NULL OR v_ordered < p_total) AND v_ordered IS NOT NULL
       AND hpt_record.study_stop(p_study) IS NULL THEN
        outcome := 'wait';
    END IF;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
