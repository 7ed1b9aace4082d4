-- All versions of a study's definition, oldest first.
-- $1 study text
-- returns version integer
-- returns canonical bytea
-- returns space text
select version, canonical, convert_from(canonical, 'UTF8')::jsonb ->> 'space'
from hpt.definition
where study = $1
order by version
