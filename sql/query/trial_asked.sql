-- What trials are that are given out, in one commit; a row each, in their order. false: its lease has run out.
-- $1 attempts text (their ids, as a PostgreSQL array of uuid in text form)
-- $2 definitions integer[]
-- $3 origins text[]
-- $4 reasons text[]
-- $5 configs bytea[]
-- $6 seeds bigint[]
-- $7 proposals bytea[] (NULL: made of nothing but the definition and the number)
-- $8 part_seeds bigint[] (NULL: it is no evaluation)
-- returns held boolean
select hpt_record.trial_asked(u.attempt, u.definition, u.origin, u.reason, u.config, u.seed, u.proposal,
                              u.part_seed) as held
from unnest($1::text::uuid[], $2, $3, $4, $5, $6, $7, $8) with ordinality
     u (attempt, definition, origin, reason, config, seed, proposal, part_seed, place)
order by u.place
