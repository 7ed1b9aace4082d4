#!/bin/sh
# The clock of a worker jumps by ten years in either direction, or keeps jumping: the same record, and no lease
# is lost or taken.
. "${0%/*}/fault.sh"
test_need psql faketime

cat >learner <<'EOT'
#!/bin/sh
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner
runs=$(scaled 50)

test_ok 'a server of our own' 'own_server'
clocks() {
    n=0
    while [ $n -lt "$runs" ] && in_time; do
        n=$((n + 1))
        case $((n % 4)) in
        0) skew='-10y' ;;
        1) skew='+10y' ;;
        2) skew='+10y x2' ;;
        3) skew='-10y x0.5' ;;
        esac
        FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1 faketime -f "$skew" hpt-run -q --progress=none --print=none -j 2 -s "clock_$n" \
            -t 4 -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$learner" 2>err || { echo "skew $skew" && cat err && return 1; }
        whole "clock_$n" 4 || return 1
    done
}
test_ok "$runs runs with a wrong clock" 'cd project && clocks && sound'
test_ok 'all of them have the same parameters and results, and times of the server' '
    test_is "$(ask "select count(distinct (trial, config_hash)) from hpt.trial")" 4 &&
    test_is "$(ask "select count(*) from hpt.attempt where outcome <> '"'complete'"' or started < now() - interval '"'1 day'"' or ended > now() + interval '"'1 day'"'")" 0
'
say "runs with a wrong clock: $n"
server_down
test_done
