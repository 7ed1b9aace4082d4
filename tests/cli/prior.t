#!/bin/sh
# hpt-run --prior: what an earlier study found is where a new one begins, and stays in its record.
. "${0%/*}/lib.sh"

test_ok 'a project' 'test_db'
sql() { psql -qXAt -d "$TEST_DSN" "$@"; }

cat >bowl <<'END'
#!/bin/sh
awk -v x="$1" -v y="$2" 'BEGIN { printf "loss=%.12f gain=%.12f\n", (x-0.3)^2 + (y-0.7)^2, -(x-0.3)^2 - (y-0.7)^2 }'
END
chmod +x bowl
run='hpt-run -q --print=none --seed=3'
space='x=0.0..1.0 y=0.0..1.0'
best=$(cat <<'END'
select x, y from early order by loss limit 1
END
)

test_ok 'an earlier study, and one of another space and measure' '
    $run -s early -t 30 --sampler=tpe -m loss $space -- ./bowl {x} {y} &&
    $run -s other -t 20 --sampler=random -m gain:max x=0.0..5.0 z=1..9 -- ./bowl {x} 0.{z}
'
for sampler in random tpe gp auto cmaes; do
    test_ok "--prior: $sampler begins with its best" '
        $run -s "after-$sampler" -t 25 --sampler=$sampler --prior=early -m loss $space -- ./bowl {x} {y} &&
        hpt-query -H -f tsv "$best" >best && hpt-query -H -f tsv "select x, y from after_$sampler where trial = 0" | test_cmp best - &&
        test_is "$(sql -c "select string_agg(origin, \$\$ \$\$ order by trial) from hpt.trial where study = \$\$after-$sampler\$\$ and trial < 3")" "prior prior $sampler" &&
        test_exit 0 hpt-replay -q --suggest "after-$sampler" >out && test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal "
    '
done
test_ok 'the reason of a proposal says what the earlier study counts' '
    test_is "$(sql -c "select count(*) > 5 from hpt.trial where study = \$\$after-gp\$\$ and reason ~ \$\$of earlier studies counts: early 0[.][0-9][0-9]\$\$")" t
'
test_ok 'two of them, of which one has another space, direction and measure' '
    $run -s both -t 20 --sampler=auto --prior=early --prior=other --prior=early -m loss x=0.0..0.9 y=0.0..1.0 z=1..3 -- ./bowl {x} {y} {z} &&
    test_is "$(sql -c "select count(*), min(p ->> \$\$study\$\$), max(p ->> \$\$direction\$\$), max(p ->> \$\$metric\$\$) from hpt_record.definition d
        join hpt_record.study s on s.id = d.study_id, jsonb_array_elements(d.body -> \$\$priors\$\$) p where s.name = \$\$both\$\$")" "2|early|min|loss" &&
    test_is "$(sql -c "select count(*) from hpt.trial where study = \$\$both\$\$ and origin = \$\$prior\$\$")" 2 &&
    test_exit 0 hpt-replay -q --suggest both
'
test_ok 'what was known is frozen: the earlier study goes on, and nothing changes' '
    hpt-run -q --print=none -s early -t 45 &&
    test_is "$(sql -c "select d.body -> \$\$priors\$\$ -> 0 ->> \$\$finished\$\$ from hpt_record.definition d
        join hpt_record.study s on s.id = d.study_id where s.name = \$\$after-gp\$\$")" "0-29" &&
    test_exit 0 hpt-replay -q --suggest after-gp && hpt-run -q --print=none -s after-gp -t 30 && test_exit 0 hpt-replay -q --suggest after-gp
'
test_ok 'the same line goes on; another earlier study is another study' '
    $run -s after-tpe -t 26 --sampler=tpe --prior=early -m loss $space -- ./bowl {x} {y} &&
    $run -s after-tpe -t 27 --sampler=tpe -m loss $space -- ./bowl {x} {y} &&
    test_exit 2 $run -s after-tpe -t 27 --prior=other -m loss $space -- ./bowl {x} {y} 2>err && test_grep "prior *- early" err &&
    test_exit 2 $run -s early -t 46 --prior=other -m loss $space -- ./bowl {x} {y} 2>err && test_grep "prior *- none" err
'
test_ok 'a wider space keeps what the earlier study says' '
    $run -s after-tpe -t 32 --extend --sampler=tpe -m loss x=0.0..2.0 y=0.0..1.0 -- ./bowl {x} {y} &&
    test_exit 0 hpt-replay -q --suggest after-tpe
'
test_ok 'hpt-diff shows it among what the studies are' '
    test_exit 1 hpt-diff --only=definition both/ after-auto/ >out && test_grep "definition	prior	other	0-19	" out && test_no_grep "	prior	early	" out
'
test_ok 'ordered, with several workers: the same study' '
    line="-t 20 --sampler=auto --ordered --window=3 --prior=early -m loss" &&
    $run -s o1 $line $space -- ./bowl {x} {y} &&
    { $run -s o2 $line -j 2 $space -- ./bowl {x} {y} & } && $run -s o2 $line $space -- ./bowl {x} {y} && wait $! &&
    hpt-query -H -f tsv "select x, y from o1 order by trial" >one && hpt-query -H -f tsv "select x, y from o2 order by trial" | test_cmp one -
'
test_ok 'an export of the new study alone has all that its proposals were made of' '
    hpt-export -q -s after-auto -f tar -o after.tar && mkdir -p elsewhere && cd elsewhere && cp ../bowl . && test_db &&
    hpt-import -q ../after.tar && test_exit 0 hpt-replay -q --suggest after-auto >out && test_is "$(wc -l <out)" 26 &&
    test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal " &&
    hpt-run -q --print=none -s after-auto -t 28
'
test_ok '--prior: refused where it can mean nothing' '
    test_exit 4 $run -s no -t 1 --prior=erly -m loss $space -- ./bowl {x} {y} 2>err && test_grep "did you mean .early" err &&
    test_exit 2 $run -s no -t 1 --prior=early -m loss u=0.0..1.0 v=0.0..1.0 -- ./bowl {u} {v} 2>err && test_grep "no parameter of this search space" err &&
    $run -s blank -t 2 x=0.0..1.0 -- ./bowl {x} 0.5 &&
    test_exit 2 $run -s no -t 1 --prior=blank -m loss $space -- ./bowl {x} {y} 2>err && test_grep "no result with a metric" err &&
    test_exit 2 $run -n -t 1 --prior=early -m loss $space -- ./bowl {x} {y} 2>err && test_grep "dry-run and --prior exclude" err &&
    test_exit 2 hpt-run -s early --prior=other 2>err && test_grep "prior without a command" err &&
    test_is "$(sql -c "select count(*) from hpt.study where study = \$\$no\$\$")" 0
'
test_done
