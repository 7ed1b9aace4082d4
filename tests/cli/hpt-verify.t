#!/bin/sh
# hpt-verify: a sound store has no finding, and each kind of damage is found.
. "${0%/*}/lib.sh"
test_need psql

run() {
    hpt-run -q --progress=none --print=none "$@"
}
sql() {
    psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "set session_replication_role = replica; $1"
}
# A learner that leaves small and large files and points, and fails on demand.
cat >learner <<'EOT'
#!/bin/sh
awk -v s="$HPT_SEED" 'BEGIN { for (i = 0; i < 3000; i++) print s, i }' >"$HPT_DIR/large.txt"
echo "small $HPT_TRIAL" >"$HPT_DIR/small.txt"
echo "loss: $1"
test "$HPT_TRIAL" != "${FAIL:-none}"
EOT
chmod +x learner

test_ok 'a project with two studies' '
    test_db && run -s one -t 5 -j 2 -m loss x=0.0..1.0 -- ./learner {x} &&
    FAIL=1 && export FAIL && run -s two -t 3 -m loss x=0.0..1.0 -- ./learner {x} && unset FAIL
'
test_ok '--store: a sound store has no finding; the summary counts what was read' '
    hpt-verify --store >out 2>err &&
    printf "invariant\tkind\tstudy\ttrial\tattempt\tfinding\n" | test_cmp - out &&
    test_grep "^hpt-verify: note: 0 errors, 0 notes; [1-9][0-9]+ objects, [1-9][0-9]{4,} bytes read" err
'
cat >rungs <<'EOT'
#!/bin/sh
echo "$HPT_BUDGET" >"$HPT_DIR/sum"
awk -v x="$1" -v b="${HPT_BUDGET:-1}" -v f="${HPT_FOLD:-0}" 'BEGIN { print "loss: " x * x + f / 1000 + 1 / b }'
EOT
chmod +x rungs
test_ok 'I1: folds and rungs are attempts of one trial; a result that its evaluation has not is found' '
    run -s folds -t 12 -j 2 --seed=1 -m loss --folds=5 --allow-unused x=-1.0..1.0 -- ./rungs {x} &&
    run -s rungs -t 9 -j 2 --seed=1 -m loss --budget=1..9:3 --allow-unused x=-1.0..1.0 -- ./rungs {x} &&
    test "$(sql "select count(*) from hpt.trial where study = '"'rungs' and state = 'pruned'"'")" -gt 0 &&
    hpt-verify -qH >out && test_empty out &&
    damage="hpt_record.attempt set outcome = '"'X'"' where evaluation = 2 and number = 0 and study_id = (select id from hpt_record.study where name = '"'folds'"')" &&
    sql "update $(echo "$damage" | sed s/X/failed/)" && test_exit 1 hpt-verify -qH >out &&
    test_grep "^I1	error	folds	0	[0-9]+	evaluation 2 is complete, but its attempt is not$" out &&
    sql "update $(echo "$damage" | sed s/X/complete/)" && hpt-verify -qH >out
'
test_ok '--no-content says that nothing was read' '
    hpt-verify --no-content 2>err >out && test_grep "their content was not read" err &&
    test_is "$(wc -l <out)" 1
'
test_ok '--quiet, --no-header: nothing at all' '
    hpt-verify --quiet --no-header >out 2>err && test_empty out && test_empty err
'
test_ok '--study: an unknown one is exit 4' '
    test_exit 4 hpt-verify --study=none 2>err && hpt-verify -q --study=two >out
'
test_ok '--format: unknown ones are refused, arguments too' '
    test_exit 2 hpt-verify --format=tvs 2>err && test_grep "did you mean .tsv" err &&
    test_exit 2 hpt-verify one 2>err && test_grep "argument 1 .one.: there are no arguments" err
'
test_ok '--dsn of a server that is not there, --directory without a project: exit 3' '
    test_exit 3 hpt-verify --dsn "host=$PWD/nowhere dbname=x" 2>err &&
    test_exit 3 hpt-verify --directory=/ 2>err && test_grep "no .hpt" err
'

