-- Adds rows of a bundle.
-- $1 table_name text
-- $2 rows jsonb
-- returns nothing integer (NULL)
select null::integer as nothing from hpt_record.import_rows($1, $2)
