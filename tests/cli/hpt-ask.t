#!/bin/sh
# hpt-ask: trials of a study for a loop outside, and lines of JSON in and out; each option by its name.
. "${0%/*}/lib.sh"

init='{"op":"init","space":["x=0.0..1.0","k=a,b","y=1..9:if=k=b"],"seed":3}'

test_ok '--serve: each line is answered by one' '
    printf "%s\n" "$init" "{\"op\":\"ask\"}" "{\"op\":\"ask\"}" \
        "{\"op\":\"tell\",\"id\":2,\"values\":[1]}" "{\"op\":\"tell\",\"id\":1,\"values\":[2]}" \
        "{\"op\":\"best\"}" | test_exit 0 hpt-ask --serve --sampler=random >out 2>err &&
    test_empty err &&
    hpt-space --sample=2 --seed=3 x=0.0..1.0 k=a,b y=1..9:if=k=b >drawn &&
    sed -n "s/^{\"config\":\(.*\),\"id\":[12]}$/\1/p" out | test_cmp drawn - &&
    test_is "$(sed -n 1p out)" "{\"ok\":true}" &&
    test_is "$(sed -n "4,\$p" out | tr -d "\n")" "{\"ok\":true}{\"ok\":true}{\"id\":2}" &&
    test_is "$(wc -l <out)" 6
'
test_ok '--sampler, and that of a line goes before it' '
    ask() { printf "%s\n" "$1" "{\"op\":\"ask\"}" | hpt-ask --serve $2; } &&
    ask "{\"op\":\"init\",\"space\":[\"n=1..3\"]}" --sampler=grid >out &&
    test_is "$(sed -n 2p out)" "{\"config\":{\"n\":1},\"id\":1}" &&
    ask "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"sampler\":\"grid\"}" --sampler=random >again &&
    test_cmp out again &&
    test_exit 2 hpt-ask --serve --sampler=gird </dev/null 2>err &&
    test_grep "^hpt-ask: unknown sampler .gird.; did you mean .grid.\?" err
'
test_ok 'the direction of an objective' '
    for direction in min:1 max:2; do
        { printf "{\"op\":\"init\",\"space\":[\"x=0.0..1.0\"],\"objectives\":[\"%s\"]}\n" "${direction%:*}" &&
            printf "{\"op\":\"%s\",\"id\":1,\"values\":[1]}\n" ask tell &&
            printf "{\"op\":\"%s\",\"id\":2,\"values\":[2]}\n" ask tell best; } | hpt-ask --serve >out &&
        test_is "$(tail -n 1 out)" "{\"id\":${direction#*:}}" || return 1
    done
'
test_ok 'quit ends, and so does the end of the input' '
    printf "{\"op\":\"quit\"}\nnonsense\n" | test_exit 0 hpt-ask --serve >out && test_empty out &&
    test_exit 0 hpt-ask --serve </dev/null >out && test_empty out
'
test_ok 'a bad line is answered with its error, and the program goes on' '
    printf "%s\n" "nonsense" "{\"op\":\"ask\"}" "{\"op\":\"aks\"}" "{\"op\":\"init\",\"space\":[\"x=2..1\"]}" "[]" \
        "$init" "" "{\"op\":\"tell\"}" "{\"op\":\"tell\",\"id\":1,\"values\":[1]}" "{\"op\":\"ask\"}" \
        "{\"op\":\"tell\",\"id\":1,\"values\":[1,2]}" "{\"op\":\"tell\",\"id\":1,\"values\":null}" \
        "{\"op\":\"tell\",\"id\":1,\"values\":[1]}" "{\"op\":\"best\"}" | test_exit 0 hpt-ask --serve >out &&
    test_is "$(wc -l <out)" 13 &&
    test_is "$(grep -c "^{\"error\":\"" out)" 10 && test_grep ".id. must say which trial" out &&
    test_grep "must be an .init." out && test_grep "did you mean .ask.\?" out &&
    test_grep "space .x=2..1.: parameter .x.: lower bound 2 is above" out &&
    test_grep "there is no trial 1" out && test_grep "array of 1 number\"" out &&
    test_grep "trial 1 has its result already" out && test_grep "no trial has a result yet" out
