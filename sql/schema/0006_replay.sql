-- Replays: runs of recorded trials for comparison. They are no trials: they take no number, and nothing of
-- them counts in a study.
CREATE TABLE hpt_record.replay (
    id            uuid PRIMARY KEY, -- made by the client: sending again is harmless
    study_id      bigint NOT NULL,
    number        bigint NOT NULL,
    attempt       integer NOT NULL, -- the run that was repeated
    environment   bytea REFERENCES hpt_record.environment, -- of the replay
    host          text NOT NULL,
    tool_version  text NOT NULL,
    verdict       text NOT NULL CHECK (verdict IN ('identical', 'equal', 'within', 'differs')),
    runs          integer NOT NULL CHECK (runs >= 1),
    deterministic boolean, -- did all runs leave the same; NULL: there was one
    outcome       text NOT NULL REFERENCES hpt_record.trial_state,
    cause         text NOT NULL,
    exit_status   integer,
    signal        integer,
    wall_us       bigint NOT NULL,
    user_us       bigint NOT NULL,
    system_us     bigint NOT NULL,
    max_rss_bytes bigint NOT NULL,
    causes        jsonb NOT NULL, -- what may have made the difference, likeliest first
    started_at    timestamptz NOT NULL,
    ended_at      timestamptz NOT NULL,
    FOREIGN KEY (study_id, number, attempt) REFERENCES hpt_record.attempt
);
CREATE INDEX replay_trial ON hpt_record.replay (study_id, number);

-- What was compared: the end, metrics, streams, files.
CREATE TABLE hpt_record.replay_result (
    replay_id   uuid NOT NULL REFERENCES hpt_record.replay,
    study_id    bigint NOT NULL,
    number      bigint NOT NULL,
    position    integer NOT NULL,
    kind        text NOT NULL,
    name        text NOT NULL,
    verdict     text NOT NULL
        CHECK (verdict IN ('identical', 'equal', 'within', 'differs', 'varies', 'measured', 'unknown')),
    value_then  double precision, -- of metrics
    value_now   double precision,
    tolerance   double precision, -- that was given or measured; absolute
    digest_then bytea,            -- of outputs
    digest_now  bytea,
    note        text,
    PRIMARY KEY (replay_id, position)
);

-- A finished replay. False: it was recorded before, and nothing was done.
CREATE FUNCTION hpt_record.replay_record(p_id uuid, p_study text, p_number bigint, p_attempt integer,
    p_environment bytea, p_parts bytea[], p_host text, p_tool_version text, p_verdict text, p_runs integer,
    p_deterministic boolean, p_outcome text, p_cause text, p_exit_status integer, p_signal integer,
    p_wall_us bigint, p_user_us bigint, p_system_us bigint, p_max_rss_bytes bigint, p_causes jsonb,
    p_started timestamptz, p_ended timestamptz, p_kinds text[], p_names text[], p_verdicts text[],
    p_values_then double precision[], p_values_now double precision[], p_tolerances double precision[],
    p_digests_then bytea[], p_digests_now bytea[], p_notes text[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_study bigint;
BEGIN
    SELECT s.id INTO v_study FROM hpt_record.study s WHERE s.name = p_study;
    IF NOT EXISTS (SELECT FROM hpt_record.attempt a
                   WHERE a.study_id = v_study AND a.number = p_number AND a.attempt = p_attempt) THEN
        RAISE EXCEPTION 'study % has no attempt % of trial %', p_study, p_attempt, p_number
            USING ERRCODE = 'P0002';
    END IF;
    PERFORM hpt_record.environment_add(p_environment, p_parts);
    INSERT INTO hpt_record.replay (id, study_id, number, attempt, environment, host, tool_version, verdict, runs,
        deterministic, outcome, cause, exit_status, signal, wall_us, user_us, system_us, max_rss_bytes, causes,
        started_at, ended_at)
    VALUES (p_id, v_study, p_number, p_attempt, sha256(p_environment), p_host, p_tool_version, p_verdict, p_runs,
        p_deterministic, p_outcome, p_cause, p_exit_status, p_signal, p_wall_us, p_user_us, p_system_us,
        p_max_rss_bytes, p_causes, p_started, p_ended)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO hpt_record.replay_result (replay_id, study_id, number, position, kind, name, verdict, value_then,
        value_now, tolerance, digest_then, digest_now, note)
    SELECT p_id, v_study, p_number, r.position, r.kind, r.name, r.verdict, r.value_then, r.value_now, r.tolerance,
           r.digest_then, r.digest_now, r.note
    FROM ROWS FROM (unnest(p_kinds), unnest(p_names), unnest(p_verdicts), unnest(p_values_then),
                    unnest(p_values_now), unnest(p_tolerances), unnest(p_digests_then), unnest(p_digests_now),
                    unnest(p_notes))
        WITH ORDINALITY r (kind, name, verdict, value_then, value_now, tolerance, digest_then, digest_now, note,
                           position);
    RETURN true;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
