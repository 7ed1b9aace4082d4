#!/bin/sh
# Packs under faults: fsync that fails, kill -9 at every call that writes or names one, two workers that store the
# same at once. No row names an object that is not there, nothing half made is seen, and the next run works.
. "${0%/*}/fault.sh"
test_need psql strace
strace -qq -o /dev/null true 2>/dev/null || test_skip_all 'strace may not trace here'

# 40 kB that are a trial's own and 60 kB that all share.
cat >learner <<'EOT'
#!/bin/sh
head -c 40000 /dev/urandom >"$HPT_DIR/own"
seq 12000 >"$HPT_DIR/shared"
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
run() { "$@" -q --progress=none --print=none -t 3 -m loss --allow-unused --seed=1 -s "$study" x=0.0..1.0 -- ./learner; }
whole_study() {
    test_is "$(hpt-query -H "select count(*), count(*) filter (where state = 'complete') from hpt.trial where study = '$study'")" "3	3"
}

# failing CALL ERROR: the n-th such call fails, for each n until one is not reached.
failing() {
    n=0 failed=0
    while [ $n -lt 40 ] && in_time; do
        n=$((n + 1)) study=$1_$n
        run strace -qq -o trace.out -e "trace=$1" -e "inject=$1:error=$2:when=$n" hpt-run >out 2>err
        status=$?
        hpt-verify -qH >found || { cat found err && return 1; }
        grep -q INJECTED trace.out || break
        case $status in
        0) ;;
        125) failed=$((failed + 1)) && test_grep "could be stored|cannot|fsync" err || return 1 ;;
        *) echo "status $status" && cat err && return 1 ;;
        esac
        rm -rf .hpt/trials && run hpt-run 2>err && whole_study || { cat err && return 1; }
    done
    points=$((n - 1))
}
test_ok 'an fsync that fails: what was to be synced is not in the record, and the next run works' '
    test_db && failing fsync EIO && test "$points" -ge 5 && test "$failed" -ge 3 && test_is "$(ls .hpt/objects/tmp)" ""
'
say "fsync failed at ${points:-0} points, ${failed:-0} of them seen by a trial's end or the beginning"
test_ok 'a rename that fails' 'failing renameat EIO && test "$points" -ge 2'
say "renameat failed at ${points:-0} points"

killed() {
    points=0 kinds=0
    for call in write fsync renameat openat utimensat; do
        n=0
        while [ $n -lt 60 ] && in_time; do
            n=$((n + 1)) study=k_${call}_$n
            run strace -qq -o trace.out -P "$PWD/.hpt/objects/tmp" -P "$PWD/.hpt/objects/pack" -P "$PWD/.hpt/objects" \
                -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" hpt-run >out 2>err
            [ $? -eq 137 ] || break
            [ $n -gt 1 ] || kinds=$((kinds + 1))
            hpt-verify -qH | grep -v "^I6" >found
            grep -q "^I2" found && cat found && return 1
            points=$((points + 1))
            rm -rf .hpt/trials && run hpt-run 2>err && whole_study || { cat err && return 1; }
        done
    done
}
test_ok 'kill -9 at every call on the folder of objects: no row without its object, and the next run works' '
    killed && test "$kinds" -ge 3 && test "$points" -ge 20 && hpt-verify -qH >found && test_empty found
'
say "killed at ${points:-0} calls of ${kinds:-0} kinds"
test_ok 'two workers that store the same files at once' '
    rm -rf .hpt/objects/pack/none && study=same &&
    { hpt-run -q --progress=none --print=none -t 40 -m loss --allow-unused -s same x=0.0..1.0 -- sh -c "seq 20000 >\"\$HPT_DIR/same\"; echo loss=1" & one=$!; } &&
    { hpt-run -q --progress=none --print=none -t 40 -m loss --allow-unused -s same2 x=0.0..1.0 -- sh -c "seq 20000 >\"\$HPT_DIR/same\"; echo loss=1" & two=$!; } &&
    wait $one && wait $two && hpt-verify -qH >found && test_empty found
'
test_done
