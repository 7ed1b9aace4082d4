-- The best complete trial that keeps every constraint, by the first objective.
-- $1 study text
-- returns trial bigint
-- returns value double precision
select trial, value
from hpt.ranking
where study = $1 and place = 1