'
test_ok 'a line as long as it likes' '
    { printf "{\"op\":\"init\",\"seed\":1,\"note\":\"" && head -c 300000 /dev/zero | tr "\0" x &&
        printf "\",\"space\":[\"x=1\"]}\n{\"op\":\"ask\"}"; } | test_exit 0 hpt-ask --serve >out &&
    test_is "$(tail -n 1 out)" "{\"config\":{\"x\":1},\"id\":1}"
'
test_ok 'wrong use of --serve without a study' '
    test_exit 2 hpt-ask --serve x=1..2 2>err && test_grep "argument 2 .x=1..2.: none is taken" err &&
    test_exit 2 hpt-ask --serve -p x=1..2 2>err && test_grep "^hpt-ask: -p and --serve need a study" err &&
    test_exit 2 hpt-ask --serve -N 2 2>err && test_grep "^hpt-ask: --serve answers a line by a line: --count" err &&
    test_exit 2 hpt-ask --serve -f tsv 2>err && test_grep ": --format makes no sense" err
'
test_ok '--serve, fixed: the rest is proposed' '
    printf "%s\n" "$init" "{\"op\":\"ask\",\"fixed\":{\"k\":\"b\",\"y\":7}}" "{\"op\":\"ask\",\"fixed\":{\"y\":7}}" |
        hpt-ask --serve >out && test_grep "\"k\":\"b\",\"x\":[0-9.]*,\"y\":7" out &&
    test_grep "give .k. a value too" out
'
test_ok 'a full disk' '
    printf "%s\n" "$init" | test_exit 125 hpt-ask --serve >/dev/full 2>err &&
    test_is "$(cat err)" "hpt-ask: standard output: No space left on device" &&
    { printf "%s\n" "$init" | hpt-ask --serve 2>err; echo $? >status; } | : && test_grep "^(0|141)$" status && test_empty err
'

# ---- trials of a study ----

[ -x "$TEST_BUILD/hpt-init" ] || { test_done; exit; }
oven='-s oven -p temp=150..220 -p fan=on,off -p speed=1..5:if=fan=on -m taste:max -m cost:track --seed=1'
value() { hpt-query -H "$1"; }
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }

test_ok '--study, --param, --metric: the line makes the study, again it goes on, and so does the name' '
    test_db && test_exit 0 hpt-ask $oven >first 2>err && test_empty err && test_is "$(wc -l <first)" 1 &&
    test_grep "^\{\"attempt\":1,\"config\":\{\"fan\":\"(on|off)\",.*\},\"id\":\"oven/0\",\"seed\":[0-9]+,\"study\":\"oven\",\"trial\":0,\"until\":\"20.*Z\"\}$" first &&
    hpt-ask $oven >second && test_grep "\"id\":\"oven/1\"" second &&
    hpt-ask --study=oven >third && test_grep "\"id\":\"oven/2\"" third &&
    test_is "$(value "select count(*), min(trial), max(trial) from oven")" "3	0	2" &&
    test_is "$(value "select distinct t.state, a.outside, a.argv is null from hpt.attempt a join hpt.trial t using (study, trial)")" "running	true	true"
'
test_ok 'the proposals are those of hpt-run with the same seed' '
    hpt-run -q --print=none -s twin -t 3 --seed=1 --no-code --trace=off -m taste:max temp=150..220 fan=on,off speed=1..5:if=fan=on \
        -- sh -c "echo taste={temp} # {fan} {speed:-0}" &&
    value "select params, seed from hpt.trial where study = \$\$twin\$\$ order by trial" >wanted && test "$(wc -l <wanted)" = 3 &&
    value "select params, seed from hpt.trial where study = \$\$oven\$\$ order by trial" | test_cmp wanted -
'
test_ok '--count, --format=tsv, --no-header: a column a parameter, \N for an inactive one' '
    hpt-ask -s oven --count=8 --format=tsv >out && test_is "$(wc -l <out)" 9 &&
    test_is "$(head -n 1 out)" "hpt.id	hpt.seed	fan	temp	speed" && test_is "$(sed -n 2p out | cut -f 1)" oven/3 &&
    awk -F "\t" "NR > 1 && (\$3 == \"off\") != (\$5 == \"\\\\N\") { bad = 1 } END { exit bad }" out &&
    hpt-ask -s oven -N 2 -f tsv --no-header >out && test_is "$(wc -l <out)" 2 &&
    test_exit 2 hpt-ask -s oven --count=0 2>err && test_grep "^hpt-ask: --count takes a whole number from 1" err &&
    test_exit 2 hpt-ask -s oven -f tvs 2>err && test_grep "unknown format .tvs.; did you mean .tsv.\?" err
