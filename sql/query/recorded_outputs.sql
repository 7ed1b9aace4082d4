-- What a run left: streams, files, links. Names as text by hpt.path_text.
-- $1 study text
-- $2 trial bigint
-- $3 attempt integer
-- returns kind text
-- returns path text
-- returns digest text
-- returns stored_size bigint
-- returns size bigint
-- returns full_digest text
-- returns target text
-- returns note text
select kind, path, digest, stored_size, size, full_digest, target, note
from hpt.artefact
where study = $1 and trial = $2 and attempt = $3
order by kind collate "C", path collate "C"
