#!/bin/sh
# Passwords and tokens: 43 kinds, 301 of them, given to trials and printed by them. None is found in the database, the
# objects or what is exported. They are made here, so that no scanner finds one in the tree.
. "${0%/*}/lib.sh"
test_need psql
test_ok 'a project' test_db
sql() { psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }

# Prefix, class, length, what follows.
cat >kinds <<'EOT'
AGE-SECRET-KEY-1 A 58
AKIA A 16
ASIA A 16
AccountKey= w 86 ==
dapi x 32
dop_v1_ x 64
dckr_pat_ w 27
dp.pt. w 43
figd_ w 40
ghp_ w 36
gho_ w 36
ghs_ w 36
github_pat_ w 82
glpat- w 20
AIza w 35
ya29. w 60
GOCSPX- w 28
glsa_ w 41
gsk_ w 52
hf_ w 34
lin_api_ w 40
key- x 32
NRAK- A 27
ntn_ w 43
npm_ w 36
pplx- w 48
PMAK- w 50
pul- x 40
pypi-AgE w 80
r8_ w 37
sntryu_ x 64
shpat_ x 32
xoxb- w 36
hooks.slack.com/services/ w 44
sq0atp- w 22
sk_live_ w 24
tskey- w 32
SK x 32
hvs. w 24
xai- w 80
sk- w 48 aA0
eyJ w 20 .eyJzdWIiOiIxMjM0NTY3ODkwIn0.aA0bcdefgh
https://user: w 20 @host/path
EOT
awk 'BEGIN { set["A"] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; set["x"] = "0123456789abcdef"
             set["w"] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"; srand(1) }
     { for (k = 0; k < 7; k++) {
           secret = ""
           for (i = 0; i < $3; i++) secret = secret substr(set[$2], 1 + int(rand() * length(set[$2])), 1)
           print $1 secret $4 >"texts"; print secret >"../secrets" } }' kinds # outside the tree whose code is recorded

cat >leaky <<'EOT'
#!/bin/sh
# Prints every text to both streams, in sentences, leaves each in a file of its own, and one in a report that is none.
while read -r text; do
    n=$((n + 1)) last=$text
    echo "logged in with $text, good"
    echo "{\"auth\": \"$text\"}" >&2
    [ $((n % 2)) -eq 0 ] && echo "$text" >"$HPT_DIR/file$n" || echo "api_token = $text" >"$HPT_DIR/file$n"
done <"$1"
[ "$2" = long ] && awk -v text="$last" 'BEGIN { for (i = 0; i < 20000; i++) print i, "x", text, "y" }'
echo "a line that is none: $last" >>"$HPT_REPORT"
echo loss=0.5
EOT
chmod +x leaky

run() { hpt-run -q --progress=none --print=none --allow-unused -t 1 -m loss "$@"; }
# everything NAME: all that the record holds, tables and objects, in clear.
everything() {
    for table in $(sql "select table_name from information_schema.tables where table_schema = 'hpt_record' and table_type = 'BASE TABLE'"); do
        PGOPTIONS='-c bytea_output=escape' psql -qXAt -d "$TEST_DSN" -c "copy hpt_record.$table to stdout" || return 1
    done
    hpt-export -q -s "$1" -f tar -o - && find .hpt -name '*.end' -exec cat {} +
}

test_ok '301 secrets: in streams they are masked, files with them are not stored, the environment has names alone' '
    test_is "$(wc -l <../secrets)" 301 && LAST=$(tail -n 1 texts) && export LAST_TOKEN="$LAST" PATH="$PATH:/$LAST" &&
    run -s leaky x=0.0..1.0 -- ./leaky texts no 2>err && everything leaky >all && test_is "$(grep -aFc -f ../secrets all)" 0 &&
    grep -aq "logged in with ghp_\*\*\*\*" all && grep -aq "LAST_TOKEN" all &&
    grep -aq "a line that is none: https://.cut.@host" all &&
    test_is "$(sql "select count(*) from hpt.artefact where kind = '"'file'"' and note like '"'not stored: %'"'")" 301
'
test_ok 'metrics that were found after a secret keep their place' '
    run -s places x=0.0..1.0 -- sh -c "head -n 3 texts; echo loss=0.5" &&
    test_is "$(sql "select byte_offset = position(convert_to('"'loss=0.5'"', '"'UTF8'"') in o.bytes) + 4, o.size = a.full_size
        from hpt_record.study s join hpt_record.metric m on m.study_id = s.id and m.name = '"'loss'"' join hpt_record.artefact a
        on a.study_id = s.id and a.kind = '"'stdout'"' join hpt_record.object o using (digest) where s.name = '"'places'"'")" "t|t"
'
test_ok 'streams beyond memory: masked in the file that holds them' '
    run -s long x=0.0..1.0 -- ./leaky texts long 2>err && everything long >all && test_is "$(grep -aFc -f ../secrets all)" 0
'
test_ok 'a note says once that a file is not stored' '
    hpt-run --progress=none --print=none --allow-unused -t 2 -m loss -s noted x=0.0..1.0 -- ./leaky texts no 2>err &&
    test_is "$(grep -c "holds what looks like a secret" err)" 1 && test_grep "allow-secrets" err
