#!/bin/sh
# A project on other file systems: a bind mount, tmpfs, overlay, and FUSE as bindfs, sshfs and rclone show a folder. Two
# workers store at once; what is there is verified, collected, exported, imported and run again.
. "${0%/*}/fault.sh"
test_need psql unshare
[ "$(id -u)" -eq 0 ] || test_skip_all 'mounts need root'
unshare -m true 2>/dev/null || test_skip_all 'no mount namespace here'

# 40 kB that are a trial's own, 60 kB that all share, and names that not every file system likes.
cat >learner <<'EOT'
#!/bin/sh
head -c 40000 /dev/urandom >"$HPT_DIR/own"
seq 12000 >"$HPT_DIR/shared"
mkdir "$HPT_DIR/Deep" && echo x >"$HPT_DIR/Deep/ä b:c" && ln -s ../shared "$HPT_DIR/Deep/link"
cat data large >/dev/null
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner

# In a mount namespace of its own, with what the words after the first two mount on the second: project, or its objects.
cat >inside <<'EOT'
#!/bin/sh
set -eu
kind=$1 place=$2 && shift 2
umask 022
rm -rf project behind upper work && mkdir -p "$place" behind upper work
"$@" || exit 77
n=0
until grep -q " $PWD/$place " /proc/self/mounts; do
    n=$((n + 1)) && [ $n -lt 100 ] || exit 77
    timeout 0.1 tail -f /dev/null || :
done
top=$PWD
trap 'cd "$top" && umount "$place"' EXIT
cp -r "$kind/.hpt" learner project/ && cd project && echo data >data && seq 30000 >large
run() { hpt-run -q --progress=none --print=none -s many -t 10 -j 2 -m loss --allow-unused --seed=1 x=0.0..1.0 -- ./learner; }
run & one=$!
run && wait $one
hpt-verify -qH --store >../found && [ ! -s ../found ] || { cat ../found && exit 3; }
hpt-init --gc --dry-run && hpt-init --gc && hpt-verify -qH --store
hpt-export -q -s many -o all.tar.zst && hpt-import -q --as=again all.tar.zst && rm all.tar.zst
hpt-query -H "select state, count(*) from hpt.trial group by state"
hpt-replay -v many/3
EOT
chmod +x inside
# try KIND PLACE PROGRAM COMMAND...: skipped where there is no such program, or it cannot mount.
try() {
    try_kind=$1 try_place=$2 try_program=$3
    shift 3
    command -v "$try_program" >/dev/null || { test_skip "$try_place on $try_kind" "$try_program is not installed" && return; }
    test_db "$try_kind" >/dev/null 2>&1
    unshare -m --propagation=private ./inside "$try_kind" "$try_place" "$@" >"$try_kind.out" 2>&1
    try_status=$?
    if [ $try_status -eq 77 ]; then
        test_skip "$try_place on $try_kind" 'it cannot be mounted here'
    else
        test_ok "$try_place on $try_kind" 'head -n 40 "$try_kind.out" && test_is "$try_status" 1 && test_grep "complete	20" "$try_kind.out" &&
            test_grep "result	file shared	identical" "$try_kind.out" && test_grep "result	metric loss	identical" "$try_kind.out"'
    fi
}
try bind project mount mount --bind behind project
try tmpfs project mount mount -t tmpfs tmpfs project
try overlay project mount mount -t overlay overlay -o lowerdir=behind,upperdir=upper,workdir=work project
try bindfs project bindfs bindfs behind project
# These have no FIFOs, which trials report by, so the objects alone. The server is at the other end of a pipe instead of ssh.
printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >ssh && chmod +x ssh
try sshfs project/.hpt/objects /usr/lib/openssh/sftp-server sshfs -o "ssh_command=$PWD/ssh" "here:$PWD/behind" project/.hpt/objects
try rclone project/.hpt/objects rclone rclone mount --daemon --vfs-cache-mode writes --config /dev/null "$PWD/behind" project/.hpt/objects
if command -v rclone >/dev/null && test_db nofifo >/dev/null 2>&1; then
    unshare -m --propagation=private ./inside nofifo project rclone mount --daemon --vfs-cache-mode writes --config /dev/null "$PWD/behind" project >nofifo.out 2>&1
    test_ok 'where there are no FIFOs hpt-run says so' 'head -n 3 nofifo.out && test_grep "^hint: .* has no FIFOs" nofifo.out'
fi
test_done
