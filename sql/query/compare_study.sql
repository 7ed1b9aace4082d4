-- What is known of a study besides its definition, with its best trial.
-- $1 study text
-- returns total bigint
-- returns limits text
-- returns stopped text
-- returns trials bigint
-- returns complete bigint
-- returns pruned bigint
-- returns failed bigint
-- returns lost bigint
-- returns cancelled bigint
-- returns best bigint
-- returns objective text
-- returns value double precision
-- returns config bytea
select s.total, s.limits::text, s.stopped, s.trials, s.complete, s.pruned, s.failed, s.lost, s.cancelled,
       r.trial, r.name, r.value, c.canonical
from hpt.study s
left join hpt.ranking r on r.study = $1 and r.place = 1
left join hpt.configuration c on c.study = $1 and c.trial = r.trial
where s.study = $1
