-- Which trials a study has, for messages.
-- $1 study text
-- returns trials bigint
-- returns first bigint
-- returns last bigint
select count(*), min(trial), max(trial)
from hpt.trial
where study = $1
