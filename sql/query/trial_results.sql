-- The newest result of each trial of a study that was run to its end: not of those that were pruned.
-- $1 study text
-- returns trial bigint
-- returns turn integer
-- returns config bytea
-- returns objectives double precision[]
-- returns constraints double precision[]
select trial, turn, config, objectives, constraints
from (select distinct on (trial) trial, turn, state, config, objectives, constraints
      from hpt.trial_result
      where study = $1
      order by trial, turn desc) r
where state <> 'pruned' and config is not null
order by trial