'
cat >odd.pcs <<'END'
k categorical {"a b; exit 3", "it's $(exit 4)"}
w categorical {on, off}
z integer [1, 2] | w == on
END
test_ok '--space, --format=env: what a shell evaluates, quoted, with nothing stale' '
    for n in 0 1 2 3; do
        hpt-ask -s odd --space=odd.pcs -m v --seed=3 --format=env >out &&
        (HPT_PARAM_z=stale && eval "$(cat out)" && test_is "$HPT_STUDY $HPT_ID $HPT_TRIAL" "odd odd/$n $n" &&
            value "select params ->> \$\$k\$\$, coalesce(params ->> \$\$z\$\$, \$\$none\$\$), seed from hpt.trial
                   where study = \$\$odd\$\$ and trial = $n" >wanted &&
            printf "%s\t%s\t%s\n" "$HPT_PARAM_k" "${HPT_PARAM_z-none}" "$HPT_SEED" | test_cmp wanted -) || return 1
    done &&
    test_is "$(value "select count(distinct params ->> \$\$k\$\$), count(distinct params ->> \$\$w\$\$) from hpt.trial where study = \$\$odd\$\$")" "2	2" &&
    test_exit 2 hpt-ask -s odd -f env -N 2 2>err && test_grep "for one trial" err
'
test_ok 'NAME=VALUE: the rest is proposed, the record says so, and the proposal can be made again' '
    for sampler in random sobol tpe gp auto grid; do
        hpt-ask -s "$sampler" -p x=0.0..1.0 -p k=a,b,c -p z=0.0..1.0:if=k=b -m v --sampler="$sampler" --seed=1 -N 12 -f tsv >out &&
        awk -F "\t" "NR > 1 { print \$1, \"v=\" NR / 10 }" out | hpt-tell &&
        hpt-ask -s "$sampler" -N 3 k=b z=0.25 >fixed && hpt-ask -s "$sampler" >after &&
        test_is "$(grep -c "\"k\":\"b\",.*\"z\":0.25}" fixed)" 3 &&
        test_is "$(value "select distinct proposal -> \$\$fixed\$\$ from hpt.trial where study = \$\$$sampler\$\$ and trial between 12 and 14")" \
            "{\"k\": \"b\", \"z\": \"0.25\"}" &&
        test_is "$(value "select count(*) from hpt.trial where study = \$\$$sampler\$\$ and proposal ? \$\$fixed\$\$")" 3 &&
        test_exit 0 hpt-replay --suggest "$sampler" >out 2>err && test_grep "16 of 16 proposals are made again" err || return 1
    done
'
test_ok 'what cannot be fixed is refused, and takes no trial' '
    before=$(value "select count(*) from hpt.trial") &&
    test_exit 2 hpt-ask -s oven tmep=200 2>err && test_grep "unknown parameter .tmep.; did you mean .temp.\?" err &&
    test_exit 2 hpt-ask -s oven temp=300 2>err && test_grep "300 is outside" err &&
    test_exit 2 hpt-ask -s oven speed=2 2>err && test_grep "^hint: give .fan. a value too" err &&
    test_exit 2 hpt-ask -s oven temp=1..2 2>err && test_grep "argument 3 .temp=1..2.: it is a domain" err &&
    test_exit 2 hpt-ask -s oven temp 2>err && test_grep "it is no NAME=VALUE" err &&
    test_exit 2 hpt-ask -s oven temp=200 temp=200 2>err && test_grep "has a value already" err &&
    test_exit 2 hpt-ask -s clause -p a=1,2:cat -p b=1,2:cat -p "{a == 1}" -m v a=1 2>err && test_grep "forbidden" err &&
    test_is "$(value "select count(*) from hpt.trial")" "$before"
