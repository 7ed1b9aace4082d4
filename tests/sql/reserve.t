#!/bin/sh
# Numbers of trials: with several sessions at once each is given out once, none is left out, also when
# a transaction is undone, and the total is exact.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
worker() { echo "30000000-0000-0000-0000-00000000000$1"; }

cat >setup.sql <<'END'
select hpt_record.study_create('many', 1, NULL, convert_to('{"metrics": [], "parameters": []}', 'UTF8')) as id \gset
select hpt_record.worker_start(format('30000000-0000-0000-0000-00000000000%s', w)::uuid, :id, 'h', 'b', 'n', w, 1,
                               '{}', '0', convert_to('{}', 'UTF8')) from generate_series(1, 8) w;
END
test_ok 'a study and eight workers' '
    test_db && sql -f setup.sql >/dev/null && study=$(sql -c "select id from hpt_record.study") && test -n "$study"
'
# reserve WORKER TOTAL: one statement that reserves a trial.
reserve() {
    echo "select r.outcome, r.trial from hpt_record.trial_reserve($study, '$(worker "$1")', gen_random_uuid(), $2, 60) r;"
}
# Four sessions, each in its own process, reserve until there is nothing left; every third transaction
# of session 4 is undone.
loop() {
    for turn in $(seq 80); do
        if [ "$1" = 4 ] && [ $((turn % 3)) = 0 ]; then
            printf 'begin;\n\\o /dev/null\n%s\n\\o\nrollback;\n' "$(reserve "$1" 200)"
        else
            reserve "$1" 200
        fi
    done
}
test_ok 'four sessions at once: each number once, none missing, the total exact' '
    for session in 1 2 3 4; do loop "$session" >"session-$session.sql"; done &&
    (for session in 1 2 3 4; do sql -f "session-$session.sql" >"got-$session" 2>"err-$session" & done; wait) &&
    cat err-? >errors && test_empty errors &&
    cat got-? | sed -n "s/^trial //p" | sort -n >numbers && seq 0 199 | test_cmp - numbers &&
    test_is "$(sql -c "select count(*), min(number), max(number) from hpt_record.trial")" "200 0 199"
'
test_ok 'at the end everybody hears that there is nothing more to begin' '
    cat got-? | grep -q "^wait " && test_is "$(reserve 5 200 | sql)" "wait "
'
test_ok 'a larger total goes on where it ended' '
    test_is "$(reserve 5 201 | sql)" "trial 200" && test_is "$(reserve 5 201 | sql)" "wait "
'
test_ok 'a number that was given back by an undone transaction is given out again' '
    printf "begin;\n%s\nrollback;\n" "$(reserve 6 205)" | sql >undone && test_is "$(cat undone)" "trial 201" &&
    test_is "$(reserve 6 205 | sql)" "trial 202" && test_is "$(reserve 6 205 | sql)" "trial 203" &&
    test_is "$(reserve 6 205 | sql)" "trial 204" && test_is "$(reserve 6 205 | sql)" "trial 201" &&
    test_is "$(reserve 6 205 | sql)" "wait "
'
# A session that holds the only missing number and has not committed yet: another waits for what
# becomes of it. Each session is a psql that reads its statements from a pipe.
open_session() {
    mkfifo "in-$1"
    psql -qXAt -F ' ' -d "$TEST_DSN application_name=session-$1" <"in-$1" >"out-$1" 2>&1 &
}
# blocked N: session N waits for a lock.
blocked() {
    test "$(sql -c "select count(*) from pg_stat_activity
        where application_name = 'session-$1' and wait_event_type = 'Lock'")" = 1
}
test_ok 'the last number is held: the others wait for its commit, and take it after an abort' '
    open_session a && exec 8>in-a && open_session b && exec 9>in-b &&
    printf "begin;\n%s\n" "$(reserve 7 206)" >&8 && test_wait 120 test -s out-a &&
    test_is "$(cat out-a)" "trial 205" &&
    reserve 8 206 >&9 && test_wait 120 blocked b && test_empty out-b &&
    echo "rollback;" >&8 && test_wait 120 test -s out-b && test_is "$(cat out-b)" "trial 205" &&
    exec 8>&- 9>&- && wait
