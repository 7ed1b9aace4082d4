-- How far a study is, to see later whether it has changed; NULL: there is none of that name.
-- $1 study text
-- returns seen bigint[]
select hpt_record.import_seen($1) as seen
