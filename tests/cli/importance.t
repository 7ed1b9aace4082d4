#!/bin/sh
# hpt-query --importance: shares that are known, of a space with a conditional parameter.
. "${0%/*}/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-run" ] || test_skip_all 'hpt-run is not built'

query() {
    query_status=$1
    shift
    test_exit "$query_status" hpt-query "$@" >out 2>err && return 0
    cat err
    return 1
}
# share METRIC PARAMETER COLUMN LOW HIGH: is that number between the two?
share() {
    awk -F '\t' -v m="$1" -v p="$2" -v c="$3" -v low="$4" -v high="$5" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) at = i }
        $1 == m && $2 == p { found = 1; good = $at >= low && $at <= high; print m, p, c, $at }
        END { exit !(found && good) }' out
}

# loss is 3x where k is a and 5 where it is b, y has no part; time is of k alone. Of loss k has 3.0625 of 3.4375, by
# itself; x, which is there with a alone, 0.1875 by itself and 0.375 with k.
cat >f <<'END'
#!/bin/sh
echo "loss=$(awk -v k="$1" -v x="$3" 'BEGIN { print k == "a" ? 3 * x : 5 }')"
[ "$1" = a ] && echo time=1 || echo time=2
END
chmod +x f
test_ok 'a study' '
    test_db && printf "k categorical {a, b}\nx real [0, 1]\ny real [0, 1]\nx | k == a\n" >space.txt &&
    hpt-run --allow-unused -q --print=none -s imp --seed=1 --sampler=sobol -t 80 -m loss -m time:track --space=space.txt \
        -- ./f {k} "{-x x}"
'
test_ok '--importance: the objective, the most important first' '
    query 0 -s imp --importance && test_is "$(cut -f 2 out | tr "\n" " ")" "parameter k x y " &&
    share loss k share 0.84 0.94 && share loss x share 0.02 0.09 && share loss x total 0.06 0.16 &&
    share loss y share 0 0.01 && share loss k share_spread 0 0.06 && share loss k trials 80 80 &&
    share loss k explained 0.85 1 && share loss k total 0.9 1 && share loss y total_spread 0 0.05 &&
    test_grep "note: loss: the model explains (9[0-9]|100) % of what varies over 80 trials" err
'
test_ok '--importance: twice the same' '
    query 0 -s imp --importance && cp out first && query 0 -s imp --importance && test_cmp first out
'
test_ok '--importance -c: other metrics, several' '
    query 0 -s imp --importance -c time -c loss && test_is "$(cut -f 1 out | uniq | tr "\n" " ")" "metric time loss " &&
    share time k share 0.97 1 && share time x total 0 0.03 && share loss k share 0.84 0.94
'
test_ok '--importance -w: without some trials' '
    query 0 -s imp --importance -w "trial >= 30" && share loss k share 0.84 0.96 && share loss k trials 50 50
'
test_ok '--importance in every format, and to a file' '
    query 0 -s imp --importance -f json -q && test_grep "^.\"metric\":\"loss\",\"parameter\":\"k\",\"share\":0\.[0-9]+,\"share_spread\"" out && test_empty err &&
    query 0 -s imp --importance -f table && test_grep "^ k +0\.[89]" out &&
    query 0 -s imp --importance -f csv -H -o file && test_is "$(cut -d , -f 2 file | tr "\n" " ")" "k x y "
'
test_ok '--importance: little is said of what the model does not explain' '
    query 0 -s imp --importance -w "trial < 8" && test_grep "few trials, so the shares say little" err &&
    query 0 -s imp --importance -w "trial < 0" && test_grep "nothing varies over 0 trials" err && share loss k share 0 0
'
test_ok '--importance --show-sql: which trials' '
    query 0 -s imp --importance --show-sql -w "x < 0.5" && test_grep "state = .complete. and" out &&
    psql -qXAt -d "$TEST_DSN" -f out >rows && test_grep "^[0-9]+.\{\"k\": \"a\"" rows
'
test_ok '--importance: what it does not go with' '
    query 2 -s imp --importance -c k && test_grep "hpt-query: -c k: .[ab]. is not a number" err &&
    query 2 -s imp --importance -c los && test_grep "did you mean .loss." err &&
    query 2 -s imp --importance --sort=share && test_grep "rows go by metric and share" err &&
    query 2 -s imp --importance --top=3 && query 2 -s imp --importance --trials && query 4 -s no --importance
'
test_ok '--importance: a study that has no objective' '
    hpt-run -q --print=none -s none --seed=1 -t 4 -m loss:track x=0.0..1.0 -- ./f a -x {x} &&
    query 2 -s none --importance && test_grep "no metric to minimise or maximise" err && query 0 -s none --importance -c loss
'
test_done
