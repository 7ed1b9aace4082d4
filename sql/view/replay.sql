-- Replays of trials by hpt-replay, which are no trials.
DROP VIEW IF EXISTS hpt.replay;
CREATE VIEW hpt.replay AS
SELECT r.id AS replay, s.name AS study, r.number AS trial, r.attempt, a.evaluation, r.verdict, r.runs,
       r.deterministic, r.outcome, r.cause, r.exit_status, r.signal,
       r.wall_us / 1e6::double precision AS seconds, r.user_us / 1e6::double precision AS user_seconds,
       r.system_us / 1e6::double precision AS system_seconds, r.max_rss_bytes, r.causes,
       encode(r.environment, 'hex') AS environment, r.host, r.tool_version, r.started_at AS started,
       r.ended_at AS ended
FROM hpt_record.replay r
JOIN hpt_record.attempt a ON a.study_id = r.study_id AND a.number = r.number AND a.attempt = r.attempt
JOIN hpt_record.study s ON s.id = r.study_id;
