-- Which column of a study's wide view shows which parameter or metric (kind se: the standard error of
-- that metric's mean; part: budget, evaluations); constants are marked.
DROP VIEW IF EXISTS hpt.wide_column;
CREATE VIEW hpt.wide_column AS
SELECT s.name AS study, s.view_name AS wide_view, c.position, c.column_name, c.kind, c.name,
       coalesce((p.value ->> 'constant')::boolean, false) AS constant
FROM hpt_record.wide_column c
JOIN hpt_record.study s ON s.id = c.study_id
JOIN LATERAL (SELECT * FROM hpt_record.definition d WHERE d.study_id = s.id
              ORDER BY d.version DESC LIMIT 1) d ON true
LEFT JOIN LATERAL jsonb_array_elements(d.body -> 'parameters') p
    ON c.kind = 'param' AND p.value ->> 'name' = c.name;
