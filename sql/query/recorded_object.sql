-- An object that lies in the database; bytes is null for one in the folder.
-- $1 digest text
-- returns bytes bytea
select bytes
from hpt.object
where digest = $1
