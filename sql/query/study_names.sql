-- All names of studies, for suggestions.
-- returns study text
select study
from hpt.wide_view
order by study
