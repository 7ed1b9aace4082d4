-- Complete trials that keep every constraint, best first by the study's first objective; place 1 is
-- the best, equal values rank by trial number.
DROP VIEW IF EXISTS hpt.ranking;
CREATE VIEW hpt.ranking AS
SELECT s.name AS study,
       row_number() OVER (PARTITION BY s.name
           ORDER BY CASE o.direction WHEN 'min' THEN m.value ELSE -m.value END, m.number) AS place,
       m.number AS trial, o.name, o.direction, m.value
FROM hpt_record.study s
JOIN LATERAL (SELECT d.body -> 'metrics' AS metrics,
                     jsonb_path_exists(d.body, '$.metrics[*].direction ? (@ == "le" || @ == "ge")') AS bound
              FROM hpt_record.definition d WHERE d.study_id = s.id
              ORDER BY d.version DESC LIMIT 1) d ON true
JOIN LATERAL (SELECT j.value ->> 'name' AS name, j.value ->> 'direction' AS direction
              FROM jsonb_array_elements(d.metrics) WITH ORDINALITY j
              WHERE j.value ->> 'direction' IN ('min', 'max')
              ORDER BY j.ordinality LIMIT 1) o ON true
JOIN hpt_record.metric m ON m.study_id = s.id AND m.name = o.name
JOIN hpt_record.trial t ON t.study_id = m.study_id AND t.number = m.number AND t.attempt = m.attempt
WHERE t.state = 'complete'
  AND (NOT d.bound OR NOT EXISTS (
      SELECT FROM jsonb_array_elements(d.metrics) c
      LEFT JOIN hpt_record.metric v ON v.study_id = m.study_id AND v.number = m.number
                                   AND v.attempt = m.attempt AND v.name = c.value ->> 'name'
      WHERE (CASE c.value ->> 'direction'
             WHEN 'le' THEN coalesce(v.value <= (c.value ->> 'bound')::double precision, false)
             WHEN 'ge' THEN coalesce(v.value >= (c.value ->> 'bound')::double precision, false)
             ELSE true END) IS FALSE));
