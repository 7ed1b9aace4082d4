-- Environments as facts: one row per item; compare two with EXCEPT. Items of hpt's first format belong to
-- the part that has them now.
DROP VIEW IF EXISTS hpt.environment_item;
CREATE VIEW hpt.environment_item AS
SELECT encode(e.digest, 'hex') AS environment, i.value ->> 'kind' AS kind, i.value ->> 'name' AS name,
       coalesce(i.value ->> 'value', i.value ->> 'value_hex') AS value, p.part
FROM hpt_record.environment e
CROSS JOIN LATERAL jsonb_each_text(e.body -> 'parts') n
JOIN hpt_record.environment_part p ON p.digest = decode(n.value, 'hex')
CROSS JOIN LATERAL jsonb_array_elements(p.body -> 'items') i
UNION ALL
SELECT encode(e.digest, 'hex'), i.value ->> 'kind', i.value ->> 'name',
       coalesce(i.value ->> 'value', i.value ->> 'value_hex'),
       CASE WHEN i.value ->> 'kind' IN ('host', 'hpt') THEN 'host'
            WHEN i.value ->> 'kind' = 'os' AND i.value ->> 'name' IN ('id', 'libc', 'name', 'version') THEN 'packages'
            WHEN i.value ->> 'kind' = 'executable' AND i.value ->> 'name' = 'interpreter' THEN 'interpreter'
            WHEN i.value ->> 'kind' = 'executable' THEN 'libraries'
            ELSE 'variables' END
FROM hpt_record.environment e
CROSS JOIN LATERAL jsonb_array_elements(e.body -> 'items') i;
