-- The declared metrics of each study: objectives (min, max), constraints (le, ge) and tracked ones.
DROP VIEW IF EXISTS hpt.objective;
CREATE VIEW hpt.objective AS
SELECT s.name AS study, m.ordinality AS position, m.value ->> 'name' AS name, c.column_name,
       m.value ->> 'direction' AS direction, (m.value ->> 'bound')::double precision AS bound,
       m.value ->> 'source' AS source
FROM hpt_record.study s
JOIN LATERAL (SELECT * FROM hpt_record.definition d WHERE d.study_id = s.id
              ORDER BY d.version DESC LIMIT 1) d ON true
CROSS JOIN LATERAL jsonb_array_elements(d.body -> 'metrics') WITH ORDINALITY m
LEFT JOIN hpt_record.wide_column c ON c.study_id = s.id AND c.kind = 'metric' AND c.name = m.value ->> 'name';
