-- Where the curves of a run end.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer
-- returns name text
-- returns step bigint
select m.name, m.step
from hpt.metric_last m
where m.study = $1 and m.trial = $2 and m.attempt = $3
order by m.name collate "C"
