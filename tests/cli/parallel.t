#!/bin/sh
# GNU parallel starts workers that join one study.
. "${0%/*}/lib.sh"
test_need parallel

sql() {
    hpt-query -H "$1"
}
cat >learner <<'EOF'
#!/bin/sh
echo "loss: $1"
EOF
chmod +x learner

test_ok 'four workers that know only the name do what is left, each trial once' '
    test_db && SLURM_JOB_END_TIME=1 hpt-run -q -s shared -t 60 -m loss x=0.0..1.0 -- ./learner {x} >out &&
    parallel -j4 -N0 hpt-run -q --print=none -s shared ::: 1 2 3 4 >out 2>err && test_empty out &&
    test_is "$(sql "select count(*), count(distinct trial), max(trial), max(attempt), bool_and(state = '"'complete'"')
        from shared")" "60	60	59	1	true"
'
test_ok 'four times the line that makes the study: one study, the total exact' '
    parallel -j4 -N0 "hpt-run -q --print=none -s made -t 60 -m loss x=0.0..1.0 -- ./learner {x}" ::: 1 2 3 4 >out 2>err &&
    test_is "$(sql "select count(*) from study where study = '"'made'"'")" 1 &&
    test_is "$(sql "select count(*), count(distinct trial), max(trial), max(attempt) from made")" "60	60	59	1"
'
test_ok 'which of the jobs it was is on record' '
    test_is "$(sql "select string_agg(launcher ->> '"'PARALLEL_SEQ'"', '"','"' order by launcher ->> '"'PARALLEL_SEQ'"') from worker
        where study = '"'shared'"' and launcher ? '"'PARALLEL_SEQ'"'")" "1,2,3,4"
'
test_ok 'a worker that fails is a job that fails: parallel counts it' '
    test_exit 2 parallel -j2 -N0 hpt-run -q -s no_such_study ::: 1 2 2>err && test_grep "no_such_study" err
'
test_done
