-- Packs results for processes that come later: see the function.
-- $1 study bigint
-- $2 space bytea
-- $3 block bigint
-- $4 body bytea
-- returns put boolean
select hpt_record.history_block_put($1, $2, $3, $4) as put
