#!/bin/sh
# hpt-export: every format and option, the same bytes every time, damage in the store.
. "${0%/*}/lib.sh"

run() {
    hpt-run -q --progress=none --print=none "$@"
}
sql() {
    psql -qXAt -F '	' -d "$TEST_DSN" -c "$1"
}
# A learner with files, both streams and a number that depends on its parameters.
cat >learner <<'EOT'
#!/bin/sh
echo "note of $HPT_TRIAL" >"$HPT_DIR/note.txt"
awk -v s="$HPT_SEED" 'BEGIN { for (i = 0; i < 3000; i++) print s, i }' >"$HPT_DIR/large.txt"
ln -s note.txt "$HPT_DIR/a link"
echo "stderr $HPT_SEED" >&2
echo "loss: $1"
EOT
chmod +x learner
echo 'word categorical {"=1+1", "@x"}' >formula.pcs

test_ok 'a project with a study' '
    test_db &&
    run -s first -t 4 -j 2 -m loss --seed=7 x=0.0..1.0 kernel=linear,rbf gamma=1e-3..1:log:if=kernel=rbf \
        -- ./learner {x} {kernel} "{-g gamma}"
'

# ---- what and how ----
test_ok 'without a format: exit 2, and how to say it' '
    test_exit 2 hpt-export >out 2>err &&
    test_empty out &&
    test_grep "^hpt-export: which format\? -f csv, jsonl, script, tar or ro-crate" err &&
    test_grep "^hint: -o FILE.csv" err &&
    test_exit 2 hpt-export -o unknown.xyz 2>err && test_grep "which format" err && test ! -e unknown.xyz
'
test_ok '--format: unknown ones are refused, with a suggestion' '
    test_exit 2 hpt-export --format=tra 2>err && test_grep "unknown format .tra.; did you mean .tar.\?" err &&
    test_exit 2 hpt-export -f xlsx 2>err && test_grep "unknown format .xlsx. \(csv, jsonl, script, tar or ro-crate\)" err
'
test_ok 'a bundle is not written to a name that says zip or gzip: nobody could unpack it' '
    test_exit 2 hpt-export -f ro-crate -s first -o crate.zip 2>err && test_grep "crate.zip: a bundle is a tar, and its name says otherwise" err &&
    test_grep "^hint: -o FILE.tar or FILE.tar.zst" err && test ! -e crate.zip && test_exit 2 hpt-export -f tar -s first -o first.tar.gz 2>err && test ! -e first.tar.gz
'
if command -v script >/dev/null; then
    test_ok 'on a terminal: no format and a tar are both wrong use' '
        test_exit 2 script -qec "hpt-export" typescript >out &&
        test_grep "which format" out &&
        test_exit 2 script -qec "hpt-export -f tar" typescript >out &&
        test_grep "a bundle is no text for a terminal" out &&
        test_exit 0 script -qec "hpt-export -qf csv" typescript >out &&
        test_is "$(wc -l <out)" 5
    '
else
    test_skip 'on a terminal: no format and a tar are both wrong use' 'script is not installed'
fi
test_ok 'csv: RFC 4180 with a header, a line a trial, doubles as in the record' '
    hpt-export -f csv >out && tr -d "\r" <out >plain &&
    test_is "$(head -1 plain | cut -d, -f1-6)" "trial,state,loss,kernel,x,gamma" &&
    test_is "$(grep -c "$(printf "\r")$" out)" 5 &&
    sed 1d plain | cut -d, -f1-6 >got &&
    sql "select format('"'%s,%s,%s,%s,%s,%s'"', trial, state, loss, kernel, x, gamma) from hpt_study.first order by trial" >wanted &&
    test_cmp wanted got
'
test_ok 'jsonl: an object a line' '
    hpt-export -f jsonl >out &&
    test_is "$(wc -l <out)" 4 &&
    test_grep "^\{\"trial\":0,\"state\":\"complete\",\"loss\":0\.[0-9]+,\"kernel\":" out &&
    (while read -r line; do
        sql "select jsonb_typeof(\$json\$$line\$json\$::jsonb)" || exit 1
    done <out >types) &&
    test_is "$(sort -u types)" object
