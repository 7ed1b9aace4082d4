-- Puts failed or lost trials back in the queue.
-- $1 study bigint
-- $2 states text[]
-- returns count bigint
select hpt_record.trial_retry($1, $2) as count
