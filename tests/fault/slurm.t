#!/bin/sh
# Workers started by Slurm: all at once on nothing, cancelled, ended by a limit, on nodes that die and
# on nodes that come back. Each number is done exactly once every time.
. "${0%/*}/../cli/lib.sh"
. "$TEST_SRC/tests/slurm.sh"
slurm_start 4
node() {
    bash "$HPT_CLUSTER_DIR/slurm-node" "$@"
}
# batch JOB-OPTION... -- COMMAND: submits "exec COMMAND" and prints the number of the job.
batch() {
    batch_options=
    while [ "$1" != -- ]; do batch_options="$batch_options $1" && shift; done
    shift
    # shellcheck disable=SC2086 # options have no blanks
    sbatch --parsable --open-mode=append -o out.%j $batch_options --wrap "exec $*"
}
# The trial's command, as it is seen outside of its container.
gone() {
    ! pgrep -f "^/bin/sh ./waits $1" >/dev/null
}
next_job() {
    timeout 200 sbatch --wait -Q -o out.next --wrap "exec hpt-run -q --print=none -s $1"
}
node_of() {
    scontrol -o show job "$1" | sed -n 's/.* NodeList=\([^ ]*\).*/\1/p' | head -n 1
}

cat >first <<'EOT'
#!/bin/sh
hpt-init -q -d "$1" && exec hpt-run -q --print=none -s first -t 120 -m loss x=0.0..1.0 -- ./learner {x}
EOT
chmod +x first
test_ok 'an array of eight that begins on an empty database: one study, one schema, no error' '
    test_db given && rm -rf given && empty="${TEST_DSN}_empty" &&
    psql -qX -d "$TEST_SERVER dbname=postgres" -c "create database ${empty##*dbname=}" &&
    mkdir empty && cd empty && cp ../learner ../first . &&
    timeout 200 sbatch --wait -Q --array=1-8 -o out.%a first "$empty" &&
    cat out.* >all && test_no_grep "error|fatal|deadlock" all && TEST_DSN=$empty && exactly first 120 &&
    test_is "$(sql "select count(*) from study")" 1 &&
    test_is "$(sql "select count(distinct launcher ->> '"'SLURM_ARRAY_TASK_ID'"') from worker")" 8
'
test_ok 'srun -n4: four steps make one study' '
    test_db && timeout 200 srun -n4 hpt-run -q --print=none -s steps -t 80 -m loss x=0.0..1.0 -- ./learner {x} &&
    exactly steps 80 &&
    test_is "$(sql "select count(distinct launcher ->> '"'SLURM_PROCID'"') from worker where study = '"'steps'"'")" 4
'
test_ok 'scancel of an array in its midst: interrupted, in the queue at once, done by the next job' '
    job=$(batch --array=1-3 -- hpt-run -q -s cancel -j 2 -t 9 -m loss x=0.0..1.0 -- ./waits cancel) &&
    test_wait 100 lines_are 6 started.cancel && scancel "$job" &&
    for task in 1 2 3; do test_wait 100 slurm_is "${job}_$task" CANCELLED || return 1; done &&
    test_is "$(sql "select count(*), min(outcome), max(outcome) from attempt where study = '"'cancel'"'")" "6	cancelled	cancelled" &&
    test_is "$(sql "select count(*) from cancel where state = '"'waiting'"'")" 6 &&
    : >go.cancel && next_job cancel && exactly cancel 9
'
test_ok '--signal=B:TERM with exec hpt-run, before the time is over: handed back' '
    job=$(batch --time=2 --signal=B:TERM@80 -- hpt-run -q -s limited -j 2 -t 3 -m loss x=0.0..1.0 -- ./waits limited) &&
    test_wait 100 lines_are 2 started.limited && test_wait 100 slurm_is "$job" FAILED &&
    test_is "$(scontrol -o show job "$job" | grep -o " ExitCode=[0-9]*")" " ExitCode=143" &&
    test_is "$(sql "select count(*), min(outcome), left(max(cause), 22) from attempt where study = '"'limited'"'")" "2	cancelled	interrupted by SIGTERM" &&
    : >go.limited && next_job limited && exactly limited 3