'
test_ok '--output: its ending says the format, the file is complete or absent' '
    hpt-export -o out.csv && hpt-export -f csv | cmp - out.csv &&
    hpt-export --output=out.jsonl && hpt-export -f jsonl | cmp - out.jsonl &&
    hpt-export -o out.ndjson && cmp out.jsonl out.ndjson &&
    hpt-export -o out.sh && hpt-export -f script -o - | cmp - out.sh && test -x out.sh && test ! -x out.csv &&
    hpt-export -f csv -o named.txt && cmp named.txt out.csv &&
    hpt-export -qo out.tar && hpt-export -qf tar | cmp - out.tar &&
    hpt-export -qo out.tar.zst && zstd -qdc out.tar.zst | cmp - out.tar &&
    hpt-export -qo out.tzst && cmp out.tzst out.tar.zst &&
    test_is "$(ls -A | grep -c "^\.out")" 0
'
test_ok '--output: a folder that is not there, a full device, a full pipe' '
    test_exit 125 hpt-export -o none/out.csv 2>err && test_grep "cannot write none/out.csv: No such file" err &&
    test_exit 125 hpt-export -qo none/out.tar 2>err && test_grep "none: No such file" err &&
    (for format in csv jsonl script tar; do
        test_exit 125 hpt-export -qf $format -o /dev/full 2>err && test_grep "[Nn]o space left" err &&
        test_is "$(wc -l <err)" 1 && test_grep "/dev/full: No space left on device" err &&
        test_exit 125 hpt-export -qf $format >/dev/full 2>err &&
        test_is "$(cat err)" "hpt-export: standard output: No space left on device" || exit 1
    done) &&
    test -c /dev/full
'
test_ok '--no-header and --no-guard are for csv' '
    hpt-export -f csv --no-header >out && hpt-export -f csv | sed 1d | cmp - out &&
    hpt-export -f csv -H | cmp - out &&
    test_exit 2 hpt-export -f jsonl -H 2>err && test_grep "go with -f csv" err &&
    run -s formula -t 2 -m loss --sampler=grid --space=formula.pcs -- ./learner 1 {word} &&
    hpt-export -s formula -f csv >out && test_grep ",'"'"'=1\+1," out && test_grep ",'"'"'@x," out &&
    hpt-export -s formula -f csv --no-guard >out && test_grep ",=1\+1," out && test_no_grep "'"'"'" out &&
    test_exit 2 hpt-export -f tar -o x.tar --no-guard 2>err
'

# ---- which trials ----
test_ok '--study and the current study' '
    hpt-export -f csv 2>err >out && test_grep "^hpt-export: note: study .formula., the last active of 2" err &&
    hpt-export -f csv --quiet 2>err | cmp - out && test_empty err &&
    hpt-export --study=first -f csv 2>err >out && test_empty err && test_is "$(wc -l <out)" 5 &&
    test_exit 4 hpt-export -s frist -f csv >out 2>err && test_empty out &&
    test_grep "no study .frist.; did you mean .first.\?" err
'
test_ok 'trials by name: numbers, best, last, STUDY/N; once each, in order' '
    hpt-export -s first -f csv -H last 1 0 1 best | cut -d, -f1 >got &&
    { echo 0 && echo 1 && echo 3 && sql "select trial from hpt.ranking where study = '"'first'"' and place = 1"; } |
        sort -un >wanted &&
    test_cmp wanted got &&
    hpt-export -f jsonl first/2 >out && test_is "$(wc -l <out)" 1 && test_grep "^\{\"trial\":2," out &&
    test_exit 4 hpt-export -s first -f csv 99 >out 2>err && test_empty out && test_grep "99" err &&
    test_exit 2 hpt-export -f csv first/1 formula/0 2>err &&
    test_grep "argument [0-9]+ .formula/0.: of study .formula., the others are of .first." err
'
test_ok '--dsn and --directory' '
    dsn=$(sed -n "s/^dsn *= *//p" .hpt/config) && mkdir -p elsewhere/deep &&
    (cd / && hpt-export -d "$dsn" -s first -f csv) >out && hpt-export -s first -f csv | cmp - out &&
    here=$PWD && (cd / && hpt-export -C "$here/elsewhere/deep" -s first -f csv) | cmp - out &&
    test_exit 3 hpt-export -d "host=/nowhere dbname=x" -f csv 2>err && test_grep "/nowhere" err
'

