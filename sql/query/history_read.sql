-- What is new for a sampler: see the function.
-- $1 study bigint
-- $2 mark bigint
-- returns trial bigint
-- returns turn integer
-- returns config bytea
-- returns objectives double precision[]
-- returns constraints double precision[]
-- returns mark bigint
select trial, turn, config, objectives, constraints, mark
from hpt_record.history($1, $2)
