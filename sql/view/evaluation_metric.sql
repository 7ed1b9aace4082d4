-- The numbers of each evaluation, with the rule that found each; their means are in hpt.metric.
DROP VIEW IF EXISTS hpt.evaluation_metric;
CREATE VIEW hpt.evaluation_metric AS
SELECT s.name AS study, e.number AS trial, e.evaluation, e.rung, e.budget, e.fold, e.repeat, m.name, m.value,
       m.rule, m.source, m.byte_offset
FROM hpt_record.evaluation e
JOIN hpt_record.evaluation_metric m
    ON m.study_id = e.study_id AND m.number = e.number AND m.attempt = e.attempt
JOIN hpt_record.study s ON s.id = e.study_id;
