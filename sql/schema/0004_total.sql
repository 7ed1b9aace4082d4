-- A total that was changed holds for all workers, also those that began with a larger one: the last line that
-- names one decides, as it does for the other limits.
ALTER FUNCTION hpt_record.trial_reserve(bigint, uuid, uuid, bigint, integer, jsonb) RENAME TO trial_take;

-- As trial_take, below the smaller of p_total and the study's own total.
CREATE FUNCTION hpt_record.trial_reserve(p_study bigint, p_worker uuid, p_attempt uuid, p_total bigint,
    p_lease_s integer, p_plan jsonb DEFAULT NULL,
    OUT outcome text, OUT trial bigint, OUT attempt_number integer, OUT definition_version integer,
    OUT config_bytes bytea, OUT part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    p_total := least(p_total, (SELECT s.total FROM hpt_record.study s WHERE s.id = p_study));
    SELECT r.outcome, r.trial, r.attempt_number, r.definition_version, r.config_bytes, r.part
    INTO outcome, trial, attempt_number, definition_version, config_bytes, part
    FROM hpt_record.trial_take(p_study, p_worker, p_attempt, p_total, p_lease_s, p_plan) r;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
