-- Keeps a set of inputs, and objects that this worker has not sent before; sent again it changes nothing.
-- $1 canonical bytea
-- $2 object_digests bytea[]
-- $3 object_sizes bigint[]
-- $4 object_bytes bytea[]
-- returns nothing integer (NULL)
select null::integer as nothing
from hpt_record.inputs_put($1, $2, $3, $4)
