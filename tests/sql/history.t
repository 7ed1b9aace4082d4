#!/bin/sh
# The history for a process that is new to a study: blocks of results that never change, and the rest.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-run" ] || test_skip_all 'hpt-run is not built'

sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
run() { hpt-run -q --print=none -s long -t "$1" 2>err || { cat err; return 1; }; }

# Trials 1 to 1029 as if they had run; number 1000 failed, and number 7 was run again.
cat >fill.sql <<'SQL'
select id from hpt_record.study where name = 'long' \gset
set session_replication_role = replica;
with made as (select n, convert_to(format('{"k":"%s","x":%s}', case when n % 2 = 0 then 'a' else 'b' end, n / 1040.0 - 0.00001), 'UTF8') as config
              from generate_series(1, 1029) n)
insert into hpt_record.trial (study_id, number, state, attempt, definition, origin, config, config_hash, params, seed)
select :id, n, 'complete', 1, 1, 'tpe', config, sha256(config), convert_from(config, 'UTF8')::jsonb, n from made;
insert into hpt_record.result (study_id, number, turn, state, objectives)
select :id, n, 1, case n when 1000 then 'failed' else 'complete' end, case when n <> 1000 then array[abs(n - 500.0)] end
from generate_series(1, 1029) n;
insert into hpt_record.result (study_id, number, turn, state, objectives) values (:id, 7, 2, 'complete', array[3.5]);
select setval(format('hpt_record.trial_number_%s', :id)::regclass, 1029);
SQL
test_ok 'a study of 1030 trials' '
    test_db && printf "#!/bin/sh\necho loss=1\n" >train && chmod +x train &&
    hpt-run -q --print=none -s long -t 1 --sampler=tpe --seed=1 --allow-unused -m loss:min x=0.0..1.0 k=a,b -- ./train &&
    psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN user=hpt_admin" -f fill.sql >/dev/null &&
    study=$(sql -c "select id from hpt_record.study") && test -n "$study"
'
rest="select count(trial), coalesce(min(trial), -1), coalesce(max(trial), -1), bool_and(turn = 2), min(last) from hpt_record.history_rest"
test_ok 'all rows come where no block is known, in pages' '
    test_is "$(sql -c "$rest($study, array[]::bigint[], 0, 64)")" "1031 0 1029 f 1" &&
    test_is "$(sql -c "$rest($study, array[]::bigint[], 1, 64)")" "6 1024 1029 f 1" &&
    test_is "$(sql -c "$rest($study, array[]::bigint[], 2, 64)")" "0 -1 -1  1" &&
    test_is "$(sql -c "select bool_and(mark > 0) from hpt_record.history_rest($study, array[]::bigint[], 2, 64)")" t
'
test_ok 'of a known block only what was run again' '
    test_is "$(sql -c "$rest($study, array[0::bigint], 0, 1)")" "1 7 7 t 1"
'
test_ok 'a block that is not complete is not taken' '
    test_is "$(sql -c "select hpt_record.history_block_put($study, sha256(\$\$\$\$), 1, \$\$x\$\$)")" f &&
    test_is "$(sql -c "select count(*) from hpt_record.history_block")" 0
'
test_ok 'a worker that is new packs what is complete, once' '
    run 1032 && run 1034 &&
    test_is "$(sql -c "select count(*), min(block), max(block), min(length(body)) from hpt_record.history_block")" "1 0 0 25616" &&
    test_is "$(sql -c "select count(*) from hpt_record.history_block where space = sha256(\$\$\$\$)")" 0
'
test_ok 'what it proposes follows from the rows, which replay reads' '
    test_is "$(sql -c "select min(proposal ->> \$\$finished\$\$) from hpt.trial where trial > 1029")" "0-6,7.2,8-1029" &&
    for trial in 1030 1031 1032 1033; do hpt-replay --suggest "long/$trial" >out || { cat out; exit 1; }; done
'
test_ok 'a block that is spoilt is not used' '
    psql -qXAt -d "$TEST_DSN user=hpt_admin" -c "update hpt_record.history_block set body = \$\$spoilt\$\$" &&
    run 1036 && for trial in 1034 1035; do hpt-replay --suggest "long/$trial" >out || { cat out; exit 1; }; done
'
# read STATEMENT: rows of results and trials that are read from end to end by it.
read_all() {
    psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN user=hpt_admin" -c "begin" -c "$1" \
        -c "select sum(seq_tup_read) from pg_stat_xact_user_tables where schemaname = 'hpt_record' and relname in ('result', 'trial')" | tail -n 1
}
test_ok 'neither what is new nor the rest beside the blocks is looked for in all rows' '
    psql -qXAt -d "$TEST_DSN user=hpt_admin" -c "analyze hpt_record.result" -c "analyze hpt_record.trial" &&
    test_is "$(read_all "select count(*) from hpt_record.history($study, (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint))")" 0 &&
    test_is "$(read_all "select count(*) from hpt_record.history_rest($study, array[0::bigint], 0, 64)")" 0 &&
    test_is "$(read_all "select count(*) from hpt_record.result")" "$(sql -c "select count(*) from hpt_record.result")"
'
test_done
