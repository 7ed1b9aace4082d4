#!/bin/sh
# hpt-run: every option by its name, the messages, resuming, joining, interrupting.
. "${0%/*}/lib.sh"

run() {
    hpt-run -q --progress=none "$@"
}
sql() {
    hpt-query -H "$1"
}
# Shells let background jobs ignore SIGINT and SIGQUIT; this one takes them as at a terminal.
interactive() {
    exec perl -e '$SIG{INT} = $SIG{QUIT} = "DEFAULT"; exec @ARGV' hpt-run "$@"
}
lines_are() {
    [ "$(wc -l <"$2")" -eq "$1" ]
}
# A learner that needs nothing: prints a number that depends on its parameters.
cat >learner <<'EOT'
#!/bin/sh
echo "loss: $1"
EOT
chmod +x learner

test_ok 'a project' 'test_db'

test_ok 'a study runs, and the best trial is printed as TSV in a pipe' '
    hpt-run -s first -t 6 -m loss --seed=1 x=0.0..1.0 -- ./learner {x} >out 2>err &&
    test_is "$(head -1 out | cut -f1-4)" "trial	state	loss	x" &&
    test_is "$(wc -l <out)" 2 &&
    test_is "$(sql "select count(*), min(loss) = (select loss from first order by loss limit 1) from first")" "6	true" &&
    test_grep "6/6  best" err
'
test_ok 'the same line again does nothing and exits 0' '
    run -s first -t 6 -m loss --seed=1 x=0.0..1.0 -- ./learner {x} >again &&
    test_cmp out again &&
    test_is "$(sql "select count(*) from attempt where study = '"'first'"'")" 6
'
test_ok '--total: a larger one goes on, numbers without gaps' '
    run -s first -t 9 -m loss --seed=1 x=0.0..1.0 -- ./learner {x} >out &&
    test_is "$(sql "select count(*), max(trial) from first")" "9	8"
'
test_ok '--more goes on from what there is' '
    run -s first --more=3 >out &&
    test_is "$(sql "select count(*), max(trial) from first")" "12	11" &&
    test_exit 2 run -s first --more=3 -t 5 2>err &&
    test_grep "exclude each other" err
'
test_ok '--study: joining needs nothing else, an unknown one is exit 4 with a suggestion' '
    run -s first >out &&
    test_exit 4 run -s frist -t 5 2>err &&
    test_grep "no study .frist.; did you mean .first.\?" err
'
test_ok 'a changed definition is refused, its difference shown; nothing is written' '
    test_exit 2 run -s first -t 20 -m loss:max x=0.0..2.0 -- ./learner --new {x} 2>err &&
    test_grep "study .first. is there already and differs" err &&
    test_grep "command  - " err && test_grep "metrics  - loss:min:auto" err &&
    test_grep "\+ x real \[0, 2\]" err && test_grep "hint: .*-s NEWNAME" err &&
    test_no_grep "[+-] $" err && test_is "$(sql "select count(*) from first")" 12
'
test_ok 'joining where the command is not: 127, and no trial is taken' '
    mkdir -p elsewhere && (cd elsewhere && test_exit 127 run -s first -t 20 2>err && test_grep "not found" err) &&
    test_is "$(sql "select count(*) from first")" 12
'
test_ok '--jobs: the limit of open files is raised, or the number refused' '
    (ulimit -Sn 64 && run -j 40 -s files -t 60 -m loss x=0.0..1.0 -- ./learner {x} >out) &&
    test_is "$(sql "select count(*), bool_and(state = '"'complete'"') from files")" "60	true" &&
    (ulimit -n 100 && test_exit 2 run -j 40 -s files 2>err && test_grep "open files" err)
'
test_ok '--extend: a wider space is a new version, what was drawn stays' '
    sql "select trial, x from first order by 1" >before &&
    run --extend -s first -t 15 -m loss x=0.0..2.0 -- ./learner {x} >out &&
    sql "select trial, x from first where trial < 12 order by 1" >after && test_cmp before after &&
    test_is "$(sql "select version, trials from study where study = '"'first'"'")" "2	15" &&
    test_exit 2 run --extend -s first -t 15 -m loss x=0.0..1.5 -- ./learner {x} 2>err &&
    test_grep "differs" err
