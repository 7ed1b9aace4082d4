-- The files that a run read and wrote outside its own folder; path as in the set, escaped.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer
-- returns path text
-- returns role text
-- returns state text
-- returns sha256 text
-- returns size bigint
-- returns common boolean
select path, role, state, sha256, size, common
from hpt.input
where study = $1 and trial = $2 and attempt = $3
order by path collate "C", role collate "C"