# ---- script ----
test_ok 'script: running it gives what the record says' '
    hpt-export -s first -o all.sh && ./all.sh >got 2>err &&
    sql "select '"'loss: '"' || x from hpt_study.first order by trial" >wanted && test_cmp wanted got &&
    sql "select '"'stderr '"' || seed from hpt_study.first order by trial" >wanted && test_cmp wanted err &&
    hpt-export -s first -f script 2 | sh >got 2>/dev/null &&
    sql "select '"'loss: '"' || x from hpt_study.first where trial = 2" >wanted && test_cmp wanted got
'
# Values that a shell, a terminal or a spreadsheet would act on.
cat >echo-all <<'EOT'
#!/bin/sh
for word; do printf '[%s]\n' "$word"; done >"$HPT_DIR/words"
printf '%s\n' "$HPT_PARAM_word" >>"$HPT_DIR/words"
if [ -e "$WORDS" ]; then cat "$HPT_DIR/words" >>"$WORDS"; fi
echo "loss: 1"
EOT
chmod +x echo-all
cat >hostile.pcs <<'EOT'
word categorical {"a b", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "-rf", "a\"b", "*", "!!", "é"}
EOT
test_ok 'script: hostile values and study names are words and nothing else' '
    export WORDS=$PWD/words && : >words &&
    run -s "it'"'"'s \$(touch pwned)" --sampler=grid -t 9 -m loss --space=hostile.pcs \
        -- ./echo-all {word} "--x={word}" "\$(touch pwned)" &&
    mv words wanted && : >words &&
    hpt-export -s "it'"'"'s \$(touch pwned)" -f script >hostile.sh && sh hostile.sh >out &&
    test_is "$(wc -l <out)" 9 && test_is "$(wc -l <wanted)" 36 && test_cmp wanted words &&
    test ! -e pwned && unset WORDS
'
test_ok 'script: folder, parameter file, standard input and shell as in the study' '
    run -s inputs -t 1 --seed=3 -m loss --stdin=json --chdir=trial --allow-unused x=0.0..1.0 \
        -- sh -c "cat && cmp - \$HPT_PARAMS <\$1 && [ \$PWD = \"\$HPT_DIR\" ] && [ \$PWD = \$2 ] && echo loss: 1" \
        sh {hpt.params} {hpt.dir} &&
    hpt-export -s inputs -f script | sh >got &&
    test_grep "^\{\"params\":\{\"x\":0\.[0-9]+\},\"seed\":[0-9]+,\"study\":\"inputs\",\"trial\":0\}$" got &&
    test_is "$(tail -1 got)" "loss: 1" &&
    run -s shell -S -t 2 -m loss x=1..9 -- "echo loss: \$((1 + {x})) | cat" &&
    hpt-export -s shell -f script | sh >got &&
    sql "select '"'loss: '"' || loss from hpt_study.shell order by trial" >wanted && test_cmp wanted got
'
cat >rungs <<'EOT'
#!/bin/sh
before=$(cat "${HPT_RESUME:-/nowhere}/sum" 2>/dev/null || echo 0)
echo "$before $HPT_BUDGET" | awk '{print $1 + $2}' >"$HPT_DIR/sum"
printf 'loss: %s\n' "$(cat "$HPT_DIR/sum")"
[ "${3-}" = "${HPT_RESUME-}" ] && printf '%s\n' "$1 $HPT_TRIAL $HPT_BUDGET $HPT_SEED $(cat "$HPT_DIR/sum")" >>"$RUNS"
EOT
chmod +x rungs
test_ok 'script: folds and repeats, each with its own seed and split' '
    export RUNS=$PWD/runs && : >runs &&
    run -s folds -t 2 -m loss --folds=2 --repeats=2 --pruner=none x=0.0..1.0 \
        -- sh -c "echo \$1 \$HPT_TRIAL \$HPT_FOLD \$HPT_REPEAT \$HPT_SPLIT \$HPT_SEED \$HPT_PARAM_x >>\$RUNS; echo loss: 1; cat \$HPT_PARAMS >>\$RUNS" sh {hpt.fold} &&
    sort runs >wanted && test_is "$(wc -l <wanted)" 16 && : >runs &&
    hpt-export -s folds -f script >folds.sh && sh folds.sh >out && sort runs >got && test_cmp wanted got &&
    test_grep "^# trial 1, fold 1, repeat 0: complete$" folds.sh
