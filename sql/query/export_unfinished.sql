-- How many trials have not come to an end.
-- $1 studies text[] (null: all)
-- returns trials bigint
select coalesce(sum(running + waiting), 0)::bigint
from hpt.study
where $1::text[] is null or study = any ($1)
