-- Every object that the record needs: what hpt-init --gc keeps. Whatever names objects (artefacts, code, inputs)
-- does so by a foreign key to hpt_record.object, so that a row there is enough.
DROP VIEW IF EXISTS hpt.object_reference;
CREATE VIEW hpt.object_reference AS
SELECT encode(o.digest, 'hex') AS digest
FROM hpt_record.object o;
