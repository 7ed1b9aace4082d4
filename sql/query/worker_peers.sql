-- Workers that hold leases and ran on this boot of this machine.
-- $1 study bigint
-- $2 boot_id text
-- $3 pid_namespace text
-- returns id text
-- returns pid integer
-- returns pid_started bigint
select id::text, pid, pid_started from hpt_record.worker_peers($1, $2, $3)
