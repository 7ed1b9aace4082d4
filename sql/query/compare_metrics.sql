-- The metrics of a trial, or of one attempt of it.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer (null: the trial as it counts)
-- returns name text
-- returns value double precision
select name, value
from hpt.metric
where $3::integer is null and study = $1 and trial = $2
union all
select name, value
from hpt.attempt_metric
where study = $1 and trial = $2 and attempt = $3
