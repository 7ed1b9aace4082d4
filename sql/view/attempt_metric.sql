-- The numbers that every attempt delivered, also those that do not count.
DROP VIEW IF EXISTS hpt.attempt_metric;
CREATE VIEW hpt.attempt_metric AS
SELECT s.name AS study, m.number AS trial, m.attempt, m.name, m.value, m.rule, m.source, m.byte_offset
FROM hpt_record.evaluation_metric m
JOIN hpt_record.study s ON s.id = m.study_id
UNION ALL
SELECT s.name, m.number, m.attempt, m.name, m.value, m.rule, m.source, m.byte_offset
FROM hpt_record.metric m
JOIN hpt_record.study s ON s.id = m.study_id
WHERE m.n IS NULL; -- not the means of evaluations
