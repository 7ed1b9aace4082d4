-- This process ends in good order.
-- $1 worker uuid
-- returns nothing integer (NULL)
select null::integer as nothing from hpt_record.worker_end($1)
