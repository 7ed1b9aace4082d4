#!/bin/sh
# The files that trials read: declared by --input, digested as they were when the trial began, kept with the record.
. "${0%/*}/lib.sh"
test_need psql sha256sum git zstd perl
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }
run() { hpt-run -q --progress=none --print=none --no-code --trace=off --allow-unused -m loss "$@"; }
traced() { hpt-run -q --progress=none --print=none --allow-unused -m loss "$@"; }
# inputs STUDY TRIAL: path, role, state and size of its files.
inputs() { sql "select path, role, state, size from input where study = '$1' and trial = $2 order by path collate \"C\", role"; }
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
# bytes SHA256: an object's, from the database or the folder.
bytes() {
    if [ "$(sql "select bytes is null from object where digest = '$1'")" = t ]; then
        file=$(echo "$1" | sed 's|^..|&/|') && rm -f bytes.tar && hpt-export -q --all -o bytes.tar && tar -xOf bytes.tar "objects/sha256/$file"
    else
        sql "select encode(bytes, 'hex') from object where digest = '$1'" | perl -ne 'chomp; print pack "H*", $_'
    fi
}

test_ok 'a project with data' '
    test_db && mkdir -p data/deep && echo 1,2 >data/a.csv && echo 3,4 >data/deep/b.csv && seq 1 5000 >data/long.csv &&
    echo "echo loss=1" >t.sh && : >data/empty
'
test_ok '--input: files and folders, each by its digest, one set for all trials' '
    run -s plain -t 3 --input="data/*.csv" --input=data/deep --input=t.sh x=0..1 -- sh t.sh && inputs plain 0 >got &&
    printf "%s\n" "data/a.csv declared stored 4" "data/deep/b.csv declared stored 4" "data/long.csv declared stored 23893" \
        "t.sh declared stored 12" | test_cmp - got &&
    test_is "$(sql "select sha256 from input where trial = 2 and path = '"'data/long.csv'"'")" "$(digest data/long.csv)" &&
    test_is "$(sql "select count(distinct inputs), count(inputs), count(common_inputs) from trial")" "1 3 0" &&
    test_is "$(sql "select bool_and(inputs = encode(sha256(canonical), '"'hex'"')) from input_set")" t
'
test_ok 'their bytes are in the record' '
    for file in data/a.csv data/long.csv; do bytes "$(digest $file)" | cmp - $file || return 1; done
'
test_ok 'a path is one of the project wherever hpt-run stands; outside it is absolute and its digest is all' '
    echo outside >../outside.csv && (cd data/deep && run -s place -t 1 --input=data/a.csv --input=data/../../outside.csv x=0..1 -- echo loss=1) &&
    inputs place 0 >got && printf "%s\n" "$(cd .. && pwd -P)/outside.csv declared digest 8" "data/a.csv declared stored 4" | test_cmp - got
'
test_ok 'a pattern that matches nothing is an error before anything is written' '
    test_exit 2 run -s none -t 1 --input="data/*.csv" --input="dat/*" x=0..1 -- sh t.sh 2>err &&
    test_grep "hpt-run: --input .dat/\*.: it matches no file of the project" err &&
    test_exit 2 run -s none -t 1 --input= x=0..1 -- sh t.sh 2>err && test_is "$(sql "select count(*) from study where study = '"'none'"'")" 0
'
test_ok 'expanded before each trial: a file that is new, and one that was edited' '
    cp data/a.csv a.before && echo "test -e data/new.csv || echo 9 >data/new.csv; echo 5,6 >data/a.csv; echo loss=1" >edit.sh &&
    run -s edit -t 2 --input="data/*.csv" x=0..1 -- sh edit.sh && inputs edit 0 >got && inputs edit 1 >>got &&
    printf "%s\n" "data/a.csv declared unstable 4" "data/long.csv declared stored 23893" \
        "data/a.csv declared unstable 4" "data/long.csv declared stored 23893" "data/new.csv declared stored 2" | test_cmp - got &&
    run -s edited -t 1 --input=data/a.csv x=0..1 -- sh t.sh &&
    test_is "$(sql "select sha256 from input where study = '"'edited'"'")" "$(digest data/a.csv)" &&
    bytes "$(digest a.before)" | cmp - a.before
