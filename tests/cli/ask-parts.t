#!/bin/sh
# hpt-ask and hpt-tell of trials that are made of several runs: folds, repeats, rungs of a budget.
. "${0%/*}/lib.sh"
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

value() { hpt-query -H "$1"; }
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
run() { hpt-run -q --print=none --no-code --trace=off "$@"; }
ids() { cut -f 1 "$1" | tr '\n' ' '; }
# A loop outside: what was asked for, run as hpt-run would run it. loop STUDY N COMMAND [--wait=T], of columns in the order given.
loop() {
    while hpt-ask -q -s "$1" -N "$2" ${4:-} -f tsv -H >asked; do
        cat asked >>"all-$1"
        while IFS='	' read -r id rest; do echo "$id $(eval "$3")" || return 1; done <asked | hpt-tell -q || return 1
    done
}
# The loss of a fold is that of its parameter, moved by the fold, and by something that depends on both.
cat >fold <<'END'
#!/bin/sh
awk -v x="$1" -v fold="$2" 'BEGIN { printf "loss=%.6f\n", (x - 0.3) ^ 2 + fold / 100 + sin(7 * x + 3 * fold) / 100 }'
END
chmod +x fold

test_ok 'a project' 'test_db'
test_ok '--folds: the folds of a trial come first, each with an id, a fold and a seed of its own' '
    hpt-ask -s cv --folds=3 --seed=5 --sampler=random --pruner=none -p x=0.0..1.0 -m loss -t 2 -N 2 -f tsv >out 2>err && test_empty err &&
    test_is "$(head -1 out)" "hpt.id	hpt.seed	hpt.fold	hpt.repeat	hpt.split	x" &&
    test_is "$(sed 1d out | cut -f 1,3,4 | tr "\t\n" " ;")" "cv/0 0 0;cv/0.2 1 0;" && test_is "$(sed 1d out | cut -f 6 | sort -u | wc -l)" 1 &&
    hpt-ask -s cv >json && test_grep "\"fold\":2,\"folds\":3,\"id\":\"cv/0.3\",\"repeat\":0,\"seed\":[0-9]+,\"split\":[0-9]+,\"study\":\"cv\",\"trial\":0" json &&
    hpt-ask -s cv -f env >env && test_is "$( (HPT_RESUME=old; eval "$(cat env)"; echo "$HPT_ID $HPT_TRIAL $HPT_FOLD $HPT_FOLDS $HPT_REPEAT") )" "cv/1 1 0 3 0" &&
    test_grep "HPT_SPLIT=" env && test_no_grep "HPT_BUDGET|HPT_RESUME" env &&
    hpt-ask -s cv -N 9 -f tsv -H >rest 2>err && test_is "$(ids rest)" "cv/1.2 cv/1.3 " &&
    test_grep "note: 2 of 9: all runs of study .cv. that are settled are given out; more may come" err
'
test_ok 'told: the trial is complete with its last fold, its metric the mean; the same again is harmless' '
    hpt-tell cv/0 loss=1 && hpt-tell cv/0.3 loss=3 && test_is "$(value "select state, loss from cv where trial = 0")" "running	\N" &&
    hpt-tell cv/0.3 loss=3 2>err && test_grep "note: cv/0.3 was told of before, the same" err &&
    test_exit 1 hpt-tell cv/0.3 loss=4 2>err && test_grep "cv/0.3 is refused: it has another result already, loss=3" err &&
    sed "s|\"id\"|\"metrics\":{\"loss\":5},\"id\"|" json >told && test_exit 1 hpt-tell <told 2>err && hpt-tell cv/0.2 loss=5 &&
    test_is "$(value "select state, loss from cv where trial = 0")" "complete	3" &&
    test_is "$(value "select value, evaluations, round(se::numeric, 6) from metric m where study = \$\$cv\$\$ and trial = 0")" "3	3	1.154701" &&
    test_is "$(value "select fold, value from evaluation_metric where study = \$\$cv\$\$ and trial = 0 order by 1" | tr "\t\n" " ;")" "0 1;1 5;2 3;"
