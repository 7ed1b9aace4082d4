#!/bin/sh
# Loops outside: many that ask at once, GNU parallel and xargs, those of the guide, one that is killed.
. "${0%/*}/lib.sh"
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

value() { hpt-query -H "$1" | tr '\t\n' ' ;'; }
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
# block LANGUAGE N: the N-th block of the guide in this language.
block() {
    awk -v want="\`\`\`$1" -v n="$2" '$0 == want { on = ++seen == n; next } /^```/ { on = 0 } on' \
        "$TEST_SRC/docs/guide/outside-loops.md"
}
cat >train <<'END'
#!/bin/sh
printf '%s ' "$@" | cksum | awk '{ printf "loss=%.6f\n", $1 % 1000 / 1000 }'
END
cat >trial <<'END'
#!/bin/sh
# The whole line is the argument.
id=$(printf '%s\n' "$1" | sed 's/.*"id":"\([^"]*\)".*/\1/')
printf '{"id":"%s","metrics":{"loss":0.5}}\n' "$id"
END
chmod +x train trial

test_ok 'a project' 'test_db'
# One of those that ask: two at a time, told of at once, until there is nothing.
cat >asker <<'END'
#!/bin/sh
while hpt-ask -q -s crowd -p x=0.0..1.0 -m v -t 97 -N 2 -f tsv -H >"asked-$1"; do
    cat "asked-$1" >>"all-$1"
    awk -F '\t' '{ print $1, "v=" $3 }' "asked-$1" | hpt-tell -q || exit 9
done
END
chmod +x asker
test_ok 'many that ask at once: each trial is given to one of them, and the total is exact' '
    for n in 1 2 3 4 5 6 7 8; do ./asker "$n" 2>"err-$n" & done && wait && cat err-* >errors && test_empty errors &&
    cat all-* | cut -f 1 | sort -t / -k 2n >given && seq 0 96 | sed "s|^|crowd/|" | test_cmp - given &&
    test_is "$(value "select count(*), count(distinct trial), max(attempt), bool_and(state = \$\$complete\$\$), bool_and(v = x) from crowd")" \
        "97 97 1 true true;"
'
test_ok 'with values fixed the total is exact too' '
    for n in 1 2 3 4 5 6; do
        (for turn in 1 2 3 4 5; do hpt-ask -q -s fixed -p x=0.0..1.0 -p k=a,b -m v -t 11 -f tsv -H k=b; done >"fixed-$n" 2>&1) &
    done && wait && cat fixed-? | cut -f 1 | sort -t / -k 2n >given && seq 0 10 | sed "s|^|fixed/|" | test_cmp - given &&
    test_is "$(value "select count(*), min(k), max(k) from fixed")" "11 b b;"
'
test_ok 'hpt-run and hpt-ask on one study at once' '
    run="hpt-run -q --print=none --no-code --trace=off -s mixed" &&
    $run -t 1 -m v x=0.0..1.0 -- sh -c "echo v={x}" && { $run -t 60 -j 2 & } &&
    while hpt-ask -q -s mixed -t 60 -N 3 -f tsv -H >asked; do awk -F "\t" "{ print \$1, \"v=\" \$3 }" asked | hpt-tell || return 1; done &&
    wait && test_is "$(value "select count(*), max(trial), bool_and(state = \$\$complete\$\$), max(attempt), bool_and(v = x) from mixed")" \
        "60 59 true 1 true;"
