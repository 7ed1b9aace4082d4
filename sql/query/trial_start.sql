-- What the trial is, before it runs. false: the trial is not this worker's any more.
-- $1 attempt uuid
-- $2 definition integer
-- $3 origin text
-- $4 reason text
-- $5 config bytea
-- $6 seed bigint
-- $7 slot integer
-- $8 argv bytea[]
-- $9 environment bytea
-- $10 part_seed bigint (NULL: the trial is one run)
-- $11 code bytea (NULL: none was taken)
-- $12 proposal bytea (NULL: made of nothing but the definition and the number)
-- returns held boolean
-- returns proposed boolean
select hpt_record.trial_start($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as held,
       hpt_record.trial_proposed($1, $12) as proposed
