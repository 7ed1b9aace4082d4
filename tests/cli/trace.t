#!/bin/sh
# What is recorded of the files that trials use: --trace, and what it cannot see.
. "${0%/*}/lib.sh"

sql() {
    hpt-query -H "$1"
}
run() {
    hpt-run -q --print=none "$@"
}
# trace STUDY KEY: of its only trial.
trace() {
    sql "select details->'trace'->>'$2' from trial where study = '$1'"
}

cat >reads <<'EOT'
#!/bin/sh
cat given >"$HPT_DIR/copy" && echo more >>changed && echo loss=1
EOT
chmod +x reads
echo given >given
echo before >changed
test_ok 'a project' 'test_db'
run -s try -t 1 -m loss x=0.0..1.0 -- ./reads
if [ "$(trace try state)" = incomplete ] && trace try reason | grep -q 'does not let'; then
    test_skip 'trials are traced' "$(trace try reason)"
    test_ok 'said once where it cannot be' '
        hpt-run --print=none -s said -t 3 -m loss x=0.0..1.0 -- ./reads 2>err &&
        test_is "$(grep -c "are not recorded" err)" 1
    '
    test_done
    exit
fi
test_ok '--trace=on, which is the default: what was read, written and kept is counted' '
    test_is "$(trace try state)" complete &&
    test_is "$(trace try written) $(trace try kept)" "2 1" &&
    run --trace=on -s on -t 1 -m loss x=0.0..1.0 -- ./reads &&
    test_is "$(trace on state) $(trace on written)" "complete 2" &&
    test "$(trace on read)" -ge 4
'
test_ok '--trace=off traces nothing and says so' '
    run --trace=off -s off -t 1 -m loss x=0.0..1.0 -- ./reads &&
    test_is "$(sql "select details->'"'trace'"' from trial where study = '"'off'"'")" "{\"state\": \"off\"}"
'
test_ok '--trace takes one of three words' '
    test_exit 2 run --trace=half -s no -t 1 x=0.0..1.0 -- true 2>err && test_grep "on, preload, off" err
'
test_ok '--trace is not part of the study: a worker that joins may have its own' '
    run -s joined -t 1 -m loss x=0.0..1.0 -- ./reads && run --trace=off -s joined -t 2 &&
    test_is "$(sql "select details->'"'trace'"'->>'"'state'"' from trial where study = '"'joined'"' order by trial")" "complete
off"
'
test_ok 'a project that is reached by a link: what is changed is kept all the same' '
    ln -s "$PWD" "$TEST_ROOT/link" && (cd "$TEST_ROOT/link" && export PWD && run -s linked -t 1 -m loss x=0.0..1.0 -- ./reads) &&
    test_is "$(trace linked written) $(trace linked kept)" "2 1"
'
for mode in namespace subreaper cgroup; do
    if run --contain=$mode -s "way-$mode" -t 2 -m loss x=0.0..1.0 -- ./reads 2>err; then
        test_ok "--contain=$mode traces" '
            test_is "$(sql "select distinct details->'"'trace'"'->>'"'state'"', details->'"'trace'"'->>'"'written'"' from trial where study = '"'way-$mode'"'")" "complete	2"
        '
    else
        test_skip "--contain=$mode traces" "$(sed 's/^hpt-run: //; 1q' err)"
    fi
done
test_ok '--via: what a launcher starts elsewhere is not seen, and the record says so' '
    run --via=env -s via -t 1 -m loss x=0.0..1.0 -- ./reads &&
    test_is "$(trace via state)" incomplete && trace via reason >out && test_grep "launcher" out
'
test_ok 'limits, time and rules end a traced trial as any other' '
    test_exit 1 run --limit-cpu=0.2s --allow-unused -s cpu -t 1 x=0.0..1.0 -- sh -c "while :; do read -r x <given; done" 2>err &&
    test_exit 1 run --timeout=3s --allow-unused -s time -t 1 x=0.0..1.0 -- sh -c "while :; do read -r x <given; done" 2>err &&
    test_is "$(sql "select cause from trial where study in ('"'cpu', 'time'"') order by study")" "CPU limit 0.2s exceeded
timeout" &&
    test_is "$(trace cpu state) $(trace time state)" "complete complete"
'
# The helper is the parent of the command, or its parent before: what the shell finds above it.
test_ok 'a trial whose tracer is killed is lost, not complete' '
    test_exit 1 run --contain=subreaper --retry=none --allow-unused -s killed -t 1 -m loss x=0.0..1.0 -- \
        sh -c "kill -9 \$PPID; while :; do read -r x <given; done" 2>err &&
    test_is "$(sql "select state from trial where study = '"'killed'"'")" lost &&
    test_is "$(trace killed state)" incomplete
'
printf '%s\n' '#!/bin/sh' 'say() { printf "%s\n" "$1" >&4; }' 'read -r base <given' \
    'say '"'"'{"type":"ready","protocol":1}'"'" \
    'while read -r job <&3; do' \
    'case $job in *\"bye\"*) exit ;; esac' \
    'trial=${job##*\"trial\":} trial=${trial%%[,\}]*}' \
    'echo $trial >>changed' 'if [ $trial = 1 ]; then read -r x <second; fi' \
    'say "{\"type\":\"done\",\"trial\":$trial,\"metrics\":{\"loss\":1}}"' 'done' >served
chmod +x served
echo x >second
test_ok '--worker: each trial has what was done since the one before, and the record says that they share' '
    run --worker -s served -t 3 -m loss x=0.0..1.0 -- ./served &&
    sql "select trial, details->'"'trace'"'->>'"'state'"', details->'"'trace'"' ? '"'shared'"', coalesce((details->'"'trace'"'->>'"'read'"')::int, 0) > 3, details->'"'trace'"'->>'"'written'"', details->'"'trace'"'->>'"'kept'"' from trial where study = '"'served'"' order by trial" >out &&
    test_is "$(cat out)" "0	complete	false	true	1	1
1	complete	true	false	1	1
2	complete	true	false	1	1"
'
test_done
