-- Which cluster this is. A server may refuse it (42501).
-- returns system text
select system_identifier::text as system from pg_catalog.pg_control_system()
