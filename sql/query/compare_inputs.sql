-- The input sets of a trial: its own, and what is common.
-- $1 inputs text
-- $2 common_inputs text
-- returns canonical bytea
select canonical
from hpt.input_set
where inputs in ($1, $2)
