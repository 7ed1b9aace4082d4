#!/bin/sh
# Trials at their worst, at full size: minutes, not seconds. The small forms are in
# tests/unit/run-trial.c and tests/cli/hostile.t.
. "${0%/*}/../cli/lib.sh"

# peak_of PID: the peak of its resident set in KiB, once it has ended.
peak_of() {
    peak=0
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
        peak=$now
        sleep 0.05 # lint-ok: between two looks at a size
    done
    echo "$peak"
}

cat >flood <<'EOT'
#!/bin/sh
size=4294967296
case $1 in
nothing) ;;
zeros) head -c $size /dev/zero; echo ;;
lines) yes | head -c $size ;;
text) yes 'epoch: 3 loss: 0.25 - acc=0.5' | head -c $size; echo ;;
errors) yes 'warning: something' | head -c $size >&2 ;;
reports) yes '{"metrics":{"other":1},"step":1}' | head -c $size >"$HPT_REPORT" ;;
garbage) head -c $size /dev/zero >"$HPT_REPORT" ;;
esac
echo loss=1
EOT
chmod +x flood

# small STUDY KINDS: runs the floods; all are complete and hpt-run stayed below 64 MiB.
small() {
    hpt-run -q --print=none --sampler=grid -s "$1" -m loss k="$2" -- ./flood {k} >out 2>err &
    pid=$!
    peak=$(peak_of $pid) && wait $pid && echo "peak KiB: $peak" &&
        test_is "$(hpt-query -H "select count(*) from $1 where state <> 'complete' or loss <> 1")" 0 &&
        test "$peak" -gt 0 && test "$peak" -lt 65536
}
test_ok 'floods of 4 GiB on the streams: hpt-run stays below 64 MiB' '
    test_db && small flood nothing,zeros,lines,text,errors
'
test_ok 'a report of 4 GiB that is no report' 'small garbage nothing,garbage'
test_ok '4 GiB of good reports' 'small reports nothing,reports'
size() {
    hpt-query -H "select max(size) from artefact a join flood f using (trial)
        where a.study = 'flood' and f.k = '$1' and a.kind = '$2'"
}
test_ok 'their lengths are exact' '
    test_is "$(size zeros stdout)" 4294967304 && test_is "$(size lines stdout)" 4294967303 &&
    test_is "$(size errors stderr)" 4294967296
'

# The reader never reads: whoever reports must come back with an error.
test_ok 'hpt-report does not hang at a full channel' '
    mkfifo channel && exec 3<>channel &&
    { dd if=/dev/zero of=channel bs=4096 count=1000 oflag=nonblock 2>/dev/null || :; } &&
    test_exit 1 timeout 60 env HPT_REPORT="$PWD/channel" hpt-report a=1 2>err &&
    test_grep "is full and nobody reads it" err && exec 3>&-
'

test_done
