-- Learning curves of the attempt that counts, one point a row, in the order they were reported.
DROP VIEW IF EXISTS hpt.metric_point;
CREATE VIEW hpt.metric_point AS
SELECT s.name AS study, c.number AS trial, c.name, p.step, p.value,
       c.chunk * 1048576::bigint + p.position AS position -- ascending, with gaps
FROM hpt_record.metric_chunk c
JOIN hpt_record.trial t ON t.study_id = c.study_id AND t.number = c.number AND t.attempt = c.attempt
JOIN hpt_record.study s ON s.id = c.study_id
CROSS JOIN LATERAL unnest(c.steps, c.vals) WITH ORDINALITY p (step, value, position);
