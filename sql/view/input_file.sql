-- The files of input sets; path with \\ for a backslash and \ooo for control characters and bytes that are not
-- UTF-8.
DROP VIEW IF EXISTS hpt.input_file;
CREATE VIEW hpt.input_file AS
SELECT encode(f.input_set, 'hex') AS inputs, f.path, f.role, encode(f.sha256, 'hex') AS sha256, f.size, f.state,
       f.ignored
FROM hpt_record.input_file f;
