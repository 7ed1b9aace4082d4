-- Snapshots of code: what the folder of a command held when a trial began. One entry a row: code_file.
DROP VIEW IF EXISTS hpt.code;
CREATE VIEW hpt.code AS
SELECT encode(c.digest, 'hex') AS code, c.facts ->> 'head' AS head, c.facts ->> 'branch' AS branch,
       c.facts ->> 'remote' AS remote, (c.facts ->> 'dirty')::boolean AS dirty,
       (c.facts ->> 'files')::bigint AS files, (c.facts ->> 'bytes')::bigint AS bytes,
       (c.facts ->> 'missing')::bigint AS missing, c.canonical
FROM hpt_record.code c;