'
test_ok '--total is for all, at its end the status is 1' '
    hpt-ask -s few -p x=0.0..1.0 -m v --total=3 -N 2 >out && test_is "$(wc -l <out)" 2 &&
    test_exit 0 hpt-ask -s few -N 2 >out 2>err && test_is "$(wc -l <out)" 1 &&
    test_grep "note: 1 of 2: the last trials of study .few. are given out" err &&
    test_exit 1 hpt-ask -s few >out 2>err && test_empty out && test_grep "may come back" err &&
    hpt-tell few/0 v=1 && hpt-tell few/1 v=1 && hpt-tell few/2 v=1 && test_exit 1 hpt-ask -s few 2>err &&
    test_grep "study .few. has all its trials" err && test_exit 1 hpt-ask -q -s few 2>err && test_empty err &&
    hpt-ask -s few -t 4 >out && test_grep "few/3" out && test_exit 1 hpt-ask --quiet -s few x=0.5 2>err && test_empty err
'
test_ok '--point, --no-default-trial, --seed and --sampler make the study' '
    hpt-ask -s points -p x=0.0..1.0:default=0.75 -m v --point="{\"x\":0.125}" -N 2 >out &&
    test_grep "\"x\":0.75" out && test_grep "\"x\":0.125" out &&
    hpt-ask -s bare -p x=0.0..1.0:default=0.75 -m v --no-default-trial --seed=7 --sampler=sobol >out && test_no_grep "0.75" out &&
    test_is "$(value "select seed, sampler from hpt.study where study = \$\$bare\$\$")" "7	sobol"
'
test_ok 'a study that only tracks: there is nothing to be pruned by, and nothing that asks for it' '
    hpt-ask -q -s tracks -p x=0.0..1.0 -m wall:track -f tsv -H >got 2>err && test_is "$(cut -f 1 got)" tracks/0 && hpt-tell tracks/0 wall=4 &&
    test_is "$(hpt-query -H "select state, wall from tracks")" "complete	4" &&
    test_exit 2 hpt-run -q -s never --pruner=asha -m wall:track:time --allow-unused x=0.0..1.0 -- true 2>err && test_grep "^hpt-run: --pruner needs a metric" err
'
test_ok 'a study that differs is refused, --extend widens it' '
    test_exit 2 hpt-ask -s wide -p x=0.0..1.0 2>err && test_grep "a search space without -m" err &&
    hpt-ask -s wide -p x=0.0..1.0 -m v >out && test_exit 2 hpt-ask -s wide -p x=0.0..2.0 -m v 2>err &&
    test_grep "is there already and differs" err && test_grep "^hint: --extend" err &&
    hpt-ask -s wide -p x=0.0..2.0 -m v --extend >out && test_grep "wide/1" out &&
    test_exit 2 hpt-ask -s wide -p x=0.0..2.0 -m w --extend 2>err && test_grep "metrics" err &&
    test_exit 2 hpt-ask -s wide -p x=0.0..2.0 -p y=1..9:default=5 -m v --extend 2>err && test_grep "points .*default first" err &&
    for extend in --extend -q; do hpt-ask -s wide -p x=0.0..2.0 -p y=1..9:default=5 -m v --no-default-trial $extend >out && test_grep "\"y\":" out || return 1; done &&
    test_exit 2 hpt-ask -s wide -p x=0.0..1.0 -m v 2>err && test_grep "space" err &&
    test_exit 2 hpt-ask -s wide -m v 2>err && test_grep "^hpt-ask: -m without a search space" err &&
    test_exit 2 hpt-ask -p x=1..2 -m v 2>err && test_grep "needs a name: -s NAME" err &&
    test_exit 2 hpt-ask -s new -p x=1..2 -m "v:min:re=([0-9]+)" 2>err && test_grep "its numbers come by hpt-tell" err &&
    test_exit 4 hpt-ask -s wdie 2>err && test_grep "did you mean .wide.\?" err &&
    test_exit 2 hpt-ask 2>err && test_grep "^hpt-ask: which study\? there are" err
'
test_ok '--allow-secrets' '
    token=ghp_0123456789abcdefghijklmnopqrstuvwxyz &&
    test_exit 2 hpt-ask -s secret -p "t categorical {$token, b}" -m v 2>err && test_grep "looks like a secret" err &&
    hpt-ask -s secret -p "t categorical {$token, b}" -m v --allow-secrets >out
