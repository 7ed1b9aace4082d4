#!/bin/sh
# A job array of Slurm, in short; the rest is in tests/fault/slurm.t.
. "${0%/*}/lib.sh"
. "$TEST_SRC/tests/slurm.sh"
slurm_start 2

cat >job <<'EOT'
#!/bin/sh
exec hpt-run -q --print=none -s tasks -t 40 -m loss x=0.0..1.0 -- ./learner {x}
EOT
test_ok 'an array of four makes one study; each trial once, and its tasks are on record' '
    test_db && timeout 100 sbatch --wait -Q --array=1-4 -o out.%a job && test_empty out.1 && test_empty out.4 &&
    exactly tasks 40 &&
    test_is "$(sql "select string_agg(distinct launcher ->> '"'SLURM_ARRAY_TASK_ID'"', '"','"') from worker where study = '"'tasks'"'")" 1,2,3,4
'
test_ok 'scancel: the trials are interrupted and wait at once, and the next job does them' '
    job=$(sbatch --parsable -o out.c --wrap "exec hpt-run -q -s c -j 2 -t 3 -m loss x=0.0..1.0 -- ./waits c") &&
    test_wait 120 lines_are 2 started.c && scancel "$job" && test_wait 120 slurm_is "$job" CANCELLED &&
    test_is "$(sql "select count(*), min(outcome), max(outcome) from attempt where study = '"'c'"'")" "2	cancelled	cancelled" &&
    test_is "$(sql "select count(*) from c where state = '"'waiting'"'")" 2 &&
    : >go.c && timeout 100 sbatch --wait -Q -o out.d --wrap "exec hpt-run -q --print=none -s c" && exactly c 3
'
test_done
