-- Trials to be run outside: see the function. outcome is trial, wait or done.
-- $1 study bigint
-- $2 worker uuid
-- $3 attempts text (their ids, as a PostgreSQL array of uuid in text form)
-- $4 total bigint (NULL: no end)
-- $5 lease_s integer
-- $6 max_lost integer
-- $7 only_new boolean
-- $8 plan jsonb (NULL: a trial is one run)
-- returns outcome text
-- returns trial bigint
-- returns attempt_number integer
-- returns definition_version integer
-- returns config bytea
-- returns attempt uuid
-- returns lease_until timestamptz
-- returns part jsonb
select outcome, trial, attempt_number, definition_version, config_bytes, attempt_id, until, part
from hpt_record.trial_ask($1, $2, $3::text::uuid[], $4, $5, $6, $7, $8)
