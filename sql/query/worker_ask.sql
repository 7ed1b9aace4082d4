-- Registers an hpt-ask.
-- $1 worker uuid
-- $2 study bigint
-- $3 host text
-- $4 boot_id text
-- $5 pid_namespace text
-- $6 pid integer
-- $7 pid_started bigint
-- $8 launcher jsonb
-- $9 tool_version text
-- returns nothing integer (NULL)
select null::integer as nothing
from hpt_record.worker_ask($1, $2, $3, $4, $5, $6, $7, $8, $9)
