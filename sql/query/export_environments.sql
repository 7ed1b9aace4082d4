-- The environment records that a study's attempts name, and their parts, in hexadecimal, for a bundle.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns digest text
-- returns canonical text
with named as (select distinct a.environment from hpt.attempt a
               where a.study = $1 and ($2::bigint[] is null or a.trial = any ($2)))
select d.digest, d.canonical
from (select e.environment as digest, encode(e.canonical, 'hex') as canonical
      from hpt.environment e join named using (environment)
      union
      select p.digest, encode(p.canonical, 'hex')
      from hpt.environment_part p join named using (environment)) d
order by d.digest collate "C"
