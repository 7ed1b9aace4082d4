-- What trials left, for a bundle. Names are bytes, as text by hpt.path_text.
-- $1 study text
-- $2 trials bigint[] (null: all)
-- returns trial bigint
-- returns attempt integer
-- returns kind text
-- returns path text
-- returns digest text
-- returns stored_size bigint
-- returns size bigint
-- returns full_digest text
-- returns mode integer
-- returns target text
-- returns note text
select trial, attempt, kind, path, digest, stored_size, size, full_digest, mode, target, note
from hpt.artefact
where study = $1 and ($2::bigint[] is null or trial = any ($2))
order by trial, kind collate "C", path collate "C"
