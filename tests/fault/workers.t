#!/bin/sh
# 32 workers on one study, killed at random: each trial once, each number once, the total exact.
. "${0%/*}/fault.sh"
test_need psql

cat >learner <<'EOT'
#!/bin/sh
timeout 2.$((HPT_TRIAL % 7)) tail -f /dev/null
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner
workers=32
total=$(scaled 1000)
kills=$(scaled 100)

# Not a bare wait: the server is a child, too, and stays.
# worker: one hpt-run in the background; its number goes to the file pids.
worker() {
    hpt-run -q --progress=none --print=none -s many -t "$total" -m loss --allow-unused --seed=1 x=0.0..1.0 \
        -- "$learner" >>out 2>>err &
    echo $! >>pids
}
alive() {
    while read -r pid; do kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" && echo "$pid"; done <pids
}
complete() { ask "select count(*) from hpt_record.trial where state = 'complete'"; }
reaches() { [ "$(complete)" -ge "$1" ] || [ -z "$(alive)" ]; }

test_ok 'a server of our own' 'own_server'
test_ok "$workers workers, $kills of them killed at random and replaced; $total trials" '
    cd project && : >pids && : >err && n=0 && while [ $n -lt $workers ]; do worker; n=$((n + 1)); done &&
    killed=0 && while [ $killed -lt "$kills" ]; do
        test_wait 120 reaches $((killed * total / kills / 2)) || return 1
        victim=$(alive | awk -v s=$killed "BEGIN { srand(s) } rand() * NR < 1 { v = \$1 } END { print v }")
        [ -n "$victim" ] || break
        kill -9 "$victim" 2>/dev/null
        killed=$((killed + 1))
        worker
    done && while read -r pid; do wait "$pid" || :; done <pids && test_is "$(alive)" "" && test_is "$killed" "$kills"
'
test_ok 'the same line again finishes what the last killed one left' '
    cd project && hpt-run -q --progress=none --print=none -s many -t "$total" -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$learner" &&
    whole many "$total" && sound
'
test_ok 'each number once, each configuration once, and what a killed worker ran is listed as lost' '
    cd project && test_is "$(ask "select count(distinct config_hash) from hpt.trial where study = '"'many'"'")" "$total" &&
    test_is "$(ask "select count(*) from hpt.metric where study = '"'many'"' and value = trial")" "$total" &&
    test_is "$(ask "select count(*) from hpt.attempt where study = '"'many'"' and outcome not in ('"'complete', 'lost'"')")" 0
'
say "workers: $workers; killed: $killed; trials: $total; attempts lost: $(ask "select count(*) from hpt.attempt where outcome = 'lost'")"
server_down
test_done
