-- What was proposed for the trials of a study, and what each proposal says that it was made of.
-- $1 study text
-- $2 trial bigint (NULL: all)
-- returns trial bigint
-- returns definition_version integer
-- returns origin text
-- returns config_hash text
-- returns proposal jsonb
select trial, definition_version, origin, config_hash, proposal
from hpt.trial
where study = $1 and trial = coalesce($2, trial) and config_hash is not null
order by trial
