-- The files that each attempt read and wrote outside its own folder, by digest.

-- A set as src/record/inputs.h describes it; its files are read from it. An attempt may name one that is not
-- here: its result is not refused for that, and hpt.finding says so.
CREATE TABLE hpt_record.input_set (
    digest     bytea PRIMARY KEY,
    canonical  bytea NOT NULL,
    CHECK (digest = sha256(canonical))
);

-- Its files, made when the set is.
CREATE TABLE hpt_record.input_file (
    input_set bytea NOT NULL REFERENCES hpt_record.input_set,
    path      text NOT NULL, -- as it stands in the set, escaped
    role      text NOT NULL CHECK (role IN ('declared', 'read', 'changed', 'written')),
    state     text NOT NULL CHECK (state IN ('stored', 'digest', 'large', 'secret', 'unstable', 'gone', 'unread')),
    ignored   boolean NOT NULL,
    size      bigint,
    sha256    bytea CHECK ((sha256 IS NOT NULL) = (state IN ('stored', 'digest', 'large'))),
    -- In the place of path, which may be longer than what an index takes.
    path_sha256 bytea NOT NULL CHECK (path_sha256 = sha256(convert_to(path, 'UTF8'))),
    PRIMARY KEY (input_set, path_sha256, role)
);
CREATE INDEX input_file_sha256 ON hpt_record.input_file (sha256);

CREATE FUNCTION hpt_record.input_set_files() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    INSERT INTO hpt_record.input_file (input_set, path, role, state, ignored, size, sha256, path_sha256)
    SELECT NEW.digest, l[6], l[1], l[2], l[5] = 'ignored', nullif(l[3], '')::bigint, decode(nullif(l[4], ''), 'hex'),
           sha256(convert_to(l[6], 'UTF8'))
    FROM string_to_table(convert_from(NEW.canonical, 'UTF8'), E'\n') s (line)
    CROSS JOIN LATERAL string_to_array(s.line, E'\t') l
    WHERE cardinality(l) = 6;
    RETURN NULL;
END $$;
CREATE TRIGGER files AFTER INSERT ON hpt_record.input_set
    FOR EACH ROW EXECUTE FUNCTION hpt_record.input_set_files();

ALTER TABLE hpt_record.attempt
    ADD COLUMN inputs bytea,
    ADD COLUMN common_inputs bytea, -- of the system, the same for many
    ADD COLUMN trace text CHECK (trace IN ('complete', 'incomplete', 'off')),
    ADD COLUMN trace_missing text, -- why it is not complete
    -- As with code and inputs: a result is not refused for what came before it and is late.
    DROP CONSTRAINT attempt_environment_fkey;

-- Keeps a set and the objects that its worker has not sent before. Sent again it changes nothing.
CREATE FUNCTION hpt_record.inputs_put(p_canonical bytea, p_object_digests bytea[], p_object_sizes bigint[],
    p_object_bytes bytea[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    -- In one order everywhere, so that two that bring the same bytes cannot deadlock.
    INSERT INTO hpt_record.object
    SELECT o.* FROM unnest(p_object_digests, p_object_sizes, p_object_bytes) o ORDER BY 1
    ON CONFLICT DO NOTHING;
    INSERT INTO hpt_record.input_set (digest, canonical) VALUES (sha256(p_canonical), p_canonical)
    ON CONFLICT DO NOTHING
$$;

DROP FUNCTION hpt_record.trial_finish(bigint, uuid, uuid, text, integer, integer, text, integer, integer, bigint, bigint, bigint, bigint, jsonb,
    integer, text, text, bytea, bigint, integer, bytea[], bytea, text[], double precision[], text[], text[], bigint[],
    integer, text[], bigint[], double precision[], text[], bytea[], bigint[], bytea[], text[], bytea[], bytea[],
    bytea[], bigint[], bigint[], bytea[], text[], uuid, bigint, integer, jsonb, bigint, bytea);

-- As attempt_finish, with the code, the inputs and what is known of the trace.
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
    p_part_seed bigint DEFAULT NULL, p_code bytea DEFAULT NULL, p_inputs bytea DEFAULT NULL,
    p_common_inputs bytea DEFAULT NULL, p_trace text DEFAULT NULL, p_trace_missing text DEFAULT NULL,
    OUT finished text, OUT next_outcome text, OUT next_trial bigint, OUT next_attempt integer,
    OUT next_definition integer, OUT next_config bytea, OUT next_part jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    SELECT f.* INTO finished, next_outcome, next_trial, next_attempt, next_definition, next_config, next_part
    FROM hpt_record.attempt_finish(p_study, p_worker, p_attempt, p_outcome, p_max_lost, p_max_failed, p_cause,
        p_exit_status, p_signal, p_wall_us, p_user_us, p_system_us, p_max_rss_bytes, p_details,
        p_definition, p_origin, p_reason, p_config, p_seed, p_slot, p_argv, p_environment,
        p_metric_names, p_metric_values, p_metric_rules, p_metric_sources, p_metric_offsets,
        p_batch, p_point_names, p_point_steps, p_point_values, p_superseded,
        p_object_digests, p_object_sizes, p_object_bytes, p_artefact_kinds, p_artefact_paths,
        p_artefact_digests, p_artefact_full_digests, p_artefact_full_sizes, p_artefact_modes,
        p_artefact_targets, p_artefact_notes, p_next, p_total, p_lease_s, p_plan, p_part_seed) f;
    IF finished NOT IN ('again', 'fenced') AND num_nonnulls(p_code, p_inputs, p_common_inputs, p_trace) > 0 THEN
        UPDATE hpt_record.attempt a
        SET code = p_code, inputs = p_inputs, common_inputs = p_common_inputs, trace = p_trace,
            trace_missing = p_trace_missing
        WHERE a.id = p_attempt;
    END IF;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
