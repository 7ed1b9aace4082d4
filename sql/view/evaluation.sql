-- The runs of trials that have more than one: a fold, a repeat, a rung of the budget. A trial that is one
-- run has no row here.
DROP VIEW IF EXISTS hpt.evaluation;
CREATE VIEW hpt.evaluation AS
SELECT s.name AS study, e.number AS trial, e.evaluation, e.rung, e.budget, e.fold, e.repeat, e.seed,
       e.state, e.attempt, a.cause, a.wall_us / 1e6::double precision AS seconds,
       e.resume_number AS resume_trial, e.resume_attempt, a.started_at AS started, a.ended_at AS ended
FROM hpt_record.evaluation e
JOIN hpt_record.study s ON s.id = e.study_id
LEFT JOIN hpt_record.attempt a ON a.study_id = e.study_id AND a.number = e.number AND a.attempt = e.attempt;
