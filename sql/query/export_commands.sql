-- What it takes to run trials again: words in hexadecimal, so that no byte is lost on the way.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns state text
-- returns definition integer
-- returns seed bigint
-- returns config text
-- returns argv text
select t.trial, t.state, t.definition_version as definition, t.seed,
       convert_from(c.canonical, 'UTF8') as config,
       (select string_agg(encode(w.word, 'hex'), ' ' order by w.position)
        from unnest(t.argv) with ordinality w (word, position)) as argv
from hpt.trial t
join hpt.configuration c on c.study = t.study and c.trial = t.trial
where t.study = $1 and ($2::bigint[] is null or t.trial = any ($2))
order by t.trial
