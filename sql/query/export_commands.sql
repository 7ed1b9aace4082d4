-- What it takes to run trials again, each of its evaluations where it has several: words in hexadecimal, so
-- that no byte is lost on the way.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns state text
-- returns definition integer
-- returns seed bigint
-- returns config text
-- returns argv text
-- returns attempt_number integer
-- returns fold integer
-- returns repeat integer
-- returns budget double precision
-- returns resume_trial bigint
-- returns resume_attempt integer
select t.trial, coalesce(e.state, t.state) as state, t.definition_version as definition, coalesce(e.seed, t.seed) as seed,
       convert_from(c.canonical, 'UTF8') as config,
       (select string_agg(encode(w.word, 'hex'), ' ' order by w.position)
        from unnest(a.argv) with ordinality w (word, position)) as argv,
       a.attempt as attempt_number, e.fold, e.repeat, e.budget, e.resume_trial, e.resume_attempt
from hpt.trial t
join hpt.configuration c on c.study = t.study and c.trial = t.trial
left join hpt.evaluation e on e.study = t.study and e.trial = t.trial
left join hpt.attempt a on a.study = t.study and a.trial = t.trial and
    a.attempt = case when e.evaluation is null then t.attempt else e.attempt end
where t.study = $1 and ($2::bigint[] is null or t.trial = any ($2))
order by t.trial, e.evaluation
