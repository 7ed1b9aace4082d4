#!/bin/sh
# What a trial costs the database, counted by the server itself: at most two statements and one
# durable commit each. Immune to the noise of machines, unlike any rate.
. "${0%/*}/lib.sh"

# A server of its own: the counts of a shared one are everybody's.
TEST_SERVER=
test_ok 'a server of its own' 'test_db'
# In another database: asking is a commit, too, and who waits asks more often on a slow machine.
psql_admin() {
    psql -qAtX -d "$TEST_SERVER dbname=postgres" -c "$1"
}
# What the server writes by itself now and then, for commits that nobody waits for, is not counted: on
# a slow machine it would be.
test_ok 'no writing in the background' '
    psql_admin "alter system set wal_writer_delay = '"'10s'"'" && psql_admin "alter system set autovacuum = off" && psql_admin "select pg_reload_conf()"
'
# Ended sessions have told the server what they did.
counts() {
    psql_admin "select xact_commit from pg_stat_database where datname = '$test_database'"
}
synced() {
    psql_admin "select wal_sync from pg_stat_wal"
}
settled() {
    [ "$(psql_admin "select count(*) from pg_stat_activity where application_name like 'hpt-%' and datname = '$test_database'")" = 0 ]
}
measure() {
    settled_before=$(test_wait 120 settled) && commits=$(counts) && syncs=$(synced) &&
        hpt-run -q --print=none -s "$1" -t "$2" --seed=1 --sampler=random -m loss x=0.0..1.0 -- echo loss={x} &&
        test_wait 120 settled && commits=$(($(counts) - commits)) && syncs=$(($(synced) - syncs))
}
test_ok 'the difference between 200 and 50 trials is two commits a trial or less' '
    measure a 50 && small=$commits && measure b 200 && large=$commits &&
    each=$(awk -v a=$small -v b=$large "BEGIN {print (b - a) / 150}") && echo "commits a trial: $each" &&
    awk -v e=$each "BEGIN {exit !(e <= 2.1)}"
'
test_ok 'one durable commit a trial or less' '
    measure c 50 && small=$syncs && measure d 200 && large=$syncs &&
    each=$(awk -v a=$small -v b=$large "BEGIN {print (b - a) / 150}") && echo "syncs a trial: $each" &&
    awk -v e=$each "BEGIN {exit !(e <= 1.2)}"
'
measure_tpe() {
    settled_before=$(test_wait 120 settled) && commits=$(counts) && syncs=$(synced) &&
        hpt-run -q --print=none -s "$1" -t "$2" --seed=1 --sampler=tpe -m loss x=0.0..1.0 -- echo loss={x} &&
        test_wait 120 settled && commits=$(($(counts) - commits)) && syncs=$(($(synced) - syncs))
}
test_ok 'a sampler that learns reads once a trial more, and writes no more often' '
    measure_tpe f 50 && small=$commits && small_syncs=$syncs && measure_tpe g 200 && large=$commits && large_syncs=$syncs &&
    awk -v a=$small -v b=$large "BEGIN {e = (b - a) / 150; print \"commits a trial: \" e; exit !(e <= 3.1)}" &&
    awk -v a=$small_syncs -v b=$large_syncs "BEGIN {e = (b - a) / 150; print \"syncs a trial: \" e; exit !(e <= 1.2)}"
'
strace -qq -o /dev/null true 2>/dev/null &&
test_ok 'statements: two a trial, counted on the wire' '
    ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=sendto -s 400 -o trace hpt-run -q --print=none -s e -t 30 --seed=1 --sampler=random -m loss x=0.0..1.0 -- echo loss={x} &&
    n=$(grep -oE "select [^$]*hpt_record[.]trial_(start|finish|reserve)|select held|select finished" trace | wc -l) && echo "statements: $n" &&
    [ "$n" -le 65 ]
'
test_done
