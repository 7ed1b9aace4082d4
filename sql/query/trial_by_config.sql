-- Configurations whose hash begins with a prefix, each with its first trial; two rows tell that the
-- prefix is not enough.
-- $1 study text
-- $2 prefix text (of the hexadecimal hash)
-- returns trial bigint
-- returns config_hash text
select min(trial), config_hash
from hpt.trial
where study = $1 and starts_with(config_hash, $2)
group by config_hash
order by 1
limit 2
