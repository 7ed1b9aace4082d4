-- What each replay compared, with its verdict.
DROP VIEW IF EXISTS hpt.replay_result;
CREATE VIEW hpt.replay_result AS
SELECT x.replay_id AS replay, s.name AS study, x.number AS trial, x.position, x.kind, x.name, x.verdict,
       x.value_then, x.value_now, x.tolerance, encode(x.digest_then, 'hex') AS digest_then,
       encode(x.digest_now, 'hex') AS digest_now, x.note
FROM hpt_record.replay_result x
JOIN hpt_record.study s ON s.id = x.study_id;
