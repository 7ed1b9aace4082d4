-- Every attempt, the lost and interrupted ones too.
DROP VIEW IF EXISTS hpt.attempt;
CREATE VIEW hpt.attempt AS
SELECT s.name AS study, a.number AS trial, a.attempt, coalesce(a.outcome, 'running') AS outcome, a.cause,
       a.exit_status, a.signal, a.wall_us / 1e6::double precision AS seconds,
       a.max_rss_bytes, a.details, a.worker_id AS worker, w.host, w.pid,
       a.started_at AS started, a.ended_at AS ended, a.evaluation, a.argv,
       encode(a.environment, 'hex') AS environment, a.slot,
       encode(a.code, 'hex') AS code,
       encode(a.inputs, 'hex') AS inputs, encode(a.common_inputs, 'hex') AS common_inputs, a.trace, a.trace_missing,
       a.details -> 'code_changed' AS code_changed, w.kind IS NOT NULL AS outside
FROM hpt_record.attempt a
JOIN hpt_record.study s ON s.id = a.study_id
JOIN hpt_record.worker w ON w.id = a.worker_id;
