-- Every version of what a study is, as it is hashed: canonical JSON, exact bytes.
DROP VIEW IF EXISTS hpt.definition;
CREATE VIEW hpt.definition AS
SELECT s.name AS study, d.version, encode(d.digest, 'hex') AS definition_hash, d.canonical,
       d.created_at AS created
FROM hpt_record.definition d
JOIN hpt_record.study s ON s.id = d.study_id;
