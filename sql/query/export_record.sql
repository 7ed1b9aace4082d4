-- The record of studies for a bundle, tables in the opposite order of hpt_record.bundle_table, rows by key.
-- $1 studies text[] (null: all)
-- $2 trials bigint[] (null: all)
-- $3 ended boolean (only trials that have come to an end)
-- returns table_name text
-- returns line json
select table_name, line from hpt.record_lines($1, $2, $3)
