-- Learning curves of the attempts that count (one for each evaluation), one point a row, in the order they were reported.
DROP VIEW IF EXISTS hpt.metric_point;
CREATE VIEW hpt.metric_point AS
SELECT s.name AS study, c.number AS trial, c.name, p.step, p.value,
       c.chunk * 1048576::bigint + p.position AS position, -- ascending, with gaps
       c.attempt
FROM hpt_record.metric_chunk c
JOIN hpt_record.trial t ON t.study_id = c.study_id AND t.number = c.number
    AND (t.attempt = c.attempt
         OR t.rung IS NOT NULL AND EXISTS (SELECT FROM hpt_record.evaluation e
                WHERE e.study_id = c.study_id AND e.number = c.number AND e.attempt = c.attempt))
JOIN hpt_record.study s ON s.id = c.study_id
CROSS JOIN LATERAL unnest(c.steps, c.vals) WITH ORDINALITY p (step, value, position);