# finds INVARIANT STATUS PATTERN [OPTION]...: a finding that fits, and that status.
finds() {
    invariant=$1 status=$2 pattern=$3
    shift 3
    test_exit "$status" hpt-verify -q -H -f tsv "$@" >out 2>err && test_empty err &&
        test_grep "^$invariant	.*$pattern" out
}
# A damage is made in a copy of the database, so that the next finds a sound one.
original=$TEST_DSN
copies=0
damage() {
    copies=$((copies + 1))
    name=${test_database}_c$copies
    psql -qX -v ON_ERROR_STOP=1 -d "$TEST_SERVER dbname=postgres" -c "set client_min_messages = warning" \
        -c "drop database if exists $name" -c "create database $name template $test_database" &&
        TEST_DSN="$TEST_SERVER dbname=$name" &&
        sed -i "s/dbname=[a-z0-9_]*/dbname=$name/g" .hpt/config && sql "$1"
}
one="study_id = (select id from hpt_record.study where name = 'one')"
two="study_id = (select id from hpt_record.study where name = 'two')"
while IFS='|' read -r invariant pattern statement; do
    test_ok "$invariant: $pattern" '
        damage "$statement" && finds "$invariant" 1 "$pattern"
    '
done <<END
I1|one	3	1	the attempt that counts is missing|delete from hpt_record.attempt where $one and number = 3
I1|one	2	.N	attempts of a trial that is missing|delete from hpt_record.trial where $one and number = 2
I1|one	1	.N	attempts are not numbered without a gap|update hpt_record.attempt set attempt = 2 where $one and number = 1
I1|two	1	1	complete, but the attempt that counts is failed|update hpt_record.trial set state = 'complete' where $two and number = 1
I1|one	0	1	complete, but its attempt has not ended|update hpt_record.attempt set outcome = null where $one and number = 0
I1|one	0	1	ended, but nobody knows when|update hpt_record.attempt set ended_at = null where $one and number = 0
I1|one	4	1	running without a lease|update hpt_record.trial set state = 'running' where $one and number = 4
I1|one	4	1	running, but its attempt ended as complete|update hpt_record.trial set state = 'running' where $one and number = 4
I1|one	4	1	waiting, but not in the queue|update hpt_record.trial set state = 'waiting' where $one and number = 4
I1|one	4	1	a lease without a running attempt|insert into hpt_record.lease (study_id, number, attempt, worker_id, until) select study_id, number, attempt, worker_id, now() from hpt_record.attempt where $one and number = 4
I1|one	4	.N	in the queue, but not waiting|insert into hpt_record.queue (study_id, number) select study_id, number from hpt_record.trial where $one and number = 4
I1|one	4	.N	an attempt before the last has a result|update hpt_record.trial set attempt = 2 where $one and number = 4; insert into hpt_record.attempt (study_id, number, attempt, id, worker_id, outcome, ended_at) select study_id, number, 2, gen_random_uuid(), worker_id, outcome, ended_at from hpt_record.attempt where $one and number = 4
I1|one	0	7	metrics of an attempt that is missing|update hpt_record.metric set attempt = 7 where $one and number = 0
I1|one	0	7	artefacts of an attempt that is missing|update hpt_record.artefact set attempt = 7 where $one and number = 0
I1|one	9	1	points of an attempt that is missing|insert into hpt_record.metric_chunk (study_id, number, attempt, name, chunk, steps, vals) select id, 9, 1, 'x', 1, '{1}', '{1}' from hpt_record.study where name = 'one'
I2|one	[0-9]	1	an artefact names an object that has no row: sha256:|delete from hpt_record.object where bytes is null
I3|one	2	1	complete without an exit status|update hpt_record.attempt set exit_status = null where $one and number = 2
I3|one	2	1	complete without a configuration|update hpt_record.trial set config = null where $one and number = 2
I3|one	2	1	complete without the metric loss|delete from hpt_record.metric where $one and number = 2 and name = 'loss'
I5|one	2	.N	the configuration and its hash or its values differ|update hpt_record.trial set params = '{"x": 2}' where $one and number = 2
I6|one	0	.N	version 1 of the definition is missing|delete from hpt_record.definition where $one
I6|one	.N	.N	the study has no definition|delete from hpt_record.definition where $one
I6|one	.N	.N	version 1 of the definition and its hash or its values differ|update hpt_record.definition set body = body || '{"seed": 0}' where $one
I6|one	.N	.N	the view hpt_study.one is missing|drop view hpt_study.one
END
test_ok 'I6: the sequence of a study is missing' '
    id=$(sql "select id from hpt_record.study where name = '"'one'"'") &&
    damage "drop sequence hpt_record.trial_number_$id" && finds I6 1 "one	.N	.N	the sequence of trial numbers is missing"