'
test_ok '--lease: when it is over the trial is given out again, the same under another id' '
    hpt-ask -s lease -p x=0.0..1.0 -m v --lease=30m >first && test_grep "\"id\":\"lease/0\"" first &&
    test_is "$(sql -c "select l.seconds, l.until > now() + interval \$\$25 min\$\$, l.until < now() + interval \$\$35 min\$\$
        from hpt_record.lease l join hpt_record.study s on s.id = l.study_id where s.name = \$\$lease\$\$")" "1800 t t" &&
    hpt-ask -s lease >other && test_grep "lease/1" other &&
    run_out="update hpt_record.lease set until = now() - interval \$\$1 s\$\$ where number = 0
             and study_id = (select id from hpt_record.study where name = \$\$lease\$\$)" &&
    sql -c "$run_out" && hpt-ask -s lease >again && test_grep "\"id\":\"lease/0.2\"" again && test_grep "\"attempt\":2," again &&
    for part in config seed; do
        test_is "$(grep -o "\"$part\":[^,]*" again)" "$(grep -o "\"$part\":[^,]*" first)" || return 1
    done &&
    test_is "$(value "select attempt, outcome, cause from hpt.attempt where study = \$\$lease\$\$ and trial = 0 order by 1" | tr "\t\n" " ;")" \
        "1 lost lease ran out;2 running \N;" &&
    for n in 2 3; do sql -c "$run_out" && hpt-ask -s lease >out || return 1; done &&
    test_is "$(value "select state from lease where trial = 0")" lost &&
    test_exit 1 hpt-tell lease/0.3 v=1 2>err && test_grep "lease/0.3 is refused: its lease ran out at .*, and it is lost for good$" err &&
    test_exit 2 hpt-ask -s lease --lease=10ms 2>err && test_grep "from one second to a year" err
'
test_ok 'with an hpt-run on one study: one sequence of numbers, and what an hpt-ask gave out stays given' '
    run="hpt-run -q --print=none --no-code --trace=off -s both" &&
    $run -t 4 --seed=1 -m v x=0.0..1.0 -- sh -c "echo v={x}" && hpt-ask -s both -t 6 >out && test_grep "both/4" out &&
    $run -T 1 && test_is "$(value "select trial, state, attempt from both_2 where trial > 3 order by 1" | tr "\t\n" " ;")" \
        "4 running 1;5 complete 1;" && hpt-tell both/4 v=1 &&
    hpt-ask -s both -t 7 >out && test_grep "both/6" out &&
    sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$ where number = 6" &&
    $run && test_is "$(value "select state, attempt, cause from both_2 where trial = 6")" "complete	2	exit status 0" &&
    test_exit 1 hpt-tell both/6 v=1 2>err && test_grep "both/6 is refused: its lease ran out at .* was given out again as both/6.2" err &&
    test_exit 1 hpt-tell both/0 v=1 2>err && test_grep "both/0 is refused: hpt-run runs it" err
'
# told STUDY FILE: a result for each line of FILE, the bowl of x and y.
told() { awk -F '\t' '{ x = $3 - 0.3; y = $4 - 0.7; printf "%s\tv=%.12f\n", $1, x * x + y * y }' "$2" | tr '\t' ' ' | hpt-tell -q; }
configs() { value "select x, y from $1 order by trial"; }
bowl='-p x=0.0..1.0 -p y=0.0..1.0 -m v --seed=5 -t 24 -f tsv -H'
test_ok '--ordered, --window: the same study whoever asks and whatever order results come in' '
    while hpt-ask -q -s line --ordered --window=3 --sampler=gp $bowl -N 3 >asked; do told line asked || return 1; done && test_is "$(configs line | wc -l)" 24 &&
    hpt-ask -q -s back-to-front --ordered --window=3 --sampler=gp $bowl -N 3 >open && while [ -s open ]; do
        sed -n "\$p" open >last && sed -i "\$d" open && told back-to-front last && { hpt-ask -q -s back-to-front -f tsv -H -N 2 >>open || :; } || return 1
    done && configs line >line && configs back_to_front | test_cmp line - && cat >pair <<"END" && chmod +x pair &&
while hpt-ask -q -s pair --ordered --window=3 --sampler=gp $bowl --wait=60s >"pair-$1"; do
    awk -F "\t" "{ x = \$3 - 0.3; y = \$4 - 0.7; printf \"%s v=%.12f\\n\", \$1, x * x + y * y }" "pair-$1" | hpt-tell -q || exit 9
done
END
    for n in 1 2 3 4; do bowl="$bowl" sh ./pair $n & done && wait && configs pair | test_cmp line - &&
    for study in line back-to-front pair; do test_exit 0 hpt-replay -q --suggest $study >out && test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal " || return 1; done
