-- The input sets as they are hashed; one file a row: input_file.
DROP VIEW IF EXISTS hpt.input_set;
CREATE VIEW hpt.input_set AS
SELECT encode(i.digest, 'hex') AS inputs, i.canonical
FROM hpt_record.input_set i;
