-- The runs of a trial that count, each of its evaluations where it has several: what it takes to run them
-- again and to tell how they ended. A trial that has not run has a row without an attempt.
-- $1 study text
-- $2 trial bigint
-- returns state text
-- returns definition bytea
-- returns config bytea
-- returns seed bigint
-- returns attempt integer
-- returns outcome text
-- returns cause text
-- returns exit_status integer
-- returns signal integer
-- returns argv bytea[]
-- returns environment text
-- returns slot integer
-- returns details jsonb
-- returns host text
-- returns started timestamptz
-- returns evaluation integer (null: the trial is one run)
-- returns rung integer
-- returns fold integer
-- returns repeat integer
-- returns budget double precision
-- returns part_seed bigint
-- returns resume_trial bigint
-- returns resume_attempt integer
-- returns code text
-- returns trace text
select coalesce(e.state, t.state) as state, d.canonical as definition, c.canonical as config, t.seed,
       a.attempt, a.outcome, a.cause, a.exit_status, a.signal, a.argv, a.environment, a.slot, a.details,
       a.host, a.started, e.evaluation, e.rung, e.fold, e.repeat, e.budget, e.seed as part_seed,
       e.resume_trial, e.resume_attempt, a.code, a.trace
from hpt.trial t
left join hpt.definition d on d.study = t.study and d.version = t.definition_version
left join hpt.configuration c on c.study = t.study and c.trial = t.trial
left join hpt.evaluation e on e.study = t.study and e.trial = t.trial
left join hpt.attempt a on a.study = t.study and a.trial = t.trial and
    a.attempt = case when e.evaluation is null then t.attempt else e.attempt end
where t.study = $1 and t.trial = $2
order by e.evaluation
