-- What is new is a handful of rows however many there are. Statements of functions are planned without knowing which
-- mark is asked for, and a third of all results looked likely: each proposal read the whole of two tables.
ALTER FUNCTION hpt_record.history(bigint, bigint) SET enable_hashjoin = off;
ALTER FUNCTION hpt_record.history(bigint, bigint) SET enable_mergejoin = off;
ALTER FUNCTION hpt_record.history(bigint, bigint) SET enable_seqscan = off;
ALTER FUNCTION hpt_record.history_rest(bigint, bigint[], bigint, integer) SET enable_hashjoin = off;
ALTER FUNCTION hpt_record.history_rest(bigint, bigint[], bigint, integer) SET enable_mergejoin = off;
ALTER FUNCTION hpt_record.history_rest(bigint, bigint[], bigint, integer) SET enable_seqscan = off;