'
test_ok 'I1: a number that was left out is a note, and so is I5: more than the total' '
    damage "delete from hpt_record.trial where $one and number = 1; delete from hpt_record.attempt where $one and number = 1;
        delete from hpt_record.metric where $one and number = 1; delete from hpt_record.artefact where $one and number = 1;
        delete from hpt_record.metric_chunk where $one and number = 1;
        update hpt_record.study set total = 3 where name = '"'one'"'" &&
    finds I1 0 "note	one	1	.N	this number was not used yet" &&
    test_grep "^I5	note	one	.N	.N	4 trials were started, and the total is 3" out
'
test_ok '--study leaves out what is wrong with others' '
    damage "update hpt_record.attempt set exit_status = null where $one and number = 2" &&
    test_exit 1 hpt-verify -qs one >out && test_exit 0 hpt-verify -qs two >out
'
test_ok 'I2: bytes in the database that are others are exit 6' '
    damage "do \$\$ declare c text; begin for c in select conname from pg_constraint
        where conrelid = '"'hpt_record.object'"'::regclass and contype = '"'c'"'
        loop execute format('"'alter table hpt_record.object drop constraint %I'"', c); end loop; end \$\$;
        update hpt_record.object set bytes = '"'other'"' where digest = (select digest from hpt_record.object where bytes is not null order by digest limit 1)" &&
    finds I2 6 "the bytes in the database are others" && test_exit 0 hpt-verify -q --no-content >out
'
test_ok '-f jsonl' '
    damage "update hpt_record.attempt set exit_status = null where $one and number = 2" &&
    test_exit 1 hpt-verify -q -f jsonl >out &&
    test_is "$(cat out)" '"'"'{"invariant":"I3","kind":"error","study":"one","trial":2,"attempt":1,"finding":"complete without an exit status"}'"'"'
'
test_ok 'back to the sound database' '
    sed -i "s/dbname=[a-z0-9_]*/dbname=$test_database/g" .hpt/config && TEST_DSN=$original && hpt-verify -q
'
object=$(find .hpt/objects/pack -type f | sort | head -n 1)
test_ok 'I2: an object with one byte changed is exit 6; --no-content does not see it' '
    cp "$object" keep && size=$(wc -c <"$object") && chmod u+w "$object" &&
    printf X | dd of="$object" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null &&
    finds I2 6 "error	(one|two)	[0-9]	1	object sha256:[0-9a-f]{64}: pack ${object##*/}: damaged at byte 24: " && test_is "$(wc -l <out)" 1 &&
    test_exit 0 hpt-verify -q --no-content >out
'
test_ok 'I2: a pack cut short is exit 6 and named, with the object that is in it' '
    head -c "$((size - 1))" keep >"$object" && finds I2 6 "error	(one|two)	[0-9]	1	object sha256:[0-9a-f]{64} is missing" &&
    test_grep "^I2	error	.N	.N	.N	pack ${object##*/}: it has no end" out && test_is "$(wc -l <out)" 2
'
test_ok 'I2: an object that is missing is exit 6, also with --no-content' '
    rm "$object" && finds I2 6 "object sha256:[0-9a-f]{64}: is missing|object sha256:[0-9a-f]{64} is missing" &&
    finds I2 6 "is missing" --no-content && cp keep "$object" && hpt-verify -q
'
test_ok 'I4: old debris is listed and no error, young debris is left out; nothing is removed' '
    : >.hpt/objects/tmp/old && : >.hpt/objects/tmp/young && mkdir .hpt/trials/9-9.1 &&
    touch -d "2 days ago" .hpt/objects/tmp/old .hpt/trials/9-9.1 &&
    finds I4 0 "note	.N	.N	.N	an unfinished object: objects/tmp/old" &&
    test_grep "a folder that a trial left: trials/9-9.1" out && test_is "$(wc -l <out)" 2 &&
    test -e .hpt/objects/tmp/old && rm -r .hpt/objects/tmp/old .hpt/objects/tmp/young .hpt/trials/9-9.1
'
test_ok 'I6: results in the spool are a note, those put aside an error' '
    mkdir -p .hpt/spool && : >.hpt/spool/a.end && finds I6 0 "note	.N	.N	.N	1 results wait in .*/spool" &&
    mv .hpt/spool/a.end .hpt/spool/a.damaged &&
    finds I6 1 "error	.N	.N	.N	1 results in .*/spool could not be delivered" && rm .hpt/spool/a.damaged
'
test_ok 'without a folder of objects those that lie there are missing' '
    mv .hpt/objects .hpt/away && finds I2 6 "is missing" && mv .hpt/away .hpt/objects && hpt-verify -q
'

test_done
