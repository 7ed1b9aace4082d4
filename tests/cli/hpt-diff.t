#!/bin/sh
# hpt-diff: only what differs, in every section; exit status like diff(1).
. "${0%/*}/lib.sh"
test_need psql

run() { hpt-run -q --progress=none --print=none "$@"; }
sql() { psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }
# row NAME COLUMN: that column of the row with this name, of a tsv with a header.
row() { awk -F'\t' -v name="$1" -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) at = i; next }
    $3 == name { print at ? $at : "no column" }' out; }

cat >learner <<'END'
#!/bin/sh
# x is a loss; writes a model, a log with a control character, and the same file each time.
echo "starting"
printf 'weight %s\n' "$1" >"$HPT_DIR/model.txt"
echo same >"$HPT_DIR/same.txt"
printf 'a\0b%s' "$1" >"$HPT_DIR/model.bin"
printf 'at \033[31m%s\n' "$1"
echo "loss: $1"
END
cat >folds <<'END'
#!/bin/sh
awk -v x="$1" -v f="$HPT_FOLD" 'BEGIN { print "loss: " x + f + (f % 2) * x / 10 }'
END
chmod +x learner folds

test_ok 'a project with studies' '
    test_db &&
    run -s one -t 3 -m loss -p "x ordinal {1, 2, 3}" --sampler=grid -- ./learner {x} &&
    run -s two -t 2 --timeout=50s -m loss -p "x ordinal {1, 2}" -p "k categorical {a, b}" --sampler=grid -- ./learner {x} {k} &&
    run -s cv -t 2 --folds=5 --pruner=none -m loss -p "x ordinal {1, 2}" --sampler=grid --seed=1 -- ./folds {x}
'
test_ok 'a trial is the same as itself: status 0 and no row; usage is not compared' '
    hpt-diff -s one 0 0 >out 2>err && test_empty err && test_is "$(wc -l <out)" 1 &&
    head -n 1 out | tr "\t" " " >head && printf "%s\n" "section group name one/0 one/0 difference low high verdict note" | test_cmp - head
'
test_ok 'two trials: parameters, metrics, command, files and streams, only what differs; status 1' '
    test_exit 1 hpt-diff -s one 0 one/1 >out 2>err && test_empty err &&
    test_is "$(row x one/0) $(row x one/1) $(row x difference)" "1 2 1" &&
    test_is "$(row loss one/0) $(row loss difference)" "1 1" && test_is "$(row "word 1" one/1)" 2 &&
    test_is "$(row model.txt:1 one/0) / $(row model.txt:1 one/1)" "weight 1 / weight 2" &&
    test_is "$(row model.bin note)" "not text; from byte 3 on" &&
    test_is "$(row stdout:2 one/1)" "at \\\\x1b[31m2" &&
    test_grep "^artefacts		model.txt	9 bytes sha256:[0-9a-f]{64}	" out && test_no_grep "same.txt|	libc|stderr" out &&
    test_grep "^run		seed	" out
'
test_ok 'best, best~1, last: what other tools call so' '
    test_exit 1 hpt-diff -s one best last >out && head -n 1 out | grep -q "one/0	one/2" &&
    test_exit 1 hpt-diff -s one best~1 last~2 >out && head -n 1 out | grep -q "one/1	one/0"
'
test_ok 'three trials side by side, without a difference' '
    test_exit 1 hpt-diff -s one 0 1 2 >out && test_is "$(row x one/0) $(row x one/1) $(row x one/2)" "1 2 3" &&
    head -n 1 out | tr "\t" " " >head && printf "%s\n" "section group name one/0 one/1 one/2 verdict note" | test_cmp - head
'
test_ok 'trials of two studies: parameters that only one has, limits' '
    test_exit 1 hpt-diff one/0 two/0 >out && test_is "$(row k one/0) $(row k two/0)" "\\N a" &&
    test_is "$(row timeout two/0)" "50 s" && test_is "$(row words two/0)" "./learner 1 a"
