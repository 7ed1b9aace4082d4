-- Declares lost what dead workers held.
-- $1 study bigint
-- $2 dead text (their ids, as a PostgreSQL array of uuid in text form)
-- $3 lease_s integer
-- $4 max_lost integer
-- returns trial bigint
-- returns attempt_number integer
-- returns requeued boolean
select trial, attempt_number, requeued from hpt_record.lease_reap($1, $2::text::uuid[], $3, $4)