'
test_ok 'a file that is gone when a trial is to begin ends the run, and the trial waits' '
    cp data/a.csv gone.csv && test_exit 2 run -s gone -t 3 --input="gone.csv" x=0..1 -- sh -c "rm gone.csv; echo loss=1" 2>err &&
    test_grep "input .gone.csv.: it matches no file" err && test_is "$(sql "select complete, waiting from study where study = '"'gone'"'")" "1 1" &&
    test_is "$(inputs gone 0)" "gone.csv declared gone 4"
'
test_ok '--input-max: of a larger file the digest is kept' '
    run -s cap -t 1 --input-max=100 --input=data/long.csv --input=data/a.csv x=0..1 -- sh t.sh &&
    inputs cap 0 >got && printf "%s\n" "data/a.csv declared stored 4" "data/long.csv declared large 23893" | test_cmp - got &&
    test_is "$(sql "select sha256 from input where study = '"'cap'"' and state = '"'large'"'")" "$(digest data/long.csv)" &&
    run -s nothing -t 1 --input-max=1 --input=data/a.csv --input=data/empty x=0..1 -- sh t.sh &&
    inputs nothing 0 >got && printf "%s\n" "data/a.csv declared large 4" "data/empty declared stored 0" | test_cmp - got &&
    test_exit 2 run -t 1 --input-max=much x=0..1 -- sh t.sh 2>err && test_grep "input-max" err
'
test_ok 'of a file with a secret neither bytes nor digest are kept, unless --allow-secrets' '
    token=ghp_$(printf "%s" aA0bB1cC2dD3eE4fF5gG6hH7iI8jJ9kK0lL1 | cut -c1-36) && echo "token: $token" >conf.yml && echo "machine x" >.netrc &&
    run -s secret -t 1 --input=conf.yml --input=.netrc x=0..1 -- sh t.sh && inputs secret 0 >got &&
    printf "%s\n" ".netrc declared secret " "conf.yml declared secret " | test_cmp - got &&
    pg_dump -d "$TEST_DSN" >dump && test_no_grep "$token|$(digest conf.yml)|$(digest .netrc)" dump &&
    run -s open -t 1 --allow-secrets --input=conf.yml x=0..1 -- sh t.sh && test_is "$(inputs open 0)" "conf.yml declared stored 48"
'
test_ok 'a path as long as the kernel takes, of bytes that do not shrink' '
    long=$(head -c 4000 /dev/urandom | od -An -v -tx1 | tr -d " \n" | fold -w 200 | head -n 17 | tr "\n" /) && mkdir -p "long/$long" && echo 1 >"long/${long}x" &&
    run -s long -t 1 --input=long x=0..1 -- sh t.sh && test_is "$(inputs long 0)" "long/${long}x declared stored 2"
'
test_ok 'odd names, links, and what is no file' '
    mkdir odd && echo 1 >"odd/a	b" && echo 2 >"odd/$(printf "\303\244\377")" && echo 3 >"odd/back\\slash" && ln -s ../t.sh odd/link && mkfifo odd/fifo &&
    ln -s .. odd/up && run -s odd -t 1 --input=odd x=0..1 -- sh t.sh && sql "select path from input where study = '"'odd'"' order by path collate \"C\"" >got &&
    printf "%s\n" "odd/a\\011b" "odd/back\\\\slash" "odd/link" "odd/ä\\377" | test_cmp - got
