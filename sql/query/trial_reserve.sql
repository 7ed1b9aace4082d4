-- A trial to run: see the function. outcome is trial, wait or done.
-- $1 study bigint
-- $2 worker uuid
-- $3 attempt uuid
-- $4 total bigint (NULL: no end)
-- $5 lease_s integer
-- $6 plan jsonb (NULL: a trial is one run)
-- returns outcome text
-- returns trial bigint
-- returns attempt_number integer
-- returns definition_version integer
-- returns config bytea
-- returns part jsonb
select outcome, trial, attempt_number, definition_version, config_bytes, part
from hpt_record.trial_reserve($1, $2, $3, $4, $5, $6)
