#!/bin/sh
# hpt-run: trials that are more than one run (folds, repeats, rungs), pruners, and what ends a study for
# all its workers.
. "${0%/*}/lib.sh"

run() {
    hpt-run -q --progress=none "$@"
}
sql() {
    hpt-query -H "$1"
}
# The loss of a fold is that of its parameter, moved by the fold.
cat >fold <<'EOT'
#!/bin/sh
awk -v x="$1" -v f="$HPT_FOLD" 'BEGIN { printf "loss: %.17g\n", x + f / 8 }'
EOT
# Counts what it has done in its folder, and goes on from what was done before.
cat >budget <<'EOT'
#!/bin/sh
done=0
[ -z "${HPT_RESUME:-}" ] || read -r done <"$HPT_RESUME/deep/count" || exit 3
mkdir "$HPT_DIR/deep" && echo "$HPT_BUDGET" >"$HPT_DIR/deep/count"
echo "from $done to $HPT_BUDGET"
echo "loss: $1"
EOT
# As fold, with something in each fold that depends on both.
cat >noisy <<'EOT'
#!/bin/sh
awk -v x="$1" -v f="$HPT_FOLD" 'BEGIN { printf "loss: %.17g\n", x + f / 8 + sin(7 * x + 3 * f) / 8 }'
EOT
# Hangs in its third fold until it may go on.
cat >hang <<'EOT'
#!/bin/sh
[ $HPT_FOLD != 2 ] || [ -e go ] || { : >hanging && exec tail -f /dev/null; }
echo loss: $HPT_FOLD
EOT
# Reports ten steps and heeds the answer.
cat >steps <<'EOT'
#!/bin/sh
i=0
while [ $i -lt 10 ]; do
    i=$((i + 1))
    hpt-report step=$i loss="$1" || { echo "told to stop at $i" && exit 0; }
done
EOT
# Prints ten steps and waits for whoever stops it.
cat >talker <<'EOT'
#!/bin/sh
for i in 1 2 3 4 5 6 7 8 9 10; do echo "step $i loss $1"; done
[ "$1" = 1 ] && exec tail -f /dev/null
exit 0
EOT
chmod +x fold noisy hang budget steps talker

test_ok 'a project' 'test_db'

# ---- folds and repeats ----

test_ok '--folds: a trial is as many runs, its metric their mean, with the standard error' '
    run -s folds -t 4 -j 2 -m loss --folds=4 x=0.0..1.0 -- ./fold {x} {hpt.fold} >out &&
    test_is "$(head -1 out | cut -f 1-5 | tr "\t" " ")" "trial state loss loss_se x" &&
    test_is "$(sql "select count(*), count(distinct trial), min(fold), max(fold) from evaluation
                    where study = '"'folds'"' and state = '"'complete'"'")" "16	4	0	3" &&
    test_is "$(sql "select bool_and(abs(loss - x - 0.1875) < 1e-12), bool_and(abs(loss_se - sqrt(5.0 / 3) / 16) < 1e-12),
                           bool_and(evaluations = 4) from folds")" "true	true	true" &&
    test_is "$(sql "select count(*) from metric m where study = '"'folds'"' and name = '"'loss'"' and value = (
        select avg(value order by fold) from evaluation_metric e where e.study = m.study and e.trial = m.trial and e.name = m.name)")" 4
'
test_ok 'each evaluation has a seed of its own, the same again after a restart' '
    test_is "$(sql "select count(distinct seed), min(seed) >= 0 from evaluation where study = '"'folds'"'")" "16	true" &&
    seed=$(sql "select seed from folds limit 1") &&
    run -s seeds -t 2 -m loss --folds=2 --seed=5 x=0.0..1.0 -- ./fold {x} {hpt.seed} >out &&
    run -s seeds2 -t 2 -j 4 -m loss --folds=2 --seed=5 x=0.0..1.0 -- ./fold {x} {hpt.seed} >out &&
    test_is "$(sql "select seed from evaluation where study = '"'seeds'"' order by trial, evaluation")" \
        "$(sql "select seed from evaluation where study = '"'seeds2'"' order by trial, evaluation")"
