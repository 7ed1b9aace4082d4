-- The entries of snapshots; path and target as they stand there, with \\ for a backslash and \ooo for control
-- characters and bytes that are not UTF-8.
DROP VIEW IF EXISTS hpt.code_file;
CREATE VIEW hpt.code_file AS
SELECT encode(c.digest, 'hex') AS code, l[6] AS path, l[1] AS kind,
       CASE l[2] WHEN '=' THEN 'same' WHEN 'M' THEN 'modified' WHEN '+' THEN 'new' END AS state,
       nullif(l[3], '') AS mode, nullif(l[4], '')::bigint AS size, nullif(l[5], '') AS digest,
       CASE WHEN l[1] = 'link' THEN l[7] END AS target, CASE WHEN l[1] = 'missing' THEN l[7] END AS reason
FROM hpt_record.code c
CROSS JOIN LATERAL string_to_table(convert_from(c.canonical, 'UTF8'), E'\n') s (line)
CROSS JOIN LATERAL string_to_array(s.line, E'\t') l
WHERE l[1] IN ('file', 'link', 'folder', 'missing');
