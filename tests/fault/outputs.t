#!/bin/sh
# What a trial leaves is swapped for links, FIFOs and folders while it is read, by a process that the trial's end
# does not reach: nothing outside is read and nothing blocks. And a million files with names of all bytes.
. "${0%/*}/fault.sh"
test_need psql
"${CC:-cc}" -O2 -D_GNU_SOURCE -o swap "$TEST_SRC/tests/fault/swap.c" || test_skip_all 'no compiler'

work=$PWD
mkdir outside && seq 5000 >outside/secret && echo small secret >outside/hidden
sql() { hpt-query -H "$1"; }
cat >leaves <<'EOT'
#!/bin/sh
# Pairs that are exchanged: a file and a link to a file outside, to a folder, a FIFO, a folder. They are made where
# nobody exchanges them, or the trial itself would write through the links.
mkdir "$HPT_DIR/new" && cd "$HPT_DIR/new" || exit 1
i=0
while [ $i -lt 60 ]; do
    case $((i % 2)) in 0) seq 3000 ;; *) echo own ;; esac >f$i
    case $((i % 5)) in
    0) ln -s "$1/outside/secret" l$i ;;
    1) ln -s "$1/outside/hidden" l$i ;;
    2) ln -s "$1/outside" l$i ;;
    3) mkfifo l$i ;;
    4) mkdir l$i && echo own >l$i/hidden && seq 3000 >l$i/secret ;;
    esac
    i=$((i + 1))
done
mv ./* .. && cd .. && rmdir new
echo loss=1
EOT
chmod +x leaves
trials=$(scaled 300)
test_ok "$trials trials whose files are swapped while they are read: each ends, nothing outside is read" '
    test_db && { "$work/swap" race "$work/.hpt/trials" >swaps & racer=$!; } &&
    { hpt-run -q --progress=none --print=none -t "$trials" -j 2 -s race -m loss --timeout=60s --allow-unused x=0.0..1.0 -- "$work/leaves" "$work" 2>err
        status=$?; kill -TERM $racer; wait $racer; } && test_is $status 0 && cat swaps &&
    test_is "$(sql "select count(*) from race where state = '"'complete'"'")" "$trials"
'
own="'$(seq 3000 | sha256sum | cut -c 1-64)', '$(echo own | sha256sum | cut -c 1-64)', '$(echo loss=1 | sha256sum | cut -c 1-64)'"
test_ok 'what is stored is what the trials wrote themselves, or says that it changed' '
    test_is "$(sql "select count(*) from hpt.artefact where study = '"'race'"' and digest is not null and digest not in ($own)")" 0 &&
    test "$(sql "select count(*) from hpt.artefact where study = '"'race'"' and digest is not null")" -gt "$trials" &&
    hpt-verify -qH >found && test_empty found
'
say "swaps: $(cat swaps 2>/dev/null) in $trials trials; not stored, and said so: $(sql "select count(*) from hpt.artefact where study = 'race' and kind = 'file' and digest is null")"
files=$(scaled 1000000)
test_ok "$files files: the result counts, what is beyond the limit is counted, memory is bounded" '
    { "${CC:-cc}" -O2 -D_GNU_SOURCE -o measure "$TEST_SRC/tests/bench/measure.c" && ./measure once hpt-run -q --progress=none --print=none -t 1 \
        -s many -m loss --allow-unused x=0.0..1.0 -- sh -c "\"\$1\" make \"\$HPT_DIR\" \"\$2\" && echo loss=1" sh "$work/swap" "$files" >figures; } &&
    cat figures && test_is "$(sql "select state from many")" complete &&
    test_is "$(sql "select count(*) filter (where kind = '"'file'"') + max((select coalesce((details->>'"'files_skipped'"')::bigint, 0) from hpt.trial where study = '"'many'"'))
        from hpt.artefact where study = '"'many'"'")" "$files" && test_is "$(ls .hpt/trials | grep -v "^1-")" ""
'
say "files: $files; $(tr '\t\n' '  ' <figures 2>/dev/null)"
test_done