'
test_ok 'the same line again does nothing, and another number of folds is another study' '
    run -s folds -t 4 -j 2 -m loss --folds=4 x=0.0..1.0 -- ./fold {x} {hpt.fold} >again &&
    test_is "$(sql "select count(*) from attempt where study = '"'folds'"'")" 16 &&
    test_exit 2 run -s folds -t 4 -m loss --folds=5 x=0.0..1.0 -- ./fold {x} {hpt.fold} 2>err &&
    test_grep "folds    - 4" err
'
test_ok '--repeats: repeats of each fold, {hpt.split} the same for every trial' '
    run -s repeats -t 3 -j 2 -m loss --folds=2 --repeats=3 x=0.0..1.0 -- ./fold {x} {hpt.repeat} {hpt.split} >out &&
    test_is "$(sql "select count(*), count(distinct (fold, repeat)) from evaluation where study = '"'repeats'"'")" "18	6" &&
    test_is "$(sql "select count(distinct argv[4]), count(distinct argv[3]) from (
        select a.trial, a.argv from trial a where study = '"'repeats'"') q")" "1	1" &&
    test_is "$(hpt-query -H "select count(distinct a.argv[4]) from hpt_record.attempt a" 2>/dev/null || echo denied)" denied
'
test_ok '--reserve-fold keeps the last fold from the search' '
    run -s kept -t 2 -m loss --folds=4 --reserve-fold x=0.0..1.0 -- ./fold {x} {hpt.fold} >out &&
    test_is "$(sql "select count(*), max(fold) from evaluation where study = '"'kept'"'")" "6	2" &&
    test_exit 2 run -s kept2 -t 2 -m loss --folds=2 --reserve-fold x=0.0..1.0 -- ./fold {x} {hpt.fold} 2>err &&
    test_grep "needs three folds" err
'
test_ok 'a placeholder of folds in a study without' '
    test_exit 2 run -s none -t 1 -m loss x=0.0..1.0 -- ./fold {x} {hpt.fold} 2>err &&
    test_grep "\{hpt.fold\} in a study without --folds" err
'
test_ok 'a fold that fails: the trial has failed, its other runs are not started or not counted' '
    printf "#!/bin/sh\n[ \$HPT_FOLD != 1 ] || exit 7\necho loss: 1\n" >third && chmod +x third &&
    test_exit 1 run -s bad -t 2 --max-failures=0 -m loss --folds=3 x=0.0..1.0 -- ./third {x} {hpt.fold} >out 2>err &&
    test_is "$(sql "select state, cause from bad")" "failed	fold 1 of repeat 0: exit status 7
failed	fold 1 of repeat 0: exit status 7" &&
    test_is "$(sql "select count(*) filter (where state = '"'cancelled'"') from evaluation where study = '"'bad'"'")" 2 &&
    test_is "$(sql "select count(*) from failure where study = '"'bad'"'")" 2
'
test_ok '--retry=failed runs what is missing, not what is there' '
    printf "#!/bin/sh\necho loss: 1\n" >third &&
    run -s bad -t 2 --retry=failed -m loss --folds=3 x=0.0..1.0 -- ./third {x} {hpt.fold} >out &&
    test_is "$(sql "select count(*), sum(evaluations) from bad where state = '"'complete'"'")" "2	6" &&
    test_is "$(sql "select count(*) from attempt where study = '"'bad'"' and outcome = '"'complete'"'")" 6
'
test_ok 'kill -9 in mid-trial: folds that are done stay, the lost one is run again' '
    { hpt-run -q --progress=none -s killed -t 1 -m loss --folds=4 x=0.0..1.0 -- ./hang {x} {hpt.fold} >out 2>&1 & } &&
    pid=$! && test_wait 120 test -e hanging && kill -9 $pid && { wait $pid || :; } && : >go &&
    run -s killed -t 1 -m loss --folds=4 x=0.0..1.0 -- ./hang {x} {hpt.fold} >out &&
    test_is "$(sql "select state, loss, evaluations from killed")" "complete	1.5	4" &&
    test_is "$(sql "select outcome, count(*) from attempt where study = '"'killed'"' group by 1 order by 1")" "complete	4
