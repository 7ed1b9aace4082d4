-- Environments whose digest begins with a prefix; two rows tell that the prefix is not enough.
-- $1 prefix text (of the hexadecimal digest)
-- returns environment text
select environment
from hpt.environment
where starts_with(environment, $1)
order by environment
limit 2
