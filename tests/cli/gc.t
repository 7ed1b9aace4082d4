#!/bin/sh
# hpt-init --gc: what the record or a waiting result names stays, what is young stays, the rest goes;
# trials that run meanwhile lose nothing.
. "${0%/*}/lib.sh"
test_need psql openssl

# Leaves one file of 20 kB whose content depends on the parameter alone.
cat >learner <<'EOT'
#!/bin/sh
awk -v x="$1" 'BEGIN { for (i = 0; i < 3000; i++) print x, i * x }' >"$HPT_DIR/large.txt"
echo "loss: $1"
EOT
chmod +x learner
run() {
    hpt-run -q --progress=none --print=none --sampler=grid "$@" -- ./learner '{x}'
}
value() { sed -n "s/^$1	//p" out; }
objects() { find .hpt/objects/pack .hpt/objects/sha256 -type f | wc -l; }
grow_old() { find .hpt/objects -type f -exec touch -d '3 days ago' {} +; }
forget() {
    psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "set session_replication_role = replica;
        delete from hpt_record.artefact where kind = 'file'; delete from hpt_record.object where bytes is null"
}

test_ok 'no objects yet: nothing to do' '
    test_db && hpt-init --gc >out && test_is "$(value objects) $(value removed)" "0 0"
'
test_ok 'what the record names stays, however old' '
    run -s one -j 2 x=1..5 && test_is "$(objects)" 5 && grow_old &&
    hpt-init --gc >out && test_is "$(value objects) $(value removed)" "5 0" && hpt-verify -qH >out && test_empty out
'
test_ok '--dry-run counts, removes nothing, and agrees with what then is removed' '
    head -c 5000 /dev/urandom >loose && name=$(sha256sum loose | cut -d " " -f 1) &&
    folder=.hpt/objects/sha256/$(echo "$name" | cut -c 1-2) && file=$folder/$(echo "$name" | cut -c 3-) &&
    mkdir -p "$folder" && cp loose "$file" && touch -d "3 days ago" "$file" && : >.hpt/objects/tmp/left && touch -d "3 days ago" .hpt/objects/tmp/left &&
    hpt-init --gc --dry-run >out && test_is "$(value objects) $(value removable)" "6 1" &&
    test -e "$file" && test -e .hpt/objects/tmp/left && test_is "$(ls .hpt/objects/gc)" "" && bytes=$(value removable_bytes) &&
    hpt-init --gc >out && test_is "$(value objects) $(value removed) $(value removed_bytes)" "6 1 $bytes" &&
    test ! -e "$file" && test ! -e .hpt/objects/tmp/left && test_is "$(objects)" 5
'
test_ok 'what is younger than a day stays' '
    cp loose "$file" && hpt-init --gc >out && test_is "$(value young) $(value removed)" "1 0" && test -e "$file"
'
test_ok 'what a waiting result names stays, and one that was put aside, wherever its bytes stand' '
    touch -d "3 days ago" "$file" && mkdir -p .hpt/spool &&
    { printf "garbage" && openssl dgst -sha256 -binary loose && printf "more"; } >.hpt/spool/a.refused &&
    hpt-init --gc >out && test_is "$(value removed)" 0 && test -e "$file" &&
    rm .hpt/spool/a.refused && hpt-init --gc >out && test_is "$(value removed)" 1 && test ! -e "$file"
'
test_ok 'what a collector left aside when it was killed is found, put back if it is named, else removed' '
    named=$(find .hpt/objects/pack -type f | head -n 1) && mv "$named" .hpt/objects/gc/ && cp loose ".hpt/objects/gc/$name" && touch -d "3 days ago" ".hpt/objects/gc/$name" &&
    hpt-verify -qH >out && test_empty out &&
    hpt-init --gc >out && test_is "$(value removed)" 1 && test -e "$named" && test_is "$(ls .hpt/objects/gc)" ""
'
test_ok 'what two studies share goes with the second of them' '
    run -s two x=6 && run -s three x=6,7 && psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "set session_replication_role = replica;
        delete from hpt_record.artefact a using hpt_record.study s where s.id = a.study_id and s.name = '"'two'"' and kind = '"'file'"'" &&
    grow_old && hpt-init --gc >out && test_is "$(value objects) $(value removed)" "7 0" && hpt-verify -qH >out && test_empty out &&
    forget && grow_old && hpt-init --gc >out && test_is "$(value objects) $(value removed)" "7 7" && test_is "$(objects)" 0
'
test_ok 'wrong use: --dry-run alone, --gc with another job' '
    test_exit 2 hpt-init --dry-run 2>err && test_grep "dry-run is for --gc" err &&
    test_exit 2 hpt-init --gc --stop 2>err && test_grep "only one of" err
'
test_ok 'no .hpt: exit 3' '
    test_exit 3 hpt-init -C / --gc 2>err && test_grep "no .hpt" err
'
# Every round the same contents lie there as old garbage, and are wanted again while they are collected.
rounds() {
    round=0
    while [ $round -lt 8 ]; do
        round=$((round + 1))
        forget && grow_old && { run -s "round$round" -j 2 x=1..12 2>err & pid=$!; } || return 1
        while kill -0 $pid 2>/dev/null; do hpt-init --gc >out 2>err || return 1; done
        wait $pid && hpt-verify -qH --study="round$round" >found && test_empty found || return 1
    done
}
test_ok 'old garbage that running trials want again is never lost to a collector beside them' 'rounds'
test_done
