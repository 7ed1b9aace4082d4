-- The items of a recorded environment.
-- $1 environment text
-- returns kind text
-- returns name text
-- returns value text
select kind, name, value
from hpt.environment_item
where environment = $1
order by kind collate "C", name collate "C"
