-- How this schema came to be: its steps with the digest of their text.
DROP VIEW IF EXISTS hpt.schema_step;
CREATE VIEW hpt.schema_step AS
SELECT s.number AS step, s.name, encode(s.digest, 'hex') AS digest, s.applied_at AS applied, s.tool_version
FROM hpt_record.schema_step s
WHERE s.number > 0;
