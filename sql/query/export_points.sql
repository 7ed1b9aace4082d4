-- The points of a study's curves in the order they were reported, for a bundle.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns name text
-- returns step bigint
-- returns value double precision
select trial, name, step, value
from hpt.metric_point
where study = $1 and ($2::bigint[] is null or trial = any ($2))
order by trial, name collate "C", attempt, position
