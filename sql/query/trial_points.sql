-- Points of a trial that still runs. false: the trial is not this worker's any more.
-- $1 attempt uuid
-- $2 batch integer
-- $3 names text[]
-- $4 steps bigint[]
-- $5 values double precision[]
-- $6 superseded text[]
-- returns held boolean
select hpt_record.trial_points($1, $2, $3, $4, $5, $6) as held
