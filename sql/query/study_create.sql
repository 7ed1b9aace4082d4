-- Makes a study; NULL if one of that name is there already.
-- $1 name text
-- $2 seed bigint
-- $3 total bigint (NULL: none given)
-- $4 definition bytea
-- returns id bigint
select hpt_record.study_create($1, $2, $3, $4) as id
