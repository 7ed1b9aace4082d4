-- The metrics of a study with the rule that found each, for a bundle.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns name text
-- returns value double precision
-- returns rule text
-- returns source text
-- returns byte_offset bigint
select trial, name, value, rule, source, byte_offset
from hpt.metric
where study = $1 and ($2::bigint[] is null or trial = any ($2))
order by trial, name collate "C"
