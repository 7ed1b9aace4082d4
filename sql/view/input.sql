-- The files that attempts read and wrote outside their own folders, common: those of the system that they only
-- read.
DROP VIEW IF EXISTS hpt.input;
CREATE VIEW hpt.input AS
SELECT s.name AS study, a.number AS trial, a.attempt, f.path, f.role, encode(f.sha256, 'hex') AS sha256, f.size,
       f.state, f.ignored, f.input_set IS NOT DISTINCT FROM a.common_inputs AS common
FROM hpt_record.attempt a
JOIN hpt_record.study s ON s.id = a.study_id
JOIN hpt_record.input_file f ON f.input_set = ANY (ARRAY[a.inputs, a.common_inputs]);
