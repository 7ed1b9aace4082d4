#!/bin/sh
# hpt-run with samplers that learn: results of all workers are known, what was known is recorded.
. "${0%/*}/lib.sh"

test_ok 'a project' 'test_db'
sql() { psql -qXAt -d "$TEST_DSN" "$@"; }

cat >bowl <<'END'
#!/bin/sh
awk -v x="$1" -v y="$2" 'BEGIN {
    printf "loss=%.12f gain=%.12f sum=%.12f\n", (x-0.3)^2 + (y-0.7)^2, -(x-0.3)^2 - (y-0.7)^2, x + y
}'
END
cat >half <<'END'
#!/bin/sh
case $1 in 0.[0-4]*) exit 1 ;; esac
exec ./bowl "$@"
END
chmod +x bowl half

for sampler in tpe gp auto forest; do
    run="-q --print=none --seed=1 -t 60 --sampler=$sampler"
    test_ok "$sampler: better than random" '
        hpt-run $run -s "$sampler" -m loss x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} &&
        hpt-run -q --print=none --seed=1 -t 60 -s "random-$sampler" --sampler=random -m loss x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} &&
        test_is "$(sql -c "select (select min(loss) from hpt_study.$sampler) * 2 < (select min(loss) from hpt_study.random_$sampler)")" t
    '
    test_ok "$sampler: each proposal says what it saw; with one worker, all before" '
        test_is "$(sql -c "select count(*) from hpt.trial where study = \$\$$sampler\$\$ and (origin <> \$\$$sampler\$\$ or reason is null
            or proposal ->> \$\$sampler\$\$ not like \$\$$sampler%\$\$ or proposal ->> \$\$running\$\$ <> \$\$\$\$
            or proposal ->> \$\$finished\$\$ <> case trial when 0 then \$\$\$\$ when 1 then \$\$0\$\$ else \$\$0-\$\$ || trial - 1 end)")" 0
    '
    test_ok "$sampler: a maximum is the minimum of its negative" '
        hpt-run $run -s "max-$sampler" -m gain:max x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} &&
        hpt-query -H -f tsv "select x, y from $sampler order by trial" >min &&
        hpt-query -H -f tsv "select x, y from max_$sampler order by trial" >max &&
        test_cmp min max &&
        test_is "$(sql -c "select max(gain) > -0.001 from hpt_study.max_$sampler")" t
    '
    test_ok "$sampler: resumed, it goes on as if it had never stopped" '
        hpt-run -q --print=none --seed=1 -t 25 --sampler=$sampler -s "again-$sampler" -m loss x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} &&
        hpt-run -q --print=none -t 60 -s "again-$sampler" &&
        hpt-query -H -f tsv "select x, y from again_$sampler order by trial" | test_cmp min -
    '
    test_ok "$sampler: two workers with two slots each; no trial is proposed twice" '
        { hpt-run $run -j 2 -s "two-$sampler" -m loss x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} & } &&
        hpt-run $run -j 2 -s "two-$sampler" -m loss x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} && wait $! &&
        test_is "$(sql -c "select count(*), count(distinct config_hash) > 55, max(attempt), bool_and(state = \$\$complete\$\$)
            from hpt.trial where study = \$\$two-$sampler\$\$")" "60|t|1|t" &&
        test_is "$(sql -c "select count(*) from hpt_record.result r join hpt_record.study s on s.id = r.study_id where s.name = \$\$two-$sampler\$\$")" 60
    '
    test_ok "$sampler: failures are results, and a second try is a second result" '
        test_exit 0 hpt-run $run -t 20 -s "bad-$sampler" -m loss x=0.0..1.0 y=0.0..1.0 -- ./half {x} {y} 2>err &&
        hpt-run -q --print=none -t 30 --retry=failed -s "bad-$sampler" 2>err &&
        test_is "$(sql -c "select count(*) > 0 and bool_and(n = 2) from (select count(*) as n from hpt_record.result r join hpt_record.study s on s.id = r.study_id
            join hpt_record.trial t on t.study_id = r.study_id and t.number = r.number
            where s.name = \$\$bad-$sampler\$\$ and t.state = \$\$failed\$\$ and t.number < 20 group by t.number) c")" t &&
        test_is "$(sql -c "select max(proposal ->> \$\$finished\$\$) ~ \$\$[.]2\$\$ from hpt.trial where study = \$\$bad-$sampler\$\$ and trial = 29")" t
    '
    test_ok "$sampler: what has bounds is kept with each result" '
        hpt-run $run -s "bounds-$sampler" -m sum:le=0.8 -m loss -m gain:ge=-9 x=0.0..1.0 y=0.0..1.0 -- ./bowl {x} {y} &&
        test_is "$(sql -c "select count(*), bool_and(r.constraints = array[b.sum, b.gain]) from hpt_study.bounds_$sampler b
            join hpt_record.study s on s.name = \$\$bounds-$sampler\$\$
            join hpt_record.result r on r.study_id = s.id and r.number = b.trial")" "60|t" &&
        test_is "$(sql -c "select count(*) from hpt_record.result where constraints is null and study_id in
            (select id from hpt_record.study where name = \$\$$sampler\$\$)")" 60
    '
    test_ok "$sampler: hpt-replay --suggest makes every proposal again, of all these studies" '
        for study in "$sampler" "max-$sampler" "again-$sampler" "two-$sampler" "bad-$sampler" "bounds-$sampler"; do
            test_exit 0 hpt-replay -q --suggest "$study" >out &&
            test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal " &&
            test_is "$(wc -l <out)" $(($(sql -c "select count(*) from hpt.trial where study = \$\$$study\$\$") + 1)) || return 1
        done
    '
