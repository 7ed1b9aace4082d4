#!/bin/sh
# Reports of trials that run outside: told by hpt-tell, judged by the study's pruner as in an hpt-run.
. "${0%/*}/lib.sh"
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

value() { hpt-query -H "$1"; }
line() { value "$1" | tr '\t\n' ' ;'; }
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
# ask STUDY N [OPTION...]
ask() { study=$1 n=$2 && shift 2 && hpt-ask -q -s "$study" -p x=0.0..1.0 -m loss -m size:le=10 -m note:track --seed=1 -N "$n" -f tsv -H "$@"; }
# The loss of x at a step: a curve that falls, some of them later than others.
curve() { awk -v x="$1" -v i="$2" 'BEGIN { printf "%.6f\n", (x - 0.4) ^ 2 + (1 + sin(9 * x + i / 2)) / i }'; }
decisions() { value "select trial, attempt, kind, place, rule, stop, value, threshold, compared, reason, peers, peer_values from pruning where study = \$\$$1\$\$ order by trial, attempt, place"; }
trials() { value "select trial, state, case state when \$\$pruned\$\$ then cause end, loss, seed, x from $1 order by trial"; }
points() { value "select trial, name, step, value from metric_point where study = \$\$$1\$\$ order by trial, name, step"; }
cat >train <<'EOT'
#!/bin/sh
for i in 1 2 3 4 5 6 7 8 9 10; do
    loss=$(awk -v x="$1" -v i="$i" 'BEGIN { printf "%.6f\n", (x - 0.4) ^ 2 + (1 + sin(9 * x + i / 2)) / i }')
    hpt-report step=$i loss="$loss" || exit 0
done
EOT
chmod +x train
run() { hpt-run -q --print=none --no-code --trace=off "$@"; }
# loop STUDY OPTION...: trials one after the other, ten steps each, as train does it.
loop() {
    while hpt-ask -q -p x=0.0..1.0 -m loss -t 14 --sampler=sobol --seed=4 -f tsv -H -s "$@" >asked; do
        read -r id seed x <asked && status=0
        for i in 1 2 3 4 5 6 7 8 9 10; do
            hpt-tell "$id" step=$i loss="$(curve "$x" $i)" || { status=$? && break; }
        done
        [ $status -eq 10 ] || hpt-tell "$id" loss="$(curve "$x" 10)" || return 1
    done
}

test_ok 'a project' 'test_db'
test_ok 'a loop with a pruner stops where hpt-run stops: the same trials, curves and decisions' '
    for pruner in median:startup=4 percentile:percentile=60,startup=3,reports=2 threshold:upper=0.6,warmup=3 patience:patience=2,delta=0.02 asha:grace=3; do
        name=${pruner%%:*} && loop "$name" --pruner=$pruner && run -s "run_$name" -t 14 --sampler=sobol --seed=4 --pruner=$pruner -m loss x=0.0..1.0 -- ./train {x} &&
        for study in "$name" "run_$name"; do
            decisions "$study" >"decisions-$study" && trials "$study" >"trials-$study" && points "$study" >"points-$study" || return 1
        done && test_cmp "decisions-run_$name" "decisions-$name" && test_cmp "trials-run_$name" "trials-$name" && test_cmp "points-run_$name" "points-$name" &&
        test_grep "	pruned	$name: " "trials-$name" && test_grep "complete" "trials-$name" && test_grep "step.*	true	" "decisions-$name" || return 1
    done && hpt-verify && test_is "$(line "select count(*) from finding where kind = \$\$error\$\$")" "0;"
