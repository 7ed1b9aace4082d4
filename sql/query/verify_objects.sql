-- Every object that the record names, with the first trial that does. sound: the bytes in the database
-- are what size and digest say; NULL where they lie in the folder, or were not to be looked at.
-- $1 study text (NULL: all)
-- $2 content boolean
-- returns digest text
-- returns size bigint
-- returns in_database boolean
-- returns sound boolean
-- returns study text
-- returns trial bigint
-- returns attempt integer
select o.digest, o.size, o.bytes is not null as in_database,
       case when $2 and o.bytes is not null
            then o.size = length(o.bytes) and o.digest = encode(sha256(o.bytes), 'hex') end as sound,
       a.study, a.trial, a.attempt
from hpt.object o
left join (select distinct on (a.digest) a.digest, a.study, a.trial, a.attempt
           from hpt.artefact a
           where a.digest is not null and ($1::text is null or a.study = $1)
           order by a.digest, a.study, a.trial) a on a.digest = o.digest
where $1 is null or a.study is not null
