#!/bin/sh
# hpt-run --ordered: the same study, whoever runs it and however it goes.
. "${0%/*}/lib.sh"

test_ok 'a project' 'test_db'
sql() { psql -qXAt -d "$TEST_DSN" "$@"; }

# Ends in another order each time, and fails here and there.
cat >bowl <<'END'
#!/bin/sh
case $1 in 0.[89]*) exit 1 ;; esac
awk -v x="$1" -v y="$2" 'BEGIN { printf "loss=%.12f\n", (x-0.3)^2 + (y-0.7)^2 }'
END
# Trial 4 ends when it is told to.
cat >gated <<'END'
#!/bin/sh
[ "$HPT_TRIAL" -ne 4 ] || read -r line <tick
exec ./bowl "$@"
END
cat >fold <<'END'
#!/bin/sh
./bowl "$1" "$2" | awk -F= -v fold="$3" '{ printf "loss=%.12f\n", $2 + fold / 100 }'
END
cat >mends <<'END'
#!/bin/sh
[ -e mended ] || exec ./bowl "$@"
echo loss=0.1
END
chmod +x bowl gated fold mends
moved() { [ "$(sql -c "select count(*) from hpt.trial where study = '$1' and state in ('complete', 'failed')")" -ge "$2" ]; }
space='x=0.0..1.0 y=0.0..1.0'
quiet='-q --print=none --seed=5 --max-failures=0 -m loss'
configs() { hpt-query -H -f tsv "select x, y from $1 order by trial"; }
workers() { # STUDY N OPTION...
    study=$1 n=$2 pids='' && shift 2
    while [ "$n" -gt 0 ]; do
        hpt-run $quiet -s "$study" "$@" $space -- ./bowl {x} {y} & pids="$pids $!"
        n=$((n - 1))
    done
    for pid in $pids; do wait "$pid" || return 1; done
}

for sampler in random tpe gp auto forest cmaes nsga2 de; do
    line="--sampler=$sampler --ordered --window=3 -t 40"
    test_ok "$sampler: 1, 2 and 5 workers make the same study" '
        workers "one-$sampler" 1 $line && workers "two-$sampler" 2 -j 2 $line && workers "five-$sampler" 5 $line &&
        configs "one_$sampler" >one && test_is "$(wc -l <one)" 40 &&
        configs "two_$sampler" | test_cmp one - && configs "five_$sampler" | test_cmp one -
    '
    test_ok "$sampler: kills and resumes change nothing" '
        for total in 9 17 26 40; do
            hpt-run $quiet -s "kill-$sampler" $line -t $total -j 2 $space -- ./bowl {x} {y} & pid=$!
            hpt-run $quiet -s "kill-$sampler" $line -t $total $space -- ./bowl {x} {y} & other=$!
            test_wait 120 moved "kill-$sampler" $((total - 6)) && { kill -9 $pid 2>/dev/null; wait $pid; wait $other || return 1; }
        done &&
        hpt-run -q --print=none -s "kill-$sampler" -t 30 && hpt-run -q --print=none -s "kill-$sampler" -t 40 &&
        configs "kill_$sampler" | test_cmp one -
    '
    test_ok "$sampler: hpt-replay --suggest agrees" '
        for study in one two five kill; do
            test_exit 0 hpt-replay -q --suggest "$study-$sampler" >out && test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal " || return 1
        done
    '
done

test_ok 'a slow trial holds up those behind the window, and only them' '
    mkfifo tick && { hpt-run $quiet -s slow --sampler=tpe --ordered -j 2 -t 12 $space -- ./gated {x} {y} & } &&
    test_wait 120 moved slow 6 && echo go >tick && wait $! &&
    test_is "$(sql -c "select d.canonical::text is not null and (d.body ->> \$\$window\$\$) = \$\$3\$\$ from hpt_record.definition d
        join hpt_record.study s on s.id = d.study_id where s.name = \$\$slow\$\$")" t &&
    test_is "$(sql -c "select bool_and(a.started >= b.ended) and count(*) = 9 from hpt.attempt a
        join hpt.attempt b on b.study = a.study and b.trial = a.trial - 3 where a.study = \$\$slow\$\$")" t &&
    test_is "$(sql -c "select string_agg(proposal ->> \$\$finished\$\$ || \$\$;\$\$ || (proposal ->> \$\$running\$\$), \$\$ \$\$ order by trial)
        from hpt.trial where study = \$\$slow\$\$ and trial in (2, 6, 7)")" ";0-1 0-3;4-5 0-4;5-6"