'
test_ok 'script: a trial that goes on from its checkpoint finds it' '
    : >runs && run -s climb -t 3 --seed=2 -m loss --budget=1..4:2 --pruner=asha x=0.0..1.0 -- ./rungs {x} "{-r hpt.resume}" &&
    sort runs >wanted && test "$(wc -l <wanted)" -gt 3 && : >runs &&
    hpt-export -s climb -f script >climb.sh && sh climb.sh >out && sort runs >got && test_cmp wanted got &&
    trial=$(sql "select trial from evaluation where study = '"'climb'"' and resume_trial is not null limit 1") &&
    test -n "$trial" && test_grep "^# trial $trial, budget 2: complete$" climb.sh && unset RUNS
'
if command -v python3 >/dev/null; then
    cat >worker.py <<'EOT'
import hpt_worker
def trial_fails(report):
    return report.trial["trial"] == 1
def train(params, seed, report):
    for step in range(3):
        report(step, loss=params["x"])
    if trial_fails(report):
        raise ValueError("bad luck")
    return {"loss": params["x"]}
hpt_worker.serve(train)
EOT
    test_ok 'script: a persistent worker is given its trial by a message' '
        cp "$TEST_SRC/docs/guide/hpt_worker.py" . &&
        run -s served -t 3 -m loss --worker x=0.0..1.0 -- python3 worker.py &&
        hpt-export -s served -f script >served.sh && test_exit 1 sh served.sh >out 2>err &&
        test_grep "^trial 1: exit status 1$" err && test_is "$(grep -c "exit status" err)" 1 &&
        test_is "$(grep -c step out)" 9 && grep done out | sed -n "s/.*\"loss\":\([^,}]*\).*/\1/p" | sed "s/ //g" >got &&
        sql "select loss from hpt_study.served where state = '"'complete'"' order by trial" >wanted && test_is "$(wc -l <wanted)" 2 && test_cmp wanted got
    '
else
    test_skip 'script: a persistent worker is given its trial by a message' 'python3 is not installed'
fi
test_ok 'script: a command that fails is told of, and the rest goes on' '
    run -s failing -t 3 --max-failures=0 -m loss --sampler=grid --no-default-trial x=1..3 \
        -- sh -c "[ \$1 != 2 ] && echo loss: \$1 || exit 9" sh {x} &&
    hpt-export -s failing -f script >failing.sh &&
    test_exit 1 sh failing.sh >out 2>err &&
    test_is "$(wc -l <out)" 2 && test_grep "^trial [0-9]: exit status 9$" err &&
    hpt-export -s failing -f script @first-failed >one.sh && test_is "$(grep -c "^# trial" one.sh)" 1
'

