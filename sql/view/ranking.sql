-- Complete trials that keep every constraint, best first by the study's first objective; place 1 is
-- the best, equal values rank by trial number. All joins are inside one study, so that asking for one
-- reads that one alone.
DROP VIEW IF EXISTS hpt.ranking;
CREATE VIEW hpt.ranking AS
SELECT s.name AS study, r.place, r.number AS trial, o.name, o.direction, r.value
FROM hpt_record.study s
JOIN LATERAL (SELECT d.body -> 'metrics' AS metrics FROM hpt_record.definition d WHERE d.study_id = s.id
              ORDER BY d.version DESC LIMIT 1) d ON true
JOIN LATERAL (SELECT j.value ->> 'name' AS name, j.value ->> 'direction' AS direction
              FROM jsonb_array_elements(d.metrics) WITH ORDINALITY j
              WHERE j.value ->> 'direction' IN ('min', 'max')
              ORDER BY j.ordinality LIMIT 1) o ON true
JOIN LATERAL (SELECT count(*) AS n FROM jsonb_array_elements(d.metrics) c
              WHERE c.value ->> 'direction' IN ('le', 'ge')) bounds ON true
CROSS JOIN LATERAL (
    SELECT m.number, m.value,
           row_number() OVER (ORDER BY CASE o.direction WHEN 'min' THEN m.value ELSE -m.value END, m.number)
               AS place
    FROM hpt_record.metric m
    JOIN hpt_record.trial t ON t.study_id = s.id AND t.number = m.number AND t.attempt = m.attempt
    LEFT JOIN (SELECT v.number, v.attempt, count(*) AS n
               FROM jsonb_array_elements(d.metrics) c
               JOIN hpt_record.metric v ON v.study_id = s.id AND v.name = c.value ->> 'name'
               WHERE c.value ->> 'direction' IN ('le', 'ge')
                 AND CASE c.value ->> 'direction'
                         WHEN 'le' THEN v.value <= (c.value ->> 'bound')::double precision
                         WHEN 'ge' THEN v.value >= (c.value ->> 'bound')::double precision END
               GROUP BY v.number, v.attempt) kept ON kept.number = m.number AND kept.attempt = m.attempt
    WHERE m.study_id = s.id AND m.name = o.name AND t.state = 'complete' AND coalesce(kept.n, 0) = bounds.n) r;
