-- The digests of all objects that must stay.
-- returns digest text
select digest
from hpt.object_reference
