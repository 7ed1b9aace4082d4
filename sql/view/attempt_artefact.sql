-- What every attempt left, also those that do not count.
DROP VIEW IF EXISTS hpt.attempt_artefact;
CREATE VIEW hpt.attempt_artefact AS
SELECT s.name AS study, a.number AS trial, a.attempt,
       t.attempt = a.attempt
       OR t.rung IS NOT NULL AND EXISTS (SELECT FROM hpt_record.evaluation e
              WHERE e.study_id = a.study_id AND e.number = a.number AND e.attempt = a.attempt) AS counts,
       a.kind, hpt.path_text(a.path) AS path, encode(a.digest, 'hex') AS digest, o.size AS stored_size,
       a.full_size AS size, encode(a.full_digest, 'hex') AS full_digest, a.mode,
       hpt.path_text(a.target) AS target, a.note
FROM hpt_record.artefact a
JOIN hpt_record.trial t ON t.study_id = a.study_id AND t.number = a.number
JOIN hpt_record.study s ON s.id = a.study_id
LEFT JOIN hpt_record.object o ON o.digest = a.digest;
