-- The bytes of artefacts by their SHA-256; bytes is NULL where they lie in the object folder.
DROP VIEW IF EXISTS hpt.object;
CREATE VIEW hpt.object AS
SELECT encode(o.digest, 'hex') AS digest, o.size, o.bytes
FROM hpt_record.object o;
