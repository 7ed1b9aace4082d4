-- The numbers that a run brought: of a trial that is one run (evaluation null), or of one evaluation.
-- $1 study text
-- $2 trial bigint
-- $3 evaluation integer
-- returns name text
-- returns value double precision
-- returns rule text
select n.name, n.value, n.rule
from (select m.name, m.value, m.rule
      from hpt.metric m
      where m.study = $1 and m.trial = $2 and $3::integer is null
      union all
      select e.name, e.value, e.rule
      from hpt.evaluation_metric e
      where e.study = $1 and e.trial = $2 and e.evaluation = $3) n
order by n.name collate "C"
