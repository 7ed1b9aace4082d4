-- What was brought in from other projects by hpt-import.
DROP VIEW IF EXISTS hpt.import;
CREATE VIEW hpt.import AS
SELECT s.name AS study, encode(i.bundle, 'hex') AS bundle, i.name AS name_there, i.fresh AS new_trials,
       i.gone_on AS continued_trials, i.imported_by, i.imported_at AS imported
FROM hpt_record.import i
JOIN hpt_record.study s ON s.id = i.study_id;
