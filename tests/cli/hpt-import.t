#!/bin/sh
# hpt-import: a record goes from project to project and stays the same; what grew is added, what contradicts is
# refused.
. "${0%/*}/lib.sh"
test_need psql

run() {
    hpt-run -q --progress=none --print=none "$@"
}
cat >learner <<'EOT'
#!/bin/sh
echo "note of $HPT_TRIAL" >"$HPT_DIR/note.txt"
awk -v s="$HPT_SEED" 'BEGIN { for (i = 0; i < 3000; i++) print s, i }' >"$HPT_DIR/large.txt"
ln -s note.txt "$HPT_DIR/a link"
hpt-report step=1 loss=0.5
[ "$1" != fail ] || exit 1
echo "loss: $1"
EOT
chmod +x learner && LEARNER=$PWD/learner
# In the folder of a project: its database, by the administrator.
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$(sed -n 's/^dsn *= *//p' .hpt/config | sed 's/hpt_writer/hpt_admin/g')" -c "$1"; }

test_ok 'two projects, one with studies' '
    test_db here && test_db there && cd here &&
    run -s first -t 4 -j 2 -m loss --seed=7 x=0.0..1.0 kernel=linear,rbf -- "$LEARNER" {x} {kernel} &&
    run -s climb -t 3 --seed=3 --sampler=random -m loss --budget=1..4:2 --folds=2 --pruner=asha x=0.0..1.0 -- sh -c "echo loss: \$1" sh {x} {hpt.fold} {hpt.budget} &&
    run -s fails -t 3 --max-failures=0 -m loss --sampler=grid --no-default-trial w=2,fail,1 -- "$LEARNER" {w} &&
    hpt-export -q -s first -o ../first.tar && hpt-export -q -s climb -o ../climb.tar.zst && hpt-export -qa -o ../all.tar
'
test_ok '--check: whole bundles, without a project; a damaged one is exit 6' '
    mkdir -p nowhere && cd nowhere && hpt-import --check ../first.tar ../climb.tar.zst 2>err &&
    test_grep "^hpt-import: note: ../first.tar: [0-9]+ files, [0-9]+ bytes, whole; identity sha256:$(tar -xOf ../first.tar MANIFEST.json | sha256sum | cut -c1-64)$" err &&
    hpt-import -q -c - <../first.tar 2>err && test_empty err &&
    sed "s/note of 2/note of 3/" ../first.tar >bad.tar && test_exit 6 hpt-import -c bad.tar 2>err && test_grep "^hpt-import: bad.tar: the entry .objects/.* is damaged" err &&
    head -c 20000 ../first.tar >cut.tar && test_exit 6 hpt-import -c cut.tar 2>err && echo x | test_exit 6 hpt-import -c - 2>err && test_grep "standard input: not a bundle" err &&
    test_exit 2 hpt-import -c --as=x ../first.tar 2>err && test_exit 2 hpt-import 2>err && test_grep "which bundle\?" err &&
    test_exit 125 hpt-import -c none.tar 2>err && test_grep "cannot open none.tar" err
'
test_ok '--dry-run says what would come and changes nothing' '
    cd there && test_exit 2 hpt-import ../first.tar --dry-run 2>err && test_grep "^hint: options stand before the arguments: .--dry-run" err &&
    hpt-import --dry-run ../first.tar 2>err && test_grep "study .first., new: trials that are new 4, went on 0, were here 0$" err &&
    test_is "$(sql "select count(*) from study")" 0 && test_is "$(sql "select count(*) from hpt_record.object")" 0
'
test_ok 'a study comes and is the same: exported again it has the same bytes' '
    cd there && hpt-import ../first.tar 2>err && test_grep "study .first., new: trials that are new 4" err &&
    hpt-export -q -s first -o ../again.tar && cmp ../first.tar ../again.tar && hpt-verify --store -q &&
    hpt-query -s first --top 2 >top && test_is "$(wc -l <top)" 3