# ---- tar ----
test_ok 'tar: sha256sum checks it, names and digests are those of the record' '
    hpt-export -s first -o first.tar 2>err &&
    mkdir unpacked && tar -xf first.tar -C unpacked 2>warnings && test_empty warnings &&
    (cd unpacked && sha256sum --quiet -c SHA256SUMS) &&
    test_is "$(sed "s/.*sha256://" err)" "$(sha256sum unpacked/MANIFEST.json | cut -c1-64)" &&
    test_is "$(tar -tf first.tar | head -1)" MANIFEST.json &&
    tar -tf first.tar | sed 1d >names && LC_ALL=C sort names | test_cmp - names &&
    test_is "$(tar --numeric-owner --full-time -tvf first.tar | awk "{ print \$1, \$2, \$4, \$5 }" | sort -u)" \
        "-rw-r--r-- 0/0 1970-01-01 $(TZ= date -d @0 +%T)" &&
    (for object in unpacked/objects/sha256/*/*; do
        test_is "$(echo "${object#unpacked/objects/sha256/}" | tr -d /)" "$(sha256sum "$object" | cut -c1-64)" || exit 1
    done)
'
test_ok 'tar: the parts of the record' '
    cd unpacked/record &&
    test_is "$(wc -l <trial.jsonl)" 4 && test_is "$(wc -l <attempt.jsonl)" 4 && test_is "$(cat format.json)" "{\"format\":\"hpt-record/1\"}" &&
    test_is "$(wc -l <metric.jsonl)" 4 && test_is "$(wc -l <study.jsonl)" 1 && test_is "$(wc -l <worker.jsonl)" 1 &&
    test_grep "\"digest\":\"[0-9a-f]{64}\",.*\"kind\":\"file\",.*\"path\":\"large.txt\"" artefact.jsonl &&
    test_grep "\"kind\":\"link\",.*\"path\":\"a link\".*\"target\":\"note.txt\"" artefact.jsonl &&
    test_is "$(sed "s/^{\"canonical\":\(.*\),\"created_at\".*/\1/" definition.jsonl | tr -d "\n" | sha256sum | cut -c1-64)" \
        "$(sql "select definition_hash from hpt.study where study = '"'first'"'")" &&
    sed -n "s/.*\"config\":\({[^}]*}\),.*/\1/p" trial.jsonl >configs && test_is "$(wc -l <configs)" 4 &&
    (while read -r config; do printf %s "$config" | sha256sum | cut -c1-64; done <configs) >got &&
    sql "select config_hash from hpt.trial where study = '"'first'"' order by trial" | test_cmp - got &&
    (while read -r line; do
        test_is "$(printf %s "$line" | sed "s/^{\"canonical\":\(.*\),\"digest\":.*/\1/" | tr -d "\n" | sha256sum | cut -c1-64)" \
            "$(printf %s "$line" | sed "s/.*\"digest\":\"\([0-9a-f]*\)\"}$/\1/")" || exit 1
    done <environment.jsonl) &&
    digest=$(sed -n "s/.*\"digest\":\"\([0-9a-f]*\)\",.*\"number\":2,\"path\":\"note.txt\".*/\1/p" artefact.jsonl) &&
    test_is "$(cat "../objects/sha256/$(echo "$digest" | cut -c1-2)/$(echo "$digest" | cut -c3-)")" "note of 2"
'
# Values that no view shows as they are, put where they belong.
cat >odd.sql <<'EOT'
update hpt_record.metric set value = v.value from (values (0, 'NaN'::float8), (1, '-0'), (2, 'Infinity'), (3, 5e-324)) v (number, value)
where study_id = (select id from hpt_record.study where name = 'odd') and metric.number = v.number;
update hpt_record.attempt set argv = array[convert_to('é', 'UTF8'), '\xff00'::bytea, ''::bytea], wall_us = 9223372036854775807
where study_id = (select id from hpt_record.study where name = 'odd') and number = 0;
insert into hpt_record.metric_chunk select id, 1, 1, 'curve', 0, array[-9007199254740993, 9007199254740992], array[0.1, '-Infinity']
from hpt_record.study where name = 'odd';
EOT
test_ok 'tar: every value as it is: bytes, NaN, infinities, -0, whole numbers of 64 bits' '
    run -s odd -t 4 --seed=7 -m loss x=0.0..1.0 -- sh -c "echo loss: \$1" sh {x} && sql "$(cat odd.sql)" &&
    hpt-export -q -s odd -o odd.tar && tar -xOf odd.tar record/metric.jsonl | sed "s/.*\"value\":\([^}]*\)}$/\1/" >got &&
    printf "%s\n" "\"NaN\"" "\"-0\"" "\"Infinity\"" 5e-324 | test_cmp - got &&
    tar -xOf odd.tar record/attempt.jsonl | head -n 1 >first.line && test_grep "^\{\"argv\":\[\"é\",\{\"hex\":\"ff00\"\},\"\"\]," first.line &&
    test_grep "\"wall_us\":\"9223372036854775807\"" first.line && tar -xOf odd.tar record/metric_chunk.jsonl >got &&
    test_grep "\"steps\":\[\"-9007199254740993\",9007199254740992\],.*\"vals\":\[0.1,\"-Infinity\"\]\}$" got
'
test_ok '--all: every study in one bundle' '
    hpt-export -q --all -o all.tar && tar -xOf all.tar record/study.jsonl | sed "s/.*\"name\":\"//; s/\",\"seed\".*//" >got &&
    sql "select study from study order by study collate \"C\"" >wanted && test_cmp wanted got &&
    test_is "$(tar -xOf all.tar record/trial.jsonl | wc -l)" "$(sql "select count(*) from trial")" &&
    hpt-export -qa -f tar | cmp - all.tar && tar -xOf all.tar record/trial.jsonl >all.lines &&
    tar -xOf first.tar record/trial.jsonl | while read -r line; do grep -qxF -e "$line" all.lines || exit 1; done &&
    test_exit 2 hpt-export -a -f csv 2>err && test_grep "all goes with -f tar" err &&
    test_exit 2 hpt-export -a -s first -o x.tar 2>err && test_grep "leave --study out" err &&
    test_exit 2 hpt-export -a -o x.tar first/1 2>err && test_grep "leave first/1 out" err && test ! -e x.tar
'
test_ok 'tar: the same bytes with another umask, locale, time zone, TMPDIR and compression' '
    (umask 077 && mkdir -p other && LC_ALL=C.UTF-8 TZ=Asia/Kathmandu TMPDIR=$PWD/other hpt-export -q -s first -o other/first.tar) &&
    cmp first.tar other/first.tar &&
    (umask 0 && LC_ALL=C TZ=America/St_Johns PGTZ=Asia/Tokyo PGDATESTYLE=German hpt-export -q -s first -f tar | cmp - first.tar) &&
    hpt-export -q -s first -o first.tar.zst && zstd -qt first.tar.zst && zstd -qdc first.tar.zst | cmp - first.tar &&
    hpt-export -q -s first -o again.tar.zst && cmp first.tar.zst again.tar.zst
'
test_ok 'tar and csv: the same bytes whatever the server is set to' '
    hpt-export -s first -f csv >first.csv && name=$(sql "select current_database()") &&
    (for setting in "extra_float_digits = -10" "bytea_output = escape" "datestyle = German" "timezone = \"Asia/Tokyo\"" \
        "intervalstyle = sql_standard"; do
        sql "alter database $name set $setting" || exit 1
    done) &&
    hpt-export -s first -f csv >out.csv && hpt-export -q -s first -o out.tar &&
    sql "alter database $name reset all" && test_cmp first.csv out.csv && cmp first.tar out.tar
'
test_ok '--with: artefacts, logs, env, code, inputs, none' '
    hpt-export -q -s first -f tar --with=none | tar -tf - >out &&
    test_no_grep "^(objects/|record/environment|record/code|record/input)" out && test_grep "^record/artefact.jsonl$" out &&
    hpt-export -q -s first -f tar --with=env | tar -tf - >out &&
    test_grep "^record/environment.jsonl$" out && test_no_grep "^objects/" out &&
    hpt-export -q -s first -f tar --with=logs | tar -tf - >out && test_is "$(grep -c "^objects/" out)" 8 &&
    hpt-export -q -s first -f tar --with=artefacts | tar -tf - >out && test_is "$(grep -c "^objects/" out)" 8 &&
    hpt-export -q -s first -f tar --with=artifacts,logs --with=env,code,inputs | cmp - first.tar &&
    test_exit 2 hpt-export -f tar -o x.tar --with=everything 2>err &&
    test_grep "with=everything: a part is artefacts, logs, env, code, inputs or none" err &&
    test_exit 2 hpt-export -f csv --with=logs 2>err && test_grep "with goes with -f tar" err
'
test_ok 'tar: only the trials that are named' '
    hpt-export -q -s first --with=artefacts,logs,env -o some.tar 1 3 && rm -rf some && mkdir some && tar -xf some.tar -C some &&
    test_is "$(sed "s/.*\"number\":\([0-9]*\),.*/\1/" some/record/trial.jsonl | tr "\n" " ")" "1 3 " &&
    test_is "$(find some/objects -type f | wc -l)" 8
