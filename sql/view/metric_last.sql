-- The last point of each curve of the attempt that counts.
DROP VIEW IF EXISTS hpt.metric_last;
CREATE VIEW hpt.metric_last AS
SELECT DISTINCT ON (c.study_id, c.number, c.name)
       s.name AS study, c.number AS trial, c.name, c.steps[cardinality(c.steps)] AS step,
       c.vals[cardinality(c.vals)] AS value
FROM hpt_record.metric_chunk c
JOIN hpt_record.trial t ON t.study_id = c.study_id AND t.number = c.number AND t.attempt = c.attempt
JOIN hpt_record.study s ON s.id = c.study_id
ORDER BY c.study_id, c.number, c.name, c.chunk DESC;
