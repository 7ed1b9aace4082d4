-- The five parts of each environment, with their bytes as they are hashed. Environments of hpt's first format
-- have none: all their items are in one list.
DROP VIEW IF EXISTS hpt.environment_part;
CREATE VIEW hpt.environment_part AS
SELECT encode(e.digest, 'hex') AS environment, n.key AS part, n.value AS digest, p.canonical
FROM hpt_record.environment e
CROSS JOIN LATERAL jsonb_each_text(e.body -> 'parts') n
LEFT JOIN hpt_record.environment_part p ON p.digest = decode(n.value, 'hex');