'
test_ok 'an ordered study of hpt-run is joined, and the other way is no other' '
    printf "#!/bin/sh\nawk -v x=\$1 -v y=\$2 \"BEGIN { printf \\\"v=%%.12f\\\\n\\\", (x-0.3)*(x-0.3)+(y-0.7)*(y-0.7) }\"\n" >bowl && chmod +x bowl &&
    hpt-run -q --print=none --no-code --trace=off -s joined --ordered --window=3 --sampler=gp --seed=5 -t 10 -m v x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} &&
    while hpt-ask -q -s joined -t 24 -f tsv -H -N 2 >asked; do told joined asked || return 1; done && configs joined | test_cmp line -
'
test_ok 'ordered: none yet is 1 with a note, --wait ends, failures and lost trials move it on, no value is given' '
    hpt-ask -q -s turn --ordered -p x=0.0..1.0 -m v >out && test_exit 1 hpt-ask -s turn >out 2>err && test_empty out &&
    test_grep "note: study .turn. is ordered: the next trial comes when one that is given out has its result" err &&
    test_exit 1 hpt-ask -q -s turn --wait=0.2s && { hpt-ask -q -s turn --wait=60s -f tsv -H >out & asker=$!; } && hpt-tell --failed turn/0 && wait $asker &&
    test_is "$(cut -f 1 out)" turn/1 && run_out="update hpt_record.lease l set until = now() - interval \$\$1 s\$\$ from hpt_record.study s where s.id = l.study_id and s.name = \$\$turn\$\$" &&
    for id in turn/1.2 turn/1.3 turn/2; do sql -c "$run_out" && hpt-ask -q -s turn -f tsv -H >out && test_is "$(cut -f 1 out)" $id || return 1; done &&
    test_exit 2 hpt-ask -s turn x=0.5 2>err && test_grep "study .turn. is ordered: .* no value can be given" err &&
    echo "{\"op\":\"ask\"}" | hpt-ask --serve -s turn >out && test_grep "^\{\"error\":\"the study is ordered: the next trial comes" out &&
    test_exit 2 hpt-ask -s turn -p x=0.0..1.0 -m v --ordered --window=4 2>err && test_grep "ordered *- window 1" err &&
    test_exit 2 hpt-ask -s turn -p x=0.0..2.0 -m v --extend 2>err && test_grep "an ordered study is not extended" err &&
    test_exit 2 hpt-ask -s turn --ordered 2>err && test_grep "ordered without a search space" err &&
    test_exit 2 hpt-ask -s new -p x=0.0..1.0 -m v --window=2 2>err && test_grep "window needs --ordered" err &&
    test_exit 2 hpt-ask --serve -s turn --wait=1s 2>err && test_grep "wait makes no sense" err && hpt-ask -q -s eight -p x=0.0..1.0 -m v --ordered -N 8 >out &&
    test_is "$(sql -c "select body ->> \$\$window\$\$ from hpt_record.definition d join hpt_record.study s on s.id = d.study_id where s.name = \$\$eight\$\$")" 15
'
test_ok '--prior: what an earlier study found comes first, and study_prior says what it was' '
    test_exit 4 hpt-ask -q -s after --prior=lien -p x=0.0..1.0 -m v 2>err && test_grep "prior .lien.: no study .lien.; did you mean .line.\?" err &&
    hpt-tell --failed "$(hpt-ask -q -s line -t 25 -f tsv -H | cut -f 1)" && hpt-ask -s after --prior=line --seed=1 -p x=0.0..1.0 -p y=0.0..1.0 -m v -f tsv -H >out &&
    test_is "$(cut -f 3,4 out | tr "\t" " ")" "$(sql -c "select x, y from hpt_study.line order by v limit 1")" &&
    test_is "$(value "select * from study_prior")" "after	1	line	0-24	v	min	25	1	true" &&
    hpt-ask -s after --prior=line -p x=0.0..1.0 -p y=0.0..1.0 -m v >out && test_exit 2 hpt-ask -s after --prior=turn -p x=0.0..1.0 -p y=0.0..1.0 -m v 2>err &&
    test_grep "prior *- line" err && test_exit 2 hpt-ask -s after --prior=line 2>err && test_grep "prior without a search space" err &&
    test_exit 0 hpt-replay -q --suggest after && hpt-export -s after -o after.tar 2>err && mkdir prior-elsewhere &&
    (cd prior-elsewhere && test_db && hpt-import ../after.tar 2>err && test_is "$(value "select prior, finished, trials, present from study_prior")" "line	0-24	25	false")