'
test_ok '--only: sections by name, by the beginning of one, and other words for them' '
    test_exit 1 hpt-diff -s one --only=params,metrics 0 1 >out && test_is "$(cut -f 1 out | sort -u | paste -sd " " -)" "metrics parameters section" &&
    test_exit 1 hpt-diff -s one --only files --only logs 0 1 >out && test_is "$(cut -f 1 out | sort -u | paste -sd " " -)" "artefacts section streams" &&
    hpt-diff -s one --only=env 0 1 >out && test_is "$(wc -l <out)" 1 &&
    test_exit 1 hpt-diff -s one --only=usage 0 1 >out && test_grep "^usage		seconds	" out &&
    test_exit 2 hpt-diff -s one --only=metricks 0 1 2>err && test_grep "no section .metricks.; did you mean .metrics." err &&
    test_exit 2 hpt-diff -s one --only=space 0 1 2>err && test_grep "one/0 has no section .space." err
'
test_ok '--stat: how many of how many, by section' '
    test_exit 1 hpt-diff -s one --stat 0 1 >out && grep -v "^run" out >some &&
    printf "section\tdiffers\tof\nparameters\t1\t1\nmetrics\t1\t1\ncommand\t1\t2\nartefacts\t2\t6\nstreams\t1\t1\n" | test_cmp - some
'
test_ok '--all: also what is the same' '
    hpt-diff -s one --all 0 0 >out && test_is "$(row x verdict)" same && test_grep "^environment	os	libc	" out
'
test_ok '--tolerance: of a metric, of all, in percent, in a file' '
    hpt-diff -s one --only=metrics --tolerance loss=1 0 1 >out && test_is "$(wc -l <out)" 1 &&
    test_exit 1 hpt-diff -s one --only=metrics --tolerance=loss=0.9 0 1 >out &&
    test_exit 2 hpt-diff -s one --only=metrics --tolerance=nosuch=9 0 1 >out 2>err && test_empty out && test_grep "none of them has .* .nosuch." err &&
    hpt-diff -s one --only=metrics "--tolerance=*=50%" 0 1 >out &&
    hpt-diff -s one --only=metrics --tolerance="*=50%" --all 0 1 >out && test_is "$(row loss verdict)" within &&
    test_exit 1 hpt-diff -s one --only=files --tolerance=model.txt=1 0 1 >out && test_no_grep "model.txt" out &&
    test_exit 2 hpt-diff --tolerance=loss 0 1 2>err && test_grep "is no tolerance" err
'
test_ok '--no-content: digests alone' '
    test_exit 1 hpt-diff -s one --no-content --only=files 0 1 >out && test_grep "	model.txt	" out && test_no_grep "model.txt:1" out
