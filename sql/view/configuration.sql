-- The configurations as they are hashed: canonical JSON, exact bytes. NULL while a trial is proposed.
DROP VIEW IF EXISTS hpt.configuration;
CREATE VIEW hpt.configuration AS
SELECT s.name AS study, t.number AS trial, encode(t.config_hash, 'hex') AS config_hash, t.config AS canonical
FROM hpt_record.trial t
JOIN hpt_record.study s ON s.id = t.study_id;