'
test_ok 'several objectives, maximised and not: told together or one after the other, the same decisions' '
    for way in together apart; do
        for t in 0 1 2 3 4 5; do
            hpt-ask -q -s $way -p x=0.0..1.0 -m a -m b:max -t 6 --seed=2 --sampler=sobol --pruner=median:startup=3 >/dev/null && status=0 &&
            for i in 1 2 3; do
                if [ $way = together ]; then hpt-tell $way/$t step=$i a=$((t + i)) b=$((i - t)); else
                    hpt-tell $way/$t step=$i a=$((t + i)) && hpt-tell $way/$t step=$i b=$((i - t)); fi || { status=$? && break; }
            done && { [ $status -eq 10 ] || hpt-tell $way/$t a=$((t + 3)) b=$((3 - t)); } || return 1
        done
    done && decisions together >one && decisions apart >other && test_cmp one other && test_grep "	true	" one &&
    test_is "$(line "select trial, state, a, b from apart where state = \$\$pruned\$\$ and trial = 5")" "5 pruned 6 -4;"
'
test_ok 'a report: 0 is go on; it is a point of a curve, the lease begins anew; the result is what is told' '
    ask plain 2 --pruner=none >asked && sql -c "update hpt_record.lease set until = now() + interval \$\$1 s\$\$ where number = 0" &&
    test_exit 0 hpt-tell plain/0 step=0 loss=3 size=1 >out 2>err && test_empty out && test_empty err && hpt-tell plain/0 step=7 loss=2.5 note=inf && hpt-tell plain/0 step=9 note=-1 &&
    test_is "$(sql -c "select until > now() + interval \$\$59 min\$\$ from hpt_record.lease where number = 0")" t &&
    test_is "$(points plain | cut -f 2- | tr "\t\n" " ;")" "loss 0 3;loss 7 2.5;note 7 Infinity;note 9 -1;size 0 1;" &&
    test_is "$(line "select state from plain where trial = 0")" "running;" && hpt-tell plain/0 loss=2 size=3 &&
    test_is "$(line "select state, loss, size, note from plain where trial = 0")" "complete 2 3 \N;" && test_is "$(line "select count(*) from pruning where study = \$\$plain\$\$")" "0;"
'
test_ok 'told twice: the same is harmless, another number is refused, and so is a step behind' '
    hpt-tell plain/1 step=5 loss=1 && test_exit 0 hpt-tell plain/1 step=5 loss=1.0 2>err && test_grep "^hpt-tell: note: plain/1 was told of before, the same" err &&
    test_exit 1 hpt-tell plain/1 step=5 loss=2 2>err && test_is "$(cat err)" "hpt-tell: plain/1 is refused: step 5 was reported before, with loss=1" &&
    test_exit 1 hpt-tell plain/1 step=4 loss=1 2>err && test_is "$(cat err)" "hpt-tell: plain/1 is refused: step 5 was reported before step 4, and steps are ascending" &&
    hpt-tell plain/1 step=4 note=1 && hpt-tell plain/1 step=5 loss=1 note=2 && hpt-tell plain/1 step=6 loss=nan && hpt-tell -q plain/1 step=6 loss=NaN && hpt-tell -q plain/1 step=4 note=1 &&
    test_is "$(points plain | grep "^1" | cut -f 2- | tr "\t\n" " ;")" "loss 5 1;loss 6 NaN;note 4 1;note 5 2;"
'
test_ok 'after the result: the same report is harmless, another is refused' '
    hpt-tell --failed plain/1 && test_exit 0 hpt-tell -q plain/1 step=5 loss=1 && test_exit 1 hpt-tell plain/1 step=7 loss=1 2>err &&
    test_grep "^hpt-tell: plain/1 is refused: the trial has ended, told at 20.*, and reports no more$" err && test_exit 1 hpt-tell plain/1 step=5 loss=3 2>err