'
test_ok 'a fold that fails fails its trial, and the results of its others are not needed' '
    hpt-tell --failed --cause="no oven" cv/1.2 && test_is "$(value "select state, cause from cv where trial = 1")" \
        "failed	fold 1 of repeat 0: no oven" &&
    hpt-tell cv/1 loss=1 2>err && test_is "$(cat err)" "hpt-tell: note: cv/1 is not needed any more: its trial had ended before" &&
    test_is "$(value "select count(*) from evaluation_metric where study = \$\$cv\$\$ and trial = 1")" 0 &&
    hpt-tell --release cv/1.3 && test_exit 1 hpt-ask -s cv 2>err && test_grep "study .cv. has all its trials" err
'
test_ok 'the same trials, seeds and means as of hpt-run' '
    run -s crossed --folds=3 --seed=5 --sampler=random --pruner=none -t 2 -m loss x=0.0..1.0 -- ./fold {x} {hpt.fold} &&
    for study in cv crossed; do value "select e.trial, fold, repeat, e.seed, t.seed, params from evaluation e join hpt.trial t using (study, trial)
        where study = \$\$$study\$\$ order by 1, 2" >"of-$study" || return 1; done && test_is "$(wc -l <of-cv)" 6 && test_cmp of-cv of-crossed &&
    sed 1d out | cut -f 2 >given && value "select seed from evaluation where study = \$\$cv\$\$ and trial = 0 and fold < 2 order by fold" | test_cmp given -
'
test_ok 'a lease that ran out: the same fold again, what is told of it before is refused' '
    hpt-ask -q -s lien --folds=2 --pruner=none -p x=0.0..1.0 -m loss -t 1 -N 2 -f tsv -H >out && test_is "$(ids out)" "lien/0 lien/0.2 " &&
    sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$ where attempt = 1" &&
    hpt-ask -q -s lien -f tsv -H >again && test_is "$(cut -f 1,3 again)" "lien/0.3	0" && test_is "$(cut -f 2 again)" "$(sed -n 1p out | cut -f 2)" &&
    test_exit 1 hpt-tell lien/0 loss=1 2>err && test_grep "lien/0 is refused: its lease ran out at .*, and it was given out again as lien/0.3" err &&
    hpt-tell --release lien/0.2 && hpt-ask -q -s lien -f tsv -H >again && test_is "$(cut -f 1,3 again)" "lien/0.4	1" &&
    hpt-tell --alive lien/0.4 >out && hpt-tell lien/0.3 loss=1 && hpt-tell lien/0.4 loss=2 && test_is "$(value "select state, loss from lien")" "complete	1.5"
'
test_ok '--repeats and --reserve-fold; values that are given' '
    hpt-ask -q -s kept --folds=3 --reserve-fold --repeats=2 --pruner=none -p x=0.0..1.0 -p k=a,b -m loss -t 2 -N 4 -f tsv -H k=b x=0.25 >out &&
    test_is "$(ids out)" "kept/0 kept/1 " && test_is "$(cut -f 3- out | cut -f 1,2,4,5 | tr "\t\n" " ;")" "0 0 b 0.25;0 0 b 0.25;" &&
    hpt-ask -q -s kept -N 9 -f tsv -H >out && test_is "$(cut -f 1,3,4 out | tr "\t\n" " ;")" \
        "kept/0.2 1 0;kept/0.3 0 1;kept/0.4 1 1;kept/1.2 1 0;kept/1.3 0 1;kept/1.4 1 1;" && test_is "$(cut -f 6,7 out | sort -u)" "b	0.25" &&
    test_is "$(cut -f 4,5 out | sort -u | wc -l)" 2
'
test_ok 'a race: folds that are held come with the decision, and what is hopeless ends early' '
    hpt-ask -q -s race --folds=8 --seed=1 --sampler=random -p x=0.0..1.0 -m loss -t 8 --point "{\"x\":0.3}" --point "{\"x\":0.9}" >/dev/null &&
    hpt-tell --release race/0 && loop race 1 "set -- \$rest; ./fold \$5 \$2" &&
    run -s racing --folds=8 --seed=1 --sampler=random -t 8 -m loss --point "{\"x\":0.3}" --point "{\"x\":0.9}" x=0.0..1.0 -- ./fold {x} {hpt.fold} &&
    for study in race racing; do value "select trial, place, stop, value from pruning where study = \$\$$study\$\$" | sort >"of-$study" || return 1; done &&
    comm -23 of-race of-racing >more && test_empty more && test "$(wc -l <of-race)" -gt 10 && test_grep "true" of-race &&
    test_is "$(value "select trial, state, evaluations from race where trial < 2 order by trial" | tr "\t\n" " ;")" "0 complete 8;1 pruned 3;" &&
    value "select cause from race where trial = 1" >cause && test_grep "^race: " cause
