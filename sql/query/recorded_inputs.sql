-- The files that a run read and of which the record has a digest.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer
-- returns path text
-- returns sha256 text
-- returns common boolean
select path, sha256, common
from hpt.input
where study = $1 and trial = $2 and attempt = $3 and role = 'read' and sha256 is not null
order by path collate "C"
