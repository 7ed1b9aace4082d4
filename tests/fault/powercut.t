#!/bin/sh
# The plug is pulled: a whole project, server and objects, lies on an ext4 image that is copied while trials run,
# without what was not yet synced. In each copy, after the file system's and the server's own recovery, no row names
# an object that is missing or wrong, and nothing else is broken. Needs root for loop devices.
. "${0%/*}/fault.sh"
test_need mkfs.ext4 e2fsck mount umount
[ "$(id -u)" -eq 0 ] || test_skip_all 'a loop device needs root'

mounted=''
finish() {
    fault_status=$?
    cd /
    for folder in "$cut/project" "$live/project"; do
        [ ! -d "$folder/.hpt" ] || hpt-init -C "$folder" --stop >/dev/null 2>&1
    done
    for folder in $mounted; do umount -l "$folder" 2>/dev/null; done
    (exit "$fault_status")
    test_cleanup
}
trap finish EXIT
live=$PWD/live cut=$PWD/cut images=$PWD/images
mkdir "$live" "$cut" "$images" && mount -t tmpfs -o size=2g none "$images" 2>/dev/null && mounted="$images" ||
    test_skip_all 'no tmpfs may be mounted here'
truncate -s 900m "$images/disk" && mkfs.ext4 -qF -E lazy_itable_init=0,lazy_journal_init=0 "$images/disk" 2>/dev/null &&
    mount -o loop,commit=600 "$images/disk" "$live" 2>/dev/null || test_skip_all 'no loop device may be mounted here'
mounted="$live $mounted"
chmod 755 "$live" "$PWD"
device=$(awk -v at="$live" '$2 == at { print substr($1, 6) }' /proc/mounts)

# Leaves what is new and what trials share, small and large, text and noise.
cat >"$live/learner" <<'EOT'
#!/bin/sh
head -c $((9000 + HPT_TRIAL * 7919 % 100000)) /dev/urandom >"$HPT_DIR/noise"
seq $((HPT_TRIAL % 5 * 1000 + 5000)) >"$HPT_DIR/shared"
{ seq 20000; echo "$HPT_TRIAL"; seq 20000; } >"$HPT_DIR/version"
echo small >"$HPT_DIR/small"
echo "loss=$HPT_TRIAL"
EOT
chmod +x "$live/learner"

# Every process that works on the live disk; each is stopped until the copy is checked, and no system call of
# theirs is under way while it is taken. What they wrote and did not sync is in memory alone.
workers() {
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd") in "$live"*) echo "${process#/proc/}" ;; esac
    done
}
all_stopped() {
    for process in $stopped; do
        grep -qE '^State:	[RSD]' "/proc/$process/status" 2>/dev/null && return 1
    done
    return 0
}
# The copy is of one moment: the kernel wrote nothing to the disk while it was taken.
requests() { awk '{ print $5, $9 }' "/sys/block/$device/stat"; }
copy_at_rest() {
    before=$(requests) && cp --sparse=always "$images/disk" "$copy" && test "$(requests)" = "$before" &&
        test "${before#* }" = 0
}
# shellcheck disable=SC2086 # lists of numbers
one_cut() {
    stopped=$(workers) copy=$images/copy.$done # a new name: nothing is cached under it
    kill -STOP $stopped 2>/dev/null
    test_wait 10 all_stopped && test_wait 20 copy_at_rest && check_copy
    checked=$?
    kill -CONT $stopped 2>/dev/null
    rm -f "$copy"
    return $checked
}
# The copy as it comes up: the journal is replayed, the server recovers, hpt-verify reads everything.
check_copy() {
    e2fsck -fp "$copy" >"$images/fsck.out" 2>&1
    [ $? -le 1 ] || { cat "$images/fsck.out" && return 1; }
    mount -o loop "$copy" "$cut" && mounted="$cut $mounted" &&
        rm -f "$cut/project/.hpt/pg/postmaster.pid" "$cut/project/.hpt/keeper" && cd "$cut/project" || return 1
    hpt-verify --store -q -H >"$images/found" 2>"$images/err"
    status=$?
    [ $status -eq 0 ] || { cat "$images/found" "$images/err" "$images/fsck.out"; tail -n 30 .hpt/pg.log; }
    rows=$(hpt-query -H "select count(*) from hpt.artefact where digest is not null and not in_database") || return 1
    total=$(ls .hpt/objects/pack 2>/dev/null | wc -l)
    hpt-init --stop >/dev/null 2>&1
    cd "$images" && umount "$cut" && mounted=${mounted#"$cut "}
    return $status
}
cuts() {
    wanted=$(scaled 100) done=0 named=0 packs=0
    while [ $done -lt "$wanted" ] && in_time; do
        kill -0 $pid || return 1
        head -c 4 /dev/urandom | od -An -tu4 | awk '{ exit system("sleep 0." sprintf("%03d", $1 % 200)) }' # lint-ok: a moment by chance
        one_cut || { echo "cut $done" && return 1; }
        done=$((done + 1)) named=$((named > rows ? named : rows)) packs=$((packs > total ? packs : total))
    done
}
test_ok 'a project on a disk of its own' '
    mkdir "$live/project" && cd "$live/project" && hpt-init -q >/dev/null && echo "idle_stop = never" >>.hpt/config && sync &&
    { hpt-run -q --progress=none --print=none -s live -t 100000 -j 2 -m loss --allow-unused x=0.0..1.0 -- "$live/learner" >"$images/run.out" 2>&1 & pid=$!; } &&
    test_wait 30 test -d .hpt/objects/pack
'
test_ok 'in no copy does a row name a missing or wrong object' 'cuts && test "$named" -gt 10'
say "power cuts: ${done:-0}; the last copies had ${named:-0} rows that name objects in ${packs:-0} packs"
test_ok 'the run itself ends well' '
    kill -TERM $pid && { wait $pid; test_is $? 143; } && cd "$live/project" && hpt-verify --store -q -H >found && test_empty found
'
test_done
