-- Adds a version to a study's definition; false if somebody else added it first.
-- $1 id bigint
-- $2 version integer
-- $3 definition bytea
-- returns added boolean
select hpt_record.study_extend($1, $2, $3) as added
