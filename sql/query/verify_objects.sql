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
left join (select distinct on (n.digest) n.digest, n.study, n.trial, n.attempt
           from (select a.digest, a.study, a.trial, a.attempt
                 from hpt.artefact a where $1::text is null or a.study = $1
                 union all
                 select f.digest, c.study, c.trial, c.attempt
                 from (select distinct on (t.code) t.code, t.study, t.trial, t.attempt
                       from hpt.attempt t where $1::text is null or t.study = $1
                       order by t.code, t.study, t.trial, t.attempt) c
                 join hpt.code_file f on f.code = c.code
                 union all
                 select f.sha256, i.study, i.trial, i.attempt
                 from (select distinct on (t.inputs) t.inputs, t.study, t.trial, t.attempt
                       from hpt.attempt t where $1::text is null or t.study = $1
                       order by t.inputs, t.study, t.trial, t.attempt) i
                 join hpt.input_file f on f.inputs = i.inputs and f.state = 'stored') n
           where n.digest is not null
           order by n.digest, n.study, n.trial) a on a.digest = o.digest
where $1 is null or a.study is not null
