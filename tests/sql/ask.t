#!/bin/sh
# Trials that are run outside: what the functions give out, take and refuse, sent once or again.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
id() { echo "50000000-0000-0000-0000-00000000000$1"; }

cat >setup.sql <<'END'
select hpt_record.study_create('out', 1, 5, convert_to('{"metrics": [{"name": "v", "direction": "min"}], "parameters": []}', 'UTF8')) as id \gset
select hpt_record.worker_ask('60000000-0000-0000-0000-000000000001', :id, 'h', 'b', 'n', 1, 1, '{}', '0');
select hpt_record.worker_ask('60000000-0000-0000-0000-000000000001', :id, 'h', 'b', 'n', 1, 1, '{}', '0');
select hpt_record.worker_start('60000000-0000-0000-0000-000000000002', :id, 'h', 'b', 'n', 2, 1, '{}', '0', convert_to('{"parts": {}}', 'UTF8'), '{}');
END
# ask N... : one statement that asks for trials under these ids; ask_new: for new ones.
ask_as() {
    ask_new=$1 ask_ids=''
    shift
    for n; do ask_ids="$ask_ids${ask_ids:+,}$(id "$n")"; done
    sql -c "select outcome, trial, attempt_number from hpt_record.trial_ask($study, '60000000-0000-0000-0000-000000000001',
            '{$ask_ids}', null, 600, 3, $ask_new)"
}
ask() { ask_as false "$@"; }
tell() {
    sql -c "select verdict, counts, state, ended_as from hpt_record.trial_tell($study, $1, $2, '$3', 'said', '{$4}', '{$5}', 3)"
}

test_ok 'a study, a worker that asks and one that runs' '
    test_db && sql -f setup.sql >/dev/null && study=$(sql -c "select id from hpt_record.study") &&
    test_is "$(sql -c "select coalesce(kind, \$\$run\$\$) from hpt_record.worker order by id")" "ask
run"
'
test_ok 'trials in one statement; sent again it gives the same, and their leases are not longer' '
    test_is "$(ask 1 2)" "trial 0 1
trial 1 1" && sql -c "update hpt_record.lease set until = now() + interval \$\$1 s\$\$ where number = 0" &&
    test_is "$(ask 1 2)" "trial 0 1
trial 1 1" && test_is "$(sql -c "select count(*), bool_and(seconds = 600) from hpt_record.lease")" "2 t" &&
    test_is "$(sql -c "select until < now() + interval \$\$1 min\$\$ from hpt_record.lease where number = 0")" t
'
test_ok 'what they are is recorded once, the first time it is said' '
    asked="select hpt_record.trial_asked(\$\$$(id 1)\$\$, 1, \$\$random\$\$, null, convert_to(\$\${\"x\":1}\$\$, \$\$UTF8\$\$), 7, null)" &&
    test_is "$(sql -c "$asked")" t && test_is "$(sql -c "$(echo "$asked" | sed "s/:1/:2/")")" t &&
    test_is "$(sql -c "select params, seed, state from hpt_record.trial where number = 0")" "{\"x\": 1} 7 running" &&
    test_is "$(sql -c "$(echo "$asked" | sed "s/$(id 1)/$(id 9)/")")" f
'
test_ok 'told: done, again, differs; numbers are compared bit by bit, NaN too' '
    test_is "$(tell 0 1 complete v 0.1)" "done 1 complete complete" && test_is "$(tell 0 1 complete v 0.1)" "again 1 complete complete" &&
    test_is "$(tell 0 1 complete v 0.10000000000000001)" "again 1 complete complete" &&
    test_is "$(tell 0 1 complete v 0.10000000000000002)" "differs 1 complete complete" &&
    test_is "$(tell 0 1 complete v,w 0.1,1)" "differs 1 complete complete" && test_is "$(tell 0 1 failed)" "differs 1 complete complete" &&
    test_is "$(tell 0 1 cancelled)" "differs 1 complete complete" &&
    test_is "$(tell 1 1 complete v,w 1,NaN)" "done 1 complete complete" && test_is "$(tell 1 1 complete w,v NaN,1)" "again 1 complete complete" &&
    test_is "$(sql -c "select count(*) from hpt_record.metric")" 3 && test_is "$(sql -c "select objectives from hpt_record.result order by number")" "{0.1}
{1}"
'
test_ok 'unknown: no such trial, no such attempt; foreign: a worker runs it' '
    test_is "$(tell 9 1 complete v 1)" "unknown   " && test_is "$(tell 1 2 complete v 1)" "unknown 1 complete " &&
    sql -c "select trial from hpt_record.trial_reserve($study, \$\$60000000-0000-0000-0000-000000000002\$\$, gen_random_uuid(), 5, 60)" >got &&
    test_is "$(cat got)" 2 && test_is "$(tell 2 1 complete v 1)" "foreign 1 running " &&
    test_is "$(sql -c "select hpt_record.lease_extend($study, 2, 1, 60) is null")" t
'
test_ok 'given back, it is the next one; late is who held it before' '
    test_is "$(ask 3)" "trial 3 1" && test_is "$(tell 3 1 cancelled)" "done 1 waiting cancelled" &&
    test_is "$(tell 3 1 cancelled)" "again 1 waiting cancelled" && test_is "$(tell 3 1 complete v 1)" "late 0 waiting cancelled" &&
    test_is "$(ask 4)" "trial 3 2" && test_is "$(tell 3 1 complete v 1)" "late 2 running cancelled" &&
    test_is "$(tell 3 2 failed)" "done 2 failed failed" && test_is "$(tell 3 2 failed)" "again 2 failed failed"
'
test_ok 'a lease that ran out is given out again, whenever the server began; those of workers have their grace' '
    test_is "$(ask 5)" "trial 4 1" && sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" &&
    test_is "$(sql -c "select hpt_record.lease_extend($study, 4, 1, null) > now() + interval \$\$9 min\$\$")" t &&
    sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" &&
    test_is "$(sql -c "select trial from hpt_record.lease_reap($study, \$\${}\$\$, 1000000000, 3)")" 4 &&
    sql -c "update hpt_record.lease set until = now() + interval \$\$1 h\$\$ where number = 2" &&
    test_is "$(ask 6)" "trial 4 2" && test_is "$(tell 4 1 complete v 1)" "late 2 running lost" &&
    test_is "$(sql -c "select cause from hpt_record.attempt where number = 4 and attempt = 1")" "lease ran out" &&
    test_is "$(sql -c "select hpt_record.lease_extend($study, 4, 1, 60) is null")" t &&
    test_is "$(sql -c "select count(*) from hpt_record.worker_peers($study, \$\$b\$\$, \$\$n\$\$)")" 1
'
test_ok 'the total: nothing more, and for new ones nothing that waits' '
    test_is "$(ask 7 8)" "wait  " && test_is "$(tell 4 2 cancelled)" "done 2 waiting cancelled" && test_is "$(ask_as true 7)" "done  " &&
    sql -c "select hpt_record.study_set_total($study, 6)" && test_is "$(ask_as true 8 9)" "trial 5 1
done  " && test_is "$(ask 7)" "trial 4 3"
'
test_ok 'nothing but what was left open is found' '
    test_is "$(sql -c "select distinct finding from hpt.finding where kind = \$\$error\$\$ and finding not like \$\$complete without%\$\$")" ""
'
test_done
