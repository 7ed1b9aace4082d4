#!/bin/sh
# hpt-replay: a trial that is run again is the same; what differs has its verdict, its line and its cause.
. "${0%/*}/lib.sh"
test_need psql
unset TZ OTHER OMP_NUM_THREADS OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE GLIBC_TUNABLES

sql() { psql -qXAt -d "$TEST_DSN" -c "$*"; }
# what FILE PATTERN: part, what, verdict and note of the lines that match.
what() { cut -f 1-3,6 "$1" | grep -E "$2"; }
# first_cause WANTED ARGUMENT...: a replay differs, and this is the cause that comes first.
first_cause() {
    first_wanted=$1 && shift &&
        test_exit 1 hpt-replay "$@" >out 2>err && what out '^cause' >causes &&
        test_is "$(head -n 1 causes | cut -f 4)" "$first_wanted" && test_grep "likeliest cause: $first_wanted" err
}
run() { hpt-run -q --print=none -t 1 -m loss "$@"; }

# Prints a number of its arguments and of a file that it reads, and leaves two files and a link.
cat >train <<'END'
#!/bin/sh
echo "started $(date '+%Y-%m-%d %H:%M:%S') in $HPT_DIR"
data=$(cat data)
echo "model $1 $data" >"$HPT_DIR/model"
printf 'a\0b%s' "$data" >"$HPT_DIR/bytes"
ln -s "$HPT_DIR/model" "$HPT_DIR/latest"
awk -v x="$1" -v d="$data" -v t="1.$(date +%N)" 'BEGIN { print "fit_time=" t " loss=" x + d }'
END
cat >variables <<'END'
#!/bin/sh
echo "${TZ:-none} ${OPENBLAS_NUM_THREADS:-none} ${OPENBLAS_CORETYPE:-none} ${OTHER:-none}" >"$HPT_DIR/variables"
echo loss=1
END
# Another number every time.
cat >noise <<'END'
#!/bin/sh
n=$(cat count)
echo $((n + 1)) >count
echo "$n" >"$HPT_DIR/model"
echo "loss=0.$n"
END
cat >random <<'END'
#!/bin/sh
echo "loss=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')"
END
cat >rung <<'END'
#!/bin/sh
n=0
[ -z "$HPT_RESUME" ] || n=$(cat "$HPT_RESUME/state")
echo $((n + $2)) | tee "$HPT_DIR/state" | sed 's/^/loss=/'
END
cat >place <<'END'
#!/bin/sh
echo "$(umask) $(ulimit -n) ${PWD##*/}"
echo loss=1
END
cat >leak <<'END'
#!/bin/sh
echo "token ghp_""0123456789abcdefghijklmnopqrstuvwxyzAB"
echo loss=1
END
cat >slowly <<'END'
#!/bin/sh
[ ! -e slow ] || { echo $$ >begun && exec tail -f /dev/null; }
echo loss=1
END
cat >worker.py <<'END'
import json, os
rx = open(os.environ["HPT_WORKER_IN"]); tx = open(os.environ["HPT_WORKER_OUT"], "w", buffering=1)
say = lambda **m: print(json.dumps(m), file=tx, flush=True)
say(type="ready", protocol=1)
for line in iter(rx.readline, ""):
    job = json.loads(line)
    if job["type"] == "bye": break
    say(type="done", trial=job["trial"], state="complete", metrics={"loss": job["params"]["x"] * 2})
END
chmod +x train variables noise random rung place leak slowly
echo 5 >data

test_ok 'a project' '
    test_db && hpt-run -q --print=none --seed=1 -s one -t 3 -m loss x=0.0..1.0 -- ./train {x}
