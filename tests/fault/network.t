#!/bin/sh
# Hosts on a network: a cable out, packets lost in one direction, a frozen host, a power cut, a pooler, a standby
# that takes over. Two workers on hosts of their own share a study over TLS, without a common disk; each trial
# is there once with one result that counts, whatever happened. The scripts that make the network are in
# HPT_CLUSTER_DIR, by default shared/cluster beside the checkout.
. "${0%/*}/fault.sh"
: "${HPT_CLUSTER_DIR:=${TEST_SRC%/*}/shared/cluster}"
PATH=$PATH:/usr/sbin:/sbin
[ -e "$HPT_CLUSTER_DIR/netns-up" ] || test_skip_all "no netns-up in $HPT_CLUSTER_DIR (HPT_CLUSTER_DIR)"
[ "$(id -u)" -eq 0 ] || test_skip_all 'hosts of their own need root'
test_need bash psql ip nft nsenter openssl runuser
HPT_NETNS_DIR=$(mktemp -d /tmp/hpt-netns.XXXXXX) || exit 125
export HPT_NETNS_DIR
net_stop() {
    net_status=$?
    bash "$HPT_CLUSTER_DIR/netns-down" -k >/dev/null 2>&1
    # shellcheck disable=SC2154 # of lib.sh
    [ "$test_failed" -gt 0 ] || rm -rf "$HPT_NETNS_DIR"
    (exit $net_status)
    test_cleanup
}
trap net_stop EXIT
bouncer=
command -v pgbouncer >/dev/null && bouncer=-b
bash "$HPT_CLUSTER_DIR/netns-up" -n 2 -s $bouncer >up.out 2>&1 || {
    sed 's/^/# /' up.out
    test_skip_all 'netns-up could not make a network here'
}

