-- What the database itself can tell of the invariants: see the view hpt.finding.
-- $1 study text (NULL: all)
-- returns invariant text
-- returns kind text
-- returns study text
-- returns trial bigint
-- returns attempt integer
-- returns finding text
select invariant, kind, study, trial, attempt, finding
from hpt.finding
where $1::text is null or study = $1
order by invariant, study, trial, attempt, finding
