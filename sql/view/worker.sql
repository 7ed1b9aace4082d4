-- The hpt-run and hpt-ask processes, with the trials each holds now.
DROP VIEW IF EXISTS hpt.worker;
CREATE VIEW hpt.worker AS
SELECT s.name AS study, w.id AS worker, w.host, w.pid, w.launcher, w.tool_version, w.started_at AS started,
       w.ended_at AS ended, coalesce(w.kind, 'run') AS kind,
       (SELECT count(*) FROM hpt_record.lease l WHERE l.study_id = w.study_id AND l.worker_id = w.id)
           AS running,
       (SELECT max(l.until) FROM hpt_record.lease l WHERE l.study_id = w.study_id AND l.worker_id = w.id)
           AS lease_until
FROM hpt_record.worker w JOIN hpt_record.study s ON s.id = w.study_id;
