-- Attempts that failed or were lost, with the last line they wrote to stderr (NULL where it is not in
-- the database).
DROP VIEW IF EXISTS hpt.failure;
CREATE VIEW hpt.failure AS
SELECT s.name AS study, a.number AS trial, a.attempt, a.outcome, a.cause, a.exit_status, a.signal,
       (SELECT hpt.last_line(o.bytes)
        FROM hpt_record.artefact f JOIN hpt_record.object o ON o.digest = f.digest
        WHERE f.study_id = a.study_id AND f.number = a.number AND f.attempt = a.attempt
          AND f.kind = 'stderr' LIMIT 1) AS last_line,
       w.host, a.started_at AS started, a.ended_at AS ended
FROM hpt_record.attempt a
JOIN hpt_record.study s ON s.id = a.study_id
JOIN hpt_record.worker w ON w.id = a.worker_id
WHERE a.outcome IN ('failed', 'lost');
