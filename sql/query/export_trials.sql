-- The trials of a study, for a bundle. Words of argv are bytes: escaped as by encode(…, 'escape').
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns state text
-- returns attempt integer
-- returns definition integer
-- returns origin text
-- returns reason text
-- returns seed bigint
-- returns config text
-- returns config_hash text
-- returns cause text
-- returns exit_status integer
-- returns signal integer
-- returns seconds double precision
-- returns user_seconds double precision
-- returns system_seconds double precision
-- returns max_rss_bytes bigint
-- returns argv jsonb
-- returns environment text
-- returns worker uuid
-- returns host text
-- returns slot integer
-- returns details jsonb
-- returns started timestamptz
-- returns ended timestamptz
select t.trial, t.state, t.attempt, t.definition_version as definition, t.origin, t.reason, t.seed,
       convert_from(c.canonical, 'UTF8') as config, t.config_hash, t.cause, t.exit_status, t.signal,
       t.seconds, t.user_seconds, t.system_seconds, t.max_rss_bytes,
       (select jsonb_agg(encode(w.word, 'escape') order by w.position)
        from unnest(t.argv) with ordinality w (word, position)) as argv,
       t.environment, t.worker, t.host, t.slot, t.details, t.started, t.ended
from hpt.trial t
join hpt.configuration c on c.study = t.study and c.trial = t.trial
where t.study = $1 and ($2::bigint[] is null or t.trial = any ($2))
order by t.trial
