-- One row per trial: the attempt that counts, without parameters and metrics (see param, metric).
DROP VIEW IF EXISTS hpt.trial;
CREATE VIEW hpt.trial AS
SELECT s.name AS study, t.number AS trial, t.state, t.attempt, t.origin, t.reason, t.seed, t.params,
       encode(t.config_hash, 'hex') AS config_hash, t.definition AS definition_version,
       coalesce(t.cause, a.cause) AS cause, a.exit_status, a.signal,
       coalesce(u.wall_us, a.wall_us) / 1e6::double precision AS seconds,
       coalesce(u.user_us, a.user_us) / 1e6::double precision AS user_seconds,
       coalesce(u.system_us, a.system_us) / 1e6::double precision AS system_seconds,
       coalesce(u.max_rss_bytes, a.max_rss_bytes) AS max_rss_bytes, a.argv, a.slot, a.details, encode(a.environment, 'hex') AS environment,
       a.worker_id AS worker, w.host, coalesce(u.started_at, a.started_at) AS started,
       CASE WHEN u.open = 0 OR t.rung IS NULL THEN coalesce(u.ended_at, a.ended_at) END AS ended, t.rung, t.parent,
       encode(a.code, 'hex') AS code,
       convert_from(t.proposal, 'UTF8')::jsonb AS proposal,
       encode(a.inputs, 'hex') AS inputs, encode(a.common_inputs, 'hex') AS common_inputs, a.trace, a.trace_missing,
       a.details -> 'code_changed' AS code_changed
FROM hpt_record.trial t
JOIN hpt_record.study s ON s.id = t.study_id
JOIN hpt_record.attempt a ON a.study_id = t.study_id AND a.number = t.number AND a.attempt = t.attempt
JOIN hpt_record.worker w ON w.id = a.worker_id
LEFT JOIN LATERAL (SELECT sum(x.wall_us)::bigint AS wall_us, sum(x.user_us)::bigint AS user_us,
                          sum(x.system_us)::bigint AS system_us, max(x.max_rss_bytes) AS max_rss_bytes,
                          min(x.started_at) AS started_at, max(x.ended_at) AS ended_at,
                          count(*) FILTER (WHERE x.outcome IS NULL) AS open
                   FROM hpt_record.attempt x
                   WHERE t.rung IS NOT NULL AND x.study_id = t.study_id AND x.number = t.number) u
    ON t.rung IS NOT NULL;
