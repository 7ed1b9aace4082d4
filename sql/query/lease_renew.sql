-- Renews all leases of a worker; the trials it still holds.
-- $1 study bigint
-- $2 worker uuid
-- $3 lease_s integer
-- returns trial bigint
-- returns attempt_number integer
select trial, attempt_number from hpt_record.lease_renew($1, $2, $3)