'
test_ok 'a trial that is run again is the same' '
    test_exit 0 hpt-replay one/1 >out 2>err && test_grep "^hpt-replay: note: trial one/1: equal \(1 run, " err &&
    what out "^result" | sort >got && printf "%s\n" "result	end	identical	\\N" "result	file bytes	identical	\\N" \
        "result	file model	identical	\\N" "result	link latest	equal	times and places aside" \
        "result	metric fit_time	measured	\\N" "result	metric loss	identical	\\N" \
        "result	stdout	equal	times and places aside" | test_cmp - got && test_no_grep "^cause" out
'
test_ok 'it is recorded and is no trial' '
    test_is "$(sql "select verdict, runs, outcome, exit_status, deterministic is null, environment is not null, causes from hpt.replay")" \
        "equal|1|complete|0|t|t|[]" &&
    test_is "$(sql "select count(*), count(value_then), count(digest_then) from hpt.replay_result")" "7|2|3" &&
    test_is "$(sql "select trials, complete from hpt.study")" "3|3" && test_is "$(sql "select count(*) from hpt_record.attempt")" 3
'
test_ok 'it leaves nothing behind' '
    test_is "$(ls -A .hpt/replays)" "" && test_is "$(ls -A .hpt/trials)" ""
'
test_ok 'sent again it is recorded once, and never by a reader' '
    again="select hpt_record.replay_record(replay, study, trial, attempt, canonical, null, host, tool_version, verdict, runs, deterministic, outcome,
        cause, exit_status, signal, 0, 0, 0, 0, causes, started, ended, null, null, null, null, null, null, null, null, null)
        from hpt.replay join hpt.environment using (environment)" &&
    test_is "$(sql "$again")" f && test_is "$(sql "select count(*) from hpt.replay_result")" 7 &&
    test_exit 1 psql -qX -d "$TEST_DSN user=hpt_reader" -c "$again" 2>err && test_grep "permission denied" err
'
test_ok 'an edited input: what differs, and the first line that does' '
    echo 6 >data && test_exit 1 hpt-replay --in-place one/1 >out 2>err && test_grep "likeliest cause: input: input data: then" err && what out "^result" >got &&
    test_grep "^result	metric loss	differs	by 1$" got && test_grep "^result	file bytes	differs	" got &&
    test_grep "^result	file model	differs	model 0\.[0-9]+ 5	model 0\.[0-9]+ 6	line 1$" out &&
    test_grep "^result	stdout	differs	fit_time=\{time\} loss=5\.[0-9]+	fit_time=\{time\} loss=6\.[0-9]+	line 2$" out && echo 5 >data
'
test_ok '--tolerance: absolute or in percent, of a metric or an output' '
    echo 5.01 >data && test_exit 1 hpt-replay --in-place --tolerance=loss=0.001 one/1 >out && what out loss | test_grep "differs" - &&
    test_exit 1 hpt-replay --in-place --tolerance=loss=0.02 one/1 >out && what out loss >got && test_grep "	within	" got &&
    what out "file model" >got && test_grep "	differs	" got &&
    test_exit 1 hpt-replay --in-place --tolerance=loss=1% --tolerance=stdout=0.02 --tolerance=model=1% one/1 >out &&
    test_is "$(what out "^result	.*	differs	" | cut -f 2)" "file bytes" &&
    test_exit 1 hpt-replay --in-place --tolerance=loss=1% --tolerance="*=0" one/1 >out && what out "metric loss" | test_grep "within" - &&
    test_exit 2 hpt-replay --tolerance=loss one/1 2>err && test_grep "is no tolerance" err &&
    test_exit 2 hpt-replay --tolerance=loss=-1 one/1 2>err &&
    test_exit 2 hpt-replay --tolerance=los=1 one/1 >out 2>err && test_empty out && test_grep "no metric and no output .los." err && echo 5 >data
'
test_ok 'a measured metric is judged only if it has a tolerance' '
    test_exit 1 hpt-replay --in-place --tolerance=fit_time=0 one/1 >out && what out fit_time >got && test_grep "differs" got
