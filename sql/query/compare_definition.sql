-- A version of a study's definition.
-- $1 study text
-- $2 version integer (null: the newest)
-- returns canonical bytea
select canonical
from hpt.definition
where study = $1 and ($2::integer is null or version = $2)
order by version desc
limit 1
