-- The earlier studies that a study was begun with, as they were then: which of their trials had ended, and which are
-- used. The definition keeps them, so what becomes of an earlier study changes nothing, nor need it be here.
DROP VIEW IF EXISTS hpt.study_prior;
CREATE VIEW hpt.study_prior AS
SELECT s.name AS study, p.ordinality AS position, p.value ->> 'study' AS prior, p.value ->> 'finished' AS finished,
       p.value ->> 'metric' AS metric, p.value ->> 'direction' AS direction,
       jsonb_array_length(p.value -> 'rows') AS trials,
       (SELECT count(*)::integer FROM jsonb_array_elements(p.value -> 'rows') r WHERE r -> 'value' = 'null') AS failed,
       EXISTS (SELECT FROM hpt_record.study e WHERE e.name = p.value ->> 'study') AS present
FROM hpt_record.study s
JOIN LATERAL (SELECT * FROM hpt_record.definition d WHERE d.study_id = s.id
              ORDER BY d.version DESC LIMIT 1) d ON true
CROSS JOIN LATERAL jsonb_array_elements(d.body -> 'priors') WITH ORDINALITY p;
