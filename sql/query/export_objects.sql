-- The objects that a study's artefacts of certain kinds need; bytes, in hexadecimal, is null for
-- those in the folder.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- $3 kinds text[]
-- returns digest text
-- returns size bigint
-- returns bytes text
select o.digest, o.size, encode(o.bytes, 'hex') as bytes
from (select distinct a.digest from hpt.artefact a
      where a.study = $1 and ($2::bigint[] is null or a.trial = any ($2)) and a.kind = any ($3)
        and a.digest is not null) a
join hpt.object o on o.digest = a.digest
order by o.digest collate "C"
