-- A study by name with its newest definition, as the bytes that were hashed. No row: no such study.
-- $1 name text
-- returns id bigint
-- returns view_name text
-- returns seed bigint
-- returns total bigint
-- returns version integer
-- returns canonical bytea
-- returns digest bytea
-- returns limits jsonb
-- returns stopped text
select id, view_name, seed, total, version, canonical, digest, limits, stopped
from hpt_record.study_read($1)