'
test_ok 'what ran a trial outside is not known: hpt-run, hpt-replay and hpt-export say so' '
    test_exit 2 hpt-run -s oven -t 100 2>err && test_grep "^hpt-run: the study.s trials are run outside" err &&
    hpt-tell oven/0 taste=1 && test_exit 4 hpt-replay oven/0 2>err && test_grep "hpt-ask gave it out, and what ran it is not recorded" err &&
    hpt-export -s oven -f script >out 2>err && test_grep "^# trial 0: complete, run outside" out &&
    hpt-export -s oven -o oven.tar 2>err && test_exit 4 hpt-replay oven.tar#0 2>err &&
    test_grep "hpt-ask gave it out" err && mkdir elsewhere && (cd elsewhere && test_db && hpt-import ../oven.tar 2>err &&
        test_is "$(hpt-query -H "select kind, outside, state from hpt.worker join hpt.attempt using (worker) join hpt.trial using (trial)")" \
            "ask	true	complete")
'
test_ok '--serve --study: answers are recorded' '
    printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"tell\",\"id\":\"served/0\",\"values\":[0.5]}" \
        "{\"op\":\"ask\",\"fixed\":{\"x\":0.25}}" "{\"op\":\"tell\",\"id\":\"served/1\",\"metrics\":{\"v\":0.25}}" "{\"op\":\"ask\"}" \
        "{\"op\":\"tell\",\"id\":2,\"failed\":\"no\"}" "{\"op\":\"best\"}" "{\"op\":\"ask\"}" "{\"op\":\"ask\"}" \
        "{\"op\":\"release\",\"id\":\"served/3\"}" "{\"op\":\"quit\"}" "nonsense" |
        test_exit 0 hpt-ask --serve -s served -p x=0.0..1.0 -m v --seed=1 --lease=10m >out 2>err && test_empty err &&
    test_is "$(sed -n "2p; 4p; 6p; 7p; 10p" out | tr -d "\n")" "{\"ok\":true}{\"ok\":true}{\"ok\":true}{\"id\":\"served/1\"}{\"ok\":true}" &&
    test_grep "\"config\":\{\"x\":0.25\},\"id\":\"served/1\"" out && test_is "$(wc -l <out)" 10 &&
    test_is "$(value "select trial, state, v from served order by trial" | tr "\t\n" " ;")" \
        "0 complete 0.5;1 complete 0.25;2 failed \N;3 waiting \N;4 waiting \N;" &&
    test_is "$(value "select cause from served where trial = 2")" no
'
test_ok '--serve --study: bad lines change nothing' '
    printf "%s\n" nonsense "{\"op\":\"init\"}" "{\"op\":\"tel\"}" "{\"op\":\"tell\",\"id\":\"served/9\",\"values\":[1]}" \
        "{\"op\":\"tell\",\"id\":\"served/0\",\"values\":[9]}" "{\"op\":\"tell\",\"id\":\"oven/0\",\"values\":[9]}" \
        "{\"op\":\"tell\",\"id\":0,\"values\":[1,2]}" "{\"op\":\"ask\",\"fixed\":3}" "{\"op\":\"tell\",\"id\":0}" |
        test_exit 0 hpt-ask --serve -s served >out && test_is "$(grep -c "^{\"error\":" out)" 9 &&
    test_grep "there is no .init. with a study" out &&
    test_grep "did you mean .tell.\?" out && test_grep "has no trial 9" out && test_grep "another result already" out &&
    test_grep "this is study .served., not .oven." out && test_grep "array of 1 number" out
'
test_ok '--serve --study: at the end what is open is given back, except what others told of' '
    lines() { test "$(wc -l <out)" = "$1"; } && : >out &&
    { printf "{\"op\":\"ask\"}\n%.0s" 1 2 3 && test_wait 120 lines 3 && hpt-tell open/0 v=1; } |
        test_exit 0 hpt-ask --serve -s open -p x=0.0..1.0 -m v >out 2>err && test_empty err &&
    test_is "$(value "select state from open order by trial" | tr "\n" " ")" "complete waiting waiting "