# on HOST COMMAND...: in that host's project.
on() {
    on_host=$1
    shift
    (cd "$HPT_NETNS_DIR/host/$on_host/home/project" && exec bash "$HPT_CLUSTER_DIR/netns-exec" "$on_host" "$@")
}
cut() { bash "$HPT_CLUSTER_DIR/netns-cut" "$@"; }
heal() { bash "$HPT_CLUSTER_DIR/netns-heal" "$@"; }
ask_host() { psql -qXAt -v ON_ERROR_STOP=1 -h "$HPT_NETNS_DIR/host/$1/home" -U postgres -d hpt -c "$2"; }
ask() { ask_host db "$1"; }
is() { [ "$(ask "$1" 2>/dev/null)" = "$2" ]; }
at_least() { [ "$(ask "$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
# What every DSN has beside its hosts: an answer is missed within seconds, not hours.
quick='dbname=hpt user=hpt connect_timeout=3 tcp_user_timeout=4000 keepalives_idle=2 keepalives_interval=1 keepalives_count=3'

# A trial takes a while, or as long as the file hold is there.
for host in w1 w2; do
    mkdir -p "$HPT_NETNS_DIR/host/$host/home/project" || exit 125
    cat >"$HPT_NETNS_DIR/host/$host/home/project/learner" <<'END'
#!/bin/sh
echo "$HPT_TRIAL" >>started
timeout 0.2 tail -f /dev/null
while [ -e hold ]; do timeout 0.1 tail -f /dev/null; done
echo "loss=$HPT_TRIAL"
END
    chmod +x "$HPT_NETNS_DIR/host/$host/home/project/learner"
done
# worker HOST STUDY TOTAL: hpt-run in the background there; its number is in w1_pid or w2_pid.
worker() {
    on "$1" hpt-run -q --progress=none --print=none -s "$2" -t "$3" -m loss --allow-unused --seed=1 x=0.0..1.0 -- ./learner 2>>"err.$1" &
    eval "$1_pid=$!"
}
both() { worker w1 "$1" "$2" && worker w2 "$1" "$2"; }
ended() {
    for ended_pid in "$w1_pid" "$w2_pid"; do
        wait "$ended_pid" || { echo "a worker: exit $?" && cat err.w1 err.w2 && return 1; }
    done
}
home() { echo "$HPT_NETNS_DIR/host/$1/home/project"; }
holds() { [ -s "$(home "$1")/started" ] && at_least "select count(*) from hpt_record.lease" 1; }
spooled() { find "$(home "$1")/.hpt/spool" -name '*.end' 2>/dev/null | grep -q .; }
caught_up() { [ "$(ask_host db "select pg_current_wal_lsn()")" = "$(ask_host db2 "select pg_last_wal_replay_lsn()")" ]; }
sound_on() {
    on "$1" hpt-verify -q -H >found 2>&1 || { cat found && return 1; }
    ! spooled "$1"
}
# hold HOST STUDY: that host's next trial does not end before release, and is under way.
hold() { : >"$(home "$1")/started" && : >"$(home "$1")/hold" && worker "$1" "$2" "$3" && test_wait 30 holds "$1"; }
release() { rm -f "$(home "$1")/hold"; }

test_ok 'two hosts, one study, over TLS, without a common disk' '
    for host in w1 w2; do on $host hpt-init -q -d "host=db $quick" || return 1; done &&
    both tls 20 && ended && whole tls 20 && sound_on w1 && sound_on w2 &&
    test_is "$(ask "select count(distinct host) from hpt.worker")" 2
'
test_ok 'a cable out for ten seconds: that host goes on, its results follow, nothing is run again' '
    hold w1 cable 12 && cut w1 && worker w2 cable 12 && release w1 &&
    test_wait 60 at_least "select count(*) from hpt.trial where study = '"'cable' and state = 'complete'"'" 11 &&
    test_wait 30 spooled w1 && heal w1 && ended && whole cable 12 && sound_on w1 &&
    test_is "$(ask "select count(*) from hpt.attempt where study = '"'cable'"'")" 12
'
test_ok 'an answer lost: the end is recorded, the worker never hears so, and says it again' '
    hold w1 lost 6 && cut w1 in && release w1 && test_wait 60 is "select count(*) from hpt.trial where study = '"'lost' and state = 'complete'"'" 1 &&
    heal w1 && wait "$w1_pid" && whole lost 6 && sound_on w1 &&
    test_is "$(ask "select count(*) from hpt.attempt where study = '"'lost'"'")" 6
'
test_ok 'a host frozen beyond its lease: another takes the trial, and the one that thaws is refused' '
    hold w1 frozen 6 && cut w1 freeze && worker w2 frozen 6 &&
    test_wait 200 is "select count(*) from hpt.trial where study = '"'frozen' and state = 'complete'"'" 6 &&
    release w1 && heal w1 && ended && whole frozen 6 && sound_on w1 && sound_on w2 &&
    test_is "$(ask "select count(*) from hpt.attempt where study = '"'frozen' and outcome = 'lost'"'")" 1
'
test_ok 'a power cut: the trial is lost, and run again by another host under its number' '
    hold w1 power 6 && cut w1 crash && worker w2 power 6 && { wait "$w1_pid"; wait "$w2_pid"; } && whole power 6 && sound_on w2 &&
    test_is "$(ask "select count(*) from hpt.attempt where study = '"'power' and outcome = 'lost'"'")" 1 && release w1 && heal w1
'
# The kernel may lack what drops packets at random.
lossy() { both lossy 10 && ended; }
if cut w1 loss=10 2>lossless && cut w2 loss=10; then
    test_ok 'one packet in ten lost: slow, and exact' 'lossy && whole lossy 10 && heal w1 && heal w2 && sound_on w1 && sound_on w2'
else
    test_skip 'one packet in ten lost: slow, and exact' "$(head -n 1 lossless)"
fi
heal w1
heal w2
if [ -n "$bouncer" ]; then
    test_ok 'through pgbouncer in transaction mode' '
        sed -i "s/host=db/host=db port=6432/" "$(home w1)/.hpt/config" "$(home w2)/.hpt/config" &&
        both pooled 40 && ended && whole pooled 40 && sound_on w1 && sound_on w2 &&
        sed -i "s/ port=6432//" "$(home w1)/.hpt/config" "$(home w2)/.hpt/config"
    '
fi
test_ok 'history is asked from the standby' '
    test_wait 30 caught_up && test_is "$(on w1 hpt-query -qH -d "host=db2 $quick" -s tls | wc -l)" 20 &&
    on w2 hpt-export -q -d "host=db2 $quick" -s tls -f csv >out && test_is "$(wc -l <out)" 21 &&
    on w1 hpt-verify -q -d "host=db2 $quick"
'
# The server dies with a trial under way on each host; both go on with the promoted standby by the same DSN.
promote() {
    bash "$HPT_CLUSTER_DIR/netns-exec" -r db2 runuser -u "${HPT_PG_USER:-postgres}" -- env LC_ALL=C \
        "$(find /usr/lib/postgresql/*/bin -name pg_ctl | sort -V | tail -n 1)" -s -w promote -D "$HPT_NETNS_DIR/host/db2/data"
}
test_ok 'failover: the primary loses power, the standby is promoted, the runs go on with it' '
    sed -i "s/host=db /host=db,db2 target_session_attrs=read-write /" "$(home w1)/.hpt/config" "$(home w2)/.hpt/config" &&
    hold w1 moved 12 && hold w2 moved 12 && test_wait 30 caught_up && cut db crash && release w1 && release w2 && promote && ended &&
    ask() { ask_host db2 "$1"; } && whole moved 12 && sound_on w1 && sound_on w2
'
test_ok 'the old primary is back, first in the DSN: refused, nothing is written there' '
    heal db && rows="select count(*), max(xmin::text::bigint) from hpt_record.trial" && ask_host db "$rows" >before &&
    test_exit 3 on w1 hpt-run -q --print=none -s moved -t 13 2>err && test_grep "timeline" err && test_is "$(ask_host db "$rows")" "$(cat before)"
'
test_done