'
test_ok 'a command with a secret in it is refused: exit 2, nothing written' '
    before=$(sql "select count(*) from hpt.study") && while read -r text; do
        test_exit 2 run -s refused x=0.0..1.0 -- ./leaky "$text" 2>err && test_grep "what looks like a secret" err || return 1
    done <texts && test_exit 2 run -s refused x=0.0..1.0 -- ./leaky --db-password hunter2hunter2 2>err &&
    test_exit 2 run -s refused x=0.0..1.0 "key=$(head -n 1 texts)" -- ./leaky x 2>err &&
    test_exit 2 run -s refused --via "env TOKEN=hunter2hunter2" x=0.0..1.0 -- ./leaky x 2>err &&
    test_is "$(sql "select count(*) from hpt.study")" "$before"
'
test_ok 'why a trial failed is recorded without them' '
    test_exit 1 run -s reason x=0.0..1.0 -- sh -c "hpt-report --fail=\"no login with \$(tail -n 1 texts)\"" 2>err && everything reason >all &&
    test_is "$(grep -aFc -f ../secrets all)" 0 && test_is "$(sql "select cause from trial where study = '"'reason'"'")" "no login with https://[cut]@host/path"
'
test_ok '--via with one is refused for a study that is there, too' '
    test_exit 2 hpt-run -q -s leaky --more=1 --via "env TOKEN=hunter2hunter2" 2>err && test_grep "^hpt-run: --via holds what looks like a secret" err
'
cat >names <<'EOT'
cd "$HPT_DIR" && a=$(sed -n 64p "$1") b=$(sed -n 65p "$1") && mkdir "of-$a" && echo 1 >"of-$a/x" && echo 2 >"of-$b" && echo 3 >"of-[cut]" && ln -s "/to/$a" link
h=hunter && echo "machine h login me password ${h}2hunter" >.netrc && echo "DB_PASSWORD=${h}3hunter" >.env && echo "DB_PASSWORD=${h}4hunter" >plain
hpt-report "$a=1" "m=2" && hpt-report --step=1 "p-$b=3"
echo loss=1
EOT
test_ok 'names of files, folders, metrics and machines and targets of links are kept without them; files of passwords and settings are not kept' '
    texts=$PWD/texts && TZ=":/$(sed -n 66p texts)" HPT_POD="of $(sed -n 67p texts)" run -s names x=0.0..1.0 -- sh names "$texts" 2>err && everything names >all && test_is "$(grep -aFc -f ../secrets all)" 0 &&
    test_is "$(grep -ac "hunter[23]hunter" all)" 0 && grep -aq hunter4hunter all && test_is "$(grep -Fc -f ../secrets err)" 0 &&
    sql "select kind, path, coalesce(target, note) from hpt.artefact where study = '"'names'"' and kind in ('"'file', 'link'"') order by path collate \"C\"" >out && cat out >&2 &&
    test_grep "^file.of-ghp_\[cut\].x.*a secret is cut from its name" out && test_grep "^file.of-ghp_\[cut\].*a secret is cut" out && test_grep "^file.of-\[cut\]" out &&
    test_grep "^link.link./to/ghp_\[cut\]" out && test_grep "^file..netrc.not stored: file of passwords" out && test_grep "^file..env.not stored: value with" out &&
    test_is "$(sql "select string_agg(name, '"','"' order by name) from hpt.metric where study = '"'names'"'")" loss,m
'
test_ok 'files whose names differ by a secret alone stay two' '
    run -s two x=0.0..1.0 -- sh -c "cd \$HPT_DIR && for i in 64 65 66; do echo \$i >of-\$(sed -n \${i}p $PWD/texts); done; echo 4 >of-ghp_[cut]~2; echo loss=1" 2>err &&
    test_is "$(sql "select string_agg(path, '"' '"' order by path collate \"C\") from hpt.artefact where study = '"'two'"' and kind = '"'file'"'")" "of-ghp_[cut] of-ghp_[cut]~2 of-ghp_[cut]~3 of-ghp_[cut]~4"
'
test_ok 'a study is not named by one' '
    test_exit 2 run -s "by-$(sed -n 64p texts)" x=0.0..1.0 -- true 2>err && test_grep "the study.s name holds what looks like a secret" err &&
    test_exit 2 hpt-ask -s "by-$(sed -n 64p texts)" -p "x=0..1" -m loss 2>err && test_grep "the study.s name holds what looks like a secret" err
'
test_ok 'a replay compares without them' '
    hpt-replay -s names 0 >out 2>err && test_is "$(grep -Fc -f ../secrets out)" 0 && test_is "$(everything names | grep -aFc -f ../secrets)" 0 && test_grep "identical" out
'
test_ok '--allow-secrets keeps all of it' '
    tail -n 1 texts >one && run --allow-secrets --no-code -s kept x=0.0..1.0 -- ./leaky one no "$(tail -n 1 texts)" 2>err && everything kept >all &&
    test_is "$(grep -aFc -f ../secrets all)" "$(grep -aFc -f one all)" && grep -aqF -f one all &&
    run --allow-secrets -s code x=0.0..1.0 -- ./leaky one no && test_is "$(sql "select f.kind from code_file f join trial t using (code) where t.study = '"'code' and f.path = 'texts'"'")" file
'
test_ok 'a file of the code with secrets is missing' '
    test_is "$(sql "select f.kind, f.reason from code_file f join trial t using (code) where t.study = '"'leaky' and f.path = 'texts'"'")" "missing|holds a secret (age secret key)"
'
test_ok 'a learner that speaks of tokens is left alone' '
    run -s words x=0.0..1.0 -- sh -c "echo num_memory_tokens=4096 token: 17 pad_token=\<pad\> password: unknown; echo loss=1" 2>err &&
    test_is "$(sql "select count(*) from hpt.artefact where study = '"'words'"' and note is not null")" 0
'
test_done