'
test_ok 'a result that comes after the race is lost is not needed, and a decision that was not made is made by the next' '
    hpt-ask -q -s tight --folds=8 --sampler=random -p x=0.0..1.0 -m loss -t 2 --point "{\"x\":0.3}" --point "{\"x\":0.9}" -N 8 -f tsv -H >first &&
    test "$(wc -l <first)" -lt 8 && sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" &&
    loop tight 1 "set -- \$rest; ./fold \$5 \$2" && test_is "$(value "select state from tight order by trial" | tr "\n" " ")" "complete pruned " &&
    test_exit 1 hpt-tell tight/0 loss=1 2>err && test_grep "tight/0 is refused: its lease ran out" err
'
test_ok 'one that was killed before the decision: the same told again makes it' '
    hpt-ask -q -s late --folds=8 -p x=0.0..1.0 -m loss -t 1 >/dev/null &&
    test_is "$(sql -c "select verdict, more from hpt_record.trial_tell((select id from hpt_record.study where name = \$\$late\$\$), 0, 1,
        \$\$complete\$\$, \$\$told\$\$, \$\${loss}\$\$, \$\${9}\$\$, 3)")" "done t" &&
    test_is "$(value "select count(*) from pruning where study = \$\$late\$\$")" 0 && hpt-tell -q late/0 loss=9 && hpt-tell -q late/0 loss=9 &&
    test_is "$(value "select trial, place, stop from pruning where study = \$\$late\$\$")" "0	1	false"
'
test_ok 'who asks between the end of a fold and its decision gets nothing that the decision lets out, and a while after a kill one fold' '
    hpt-ask -q -s between --folds=8 -p x=0.0..1.0 -m loss -t 1 -N 9 -f tsv -H >first && test_is "$(ids first)" "between/0 between/0.2 between/0.3 " &&
    for attempt in 1 2 3; do test_is "$(sql -c "select verdict, more from hpt_record.trial_tell((select id from hpt_record.study where name = \$\$between\$\$), 0, $attempt,
        \$\$complete\$\$, \$\$told\$\$, \$\${loss}\$\$, \$\${9}\$\$, 3)")" "done t" || return 1; done && test_exit 1 hpt-ask -s between 2>err && test_grep "may come" err &&
    for id in between/0 between/0.2 between/0.3; do hpt-tell -q $id loss=9 || return 1; done && hpt-ask -q -s between -N 9 -f tsv -H >next && test_is "$(ids next)" "between/0.4 between/0.5 between/0.6 " &&
    for attempt in 4 5 6; do sql -c "select from hpt_record.trial_tell((select id from hpt_record.study where name = \$\$between\$\$), 0, $attempt,
        \$\$complete\$\$, \$\$told\$\$, \$\${loss}\$\$, \$\${9}\$\$, 3)" || return 1; done && test_exit 1 hpt-ask -q -s between &&
    sql -c "update hpt_record.attempt set ended_at = ended_at - interval \$\$11 s\$\$ where study_id = (select id from hpt_record.study where name = \$\$between\$\$)" &&
    hpt-ask -q -s between -N 9 -f tsv -H >next && test_is "$(ids next)" "between/0.7 "
