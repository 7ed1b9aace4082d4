-- What ends a study besides its total; why nothing more is started, or NULL.
-- $1 study bigint
-- $2 limits jsonb
-- returns stopped text
select hpt_record.study_set_limits($1, $2) as stopped
