#!/bin/sh
# Trials that misbehave: each is recorded for what it is, the others are undisturbed, and hpt-run
# stays small.
. "${0%/*}/lib.sh"

cat >nasty <<'EOT'
#!/bin/sh
case $1 in
good) echo loss=1 ;;
fails) echo trouble >&2; exit 3 ;;
garbage) head -c 100000 /dev/urandom; echo ;;
nan) echo loss=nan ;;
flood) head -c 50000000 /dev/zero; echo; echo loss=1 ;;
longline) head -c 5000000 /dev/zero | tr '\0' x; echo; echo loss=1 ;;
hangs) trap : TERM; while :; do sleep 1; done ;; # lint-ok: it is to hang
closes) exec >&- 2>&-; exit 0 ;;
daemon) setsid tail -f "$2" & echo loss=1 ;;
fifo) mkfifo "$HPT_DIR/pipe"; ln -s /etc/shadow "$HPT_DIR/link"; ln -s . "$HPT_DIR/loop"; echo loss=1 ;;
stops) kill -STOP $$; echo loss=1 ;;
segv) kill -SEGV $$ ;;
secondline) printf 'loss=1\n\033]0;title\007\n' ;;
reports) printf 'x\n{"metrics":{"loss":2}}\n{"metrics"' >>"$HPT_REPORT"; echo loss=1 ;;
removes) rm -r "$HPT_DIR"; echo loss=1 ;;
replaces) rm -r "$HPT_DIR"; ln -s /etc "$HPT_DIR"; echo loss=1 ;;
longjson) awk 'BEGIN { printf "{\"a\":\""; for (i = 0; i < 70000; i++) printf "x"; print "\",\"loss\":1}" }' ;;
chmods) mkdir "$HPT_DIR/d"; echo x >"$HPT_DIR/d/f"; chmod 0 "$HPT_DIR/d"; echo loss=1 ;;
esac
EOT
chmod +x nasty
sql() {
    hpt-query -H "$1"
}
state() {
    sql "select state, cause from nasty where k = '$1'"
}

test_ok 'a study of misbehaving trials runs to its end' '
    test_db &&
    : >followed && hpt-run -q --sampler=grid --max-failures=0 -j 4 --timeout=20s --grace=100ms -s nasty -m loss --print=none \
        k=good,fails,garbage,nan,flood,longline,hangs,closes,daemon,fifo,stops,segv,secondline,reports,chmods,removes,replaces,longjson \
        -- ./nasty {k} "$PWD/followed" &&
    test_is "$(sql "select count(*) from nasty where state in ('"'complete', 'failed'"')")" 18
'
test_ok 'the good one is complete' 'test_is "$(state good)" "complete	exit status 0"'
test_ok 'a status is a failure, its error output kept' '
    test_is "$(state fails)" "failed	exit status 3" &&
    test_is "$(sql "select size from artefact a join nasty n using (trial) where a.study = '"'nasty'"' and k = '"'fails'"' and kind = '"'stderr'"'")" 8
'
test_ok 'garbage is no result' 'test_is "$(state garbage | cut -f1)" failed'
test_ok 'not a number is no result' 'test_is "$(state nan | cut -f1)" failed && state nan | grep -q loss'
test_ok 'a flood is counted whole, kept in part, and its metric found behind it' '
    test_is "$(state flood | cut -f1)" complete &&
    test_is "$(sql "select size, stored_size < 17000000 from artefact a join nasty n using (trial) where a.study = '"'nasty'"' and k = '"'flood'"'")" "50000008	true"
'
test_ok 'a line of five megabytes is passed over' 'test_is "$(state longline | cut -f1)" complete'
test_ok 'one that hangs is ended, with the cause' 'test_is "$(state hangs)" "failed	timeout"'
test_ok 'one that stops itself is ended too' 'test_is "$(state stops)" "failed	timeout"'
test_ok 'closed descriptors: no metric, so failed' 'test_is "$(state closes | cut -f1)" failed'
test_ok 'a daemon left behind is ended and counted' '
    test_is "$(state daemon | cut -f1)" complete &&
    test_is "$(pgrep -cf "^tail -f $PWD/followed")" 0 &&
    test_is "$(sql "select t.details->>'"'processes_left_behind'"' from trial t join nasty n using (trial) where t.study = '"'nasty'"' and k = '"'daemon'"'")" 1
'
test_ok 'a FIFO and links are recorded, not read' '
    test_is "$(sql "select kind, path, target, digest is null from artefact a join nasty n using (trial) where a.study = '"'nasty'"' and k = '"'fifo'"' and kind in ('"'link', 'special'"') order by path")" \