'
test_ok 'told again, when more folds are told or the next rung has begun: nothing is decided again' '
    hpt-ask -q -s told --folds=8 -p x=0.0..1.0 -m loss -t 1 -N 9 -f tsv -H >first && test_is "$(ids first)" "told/0 told/0.2 told/0.3 " &&
    hpt-tell told/0 loss=1 && hpt-tell told/0.2 loss=1 && for i in 1 2; do hpt-tell -q told/0 loss=1 && hpt-tell -q told/0.2 loss=1 || return 1; done &&
    test_is "$(value "select attempt, place from pruning where study = \$\$told\$\$ order by 1" | tr "\t\n" " ;")" "1 1;2 2;" &&
    hpt-ask -q -s told -N 9 -f tsv -H >next && test_is "$(ids next)" "told/0.4 told/0.5 " &&
    hpt-ask -q -s steps --folds=5 --budget=1..2:2 -p x=0.0..1.0 -m loss -t 1 -f tsv -H >first && hpt-tell steps/0 loss=1 &&
    while hpt-ask -q -s steps -f tsv -H >one && test_is "$(cut -f 6 one)" 1; do hpt-tell "$(cut -f 1 one)" loss=1 && last=$(cut -f 1 one) || return 1; done >more &&
    value "select trial, attempt, place from pruning where study = \$\$steps\$\$ and kind = \$\$fold\$\$" >decided && test_is "$(wc -l <decided)" 4 &&
    test_is "$(cut -f 6 one)" 2 && hpt-tell -q "$last" loss=1 && hpt-tell -q steps/0 loss=1 &&
    value "select trial, attempt, place from pruning where study = \$\$steps\$\$ and kind = \$\$fold\$\$" | test_cmp decided -
'
# Halving: the loss falls with the budget, and where it goes on from is in what it says.
test_ok '--budget: rung by rung; what goes on says what from; the same trials and rungs as of hpt-run' '
    points="" && for x in 1 2 3 4 5 6 7 8 9; do points="$points --point {\"x\":0.$x}"; done &&
    hpt-ask -q -s rungs --budget=1..9:3 --pruner=asha $points -p x=0.0..1.0 -m loss -t 9 -f tsv >out && test_is "$(head -1 out)" "hpt.id	hpt.seed	hpt.budget	hpt.resume	x" &&
    test_is "$(sed 1d out | cut -f 1,3-)" "rungs/0	1	\N	0.1" && hpt-tell rungs/0 loss=0.04 && test_is "$(value "select state from rungs")" pruned &&
    loop rungs 1 "set -- \$rest; ./fold \$4 0" && run -s climbed --budget=1..9:3 --pruner=asha $points -t 9 -m loss x=0.0..1.0 -- ./fold {x} 0 &&
    for study in rungs climbed; do value "select trial, budget, e.state, resume_trial, resume_attempt from evaluation e
        where study = \$\$$study\$\$ order by 1, 2" >"of-$study" || return 1; done && test_cmp of-rungs of-climbed &&
    test_is "$(cut -f 2 of-rungs | sort | uniq -c | tr -s " " | tr "\n" ";")" " 9 1; 3 3; 1 9;" &&
    test_is "$(value "select trial, state, loss from rungs where state = \$\$complete\$\$")" "2	complete	0.008632" &&
    test_is "$(grep "^rungs/2[^0-9]" all-rungs | cut -f 1,3,4 | tr "\t\n" " ;")" "rungs/2 1 \\N;rungs/2.2 3 rungs/2;rungs/2.3 9 rungs/2.2;" &&
    test_exit 1 hpt-ask -s rungs 2>err && test_grep "study .rungs. has all its trials" err && test_exit 0 hpt-replay -q --suggest rungs
'
test_ok '--budget with folds, several at a time, and hpt-run beside: each run of each trial once' '
    hpt-ask -q -s pair --folds=2 --budget=1..4:2 --seed=3 -p x=0.0..1.0 -m loss -t 12 >first &&
    hpt-tell --release pair/0 && { loop pair 3 "set -- \$rest; ./fold \$7 \$2" --wait=1m & one=$!; } &&
    while hpt-ask -q -s pair --wait=1m >one; do sed "s|\"id\"|\"values\":[0.5],\"id\"|" one | hpt-tell -q || return 1; done && wait $one &&
    test_is "$(value "select count(*) - count(distinct (trial, evaluation)), count(distinct trial), bool_and(state = \$\$complete\$\$) from evaluation
        where study = \$\$pair\$\$")" "0	12	true" && test_is "$(value "select count(*) > 0 from pair where state = \$\$complete\$\$")" true &&
    test_is "$(value "select count(*) from finding where kind = \$\$error\$\$")" 0