lost	1"
'
test_ok 'several workers share the folds of a trial, each once' '
    for i in 1 2 3 4; do run -s shared -t 6 -j 2 -m loss --folds=5 --seed=1 x=0.0..1.0 -- ./fold {x} {hpt.fold} >"out.$i" & done &&
    wait &&
    test_is "$(sql "select count(*), count(distinct trial), bool_and(attempts = 1) from (
        select trial, evaluation, count(*) as attempts from attempt where study = '"'shared'"' group by 1, 2) q")" "30	6	true" &&
    test_is "$(sql "select count(*) from shared where state = '"'complete'"' and evaluations = 5")" 6
'

# ---- rungs ----

# Nine trials, each worse than the one before: who is promoted does not depend on the order.
run_rungs() {
    run -s rungs -t 9 -m loss --budget=1..9:3 --pruner=asha --point "{\"x\":0.1}" --point "{\"x\":0.2}" --point "{\"x\":0.3}" \
        --point "{\"x\":0.4}" --point "{\"x\":0.5}" --point "{\"x\":0.6}" --point "{\"x\":0.7}" \
        --point "{\"x\":0.8}" --point "{\"x\":0.9}" x=0.0..1.0 -- ./budget {x} {hpt.budget}
}

test_ok '--budget: rung by rung, the best go on from what they left' '
    run_rungs >out &&
    test_is "$(sql "select budget, count(*) from evaluation where study = '"'rungs'"' group by 1 order by 1")" "1	9
3	3
9	1" &&
    test_is "$(sql "select state, count(*) from rungs group by 1 order by 1")" "complete	1
pruned	8" &&
    best=$(sql "select trial from rungs where state = '"'complete'"'") &&
    test_is "$best" "$(sql "select trial from rungs order by x limit 1")" &&
    test_is "$(sql "select convert_from(bytes, '"'UTF8'"') from artefact join object using (digest)
        where study = '"'rungs'"' and trial = $best and kind = '"'stdout'"' order by attempt" | cut -d "\\" -f 1)" "from 0 to 1
from 1 to 3
from 3 to 9" &&
    test_is "$(sql "select count(*) from pruning where study = '"'rungs'"' and kind = '"'rung'"' and reason <> '"''"'")" 4
'
test_ok 'rungs again: nothing is left to do; more trials promote more' '
    run_rungs >out &&
    test_is "$(sql "select count(*) from attempt where study = '"'rungs'"'")" 13 &&
    run -s rungs --more=9 -j 3 >out &&
    test_is "$(sql "select budget, count(*) from evaluation where study = '"'rungs'"' group by 1 order by 1" | cut -f 2 | head -1)" 18 &&
    test_is "$(sql "select count(*) >= 2 from rungs where state = '"'complete'"'")" true
'
test_ok '--budget of four workers: each rung of a trial once' '
    for i in 1 2 3 4; do run -s many -t 20 -j 2 -m loss --budget=1..9:3 --seed=3 x=0.0..1.0 -- ./budget {x} {hpt.budget} >"out.$i" & done &&
    wait &&
    test_is "$(sql "select max(n), count(distinct trial) from (select trial, rung, count(*) as n from evaluation
        where study = '"'many'"' group by 1, 2) q")" "1	20" &&
    test_is "$(sql "select count(*) from evaluation where study = '"'many'"' and state <> '"'complete'"'")" 0
'
test_ok '--budget: wrong ones, and a pruner that cannot promote' '
    test_exit 2 run -s wrong -t 1 -m loss --budget=9..1 x=0.0..1.0 -- ./budget {x} {hpt.budget} 2>err &&
    test_grep "^hpt-run: --budget: " err &&
    test_exit 2 run -s wrong -t 1 -m loss --budget=1..9 --pruner=median x=0.0..1.0 -- ./budget {x} {hpt.budget} 2>err &&
    test_grep "cannot promote" err && test_exit 4 hpt-query -s wrong 2>err
