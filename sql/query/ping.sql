-- Does the server answer? Also what time it has.
-- returns now timestamptz
select now()
