-- The bytes of an object that lies in the database, else null.
-- $1 digest text
-- returns bytes bytea
select hpt.object_bytes($1)