done
test_ok 'a wider space: what was learnt counts' '
    hpt-run -q --print=none -t 70 -s tpe --extend -m loss x=0.0..2.0 y=0.0..1.0 -- ./bowl {x} {y} &&
    test_is "$(sql -c "select count(*) from hpt.trial where study = \$\$tpe\$\$ and trial >= 60 and proposal ->> \$\$finished\$\$ like \$\$0-%\$\$")" 10
'

test_ok '--suggest: of one trial, of the study of -s; what was changed is found' '
    test_exit 4 hpt-replay --suggest tpe/6500 2>err && test_grep "study .tpe. has no trial .6500.; it has 70" err &&
    test_exit 4 hpt-replay --suggest tpex/1 2>err && test_grep "no study .tpex.; did you mean .tpe.\?" err &&
    test_exit 0 hpt-replay -H --suggest tpe/65 >out 2>err && test_is "$(cat out)" "65	equal	" &&
    test_grep "1 of 1 proposals are made again" err &&
    test_exit 0 hpt-replay -q --suggest -s tpe >out && test_is "$(wc -l <out)" 71 &&
    sql -c "update hpt_record.result r set objectives = array[5.0] from hpt_record.study s
        where s.id = r.study_id and s.name = \$\$tpe\$\$ and r.number = (select trial from hpt_study.tpe order by loss limit 1)" &&
    test_exit 1 hpt-replay --suggest tpe >out 2>err && test_grep "differs.*would be proposed" out &&
    sql -c "update hpt_record.trial t set proposal = null from hpt_record.study s where s.id = t.study_id and s.name = \$\$gp\$\$ and t.number = 30" &&
    test_exit 1 hpt-replay -q --suggest gp/30 >out && test_grep "unknown.*not recorded" out
'
test_ok '--suggest: of a bundle, and of what was imported from it' '
    hpt-export -q -s two-auto -f tar -o two.tar && hpt-export -q -a -f tar -o all.tar && hpt-replay -q --suggest two-auto >wanted &&
    mkdir -p none && (cd none && test_exit 0 hpt-replay -q --suggest ../two.tar) | test_cmp wanted - &&
    test_exit 0 hpt-replay -q --suggest "all.tar#two-auto/" | test_cmp wanted - && test_exit 0 hpt-replay -q --suggest "all.tar#two-auto" | test_cmp wanted - &&
    test_exit 4 hpt-replay --suggest "all.tar#two-aut" 2>err && test_grep "two-aut" err &&
    test_is "$(hpt-replay -q -H --suggest -s two-auto all.tar#59)" "59	equal	" &&
    test_exit 0 hpt-replay -q --suggest "all.tar#bad-tpe/" >out && test_is "$(wc -l <out)" 31 &&
    here=$TEST_DSN && mkdir -p away && cd away && test_db && hpt-import -q ../all.tar &&
    for study in two-tpe two-gp two-auto bad-gp again-tpe; do
        test_exit 0 hpt-replay -q --suggest $study >out && test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal " || return 1
    done && TEST_DSN=$here
'
test_ok '--suggest: what a bundle lacks is said' '
    hpt-export -q -s two-auto -f tar -o few.tar 40 41 50 && test_exit 1 hpt-replay -q --suggest few.tar >out &&
    test_is "$(wc -l <out)" 4 && test_grep "^40	unknown	trial 0, which the proposal saw, is not in the record" out
'
test_ok '--suggest: samplers that do not learn' '
    test_exit 0 hpt-replay -q --suggest random-tpe >out && test_is "$(wc -l <out)" 61
'

test_done
