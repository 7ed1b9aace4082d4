-- Parameters, one fact a row; an inactive parameter has none. number is NULL for text.
DROP VIEW IF EXISTS hpt.param;
CREATE VIEW hpt.param AS
SELECT s.name AS study, t.number AS trial, p.key AS name, p.value #>> '{}' AS value,
       CASE WHEN jsonb_typeof(p.value) = 'number' THEN (p.value #>> '{}')::double precision END AS number
FROM hpt_record.trial t
JOIN hpt_record.study s ON s.id = t.study_id
CROSS JOIN LATERAL jsonb_each(t.params) p;
