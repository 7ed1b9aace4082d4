-- What is known of a trial, or of one attempt of it.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer (null: the trial as it counts)
-- returns state text
-- returns definition integer
-- returns seed bigint
-- returns config bytea
-- returns cause text
-- returns exit_status integer
-- returns signal integer
-- returns seconds double precision
-- returns max_rss_bytes bigint
-- returns argv bytea[]
-- returns environment text
-- returns evaluations boolean
-- returns parent bigint
-- returns code text
-- returns inputs text
-- returns common_inputs text
-- returns trace text
select case when $3 is null then t.state else a.outcome end, t.definition_version,
       case when $3 is null then t.seed else coalesce(e.seed, t.seed) end, c.canonical,
       case when $3 is null then t.cause else a.cause end, a.exit_status, a.signal,
       case when $3 is null then t.seconds else a.seconds end,
       case when $3 is null then t.max_rss_bytes else a.max_rss_bytes end,
       a.argv, a.environment, t.rung is not null, t.parent, a.code,
       a.inputs, a.common_inputs, a.trace
from hpt.trial t
join hpt.configuration c on c.study = t.study and c.trial = t.trial
join hpt.attempt a on a.study = t.study and a.trial = t.trial and a.attempt = coalesce($3, t.attempt)
left join hpt.evaluation e on e.study = t.study and e.trial = t.trial and e.evaluation = a.evaluation
where t.study = $1 and t.trial = $2