'
printf '%s\n' '#!/bin/sh' 'echo "loss=$HPT_PARAM_a"' >reader && chmod +x reader
test_ok '--extend: a new parameter, or a constant that is widened, moves nobody in a Sobol sequence' '
    run -s wide --sampler=sobol --seed=9 -t 8 -m loss a=0.0..1.0 b=1..1 c=0.0..1.0 -- ./reader >out &&
    run -s same --sampler=sobol --seed=9 -t 16 -m loss a=0.0..1.0 b=1..1 c=0.0..1.0 -- ./reader >out &&
    run --extend -s wide -t 16 -m loss a=0.0..1.0 aa=0.0..1.0 b=1..3 c=0.0..1.0 -- ./reader >out &&
    test_is "$(sql "select count(*), count(w.aa), count(distinct w.b) from wide w join same s using (trial) where w.a = s.a and w.c = s.c")" "16	8	3"
'
test_ok '--metric: kinds and sources, with the rule and the place of each number' '
    printf "%s\n" "#!/bin/sh" "echo start" "echo Accuracy = 91.5%" "printf \"{\\\"a\\\":{\\\"b\\\":2.5}}\" >\"\$HPT_DIR/r.json\"" "exit 0" >multi && chmod +x multi &&
    run -s multi -t 1 -m "acc:max:re=Accuracy = ([0-9.]+)%" -m "b:track:file=r.json#/a/b" \
        -m t:le=100:time -m s:track:exit x=1..3 -- ./multi {x} >out &&
    test_is "$(sql "select name, value, rule, source, byte_offset from metric where study = '"'multi'"' and name in ('"'acc', 'b', 's'"') order by 1")" \
"acc	91.5	re	stdout	17
b	2.5	file	file:r.json	10
s	0	measured	usage	\\N" &&
    test_is "$(sql "select feasible from multi")" true
'
test_ok '--sampler: grid knows its end, never twice' '
    run -s g --sampler=grid -m loss k=a,b,c n=1..4 -- ./learner {n} -{k} >out &&
    test_is "$(sql "select count(*), count(distinct (k, n)), bool_and(state = '"'complete'"') from g")" "12	12	true" &&
    run -s g >out2 && test_cmp out out2 && run -s g -t 12 2>err && test_no_grep "ends after" err &&
    hpt-run -s g -t 13 >out 2>err && test_grep "note: study .g. ends after 12 trials, not 13: its sampler, grid:points=10,ints=20, has no more" err &&
    run -s sob --sampler=sobol -t 8 -m loss x=0.0..1.0 -- ./learner {x} >out &&
    test_is "$(sql "select count(distinct floor(x * 8)) from sob")" 8 &&
    test_exit 2 run -s q --sampler=rando -t 1 x=1..2 -- true {x} 2>err && test_grep "did you mean .random.\?" err
'
test_ok '--seed: the same seed draws the same, another one differs' '
    run -s s1 -t 5 --sampler=random --seed=42 -m loss x=0.0..1.0 -- ./learner {x} >out &&
    run -s s2 -j 3 -t 5 --sampler=random --seed=42 -m loss x=0.0..1.0 -- ./learner {x} >out &&
    run -s s3 -t 5 --sampler=random --seed=43 -m loss x=0.0..1.0 -- ./learner {x} >out &&
    test_is "$(sql "select (select array_agg((x, seed) order by trial) from s1) = (select array_agg((x, seed) order by trial) from s2), (select array_agg(x order by trial) from s1) = (select array_agg(x order by trial) from s3)")" "true	false"
'
test_ok '--space: a file; --param: a statement; the default configuration is first' '
    printf "%s\n" "lr real [1e-4, 1] [0.1] log" "opt categorical {sgd, adam}" "mom real [0, 1] | opt == sgd" >space.pcs &&
    run -s sp -t 4 -m loss --space=space.pcs -p "n integer [1, 9]" -- ./learner {lr} {opt} "{-m mom}" {n} >out &&
    test_is "$(sql "select lr, opt, mom, n, origin from sp where trial = 0")" "0.1	sgd	0.5	5	default" &&
    test_is "$(sql "select count(*) from sp where (opt = '"'sgd'"') <> (mom is not null)")" 0 &&
    run -s sp2 -t 4 -m loss --no-default-trial --space=space.pcs --allow-unused -- ./learner {lr} >out &&
    test_is "$(sql "select count(*) from sp2 where origin = '"'default'"'")" 0
