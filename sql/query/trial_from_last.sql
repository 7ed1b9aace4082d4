-- The trial with the highest number, or so many before it.
-- $1 study text
-- $2 back bigint
-- returns trial bigint
select trial
from hpt.trial
where study = $1
order by trial desc
offset $2 limit 1
