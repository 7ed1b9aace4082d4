-- After which step a rule stopped a run, and why; no row: none did.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer
-- returns step bigint
-- returns rule text
-- returns reason text
select p.place as step, p.rule, p.reason
from hpt.pruning p
where p.study = $1 and p.trial = $2 and p.attempt = $3 and p.kind = 'step' and p.stop
order by p.place
limit 1
