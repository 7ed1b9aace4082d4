-- Every rung that any trial of a study has ended; one row with NULLs when there is none.
-- $1 study bigint
-- returns trial bigint
-- returns rung integer
-- returns promoted boolean
-- returns vals double precision[]
-- returns trials bigint
select trial, rung, promoted, vals, trials
from hpt_record.rung_results($1)