'
test_ok 'all names of trials' '
    hpt-replay -q -s one 1 >out && hpt-replay -q --study=one best >out && hpt-replay -q one/last >out &&
    test_exit 4 hpt-replay one/77 2>err && test_grep "no trial .77." err && test_exit 4 hpt-replay none/1 2>err &&
    test_exit 2 hpt-replay 2>err && test_grep "which trial" err && test_exit 2 hpt-replay one/1 one/2 2>err &&
    test_grep "argument 2 .one/2.: one trial at a time" err && test_exit 3 hpt-replay --directory=/ one/1 2>err
'
test_ok '--check runs nothing and records nothing' '
    n=$(sql "select count(*) from hpt.replay") && hpt-replay --check one/1 >out && test_no_grep "^(result|cause)" out &&
    test_grep "^check	command \./train	same	[0-9a-f]{64}	[0-9a-f]{64}	" out && test_grep "^check	command line	same" out &&
    test_grep "^check	code	same	.*	restored: [0-9]+ files" out && test_grep "^check	inputs	same	.*[0-9]+ files outside the project" out &&
    hpt-replay --check --in-place one/1 >out && test_grep "^check	directory \.	same" out && hpt-replay -n -f table one/1 >out && test_grep "^ *part +what +verdict" out &&
    test_is "$(sql "select count(*) from hpt.replay")" "$n"
'
test_ok '--no-record' '
    n=$(sql "select count(*) from hpt.replay") && hpt-replay --no-record one/1 >out && test_is "$(sql "select count(*) from hpt.replay")" "$n"
'
# Its program and data are ignored by git; it reads a file beside the project; and it changes one of its own.
cat >uses <<'END'
#!/bin/sh
cat weights.bin ../beside "$PWD/data" count
echo more >>count
echo "loss=$1"
END
test_ok 'code and inputs are restored, and the project is left alone' '
    mkdir -p used/in && cp data used/in && cp uses used/in/uses.bin && chmod +x used/in/uses.bin && echo w >used/in/weights.bin && echo b >used/beside &&
    echo 1 >used/in/count && echo "*.bin" >used/in/.gitignore && git init -q used/in &&
    (cd used/in && hpt-init -q -d "$TEST_DSN" && sed -i "s/hpt_admin/hpt_writer/g" .hpt/config && run -s used --allow-unused x=0.0..1.0 -- "$PWD/uses.bin" {x} &&
        echo 6 >data && rm weights.bin uses.bin && echo 9 >count && hpt-replay -v used/0 >out 2>err && test_grep ": identical" err && test_is "$(cat count)" 9 &&
        test_grep "^check	code	same	.*restored: .* other in the project now: count, data" out || { cat out err && false; }) &&
    test_is "$(ls used/in/.hpt/replays)" ""
'
test_ok 'code that was not wanted: how to run it all the same; no cause' '
    mkdir bare && cp train data bare && (cd bare && run -s bare --no-code x=0.0..1.0 -- ./train {x} && test_exit 4 hpt-replay bare/0 >out 2>err &&
        test_grep "cannot be run: code . .it was not wanted" err && test_grep "^hint: --in-place runs it in the project as it is$" err &&
        echo 6 >data && first_cause input --in-place bare/0 && test_no_grep "^cause	code" causes && test_grep "^check	code	unknown	.*not wanted" out || { cat out err && false; }) &&
    rm -r bare
'
test_ok 'a file beside the project that was edited is the first cause; one that is gone is named' '
    (cd used/in && echo c >../beside && first_cause input used/0 && test_grep "^cause	input .*/used/beside	" causes &&
        test_grep "^check	input .*/used/beside	differs" out && rm ../beside && test_exit 4 hpt-replay used/0 >out 2>err &&
        test_grep "cannot be run: input .*/used/beside" err || { cat out err && false; })
