-- The objectives of a trial by evaluation, and those of the best complete trial.
-- $1 study bigint
-- $2 trial bigint
-- returns own boolean
-- returns trial bigint
-- returns part integer
-- returns vals double precision[]
select own, trial, part, vals
from hpt_record.fold_values($1, $2)
