-- One version of a study's definition: a trial that waits keeps the version that proposed it.
-- $1 id bigint
-- $2 version integer
-- returns canonical bytea
select hpt_record.study_definition($1, $2) as canonical
