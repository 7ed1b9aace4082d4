-- The regular files that a run left, with the bytes of those that lie in the database: for a run that goes
-- on from them.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer
-- returns path bytea
-- returns digest bytea
-- returns size bigint
-- returns mode integer
-- returns bytes bytea
select decode(a.path, 'escape') as path, decode(a.digest, 'hex') as digest, a.stored_size as size, a.mode, o.bytes
from hpt.artefact a
left join hpt.object o on o.digest = a.digest
where a.study = $1 and a.trial = $2 and a.attempt = $3 and a.kind = 'file'
order by a.path collate "C"
