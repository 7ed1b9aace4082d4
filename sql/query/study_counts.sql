-- Trials by state, and how many numbers are taken.
-- $1 study text
-- returns complete bigint
-- returns pruned bigint
-- returns failed bigint
-- returns lost bigint
-- returns running bigint
-- returns waiting bigint
-- returns trials bigint
select count(*) filter (where state = 'complete'), count(*) filter (where state = 'pruned'),
       count(*) filter (where state = 'failed'), count(*) filter (where state = 'lost'),
       count(*) filter (where state = 'running'), count(*) filter (where state = 'waiting'), count(*)
from hpt.trial where study = $1
