-- The states a trial can be in.
-- returns state text
select state
from hpt.trial_state
order by state
