-- How trials came to their end, each time: a row stays when its trial is run again. What samplers learn from.
DROP VIEW IF EXISTS hpt.trial_result;
CREATE VIEW hpt.trial_result AS
SELECT s.name AS study, r.number AS trial, r.turn, r.state, t.config, r.objectives, r.constraints
FROM hpt_record.result r
JOIN hpt_record.study s ON s.id = r.study_id
JOIN hpt_record.trial t ON t.study_id = r.study_id AND t.number = r.number;
