-- Every attempt at a trial, the lost and interrupted ones too, for a bundle.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns attempt integer
-- returns outcome text
-- returns cause text
-- returns exit_status integer
-- returns signal integer
-- returns seconds double precision
-- returns max_rss_bytes bigint
-- returns details jsonb
-- returns worker uuid
-- returns host text
-- returns pid integer
-- returns started timestamptz
-- returns ended timestamptz
-- returns environment text
select trial, attempt, outcome, cause, exit_status, signal, seconds, max_rss_bytes, details, worker,
       host, pid, started, ended, environment
from hpt.attempt
where study = $1 and ($2::bigint[] is null or trial = any ($2))
order by trial, attempt