'
test_ok '--pruner=pbt: children begin from their parents checkpoint, near their configuration' '
    run -s pbt -t 16 -j 2 -m loss --budget=1..4:2 --pruner=pbt:population=4 --seed=1 x=0.0..1.0 -- ./budget {x} {hpt.budget} >out &&
    test_is "$(sql "select count(*) > 0, bool_and(t.origin = '"'pbt'"'), bool_and(e.resume_trial = t.parent)
        from trial t join evaluation e using (study, trial) where t.study = '"'pbt'"' and t.parent is not null
        and e.evaluation = (select min(evaluation) from evaluation f where f.study = t.study and f.trial = t.trial)")" "true	true	true"
'

# ---- pruners ----

test_ok '--pruner=median: hpt-report says 10, and the trial is pruned' '
    run -s told -t 12 -m loss --sampler=grid:points=12 --pruner=median:startup=4 x=0.0..1.0 -- ./steps {x} >out &&
    test_is "$(sql "select count(*) filter (where state = '"'complete'"') >= 4, count(*) filter (where state = '"'pruned'"') > 0 from told")" "true	true" &&
    test_is "$(sql "select count(*) from artefact join object using (digest) where study = '"'told'"' and kind = '"'stdout'"'
        and convert_from(bytes, '"'UTF8'"') like '"'told to stop%'"'")" "$(sql "select count(*) from told where state = '"'pruned'"'")" &&
    test_is "$(sql "select count(*) filter (where cause like '"'median: % is worse than the median %'"') = count(*) from told where state = '"'pruned'"'")" true &&
    test_is "$(sql "select bool_and(compared >= 4 and cardinality(peers) > 0 and cardinality(peers) = cardinality(peer_values))
        from pruning where study = '"'told'"' and stop")" true
'
test_ok '--pruner by signal: a command that only prints is ended' '
    run -s signalled -t 6 --sampler=grid --pruner=threshold:upper=0.5 -m "loss:min:re=step ([0-9]+) loss ([0-9.]+)" x=0..1 \
        -- ./talker {x} >out &&
    test_is "$(sql "select x, state, cause like '"'threshold: %'"' from signalled order by x")" "0	complete	false
1	pruned	true"
'
test_ok 'numbers that are merely found in text stop nothing' '
    run -s text -t 2 --sampler=grid --pruner=threshold:upper=0.5 -m loss x=0..1 -- sh -c "echo loss: {x}1 \\(step 1\\)" >out &&
    test_is "$(sql "select count(*) from text where state = '"'complete'"'")" 2
'
test_ok '--pruner=none stops nothing; an unknown one gets a suggestion' '
    run -s free -t 3 -m loss --folds=3 --pruner=none x=0.0..1.0 -- ./fold {x} {hpt.fold} >out &&
    test_is "$(sql "select count(*) from pruning where study = '"'free'"'")" 0 &&
    test_exit 2 run -s wrong -t 1 -m loss --pruner=mediam x=0.0..1.0 -- ./fold {x} 2>err &&
    test_grep "did you mean .median." err
'
test_ok '--pruner=race: poor trials end after some folds, the best is complete' '
    run -s race -t 10 -j 2 -m loss --folds=8 --sampler=grid:points=10 x=0.0..10.0 -- ./noisy {x} {hpt.fold} >out &&
    test_is "$(sql "select state from race where trial = 0")" complete &&
    test_is "$(sql "select count(*) > 0, max(evaluations) < 8 from race where state = '"'pruned'"'")" "true	true" &&
    test_is "$(sql "select count(distinct trial) from pruning where study = '"'race'"' and stop")" "$(sql "select count(*) from race where state = '"'pruned'"'")" &&
    test_is "$(sql "select count(*) from evaluation where study = '"'race'"' and state in ('"'running', 'waiting'"')")" 0
'

# ---- ends ----

