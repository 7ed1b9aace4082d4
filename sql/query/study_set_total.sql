-- The target total that joining workers take over.
-- $1 id bigint
-- $2 total bigint
-- returns nothing integer (NULL)
select null::integer as nothing from hpt_record.study_set_total($1, $2)