'
test_ok 'pre-empted by a partition of higher priority: handed back, requeued, gone on with' '
    sed -i "s/^PartitionName=test .*/& PriorityTier=1 GraceTime=30/" "$SLURM_CONF" &&
    printf "%s\n" PreemptType=preempt/partition_prio PreemptMode=REQUEUE \
        "PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9" >>"$SLURM_CONF" && scontrol reconfigure &&
    job=$(batch --requeue --exclusive -N4 -- hpt-run -q -s yields -j 2 -t 3 -m loss x=0.0..1.0 -- ./waits yields) &&
    test_wait 100 lines_are 2 started.yields &&
    timeout 200 sbatch --wait -Q -p urgent --exclusive -N4 -o out.urgent --wrap "echo urgent" && test_is "$(cat out.urgent)" urgent &&
    : >go.yields && test_wait 200 slurm_is "$job" COMPLETED && exactly yields 3 &&
    test_is "$(sql "select count(*) >= 2, min(outcome), min(left(cause, 22)), max(left(cause, 22)) from attempt
        where study = '"'yields'"' and outcome <> '"'complete'"'")" "true	cancelled	interrupted by SIGTERM	interrupted by SIGTERM" &&
    test_is "$(sql "select count(distinct launcher ->> '"'SLURM_JOB_ID'"'), max(launcher ->> '"'SLURM_RESTART_COUNT'"') >= '"'1'"' from worker
        where study = '"'yields'"'")" "1	true"
'
cat >where <<'EOT'
#!/bin/sh
echo "node=${SLURMD_NODENAME#n} step=$SLURM_STEP_ID loss=$1"
EOT
chmod +x where
test_ok '--via srun: the trials are steps of the job, on all of its nodes' '
    batch_job=$(batch -N4 --ntasks-per-node=1 --wait -- hpt-run -q --print=none -s spread -j 4 -t 24 --via "\"srun -N1 -n1 --exact\"" \
        -m loss -m node:track -m step:track x=0.0..1.0 -- ./where {x}) && exactly spread 24 &&
    test_is "$(sql "select count(distinct step), count(distinct node) > 1 from spread")" "24	true"
'
cat >until_late <<'EOT'
#!/bin/sh
until [ "$(date +%s)" -ge $((SLURM_JOB_END_TIME - 8)) ]; do sleep 0.2; done # lint-ok: for so long
echo loss=1
EOT
chmod +x until_late
test_ok 'a worker whose trials take longer than its job has left ends its turn' '
    SLURM_JOB_END_TIME=$(($(date +%s) + 30)) hpt-run -s turn -t 3 -m loss x=0.0..1.0 -- ./until_late >out 2>err &&
    test_grep "this worker.s job ends in .* trials take up to .* nothing more is started" err &&
    test_is "$(sql "select count(*), min(state) from turn")" "1	complete" &&
    SLURM_JOB_END_TIME=9 hpt-run -q -s turn >out && test_is "$(sql "select count(*) from turn")" 1
'
test_ok 'a node dies: the job starts again, its trials are lost, then done' '
    job=$(batch --requeue -- hpt-run -q -s dead -j 2 -t 4 -m loss x=0.0..1.0 -- ./waits dead) &&
    test_wait 100 lines_are 2 started.dead && on=$(node_of "$job") && node down "$on" &&
    test_wait 100 lines_are 4 started.dead && : >go.dead && test_wait 100 slurm_is "$job" COMPLETED &&
    exactly dead 4 && test_is "$(sql "select min(loss), max(loss) from dead")" "1	1" &&
    test_is "$(sql "select count(*) from attempt where study = '"'dead'"' and outcome = '"'lost'"'")" 2 &&
    test_is "$(sql "select count(*), count(distinct launcher ->> '"'SLURM_JOB_ID'"'), max(launcher ->> '"'SLURM_RESTART_COUNT'"')
        from worker where study = '"'dead'"'")" "2	1	1" && node start "$on"
'
# The leases of the frozen worker run out; a server that has just started gives all a lease of grace.
test_ok 'a node freezes and comes back: two workers of one job live, one counts' '
    job=$(batch --requeue -- hpt-run -q -s frozen -t 2 -m loss x=0.0..1.0 -- ./waits frozen) &&
    test_wait 100 lines_are 1 started.frozen && on=$(node_of "$job") && node pause "$on" &&
    scontrol update NodeName="$on" State=DOWN Reason=frozen &&
    test_wait 100 lines_are 2 started.frozen &&
    psql -qX -d "$TEST_DSN" -v ON_ERROR_STOP=1 -c "update hpt_record.lease l set until = now() - interval '"'1 s'"'
        from hpt_record.worker w where w.id = l.worker_id and not w.launcher ? '"'SLURM_RESTART_COUNT'"'" &&
    : >go.frozen && test_wait 200 slurm_is "$job" COMPLETED && node resume "$on" &&
    test_wait 100 gone frozen &&
    exactly frozen 2 && test_is "$(sql "select count(*) from frozen where loss >= 1")" 2 &&
    test_is "$(sql "select trial, attempt, outcome from attempt where study = '"'frozen'"' order by 1, 2")" "0	1	lost
0	2	complete
1	1	complete"
'
test_done
