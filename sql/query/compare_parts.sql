-- The metrics of a trial's evaluations, of the rung that counts.
-- $1 study text
-- $2 trial bigint
-- returns name text
-- returns budget double precision
-- returns fold integer
-- returns repeat integer
-- returns value double precision
select m.name, m.budget, m.fold, m.repeat, m.value
from hpt.evaluation_metric m
join hpt.trial t on t.study = m.study and t.trial = m.trial and t.rung = m.rung
where m.study = $1 and m.trial = $2
