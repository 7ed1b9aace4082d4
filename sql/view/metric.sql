-- Metrics of the attempt that counts, with the rule that found each and where its text began; of a trial
-- with evaluations their means, with the standard error.
DROP VIEW IF EXISTS hpt.metric;
CREATE VIEW hpt.metric AS
SELECT s.name AS study, m.number AS trial, m.name, m.value, m.rule, m.source, m.byte_offset,
       m.n AS evaluations, m.se
FROM hpt_record.metric m
JOIN hpt_record.trial t ON t.study_id = m.study_id AND t.number = m.number AND t.attempt = m.attempt
JOIN hpt_record.study s ON s.id = m.study_id;