'
test_ok 'one that is killed between the record and what it prints: given out again when the lease is over' '
    mkfifo unread && exec 5<>unread && { hpt-ask -s killed -p x=0.0..1.0 -m v -N 2000 >&5 2>/dev/null & asker=$!; } &&
    test_wait 120 test "$(sql -c "select 1")" = 1 &&
    holds() { test "$(value "select count(*) from hpt.trial where study = \$\$killed\$\$ and params is not null" 2>/dev/null)" = "2000;"; } &&
    test_wait 300 holds && kill -9 "$asker" && { wait "$asker"; test $? = 137; } && exec 5<&- &&
    hpt-ask -s killed -f tsv -H >next && test_is "$(cut -f 1 next)" killed/2000 &&
    sql -c "update hpt_record.lease l set until = now() - interval \$\$1 s\$\$ where number < 2000 and study_id =
            (select id from hpt_record.study where name = \$\$killed\$\$)" &&
    hpt-ask -s killed -N 3 -f tsv -H >next && test_is "$(cut -f 1 next | tr "\n" " ")" "killed/0.2 killed/1.2 killed/2.2 "
'
test_ok 'the loop in a shell of the guide' '
    block sh 1 >loop.sh && test_grep "hpt-ask" loop.sh && sh ./loop.sh >out 2>err && test_empty err &&
    test_is "$(value "select count(*), bool_and(abs(loss - x * x - y * y) < 1e-3) from shell")" "20 true;"
'
if command -v parallel >/dev/null; then
    test_ok 'the line for GNU parallel of the guide' '
        block sh 2 >many.sh && test_grep "parallel" many.sh && sh ./many.sh 2>err && test_no_grep "^hpt-" err &&
        test_is "$(value "select count(*), bool_and(state = \$\$complete\$\$) from many")" "8 true;"
    '
    # Half of them fail, and some say something else.
    cat >flaky <<'END'
#!/bin/sh
case $2 in
a) ./train "$@" ;;
b) exit 1 ;;
c) echo "loss=much" ;;
esac
END
    cat >loop <<'END'
#!/bin/sh
while hpt-ask -q -s "$1" -N 4 -f tsv >"asked-$2"; do
    parallel -j 2 --header : --colsep '\t' 'echo {hpt.id} $(./train {x} {k})' <"asked-$2" | hpt-tell -q || exit 9
done
END
    chmod +x flaky loop
    through() { parallel --header : --colsep '\t' "$1"; }
    test_ok 'parallel: failures are told of, a wrong line concerns no other, and its trial comes back when its lease is over' '
        hpt-ask -q -s flaky -p x=0.0..1.0 -p k=a,b,c -m loss --sampler=random --seed=1 -N 12 -f tsv >asked &&
        through "echo {hpt.id} \$(./flaky {x} {k} || echo loss=null)" <asked | test_exit 2 hpt-tell 2>err &&
        test_is "$(value "select k, state, count(loss) = count(*) from flaky group by 1, 2 order by 1")" "a complete true;b failed false;c running false;" &&
        test_is "$(grep -c "^hpt-tell: line [0-9]*: .loss=much.: .much. is not a number" err)" "$(value "select count(*) from flaky where k = \$\$c\$\$" | tr -d ";")" &&
        sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" && open=$(sql -c "select count(*) from hpt.trial where study = \$\$flaky\$\$ and state = \$\$running\$\$") && test "$open" -ge 1 &&
        hpt-ask -q -s flaky -N "$open" -f tsv | through "echo {hpt.id} loss=1" | test_exit 0 hpt-tell -q &&
        test_is "$(value "select k, state, attempt from flaky where k <> \$\$b\$\$ group by 1, 2, 3 order by 1")" "a complete 1;c complete 2;" &&
        test_is "$(value "select count(*) from flaky")" "12;"
    '
    test_ok 'parallel: results after a lease that ran out are refused, those of the later attempt stay' '
        hpt-ask -q -s lapse -p x=0.0..1.0 -p k=a,b -m loss -N 5 --lease=1s -f tsv >asked && sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" &&
        hpt-ask -q -s lapse -N 4 -f tsv | through "echo {hpt.id} loss=1" | test_exit 0 hpt-tell && through "echo {hpt.id} loss=2" <asked | test_exit 1 hpt-tell 2>err &&
        test_is "$(grep -c "^hpt-tell: line [0-9]: lapse/[0-4] is refused: its lease ran out" err)" 5 && test_grep "lapse/4 is refused.* waits to be given out again" err &&
        test_is "$(value "select attempt, state, loss, count(*) from lapse group by 1, 2, 3 order by 1, 2, 3")" "1 waiting \N 1;2 complete 1 4;"
    '
    test_ok 'parallel: two loops and an hpt-run at once' '
        hpt-run -q --print=none --no-code --trace=off -s shared -t 1 -m loss x=0.0..1.0 k=a,b -- ./train {x} {k} &&
        hpt-ask -q -s shared -t 42 >asked && { ./loop shared 1 2>err-1 & first=$!; } && { ./loop shared 2 2>err-2 & second=$!; } &&
        { hpt-run -q --print=none --no-code --trace=off -s shared & third=$!; } && hpt-tell shared/1 loss=0.5 && wait $first && wait $second && wait $third &&
        cat err-1 err-2 >errors && test_empty errors &&
        test_is "$(value "select count(*), count(distinct trial), max(attempt), bool_and(state = \$\$complete\$\$) from shared")" "42 42 1 true;"
    '
