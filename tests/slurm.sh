# A Slurm cluster of a test's own. Sourced by tests, after lib.sh. The scripts that make it are in
# HPT_CLUSTER_DIR, by default shared/cluster beside the checkout.
: "${HPT_CLUSTER_DIR:=${TEST_SRC%/*}/shared/cluster}"
PATH=$PATH:/usr/sbin:/sbin

slurm_stop() {
    slurm_status=$?
    [ ! -d "${HPT_SLURM_DIR:-}" ] || {
        bash "$HPT_CLUSTER_DIR/slurm-down" >/dev/null 2>&1
        # shellcheck disable=SC2154 # of lib.sh
        [ "$test_failed" -gt 0 ] || rm -rf "$HPT_SLURM_DIR"
    }
    (exit $slurm_status)
    test_cleanup
}

# slurm_start NODES: skips the script where there is no Slurm. Two CPUs a node.
slurm_start() {
    [ -e "$HPT_CLUSTER_DIR/slurm-up" ] ||
        test_skip_all "no slurm-up in $HPT_CLUSTER_DIR (HPT_CLUSTER_DIR)"
    test_need bash munged slurmctld slurmd sbatch srun scancel sinfo ss flock
    HPT_SLURM_DIR=$(mktemp -d /tmp/hpt-slurm.XXXXXX) || exit 125
    export HPT_SLURM_DIR
    trap slurm_stop EXIT
    slurm_env=$(bash "$HPT_CLUSTER_DIR/slurm-up" -n "$1" 2>"$TEST_LOG") || {
        sed 's/^/# /' "$TEST_LOG"
        test_skip_all "slurm-up could not start a cluster here"
    }
    # shellcheck disable=SC1090 # written by slurm-up
    . "$slurm_env"
    # A busy machine may need more than two seconds between TERM and KILL.
    sed -i 's/^KillWait=.*/KillWait=20/' "$SLURM_CONF" && scontrol reconfigure
}

# slurm_state JOB
slurm_state() {
    scontrol -o show job "$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | head -n 1
}
# slurm_is JOB STATE
slurm_is() {
    case $(slurm_state "$1") in "$2"*) ;; *) return 1 ;; esac
}

sql() {
    hpt-query -H "$1"
}
# exactly STUDY TOTAL: each number once and complete, one attempt that counts, nothing held or queued.
exactly() {
    test_is "$(sql "select count(*), count(distinct trial), coalesce(max(trial), -1) + 1,
            count(*) filter (where state = 'complete') from $1")" "$2	$2	$2	$2" &&
        test_is "$(sql "select count(*), count(distinct trial) from attempt
            where study = '$1' and outcome = 'complete'")" "$2	$2" &&
        test_is "$(psql -qAtX -d "$TEST_DSN" -c "select (select count(*) from hpt_record.lease) +
            (select count(*) from hpt_record.queue)")" 0
}

cat >learner <<'EOT'
#!/bin/sh
echo "loss: $1"
EOT
# Runs until the file go is there; its result is which start of its job it belongs to.
cat >waits <<'EOT'
#!/bin/sh
echo $$ >>"started.$1"
until [ -e "go.$1" ]; do sleep 0.1; done # lint-ok: it is to stay
echo "loss: ${SLURM_RESTART_COUNT:-0}"
EOT
chmod +x learner waits
lines_are() {
    [ "$(cat "$2" 2>/dev/null | wc -l)" -eq "$1" ]
}
