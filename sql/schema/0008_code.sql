-- The code that each attempt ran: what its folder held when it began, by digest.

-- What a snapshot says of itself: head, branch and remote of the repository at the root; dirty: the tree differs
-- from its HEAD, null without git; how many files of how many bytes, how many entries are missing.
CREATE FUNCTION hpt_record.code_facts(p_canonical bytea) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT jsonb_build_object(
        'head', max(nullif(l[2], '')) FILTER (WHERE l[1] = 'repo' AND l[6] = '.'),
        'branch', max(nullif(l[3], '')) FILTER (WHERE l[1] = 'repo' AND l[6] = '.'),
        'remote', max(nullif(l[4], '')) FILTER (WHERE l[1] = 'repo' AND l[6] = '.'),
        'dirty', CASE WHEN bool_or(l[1] = 'repo' AND l[6] = '.' AND l[7] = '')
                 THEN bool_or(l[1] = 'repo' AND l[5] <> '0' OR l[1] <> 'repo' AND l[2] IN ('M', '+')) END,
        'files', count(*) FILTER (WHERE l[1] = 'file'),
        'bytes', coalesce(sum(l[4]::bigint) FILTER (WHERE l[1] = 'file'), 0),
        'missing', count(*) FILTER (WHERE l[1] = 'missing'))
    FROM string_to_table(convert_from(p_canonical, 'UTF8'), E'\n') s (line)
    CROSS JOIN LATERAL string_to_array(s.line, E'\t') l
    WHERE cardinality(l) = 7
$$;

-- A snapshot as src/record/code.h describes it. An attempt may name one that is
-- not here: its result is not refused for that, and hpt.finding says so.
CREATE TABLE hpt_record.code (
    digest    bytea PRIMARY KEY,
    canonical bytea NOT NULL,
    facts     jsonb NOT NULL GENERATED ALWAYS AS (hpt_record.code_facts(canonical)) STORED,
    CHECK (digest = sha256(canonical))
);

ALTER TABLE hpt_record.attempt ADD COLUMN code bytea;

-- Keeps a snapshot and the objects that its worker has not sent before. Sent again it changes nothing.
CREATE FUNCTION hpt_record.code_put(p_canonical bytea, p_object_digests bytea[], p_object_sizes bigint[],
    p_object_bytes bytea[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    -- In one order everywhere, so that two that bring the same bytes cannot deadlock.
    INSERT INTO hpt_record.object
    SELECT o.* FROM unnest(p_object_digests, p_object_sizes, p_object_bytes) o ORDER BY 1
    ON CONFLICT DO NOTHING;
    INSERT INTO hpt_record.code (digest, canonical) VALUES (sha256(p_canonical), p_canonical)
    ON CONFLICT DO NOTHING
$$;

-- Of these digests those that neither an object nor a snapshot has.
CREATE FUNCTION hpt_record.digests_missing(p_digests bytea[]) RETURNS TABLE (digest bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT d.digest FROM unnest(p_digests) d (digest)
    WHERE NOT EXISTS (SELECT FROM hpt_record.object o WHERE o.digest = d.digest)
      AND NOT EXISTS (SELECT FROM hpt_record.code c WHERE c.digest = d.digest)
$$;

-- As before, with the code.
DROP FUNCTION hpt_record.trial_start(uuid, integer, text, text, bytea, bigint, integer, bytea[], bytea, bigint);

CREATE FUNCTION hpt_record.trial_start(p_attempt uuid, p_definition integer, p_origin text, p_reason text,
    p_config bytea, p_seed bigint, p_slot integer, p_argv bytea[], p_environment bytea,
    p_part_seed bigint DEFAULT NULL, p_code bytea DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_attempt hpt_record.attempt;
BEGIN
    PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    UPDATE hpt_record.attempt a
    SET slot = p_slot, argv = p_argv, environment = p_environment, code = p_code,
        started_at = clock_timestamp()
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

ALTER FUNCTION hpt_record.trial_finish RENAME TO attempt_finish;

-- As attempt_finish, with the code; trial_start has recorded it unless the server lost the start.
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
    p_part_seed bigint DEFAULT NULL, p_code bytea DEFAULT NULL,
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
    UPDATE hpt_record.attempt a SET code = p_code
    WHERE a.id = p_attempt AND a.code IS DISTINCT FROM p_code AND finished NOT IN ('again', 'fenced');
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