'
test_ok 'the same bundle again: nothing new' '
    cd there && hpt-import ../first.tar 2>err && test_is "$(cat err)" "hpt-import: note: ../first.tar: nothing new" && hpt-import -q ../first.tar 2>err && test_empty err &&
    test_is "$(sql "select count(*) from import")" 1
'
test_ok 'where it came from is recorded' '
    cd there && sql "select study, bundle, name_there, new_trials, continued_trials, imported_by from import" >got &&
    test_is "$(cat got)" "first $(tar -xOf ../first.tar MANIFEST.json | sha256sum | cut -c1-64) first 4 0 hpt_writer"
'
test_ok 'folds, rungs, decisions and failures come, compressed and by standard input' '
    cd there && hpt-import - <../climb.tar.zst 2>err && test_grep "standard input: study .climb., new" err && hpt-import -q ../all.tar &&
    hpt-export -qa -f tar | cmp - ../all.tar && hpt-verify --store -q
'
test_ok 'locale, time zone and umask do not matter' '
    test_db third && cd third && (umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Kathmandu PGTZ=Asia/Tokyo hpt-import -q ../all.tar) &&
    LC_ALL=C TZ=America/St_Johns hpt-export -qa -f tar | cmp - ../all.tar && name=$(sql "select current_database()") &&
    sql "alter database $name set timezone = \"America/New_York\"" && cd .. && test_db fourth && cd fourth && name=$(sql "select current_database()") &&
    sql "alter database $name set timezone = \"America/New_York\"" && hpt-import -q ../all.tar && hpt-export -qa -f tar | cmp - ../all.tar
'
cat >odd.sql <<'EOT'
update hpt_record.attempt set argv = array[convert_to('é', 'UTF8'), '\xff00'::bytea, ''::bytea], wall_us = 9223372036854775807 where number = 0;
update hpt_record.metric m set value = v.value from (values (1, 'NaN'::float8), (2, '-0'), (3, 5e-324)) v (number, value)
where m.study_id = (select id from hpt_record.study where name = 'first') and m.number = v.number;
EOT
test_ok 'odd values arrive as they were' '
    cd here && sql "$(cat ../odd.sql)" && hpt-export -qa -o ../odd.tar && cd .. && test_db odd && cd odd && hpt-import -q ../odd.tar && hpt-export -qa -f tar | cmp - ../odd.tar
'
test_ok 'what grew is added: new trials, promoted ones, those that were run again' '
    cd third && run -s first -t 6 && run -s climb -t 14 && run -s fails -t 3 --max-failures=0 --retry=failed && hpt-export -qa -o ../grown.tar && hpt-export -q -o ../some.tar first/5 &&
    cd ../there && hpt-import -q ../some.tar && test_is "$(sql "select count(*) from trial where study = \$\$first\$\$")" 5 &&
    hpt-import ../grown.tar 2>err && test_grep "study .first.: trials that are new 1, went on 0, were here 5$" err && test_grep "study .climb.: trials that are new 11, went on [1-3]," err && test_grep "study .fails.: trials that are new 0, went on [12]" err &&
    hpt-export -qa -f tar | cmp - ../grown.tar && hpt-verify --store -q
'
test_ok 'an older bundle brings nothing' '
    cd there && hpt-import ../all.tar 2>err && test_grep "nothing new" err && hpt-export -qa -f tar | cmp - ../grown.tar
'
test_ok 'a paused trial goes on: its rungs, evaluations and decisions are those of the bundle' '
    test_db small && cd small && hpt-import -q ../climb.tar.zst && test_is "$(sql "select state, rung from trial where trial = 0")" "pruned 0" &&
    hpt-import -q ../grown.tar && hpt-export -qa -f tar | cmp - ../grown.tar && test "$(sql "select rung from trial where study = \$\$climb\$\$ and trial = 0")" -ge 1 &&
    test "$(sql "select sum(continued_trials) from import where study = \$\$climb\$\$")" -ge 1 && hpt-verify -q && run -s climb -t 15 && hpt-verify -q
