-- The study of a name.
-- $1 study text
-- returns study text
-- returns wide_view text
select study, wide_view
from hpt.wide_view
where study = $1