'
cat >looks <<'END'
#!/bin/sh
[ ! -e ../other ] || cat ../other
[ ! -e "$AWAY/other" ] || cat "$AWAY/other"
echo loss=1
END
test_ok 'a file that the first did not read' '
    chmod +x looks && AWAY=$TEST_ROOT/away-too && export AWAY && run -s looks --allow-unused x=0.0..1.0 -- ./looks && mkdir "$AWAY" && echo 1 >"$AWAY/other" &&
    first_cause input looks/0 && test_grep "^cause	read .*away-too/other	differs	" causes
'
test_ok 'a reader may look' '
    hpt-replay -q --no-record --dsn="$TEST_DSN user=hpt_reader" one/1 >out 2>err && test_grep "result	metric loss	identical" out
'
test_ok 'another command is seen before it runs, and is the first cause' '
    cp train kept && sed -i "s/x + d/x + d + 1/" train && first_cause code --in-place one/1 && test_grep "^cause	code train	" causes && test_grep "^check	command \./train	differs" out &&
    test_is "$(sql "select causes -> 0 ->> \$\$cause\$\$ from hpt.replay order by started desc limit 1")" code && mv kept train
'
test_ok 'what is missing is named, and nothing is run' '
    mv train away && test_exit 4 hpt-replay --in-place one/1 >out 2>err && test_grep "trial one/1 cannot be run: command \./train" err &&
    test_exit 4 hpt-replay --check --in-place one/1 >out 2>err && test_grep "^check	command \./train	missing" out && mv away train
'
test_ok 'a folder that is gone' '
    mkdir deep && cp data deep && (cd deep && run -s deep x=0.0..1.0 -- ../train {x}) && hpt-replay -q deep/0 >out &&
    rm -r deep && hpt-replay -q deep/0 >out && test_exit 4 hpt-replay --in-place deep/0 2>err >out && test_grep "directory deep \(No such file" err
'
test_ok 'the variables are those of then' '
    TZ=UTC OPENBLAS_NUM_THREADS=1 OTHER=1 run -s env --allow-unused x=0.0..1.0 -- ./variables &&
    TZ=Asia/Tokyo OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=8 OTHER=1 hpt-replay env/0 >out 2>err && test_grep ": identical" err &&
    test_no_grep "^check	variables" out &&
    OTHER=1 hpt-replay -v env/0 >out 2>err && test_grep "^check	variables	unknown	.*OTHER" out
'
test_ok 'a variable whose value was not recorded, and that is not set here' '
    first_cause variable env/0 && test_grep "^check	variable OTHER	differs	.*not set here" out &&
    test_is "$(head -n 1 causes)" "cause	hidden OTHER	differs	variable"
'
OTHER=1 && export OTHER
test_ok '--set: threads, kernels of BLAS and the time zone, each the first cause' '
    first_cause "threads and BLAS" --set=OPENBLAS_NUM_THREADS=4 env/0 && test_grep "then 1, now 4" err &&
    first_cause "threads and BLAS" --set=OPENBLAS_CORETYPE=Haswell env/0 && test_grep "then nothing, now Haswell" err &&
    first_cause "locale and time zone" --set=TZ=Asia/Tokyo env/0 && test_grep "then UTC, now Asia/Tokyo" err &&
    first_cause "threads and BLAS" --set=TZ=Asia/Tokyo --set=OPENBLAS_NUM_THREADS=4 env/0 &&
    test_exit 2 hpt-replay --set=TZ env/0 2>err && test_grep "NAME=VALUE" err
'
test_ok '--current-env: the variables of here' '
    (TZ=Asia/Tokyo OPENBLAS_NUM_THREADS=1 && export TZ OPENBLAS_NUM_THREADS && first_cause "locale and time zone" --current-env env/0) &&
    TZ=UTC OPENBLAS_NUM_THREADS=1 hpt-replay --current-env env/0 >out
'
test_ok '--strict-env runs nothing where the environment differs' '
    test_exit 4 hpt-replay --strict-env --set=TZ=Asia/Tokyo env/0 >out 2>err && test_grep "the environment differs" err &&
    test_no_grep "^result" out && hpt-replay --strict-env env/0 >out