'

test_ok 'tar: trials that have not finished are left out, with a note, unless named' '
    number=$(sql "select trial from hpt.trial where study = '"'failing'"' and state = '"'failed'"'") &&
    sql "update hpt_record.trial set state = '"'waiting'"' where number = $number
         and study_id = (select id from hpt_record.study where name = '"'failing'"')" &&
    hpt-export -s failing -f tar 2>err >out.tar && test_grep "note: trials left out because they have not finished: 1$" err &&
    test_is "$(tar -xOf out.tar record/trial.jsonl | grep -c waiting)" 0 &&
    test_is "$(tar -xOf out.tar record/trial.jsonl | wc -l)" 2 &&
    hpt-export -s failing -f tar "$number" 2>err | tar -xOf - record/trial.jsonl >lines && test_is "$(grep -c waiting lines)" 1 &&
    test_no_grep "left out" err &&
    hpt-export -s failing -f csv | tr -d "\r" | test_is "$(grep -c waiting)" 1
'

# ---- RO-Crate ----
if command -v python3 >/dev/null; then
    test_ok '-f ro-crate: a bundle that is a Process Run Crate as well' '
        run -s crate -t 3 --max-failures=0 -m loss --seed=3 x=0.0..1.0 "kind=\"a b\",\"é\"" n=1..9 -- sh -c "echo hi >\"\$HPT_DIR/a note.txt\"; [ \$HPT_TRIAL != 1 ] || exit 3; echo loss: \$1" sh {x} {kind} {n} &&
        hpt-export -q -s crate -f ro-crate --agent="A. Person" -o crate.tar && rm -rf crate && mkdir crate && tar -xf crate.tar -C crate && (cd crate && sha256sum --quiet -c SHA256SUMS) &&
        python3 "$TEST_SRC/tests/cli/rocrate.py" crate >out && printf "should: %s\n" "the root has no publisher" "#agent: no affiliation" "#command: no url" "#command: no absolute URI" | test_cmp - out && hpt-import -q --check crate.tar &&
        test_grep "\"@id\":\"#trial/1\",\"@type\":\"CreateAction\",\"actionStatus\":\"http://schema.org/FailedActionStatus\",\"agent\":\{\"@id\":\"#agent\"\}.*\"error\":\"exit status 3\"" crate/ro-crate-metadata.json &&
        test_grep "\"@id\":\"#trial/0/parameter/kind\",\"@type\":\"PropertyValue\",\"exampleOfWork\":\{\"@id\":\"#parameter/kind\"\},\"name\":\"kind\",\"value\":\"(a b|é)\"" crate/ro-crate-metadata.json &&
        test_grep "\"name\":\"a note.txt\"" crate/ro-crate-metadata.json
    '
    test_ok '-f ro-crate: folds and rungs, one trial, zstd, the same bytes every time' '
        hpt-export -q -s climb -f ro-crate -o climb.tar.zst && rm -rf crate && mkdir crate && zstd -qdc climb.tar.zst | tar -xf - -C crate && python3 "$TEST_SRC/tests/cli/rocrate.py" crate >out &&
        test_is "$(grep -vc "no url$\|no absolute URI$\|no agent$\|no publisher$\|no author$" out)" 0 &&
        (umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Kathmandu hpt-export -q -s climb -f ro-crate -o again.tar.zst) && cmp climb.tar.zst again.tar.zst &&
        hpt-export -q -s crate -f ro-crate 2 >one.tar && rm -rf crate && mkdir crate && tar -xf one.tar -C crate && python3 "$TEST_SRC/tests/cli/rocrate.py" crate >out &&
        test_is "$(grep -o "\"@type\":\"CreateAction\"" crate/ro-crate-metadata.json | wc -l)" 1
    '
    test_ok '-f ro-crate: a study of a loop outside has no command' '
        hpt-ask -q -s outside -m loss -p x=0.0..1.0 >asked && hpt-tell -q -s outside 0 loss=1 &&
        hpt-export -q -s outside -f ro-crate -o outside.tar && rm -rf crate && mkdir crate && tar -xf outside.tar -C crate &&
        python3 "$TEST_SRC/tests/cli/rocrate.py" crate >out && test_is "$(grep -vc "no url$\|no absolute URI$\|no agent$\|no publisher$\|no author$" out)" 0 &&
        test_grep "\"@id\":\"#command\",\"@type\":\"SoftwareApplication\",\"description\":\"asked for trials and told of them\"" crate/ro-crate-metadata.json &&
        test_grep "\"@id\":\"#trial/0/parameter/x\"" crate/ro-crate-metadata.json
    '
    # A word of a crate changed each time: the checker must see it.
    cat >breaks <<'EOT'
