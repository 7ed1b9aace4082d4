-- Environments as facts: one row per item; compare two with EXCEPT.
DROP VIEW IF EXISTS hpt.environment_item;
CREATE VIEW hpt.environment_item AS
SELECT encode(e.digest, 'hex') AS environment, p.key AS part, i.key AS name, i.value #>> '{}' AS value
FROM hpt_record.environment e
CROSS JOIN LATERAL jsonb_each(e.body) p
CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(p.value) = 'object' THEN p.value
                                   ELSE jsonb_build_object('', p.value) END) i;
