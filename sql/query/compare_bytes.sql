-- The bytes of what a trial left, where they lie in the database.
-- $1 study text
-- $2 trial bigint
-- $3 digest text
-- returns bytes bytea
select bytes
from hpt.attempt_artefact
where study = $1 and trial = $2 and digest = $3
limit 1
