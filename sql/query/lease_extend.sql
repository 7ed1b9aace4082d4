-- The lease of a trial that was given out lasts longer; NULL: it is not to be had any more.
-- $1 study bigint
-- $2 trial bigint
-- $3 attempt integer
-- $4 lease_s integer (NULL: for as long as it was given)
-- returns lease_until timestamptz
select hpt_record.lease_extend($1, $2, $3, $4) as lease_until
