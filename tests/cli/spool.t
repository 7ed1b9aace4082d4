#!/bin/sh
# Results while the database is away: kept on this machine's disk, delivered exactly once.
. "${0%/*}/lib.sh"
test_need psql

run() {
    hpt-run -q --progress=none --print=none "$@"
}
# A server of our own, which a test may stop under hpt-run's feet, reached by DSN so that nobody starts it.
mkdir server project && (cd server && hpt-init >/dev/null 2>&1) || test_skip_all 'no private server'
socket=$PWD/server/.hpt/run
start_server() { (cd "$TEST_ROOT/work/server" && hpt-init --start >/dev/null 2>&1); }
stop_server() { (cd "$TEST_ROOT/work/server" && hpt-init --stop >/dev/null 2>&1); }
sql() { psql -qXAt -v ON_ERROR_STOP=1 -d "host=$socket dbname=hpt user=hpt_admin" -c "$1"; }
ends() { find .hpt/spool -name '*.end' ! -name 'record-*' 2>/dev/null | wc -l; }
records() { find .hpt/spool -name 'record-*' 2>/dev/null | wc -l; }

# A trial says that it runs and waits for a word.
cat >learner <<'EOT'
#!/bin/sh
hpt-report step=1 other=0.5 && hpt-report step=2 other=0.25
echo "$HPT_TRIAL" >>"$1/running"
until [ -e "$1/go" ]; do timeout 0.05 tail -f /dev/null; done
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner

# away NAME JOBS TOTAL [OPTION]...: starts a run, waits for its trials, stops the server, lets them end.
away() {
    away_name=$1 away_jobs=$2 away_total=$3
    shift 3
    rm -f running go
    start_server
    hpt-run -q --progress=none --print=none -s "$away_name" -j "$away_jobs" -t "$away_total" -m loss "$@" --allow-unused x=0.0..1.0 -- "$learner" "$PWD" 2>err &
    pid=$!
    test_wait 120 running_are "$away_jobs" && stop_server && : >go && test_wait 120 ends_are "$away_jobs"
}
running_are() { [ -e running ] && [ "$(wc -l <running)" -ge "$1" ]; }
ends_are() { [ "$(ends)" -eq "$1" ]; }
# recorded STUDY N: trials 0 to N-1 are complete, once, with their metric and both points.
recorded() {
    test_is "$(sql "select count(*), count(*) filter (where state = 'complete' and attempt = 1) from hpt.trial where study = '$1'")" "$2|$2" &&
        test_is "$(sql "select count(*) from hpt.metric where study = '$1' and name = 'loss' and value = trial")" "$2" &&
        test_is "$(sql "select count(*) from hpt.metric_point where study = '$1'")" "$((2 * $2))" &&
        hpt-verify -qH >found && test_empty found && test_is "$(ends)" 0
}

test_ok 'a project on that server' '
    cd project && hpt-init -d "host=$socket dbname=hpt user=hpt_admin" >out 2>err &&
    sed -i "s/hpt_admin/hpt_writer/g" .hpt/config
'
test_ok 'ends of trials go to the spool, no trial starts, and all are delivered when it is back' '
    cd project && away back 2 4 && test_is "$(wc -l <running)" 2 && start_server && wait $pid && recorded back 4
'
test_ok 'the input set of a trial that ends meanwhile is in the spool beside it, and delivered' '
    cd project && echo 1,2 >data.csv && away inputs 2 2 --trace=off --input=data.csv && test "$(records)" -ge 1 && kill -9 $pid && test_exit 137 wait $pid &&
    start_server && : >go && run -s third -t 1 --allow-unused x=0.0..1.0 -- true && recorded inputs 2 && test_is "$(records)" 0 &&
    test_is "$(sql "select count(*), count(distinct sha256) from hpt.input where study = '"'inputs'"' and state = '"'stored'"'")" "2|1"
'
test_ok 'kill -9 while it is away: the next run delivers them, whatever study it is of' '
    cd project && away killed 2 2 && kill -9 $pid && test_exit 137 wait $pid && start_server &&
    hpt-verify -H 2>err >found && test_grep "2 results wait in .*/spool; the next hpt-run, hpt-ask or hpt-tell of this project delivers them" found &&
    : >go && hpt-run --progress=none --print=none -s other -t 1 --allow-unused x=0.0..1.0 -- true 2>err &&
    test_grep "results that waited in the spool: 2 recorded now" err && recorded killed 2
