#!/bin/sh
# hpt-run with the evolutionary samplers: two workers, failures, bounds, several objectives, a wider space; every
# proposal can be made again.
. "${0%/*}/lib.sh"

test_ok 'a project' 'test_db'
sql() { psql -qXAt -d "$TEST_DSN" "$@"; }

cat >work <<'END'
#!/bin/sh
# Fails in a corner; loss and cost contradict each other; sum is bounded.
case $1$2 in 0.9*0.9*) exit 1 ;; esac
awk -v x="$1" -v y="$2" -v k="$3" 'BEGIN { printf "loss=%.12f cost=%.12f sum=%.12f\n", (x-0.3)^2 + (y-0.6)^2 + (k != "b") / 4, x + y, x + y }'
END
chmod +x work
space='x=0.0..1.0 y=0.0..1.0 k=a,b,c n=1..9:if=k=b'
command='./work {x} {y} {k}'

for sampler in cmaes de nsga2 nsga3; do
    run="-q --allow-unused --print=none --seed=3 --sampler=$sampler"
    test_ok "$sampler: two workers with two slots each, a bound" '
        { hpt-run $run -t 50 -j 2 -s "$sampler" -m loss -m sum:le=1.5 $space -- $command & } &&
        hpt-run $run -t 50 -j 2 -s "$sampler" -m loss -m sum:le=1.5 $space -- $command && wait $! &&
        test_is "$(sql -c "select count(*), max(trial), bool_and(origin = \$\$$sampler\$\$), bool_and(reason is not null)
            from hpt.trial where study = \$\$$sampler\$\$")" "50|49|t|t"
    '
    # Ordered, for what two workers find depends on who ends first, and one study of hundreds finds little.
    test_ok "$sampler: it finds the category and comes near" '
        hpt-run $run --ordered -t 50 -j 2 -s "near-$sampler" -m loss -m sum:le=1.5 $space -- $command &&
        test_is "$(sql -c "select min(loss) < 0.05, count(*) from hpt_study.near_$sampler")" "t|50"
    '
    test_ok "$sampler: two objectives" '
        hpt-run $run -t 40 -s "front-$sampler" -m loss -m cost $space -- $command
    '
    test_ok "$sampler: hpt-replay --suggest makes every proposal again" '
        for study in "$sampler" "front-$sampler"; do
            test_exit 0 hpt-replay -q --suggest "$study" >out &&
            test_is "$(cut -f 2 out | sort -u | tr "\n" " ")" "equal proposal " &&
            test_is "$(wc -l <out)" $(($(sql -c "select count(*) from hpt.trial where study = \$\$$study\$\$") + 1)) || return 1
        done
    '
done

test_done
