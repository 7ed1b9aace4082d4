-- A report of a trial that was given out: see the function for what the columns say.
-- $1 study bigint
-- $2 trial bigint
-- $3 attempt integer
-- $4 step bigint
-- $5 names text[]
-- $6 vals double precision[]
-- $7 objectives text[] (NULL: nothing is judged)
-- returns verdict text
-- returns counts integer
-- returns state text
-- returns ended_as text
-- returns cause text
-- returns ended timestamptz
-- returns names text[]
-- returns vals double precision[]
-- returns more boolean
-- returns newest bigint
-- returns attempt uuid
-- returns fold integer
-- returns repeat integer
-- returns decided bigint
-- returns curve_names text[]
-- returns curve_steps bigint[]
-- returns curve_vals double precision[]
select verdict, counts, state, ended_as, cause, ended, names, vals, more, newest, attempt_id as attempt, fold, repeat, decided,
       curve_names, curve_steps, curve_vals
from hpt_record.trial_report($1, $2, $3, $4, $5, $6, $7)
