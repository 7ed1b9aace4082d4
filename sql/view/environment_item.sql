-- Environments as facts: one row per item; compare two with EXCEPT.
DROP VIEW IF EXISTS hpt.environment_item;
CREATE VIEW hpt.environment_item AS
SELECT encode(e.digest, 'hex') AS environment, i.value ->> 'kind' AS kind, i.value ->> 'name' AS name,
       coalesce(i.value ->> 'value', i.value ->> 'value_hex') AS value
FROM hpt_record.environment e
CROSS JOIN LATERAL jsonb_array_elements(e.body -> 'items') i;
