-- Environments in five parts, each once: two trials of one machine that differ in a variable share four.

CREATE TABLE hpt_record.environment_part (
    digest    bytea PRIMARY KEY,
    part      text NOT NULL CHECK (part IN ('host', 'interpreter', 'libraries', 'packages', 'variables')),
    canonical bytea NOT NULL,
    body      jsonb NOT NULL,
    CHECK (digest = sha256(canonical))
);

-- Adds an environment and those of its parts that are not there yet.
CREATE FUNCTION hpt_record.environment_add(p_environment bytea, p_parts bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    -- In one order everywhere, so that two that add the same parts cannot deadlock.
    INSERT INTO hpt_record.environment_part (digest, part, canonical, body)
    SELECT sha256(p.canonical), convert_from(p.canonical, 'UTF8')::jsonb ->> 'part', p.canonical,
           convert_from(p.canonical, 'UTF8')::jsonb
    FROM unnest(p_parts) p (canonical) ORDER BY 1
    ON CONFLICT DO NOTHING;
    INSERT INTO hpt_record.environment (digest, canonical, body)
    VALUES (sha256(p_environment), p_environment, convert_from(p_environment, 'UTF8')::jsonb)
    ON CONFLICT DO NOTHING
$$;

DROP FUNCTION hpt_record.worker_start(uuid, bigint, text, text, text, integer, bigint, jsonb, text, bytea);
CREATE FUNCTION hpt_record.worker_start(p_worker uuid, p_study bigint, p_host text, p_boot_id text,
    p_pid_namespace text, p_pid integer, p_pid_started bigint, p_launcher jsonb, p_tool_version text,
    p_environment bytea, p_parts bytea[] DEFAULT '{}')
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    SELECT hpt_record.environment_add(p_environment, p_parts);
    INSERT INTO hpt_record.worker (id, study_id, host, boot_id, pid_namespace, pid, pid_started, launcher,
                                   tool_version)
    VALUES (p_worker, p_study, p_host, p_boot_id, p_pid_namespace, p_pid, p_pid_started, p_launcher,
            p_tool_version)
    ON CONFLICT DO NOTHING
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