'
test_ok 'folds: the mean paired difference with its interval' '
    test_exit 1 hpt-diff -s cv --only=metrics 0 1 >out &&
    awk "function f(i) { return (i % 2) / 10 + 1 }
         BEGIN { for (i = 0; i < 5; i++) m += f(i) / 5
                 for (i = 0; i < 5; i++) v += (f(i) - m) ^ 2 / 4
                 r = 2.776445105 * sqrt(v * (1 / 5 + 1 / 4)); printf \"%.6f %.6f %.6f\n\", m, m - r, m + r }" >wanted &&
    awk "{ printf \"%.6f %.6f %.6f\n\", \$1, \$2, \$3 }" >got <<END &&
$(row loss difference) $(row loss low) $(row loss high)
END
    test_cmp wanted got && test_exit 1 hpt-diff -s cv --only=streams 0 1 >out && test_grep "^streams	fold 3	stdout:1	loss: [0-9.]+	" out
'
test_ok 'an attempt of a trial: by a point and its number' '
    test_exit 1 hpt-diff cv/0.1 cv/0.2 >out && head -n 1 out | grep -q "cv/0.1	cv/0.2" && test_grep "^metrics		loss	" out &&
    hpt-diff -s one 0 0.1 >out && test_exit 4 hpt-diff one/0.1 one/0.2 2>err && test_grep "argument 2: there is no one/0.2" err
'
test_ok 'an attempt that was lost keeps what it left' '
    sql "insert into hpt_record.attempt (study_id, number, attempt, id, worker_id, environment, argv, outcome, cause, ended_at, signal)
         select study_id, number, 2, gen_random_uuid(), worker_id, environment, argv, '"'lost', 'signal 9'"', now(), 9
         from hpt_record.attempt where study_id = 1 and number = 2;
         update hpt_record.trial set attempt = 2 where study_id = 1 and number = 2" &&
    test_exit 1 hpt-diff one/2.1 one/2.2 >out && test_is "$(row state one/2.1) $(row state one/2.2) $(row signal one/2.2)" "complete lost 9" &&
    test_grep "^metrics		loss	3	.N	" out && test_grep "^artefacts		same.txt	5 bytes sha256:[0-9a-f]+	.N	" out &&
    sql "update hpt_record.trial set attempt = 1 where study_id = 1 and number = 2; delete from hpt_record.attempt where study_id = 1 and number = 2 and attempt = 2"
'
test_ok 'studies: space, limits, command, definition, results' '
    test_exit 1 hpt-diff one/ two/ >out && test_grep "^space		k	.N	categorical {a, b}	" out && test_is "$(row timeout two/)" "50 s" &&
    test_is "$(row trials one/) $(row trials two/)" "3 2" && test_is "$(row total one/)" 3 && test_is "$(row words one/)" "./learner '"'"'{x}'"'"'" &&
    test_exit 1 hpt-diff one/ cv/ >out && test_is "$(row folds cv/)" 5 && hpt-diff one/ one/ >out &&
    test_exit 1 hpt-diff --only=space one/ two/ >out && test_is "$(cut -f 1 out | sort -u | paste -sd " " -)" "section space"
'
test_ok 'environments by digest; a trial against one: the environment alone' '
    hash=$(sql "select environment from hpt.trial where study = '"'one'"' and trial = 0") &&
    hpt-diff "env:$hash" "env:$(echo "$hash" | cut -c 1-8)" one/0 >out && test_is "$(wc -l <out)" 1 && head -n 1 out | grep -q "	env:$(echo "$hash" | cut -c 1-12)	" &&
    TZ=Asia/Tokyo run -s tokyo -t 1 -m loss -p "x ordinal {1}" --sampler=grid -- ./learner {x} &&
    test_exit 1 hpt-diff --only=env one/0 tokyo/0 >out && test_is "$(row TZ tokyo/0)" Asia/Tokyo
'
test_ok 'wrong use: one operand, two kinds, no such thing' '
    test_exit 2 hpt-diff best 2>err && test_grep "two things to compare are needed" err &&
    test_exit 2 hpt-diff one/0 one/ 2>err && test_grep "one/0 and one/ are not of one kind" err &&
    test_exit 4 hpt-diff one/0 one/99 2>err && test_grep "argument 2: study .one. has no trial" err &&
    test_exit 4 hpt-diff one/ onne/ 2>err && test_grep "did you mean .one." err &&
    test_exit 4 hpt-diff env:00000000 one/0 2>err && test_exit 2 hpt-diff env:xyz one/0 2>err &&
    test_exit 2 hpt-diff one/0 bst 2>err && test_grep "did you mean .best." err
'
test_ok '--format, --no-header: table rounds no difference away, md, jsonl with numbers' '
    test_exit 1 hpt-diff -s one -f table --only=params,files 0 1 >out && test_grep "^ parameters +x +1 +2 +\+1$" out &&
    test_exit 1 hpt-diff -s one -f jsonl --only=params 0 1 >out &&
    test_is "$(cat out)" "{\"section\":\"parameters\",\"group\":\"\",\"name\":\"x\",\"one/0\":1,\"one/1\":2,\"difference\":1,\"low\":null,\"high\":null,\"verdict\":\"differs\",\"note\":null}" &&
    test_exit 1 hpt-diff -s one --format=md -H --only=params 0 1 >out && test_grep "^. parameters . x . 1 . 2 . \+1 ." out &&
    test_exit 1 hpt-diff -s one --no-header -f csv --only=params 0 1 >out && test_is "$(wc -l <out)" 1 &&
    test_exit 2 hpt-diff -f env one/0 one/1 2>err && test_exit 2 hpt-diff -f tvs one/0 one/1 2>err && test_grep "did you mean .tsv" err &&
    sql "update hpt_record.metric set value = 1.0000000001 where study_id = 1 and number = 1" &&
    test_exit 1 hpt-diff -s one -f table --only=metrics 0 1 >out && test_grep "^ metrics +loss +1 +1.0000000001 +\+1e-10$" out &&
    sql "update hpt_record.metric set value = 2 where study_id = 1 and number = 1"
'
test_ok '--color: only when asked for or on a terminal' '
    test_exit 1 hpt-diff -s one -f table --color=always 0 1 >out && test_grep "$(printf "\033")\[1m" out &&
    test_exit 1 hpt-diff -s one -f table --color never 0 1 >out && test_no_grep "$(printf "\033")" out && test_exit 2 hpt-diff --color=blue 0 1 2>err
'
test_ok '--quiet: the status alone' '
    test_exit 1 hpt-diff -q -s one 0 1 >out 2>err && test_empty out && test_empty err && hpt-diff --quiet one/1 one/1
'
cat >mixed <<'END'
#!/bin/sh
# Folds and rungs; some trials fail, some leave links and names that are no text; large and small files.
[ "${HPT_FOLD:-0}-$1" != 2-3 ] || exit 3
awk -v x="$1" 'BEGIN { for (i = 0; i < 3000; i++) print i, x }' >"$HPT_DIR/large"
printf 'x' >"$HPT_DIR/$(printf 'na\\me\377')"
ln -s "to/$1" "$HPT_DIR/link"
awk -v x="$1" -v f="${HPT_FOLD:-0}" -v b="${HPT_BUDGET:-1}" 'BEGIN { print "loss=" x + f / 10 + 1 / b " size=" x * 2 }'
END
chmod +x mixed
test_ok 'a bundle: every trial, attempt and study in it is the same as in the database' '
    { run -s mixed -t 5 --folds=3 --pruner=none -m loss -m size:le=8 --allow-unused -p "x integer [1, 5]" -p "k categorical {a, b} | x > 2" --sampler=grid -- ./mixed {x} 2>err || true; } &&
    run -s rungs -t 6 --budget=1..9:3 --repeats=2 -m loss --allow-unused --seed=2 -p "x real [1, 3]" -- ./mixed {x} 2>err &&
    for study in one two cv mixed rungs; do
        hpt-export -q -s $study -o $study.tar.zst && hpt-diff $study/ $study.tar.zst >out || { cat out && return 1; }
        for trial in $(sql "select trial from hpt.trial where study = '"'\$study'"'"); do
            hpt-diff --only=params,metrics,run,command,limits,env,files,logs,usage $study/$trial $study.tar.zst#$trial >out || { cat out && return 1; }
        done
        for attempt in $(sql "select trial || '"'.'"' || attempt from hpt.attempt where study = '"'\$study'"'"); do
            hpt-diff --only=params,metrics,run,command,limits,env,files,logs $study/$attempt $study.tar.zst#$attempt >out || { cat out && return 1; }
        done
        echo $study >>compared
    done && test_is "$(paste -sd " " compared)" "one two cv mixed rungs" && test_is "$(sql "select count(distinct state) from hpt.trial where study = '"'mixed'"'")" 2
'
test_ok 'trials in bundles: best, last, other studies, content; without a project' '
    mkdir -p away && cp ./*.tar.zst away && cd away && test_exit 1 hpt-diff one.tar.zst#0 ./one.tar.zst#1 >../out 2>../err && cd .. &&
    head -n 1 out | tr "\t" " " >head && printf "%s\n" "section group name one.tar.zst#0 one.tar.zst#1 difference low high verdict note" | test_cmp - head &&
    test_is "$(row model.txt:1 one.tar.zst#0) / $(row model.txt:1 one.tar.zst#1)" "weight 1 / weight 2" &&
    test_exit 1 hpt-diff mixed.tar.zst#best mixed.tar.zst#best~1 >out && head -n 1 out | tr "\t" " " >head &&
    test_grep "mixed.tar.zst#$(sql "select trial from hpt.ranking where study = '"'mixed'"' and place = 1") mixed.tar.zst#$(sql "select trial from hpt.ranking where study = '"'mixed'"' and place = 2") " head &&
    test_exit 1 hpt-diff mixed.tar.zst#last mixed.tar.zst#last~1 >out && head -n 1 out | grep -q "#4	mixed.tar.zst#3" &&
    test_exit 1 hpt-diff one.tar.zst two.tar.zst >out && test_is "$(row trials one.tar.zst) $(row trials two.tar.zst)" "3 2" &&
    test_exit 1 hpt-diff "$PWD/mixed.tar.zst#0" one/0 >out && test_exit 2 hpt-diff one.tar.zst one/0 2>err
'
test_ok 'a bundle of everything: studies are named' '
    hpt-export -q --all -o all.tar && test_exit 1 hpt-diff all.tar#one/0 all.tar#two/0 >out && head -n 1 out | grep -q "all.tar#one/0	all.tar#two/0" &&
    hpt-diff all.tar#one/ one/ >out && test_exit 2 hpt-diff all.tar#0 all.tar#1 2>err && test_grep "has [0-9]+ studies" err &&
    test_exit 4 hpt-diff all.tar#three/0 one/0 2>err
'
test_ok 'bundles that are none, are damaged, lack it: 4, 6, 2' '
    test_exit 4 hpt-diff none.tar#1 one/0 2>err && test_grep "argument 1: there is no file .none.tar." err &&
    test_exit 4 hpt-diff one.tar.zst#77 one/0 2>err && test_grep "there is no one.tar.zst#77" err &&
    test_exit 4 hpt-diff one.tar.zst#best~9 one/0 2>err && test_exit 2 hpt-diff one.tar.zst#bst one/0 2>err &&
    test_exit 2 hpt-diff one.tar.zst#0.x one/0 2>err && test_exit 4 hpt-diff one.tar.zst#0.9 one/0 2>err &&
    size=$(wc -c <all.tar) && head -c $((size - 2000)) all.tar >short.tar && test_exit 6 hpt-diff short.tar#one/0 one/0 2>err &&
    cp all.tar bad.tar && printf X | dd of=bad.tar bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null && test_exit 6 hpt-diff bad.tar#one/0 one/0 2>err
'
test_ok 'a bundle without content: the digests are compared all the same' '
    hpt-export -q -s one --with=none -o bare.tar && hpt-diff bare.tar#0 one/0 >out 2>err && test_is "$(wc -l <out)" 1 &&
    test_grep "note: environment is not recorded of bare.tar#0, so it is not compared" err && test_exit 2 hpt-diff --only=env bare.tar#0 one/0 2>err && test_exit 1 hpt-diff bare.tar#0 bare.tar#1 >out &&
    test_is "$(row model.txt note)" "its bytes are not here"
'
test_ok 'bytes that are not here are said so; damaged ones are a row and exit 6' '
    cat >big <<END &&
#!/bin/sh
awk -v x="\$1" "BEGIN { for (i = 0; i < 4000; i++) print i; print x }" >"\$HPT_DIR/big"
echo loss: 1
END
    chmod +x big && run -s big -t 2 -m loss -p "x ordinal {1, 2}" --sampler=grid -- ./big {x} &&
    test_exit 1 hpt-diff --only=files big/0 big/1 >out && test_is "$(row big:4001 big/0) $(row big:4001 big/1)" "1 2" &&
    cp -r .hpt/objects .hpt/whole && chmod -R u+w .hpt/objects &&
    for pack in .hpt/objects/pack/*; do printf X | dd of="$pack" bs=1 seek=24 conv=notrunc 2>/dev/null || return 1; done &&
    test_exit 6 hpt-diff --only=files,params big/0 big/1 >out 2>err && test_is "$(row x big/1)" 2 && row big note | test_grep "damaged" - &&
    test_grep "^hpt-diff: stored files that are damaged or gone: 1$" err && rm -r .hpt/objects &&
    test_exit 1 hpt-diff --only=files big/0 big/1 >out && test_is "$(row big note)" "its bytes are not here" && mv .hpt/whole .hpt/objects
'
# Two trees and a trial of each; and of each without what patch(1) cannot do: a link that changes, an empty file that goes.
cat >tree <<'END'
mkdir -p "$1/sub" "$1/gone" && cd "$1" || exit 1
awk 'BEGIN { for (i = 0; i < 200; i++) print "line", i }' >long
printf 'no newline' >plain && echo a >"with blank" && echo b >"$(printf 'n\303\244me\377')" && echo x >gone/file && : >empty
echo 'echo loss=1' >run.sh && echo t >sub/text && chmod 755 sub/text && ln -s long link && echo keep >keep && printf 'a\0b' >binary
[ "$2" = 2 ] || exit 0
awk 'BEGIN { for (i = 0; i < 200; i++) if (i != 20) print "line", (i == 100 ? "changed" : i) }' >long
printf 'no newline\nand more' >plain && echo A >"with blank" && echo B >"$(printf 'n\303\244me\377')" && rm -r gone
chmod 644 sub/text && chmod +x run.sh && mkdir sub/deep && echo new >sub/deep/new && : >fresh && printf '# \033[31m\n' >>run.sh
[ "${3:-}" != all ] || { rm link empty && ln -s plain link; }
END
sh ./tree old 1 && sh ./tree new 2 all && sh ./tree most 2
test_ok 'code: what changed in the tree, file by file, with the first line' '
    for tree in old new most; do
        (cd $tree && cp -r ../.hpt . && run -s $tree -t 1 --allow-unused -m loss x=0.0..1.0 -- sh run.sh && rm -r .hpt) || return 1
    done &&
    test_exit 1 hpt-diff --only=code old/0 new/0 >out 2>err && test_empty err &&
    test_is "$(row long:21 old/0) / $(row long:21 new/0)" "line 20 / line 21" && test_is "$(row gone/file new/0)" "\\N" &&
    test_is "$(row "sub/text (mode)" old/0) $(row "sub/text (mode)" new/0)" "0755 0644" && test_is "$(row link new/0)" "link to plain" &&
    test_no_grep "keep|binary" out && hpt-diff --only=code old/0 old/0 >out
'
if command -v patch >/dev/null; then
    test_ok '--patch: patch -p1 makes the second tree of the first' '
        test_exit 1 hpt-diff --patch old/0 most/0 >p 2>err && test_empty err && cp -r old made && (cd made && patch -s -p1 <../p) && diff -r --no-dereference made most &&
        test ! -x made/sub/text && test -x made/run.sh &&
        rm most/fresh && (cd most && cp -r ../.hpt . && run -s again -t 1 --allow-unused -m loss x=0.0..1.0 -- sh run.sh && rm -r .hpt) &&
        test_exit 1 hpt-diff -p again/0 old/0 >p && cp -r most back && (cd back && patch -s -p1 <../p) && diff -r --no-dereference back old && test -x back/sub/text &&
        hpt-diff --patch old/0 old/0 >p && test_empty p
    '
else
    test_skip '--patch: patch -p1 makes the second tree of the first' 'patch is not installed'
fi
if command -v git >/dev/null; then
    test_ok '--patch: git apply takes it as well' '
        test_exit 1 hpt-diff --patch old/0 new/0 >p && cp p applied.p && cp -r old applied && (cd applied && GIT_CEILING_DIRECTORIES=$PWD/.. git apply ../p) && diff -r --no-dereference applied new && test_is "$(readlink applied/link)" plain &&
        test ! -x applied/sub/text && test -x applied/run.sh
    '
else
    test_skip '--patch: git apply takes it as well' 'git is not installed'
fi
test_ok '--patch: of artefacts, where --only says so; what is no text is counted; not with -f, for two alone' '
    test_exit 1 hpt-diff --patch --only=files one/0 one/1 >p 2>err && test_grep "^-weight 1$" p && test_grep "^\+weight 2$" p &&
    test_grep "^Binary files a/model.bin and b/model.bin differ$" p && test_grep "note: files that are no text and so not in the patch: 1$" err &&
    test_exit 2 hpt-diff --patch -f csv one/0 one/1 2>err && test_exit 2 hpt-diff --patch one/0 one/1 one/2 2>err && test_exit 2 hpt-diff --patch --only=env one/0 one/1 2>err
'
test_ok 'code in a bundle' '
    hpt-export -q -s new -o new.tar && hpt-diff --only=code new.tar#0 new/0 && test_exit 1 hpt-diff -p old/0 new.tar#0 >p2 && test_cmp p2 applied.p
'
# A trial reads table (declared) and, if traced, other: both change. Of trials/2 no file was seen.
cat >reads <<'END'
#!/bin/sh
cat table other constant >"$HPT_DIR/copy" && echo loss: 1
END
chmod +x reads
inputs() { run -s "$1" -t 1 --allow-unused -m loss "$2" --input=table --input=constant x=0.0..1.0 -- ./reads; }
test_ok 'inputs: what was declared and has changed, with the first line' '
    printf "a\nb\n" >table && echo 1 >other && echo c >constant && inputs first --trace=on && inputs dark --trace=off &&
    printf "a\nB\n" >table && echo 22 >other && inputs second --trace=on &&
    test_exit 1 hpt-diff --only=inputs first/0 second/0 >out 2>err && test_empty err &&
    test_grep "^inputs	declared	table	4 bytes sha256:$(printf "a\nb\n" | sha256sum | cut -d " " -f 1)	4 bytes sha256:" out &&
    test_grep "^inputs	declared	table:2	b	B	" out && test_no_grep "constant" out && hpt-diff --only=inputs first/0 first/0
'
test_ok 'inputs: a trial without a trace: what was declared is compared, and what it was not seen to read is no difference' '
    test_exit 1 hpt-diff --only=inputs second/0 dark/0 >out && test_is "$(row trace dark/0)" off && cut -f 2,3 out >names &&
    printf "%s\t%s\n" group name "" trace declared table declared table:2 | test_cmp - names &&
    test_exit 1 hpt-diff --only=inputs --all second/0 dark/0 >out && test_grep "^inputs	declared	constant	.*	same	" out &&
    hpt-diff --only=inputs dark/0 dark/0 && run -s bare -t 1 --trace=off -m loss x=0.0..1.0 -- ./learner {x} && test_exit 2 hpt-diff --only=inputs first/0 bare/0 2>err &&
    test_grep "bare/0 has no section .inputs." err && test_exit 1 hpt-diff first/0 bare/0 >out 2>err &&
    test_grep "note: inputs is not recorded of bare/0, so it is not compared" err && test_exit 1 hpt-diff bare/0 one/0 >out 2>err && hpt-diff bare/0 bare/0 2>err && test_empty err
'
if [ "$(sql "select trace from hpt.trial where study = 'first'")" = complete ]; then
    test_ok 'inputs: files that were read without being declared' '
        test_exit 1 hpt-diff --only=inputs first/0 second/0 >out && test_grep "^inputs	read	other	2 bytes sha256:[0-9a-f]*	3 bytes sha256:" out &&
        test_is "$(row other:1 first/0) $(row other:1 second/0)" "1 22" && test_no_grep "	/" out &&
        test_exit 1 hpt-diff --only=inputs --all first/0 dark/0 >out && test_grep "^inputs	read	/" out &&
        test_grep "^inputs	read	other	2 bytes.*	unknown	not seen: the trace is not complete" out
    '
else
    test_skip 'inputs: files that were read without being declared' 'trials cannot be traced here'
fi
test_ok 'inputs in bundles' '
    hpt-export -q -s first -o first.tar && hpt-export -q -s dark -o dark.tar && hpt-diff --only=inputs first.tar#0 first/0 && hpt-diff --only=inputs dark.tar#0 dark/0 &&
    test_exit 1 hpt-diff --only=inputs first/0 second/0 >out && test_exit 1 hpt-diff --only=inputs first.tar#0 second/0 >out2 &&
    sed 1d out >rows && sed 1d out2 | test_cmp - rows
'
test_ok '--dsn of a server that is not there, --directory without a project: exit 3' '
    test_exit 3 hpt-diff --dsn "host=$PWD/nowhere dbname=x" 0 1 2>err && test_exit 3 hpt-diff --directory=/ 0 1 2>err && test_grep "no .hpt" err
'
test_ok 'a reader may do it' '
    psql -qX -d "$TEST_DSN" -c "select 1" >/dev/null && cp -r .hpt reader.hpt && sed -i s/hpt_writer/hpt_reader/g .hpt/config &&
    test_exit 1 hpt-diff one/0 one/1 >out && test_exit 1 hpt-diff one/ two/ >out && sed -i s/hpt_reader/hpt_writer/g .hpt/config
'

test_done
