#!/bin/sh
# The server is killed, 200 times if the time allows, under running trials: nothing that was recorded is lost, nothing is
# recorded twice, and the same hpt-run goes on.
. "${0%/*}/fault.sh"
test_need psql

cat >learner <<'EOT'
#!/bin/sh
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner
cycles=$(scaled 200)

recorded() { ask "select count(*) from hpt_record.trial where state = 'complete'" 2>/dev/null || echo 0; }
more_than() { [ "$(recorded)" -gt "$1" ]; }

test_ok 'a server of our own' 'own_server'
test_ok "the server is killed up to $cycles times; one hpt-run lives through it" '
    cd project && { hpt-run -q --progress=none --print=all -H -f tsv -j 2 -t 1000000 --db-wait=1h -m loss --allow-unused -s kills \
        x=0.0..1.0 -- "$learner" >printed 2>err & pid=$!; } &&
    done=0 && while [ $done -lt "$cycles" ] && in_time; do
        before=$(recorded) && test_wait 60 more_than "$before" && server_kill && server_up || { cat err; kill -9 $pid; return 1; }
        done=$((done + 1))
    done && before=$(recorded) && test_wait 60 more_than "$before" && kill -TERM $pid && { test_exit 143 wait $pid || { cat err; return 1; }; }
'
test_ok 'what hpt-run said was recorded is recorded' '
    cd project && awk "\$2 == \"complete\" { print \$1 }" printed | sort -n | uniq >said && test "$(wc -l <said)" -ge "$done" && test_is "$(wc -l <said)" "$(grep -c "	complete	" printed)" &&
    ask "select trial from hpt.trial where study = '"'kills'"' and state = '"'complete'"' order by trial" >have &&
    sort said >a && sort have >b && test_is "$(comm -23 a b | wc -l)" 0
'
test_ok 'the numbers a crash left out are taken; each trial is complete once' '
    cd project && total=$(ask "select max(trial) + 1 from hpt.trial where study = '"'kills'"'") &&
    hpt-run -q --progress=none --print=none -j 2 -s kills -t "$total" && whole kills "$total" &&
    test_is "$(ask "select count(*) from hpt.metric where study = '"'kills'"' and value = trial")" "$total" && sound
'
say "kills of the server: $done of $cycles; trials: $total; printed and recorded: $(wc -l <project/said); double: 0"
server_down
test_done