'
test_ok 'unknown trials and names, what is no step, null: nothing is recorded' '
    ask wrong 1 >asked && test_exit 4 hpt-tell wrong/9 step=1 loss=1 2>err && test_grep "no trial 9" err && test_exit 4 hpt-tell wrong/0.2 step=1 loss=1 2>err &&
    test_exit 2 hpt-tell wrong/0 step=1 los=1 2>err && test_grep "did you mean .loss.\?" err && test_exit 2 hpt-tell wrong/0 step=1 loss=1 loss=1 2>err &&
    for step in -1 1.5 x "" 99999999999999999999; do test_exit 2 hpt-tell wrong/0 step=$step loss=1 2>err && test_grep "a step is a whole number from 0 on" err || return 1; done &&
    test_exit 2 hpt-tell wrong/0 step=1 step=2 loss=1 2>err && test_grep "the step is there twice" err && test_exit 2 hpt-tell wrong/0 step=1 2>err && test_grep "a report without a number" err &&
    test_exit 2 hpt-tell wrong/0 step=1 loss=null 2>err && test_grep "^hpt-tell: a report has numbers" err && test_exit 2 hpt-tell wrong/0 step=1 loss=x 2>err &&
    test_is "$(points wrong)" "" && hpt-tell wrong/0 step=9223372036854775807 loss=1 && test_is "$(line "select step from metric_point where study = \$\$wrong\$\$")" "9223372036854775807;"
'
test_ok 'a lease that ran out and is given out again: 1; one that an hpt-run runs: 1' '
    ask late 1 >asked && hpt-tell late/0 step=1 loss=1 && sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" && hpt-tell late/0 step=2 loss=1 &&
    sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" && test_is "$(ask late 1 | cut -f 1)" late/0.2 &&
    for step in 1 2 3; do test_exit 1 hpt-tell late/0 step=$step loss=1 2>err && test_grep "late/0 is refused: its lease ran out at .*, and it was given out again as late/0.2" err || return 1; done &&
    hpt-tell late/0.2 step=1 loss=5 && test_is "$(points late | tr "\t\n" " ;")" "0 loss 1 5;" &&
    run -s foreign -t 1 -m loss x=0.0..1.0 -- sh -c "echo loss=1; : {x}" && test_exit 1 hpt-tell foreign/0 step=1 loss=1 2>err && test_grep "foreign/0 is refused: hpt-run runs it" err
'
test_ok 'stopped: 10, again and again; the trial is pruned with its last numbers, and other things are not needed' '
    ask stop 2 --pruner=threshold:upper=1 >asked && hpt-tell stop/0 step=1 loss=0.5 note=3 && test_exit 10 hpt-tell stop/0 step=2 loss=2 >out 2>err && test_empty out && test_empty err &&
    test_is "$(value "select state, loss, note, size, cause from stop where trial = 0" | tr "\t" " ")" "pruned 2 3 \N threshold: 2 at step 2 is above 1" &&
    test_is "$(line "select name, rule, source from hpt.metric where study = \$\$stop\$\$ order by name")" "loss report tell;note report tell;" &&
    test_exit 10 hpt-tell stop/0 step=2 loss=2 && test_exit 10 hpt-tell stop/0 step=3 loss=0 2>err && test_is "$(points stop | wc -l)" 3 &&
    for how in "stop/0 loss=1" "--failed stop/0" "--release stop/0"; do test_exit 0 hpt-tell $how 2>err && test_is "$(cat err)" "hpt-tell: note: stop/0 is not needed any more: its trial had ended before" || return 1; done &&
    test_exit 1 hpt-tell --alive stop/0 2>err && test_is "$(line "select loss, state from stop where trial = 0")" "2 pruned;" && test_exit 10 hpt-tell stop/1 step=0 loss=nan &&
    test_is "$(line "select loss from stop where trial = 1")" "NaN;" && hpt-ask -q -s stop >out && test_is "$(line "select count(*) from finding where kind = \$\$error\$\$")" "0;"