'
test_ok '--runs: a metric within the noise is within' '
    echo 50 >count && run -s noise --allow-unused x=0.0..1.0 -- ./noise && test_exit 1 hpt-replay --in-place noise/0 >out 2>err &&
    test_grep "likeliest cause: input: input count: " err && echo 49 >count && run -s random --allow-unused x=0.0..1.0 -- ./random &&
    test_exit 1 hpt-replay random/0 >out 2>err && test_grep "nothing that was recorded differs; --runs" err &&
    test_exit 0 hpt-replay --in-place --runs=3 noise/0 >out 2>err && test_grep ": within \(3 runs" err &&
    what out "^result" >got && test_grep "metric loss	within	runs here are up to 0.02 apart" got &&
    test_grep "file model	varies	it is another in each run here" got && what out "^cause" >got &&
    test_grep "not deterministic" got && test_is "$(sql "select deterministic, runs from hpt.replay order by started desc limit 1")" "f|3"
'
test_ok '--runs: beyond the noise it differs, and never was deterministic' '
    echo 70 >count && first_cause "not deterministic" --in-place --runs=2 noise/0 && hpt-replay --runs=2 env/0 >out &&
    test_is "$(sql "select deterministic, verdict from hpt.replay order by started desc limit 1")" "t|identical" &&
    test_exit 2 hpt-replay --runs=0 env/0 2>err
