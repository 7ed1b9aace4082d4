#!/bin/sh
# A standby takes over, by a DSN of two hosts: what the old primary had acknowledged and the standby lacks is
# sent again; the old primary that comes back is refused; a standby can be read and not written.
. "${0%/*}/fault.sh"
test_need psql setpriv
own_server || test_skip_all 'no private server'
bindir=$(sed 's|/postgres .*||' postmaster.opts)
[ -x "$bindir/pg_basebackup" ] || test_skip_all 'pg_basebackup is not installed'
[ "$(id -u)" -eq 0 ] || test_skip_all 'the standby is started by the account of the primary: root is needed'

cat >learner <<'EOT'
#!/bin/sh
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner
run() { hpt-run -q --progress=none --print=none -s "$1" -t "$2" -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$learner"; }
as_owner() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
ask_b() { psql -qXAt -v ON_ERROR_STOP=1 -d "host=$FAULT_ROOT/b/run dbname=hpt user=hpt_admin" -c "$1"; }
b_up() {
    setpriv --reuid=postgres --regid=postgres --clear-groups "$bindir/postgres" -D "$FAULT_ROOT/b/pg" -p 5432 -c unix_socket_directories=../run -c listen_addresses= >>"$FAULT_ROOT/b.log" 2>&1 &
    b_pid=$!
    test_wait 60 b_answers
}
b_answers() { psql -qXAt -d "host=$FAULT_ROOT/b/run dbname=hpt user=hpt_admin" -c 'select 1' >/dev/null 2>&1; }
b_is() { [ "$(psql -qXAt -d "host=$FAULT_ROOT/b/run dbname=hpt user=hpt_admin" -c "$1" 2>/dev/null)" = "$2" ]; }
trap 'fault_status=$?; for pid in ${FAULT_PG:-} ${b_pid:-}; do kill -QUIT "$pid" 2>/dev/null; done; (exit "$fault_status"); test_cleanup' EXIT

test_ok 'a primary and a standby' '
    chmod 755 "$PWD" && mkdir -p b/run && chown -R postgres b && chmod 700 b/run &&
    sed -i "1i local replication all trust" server/.hpt/pg/pg_hba.conf &&
    printf "%s\n" "wal_level = replica" "max_wal_senders = 4" >>server/.hpt/pg/postgresql.conf && server_down && server_up &&
    as_owner "$bindir/pg_basebackup" -h "$SOCKET" -p 5432 -U hpt_admin -D "$PWD/b/pg" -R -X stream -c fast 2>err && b_up &&
    sed -i "s|^dsn = .*|dsn = host=$SOCKET,$PWD/b/run dbname=hpt user=hpt_writer target_session_attrs=read-write|" project/.hpt/config
'
test_ok 'a study is recorded and reaches the standby; every end is kept' '
    cd project && run one 3 && test_is "$(grep -la trial_finish .hpt/spool/*.sent | wc -l)" 3 && test -s .hpt/spool/timeline &&
    cd .. && test_wait 20 b_is "select count(*) from hpt.trial where state = '"'complete'"'" 3
'
test_ok 'the standby can be read, exported and verified' '
    cd project && only="host=$FAULT_ROOT/b/run dbname=hpt user=hpt_writer" &&
    test_is "$(hpt-query -qH -d "$only" -s one | wc -l)" 3 && hpt-query -q -d "$only" >out && hpt-query -q -d "$only" -s one --best >out &&
    hpt-export -q -d "$only" -s one -f csv >out && test_is "$(wc -l <out)" 4 && hpt-export -q -d "$only" -s one -o all.tar && hpt-verify -q -d "$only"
'
test_ok 'hpt-run says why it cannot work there: exit 3' '
    cd project && test_exit 3 hpt-run -q -d "$only" -s one -t 4 2>err && test_grep "is a standby: it can be read" err && test_grep "^hint: name the primary" err
'
test_ok 'the standby is cut off; what the primary records now it will never have' '
    b_stop() { kill -INT "$b_pid"; wait "$b_pid"; :; } && b_stop && cd project && run one 3 &&
    ask "select count(*) from hpt.trial" >before && cd .. && sed -i "/primary_conninfo/d" b/pg/postgresql.auto.conf && b_up &&
    ask "select hpt_record.trial_retry(id, '"'{failed}'"') from hpt_record.study" >out
'
# A trial that the standby knows as running, and whose end it lacks, as after an asynchronous failover.
test_ok 'an end that the promoted standby lacks is sent again when the timeline has risen' '
    server_kill && ask_b "select pg_promote()" >out && test_wait 20 b_is "select pg_is_in_recovery()" f &&
    ask_b "set session_replication_role = replica; update hpt_record.trial set state = '"'running'"' where number = 1;
        update hpt_record.attempt set outcome = null, ended_at = null, exit_status = null where number = 1; delete from hpt_record.metric where number = 1;
        delete from hpt_record.artefact where number = 1;
        delete from hpt_record.code;
        insert into hpt_record.lease (study_id, number, attempt, worker_id, until) select study_id, number, attempt, worker_id, now() + interval '"'1 h'"' from hpt_record.attempt where number = 1" &&
    cd project && echo other >other && run one 4 2>err && test_is "$(ask_b "select count(*), count(*) filter (where state = '"'complete'"' and attempt = 1) from hpt.trial where study = '"'one'"'")" "4|4" &&
    test_is "$(ask_b "select value from hpt.metric where trial = 1 and name = '"'loss'"'")" 1 &&
    test_grep " 2$" .hpt/spool/timeline && hpt-verify -qH >found && test_empty found
'
test_ok 'the old primary comes back: it is first in the DSN, and refused, naming both timelines' '
    server_up && cd project && test_exit 3 run one 5 2>err && test_grep "nothing is written to .*: it is on timeline 1, and timeline 2 was seen before" err &&
    test_is "$(ask "select count(*) from hpt.trial")" "$(cat before)"
'
test_ok 'stopped, the run goes on with the new primary' '
    server_down && cd project && run one 5 && test_is "$(ask_b "select count(*) from hpt.trial where state = '"'complete'"'")" 5
'
test_ok 'another server under that name is refused, naming both systems' '
    cd project && cp .hpt/spool/timeline timeline && sed -i "s/^[-0-9]*/7000000000000000001/" .hpt/spool/timeline && cat .hpt/spool/timeline &&
    test_exit 3 run one 6 2>err && test_grep "it is system [0-9]*, and this study was on system 7000000000000000001" err &&
    test_is "$(ask_b "select count(*) from hpt.trial")" 5 && cp timeline .hpt/spool/timeline && run one 6
'
kill -INT "$b_pid" 2>/dev/null
wait "$b_pid" 2>/dev/null
test_done
