-- The last point of each curve of the attempts that count (one for each evaluation).
DROP VIEW IF EXISTS hpt.metric_last;
CREATE VIEW hpt.metric_last AS
SELECT DISTINCT ON (c.study_id, c.number, c.name, c.attempt)
       s.name AS study, c.number AS trial, c.name, c.steps[cardinality(c.steps)] AS step,
       c.vals[cardinality(c.vals)] AS value, c.attempt
FROM hpt_record.metric_chunk c
JOIN hpt_record.trial t ON t.study_id = c.study_id AND t.number = c.number
    AND (t.attempt = c.attempt
         OR t.rung IS NOT NULL AND EXISTS (SELECT FROM hpt_record.evaluation e
                WHERE e.study_id = c.study_id AND e.number = c.number AND e.attempt = c.attempt))
JOIN hpt_record.study s ON s.id = c.study_id
ORDER BY c.study_id, c.number, c.name, c.attempt, c.chunk DESC;