'
test_ok 'killed before the decision: the same told again makes it, and so does the next one' '
    for next in 2 3; do
        ask killed$next 1 --pruner=threshold:upper=1 >asked && test_is "$(sql -c "select verdict from hpt_record.trial_report((select id from hpt_record.study where name = \$\$killed$next\$\$),
            0, 1, 2, \$\${loss}\$\$, \$\${9}\$\$, \$\${loss}\$\$)")" "done" && test_is "$(line "select count(*) from pruning where study = \$\$killed$next\$\$")" "0;" &&
        test_exit 10 hpt-tell -q killed$next/0 step=$next loss=9 && test_is "$(line "select place, stop from pruning where study = \$\$killed$next\$\$")" "$next true;" || return 1
    done
'
test_ok 'of two decisions about one step the first stands' '
    ask first 1 --pruner=threshold:upper=1 >asked && hpt-tell first/0 step=1 loss=0 && test_is "$(sql -c "select hpt_record.report_decide((select id from hpt_record.study where name = \$\$first\$\$), 0, 1, \$\$step\$\$, 1, \$\$x\$\$, true,
        1, 1, 0, \$\$y\$\$, \$\${}\$\$, \$\${}\$\$)")" f && test_is "$(line "select rule, stop from pruning where study = \$\$first\$\$")" "threshold:lower=none,upper=1,objective=1,warmup=0,interval=1 false;" &&
    test_is "$(line "select state from first")" "running;"
'
test_ok 'folds: a fold that is stopped ends its trial; those that run are told to stop; like is compared with like' '
    hpt-ask -q -s folds --folds=3 --pruner=threshold:upper=1 -p x=0.0..1.0 -m loss -t 2 -N 4 >asked && hpt-tell folds/0 step=1 loss=0.5 && hpt-tell folds/0.2 step=1 loss=0.1 && hpt-tell folds/0.3 loss=3 &&
    test_exit 10 hpt-tell folds/0.2 step=2 loss=2 && test_exit 10 hpt-tell folds/0 step=2 loss=0.5 && test_exit 0 hpt-tell folds/0 loss=0.4 2>err && test_grep "not needed any more" err &&
    test_is "$(value "select state, cause from folds where trial = 0")" "pruned	fold 1 of repeat 0: threshold: 2 at step 2 is above 1" &&
    test_is "$(line "select fold, value from evaluation_metric where study = \$\$folds\$\$ and trial = 0 order by 1")" "1 2;2 3;" &&
    test_is "$(sql -c "select part from hpt_record.observation o join hpt_record.study s on s.id = o.study_id where name = \$\$folds\$\$ order by 1" | tr "\n" " ")" "0 1 1 " &&
    test_is "$(line "select count(*) from finding where kind = \$\$error\$\$")" "0;"
'
test_ok 'lines of each kind: each report has an answer, in its order; the status is that of the lines' '
    ask lines 4 --pruner=threshold:upper=1 >asked && printf "%s\n" "lines/0 step=1 loss=0.5" "{\"id\":\"lines/1\",\"step\":1,\"metrics\":{\"loss\":2}}" "{\"id\":2,\"step\":1,\"values\":[0.25]}" \
        "lines/9 step=1 loss=0" "{\"id\":\"lines/2\",\"step\":0,\"values\":[1]}" "{\"id\":\"lines/2\",\"step\":-1,\"values\":[1]}" "lines/2 loss=1" "lines/3 loss=x step=4" "lines/x step=3 loss=1" >told &&
    printf "hpt.id\thpt.step\tloss\tnote\nlines/3\t1\t0.5\t\\\\N\nlines/3\t2\t\\\\N\t1\nlines/3\t3\t7\t1\nlines/3\t4\t7\nlines/0\t\\\\N\t0.125\t1\n" >>told && test_exit 2 hpt-tell -s lines <told >out 2>err &&
    printf "%s\n" "lines/0	1	go" "{\"id\":\"lines/1\",\"step\":1,\"stop\":true}" "{\"id\":\"2\",\"step\":1,\"stop\":false}" "lines/9	1	refused" \
        "{\"error\":\"lines/2 is refused: step 1 was reported before step 0, and steps are ascending\",\"id\":\"lines/2\",\"step\":0}" \
        "{\"error\":\"'"'step'"' must be a whole number from 0 on\",\"step\":-1}" "lines/3	4	refused" "\\N	3	refused" "lines/3	1	go" "lines/3	2	go" "lines/3	3	stop" "\\N	4	refused" >expected && test_cmp expected out &&
    test_is "$(line "select trial, state, loss, note from lines order by trial")" "0 complete 0.125 1;1 pruned 2 \N;2 complete 1 \N;3 pruned 7 1;" &&
    printf "lines/3 step=4 loss=1\n" | test_exit 0 hpt-tell >out && test_is "$(cat out)" "lines/3	4	stop"