"link	link	/etc/shadow	true
link	loop	.	true
special	pipe	\\N	true"
'
# /dev/zero has no end, and /dev/tty or a tape would wait.
if [ "$(id -u)" -eq 0 ] && mknod probe c 1 5 2>/dev/null; then
    rm probe
    test_ok 'devices and sockets are recorded, not opened' '
        hpt-run -q -s devices -t 1 -m loss --print=none --allow-unused --timeout=20s x=0.0..1.0 -- sh -c "cd \$HPT_DIR && mknod zero c 1 5 && mknod tty c 5 0 && mknod loop b 7 0 &&
            mknod none c 250 250 && perl -MIO::Socket::UNIX -e \"IO::Socket::UNIX->new(Local => q(s), Listen => 1) or die\" && echo loss=1" &&
        test_is "$(sql "select kind, path, note, digest is null from artefact where study = '"'devices'"' and kind = '"'special'"' order by path" | tr "\t\n" ":;")" \
            "special:loop:device, not stored:true;special:none:device, not stored:true;special:s:socket, not stored:true;special:tty:device, not stored:true;special:zero:device, not stored:true;"
    '
else
    test_skip 'devices and sockets are recorded, not opened' 'only root makes devices'
fi
test_ok 'a crash of its own is a failure, not a lost machine' '
    test_is "$(state segv | cut -f1)" failed && state segv | grep -q SIGSEGV
'
test_ok 'reports: the good line counts, the bad ones are counted' '
    test_is "$(sql "select loss from nasty where k = '"'reports'"'")" 2 &&
    test_is "$(sql "select (details->>'"'report_lines_bad'"')::int, (details->>'"'report_bytes_cut'"')::int from trial t join nasty n using (trial) where t.study = '"'nasty'"' and k = '"'reports'"'")" "1	10"
'
test_ok 'one that removes or replaces its folder is complete, and does not stop the others' '
    sql "select state, details->>'"'files_problem'"' from hpt.trial where params->>'"'k'"' in ('"'removes', 'replaces'"') order by 2" >out &&
    printf "complete\tthe trial %s\n" "put something else in the place of its folder" "removed its folder" | test_cmp - out && test -d /etc
'
test_ok 'a number behind 64 KiB of a line: the cause says that it is not looked at' '
    test_is "$(state longjson | cut -f1)" failed && state longjson | grep -q "longer than 64 KiB"
'
test_ok 'control characters do not reach a terminal' '
    hpt-query -s nasty --trials -f table >out && ! grep -q "$(printf "\033")" out
'
test_ok 'nothing is left in the folder of the trials' 'test_is "$(ls .hpt/trials)" ""'
# The most memory that a process was seen to hold while it lived, in KiB.
peak_of() {
    peak=0
    while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null) &&
        [ -n "$now" ]; do # a zombie has none
        peak=$now
    done
    echo "$peak"
}
# The address sanitizer keeps what was freed for a while.
test_ok 'hpt-run stays below 64 MiB while trials flood' '
    { ASAN_OPTIONS=quarantine_size_mb=1 hpt-run -q --print=none -j 2 -t 4 -s small -m loss x=1..100 -- sh -c \
        "head -c 30000000 /dev/zero; seq 1000000 | tail -n 200000; echo loss=1" >out 2>err & pid=$!; } &&
    peak=$(peak_of $pid) && wait $pid && echo "peak KiB: $peak" && [ "$peak" -gt 0 ] && [ "$peak" -lt 65536 ]
'
cat >slow <<'EOT'
#!/bin/sh
echo $HPT_TRIAL >>count
[ "$HPT_TRIAL" != 5 ] || until test -e go; do sleep 0.05; done # lint-ok: a trial that waits
echo loss=1
EOT
chmod +x slow
if [ "$(id -u)" -eq 0 ] && mkdir full && mount -t tmpfs -o size=3m tmpfs full 2>/dev/null; then
    test_ok 'a full object folder: the result counts, what is not stored is kept, the status says so' '
        rm -rf .hpt/objects && ln -s "$PWD/full" .hpt/objects &&
        test_exit 125 hpt-run -q --print=none -t 20 -s filled -m loss x=0.0..1.0 -- sh -c \
            "head -c 2000000 /dev/urandom >\"\$HPT_DIR/big\"; echo loss=1" 2>err &&
        test_grep "not everything could be stored: big: no space left" err && test_grep "kept in" err &&
        test_is "$(sql "select bool_and(state = '"'complete'"'), count(*) < 20 from filled")" "true	true" &&
        ls .hpt/trials/*/big >kept && test_grep big kept
    '
    umount full
fi
test_ok 'the server killed in the middle: running trials go on, each is recorded once' '
    mkdir own && cd own && cp ../slow . && hpt-init -q >/dev/null && echo "idle_stop = 10s" >>.hpt/config &&
    { hpt-run -q --print=none -t 30 -s killed -m loss x=0.0..1.0 -- ./slow >out 2>err & pid=$!; } &&
    test_wait 120 grep -q 5 count && kill -9 "$(head -n 1 .hpt/pg/postmaster.pid)" && touch go && wait $pid &&
    test_is "$(hpt-query -H "select count(*), min(state), max(state), max(attempt) from killed")" "30	complete	complete	1" &&
    test_is "$(sort count | uniq -d)" "" && hpt-init --stop
'
test_done