'
test_ok '--keep leaves the folder, which must be new' '
    hpt-replay -q --keep=kept env/0 >out && test_grep "^UTC 1 none 1$" kept/0.1/*/variables &&
    test_exit 125 hpt-replay --keep=kept env/0 2>err && test_grep "cannot make" err
'
test_ok 'formats' '
    hpt-replay -q -f jsonl env/0 >out && test_grep "\"what\":\"metric loss\",\"verdict\":\"identical\"" out &&
    hpt-replay --quiet --format=csv --no-header env/0 >out && test_no_grep "^part," out &&
    hpt-replay -q -f table --verbose env/0 >out && test_grep "^ *result +metric loss +identical" out && test_exit 2 hpt-replay -f x env/0 2>err
'
test_ok 'folder, umask and limits are those of then' '
    mkdir -p sub && (cd sub && umask 027 && ulimit -Sn 200 && run -s place --allow-unused x=0.0..1.0 -- ../place) &&
    hpt-replay -q place/0 >out && what out stdout >got && test_grep identical got
'
test_ok 'each evaluation is compared, or those of one fold' '
    hpt-run -q --print=none -s folds -t 2 --folds=3 -m loss x=0.0..1.0 -- sh -c "echo loss=\$((\$1 + 1)).5" sh {hpt.fold} {x} &&
    hpt-replay folds/1 >out 2>err && test_is "$(grep -c ": identical" err)" 3 && test_is "$(cut -f 1 out | sort -u | paste -sd " ")" "0 1 2 evaluation" &&
    hpt-replay -q --fold=1 folds/1 >out && test_is "$(cut -f 1 out | sort -u | paste -sd " ")" "1 evaluation" &&
    test_exit 4 hpt-replay --fold=7 folds/1 2>err && test_grep "has no fold 7" err &&
    test_is "$(sql "select evaluation, count(*) from hpt.replay where study = \$\$folds\$\$ group by 1 order by 1" | paste -sd " ")" "0|1 1|2 2|1"
'
test_ok 'a rung goes on from the checkpoint that it went on from' '
    hpt-run -q --print=none -s rungs -t 4 --budget=1..4:2 -m loss x=0.0..1.0 -- ./rung {x} {hpt.budget} &&
    trial=$(sql "select min(e.trial) from hpt.evaluation e join hpt.trial t using (study, trial) where study = \$\$rungs\$\$ and resume_trial is not null
        and t.state = \$\$complete\$\$") && hpt-replay -q -v "rungs/$trial" >out &&
    test_grep "	check	checkpoint of trial $trial, attempt [0-9]+	same" out && what out "	result	" >got && test_no_grep "	differs	" got
'
test_ok 'a trial that failed fails again; one that fails now differs' '
    test_exit 1 run -s fail --max-failures=0 --allow-unused x=0.0..1.0 -- sh -c "exit 3" && hpt-replay -q fail/0 >out &&
    test_grep "result	end	identical	failed: exit status 3" out && cp train kept-train && printf "#!/bin/sh\nexit 2\n" >train &&
    test_exit 1 hpt-replay -q --in-place one/1 >out && test_grep "result	end	differs	complete	failed: exit status 2" out && mv kept-train train
'
cat >gated <<'END'
#!/bin/sh
[ ! -p gate ] || read -r _ <gate
echo "loss=$(cat model)"
END
chmod +x gated
test_ok 'code that somebody changes between its snapshot and its use is named, and restored as it was used' '
    mkdir race && cd race && mkfifo gate && echo 1 >model && { hpt-run --print=none --progress=none -t 1 -m loss -s race --allow-unused x=0.0..1.0 -- ../gated 2>err & } &&
    pid=$! && { echo 2 >model && echo go; } >gate && test_exit 0 wait $pid && test_grep "trial 0: .race/model. was changed after its code was recorded" err &&
    test_is "$(sql "select t.code_changed, m.value from hpt.trial t join hpt.metric m using (study, trial) where study = \$\$race\$\$")" "[\"race/model\"]|2" &&
    rm gate && echo 3 >model &&
    hpt-replay race/0 >out 2>err && test_grep ": identical" err && what out check >got && test_grep "check	code race/model	differs	.*restored as it was used" got
'
test_ok 'files that it wrote outside the project are named before it writes them again; --strict-files' '
    outside=$(cd .. && pwd -P)/log && run -s writes --allow-unused x=0.0..1.0 -- sh -c "echo more >>\"$outside\"; echo loss=1" &&
    run -s writes0 --trace=off --allow-unused x=0.0..1.0 -- sh -c "echo loss=1" &&
    hpt-replay --check writes/0 >out 2>err && test_grep "note: trial writes/0: it would write 1 file outside the project: $outside$" err &&
    test_grep "^check	writes $outside	differs" out && test_is "$(cat ../log)" more &&
    test_exit 4 hpt-replay --strict-files writes/0 >out 2>err && test_grep "cannot be run: it wrote outside the project: $outside" err && test_is "$(cat ../log)" more &&
    test_exit 4 hpt-replay --strict-files writes0/0 >out 2>err && test_grep "is not recorded .--strict-files." err &&
    hpt-replay writes/0 >out 2>err && test_grep "it writes 1 file outside" err && test_is "$(grep -c more ../log)" 2
'
# Reports ten steps and heeds the answer.
cat >steps <<'END'
#!/bin/sh
i=0
while [ $i -lt 10 ]; do
    i=$((i + 1))
    hpt-report step=$i loss="$1$i" || { echo "told to stop at $i" && exit 0; }
done
END
# Prints ten steps, leaves a file that depends on how far it came, and waits for whoever stops it.
cat >talker <<'END'
#!/bin/sh
for i in 1 2 3 4 5 6 7 8 9 10; do echo "step $i loss $1$i"; done
echo $$ >"$HPT_DIR/state"
exec tail -f /dev/null
END
chmod +x steps talker
test_ok 'a trial that a rule stopped when it asked is stopped at the same step' '
    hpt-run -q --print=none -s told -t 2 -m loss --sampler=grid --pruner=threshold:upper=13 x=0..1 -- ./steps {x} &&
    test_is "$(sql "select place from hpt.pruning where study = \$\$told\$\$ and stop")" 4 &&
    trial=$(sql "select trial from hpt.trial where study = \$\$told\$\$ and state = \$\$pruned\$\$") && hpt-replay -v "told/$trial" >out 2>err &&
    test_grep ": identical" err && test_grep "^result	end	identical	pruned: threshold: .*	pruned: threshold: " out &&
    test_grep "^check	trial	same	pruned	.*	it is stopped again where threshold stopped it, at step 4$" out &&
    what out "^result	(stdout|metric)" >got && printf "%s\n" "result	metric loss	identical	\N" "result	stdout	identical	\N" | test_cmp - got &&
    test_is "$(sql "select outcome from hpt.replay where study = \$\$told\$\$")" pruned
'
test_ok 'one that was ended by a signal is compared as far as both went' '
    hpt-run -q --print=none -s ended -t 1 -m "loss:min:re=step ([0-9]+) loss ([0-9.]+)" --pruner=threshold:upper=3 x=0..0 -- ./talker {x} &&
    test_is "$(sql "select signal from hpt.attempt where study = \$\$ended\$\$")" 15 && hpt-replay ended/0 >out 2>err && test_grep ": (identical|equal)" err &&
    what out "^result	metric loss" >got && test_grep "identical" got && what out "^result	stdout" >got && test_grep "	(identical|equal)	" got &&
    hpt-export -q -s ended -o ended.tar && hpt-replay ended.tar#0 >out 2>err && test_grep ": (identical|equal)" err &&
    what out "^result	metric loss" >got && test_grep "identical" got
'
test_ok 'of a trial that was stopped between its runs those that were are run' '
    trial=$(sql "select min(trial) from hpt.trial where study = \$\$rungs\$\$ and state = \$\$pruned\$\$") && [ -n "$trial" ] &&
    hpt-replay "rungs/$trial" >out 2>err && test_grep ": identical" err
'
test_ok 'without a place to stop it a trial that a rule stopped is not run again' '
    sql "delete from hpt_record.pruning where study_id = (select id from hpt_record.study where name = \$\$ended\$\$)" &&
    test_exit 4 hpt-replay ended/0 2>err >out && test_grep "a rule stopped it early, and the record does not say where" err
'
if command -v python3 >/dev/null; then
    test_ok 'a persistent worker is a fresh process' '
        hpt-run -q --print=none -s worker -t 2 --worker -m loss x=0.0..1.0 -- python3 worker.py &&
        hpt-replay -q worker/1 >out && test_grep "metric loss	identical" out
    '
else
    test_skip 'a persistent worker is a fresh process' 'python3 is not installed'
fi
test_ok 'interrupted: nothing is recorded and nothing left' '
    run -s slow --allow-unused x=0.0..1.0 -- ./slowly && : >slow && n=$(sql "select count(*) from hpt.replay") &&
    { hpt-replay -q --in-place slow/0 >out 2>err & } && pid=$! && test_wait 120 test -e begun && kill -TERM $pid && test_exit 143 wait $pid &&
    rm slow && test_is "$(sql "select count(*) from hpt.replay")" "$n" && test_is "$(ls -A .hpt/replays)" ""
'
test_ok 'killed: the next one removes what it left, and nothing of one that runs' '
    : >slow && rm -f begun && { hpt-replay -q --in-place slow/0 >out 2>err & } && pid=$! && test_wait 120 test -s begun && mkdir .hpt/replays/mine &&
    hpt-replay -q one/0 >out && test_is "$(ls -A .hpt/replays | wc -l)" 2 && kill -KILL $pid && test_exit 137 wait $pid && rm slow &&
    hpt-replay -q one/0 >out && test_is "$(ls -A .hpt/replays)" mine && rmdir .hpt/replays/mine
'
test_ok 'secrets that were masked are masked again' '
    run -s leak --allow-unused x=0.0..1.0 -- ./leak && hpt-replay -q leak/0 >out && what out stdout >got && test_grep identical got &&
    test_no_grep 0123456789abcdef out
'
test_ok 'a file that the code lacks and the trial read is compared by its digest' '
    mkdir lacks && cat >lacks/train <<END && chmod +x lacks/train && head -c 3000 /dev/zero >lacks/large &&
#!/bin/sh
echo loss=\$(cat large .env | wc -c)
END
    printf "AWS_SECRET_ACCESS_KEY=%s\n" wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY >lacks/.env &&
    (cd lacks && run -s lacks --input-max=2k --code-max=2k --allow-unused x=0.0..1.0 -- ./train) &&
    hpt-replay lacks/0 >out 2>err && test_grep "lacks/0: identical" err && what out check >got && test_grep "input lacks/.env	unknown" got &&
    test_no_grep lacks/large got && head -c 3001 /dev/zero >lacks/large && test_exit 4 hpt-replay lacks/0 >out 2>err &&
    test_grep "here it is another" err
'
test_ok 'what was not captured and not read stops no replay' '
    mkdir lies && (cd lies && mkfifo pipe && head -c 3000 /dev/zero >large &&
        run -s lies --code-max=2k --allow-unused x=0.0..1.0 -- sh -c "echo loss=1" && run -s blind --trace=off --code-max=2k --allow-unused x=0.0..1.0 -- sh -c "echo loss=1") &&
    rm lies/large && hpt-replay lies/0 >out 2>err && test_grep "lies/0: identical" err && what out check >got &&
    test_grep "code lies/pipe	unknown	.*not read" got && test_grep "code lies/large	unknown	.*not read" got &&
    test_exit 4 hpt-replay blind/0 >out 2>err && test_grep "cannot be run" err && rm -r lies
'
test_ok 'hpt-run --deterministic: the profile is recorded, and what it sets is what runs' '
    run --deterministic -s det --allow-unused x=0.0..1.0 -- ./variables && hpt-replay -q det/0 >out && test_grep "file variables	identical" out &&
    hpt-query -H "select value from environment_item join trial using (environment) where study = \$\$det\$\$
        and name in (\$\$OMP_NUM_THREADS\$\$, \$\$PYTHONHASHSEED\$\$, \$\$TZ\$\$) order by name" >got && printf "%s\n" 1 0 UTC | test_cmp - got &&
    first_cause "threads and BLAS" --deterministic env/0
'
test_ok 'a bundle carries the replays of its trials' '
    hpt-export -q -s env -o env.tar && tar -xOf env.tar record/replay.jsonl >lines && n=$(sql "select count(*) from hpt.replay where study = \$\$env\$\$") &&
    test_is "$(wc -l <lines)" "$n" && tar -xOf env.tar record/replay_result.jsonl >lines &&
    test_is "$(wc -l <lines)" "$(sql "select count(*) from hpt.replay_result where study = \$\$env\$\$")"
'
test_ok 'a bundle is replayed without a database' '
    hpt-export -q -s used -o used.tar && hpt-export -q -s one -o one.tar && hpt-export -q -s one -f tar -o 1.tar 1 && mkdir -p elsewhere && cp used.tar one.tar 1.tar elsewhere && echo b >used/beside &&
    (cd elsewhere && HPT_CEILING=$PWD && export HPT_CEILING && TMPDIR=$PWD && export TMPDIR && hpt-replay used.tar#0 >out 2>err && test_grep "trial used/0: identical" err &&
        hpt-replay -q ./used.tar#used/best >out && hpt-replay -q -s used ./used.tar#0 >out && test_exit 4 hpt-replay used.tar#7 2>err &&
        mkdir hpt-replay-00112233-4455-6677-8899-aabbccddeeff && touch -d "2 minutes ago" hpt-replay-00112233-4455-6677-8899-aabbccddeeff && hpt-replay -q ./used.tar#0 >out &&
        hpt-replay 1.tar >out 2>err && test_grep "trial one/1: " err && test_exit 2 hpt-replay one.tar 2>err && test_grep "which trial" err && test_is "$(ls -d hpt-replay-* 2>/dev/null)" "" || { cat out err && false; })
'
test_done
