-- The environment records that a study's trials name, in hexadecimal, for a bundle.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns environment text
-- returns canonical text
select e.environment, encode(e.canonical, 'hex') as canonical
from hpt.environment e
where e.environment in (select t.environment from hpt.trial t
                        where t.study = $1 and ($2::bigint[] is null or t.trial = any ($2)))
order by e.environment collate "C"
