-- The hpt-run processes that worked on a study, for a bundle.
-- $1 study text
-- returns worker uuid
-- returns host text
-- returns pid integer
-- returns launcher jsonb
-- returns tool_version text
-- returns started timestamptz
-- returns ended timestamptz
select worker, host, pid, launcher, tool_version, started, ended
from hpt.worker
where study = $1
order by started, worker
