-- What a trial left, or one attempt of it, with the evaluation that did.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer (null: the trial as it counts)
-- returns kind text
-- returns path text
-- returns digest text
-- returns stored_size bigint
-- returns size bigint
-- returns full_digest text
-- returns mode integer
-- returns target text
-- returns note text
-- returns budget double precision
-- returns fold integer
-- returns repeat integer
select a.kind, a.path, a.digest, a.stored_size, a.size, a.full_digest, a.mode, a.target, a.note,
       e.budget, e.fold, e.repeat
from hpt.attempt_artefact a
left join hpt.evaluation e on $3::integer is null and e.study = a.study and e.trial = a.trial and e.attempt = a.attempt
where a.study = $1 and a.trial = $2 and case when $3 is null then a.counts else a.attempt = $3 end
