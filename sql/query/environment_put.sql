-- Keeps an environment and those of its parts that are not there yet; sent again it changes nothing.
-- $1 environment bytea
-- $2 parts bytea[]
-- returns nothing integer (NULL)
select null::integer as nothing
from hpt_record.environment_add($1, $2)
