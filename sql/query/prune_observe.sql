-- Keeps what a running trial shows at a level; what the others showed there.
-- $1 attempt uuid
-- $2 level bigint
-- $3 part integer (fold and repeat)
-- $4 step bigint
-- $5 vals double precision[]
-- $6 best double precision[]
-- returns trial bigint
-- returns complete boolean
-- returns vals double precision[]
-- returns best double precision[]
select trial, complete, vals, best
from hpt_record.prune_observe($1, $2, $3, $4, $5, $6)
