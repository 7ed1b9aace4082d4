-- Packed results for a process that is new to the study: see the function.
-- $1 study bigint
-- $2 space bytea
-- $3 from bigint
-- $4 most integer
-- returns block bigint
-- returns body bytea
select block, body
from hpt_record.history_blocks($1, $2, $3, $4)
