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
    test_grep "^hpt-export: which format\? -f csv, jsonl, script or tar" err &&
    test_grep "^hint: -o FILE.csv" err &&
    test_exit 2 hpt-export -o unknown.xyz 2>err && test_grep "which format" err && test ! -e unknown.xyz
'
test_ok '--format: unknown ones are refused, with a suggestion' '
    test_exit 2 hpt-export --format=tra 2>err && test_grep "unknown format .tra.; did you mean .tar.\?" err &&
    test_exit 2 hpt-export -f xlsx 2>err && test_grep "unknown format .xlsx. \(csv, jsonl, script or tar\)" err
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
    while read -r line; do
        sql "select jsonb_typeof(\$json\$$line\$json\$::jsonb)" || return 1
    done <out >types &&
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
    for format in csv jsonl script tar; do
        test_exit 125 hpt-export -qf $format -o /dev/full 2>err && test_grep "[Nn]o space left" err &&
        test_exit 125 hpt-export -qf $format >/dev/full 2>err && test_grep "[Nn]o space left" err || return 1
    done &&
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

test_done
