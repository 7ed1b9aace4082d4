#!/bin/sh
# A full disk, under the objects, under the data and under the WAL: nothing half made, results kept, and all is
# well when there is room again. Needs root for tmpfs.
. "${0%/*}/fault.sh"
test_need psql mount umount
[ "$(id -u)" -eq 0 ] || test_skip_all 'a tmpfs needs root'
mkdir probe && mount -t tmpfs -o size=64k none probe 2>/dev/null && umount probe || test_skip_all 'no tmpfs may be mounted here'

mounted=''
trap 'fault_status=$?; cd /; [ -z "${FAULT_PG:-}" ] || { kill -QUIT "$FAULT_PG" 2>/dev/null; wait "$FAULT_PG"; }
    for folder in $mounted; do umount -l "$folder" 2>/dev/null; done; (exit "$fault_status"); test_cleanup' EXIT
small_disk() { mkdir -p "$1" && mount -t tmpfs -o "size=$2,mode=0755" none "$1" && mounted="$1 $mounted"; }

# Files that do not compress, 300 kB a trial.
cat >learner <<'EOT'
#!/bin/sh
head -c 300000 /dev/urandom >"$HPT_DIR/noise"
echo "loss=$HPT_TRIAL"
EOT
cat >brief <<'EOT'
#!/bin/sh
head -c 7000 /dev/urandom | base64
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner brief
learner=$PWD/learner brief=$PWD/brief
sizes=$(scaled 50)

test_ok 'a server of our own' 'own_server'

objects() {
    n=0
    while [ $n -lt "$sizes" ] && in_time; do
        n=$((n + 1)) && rm -rf .hpt/objects && small_disk "$PWD/.hpt/objects" $((n * 64))k || return 1
        hpt-run -q --progress=none --print=none -s "full_$n" -t 4 -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$learner" 2>err
        status=$?
        case $status in
        0) ;;
        125) full=$((full + 1)) && test_grep '[Nn]o space left' err || return 1 ;;
        *) echo "exit $status" && cat err && return 1 ;;
        esac
        hpt-verify -q -H -s "full_$n" >found || { cat found && return 1; }
        test_is "$(find .hpt/objects/tmp -type f | wc -l)" 0 || return 1
        umount "$PWD/.hpt/objects" && rm -rf .hpt/trials
    done
}
full=0
test_ok "objects on $sizes small disks" 'cd project && objects && test "$full" -gt 0'
say "disks for objects: $n, full: $full"
test_ok 'the objects of those runs went with their disks; a new project' '
    cd project && psql -qX -d "$ADMIN" -c "drop schema hpt_record, hpt, hpt_study cascade" 2>err && rm -rf .hpt && hpt-init -d "$ADMIN" >out 2>err &&
    sed -i "s/hpt_admin/hpt_writer/g" .hpt/config
'

# moved PART SIZE: the server's folder PART goes to a small disk.
moved() {
    server_down && folder=$FAULT_ROOT/server/.hpt/$1 && owner=$(stat -c %u:%g "$folder") && small_disk "$FAULT_ROOT/disk" "$2" &&
        cp -a "$folder" "$FAULT_ROOT/disk/part" && rm -rf "$folder" && mkdir -p "$folder" && mount --bind "$FAULT_ROOT/disk/part" "$folder" &&
        mounted="$folder $mounted" && chown "$owner" "$folder" && server_up
}
fill() { dd if=/dev/zero of="$FAULT_ROOT/disk/ballast" bs=64k 2>/dev/null; dd if=/dev/zero of="$FAULT_ROOT/disk/ballast2" bs=1 2>/dev/null; :; }
# The server takes a new piece of WAL when it is told to, else only after thousands of trials.
spooled() {
    psql -qX -d "$ADMIN" -c 'select pg_switch_wal()' >/dev/null 2>&1
    [ "$(find .hpt/spool -name '*.end' 2>/dev/null | wc -l)" -ge 1 ] || ! kill -0 "$pid"
}

# full_run STUDY: fills the disk under a run until a result has to go to the spool, then gives room again.
full_run() {
    hpt-run -q --progress=none --print=none -s "$1" -t 3000 -T 60s -j 2 -m loss --allow-unused --seed=1 x=0.0..1.0 -- "$brief" 2>err &
    pid=$!
    test_wait 20 more_than_one "$1" && fill && test_wait 60 spooled && kill -0 $pid && rm -f "$FAULT_ROOT"/disk/ballast* || { cat err; kill -9 $pid; return 1; }
    server_answers || { wait "$FAULT_PG"; server_up; } || return 1
    before=$(ask "select count(*) from hpt.trial where study = '$1' and state = 'complete'")
    test_wait 60 more_than "$1" "$before" && kill -TERM $pid && wait $pid
    [ $? -eq 143 ] || { cat err && return 1; }
    total=$(ask "select max(trial) + 1 from hpt.trial where study = '$1'")
    hpt-run -q --progress=none --print=none -s "$1" -t "$total" && whole "$1" "$total" && sound
}
more_than() { [ "$(ask "select count(*) from hpt.trial where study = '$1' and state = 'complete'")" -gt "$2" ]; }
more_than_one() { more_than "$1" 1; }
test_ok 'WAL on a full disk: results wait in the spool, the server comes back, all are recorded' '
    moved pg/pg_wal 64m && cd project && full_run wal
'
say "trials over a full WAL disk: ${total:-0}"
test_ok 'data on a full disk: results wait in the spool and are recorded when there is room' '
    server_down && umount "$FAULT_ROOT/server/.hpt/pg/pg_wal" && cp -a "$FAULT_ROOT/disk/part/." "$FAULT_ROOT/server/.hpt/pg/pg_wal/" &&
    umount "$FAULT_ROOT/disk" && server_up && moved pg/base 40m && cd project && full_run data
'
say "trials over a full data disk: ${total:-0}"
server_down
test_done
