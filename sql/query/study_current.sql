-- The study with the last activity: a worker that came or went, the start or end of its newest
-- trial, its own making. Reads one row of each index, not the trials.
-- returns study text
-- returns wide_view text
-- returns studies bigint
select v.study, v.wide_view, (select count(*) from hpt.wide_view)
from hpt.wide_view v
order by greatest(
             v.created,
             (select max(greatest(w.started, w.ended)) from hpt.worker w where w.study = v.study),
             (select coalesce(t.ended, t.started) from hpt.trial t
              where t.study = v.study order by t.trial desc limit 1)) desc,
         v.study
limit 1
