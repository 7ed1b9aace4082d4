-- The trials of a study that have come to an end, and so do not change any more.
-- $1 study text
-- returns trial bigint
select t.trial
from hpt.trial t
join hpt.trial_state s on s.state = t.state
where t.study = $1 and s.finished
order by t.trial
