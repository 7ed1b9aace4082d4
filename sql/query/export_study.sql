-- A study in one row, for a bundle: what does not change once its trials are done.
-- $1 study text
-- returns study text
-- returns seed bigint
-- returns total bigint
-- returns version integer
-- returns definition_hash text
-- returns created timestamptz
select study, seed, total, version, definition_hash, created
from hpt.study
where study = $1
