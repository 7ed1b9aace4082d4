-- The end of a trial that was given out: see the function for what the columns say.
-- $1 study bigint
-- $2 trial bigint
-- $3 attempt integer
-- $4 outcome text
-- $5 cause text
-- $6 names text[]
-- $7 vals double precision[]
-- $8 max_lost integer
-- returns verdict text
-- returns counts integer
-- returns state text
-- returns ended_as text
-- returns cause text
-- returns ended timestamptz
-- returns names text[]
-- returns vals double precision[]
-- returns more boolean
select verdict, counts, state, ended_as, cause, ended, names, vals, more
from hpt_record.trial_tell($1, $2, $3, $4, $5, $6, $7, $8)
