-- The regular files that an attempt left, with the bytes of those that lie in the database.
-- $1 study bigint
-- $2 trial bigint
-- $3 attempt integer
-- returns path bytea
-- returns digest bytea
-- returns size bigint
-- returns mode integer
-- returns bytes bytea
select path, digest, size, mode, bytes
from hpt_record.attempt_files($1, $2, $3)