else
    test_skip 'the line for GNU parallel of the guide' 'parallel is not installed'
    hpt-ask -s many -p x=-5.0..5.0 -p k=a,b -m loss -N 8 -f tsv | awk 'NR > 1 { print $1, "loss=1" }' | hpt-tell
fi
test_ok 'the loop over folds of the guide' '
    block sh 4 >folds.sh && test_grep "folds=5" folds.sh && sh ./folds.sh >out 2>err && test_empty err &&
    test_is "$(value "select count(*), bool_and(state in (\$\$complete\$\$, \$\$pruned\$\$)), max(evaluations), min(evaluations) > 1 from folds")" "6 true 5 true;"
'
test_ok 'the loop of the guide that reports: some of its trials are stopped, the others are complete' '
    block sh 5 >curves.sh && test_grep "step=" curves.sh && sh ./curves.sh >out 2>err && test_empty err &&
    test_is "$(value "select count(*) filter (where state = \$\$complete\$\$) + count(*) filter (where state = \$\$pruned\$\$), min(state) < max(state) from curves")" "12 true;" &&
    test_is "$(value "select count(*) from curves where state = \$\$complete\$\$ and abs(loss - (x ^ 2 + 0.2)) > 1e-4")" "0;"
'
test_ok 'the line for xargs of the guide' '
    block sh 3 >more.sh && test_grep "xargs" more.sh && sh ./more.sh 2>err && test_empty err &&
    test_is "$(value "select count(*), bool_and(state = \$\$complete\$\$) from many")" "16 true;"
'
if command -v python3 >/dev/null; then
    test_ok 'the loop in Python of the guide' '
        block python 1 >loop.py && test_grep "hpt-ask" loop.py && python3 ./loop.py >out 2>err && test_empty err && test_grep "^python/[0-9]+$" out &&
        test_is "$(value "select count(*), bool_and(abs(loss - x * x - y * y) < 1e-9), bool_and(state = \$\$complete\$\$) from python")" "20 true true;"
    '
    test_ok 'the loop in Python of the guide that reports' '
        { block python 1 | sed "/^study = /,\$d" && block python 2; } >epochs.py && test_grep "report" epochs.py && python3 ./epochs.py >out 2>err && test_empty err &&
        test_is "$(value "select count(*) filter (where state = \$\$complete\$\$) > 2, count(*) filter (where state = \$\$pruned\$\$) > 0, count(*) from epochs")" "true true 12;" &&
        test_is "$(value "select count(*) from epochs where state = \$\$complete\$\$ and abs(loss - (x * x + 0.2)) > 1e-9")" "0;"
    '
else
    test_skip 'the loop in Python of the guide' 'python3 is not installed'
    test_skip 'the loop in Python of the guide that reports' 'python3 is not installed'
fi
test_ok 'the record holds together' '
    test_exit 0 hpt-verify --store >out 2>err && test_grep "0 errors" err
'

test_done
