#!/bin/sh
# The connection is cut at every message boundary of a run of one trial, and of one that is given out and told of:
# before a request, before an answer, and with the answer swallowed. Exactly one result, and the run, or the same
# line again, succeeds.
. "${0%/*}/fault.sh"
test_need psql mkfifo
[ -x "$TEST_BUILD/tests/fault/cutproxy" ] || test_skip_all 'tests/fault/cutproxy is not built'

cat >learner <<'EOT'
#!/bin/sh
hpt-report step=1 acc=0.5
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner

# proxy SIDE K: starts it; proxy_end stops it.
proxy() {
    rm -f "$FAULT_ROOT/cut" "$FAULT_ROOT/in" && mkfifo "$FAULT_ROOT/in" || return 1
    "$TEST_BUILD/tests/fault/cutproxy" "$FAULT_ROOT/proxy/.s.PGSQL.5432" "$SOCKET/.s.PGSQL.5432" "$1" "$2" \
        "$FAULT_ROOT/cut" <"$FAULT_ROOT/in" 2>"$FAULT_ROOT/counts" &
    proxy_pid=$!
    exec 9>"$FAULT_ROOT/in" && test_wait 10 test -S "$FAULT_ROOT/proxy/.s.PGSQL.5432"
}
proxy_end() { exec 9>&- && wait "$proxy_pid"; }
one() {
    hpt-run -q --progress=none --print=none -s "$1" -t 1 -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$learner" 2>err
}
outside() {
    [ -s "asked-$1" ] || hpt-ask -q -s "$1" -t 1 -p x=0.0..1.0 -m loss --sampler=tpe --seed=1 -f tsv -H >"asked-$1" 2>err || return
    hpt-tell -q "$(cut -f 1 "asked-$1")" loss=0 2>err
}
# all_cuts SIDE HOW: a cut at 1, 2, … until one is not reached any more; how is one or outside.
all_cuts() {
    cut_side=$1 k=0 again=0
    while :; do
        k=$((k + 1)) && name=$2_${cut_side}_$k && proxy "$cut_side" "$k" || return 1
        "$2" "$name"
        status=$?
        [ -e "$FAULT_ROOT/cut" ] || { proxy_end && break; }
        # Before there is a worker a lost connection is an answer: 3. After that it is no reason to fail.
        case $status in
        0) ;;
        3) again=$((again + 1)) && { "$2" "$name" || { echo "cut $cut_side $k: again" && cat err && return 1; }; } ;;
        *) echo "cut $cut_side $k: exit $status" && cat err && return 1 ;;
        esac
        proxy_end && whole "$name" 1 || { echo "cut $cut_side $k" && return 1; }
        [ "$FAULT_SCALE" -ge 100 ] || [ "$k" -lt "$FAULT_SCALE" ] || break
    done
}

test_ok 'a server of our own, a project that reaches it through the proxy' '
    own_server && mkdir proxy && sed -i "s|host=[^ ]*|host=$PWD/proxy|g" project/.hpt/config
'
for side in client server reply; do
    for how in one outside; do
        test_ok "cuts at every message: $side, $how" '
            cd project && all_cuts "$side" "$how" && { [ "$FAULT_SCALE" -lt 100 ] || test "$k" -gt 20; }
        '
        say "cuts at messages ($side, $how): $((k - 1)); of these the same line was needed again: $again"
    done
done
test_ok 'nothing was lost' '
    cd project && sed -i "s|host=[^ ]*|host=$SOCKET|g" .hpt/config && sound
'
server_down
test_done
