#!/bin/sh
# The escape corpus in each containment that can be had: whatever a trial leaves behind, and however
# it hides, nothing of it is alive when hpt-run says that the trial has ended, nor after kill -9 of
# hpt-run. ESCAPE_RUNS trials a mode (200), ESCAPE_KILLS kills (20).
. "${0%/*}/../cli/lib.sh"
test_need "${CC:-cc}"
runs=${ESCAPE_RUNS:-200} kills=${ESCAPE_KILLS:-20}
ways=setsid,double,closed,deaf,stopped,traced,vfork,storm,chain,forgetful
mark=escape-mark-$$

test_ok 'the corpus is built' '
    "${CC:-cc}" -O -D_GNU_SOURCE -o escape "$TEST_SRC/tests/fault/escape.c" && test_db
'
# survivors: how many processes have the mark among their words; zombies have none.
survivors() {
    n=0
    for words in /proc/[0-9]*/cmdline; do
        grep -qa "$mark" "$words" 2>/dev/null && n=$((n + 1))
    done
    echo "$n"
}
none_survive() {
    test_is "$(survivors)" 0
}
cat >flees <<EOT
#!/bin/sh
./escape "\$1" $mark && echo loss=1
EOT
cat >flees-and-stays <<EOT
#!/bin/sh
./escape "\$1" $mark && echo \$HPT_TRIAL >>started && exec tail -f $mark
EOT
chmod +x flees flees-and-stays
: >$mark

test_ok 'the corpus does escape: without hpt-run it survives' '
    ./escape setsid $mark && test_is "$(survivors)" 1 && pkill -KILL -f "^./escape setsid $mark" && test_wait 20 none_survive
'
tried=
for mode in namespace subreaper cgroup; do
    if ! hpt-run -q --print=none --contain=$mode -s "probe-$mode" -t 1 x=0.0..1.0 -- true 2>err; then
        test_skip "$mode" "$(sed 's/^hpt-run: //; 1q' err)"
        continue
    fi
    tried="$tried $mode"
    test_ok "$mode: $runs trials that flee, 0 survivors" '
        hpt-run -q --print=none --contain=$mode -j 4 -t $runs --sampler=random --max-failures=0 --seed=1 \
            -s "flee-$mode" -m loss way=$ways -- ./flees {way} &&
        none_survive &&
        hpt-query -H "select state, details->>'"'containment'"', min((details->>'"'processes_left_behind'"')::int) > 0, count(*) from trial
            where study = '"'flee-$mode'"' group by 1, 2" >out && cat out && test_is "$(cut -f 1-3 out)" "complete	$mode	true" &&
        hpt-query -H "select count(*) from trial where study = '"'flee-$mode'"' and details ? '"'survivors'"'" >out && test_is "$(cat out)" 0
    '
    # The helper needs a moment after the kill.
    test_ok "$mode: hpt-run killed with -9 $kills times, 0 survivors" '
        done=0 && while [ $done -lt $kills ]; do
            : >started
            hpt-run -q --print=none --contain=$mode -j 4 -t 4 --seed=1 -s "kill-$mode-$done" -m loss way=$ways -- ./flees-and-stays {way} 2>err &
            pid=$!
            test_wait 60 test -s started && kill -9 $pid || { cat err; break; }
            wait $pid 2>/dev/null
            test_wait 20 none_survive || break
            done=$((done + 1))
        done && test_is $done $kills
    '
done
echo "# modes that were tried:$tried"
test_done
