-- The first (or last) trial in a state.
-- $1 study text
-- $2 state text
-- $3 last boolean
-- returns trial bigint
select case when $3 then max(trial) else min(trial) end
from hpt.trial
where study = $1 and state = $2
