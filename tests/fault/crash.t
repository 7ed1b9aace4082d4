#!/bin/sh
# kill -9 at every system call that writes, syncs, names, sends, receives or forks, in a run of one trial of
# every tool, enumerated by strace: after each the same line again works, and nothing is lost.
. "${0%/*}/fault.sh"
test_need psql strace
strace -qq -o /dev/null true 2>/dev/null || test_skip_all 'strace may not trace here'

calls='write pwrite64 writev fsync fdatasync rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat
    sendto recvfrom sendmsg clone clone3 vfork'

cat >learner <<'EOT'
#!/bin/sh
hpt-report step=1 acc=0.5
awk 'BEGIN { for (i = 0; i < 3000; i++) print i }' >"$HPT_DIR/large.txt"
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner

# crash NAME: at every system call of "line N", which is to be killed there; then "line N" again has to
# succeed and "check N" to hold. Counts points.
crash() {
    points=0
    for call in $calls; do
        k=0
        while in_time; do
            k=$((k + 1))
            [ "$FAULT_SCALE" -ge 100 ] || [ $k -le $((1 + FAULT_SCALE / 10)) ] || break
            line "$call$k" strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$k" >out 2>err </dev/null
            status=$?
            [ $status -eq 137 ] || [ $status -eq 265 ] || { [ $status -eq 0 ] || [ $status -eq 1 ]; } || { echo "$call $k: exit $status" && cat err && return 1; }
            [ $status -eq 137 ] || break
            points=$((points + 1))
            line "$call$k" >out 2>err </dev/null || { echo "$call $k: again" && cat err && return 1; }
            check "$call$k" || { echo "$call $k: check" && return 1; }
        done
    done
    in_time || echo 'time is over'
}

test_ok 'a server of our own' 'own_server'

line() { n=$1 && shift && "$@" hpt-run -q --progress=none --print=none -s "run_$n" -t 1 -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$learner"; }
check() { whole "run_$1" 1; }
test_ok 'hpt-run' 'cd project && crash && sound'
say "points, hpt-run: $points"

line() { n=$1 && shift && rm -f all.tar; "$@" hpt-export -q -s run_write1 -o "all.tar" && test -s all.tar; }
check() { tar -tf all.tar | grep -q MANIFEST.json && rm all.tar && test_is "$(find . -maxdepth 1 -name '.all.tar*' | wc -l)" 0; }
test_ok 'hpt-export' 'cd project && crash && sound'
say "points, hpt-export: $points"

line() { n=$1 && shift && "$@" hpt-query -q -s run_write1 -o rows.tsv && test -s rows.tsv; }
check() { test_is "$(wc -l <rows.tsv)" 2 && rm rows.tsv; }
test_ok 'hpt-query' 'cd project && crash && sound'
say "points, hpt-query: $points"

line() { n=$1 && shift && "$@" hpt-verify -q -H; }
check() { test_empty out; }
test_ok 'hpt-verify' 'cd project && crash && sound'
say "points, hpt-verify: $points"

line() { n=$1 && shift && "$@" hpt-space a=1..3 b=x,y; }
check() { test -s out; }
test_ok 'hpt-space' 'cd project && crash && sound'
say "points, hpt-space: $points"

# Inside a trial: the reporter is killed, and reports again.
cat >reporter <<'EOT'
#!/bin/sh
$TRACE hpt-report acc=1
status=$?
echo $status >"$STATUS"
[ $status -ne 137 ] || hpt-report acc=1
echo loss=1
EOT
chmod +x reporter
reporter=$PWD/reporter
line() {
    n=$1 && shift
    [ $# -gt 0 ] || return 0
    TRACE="$*" STATUS=$PWD/status hpt-run -q --progress=none --print=none -s "report_$n" -t 1 -m loss -m acc:track --allow-unused x=0.0..1.0 -- "$reporter" &&
        return "$(cat status)"
}
check() { whole "report_$1" 1 && test_is "$(ask "select count(*) from hpt.metric where study = 'report_$1' and name = 'acc' and value = 1")" 1; }
test_ok 'hpt-report' 'cd project && crash && sound'
say "points, hpt-report: $points"

# What a killed hpt-ask has taken nobody hears of: its lease runs out.
line() { n=$1 && shift && "$@" hpt-ask -q -s "ask_$n" -p x=0.0..1.0 -m loss -N 2; }
check() {
    test_is "$(wc -l <out)" 2 && test_is "$(ask "select count(*) - count(distinct trial) from hpt.trial where study = 'ask_$1'")" 0 &&
        test_is "$(ask "select count(*) in (2, 3, 4) from hpt.trial where study = 'ask_$1'")" t
}
test_ok 'hpt-ask' 'cd project && crash && sound'
say "points, hpt-ask: $points"

line() {
    n=$1 && shift
    [ $# -eq 0 ] || hpt-ask -q -s "tell_$n" -p x=0.0..1.0 -m loss || return 125
    "$@" hpt-tell -q "tell_$n/0" loss=0.5
}
check() { test_is "$(ask "select count(*), min(value) from hpt.metric where study = 'tell_$1'")" "1|0.5" && whole "tell_$1" 1; }
test_ok 'hpt-tell' 'cd project && crash && sound'
say "points, hpt-tell: $points"

# A report that stops its trial: whatever the kill left, the same again says stop, and it was decided once.
line() {
    n=$1 && shift
    [ $# -eq 0 ] || hpt-ask -q -s "step_$n" -p x=0.0..1.0 -m loss --pruner=threshold:upper=1 || return 125
    "$@" hpt-tell -q "step_$n/0" step=1 loss=2
    said=$?
    case $said in 10) return 0 ;; 0) return 99 ;; *) return $said ;; esac
}
check() {
    test_is "$(ask "select count(*), bool_and(stop) from hpt.pruning where study = 'step_$1'")" "1|t" &&
        test_is "$(ask "select state, t.attempt, m.value, p.value from hpt.trial t join hpt.metric m using (study, trial)
            join hpt.metric_point p using (study, trial) where study = 'step_$1'")" "pruned|1|2|2"
}
test_ok 'hpt-tell of a step' 'cd project && crash && sound'
say "points, hpt-tell of a step: $points"

line() {
    n=$1 && shift
    "$@" hpt-diff run_write1/0 tell_write1/0
    n=$? && [ $n -ne 1 ] || n=0
    return $n
}
check() { test_grep "^metrics.*loss" out; }
test_ok 'hpt-diff' 'cd project && crash && sound'
say "points, hpt-diff: $points"

line() { n=$1 && shift && "$@" hpt-replay -q run_write1/0; }
check() { test_grep "metric loss.*identical" out; }
test_ok 'hpt-replay' 'cd project && crash && sound && test_is "$(find .hpt/replays -mindepth 1 | wc -l)" 0'
say "points, hpt-replay: $points"

# In an empty folder and an empty database each time.
line() {
    n=$1 && shift
    if [ $# -gt 0 ]; then
        psql -qX -d "$ADMIN" -c 'set client_min_messages = warning' -c "drop database if exists made" -c 'create database made' && rm -rf ../made && mkdir ../made
    fi
    (cd ../made && "$@" hpt-init -d "host=$SOCKET dbname=made user=hpt_admin")
}
check() { (cd ../made && hpt-run -q --print=none -s x -t 1 -m loss --allow-unused x=0.0..1.0 -- echo loss=1 && hpt-verify -q -H); }
test_ok 'hpt-init, in an empty folder and an empty database' 'cd project && crash'
say "points, hpt-init: $points"
server_down
test_done