'
test_ok 'the digest cache: in .hpt, for nobody else, and used by the next run' '
    touch -d "1 hour ago" old.csv && run -s cache -t 1 --input=/bin/sh x=0..1 -- sh t.sh && cache=$(echo .hpt/digests/*) &&
    test_is "$(stat -c %a "$cache")" 600 && test_grep "^hpt-digests/1 $(hostname) $(cat /proc/sys/kernel/random/boot_id)$" "$cache" &&
    run -s cache -t 2 --input=/bin/sh x=0..1 -- sh t.sh &&
    test_is "$(sql "select distinct sha256 from input where study = '"'cache'"'")" "$(digest /bin/sh)" &&
    echo rubbish >"$cache" && run -s cache -t 3 --input=/bin/sh x=0..1 -- sh t.sh &&
    test_is "$(sql "select distinct sha256 from input where study = '"'cache'"'")" "$(digest /bin/sh)"
'
test_ok '--trace=off without --input: no set, and the record says why' '
    run -s without -t 1 x=0..1 -- sh t.sh && test_is "$(sql "select inputs is null and common_inputs is null, trace from trial where study = '"'without'"'")" "t off"
'

# ---- what a trace adds ----

cat >use.sh <<'END'
cat data/a.csv settings.ini >"$HPT_DIR/copy" && echo more >>log.txt && echo "$HPT_TRIAL" >out.txt && echo x >"$HPT_DIR/own" && cat "$HPT_DIR/own" &&
    echo tmp >made && rm made && cat new.txt && rm old.txt && echo loss=1
END
prepare() { echo old >old.txt && echo first >log.txt && echo 7 >settings.ini && rm -f out.txt && echo new >new.txt; }
first_dsn=$TEST_DSN
prepare && traced -s try -t 1 x=0..1 -- sh use.sh
if [ "$(sql "select trace from trial where study = 'try'")" = complete ]; then
    test_ok 'traced: every file with its role, what was changed with what it held before' '
        prepare && traced -s roles -t 1 --input=data/a.csv x=0..1 -- sh use.sh &&
        sql "select path, role, state, size from input where study = '"'roles'"' and not common order by path collate \"C\", role" >got &&
        printf "%s\n" "data/a.csv declared stored 4" "data/a.csv read stored 4" "log.txt changed stored 6" "log.txt written digest 11" \
            "new.txt read stored 4" "old.txt changed stored 4" "out.txt written digest 2" "settings.ini read stored 2" "use.sh read stored $(wc -c <use.sh)" | test_cmp - got &&
        test_is "$(sql "select trace, trace_missing is null from trial where study = '"'roles'"'")" "complete t" &&
        echo first >first && bytes "$(digest first)" | cmp - first && echo old >old && bytes "$(digest old)" | cmp - old &&
        test_is "$(sql "select sha256 from input where study = '"'roles'"' and path = '"'out.txt'"'")" "$(digest out.txt)"
    '
    test_ok 'traced: what is made, moved and made again is the trial'"'"'s own, also for others of its processes' '
        rm -rf out whole && for name in one two three; do echo "$name" >"$name" || return; done && cat >again.sh <<-"END" &&
	echo 1 >out.tmp && mv out.tmp out && echo 2 >out.tmp && mv out.tmp out && cat out
	echo x >one.tmp && mv one.tmp one && cat one
	rm two && sh -c "echo x >two" && cat two
	mv three kept && sh -c "echo x >three" && cat three
	echo m >m && rm m && echo m >m && cat m
	printf "#!/bin/sh\\necho run\\n" >run && chmod +x run && ./run
	mkdir saved.tmp && echo s >saved.tmp/s && mv saved.tmp saved && cat saved/s && rm -f away && mv saved/s away && rmdir saved
	mkdir part && echo p >part/p && mv part whole && cat whole/p
	echo loss=1
	END
        traced -s again -t 1 x=0..1 -- sh again.sh &&
        sql "select path, role, state, size from input where study = '"'again'"' and not common and path <> '"'again.sh'"' order by path collate \"C\", role" >got &&
        printf "%s\n" "away written digest 2" "kept written digest 6" "m written digest 2" "one changed stored 4" "one written digest 2" "out written digest 2" \
            "run written digest 19" "three changed unread 6" "three read unstable 6" "three written digest 2" "two changed stored 4" "two written digest 2" "whole/p written digest 2" | test_cmp - got
    '
    test_ok 'traced: the system is in the common set, one for trials that differ in their own' '
        prepare && traced -s common -t 2 x=0..1 -- sh -c "cat data/a.csv >/dev/null; echo \$HPT_TRIAL >out.txt; echo loss=1" &&
        test_is "$(sql "select count(distinct inputs), count(distinct common_inputs) from trial where study = '"'common'"'")" "2 1" &&
        shell=$(readlink -f /bin/sh) && test_is "$(sql "select sha256, role, state from input where study = '"'common'"' and trial = 0 and common and path = '"'"'$shell'"'"'")" \
            "$(digest "$shell") read digest"
    '
    test_ok 'traced: programs, libraries and packages are in the environment, found once' '
        sql "select kind, name from environment_item where environment = (select distinct environment from trial where study = '"'common'"')" >items &&
        test_grep "^program $(readlink -f /bin/sh)$" items && test_grep "^library .*/libc[.]so" items &&
        { [ ! -e /var/lib/dpkg/status ] || test_grep "^package libc6" items; } &&
        test_is "$(sql "select count(*) from environment")" "$(sql "select count(distinct environment) from attempt")" &&
        lib=$(sed -n "s/^library \(.*libc[.]so.*\)/\1/p" items) &&
        test_is "$(sql "select distinct substr(value, 1, 71) from environment_item where name = '"'"'$lib'"'"'")" "sha256:$(digest "$lib")"
    '
    test_ok 'traced: a file that git ignores and the trial reads is shown as ignored' '
        mkdir repo && cd repo && git init -q -b main . && test_db . && printf ".hpt\n*.ini\n" >.gitignore && echo 1 >a && echo 2 >b.ini && echo 3 >untracked &&
        traced -s git -t 1 x=0..1 -- sh -c "cat a b.ini untracked >/dev/null; echo loss=1" &&
        test_is "$(sql "select string_agg(path, '"' '"' order by path) from input where ignored")" b.ini &&
        test_is "$(sql "select count(*) from input where path in ('"'a', 'untracked'"') and not ignored and state = '"'stored'"'")" 2
    '
    TEST_DSN=$first_dsn
    test_ok 'traced: trials that use the same name the same sets' '
        prepare && traced -s many -t 5 -j 2 x=0..1 -- sh -c "cat data/a.csv >/dev/null; echo loss=1" &&
        test_is "$(sql "select count(distinct inputs), count(distinct common_inputs), count(distinct environment) from trial where study = '"'many'"'")" "1 1 1" &&
        test_exit 0 hpt-verify -q
    '
else
    test_skip 'traced: every file with its role' "$(sql "select trace_missing from trial where study = 'try'")"
fi
test_ok 'hpt-verify: sound, and what is missing is found' '
    test_exit 0 hpt-verify -q && sql "delete from hpt_record.input_file where path = '"'data/empty'"'" && test_exit 1 hpt-verify -qH >out &&
    test_grep "I2	error	nothing	0	1	input set [0-9a-f]{64} and its files differ$" out &&
    sql "update hpt_record.attempt set inputs = sha256('"''"') where study_id = (select id from hpt_record.study where name = '"'odd'"')" &&
    test_exit 1 hpt-verify -qH >out && test_grep "I2	error	odd	0	1	an attempt names an input set that has no row: e3b0c442" out &&
    sql "delete from hpt_record.object where digest = decode('"'$(digest data/long.csv)', 'hex'"')" && test_exit 1 hpt-verify -qH >out &&
    test_grep "input set [0-9a-f]{64} names an object that has no row: sha256:$(digest data/long.csv)$" out
'
test_ok 'hpt-verify: an object of an input that is gone from the folder, or is another' '
    mkdir verify && cd verify && test_db . && seq 1 6000 >long && run -s v -t 1 --input=long x=0..1 -- echo loss=1 && test_exit 0 hpt-verify -q &&
    object=$(find .hpt/objects/pack -type f) && chmod u+w "$object" && printf xxxx | dd of="$object" bs=1 seek=100 conv=notrunc 2>/dev/null && test_exit 6 hpt-verify -qH >out &&
    test_grep "^I2	error	v	0	1	object sha256:$(digest long)" out && rm "$object" && test_exit 6 hpt-verify -qH >out && test_grep "v	0	1	object sha256:$(digest long).* missing" out
'
test_done