'
test_ok 'a study that hpt-run made is asked for too, and both at once finish it' '
    run -s mixed --folds=4 --pruner=none -t 1 -m loss x=0.0..1.0 -- ./fold {x} {hpt.fold} && { run -s mixed -t 12 -j 2 & worker=$!; } &&
    hpt-ask -q -s mixed -t 12 --wait=1m >one && hpt-tell --release "$(sed "s/.*\"id\":\"\([^\"]*\).*/\1/" one)" &&
    loop mixed 2 "set -- \$rest; ./fold \$5 \$2" --wait=1m && wait $worker &&
    test_is "$(value "select count(*), bool_and(state = \$\$complete\$\$), bool_and(evaluations = 4) from mixed")" "12	true	true" &&
    value "select fold, x, value from evaluation_metric e join mixed t using (trial) where study = \$\$mixed\$\$" >got && test_is "$(wc -l <got)" 48 &&
    while read -r n x loss; do test_is "loss=$(printf %.6f "$loss")" "$(./fold "$x" "$n")" || return 1; done <got
'
test_ok '--ordered with folds: the next proposal waits for all folds' '
    hpt-ask -q -s order --ordered --folds=2 -p x=0.0..1.0 -m loss -t 3 -N 1 >/dev/null && test_exit 0 hpt-ask -q -s order -f tsv -H >out && test_is "$(ids out)" "order/0.2 " &&
    test_exit 1 hpt-ask -q -s order && hpt-tell order/0 loss=1 && test_exit 1 hpt-ask -q -s order && hpt-tell order/0.2 loss=1 &&
    hpt-ask -q -s order -N 3 -f tsv -H >out && test_is "$(ids out)" "order/1 order/1.2 "
'
test_ok '--serve: folds and what is not needed' '
    printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"ask\"}" "{\"op\":\"tell\",\"id\":\"served/0\",\"failed\":\"no\"}" \
        "{\"op\":\"tell\",\"id\":\"served/0.2\",\"values\":[1]}" "{\"op\":\"ask\"}" "{\"op\":\"tell\",\"id\":\"served/1\",\"values\":[1]}" "{\"op\":\"quit\"}" |
        hpt-ask --serve -s served --folds=2 --pruner=none -p x=0.0..1.0 -m loss >out 2>err && test_empty err &&
    test_is "$(sed -n "3p;4p;6p" out | tr -d "\n")" "{\"ok\":true}{\"ok\":true,\"over\":true}{\"ok\":true}" &&
    test_is "$(sed -n "1p;2p;5p" out | sed "s/.*\"fold\":\([0-9]\).*\"id\":\"\([^\"]*\)\".*/\2 \1/" | tr "\n" ";")" "served/0 0;served/0.2 1;served/1 0;" &&
    test_is "$(value "select state from served order by trial" | tr "\n" " ")" "failed waiting "
'
test_ok 'the record goes elsewhere and comes back whole' '
    hpt-export -s rungs -o rungs.tar 2>err && mkdir elsewhere && (cd elsewhere && test_db && hpt-import ../rungs.tar 2>err &&
        test_is "$(value "select count(*) from evaluation")" 13 && test_exit 0 hpt-replay -q --suggest rungs) && test_exit 4 hpt-replay rungs.tar#2 2>err &&
    test_grep "hpt-ask gave it out" err
'
test_ok 'wrong use: pruners that have nothing to go by, options of a study that is not made' '
    test_exit 2 hpt-ask -s wrong --pruner=race -p x=0.0..1.0 -m loss 2>err && test_grep "pruner .race. needs several evaluations of a trial" err &&
    test_exit 2 hpt-ask -s wrong --folds=3 --pruner=pbt -p x=0.0..1.0 -m loss 2>err && test_grep "pruner .pbt. needs rungs" err &&
    test_exit 2 hpt-ask -s wrong --budget=9..1 -p x=0.0..1.0 -m loss 2>err && test_grep "^hpt-ask: --budget: " err &&
    test_exit 2 hpt-ask -s wrong --folds=101 --repeats=100 -p x=0.0..1.0 -m loss 2>err && test_grep "10000 are the most" err &&
    for option in --folds=2 --repeats=2 --reserve-fold --budget=1..2 --pruner=race; do
        test_exit 2 hpt-ask -s cv $option 2>err && test_grep "^hpt-ask: ${option%=*} without a search space" err &&
        test_exit 2 hpt-ask --serve $option 2>err && test_grep "${option%=*} and --serve need a study" err || return 1; done &&
    test_exit 2 hpt-ask -s cv --folds=4 -p x=0.0..1.0 -m loss 2>err && test_grep "folds *- 3" err && test_is "$(value "select count(*) from study where study = \$\$wrong\$\$")" 0
'
test_done