'
test_ok '--serve --study: release by a number too, and what is no id' '
    printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"release\",\"id\":0}" "{\"op\":\"release\"}" "{\"op\":\"release\",\"id\":-1}" "{\"op\":\"release\",\"id\":9223372036854775807}" \
        "{\"op\":\"tell\",\"id\":\"rel/9223372036854775807\",\"values\":[1]}" "{\"op\":\"release\",\"id\":[\"rel/0\"]}" | hpt-ask --serve -s rel -p x=0.0..1.0 -m v >out &&
    test_is "$(sed -n 2p out)" "{\"ok\":true}" && test_is "$(grep -c "is no trial\|must be what hpt-ask calls the trial\|has no trial 9223372036854775807" out)" 5
'
# Under nohup SIGHUP is ignored, by all that is started.
hears_signals() {
    exec perl -e '$SIG{HUP} = "DEFAULT"; exec @ARGV' hpt-ask "$@"
}
test_ok '--serve --study: told to end by a signal, it gives back what is open' '
    rm -f in && mkfifo in && for signal in TERM HUP; do
        : >out && lines() { test "$(wc -l <out)" = "$1"; } && { hears_signals --serve -s "sig-$signal" -p x=0.0..1.0 -m v <in >out 2>err & server=$!; } && exec 5>in &&
        printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"ask\"}" "{\"op\":\"tell\",\"id\":1,\"values\":[1]}" >&5 && test_wait 120 lines 3 && kill -$signal "$server" &&
        test_exit $([ $signal = TERM ] && echo 143 || echo 129) wait "$server" && exec 5>&- && test_empty err &&
        test_is "$(value "select state from hpt.trial where study = \$\$sig-$signal\$\$ order by trial" | tr "\n" " ")" "waiting complete " || return 1
    done
'
test_ok '--serve --study: who reads slowly keeps the leases' '
    word=$(head -c 3000 /dev/zero | tr "\0" w) && rm -f slow && mkfifo slow && exec 5<>slow && { yes "{\"op\":\"ask\"}" | head -n 40 | hpt-ask --serve -s slow -p x=0.0..1.0 -p "k=$word" -m v --sampler=random --lease=30s >&5 2>err & server=$!; } &&
    longer() { test "$(sql -c "select l.until > a.started_at + interval \$\$35 s\$\$ from hpt_record.lease l join hpt_record.attempt a using (study_id, number)
        join hpt_record.study s on s.id = study_id where s.name = \$\$slow\$\$ and number = 0" 2>/dev/null)" = t; } && test_wait 120 longer &&
    test_is "$(value "select count(*) < 40, max(attempt) from hpt.trial where study = \$\$slow\$\$")" "true	1" &&
    head -n 40 <&5 >out && wait "$server" && exec 5<&- && test_is "$(grep -c "\"id\":\"slow/[0-9]*\"" out)" 40 && test_empty err
'
test_ok 'what cannot be printed is given back' '
    test_exit 125 hpt-ask -s back -p x=0.0..1.0 -m v -N 3 >/dev/full 2>err && test_grep "note: the trials are given back" err &&
    test_grep "^hpt-ask: standard output: No space left on device" err &&
    test_is "$(value "select count(*), min(state), max(state) from back")" "3	waiting	waiting" &&
    hpt-ask -s back >out && test_grep "\"id\":\"back/0.2\"" out &&
    mkfifo pipe && { exec 3<>pipe && exec 4>pipe && exec 3<&-; } &&
    test_exit 141 hpt-ask -s back -N 2 >&4 2>err &&
    echo "{\"op\":\"ask\"}" | test_exit 141 hpt-ask --serve -s back >&4 2>err && test_empty err && exec 4>&- &&
    test_is "$(value "select count(*) from back where state = \$\$waiting\$\$")" 2
'
test_ok '--dsn, --directory, --db-wait; no database: 3' '
    test_exit 3 hpt-ask --dsn="host=/nowhere dbname=x" -s oven 2>err && test_grep "^hpt-ask: " err &&
    test_exit 3 hpt-ask --directory=/ -s oven 2>err && test_grep "run hpt-init" err &&
    test_exit 2 hpt-ask --db-wait=soon -s oven 2>err && test_grep "^hpt-ask: --db-wait: " err &&
    hpt-ask --db-wait=1m --dsn="$TEST_DSN" -s oven >out && test_grep "oven/" out
'
test_ok 'the record holds together' '
    test_exit 0 hpt-verify --store >out 2>err && test_grep "0 errors" err
'

test_done