'
test_ok 'an imported study goes on here' '
    test_db goes && cd goes && hpt-import -q ../first.tar && run -s first -t 5 && hpt-verify -q && test_is "$(sql "select count(*), max(trial) from trial where study = \$\$first\$\$")" "5 4"
'
test_ok 'a trial with another result, a study of the same name: refused, the first difference named; --as' '
    cd goes && test_exit 2 hpt-import ../grown.tar 2>err && test_grep "trial 4 of .first. is another one: trial study .first., number 4: created_at is .* here and .* in the bundle" err &&
    test_grep "^hint: --as=NAME" err && test_is "$(sql "select count(*) from study")" 1 &&
    cd .. && test_db name && cd name && run -s first -t 1 -m loss --seed=7 x=0.0..1.0 kernel=linear,rbf -- "$LEARNER" {x} {kernel} && test_exit 2 hpt-import ../first.tar 2>err &&
    test_grep "there is another study .first.: created_at is .* here and .* in the bundle" err &&
    hpt-import --as=theirs ../first.tar 2>err && test_grep "study .theirs., new: trials that are new 4" err && hpt-import --as=theirs ../first.tar 2>err && test_grep "nothing new" err &&
    hpt-import --as=more ../first.tar 2>err && hpt-verify --store -q && test_is "$(sql "select name_there from import where study = \$\$theirs\$\$")" first &&
    test_exit 2 hpt-import --as=x ../all.tar 2>err && test_grep "as is for a bundle of one study" err && test_exit 2 hpt-import --as=x ../first.tar ../first.tar 2>err && test_is "$(sql "select count(*) from study")" 3
'
test_ok '--as: replays get other ids, which come in another order, and the same bundle again is nothing new' '
    test_db ids && cd ids && run -s one -t 1 -m loss --allow-unused x=0.0..1.0 -- echo loss=1 && for n in 1 2 3 4; do hpt-replay -q one/0 >out || return 1; done &&
    hpt-export -q -s one -o ../replays.tar && for name in a b c; do
        hpt-import -q --as=$name ../replays.tar && hpt-import --as=$name ../replays.tar 2>err && test_grep "nothing new" err || { cat err && return 1; }
    done && test_is "$(sql "select count(*) from replay")" 16
'
test_ok '--limit: a bundle that is larger is refused before it is read' '
    cd there && test_exit 2 hpt-import --limit=10k ../first.tar 2>err && test_grep "its content is .*, and 10k is the limit" err && test_grep "^hint: --limit=SIZE raises it" err &&
    test_exit 2 hpt-import --limit=x ../first.tar 2>err && test_grep "^hpt-import: --limit=x: " err && hpt-import -q --limit=1G ../first.tar
'
test_ok '--dsn and --directory' '
    dsn=$(sed -n "s/^dsn *= *//p" there/.hpt/config) && mkdir -p there/deep && here=$PWD && cd / && hpt-import -C "$here/there/deep" "$here/first.tar" 2>"$here/err" &&
    test_grep "nothing new" "$here/err" && hpt-import --dsn="$dsn" "$here/first.tar" 2>"$here/err" && test_grep "nothing new" "$here/err" && test_exit 3 hpt-import -d "host=/nowhere dbname=x" "$here/first.tar" 2>"$here/err"
'
test_ok 'trials that run are refused; bundles without their objects too' '
    cd here && number=1 && sql "update hpt_record.attempt set outcome = null, ended_at = null where study_id = 1 and number = $number" && sql "alter table hpt_record.trial disable trigger transition" &&
    sql "update hpt_record.trial set state = \$\$running\$\$ where study_id = 1 and number = $number" && hpt-export -q -o ../runs.tar first/1 && cd ../there &&
    test_exit 2 hpt-import ../runs.tar 2>err && test_grep "trial study .first., number 1 has not ended, but is running" err &&
    cd ../third && hpt-export -q --with=none -s first -o ../none.tar && cd ../there && test_exit 6 hpt-import ../none.tar 2>err && test_grep "object sha256:[0-9a-f]* is missing$" err && test_grep "^hint: a bundle made with --with cannot be imported" err
