-- Ends the imports of this transaction.
-- returns nothing integer (NULL)
select null::integer as nothing from hpt_record.import_end()