'
test_ok 'the same with a commit: there is nothing left for the other' '
    rm -f in-a in-b && open_session a && exec 8>in-a && open_session b && exec 9>in-b &&
    printf "begin;\n%s\n" "$(reserve 7 207)" >&8 && test_wait 120 test -s out-a && test_is "$(cat out-a)" "trial 206" &&
    reserve 8 207 >&9 && test_wait 120 blocked b && echo "commit;" >&8 && test_wait 120 test -s out-b &&
    test_is "$(cat out-b)" "wait " && exec 8>&- 9>&- && wait
'
test_ok 'sent again under the same name it gives the same trial' '
    again="select r.trial from hpt_record.trial_reserve($study, '"'$(worker 1)', '40000000-0000-0000-0000-000000000001'"', 208, 60) r" &&
    test_is "$(sql -c "$again")" 207 && test_is "$(sql -c "$again")" 207 &&
    test_is "$(sql -c "select count(*) from hpt_record.attempt where number = 207")" 1
'
test_ok 'a queued trial is given to one of two sessions' '
    sql -c "select hpt_record.lease_reap($study, array['"'$(worker 5)'"']::uuid[], 60, 3)" >reaped &&
    test_is "$(cat reaped)" "(200,1,t)" &&
    rm -f in-a in-b && open_session a && exec 8>in-a &&
    printf "begin;\n%s\n" "$(reserve 7 208)" >&8 && test_wait 120 test -s out-a && test_is "$(cat out-a)" "trial 200" &&
    test_is "$(reserve 8 208 | sql)" "wait " && echo "commit;" >&8 && exec 8>&- && wait &&
    test_is "$(sql -c "select attempt, state from hpt_record.trial where number = 200")" "2 running"
'
test_ok "the study's own total holds for who asks for more" '
    sql -c "select hpt_record.study_set_total($study, 208)" >out && test_is "$(reserve 8 500 | sql)" "wait " &&
    sql -c "select hpt_record.study_set_total($study, 209)" >out && test_is "$(reserve 8 500 | sql)" "trial 208" &&
    test_is "$(reserve 8 500 | sql)" "wait "
'
# ordered WORKER: the same of an ordered study with a window of 3.
ordered() {
    echo "select r.outcome, r.trial from hpt_record.trial_reserve($order, '$(worker "$1")', gen_random_uuid(), 10, 60, '{\"window\": 3}') r;"
}
# dies WORKER N: it is found dead; its trial is lost if that has happened N times.
dies() { sql -c "select hpt_record.lease_reap($order, array['$(worker "$1")']::uuid[], 60, $2)"; }
worker() { echo "31000000-0000-0000-0000-00000000000$1"; }
sed 's/30000000/31000000/; s/many/order/' setup.sql >order.sql
test_ok 'an ordered study: the number of an undone transaction is the next one' '
    sql -f order.sql >/dev/null && order=$(sql -c "select id from hpt_record.study where name = \$\$order\$\$") &&
    test_is "$(printf "begin;\n%s\nrollback;\n" "$(ordered 1)" | sql)" "trial 0" && test_is "$(ordered 1 | sql)" "trial 0" &&
    printf "begin;\n%s\nrollback;\n" "$(ordered 2)" "$(ordered 2)" | sql >undone && test_is "$(tr "\n" " " <undone)" "trial 1 trial 1 " &&
    test_is "$(ordered 2 | sql)" "trial 1"
'
test_ok 'there the window is held by the first that has no result, also by one that died before it was proposed' '
    test_is "$(ordered 3 | sql)" "trial 2" && test_is "$(ordered 4 | sql)" "wait " && test_is "$(dies 1 3)" "(0,1,t)" &&
    test_is "$(ordered 1 | sql)" "trial 0" && test_is "$(ordered 4 | sql)" "wait " && test_is "$(dies 1 1)" "(0,2,f)" &&
    test_is "$(ordered 4 | sql)" "trial 3" && test_is "$(ordered 5 | sql)" "wait "
'
# As if all that is given out ended in the moment between the two: the look for it still says 4, and there is no lease.
test_ok 'what ends in that moment is no end of the study, unless it is stopped or has all its trials' '
    moment() {
        printf "%s\n" "begin;" "create or replace function hpt_record.ordered_total(p_study bigint, p_window bigint) returns bigint language sql return 4;" \
            "delete from hpt_record.lease where study_id = $order;" "$1" "$(ordered 5)" "rollback;" | sql
    } &&
    test_is "$(moment "")" "wait " && test_is "$(moment "update hpt_record.study set stopped = \$\$enough\$\$ where id = $order;")" "done " &&
    test_is "$(moment "update hpt_record.study set total = 4 where id = $order;")" "done "
'
test_done