test_ok '--until: a goal ends the study, for the next line too' '
    run -s goal -t 100 --sampler=random -m loss --until="loss<=0.2" --seed=1 x=0.0..1.0 -- ./fold {x} >out &&
    trials=$(sql "select count(*) from goal") && test "$trials" -lt 100 &&
    test_is "$(sql "select count(*) from goal where loss <= 0.2")" 1 &&
    test_is "$(sql "select stopped from study where study = '"'goal'"'")" "trial $((trials - 1)) reached the goal" &&
    hpt-run -s goal -t 100 >out 2>err && test_grep "stopped: trial .* reached the goal" err &&
    test_is "$(sql "select count(*) from goal")" "$trials" &&
    run -s goal -t 100 --sampler=random -m loss --until="loss<=0.05" --seed=1 x=0.0..1.0 -- ./fold {x} >out &&
    test "$(sql "select count(*) from goal")" -gt "$trials"
'
test_ok '--until with a constraint that is broken reaches nothing; wrong goals' '
    run -s bound -t 5 -m loss -m "size:ge=2" --until="loss<=5" x=0.0..1.0 -- sh -c "echo loss={x} size=1" >out &&
    test_is "$(sql "select count(*) from bound")" 5 &&
    test_exit 2 run -s bound2 -t 5 -m loss --until="los<=5" x=0.0..1.0 -- ./fold {x} 2>err && test_grep "did you mean .loss." err &&
    test_exit 2 run -s bound2 -t 5 -m loss --until="loss=5" x=0.0..1.0 -- ./fold {x} 2>err && test_grep "METRIC>=VALUE" err
'
test_ok '--stall ends a study that brings no improvement' '
    run -s stall -t 100 -m loss --stall=5 --sampler=grid:points=50 x=0.0..1.0 -- ./fold {x} >out &&
    test_is "$(sql "select count(*), min(loss) from stall")" "6	0" &&
    test_is "$(sql "select stopped from study where study = '"'stall'"'")" "no improvement in 5 trials"
'
test_ok '--max-cost, over all workers: it ends when it is used up' '
    for i in 1 2 3; do run -s cost -t 1000 -m loss -m price:track --max-cost=price=20 --seed=1 x=0.0..1.0 -- sh -c "echo loss={x} price=1" >"out.$i" & done && wait &&
    trials=$(sql "select count(*) from cost") && echo "$trials trials" && test "$trials" -ge 20 && test "$trials" -le 22 &&
    test_is "$(sql "select stopped from study where study = '"'cost'"'")" "the budget of price is used up"
'
test_ok '--max-cpu and --max-wall' '
    run -s cpu -t 1000 -m loss --max-cpu=1us x=0.0..1.0 -- ./fold {x} >out &&
    test_is "$(sql "select count(*) from cpu")" 1 &&
    run -s wall -t 1000 -m loss --max-wall=1us x=0.0..1.0 -- ./fold {x} >out &&
    test_is "$(sql "select count(*) from wall")" 0 &&
    test_is "$(sql "select stopped from study where study = '"'wall'"'")" "the time is over"
'
test_ok '--max-cpu and --max-wall are of all workers: who joins when they are used up starts nothing' '
    for i in 1 2 3; do run -s cpus -t 1000 -m loss --max-cpu=50ms x=0.0..1.0 -- ./fold {x} >"out.$i" & done && wait &&
    trials=$(sql "select count(*) from cpus") && test "$trials" -lt 1000 &&
    test_is "$(sql "select sum(user_seconds + system_seconds) >= 0.05 from trial where study = '"'cpus'"'")" true &&
    test_is "$(sql "select stopped from study where study = '"'cpus'"'")" "the CPU time is used up" &&
    run -s cpus >out && test_is "$(sql "select count(*) from cpus")" "$trials" && run -s wall >out && test_is "$(sql "select count(*) from wall")" 0
'
test_ok 'eight workers, a hundred trials, none too many' '
    for i in 1 2 3 4 5 6 7 8; do run -s exact -t 100 -j 4 --print=none -m loss --seed=1 x=0.0..1.0 -- ./fold {x} & done && wait &&
    test_is "$(sql "select count(*), max(trial), count(*) filter (where state = '"'complete'"') from exact")" "100	99	100"
'
test_done