s/"@type":"CreateAction"/"@type":"Action"/g	there is no action
s/"instrument":{"@id":"#command"}/"instrument":{"@id":".\/"}/	no instrument that is software
s/crate\/1.1"/crate\/1.0"/	does not conform to RO-Crate 1.1
s/wfrun\/process\/0.5/wfrun\/other\/0.5/g	does not conform to a Process Run Crate
s/CompletedActionStatus/DoneStatus/	unknown actionStatus
s/FailedActionStatus/CompletedActionStatus/	an error that did not fail
s/"sha256":"./"sha256":"x/	sha256 is wrong
s/"contentSize":"/"contentSize":"1/	contentSize is wrong
s/"datePublished":"20/"datePublished":"the year 20/	datePublished is no ISO 8601
s/"datePublished":"\([^"]*\)+00:00"/"datePublished":"\1Z"/	datePublished is no ISO 8601
s/"author":{"@id":"#agent"}/"author":{"@id":"#license"}/	the author is no Person
s/"license":{"@id":"#license"},//	the root has no license
s/"startTime":"20/"startTime":"99/	ends before it starts
s/+00:00","instrument"/Z","instrument"/	endTime is no ISO 8601
s/{"@id":"README.txt"}/{"@id":"gone.txt"}/	which is not described
s/"hasPart":\[{"@id":"[^"]*"},/"hasPart":[/	a File that is no part of the root
s/"value":/"valve":/	unknown word valve
s/"agent":{"@id":"#agent"}/"agent":{"@id":"#agent","name":"x"}/	not flattened
s/"@id":"#license","@type":"CreativeWork",/"@id":"#license",/	no @type
EOT
    test_ok 'the checker of crates sees what is broken' '
        rm -rf crate && mkdir crate && tar -xf crate.tar -C crate && cp crate/ro-crate-metadata.json whole.json &&
        (while IFS="	" read -r edit reason; do
            sed "$edit" whole.json >crate/ro-crate-metadata.json && ! cmp -s whole.json crate/ro-crate-metadata.json || { echo "changes nothing: $edit" && exit 1; }
            test_exit 1 python3 "$TEST_SRC/tests/cli/rocrate.py" crate >out && test_grep "$reason" out || exit 1
        done <breaks)
    '
else
    test_skip 'RO-Crate: a checker of its rules' 'python3 is not installed'
fi
test_ok '--agent is for ro-crate, --all is not' '
    test_exit 2 hpt-export -f tar --agent=x -o x.tar 2>err && test_grep "agent goes with -f ro-crate" err && test_exit 2 hpt-export -a -f ro-crate -o x.tar 2>err && test_grep "all goes with -f tar" err && test ! -e x.tar
'

# ---- damage ----
# Sets digest to an object of the first study that lies in the folder, and object to the pack it is in.
stored_object() {
    digest=$(sql "select min(digest) from hpt.artefact where study = 'first' and not in_database")
    # What was unpacked here is in later snapshots of the code, each in a file of its own.
    rm -f ".hpt/objects/sha256/$(echo "$digest" | sed 's|^..|&/|')"*
    for object in .hpt/objects/pack/*; do
        od -An -v -tx1 "$object" | tr -d " \n" | grep -q "$digest" && return
    done
    return 1
}
test_ok 'tar: a damaged object is exit 6 and named; the old file stays' '
    stored_object &&
    cp "$object" saved && echo before >kept.tar && chmod u+w "$object" &&
    size=$(wc -c <"$object") && printf X | dd of="$object" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null &&
    test_exit 6 hpt-export -q -s first -o kept.tar 2>err && test_grep "$digest" err && test_is "$(cat kept.tar)" before &&
    test_exit 6 hpt-export -q -s first -f tar >out 2>err && test_grep "$digest" err && test_empty out &&
    test_is "$(ls -A | grep -c "^\.kept")" 0 &&
    cp saved "$object" && hpt-export -q -s first -f tar | cmp - first.tar
'
test_ok 'tar: a missing object is exit 6 and named' '
    stored_object &&
    mv "$object" saved &&
    test_exit 6 hpt-export -q -s first -o kept.tar 2>err &&
    test_grep "object sha256:$digest is missing in .*/\.hpt/objects" err && test_grep "^hint: .*--with=none" err && test_is "$(cat kept.tar)" before &&
    hpt-export -q -s first -f tar --with=none >out && mv saved "$object"
'
if [ "$(id -u)" -eq 0 ] && command -v unshare >/dev/null && unshare -m true 2>/dev/null; then
    test_ok 'tar: a full volume is exit 125 and named, nothing is left on it' '
        mkdir -p small && here=$PWD &&
        unshare -m sh -c "
            mount -t tmpfs -o size=16k hpt small || exit 77
            hpt-export -q -s first -o small/x.tar; echo \$? >status
            ls -A small >left" 2>err &&
        test_is "$(cat status)" 125 && test_grep "no space left on the volume $here/small" err && test_empty left
    '
else
    test_skip 'tar: a full volume is exit 125 and named, nothing is left on it' 'needs root'
fi

test_done