'
test_ok 'hpt-run elsewhere: what its command names and is not here is in the record, and how to get it' '
    rm -rf begun && mkdir -p begun/code begun/on && cd begun/code && test_db && printf "#!/bin/sh\ncat \"\$2\"; echo v=\$1\n" >fit.sh && chmod +x fit.sh && echo 1 >data &&
    hpt-run -q --print=none --trace=off -s begun -t 2 -m v x=0.0..1.0 -- ./fit.sh {x} data && hpt-run -q --print=none --trace=off -s plain -t 1 -m v x=0.0..1.0 -- sh fit.sh {x} data other &&
    hpt-export -qa -o ../begun.tar && cd ../on && test_db && hpt-import -q ../begun.tar && test_exit 127 hpt-run -s begun -t 3 2>err &&
    test_grep "^hpt-run: command ..*fit.sh. is not found" err &&
    test_grep "^hint: .fit.sh. and .data. are not here, but what trial 1 ran is in the record: hpt-replay --check --keep=DIR begun/1 puts it into DIR" err &&
    cd "$HOME" && test_exit 127 hpt-run -C "$OLDPWD" -s begun -t 3 2>"$OLDPWD/err" && cd "$OLDPWD" && test_grep "hpt-replay -C $PWD --check --keep=DIR begun/1" err &&
    mkdir -p "a b" && test_exit 127 hpt-run -C "a b" -s begun -t 3 2>err && test_grep "hpt-replay -C .a b. --check" err &&
    test_exit 0 hpt-run --progress=none --print=none --trace=off --max-failures=0 -s plain -t 2 2>err && test_grep "note: .fit.sh. and .data. are not here, .* plain/0 puts it" err &&
    hpt-replay -q --check --keep=then begun/1 >out && fit=$(find then -name fit.sh) && test_cmp ../code/fit.sh "$fit" && cp "${fit%/*}/fit.sh" "${fit%/*}/data" . && rm -rf then &&
    hpt-run --progress=none --print=none --trace=off -s begun -t 3 2>err && test_no_grep "not here" err &&
    test_is "$(hpt-query -H "select count(*), bool_and(state = \$\$complete\$\$) from begun")" "3	true"
'
test_ok 'nothing is left of what was refused' '
    cd there && test_is "$(find .hpt -name "*spool*" -o -name "*import*" -o -path "*tmp/*" | wc -l)" 0 && hpt-export -qa -f tar | cmp - ../grown.tar
'
test_ok 'readers may not import; writers only through a bundle of a study' '
    cd there && dsn=$(sed -n "s/^dsn *= *//p" .hpt/config) && test_exit 125 hpt-import -d "$dsn user=hpt_reader" ../odd.tar 2>err && test_grep "permission denied" err &&
    test_exit 1 psql -qXAt -d "$dsn" -c "select hpt_record.import_rows(\$\$trial_state\$\$, \$\$[{}]\$\$)" 2>err && test_grep "nothing is imported into the table" err &&
    test_exit 1 psql -qXAt -d "$dsn" -c "select hpt_record.import_rows(\$\$rung\$\$, \$\$[{\"study\":\"first\"}]\$\$)" 2>err && test_grep "rows of a study that is not being imported" err
'
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    test_ok 'an ordinary user checks and gets the same bytes' '
        chmod 755 "$TEST_ROOT" "$TEST_ROOT/work" && chmod 644 all.tar && setpriv --reuid=65534 --regid=65534 --clear-groups "$TEST_BUILD/hpt-import" -c all.tar 2>err
    '
else
    test_skip 'an ordinary user checks and gets the same bytes' 'needs root'
fi
test_done
