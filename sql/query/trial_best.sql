-- The best complete trials by one metric among those that keep every constraint.
-- $1 study text
-- $2 metric text
-- $3 maximise boolean
-- $4 count bigint
-- returns trial bigint
-- returns value double precision
select t.trial, m.value
from hpt.trial t
join hpt.metric m on m.study = t.study and m.trial = t.trial and m.name = $2
where t.study = $1 and t.state = 'complete' and m.value not in ('NaN', 'Infinity', '-Infinity')
  and not exists (
    select from hpt.objective o
    left join hpt.metric c on c.study = t.study and c.trial = t.trial and c.name = o.name
    where o.study = t.study
      and (o.direction = 'le' and (c.value <= o.bound) is not true
           or o.direction = 'ge' and (c.value >= o.bound) is not true))
order by case when $3 then -m.value else m.value end, t.trial
limit $4
