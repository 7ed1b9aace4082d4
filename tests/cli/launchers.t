#!/bin/sh
# What starts workers in numbers: its time limits, its signals, and what is recorded of it.
. "${0%/*}/lib.sh"

run() {
    hpt-run -q --progress=none "$@"
}
sql() {
    hpt-query -H "$1"
}
cat >learner <<'EOF'
#!/bin/sh
echo "loss: $1"
EOF
chmod +x learner

test_ok 'SLURM_JOB_END_TIME in the past: nothing is started, status 0 and a note' '
    test_db && SLURM_JOB_END_TIME=1 hpt-run -s past -t 5 -m loss x=1..100 -- ./learner {x} >out 2>err &&
    test_grep "note: .*job has reached its end: nothing more is started" err &&
    test_is "$(sql "select trials from study where study = '"'past'"'")" 0
'
test_ok '… and the next worker does what is left' '
    run -s past >out && test_is "$(sql "select count(*), max(trial) from past where state = '"'complete'"'")" "5	4"
'
test_ok 'SLURM_JOB_END_TIME in the year 4000, or one that is no time: all trials run' '
    SLURM_JOB_END_TIME=64060588800 hpt-run -s far -t 5 -m loss x=1..100 -- ./learner {x} >out 2>err &&
    test_no_grep "nothing more is started" err && test_is "$(sql "select complete from study where study = '"'far'"'")" 5 &&
    SLURM_JOB_END_TIME=Unknown hpt-run -s unknown -t 5 -m loss x=1..100 -- ./learner {x} >out 2>err &&
    test_no_grep "nothing more is started" err && test_is "$(sql "select complete from study where study = '"'unknown'"'")" 5
'
# A signal for all processes of a job: hpt-run and its trials have it before one of them can act.
cat >waits <<'EOF'
#!/bin/sh
case $1 in
dies) ;;
status) trap 'exit 1' TERM ;;
shell) trap 'exit 143' TERM ;;
esac
test ! -e go || { echo loss=1 && exit; }
echo $$ >>started
tail -f /dev/null &
wait
EOF
chmod +x waits
lines_are() {
    [ "$(wc -l <"$2")" -eq "$1" ]
}
is_dead() {
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z*) ;; *) return 1 ;; esac
}
all_dead() {
    while read -r dead_pid; do is_dead "$dead_pid" || return 1; done <started
}
# Without a namespace, since the trials say their numbers.
# cancelled STUDY KIND: two trials of hpt-run -j2 and hpt-run itself get TERM; the trials are dead
# when hpt-run can look.
cancelled() {
    rm -f started go && : >started &&
        { hpt-run -q --contain=subreaper -s "$1" -j 2 -t 3 -m loss x=1..100 -- ./waits "$2" {x} >out 2>err & pid=$!; } &&
        test_wait 120 lines_are 2 started && kill -STOP $pid && kill -TERM $(cat started) &&
        test_wait 120 all_dead && kill -TERM $pid && kill -CONT $pid && test_exit 143 wait $pid &&
        test_is "$(sql "select count(*), min(outcome), max(outcome) from attempt where study = '$1'")" \
            "2	cancelled	cancelled" &&
        test_is "$(sql "select count(*) from $1 where state = 'waiting'")" 2 &&
        : >go && run -s "$1" >out &&
        test_is "$(sql "select count(*), count(distinct trial), max(trial), max(attempt), bool_and(state = 'complete') from $1")" \
            "3	3	2	2	true"
}
for kind in dies status shell; do
    test_ok "TERM to hpt-run and to its trials at one moment, a trial that $kind: interrupted, not failed" "
        cancelled same_$kind $kind
    "
done
test_ok 'a trial that ends itself by TERM is lost, one that says so by its status has failed' '
    test_exit 1 run -s self -t 1 --retry=none -m loss x=1..9 -- sh -c "kill -TERM \$\$" &&
    test_exit 1 run -s status -t 1 -m loss x=1..9 -- sh -c "exit 143" &&
    test_is "$(sql "select outcome from attempt where study = '"'self'"'")" lost &&
    test_is "$(sql "select outcome from attempt where study = '"'status'"'")" failed
'
test_ok 'what started a worker is on record' '
    SLURM_CLUSTER_NAME=c SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=2 SLURM_RESTART_COUNT=1 \
        SLURM_STEP_ID=0 SLURM_PROCID=3 SLURMD_NODENAME=n1 PARALLEL_SEQ=4 JOB_COMPLETION_INDEX=6 \
        HPT_POD=p HPT_POD_NAMESPACE=s HPT_NODE=k run -s who -t 1 -m loss x=1..9 -- ./learner {x} >out &&
    test_is "$(sql "select string_agg(key || '"'='"' || value, '"' '"' order by key collate \"C\") from worker,
        jsonb_each_text(launcher) where study = '"'who'"'")" "HPT_NODE=k HPT_POD=p HPT_POD_NAMESPACE=s \
JOB_COMPLETION_INDEX=6 PARALLEL_SEQ=4 SLURMD_NODENAME=n1 SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=2 \
SLURM_CLUSTER_NAME=c SLURM_JOB_ID=7 SLURM_PROCID=3 SLURM_RESTART_COUNT=1 SLURM_STEP_ID=0"
'
test_ok 'statuses that launchers act on: 0 the study is over, 3 no database' '
    run -s who >out && test_exit 3 run -s who -d "host=$PWD/nowhere dbname=x" 2>err
'
test_done
