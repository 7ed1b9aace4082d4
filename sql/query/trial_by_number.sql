-- $1 study text
-- $2 trial bigint
-- returns trial bigint
select trial
from hpt.trial
where study = $1 and trial = $2
