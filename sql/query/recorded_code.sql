-- A snapshot of code, as it was hashed.
-- $1 code text
-- returns canonical bytea
select canonical
from hpt.code
where code = $1
