-- The environments as they are hashed: canonical JSON, exact bytes. It names five parts: environment_part;
-- one fact a row: environment_item.
DROP VIEW IF EXISTS hpt.environment;
CREATE VIEW hpt.environment AS
SELECT encode(e.digest, 'hex') AS environment, e.canonical
FROM hpt_record.environment e;