'
test_ok 'a metric that is called step is told in JSON or columns' '
    hpt-ask -q -s named -p x=0.0..1.0 -m loss -m step:track -N 3 >asked && test_exit 2 hpt-tell named/0 loss=1 step=0.5 2>err && test_grep "a step is a whole number" err &&
    { echo "{\"id\":\"named/0\",\"metrics\":{\"loss\":1,\"step\":0.5}}" && printf "hpt.id\tloss\tstep\nnamed/1\t2\t1.5\n"; } | test_exit 0 hpt-tell >out && test_empty out &&
    test_is "$(line "select state, step from named where trial < 2 order by trial")" "complete 0.5;complete 1.5;"
'
test_ok 'a program beside has each answer before the next report' '
    ask beside 1 --pruner=threshold:upper=3 >asked && mkfifo in answers && { hpt-tell <in >answers & teller=$!; } && exec 5>in 6<answers &&
    for i in 1 2 3 4; do echo "beside/0 step=$i loss=$i" >&5 && read -r id step said <&6 && test_is "$id $step" "beside/0 $i" || return 1; done && test_is "$said" stop && exec 5>&- 6<&- && test_exit 0 wait $teller
'
test_ok '--serve: the op report' '
    printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"report\",\"id\":\"served/0\",\"step\":1,\"values\":[0.5]}" "{\"op\":\"report\",\"id\":0,\"step\":2,\"metrics\":{\"loss\":4}}" \
        "{\"op\":\"report\",\"id\":0,\"step\":3,\"values\":[0]}" "{\"op\":\"report\",\"id\":0,\"values\":[0]}" "{\"op\":\"tell\",\"id\":0,\"step\":4,\"values\":[0]}" "{\"op\":\"tell\",\"id\":0,\"values\":[0]}" "{\"op\":\"ask\"}" |
        hpt-ask --serve -s served --pruner=threshold:upper=1 -p x=0.0..1.0 -m loss >out 2>err && test_empty err && test_is "$(sed 1d out | head -6)" "{\"ok\":true,\"stop\":false}
{\"ok\":true,\"stop\":true}
{\"ok\":true,\"stop\":true}
{\"error\":\"'"'step'"' must be a whole number from 0 on\"}
{\"error\":\"'"'step'"' is for the op '"'report'"'\"}
{\"ok\":true,\"over\":true}" && test_is "$(line "select trial, state, loss from served order by trial")" "0 pruned 4;1 waiting \N;" &&
    printf "%s\n" "{\"op\":\"init\",\"space\":[\"x real [0, 1]\"]}" "{\"op\":\"report\",\"id\":1,\"step\":1,\"values\":[1]}" | hpt-ask --serve >out && test_grep "unknown op .report." out
'
test_ok 'the record goes elsewhere and comes back with its curves and decisions' '
    hpt-export -s median -o median.tar 2>err && mkdir elsewhere && (cd elsewhere && test_db && hpt-import ../median.tar 2>err && decisions median >../decisions && points median >../points &&
        test_exit 0 hpt-replay -q --suggest median && hpt-verify) && test_cmp decisions-median decisions && test_cmp points-median points
'
test_done