'
test_ok 'folds are run as always' '
    fold() { hpt-run $quiet --sampler=tpe --ordered --window=2 --folds=3 -t 12 -s "$@" $space -- ./fold {x} {y} {hpt.fold}; } &&
    fold f1 && { fold f2 -j 3 & } && fold f2 && wait $! &&
    configs f1 >one && test_is "$(wc -l <one)" 12 && configs f2 | test_cmp one - &&
    test_exit 0 hpt-replay -q --suggest f2
'
test_ok '--retry=failed: the first result is the one that counts' '
    hpt-run $quiet -s again --sampler=tpe --ordered -t 30 $space -- ./mends {x} {y} && touch mended &&
    hpt-run -q --print=none --retry=failed -s again -t 40 && rm mended &&
    test_is "$(sql -c "select count(*) from hpt.trial where study = \$\$again\$\$ and state = \$\$failed\$\$ and trial < 30")" 0 &&
    configs again | head -n 30 >again.30 && configs "one_tpe" >/dev/null &&
    hpt-run $quiet -s once --sampler=tpe --ordered -t 30 $space -- ./mends {x} {y} && configs once | test_cmp again.30 - &&
    test_is "$(sql -c "select count(*) from hpt.trial where study = \$\$again\$\$ and proposal ->> \$\$finished\$\$ like \$\$%.2%\$\$")" 0 &&
    test_exit 0 hpt-replay -q --suggest again
'
test_ok 'what an ordered proposal saw is compared with what it had to see' '
    sql -c "update hpt_record.trial t set proposal = convert_to(replace(convert_from(t.proposal, \$\$UTF8\$\$), \$\$0-4\$\$, \$\$0-3\$\$), \$\$UTF8\$\$)
        from hpt_record.study s where s.id = t.study_id and s.name = \$\$slow\$\$ and t.number = 7" &&
    test_exit 1 hpt-replay -q --suggest slow/7 >out && test_grep "differs.*the study is ordered, and it saw" out
'
test_ok '--ordered, --window: joined, compared, refused' '
    hpt-run $quiet -s slow --sampler=tpe -j 2 -t 13 $space -- ./gated {x} {y} &&
    hpt-run $quiet -s slow --ordered -j 4 -t 14 $space -- ./gated {x} {y} &&
    test_exit 2 hpt-run $quiet -s slow --sampler=tpe --ordered --window=2 -t 14 $space -- ./gated {x} {y} 2>err && test_grep "ordered *- window 3" err &&
    test_exit 2 hpt-run $quiet -s plain -t 1 --window=2 $space -- ./bowl {x} {y} 2>err && test_grep "window needs --ordered" err &&
    test_exit 2 hpt-run $quiet -s plain -t 1 --ordered --sampler=tpe --pruner=median $space -- ./bowl {x} {y} 2>err && test_grep "ordered and --pruner exclude" err &&
    test_exit 2 hpt-run $quiet -s plain -t 1 --ordered --sampler=tpe --budget=1..9 $space -- ./bowl {x} {y} {hpt.budget} 2>err && test_grep "ordered and --budget exclude" err &&
    hpt-run $quiet -s plain -t 1 --sampler=tpe $space -- ./bowl {x} {y} &&
    test_exit 2 hpt-run $quiet -s plain -t 1 --sampler=tpe --ordered $space -- ./bowl {x} {y} 2>err && test_grep "ordered *- no" err &&
    test_exit 2 hpt-run $quiet -s slow --sampler=tpe --extend -t 14 x=0.0..2.0 y=0.0..1.0 -- ./gated {x} {y} 2>err && test_grep "an ordered study is not extended" err &&
    test_exit 2 hpt-run -s slow --ordered 2>err && test_grep "ordered without a command" err
'
test_done
