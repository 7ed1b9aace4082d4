-- Of these digests those that neither an object nor a code snapshot has.
-- $1 digests bytea[]
-- returns digest bytea
select digest
from hpt_record.digests_missing($1)
