-- Results that no block has, for a process that is new to the study: see the function.
-- $1 study bigint
-- $2 known bigint[]
-- $3 from bigint
-- $4 most integer
-- returns trial bigint
-- returns turn integer
-- returns config bytea
-- returns objectives double precision[]
-- returns constraints double precision[]
-- returns mark bigint
-- returns last bigint
select trial, turn, config, objectives, constraints, mark, last
from hpt_record.history_rest($1, $2, $3, $4)
