#!/bin/sh
# kill -9 of hpt-import, or of the child that reads, at every system call that reads, writes, syncs, names, sends,
# receives or forks: nothing is half imported, nothing is left in the project, and the same line again imports it.
. "${0%/*}/fault.sh"
test_need psql strace
strace -qq -o /dev/null true 2>/dev/null || test_skip_all 'strace may not trace here'

calls='read pread64 write pwrite64 fsync fdatasync rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat
    ftruncate openat pipe2 sendto recvfrom clone clone3 fork vfork wait4'

test_ok 'a server of our own, and a bundle' '
    own_server && cd project && hpt-run -q --progress=none --print=none -s s -t 4 -m loss --seed=3 --budget=1..4:2 --pruner=asha x=0.0..1.0 \
        -- sh -c "awk '"'BEGIN { srand(ENVIRON[\"HPT_SEED\"]); for (i = 0; i < 3000; i++) print rand() }'"' >\$HPT_DIR/large.txt; echo loss: \$1" sh {x} {hpt.budget} &&
    hpt-export -q -s s -o ../s.tar.zst && hpt-export -q -s s -o ../s.tar && trials=$(ask "select count(*) from hpt.trial where study = '"'s'"'") &&
    attempts=$(ask "select count(*) from hpt.attempt where study = '"'s'"'") && cd .. && mkdir other && cp -r project/.hpt other/ && rm -rf other/.hpt/objects
'
# Files of the project that are no objects.
files() { find .hpt -type f -not -path ".hpt/objects/*" | LC_ALL=C sort; find .hpt/objects -path "*tmp/*" 2>/dev/null || :; }
# state NAME: 0 or all of its trials are there, and nothing is left over.
state() {
    now=$(ask "select count(*) from hpt.trial where study = '$1'")
    [ "$now" = 0 ] || [ "$now" = "$trials" ] || { echo "$1: $now trials" && return 1; }
    files >files.now && cmp files.before files.now
}
# crash BUNDLE: at every call.
crash() {
    points=0 took=0 && rm -f files.before files.now && files >files.before
    for call in $calls; do
        k=0
        while in_time; do
            k=$((k + 1)) name=$1-$call-$k
            [ "$FAULT_SCALE" -ge 100 ] || [ $k -le $((1 + FAULT_SCALE / 10)) ] || break
            strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$k" "$TEST_BUILD/hpt-import" --as="$name" ../"$1" >out 2>err </dev/null
            status=$?
            [ $status -ne 0 ] || break
            points=$((points + 1))
            state "$name" || { cat err && return 1; }
            "$TEST_BUILD/hpt-import" -q --as="$name" ../"$1" >out 2>err </dev/null || { echo "$name: again" && cat err && return 1; }
            test_is "$(ask "select count(*) from hpt.trial where study = '$name'")|$(ask "select count(*) from hpt.attempt where study = '$name'")" "$trials|$attempts" || return 1
        done
    done
    in_time || echo 'time is over'
    hpt-verify --store -q -H >verify.out 2>&1 || { cat verify.out && return 1; }
}
test_ok 'a bundle' 'cd other && files >files.before && crash s.tar'
say "points, hpt-import of a tar: $points"
test_ok 'a compressed bundle' 'cd other && crash s.tar.zst'
say "points, hpt-import of a tar.zst: $points"
server_down
test_done
