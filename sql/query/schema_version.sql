-- The number of the last step of the schema, for the check every tool makes.
-- returns version integer
select coalesce(max(step), 0) from hpt.schema_step