'
test_ok '--db-wait: giving up is exit 3, says how many results lie there, and the same line delivers them' '
    cd project && away given 2 3 --db-wait=1s && test_exit 3 wait $pid &&
    test_grep "^hint: 2 results lie in the spool, /.*/spool; the same line again delivers them" err &&
    test_is "$(ends)" 2 && start_server && run -s given -t 3 2>err && recorded given 3
'
test_ok 'told to stop twice while it is away: exit 3, the results stay' '
    cd project && away stopped 1 2 && kill -TERM $pid && test_exit 3 wait $pid &&
    test_grep "1 result lies in the spool" err && start_server && run -s stopped -t 2 && recorded stopped 2
'
test_ok 'delivered twice is recorded once' '
    cd project && away twice 1 1 --db-wait=1s && test_exit 3 wait $pid && mkdir -p kept && cp .hpt/spool/*.end kept &&
    start_server && run -s twice -t 1 && recorded twice 1 && cp kept/*.end .hpt/spool &&
    hpt-run --progress=none --print=none -s twice -t 1 2>err &&
    test_grep "results that waited in the spool: 1 had been recorded before" err && recorded twice 1
'
test_ok 'a trial that was taken over meanwhile is said and left out' '
    cd project && away taken 1 1 --db-wait=1s && test_exit 3 wait $pid && start_server && mkdir -p aside && mv .hpt/spool/*.end aside &&
    run -s taken -t 1 && mv aside/*.end .hpt/spool &&
    hpt-run --progress=none --print=none -s taken -t 1 2>err &&
    test_grep "results that waited in the spool: 1 belong to trials that were taken over" err &&
    test_is "$(sql "select attempt, state from hpt.trial where study = '"'taken'"'")" "2|complete" && hpt-verify -qH && test_is "$(ends)" 0
'
test_ok 'a damaged file is moved aside and said, at every byte that is changed or cut' '
    cd project && away damaged 1 1 --db-wait=1s && test_exit 3 wait $pid && start_server && file=$(find .hpt/spool -name '*.end' ! -name 'record-*') &&
    size=$(wc -c <"$file") && mkdir -p whole && mv "$file" whole/ && n=0 &&
    for at in 0 11 20 40 $((size / 2)) $((size - 33)) $((size - 1)); do
        old=$(od -An -tu1 -j "$at" -N 1 "whole/${file##*/}") && cp "whole/${file##*/}" "$file" &&
        printf "\\$(printf %o $((255 - old)))" | dd of="$file" bs=1 seek=$at conv=notrunc 2>/dev/null &&
        hpt-run --progress=none --print=none -s back -t 4 2>err &&
        test_grep "could not be delivered: its? .*; it is kept as .*\.damaged" err &&
        test -e "${file%.end}.damaged" && rm "${file%.end}.damaged" && n=$((n + 1)) || return 1
        head -c $at "whole/${file##*/}" >"$file" && hpt-run --progress=none --print=none -s back -t 4 2>err &&
        test -e "${file%.end}.damaged" && rm "${file%.end}.damaged" || return 1
    done && test_is $n 7 && mv "whole/${file##*/}" "$file" && run -s damaged -t 1 2>err && recorded damaged 1
'
test_ok 'what the database refuses for good is put aside' '
    cd project && away refused 1 1 --db-wait=1s && test_exit 3 wait $pid && start_server &&
    sql "alter table hpt_record.metric add constraint none check (value <> 0) not valid" >out &&
    hpt-run --progress=none --print=none -s back -t 4 2>err && test_grep "could not be delivered: .*none.*; it is kept as .*\.refused" err &&
    test_exit 1 hpt-verify -qH >found && test_grep "1 results in .* could not be delivered" found &&
    sql "alter table hpt_record.metric drop constraint none" >out && for file in .hpt/spool/*.refused; do mv "$file" "${file%.refused}.end"; done &&
    run -s refused -t 1 2>err && recorded refused 1
'
test_ok 'a spool that cannot be written: the results are delivered all the same' '
    cd project && rm -rf .hpt/spool running go && start_server &&
    { hpt-run -q --print=none -s nospool -j 1 -t 2 -m loss --allow-unused x=0.0..1.0 -- "$learner" "$PWD" 2>err & pid=$!; } &&
    test_wait 120 running_are 1 && : >.hpt/spool && stop_server && : >go && start_server && wait $pid && rm .hpt/spool && recorded nospool 2
'
test_ok 'no file is left when nothing went wrong, and none was made' '
    cd project && rm -rf .hpt/spool && run -s plain -t 2 --allow-unused x=0.0..1.0 -- true && test ! -e .hpt/spool
'
stop_server
test_done
