-- The study with the last activity.
-- returns study text
-- returns wide_view text
-- returns studies bigint
select study, wide_view, (select count(*) from hpt.wide_view)
from hpt.wide_view
order by active desc, study
limit 1
