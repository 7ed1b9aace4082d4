-- The trial at a place of the ranking, 1 is the best.
-- $1 study text
-- $2 place bigint
-- returns trial bigint
select trial
from hpt.ranking
where study = $1 and place = $2