'
test_ok '--point: tried first, in order' '
    run -s pt -t 3 -m loss --point={\"x\":0.25} --point={\"x\":0.5} x=0.0..1.0 -- ./learner {x} >out &&
    test_is "$(sql "select trial, x, origin from pt where trial < 2 order by 1")" "0	0.25	point
1	0.5	point" &&
    test_exit 2 run -s pt2 -t 3 --point={\"x\":7} x=0.0..1.0 -- ./learner {x} 2>err && test_grep "point" err
'
test_ok '--shell: values never meet a shell without it, and are quoted with it' '
    run -s sh1 -t 1 -m loss "v=\"1;touch pwned\"" -- echo loss={v} >out && test ! -e pwned &&
    run -S -s sh2 -t 1 -m loss "v=\"1;touch pwned\"" -- "echo loss=1; echo {v} >/dev/null" >out && test ! -e pwned &&
    test_is "$(sql "select state from sh2")" complete &&
    test_exit 127 run -s sh3 -t 1 x=1..2 -- "echo hello" {x} 2>err && test_grep "hint: .*add -S" err
'
test_ok '--stdin=json: the parameters on standard input, else nothing' '
    run --stdin=json -s in1 -t 1 -m loss x=3..3 -- sh -c "grep -o \"\\\"x\\\":3\" | tr -d \\\"x: | sed s/^/loss=/" >out &&
    test_is "$(sql "select loss from in1")" 3 &&
    run -s in2 -t 1 -m loss:min:exit x=3..3 -- cat >out && test_is "$(sql "select state from in2")" complete
'
test_ok '--chdir=trial runs in the folder of the trial; what is left there is kept' '
    run --chdir=trial -s cd -t 1 -m loss x=1..2 -- sh -c "echo kept >left.txt; ln -s /etc/passwd link; mkfifo pipe; echo loss=1" >out &&
    test_is "$(sql "select kind, path, size from artefact where study = '"'cd'"' and kind = '"'file'"'")" "file	left.txt	5" &&
    test_is "$(sql "select count(*) from artefact where study = '"'cd'"' and kind in ('"'link', 'special'"')")" 2 &&
    test_is "$(ls .hpt/trials)" ""
'
cat >hang <<'EOT'
#!/bin/sh
trap : TERM
while :; do sleep 1; done # lint-ok: it is to hang
EOT
chmod +x hang
test_ok '--timeout and --grace: ended, with the cause' '
    test_exit 1 run --timeout=100ms --grace=50ms -s slow -t 1 --max-failures=0 -m loss x=1..2 -- ./hang {x} &&
    test_is "$(sql "select state, cause from slow")" "failed	timeout"
'
test_ok '--output-cap: what is printed beyond it is counted and hashed, not kept' '
    run --output-cap=100k -s loud -t 1 -m loss:min:exit x=1..2 -- sh -c "head -c 3000000 /dev/zero" >out &&
    test_is "$(sql "select size, stored_size < 200000, full_digest from artefact where study = '"'loud'"'")" \
        "3000000	true	$(head -c 3000000 /dev/zero | sha256sum | cut -d" " -f1)"
'
test_ok '--retry=failed runs failed trials again under their numbers; --retry=none leaves lost ones' '
    printf "%s\n" "#!/bin/sh" "test -e fixed && echo loss=1" >flaky && chmod +x flaky &&
    test_exit 5 hpt-run --progress=none --max-failures=2 -s fl -t 2 -m loss x=1..5 -- ./flaky {x} 2>err &&
    test_grep "stopped: 2 trials in a row failed, and none is complete; see hpt-query -s fl --failures" err &&
    test_is "$(sql "select count(*) from fl where state = '"'failed'"'")" 2 &&
    touch fixed && run --retry=failed -s fl >out &&
    test_is "$(sql "select trial, state, attempt from fl order by 1")" "0	complete	2
1	complete	2" &&
    test_exit 1 run --retry=none --max-failures=0 -s ki -t 1 -m loss x=1..5 -- sh -c "kill -9 \$\$" &&
    test_is "$(sql "select state from ki")" lost &&
    test_exit 1 run -s ki2 --max-failures=0 -t 1 -m loss x=1..5 -- sh -c "kill -9 \$\$" &&
    test_is "$(sql "select count(*), max(outcome) from attempt where study = '"'ki2'"'")" "3	lost"
'
test_ok '--retry=failed runs trials of its own again, three times at most' '
    printf "%s\n" "#!/bin/sh" "test -e once.\$HPT_TRIAL && echo loss=1; touch once.\$HPT_TRIAL" >once && chmod +x once &&
    run --retry=failed -s rf -t 3 -m loss x=0.0..1.0 -- ./once >out &&
    test_is "$(sql "select count(*), bool_and(state = '"'complete'"'), max(attempt) from rf")" "3	true	2" &&
    test_exit 1 run --retry=failed -s rf2 -t 1 -m loss x=0.0..1.0 -- false &&
    test_is "$(sql "select state, attempt from rf2")" "failed	3"
'
test_ok 'what makes a study is refused when one is joined' '
    (for option in --seed=4 --sampler=sobol --timeout=7s --grace=1s --output-cap=5 --chdir=trial --stdin=json -S \
        --no-default-trial --extend --allow-unused; do
        test_exit 2 run -s first $option 2>err && test_grep "without a command" err || exit 1
    done)
'
test_ok '--extend: a parameter that only the environment carries' '
    run -s ext2 -t 2 -m loss x=0.0..1.0 -- ./learner {x} >out &&
    run --extend --allow-unused -s ext2 -t 4 -m loss x=0.0..2.0 y=1..3 -- ./learner {x} >out &&
    test_is "$(sql "select count(y), count(*) from ext2")" "2	4" &&
    test_exit 2 run --timeout=5s --allow-unused -s ext2 -t 4 -m loss x=0.0..2.0 y=1..3 -- ./learner {x} 2>err &&
    test_grep "timeout  - none" err && test_grep "\+ 5s" err &&
    run --extend --timeout=5s --allow-unused -s ext2 -t 4 -m loss x=0.0..2.0 y=1..3 -- ./learner {x} >out &&
    test_is "$(sql "select version from study where study = '"'ext2'"'")" 3
'
test_ok '--max-failures: stops with exit 5' '
    test_exit 5 run --max-failures=3 -s bad -t 100 -m loss x=0.0..1.0 -- false &&
    test_is "$(sql "select count(*) from bad")" 3
'
test_ok 'no metric, NaN, garbage: failed with the reason, never a silent zero' '
    test_exit 1 run --max-failures=0 -s nan -t 1 -m loss x=0.0..1.0 -- echo loss=nan &&
    test_exit 1 run --max-failures=0 -s none -t 1 -m loss x=0.0..1.0 -- true &&
    test_is "$(sql "select state from nan")" failed && test_is "$(sql "select state from none")" failed &&
    test_is "$(sql "select count(cause) from trial where study in ('"'nan', 'none'"') and cause like '"'%loss%'"'")" 2
'
# How much time is enough for a first trial depends on the machine.
test_ok '--time: no new trials after it' '
    for time in 300ms 1s 3s 10s 30s 100s; do
        run -T $time -s timed -m loss x=0.0..1.0 -- ./learner {x} >out || return 1
        [ "$(sql "select count(*) from timed")" -eq 0 ] || break
    done &&
    test_is "$(sql "select count(*) > 0, bool_and(state = '"'complete'"') from timed")" "true	true" &&
    run -T 1us -s never -m loss x=0.0..1.0 -- ./learner {x} >out && test_is "$(sql "select count(*) from never")" 0
'
test_ok 'a command that is found and cannot be run: 126, nothing is written' '
    echo data >data &&
    test_exit 126 run -s noexec -t 1 x=1..2 -- ./data {x} 2>err &&
    test_grep "command .\./data. cannot be run: \./data is not executable" err &&
    test_exit 126 run -s noexec -t 1 x=1..2 -- /tmp {x} 2>err && test_grep "/tmp is a folder" err &&
    test_exit 127 run -s noexec -t 1 x=1..2 -- /tmp/no/such {x} 2>err && test_grep "not found" err &&
    test_exit 4 run -s noexec
'
test_ok '-m with a file outside the folder of the trial' '
    test_exit 2 run -s outside -t 1 -m loss:file=../x x=1..2 -- true {x} 2>err &&
    test_grep "file .\.\./x. is outside" err &&
    echo 7 >there && run -s outside -t 1 -m "loss:file=$PWD/there" x=1..2 -- true {x} >out &&
    test_is "$(sql "select loss from outside")" 7
'
test_ok '--print=all, --format, --no-header: a record per trial as it ends' '
    run --print=all -f jsonl -s pa -t 3 -m loss x=1..9 -- ./learner {x} >out &&
    test_is "$(wc -l <out)" 3 && test_grep "^.\"trial\":0,\"state\":\"complete\",\"loss\":" out &&
    run --print=all -f tsv -H -s pb -t 2 -m loss x=1..9 -- ./learner {x} >out && test_is "$(wc -l <out)" 2 &&
    run --print=none -s pc -t 2 -m loss x=1..9 -- ./learner {x} >out && test_empty out
'
test_ok '--progress=plain and --verbose: a line per trial; --progress=none and --quiet: silence' '
    hpt-run --progress=plain -s pp -t 2 -m loss x=1..9 -- ./learner {x} >out 2>err &&
    test_is "$(grep -c "^trial [01]: complete  loss=" err)" 2 &&
    hpt-run -v -s pv -t 1 -m loss x=1..9 -- ./learner {x} >out 2>err && test_grep "^trial 0: complete" err &&
    hpt-run -q -s pq -t 1 -m loss x=1..9 -- ./learner {x} >out 2>err && test_empty err
'
test_ok '--color, --dsn, --directory' '
    run --color=never -s co -t 1 -m loss x=1..9 -- ./learner {x} >out &&
    test_exit 2 run --color=red -s co 2>err &&
    mkdir -p sub && (cd sub && run -C .. -s di -t 1 -m loss x=1..9 -- echo loss={x} >out) &&
    (cd / && run -d "$TEST_DSN" -s ds -t 1 -m loss x=1..9 -- echo loss={x}) >out &&
    test_is "$(sql "select count(*) from study where study in ('"'co', 'di', 'ds'"')")" 3 &&
    test_exit 3 run -d "host=$PWD/nowhere dbname=x" -s dx -t 1 -m loss x=1..9 -- echo loss={x} 2>err &&
    test_grep "nowhere" err
'
test_ok '--dry-run shows commands and writes nothing' '
    run -n -s dry -t 2 --seed=5 -m loss x=1..9 "k=\"a b\"" -- ./learner {x} {k} >out &&
    test_is "$(wc -l <out)" 2 && test_grep "^./learner [1-9] .a b.$" out &&
    test_is "$(sql "select count(*) from study where study = '"'dry'"'")" 0
'
test_ok 'wrong use: exit 2, place and suggestion, nothing written' '
    test_exit 2 run -s w1 -t 3 C=5..1 -- true {C} 2>err &&
    test_grep "argument [0-9]+ .C=5..1.: parameter .C.: lower bound 5 is above upper bound 1" err &&
    test_exit 2 run -s w2 -t 3 lr=1..2 -- ./learner {lrr} 2>err && test_grep "unknown placeholder .lrr.; did you mean .lr.\?" err &&
    test_exit 2 run -s w3 -t 3 k=a,b g=1..2:if=k=a -- ./learner {k} -g {g} 2>err && test_grep "{-g g}" err &&
    test_exit 2 run -s w4 -t x a=1..2 -- true {a} 2>err && test_grep "total" err &&
    test_exit 2 run -s w5 a=1..2 -- true {a} 2>err && test_grep "how long\? give -t TOTAL or -T DURATION" err &&
    test_exit 2 run -s w6 -t 3 a=1..2 2>err && test_grep "without a command" err &&
    test_exit 2 run -s w7 -t 3 -m loss:maxi a=1..2 -- true {a} 2>err && test_grep "max" err &&
    test_exit 127 run -s w8 -t 3 a=1..2 -- no-such-command {a} 2>err && test_grep "not found" err &&
    test_exit 2 run -p "{a=x}" -s w9 -t 3 "a=x,y" "{a == y}" -- true {a} 2>err && test_grep "leave no room" err && test_grep "^hint: .*--sampler=grid" err &&
    test_exit 2 run --sampler=grid -s w9 -t 3 -m loss "{a >= 0}" a=0.0..1.0 -- true {a} 2>err && test_grep "leave no configuration of the grid$" err &&
    test_exit 4 hpt-query -s w9 2>err &&
    test_is "$(sql "select count(*) from study where study like '"'w_'"'")" 0
'
test_ok 'names of studies: any text of 200 characters; others are refused' '
    run -s "a b\"; drop é" -t 1 -m loss x=1..9 -- ./learner {x} >out &&
    test_is "$(sql "select trials from study where study like '"'a b%'"'")" 1 &&
    (for name in "" "$(printf "a\nb")" "$(printf "\377")" "$(printf %0201d 1)"; do
        test_exit 2 run -s "$name" -t 1 -m loss x=1..9 -- ./learner {x} 2>err && test_grep "the study.s name" err ||
            exit 1
    done)
'
test_ok 'a space of 2,000 parameters' '
    awk "BEGIN {for (i = 0; i < 2000; i++) print \"p\" i \" real [0, 1]\"}" >many.pcs &&
    hpt-run --allow-unused -s many -t 2 -m loss --space=many.pcs -- ./learner {p0} >out 2>err &&
    test_grep "shows the first 1500 metrics and parameters" err &&
    test_is "$(sql "select count(*) from param where study = '"'many'"'")" 4000
'
test_ok 'a trial sees its parameters in every way, and no way to the database' '
    printf "%s\n" "#!/bin/sh" "env | sort >\"\$HPT_DIR/env\"; cp \"\$HPT_PARAMS\" \"\$HPT_DIR/p\"; echo loss=\$HPT_PARAM_x" >look && chmod +x look &&
    PGPASSWORD=secret HPT_DSN="$TEST_DSN" run -s look -t 1 -m loss --seed=3 x=4..4 k=a -- ./look &&
    test_is "$(sql "select loss, x, k from look")" "4	4	a" &&
    test_is "$(sql "select count(*) from artefact where study = '"'look'"' and kind = '"'file'"'")" 2 &&
    run -s look2 -t 1 -m loss --chdir=trial x=4..4 -- sh -c "env | grep -c -e ^PG -e ^HPT_DSN; echo loss=1" >out &&
    test_is "$(sql "select loss from look2")" 1 &&
    run -s look3 -t 1 -m n x=4..4 -- sh -c "echo n=\$(env | grep -c -E \"^(PG|HPT_DSN)\")" >out &&
    test_is "$(sql "select n from look3")" 0
'
cat >wait <<'EOT'
#!/bin/sh
if test -e go; then echo loss=1; else echo $$ >>started; exec tail -f /dev/null; fi
EOT
chmod +x wait
test_ok 'kill -9 of hpt-run: the trial is lost and run again under its number' '
    { hpt-run -q -s kill -t 2 -m loss x=1..100 -- ./wait {x} >out 2>err & pid=$!; } &&
    test_wait 120 test -s started && kill -9 $pid && test_exit 137 wait $pid && touch go &&
    hpt-run -s kill >out 2>err && test_grep "trial 0 was lost with its worker; it is run again" err &&
    test_is "$(sql "select trial, attempt, outcome from attempt where study = '"'kill'"' order by 1, 2")" "0	1	lost
0	2	complete
1	1	complete"
'
rm -f started go
# Not traced: what is not under way when its tracer is killed fails for itself.
cat >leaves <<'EOT'
#!/bin/sh
test -e go || { setsid sleep 300 & echo $! >left; echo $$ >started; wait; } # lint-ok: it is to stay
echo loss=1
EOT
chmod +x leaves
gone() {
    ! kill -0 "$1" 2>/dev/null
}
test_ok 'kill -9 of hpt-run and of its helper: what a trial left goes when the trial is taken over' '
    { hpt-run -q --trace=off --contain=subreaper -s leave -t 1 -m loss x=1..100 -- ./leaves {x} >out 2>err & pid=$!; } &&
    test_wait 120 test -s started &&
    helper=$(awk "{ print \$4 }" "/proc/$(cat started)/stat") && kill -STOP $pid && kill -9 "$helper" &&
    kill -9 $pid && test_exit 137 wait $pid && touch go &&
    kill -0 "$(cat left)" &&
    run -s leave >out && test_wait 120 gone "$(cat left)" && test_is "$(ls .hpt/trials)" ""
'
rm -f started go
test_ok 'TERM ends the trials, which go back to the queue, and the run with status 143' '
    { hpt-run -q -s int -t 5 -m loss x=1..100 -- ./wait {x} >out 2>err & pid=$!; } &&
    test_wait 120 test -s started && kill -TERM $pid && test_exit 143 wait $pid &&
    test_is "$(sql "select outcome, cause from attempt where study = '"'int'"'")" "cancelled	interrupted by SIGTERM from pid $$ (uid $(id -u))" &&
    test_is "$(sql "select state from int")" waiting &&
    touch go && run -s int >out && test_is "$(sql "select count(*), bool_and(state = '"'complete'"') from int")" "5	true"
'
rm -f started go
cat >held <<'EOT'
#!/bin/sh
read -r line <go
echo loss=1
EOT
chmod +x held
asked() { psql -qXAt -d "$TEST_DSN" -c "$1"; }
is_asked() { [ "$(asked "$1")" = "$2" ]; }
is_taken() { grep -q '^ShdPnd:.0*$' "/proc/$1/status"; }
# The next trial is asked for together with the end of the first, and the table is locked meanwhile: from when it is
# said of the first what it runs, for hpt-run would wait for the lock with that, too.
test_ok 'TERM while a trial is being handed out: it is not started and goes back, and the status is 143' '
    mkfifo go lock && { psql -qXAt -d "$TEST_DSN" <lock >locked 2>&1 & locker=$!; } && exec 8>lock &&
    { hpt-run -q -s handed -t 3 -m loss --allow-unused x=1..100 -- ./held >out 2>err 8>&- & pid=$!; } &&
    test_wait 120 is_asked "select count(*) from hpt.attempt where study = '"'handed' and outcome = 'running' and argv is not null"'" 1 &&
    echo "begin; lock table hpt_record.attempt in share row exclusive mode; select 1;" >&8 && test_wait 120 test -s locked &&
    echo >go && test_wait 120 is_asked "select count(*) from pg_stat_activity where datname = current_database() and query like '"'%trial_finish%' and wait_event_type = 'Lock'"'" 1 &&
    kill -TERM $pid && test_wait 120 is_taken $pid && echo "commit;" >&8 && exec 8>&- && wait $locker && test_exit 143 wait $pid &&
    test_is "$(sql "select trial, outcome, cause from attempt where study = '"'handed'"' order by 1")" "0	complete	exit status 0
1	cancelled	not started" && test_is "$(sql "select state from handed where trial = 1")" waiting && rm go &&
    printf "#!/bin/sh\necho loss=2\n" >held && run -s handed >out && test_is "$(sql "select count(*), count(distinct seed) from trial where study = '"'handed' and state = 'complete'"'")" "3	3"
'
exec 8>&-
rm -f started go
test_ok 'Ctrl-C once: no new trials, what runs is waited for; three times: killed; status 130' '
    { interactive -s cc -j 2 -t 9 -m loss x=1..100 -- ./wait {x} >out 2>err & pid=$!; } &&
    test_wait 120 lines_are 2 started && kill -INT $pid && test_wait 120 test_grep "no new trials; waiting for 2" err &&
    kill -INT $pid && test_wait 120 test_grep "TERM sent to 2 running" err && { kill -INT $pid || :; } &&
    test_exit 130 wait $pid &&
    test_is "$(sql "select count(*), min(outcome), max(outcome) from attempt where study = '"'cc'"'")" "2	cancelled	cancelled"
'
rm -f started go
test_ok 'QUIT ends the run like TERM' '
    { interactive -q -s quit -t 5 -m loss x=1..100 -- ./wait {x} >out 2>err & pid=$!; } &&
    test_wait 120 test -s started && kill -QUIT $pid && test_exit 131 wait $pid &&
    test_is "$(sql "select state from quit")" waiting
'
test_ok 'a reader that leaves ends the run quietly' '
    { hpt-run -q --print=all -s left -t 100000 -m loss x=1..100 -- ./learner {x} 2>err; echo $? >status; } | head -n 1 >out &&
    test_is "$(cat status)" 141 && test_empty err
'
test_ok 'names that are one variable in the environment earn a note' '
    hpt-run -s col -t 1 -m loss x-y=1..2 x/y=1..2 -- ./learner {x-y} {x/y} >out 2>err &&
    test_grep "share the environment variable HPT_PARAM_x_y" err
'
test_ok 'a study named like a table of the catalogue does not hide behind it' '
    run -s pg_class -t 1 -m loss x=1..2 -- ./learner {x} >out &&
    test_is "$(sql "select wide_view from study where study = '"'pg_class'"'")" pg_class_2
'
test_ok 'an empty DSN and a folder that is not there are wrong use' '
    test_exit 2 run -d "" -s e -t 1 x=1..2 -- true {x} 2>err && test_grep "DSN is empty" err &&
    test_exit 2 run -C nowhere -s e -t 1 x=1..2 -- true {x} 2>err && test_grep "nowhere" err
'
test_ok 'points: kept whole, reports before text of the same name' '
    printf "%s\n" "#!/bin/sh" "seq 40000 | sed \"s/.*/loss: & (step &)/\"" \
        "seq 20000 | sed \"s/.*/{\\\"metrics\\\":{\\\"loss\\\":1},\\\"step\\\":&}/\" >>\$HPT_REPORT" >curve && chmod +x curve &&
    run -s curve -t 1 -m loss x=1..2 -- ./curve {x} >out &&
    test_is "$(sql "select count(*), max(step), max(value) from metric_point where study = '"'curve'"'")" "20000	20000	1" &&
    test_is "$(sql "select bool_and(step = n) from (select step, row_number() over (order by position) n from metric_point where study = '"'curve'"') p")" true
'
test_ok 'two at once on one study: each trial once, the total exact' '
    { run -s two -t 40 -m loss x=0.0..1.0 -- ./learner {x} >out1 2>err1 & } && pid=$! &&
    run -j 2 -s two -t 40 -m loss x=0.0..1.0 -- ./learner {x} >out2 && wait $pid &&
    test_is "$(sql "select count(*), count(distinct trial), max(trial), max(attempt) from two")" "40	40	39	1"
'
test_ok 'a study with a limit and no total is joined by its name' '
    run -s joined --stall=3 --seed=1 -m loss x=0.0..1.0 -- echo loss={x} >out 2>err &&
    hpt-run -q --print=none -s joined >out 2>err && test_empty err &&
    test_is "$(sql "select stopped is not null from study where study = '"'joined'"'")" true
'
is() {
    [ "$(sql "$1")" = "$2" ]
}
cat >gated <<'EOT'
#!/bin/sh
until [ -e gate ]; do timeout 0.05 tail -f /dev/null; done
echo loss=1
EOT
chmod +x gated
test_ok 'a smaller -t: below what there is it changes nothing, else it holds for all workers' '
    run -s totals -t 5 -m loss x=0.0..1.0 -- echo loss={x} && hpt-run --print=none --progress=none -s totals -t 3 2>err &&
    test_grep "has 5 trials already, more than 3" err && test_is "$(sql "select total, trials from study where study = '"'totals'"'")" "5	5" &&
    { hpt-run -q --print=none -s lowered -t 50 -m loss --allow-unused x=0.0..1.0 -- ./gated & pid=$!; } &&
    test_wait 120 is "select running from study where study = '"'lowered'"'" 1 && { hpt-run -q --print=none -s lowered -t 3 & second=$!; } &&
    test_wait 120 is "select total from study where study = '"'lowered'"'" 3 && : >gate && wait $pid && wait $second &&
    test_is "$(sql "select total, trials from study where study = '"'lowered'"'")" "3	3"
'
test_ok 'several objectives: the front is printed' '
    run -s mo -t 6 -m a -m b:max x=0.0..1.0 -- sh -c "echo a=\$1 b=\$1" x {x} >out &&
    test_is "$(($(wc -l <out) - 1))" "$(sql "select count(*) from mo")"
'
test_done
