#!/bin/sh
# hpt-query: every mode and option, on the studies of tests/data/heart.sql.
. "${0%/*}/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

# query STATUS ARGUMENT...: output in out, messages in err.
query() {
    query_status=$1
    shift
    test_exit "$query_status" hpt-query "$@" >out 2>err && return 0
    cat err
    return 1
}
# lines N: how many lines out has.
lines() { test_is "$(wc -l <out)" "$1"; }
# first COLUMN: the values of a TSV column as one line, without the header.
first() { cut -f "$1" out | sed 1d | tr '\n' ' ' | sed 's/ $//'; }

test_ok 'a project with two studies' '
    test_db && psql -qX -d "$TEST_DSN" -f "$TEST_SRC/tests/data/heart.sql" >/dev/null
'

# ---- what is shown ----

test_ok 'without arguments: the studies' '
    query 0 && test_is "$(first 1)" "heart pair" && test_is "$(first 4)" "4 0" && test_empty err
'
test_ok '--studies' '
    query 0 --studies -s heart && lines 2 && test_is "$(first 3)" 86.1
'
test_ok '-s alone: its trials' '
    query 0 -s heart && lines 13 && test_empty err &&
    test_is "$(head -n 1 out | cut -f 1-9 | tr "\t" " ")" "trial state acc latency loss kernel C gamma degree"
'
test_ok '--study is -s' '
    query 0 --study=heart --trials -c trial && lines 13
'
test_ok 'without -s the last active study, and a note' '
    query 0 --trials && lines 41 && test_grep "note: study .pair., the last active of 2" err
'
test_ok '--quiet: no note' '
    query 0 --trials -q && test_empty err && query 0 --quiet --trials && test_empty err
'
test_ok 'names of parameters as they were declared, and absent values' '
    query 0 -s heart -w "trial = 1" &&
    test_is "$(sed -n 2p out | cut -f 6-11 | tr "\t" " ")" "rbf 0.2 0.125 \\N 19 f"
'
test_ok 'no such study: 4, with a suggestion' '
    query 4 -s hart && test_empty out && test_grep "no study .hart.; did you mean .heart.\?" err &&
    query 4 -s zzz && test_grep "hint: hpt-query --studies lists them" err
'
test_ok '--failures: grouped by cause, with the last line of stderr' '
    query 0 -s heart --failures -c cause -c attempts -c first_trial -c exit_status -c signal -c last_line &&
    printf "%s\t%s\t%s\t%s\t%s\t%s\n" cause attempts first_trial exit_status signal last_line \
        "exit 3" 1 7 3 "\N" "out of memory: ä" "signal 9" 1 8 "\N" 9 "\N" | test_cmp - out
'
test_ok '--metrics' '
    query 0 -s heart --metrics -c name -c direction -c bound -c trials -c min -c max &&
    printf "%s\t%s\t%s\t%s\t%s\t%s\n" name direction bound trials min max acc max "\N" 9 80.1 86.1 \
        latency le 10 9 0 11 loss track "\N" 9 0.08333333333333333 1 | test_cmp - out
'
test_ok '--curve' '
    query 0 -s heart --curve=3 -c step -c value &&
    printf "step\tvalue\n1\t1.5\n2\t0.25\n" | test_cmp - out
'
# curve_of NAME TRIAL
curve_of() { query 0 -s heart --curve "$1" -c trial -w 'step = 1' && test_is "$(first 1)" "$2"; }
test_ok '--curve takes every name of a trial' '
    curve_of 4 4 && curve_of heart/4 4 && curve_of best 4 && curve_of heart/best 4 && curve_of best~0 4 &&
    curve_of last~7 4 && curve_of last 11 &&
    curve_of best~2 5 && curve_of @first-complete 0 && curve_of @last-complete 11 &&
    hash=$(hpt-query -H -s heart -c config_hash -w "trial = 5" | cut -c 1-8) &&
    curve_of "sha256:$hash" 5 &&
    query 0 --curve heart/1 -c trial -w "step = 1" && test_is "$(first 1)" 1
'
test_ok 'names of trials that name none' '
    query 4 -s heart --curve 99 && test_grep "no trial .99.; it has 12 from 0 to 11" err &&
    query 4 -s heart --curve best~50 && test_grep "not so many" err &&
    query 4 -s heart --curve @first-pruned && test_grep "none is pruned" err &&
    query 4 -s heart --curve sha256:ffffffffff && test_grep "no configuration has that hash" err &&
    query 4 --curve hart/1 && test_grep "did you mean .heart." err &&
    query 2 -s heart --curve sha256:xyz && test_grep "hexadecimal" err &&
    query 2 -s heart --curve bets && test_grep "did you mean .best." err &&
    query 2 -s heart --curve @first-sleepy && test_grep "does not name a trial" err &&
    query 2 -s heart --curve best~-1 && query 2 -s heart --curve ""
'
test_ok '--workers' '
    query 0 -s heart --workers -c host -c pid -c running -c attempts &&
    printf "host\tpid\trunning\tattempts\nnode1\t11\t1\t12\n" | test_cmp - out
'
test_ok '--workers: status with a lease, with one that ran out, and ended' '
    worker=$(hpt-query -H -s heart --workers -c worker) &&
    query 0 -s heart --workers -c status && test_is "$(first 1)" running &&
    psql -qX -d "$TEST_DSN" -c "update hpt_record.lease set until = now() - interval \$\$1s\$\$" &&
    query 0 -s heart --workers -c status && test_is "$(first 1)" silent &&
    psql -qX -d "$TEST_DSN" -c "update hpt_record.worker set ended_at = now() where id = \$\$$worker\$\$" &&
    query 0 -s heart --workers -c status && test_is "$(first 1)" ended &&
    psql -qX -d "$TEST_DSN" -c "update hpt_record.worker set ended_at = null" \
        -c "update hpt_record.lease set until = now() + interval \$\$60s\$\$"
'

# ---- which rows ----

test_ok '--where' '
    query 0 -s heart --where "acc > 84 and kernel = '"'rbf'"'" -c trial && test_is "$(first 1)" "1 4"
'
test_ok '-w speaks of columns as SQL folds them' '
    query 0 -s heart -w "C >= 1" -c trial && test_is "$(first 1)" "9 10 11"
'
test_ok '-w cannot leave its place' '
    query 0 -s heart -w "trial = 1 -- and more" -c trial && test_is "$(first 1)" 1 &&
    query 0 -s heart -w "trial = 1 or true" --top=1 -c trial && test_is "$(first 1)" 4 &&
    query 2 -s heart -w "true); delete from hpt_record.trial; --" && test_empty out &&
    query 2 -s heart -w "acc >"
'
test_ok '--column, in its order' '
    query 0 -s heart --column=gamma -c trial -w "trial = 4" && printf "gamma\ttrial\n0.5\t4\n" | test_cmp - out
'
test_ok '-c tells C from c' '
    query 0 -s heart -c C -c c -w "trial = 3" && printf "C\tc\n0.4\t17\n" | test_cmp - out &&
    query 0 -s heart -c p_c -w "trial = 3" && test_is "$(first 1)" 17
'
test_ok '-c takes names with dots, and the view'"'"'s name for them' '
    query 0 -s pair -c lr.start -w "trial = 2" && test_is "$(cat out)" "$(printf "lr.start\n0.25")" &&
    query 0 -s pair -c lr_start -w "trial = 2" && test_is "$(first 1)" 0.25 &&
    query 0 -s pair -c state -w "trial = 2" && test_is "$(first 1)" complete
'
test_ok 'no such column: 2, with a suggestion' '
    query 2 -s heart -c gama && test_grep "c: no column .gama.; did you mean .gamma.\?" err &&
    query 2 -s heart --sort=-zzzzzz && test_grep "hint: there are trial, state, acc" err
'
test_ok '--sort upwards, downwards, by several; absent values last' '
    query 0 -s heart --sort=acc -c trial -w "trial < 8" && test_is "$(first 1)" "0 3 6 2 5 1 4 7" &&
    query 0 -s heart --sort=-acc -c trial -w "trial < 8" && test_is "$(first 1)" "4 1 5 2 6 3 0 7" &&
    query 0 -s heart --sort=kernel --sort=-C -c trial -w "trial < 6" && test_is "$(first 1)" "3 0 5 2 4 1"
'
test_ok '--sort by one of two columns whose names fold alike' '
    query 0 -s pair --sort=-lr.start -c trial -w "trial < 3" && test_is "$(first 1)" "2 1 0" &&
    query 0 -s heart --sort=-c -c C -c c -w "trial < 3" && test_is "$(first 1)" "0.1 0.2 0.3" &&
    query 0 -s heart --sort=-C -c C -c c -w "trial < 3" && test_is "$(first 1)" "0.3 0.2 0.1"
'
test_ok '--top: complete and feasible, best first, ties by number' '
    query 0 -s heart --top=3 -c trial && test_is "$(first 1)" "4 1 5" &&
    query 0 -s heart --top=100 -c trial && test_is "$(first 1)" "4 1 5 2 6 3 0" &&
    query 0 -s pair --top=2 -c trial && test_is "$(first 1)" "0 33" &&
    test_grep "first of several objectives alone" err
'
test_ok '--top with --sort: the best ones in another order' '
    query 0 -s heart --top=3 --sort=trial -c trial && test_is "$(first 1)" "1 4 5"
'
test_ok '--top with -w: the best of these' '
    query 0 -s heart --top=1 -w "kernel = '"'linear'"'" -c trial && test_is "$(first 1)" 6
'
test_ok '--best' '
    query 0 -s heart --best -c trial -c acc && printf "trial\tacc\n4\t86.1\n" | test_cmp - out
'
test_ok '--best with -f env is fit for eval' '
    (eval "$(hpt-query -s heart --best -f env)" && test_is "$trial $kernel $C ${degree-none}" "4 rbf 0.5 none")
'
test_ok '--best where none is feasible: 1' '
    query 1 -s heart --best -w "latency > 10" && test_grep "no trial that -w takes is complete and feasible$" err
'
test_ok '--best with several objectives: 2, and what to use instead' '
    query 2 -s pair --best && test_grep "has 2 objectives" err && test_grep "hint: --pareto" err &&
    query 2 -s pair --recommend && test_grep "has 2 objectives" err
'
test_ok '--pareto with two objectives' '
    query 0 -s pair --pareto -c trial && test_is "$(first 1)" "0 33 26 19 12 5"
'
test_ok '--pareto with one objective: all with the best value' '
    query 0 -s heart --pareto -c trial && test_is "$(first 1)" 4
'

# A random study with equal values in it, once with two objectives and once with three; the answer
# is compared with the definition of the front, pair by pair.
test_ok 'another project' '
    heart_dsn=$TEST_DSN && test_db fronts && front_dsn=$TEST_DSN && TEST_DSN=$heart_dsn
'
metrics='[{"name": "a", "direction": "min"}, {"name": "b", "direction": "max"}'
for extra in '' ', {"name": "d", "direction": "min"}'; do
    name=front$([ -z "$extra" ] && echo 2 || echo 3)
    cat >front.sql <<END
select hpt_record.study_create('$name', 1, null, convert_to('{"metrics": $metrics$extra],
    "parameters": []}', 'UTF8')) as id \\gset
select hpt_record.worker_start(gen_random_uuid(), :id, 'h', 'b', 'n', 1, 1, '{}', '0', convert_to('{}', 'UTF8'));
insert into hpt_record.trial (study_id, number, state, attempt, config, config_hash)
select :id, n, 'complete', 1, c.config, sha256(c.config)
from generate_series(0, 999) n, convert_to(format('{"n":%s}', n / 2), 'UTF8') c (config);
insert into hpt_record.attempt (study_id, number, attempt, id, worker_id, outcome)
select :id, n, 1, gen_random_uuid(), (select id from hpt_record.worker where study_id = :id), 'complete'
from generate_series(0, 999) n;
insert into hpt_record.metric
select :id, n, 1, m.name, (n * m.factor) % 97 % 31, 'auto', 'stdout', 0
from generate_series(0, 299) n, (values ('a', 37), ('b', 61), ('d', 83)) m (name, factor)
where not (n % 50 = 3 and m.name = 'b');
END
    three=$([ -z "$extra" ] || echo 'and y.d <= x.d')
    strict=$([ -z "$extra" ] || echo 'or y.d < x.d')
    test_ok "--pareto equals its definition: $name" '
        psql -qX -d "$front_dsn" -v ON_ERROR_STOP=1 -f front.sql >/dev/null &&
        query 0 -C fronts -s $name --pareto -c trial --sort=trial &&
        psql -qXAt -d "$front_dsn" >wanted -c "select trial from hpt_study.$name x
            where a is not null and b is not null and not exists (select from hpt_study.$name y
                where y.a <= x.a and y.b >= x.b $three and (y.a < x.a or y.b > x.b $strict))
            order by trial" &&
        test "$(wc -l <wanted)" -gt 4 && test_is "$(first 1)" "$(tr "\n" " " <wanted | sed "s/ \$//")"
    '
done
test_ok 'a hash names the first trial of its configuration, a prefix must fit one alone' '
    hash=$(hpt-query -C fronts -H -s front2 -c config_hash -w "trial = 7") &&
    query 0 -C fronts -s front2 --curve "sha256:$hash" --show-sql && test_grep "q?.?trial = 6$" out &&
    prefix=$(hpt-query -C fronts -H "select left(config_hash, 4) from front2 group by 1
        having count(distinct config_hash) > 1 order by 1 limit 1") && test -n "$prefix" &&
    query 2 -C fronts -s front2 --curve "sha256:$prefix" && test_grep "fits several configurations" err &&
    test_grep "hint: sha256:$prefix[0-9a-f]+ is trial [0-9]*[02468], sha256:$prefix[0-9a-f]+ is trial" err
'
test_ok 'only one way to choose rows, and only of trials' '
    query 2 -s heart --top=1 --best && query 2 -s heart --best --recommend && query 2 --studies --best && query 2 --metrics --recommend && query 2 --failures --pareto &&
    query 2 --metrics --long && query 2 --studies --trials && query 2 --workers --curve 1 &&
    query 2 -s heart --top=0 && query 2 -s heart --top=x && test_grep "top=x: not a whole number" err
'
cat >track.sql <<'END'
select hpt_record.study_create('track', 1, 1, convert_to('{"metrics": [{"name": "m", "direction": "track"}],
    "parameters": []}', 'UTF8'))
END
test_ok 'no objective: 2' '
    psql -qX -d "$front_dsn" -v ON_ERROR_STOP=1 -f track.sql >/dev/null &&
    query 2 -C fronts -s track --best && test_grep "no metric to minimise or maximise" err
'
test_ok '--fail-empty' '
    query 1 -s heart -w false --fail-empty && lines 1 && query 0 -s heart -w false &&
    query 1 --fail-empty "select 1 where false" && query 0 --fail-empty "select 1"
'

# ---- how it looks ----

test_ok '-f, every format' '
    query 0 -s heart -w "trial = 7" -c trial -c acc -c kernel -f tsv && printf "trial\tacc\tkernel\n7\t\\\\N\trbf\n" | test_cmp - out &&
    query 0 -s heart -w "trial = 7" -c trial -c acc --format=csv && printf "trial,acc\r\n7,\r\n" | test_cmp - out &&
    query 0 -s heart -w "trial = 7" -c trial -c acc -f jsonl && test_is "$(cat out)" "{\"trial\":7,\"acc\":null}" &&
    query 0 -s heart -w "trial = 7" -c trial -f json && test_is "$(tr -d " \n" <out)" "[{\"trial\":7}]" &&
    query 0 -s heart -w "trial = 7" -c trial -f md && test_grep "^\| *7 *\|" out &&
    query 0 -s heart -w "trial = 7" -c trial -c acc -f env && test_is "$(cat out)" "$(printf "trial=7\nunset acc")" &&
    query 0 -s heart -w "trial = 7" -c trial -c acc -f table && test_is "$(sed -n 2p out)" "     7    –"
'
test_ok 'unknown format: 2, with a suggestion' '
    query 2 -f tvs && test_grep "did you mean .tsv.\?" err
'
test_ok 'a table leaves out what is constant or secondary, and says so' '
    query 0 -s heart -f table && test_no_grep "config_hash|fixed" out &&
    test_grep "same in all rows: fixed=f; --all-columns shows all" err
'
test_ok '--all-columns' '
    query 0 -s heart -f table --all-columns && test_grep "fixed" out && test_grep "config_hash" out &&
    test_empty err
'
test_ok 'data formats have every column always' '
    query 0 -s heart -f csv && cp out wanted && query 0 -s heart -f csv --all-columns && test_cmp wanted out
'
test_ok 'a table stops at 200 rows and says how many there are' '
    psql -qX -d "$TEST_DSN" -c "insert into hpt_record.metric_chunk select study_id, number, attempt, '"'loss'"', 9,
        array(select generate_series(3, 502)::bigint), array(select generate_series(3, 502)::float8)
        from hpt_record.attempt where study_id = 1 and number = 2" &&
    query 0 -s heart --curve 2 -f table && lines 201 && test_grep "showing 200 of 502 rows; --all-rows" err
'
test_ok '--all-rows' '
    query 0 -s heart --curve 2 -f table --all-rows && lines 503 && test_no_grep showing err
'
test_ok 'data formats are never cut' '
    query 0 -s heart --curve 2 -f tsv && lines 503 && test_empty err
'
test_ok 'a table of SQL stops at 200 rows without running to the end' '
    query 0 -f table "select generate_series(1, 1000000000000)" && lines 201 &&
    test_grep "showing the first 200 rows" err
'
test_ok '-x and --expanded: a line per value' '
    query 0 -s heart -w "trial = 3" -c trial -c acc -x && test_grep "^trial +3$" out && test_grep "^acc +81.1$" out &&
    cp out wanted && query 0 -s heart -w "trial = 3" -c trial -c acc --expanded && test_cmp wanted out &&
    query 2 -s heart -x -f csv
'
test_ok '--long: a fact a row' '
    query 0 -s heart --long -w "trial = 7" -c C -c acc -c gamma -c cause &&
    printf "trial\tname\tvalue\n7\tC\t0.8\n7\tgamma\t0.875\n7\tcause\texit 3\n" | test_cmp - out &&
    query 0 -s heart --long -w "trial = 1" && test_grep "^1	feasible	true$" out &&
    test_grep "^1	started	20[0-9-]*T[0-9:.]*Z$" out
'
test_ok '--precision' '
    query 0 -s heart -w "trial = 2" -c loss -f table && test_is "$(sed -n 2p out | tr -d " ")" 0.333333 &&
    query 0 -s heart -w "trial = 2" -c loss -f table --precision=3 && test_is "$(sed -n 2p out | tr -d " ")" 0.333 &&
    query 0 -s heart -w "trial = 2" -c loss -f table --precision=17 &&
    test_is "$(sed -n 2p out | tr -d " ")" 0.3333333333333333 && query 2 --precision=0 && query 2 --precision=x
'
test_ok '-H and --no-header' '
    query 0 -s heart -w "trial = 2" -c trial -H && test_is "$(cat out)" 2 &&
    query 0 -s heart -w "trial = 2" -c trial --no-header -f csv && test_is "$(tr -d "\r" <out)" 2
'
test_ok '-z and --null' '
    query 0 -s heart -w "trial < 2" -c trial -H -z && test_is "$(tr "\0" ,  <out)" "0,1," &&
    query 0 -s heart -w "trial < 2" -c trial -H --null && test_is "$(tr "\0" ,  <out)" "0,1,"
'
test_ok '-o and --output: a whole file or none' '
    query 0 -s heart -c trial -o rows.tsv && test_empty out && test_is "$(wc -l <rows.tsv)" 13 &&
    query 0 -s heart -c trial -w "trial < 1" --output=rows.tsv && test_is "$(wc -l <rows.tsv)" 2 &&
    query 2 -o rows.tsv "select 1 / (5 - g) from generate_series(1, 9) g" && test_is "$(wc -l <rows.tsv)" 2 &&
    test_is "$(ls -A | grep -c rows)" 1 && query 0 -s heart -c trial -o - && lines 13 && query 125 -s heart -o none/rows.tsv && test_grep "none/rows.tsv" err &&
    query 125 -s heart -o /dev/full && test_grep "/dev/full: No space left" err
'
test_ok 'full standard output: 125' '
    test_exit 125 hpt-query -s heart >/dev/full 2>err && test_grep "No space left" err &&
    test_exit 125 hpt-query "select generate_series(1, 100000)" >/dev/full 2>err &&
    test_is "$(cat err)" "hpt-query: standard output: No space left on device"
'
test_ok '--color' '
    query 0 -s heart -f table --color=always && test_grep "$(printf "\033\\[1m")" out &&
    query 0 -s heart -f table --color=never && test_no_grep "$(printf "\033")" out &&
    query 2 --color=blue && test_grep "auto, always or never" err
'

# ---- SQL ----

test_ok 'SQL: one argument, with the views in reach' '
    query 0 "select kernel, count(*) as n from heart where feasible group by 1 order by 1" &&
    printf "kernel\tn\nlinear\t3\npoly\t2\nrbf\t2\n" | test_cmp - out &&
    query 0 "select study, trial from ranking where place = 1 order by 1" && test_is "$(first 2)" "4 0"
'
test_ok 'SQL: values are exact' '
    query 0 -H "select 0.1::float8 + 0.2::float8, 1e300::float8, 5e-324::float8, -0.0::float8, 12345678901234567890.123" &&
    printf "0.30000000000000004\t1e+300\t5e-324\t-0\t12345678901234567890.123\n" | test_cmp - out &&
    query 0 -H -f csv "select -0.0::float8, 0::float8" && test_is "$(tr -d "\r" <out)" "-0,0" &&
    query 0 -f jsonl "select -0.0::float8 as z" && test_is "$(cat out)" "{\"z\":0}" &&
    query 0 -H "select null::int, true, '"E'a\\\\tb\\\\nc'"', timestamptz '"'2026-01-02 03:04:05.6+01'"'" &&
    printf "\\\\N\ttrue\ta\\\\tb\\\\nc\t2026-01-02T02:04:05.600000Z\n" | test_cmp - out
'
test_ok '-F, --file and -: SQL from a file or standard input' '
    echo "select 6 * 7 as n;" >q.sql && query 0 -F q.sql && test_is "$(first 1)" 42 &&
    query 0 --file=q.sql && test_is "$(first 1)" 42 &&
    test_exit 0 hpt-query -H - <q.sql >out && test_is "$(cat out)" 42 &&
    test_exit 0 hpt-query -H -F - <q.sql >out && test_is "$(cat out)" 42 &&
    query 125 -F none.sql && test_grep "none.sql: No such file" err
'
test_ok 'SQL: nothing to run' '
    query 2 "" && query 2 " ; " && test_exit 2 hpt-query - </dev/null && printf "\377" >bad.sql && query 2 -F bad.sql &&
    test_grep "bad.sql: not UTF-8" err && query 2 select 1 && test_grep "SQL is one argument" err
'
test_ok 'SQL: a caret under the mistake' '
    printf "select trial,\n  foo\nfrom heart" >q.sql && query 2 -F q.sql && test_empty out &&
    test_grep "column \"foo\" does not exist" err && sed -n 2,3p err >place &&
    printf "    foo\n    ^\n" | test_cmp - place
'
test_ok 'SQL: a caret behind tabs, wide letters and a long line' '
    query 2 "$(printf "select '"'漢字'"',\tfoo from heart")" && sed -n 3p err >place &&
    test_is "$(cat place)" "$(printf "%18s" ^)" &&
    query 2 "select $(printf "%0100d" 0)::int4, 1 + foo + $(printf "%0100d" 0) from heart" &&
    test_is "$(sed -n 2p err | cut -c 3-5)" "..." &&
    test_is "$(sed -n 3p err | awk "{ print index(\$0, \"^\") }")" "$(sed -n 2p err | awk "{ print index(\$0, \"foo\") }")"
'
test_ok 'SQL: an argument that is a name' '
    query 2 heart && test_grep "hint: an argument is SQL; -s NAME shows a study" err
'
test_ok 'SQL: one statement at a time' '
    query 2 "select 1; select 2" && test_grep "one statement at a time" err && test_empty out
'
# each STATUS PATTERN SQL...: each statement ends so, prints nothing, and says that.
each() {
    each_status=$1 each_pattern=$2
    shift 2
    for sql; do
        query "$each_status" "$sql" && test_empty out && test_grep "$each_pattern" err && continue
        echo "this was: $sql"
        return 1
    done
}
test_ok 'SQL: nothing is written, whoever asks' '
    each 2 "only reads|42501" "delete from hpt_record.trial" "create table x (a int)" \
        "update hpt_record.study set total = 1" "select nextval('"'hpt_record.trial_number_1'"')" \
        "drop view hpt.trial" "select hpt_record.study_set_total(1, 5)" \
        "with gone as (delete from hpt_record.metric returning 1) select * from gone" &&
    query 0 -H "select count(*) from trial where study = '"'heart'"'" && test_is "$(cat out)" 12
'
test_ok 'SQL: the transaction cannot be left' '
    for sql in commit rollback "set transaction read write" "do \$\$ begin commit; end \$\$" \
        "set session characteristics as transaction read write"; do
        hpt-query "$sql" >>ended 2>err || :
    done && test_empty ended && query 2 "copy (select 1) to stdout" && query 2 "set x = 1"
'
test_ok 'the reader of a private server sees views and no files' '
    HPT_DSN="$TEST_DSN user=hpt_reader" && export HPT_DSN &&
    query 0 -s heart --best -c trial && test_is "$(first 1)" 4 &&
    each 2 "42501|only reads" "select pg_read_file('"'/etc/passwd'"')" "select * from hpt_record.trial" \
        "select pg_ls_dir('"'/'"')" "copy (select 1) to '"'/tmp/x'"'" "copy (select 1) to program '"'id'"'" \
        "select lo_import('"'/etc/passwd'"')" "select hpt_record.study_set_total(1, 5)" &&
    query 0 -H "select current_user" && test_is "$(cat out)" hpt_reader
'
unset HPT_DSN
# The project of the server that these tests share; a long path has its socket elsewhere.
private=${TEST_SERVER#*host=}
private=${private%%/.hpt/run*}
if [ -d "$private/.hpt" ]; then
    test_ok 'a private server is asked as its reader' '
        query 0 -C "$private" -H "select current_user" && test_is "$(cat out)" hpt_reader &&
        query 2 -C "$private" "select pg_read_file('"'/etc/passwd'"')" && test_grep 42501 err &&
        for sql in "lo_create(0)" "lo_creat(-1)" "lo_from_bytea(0, '"'x'"')" "lo_put(1, 0, '"'x'"')" \
            "lo_open(1, 131072)" "lowrite(0, '"'x'"')" "lo_truncate(0, 1)" "lo_truncate64(0, 1)" "lo_unlink(1)"; do
            query 2 -C "$private" "select $sql" && test_grep 42501 err || return 1
        done
    '
else
    test_skip 'a private server is asked as its reader' 'its folder is not known'
fi
test_ok '-c with a word that is two columns: a note says which one it is' '
    query 0 -s heart -c trial -c c && test_grep "note: -c c is .c., in SQL [a-z0-9_]+; in SQL c is .C." err &&
    query 0 -s heart -c C && test_empty err
'
test_ok '--timeout' '
    query 125 --timeout=50ms "select count(*) from generate_series(1, 100000000000)" && test_empty out &&
    test_grep "stopped after 0.05 s" err && test_grep "hint: --timeout=" err &&
    query 0 --timeout=0 "select 1" && query 0 -H "show statement_timeout" && test_is "$(cat out)" 5min &&
    query 2 --timeout=soon && test_grep "timeout" err
'
test_ok 'SQL does not mix with what changes a table' '
    query 2 -s heart "select 1" && query 2 -w true "select 1" && query 2 -c a "select 1" && query 2 --sort=a "select 1" &&
    query 2 --top=1 "select 1" && query 2 --trials "select 1" && query 2 -F q.sql "select 1" &&
    test_grep "at a time" err
'
# shown OPTIONS...: the SQL of these options gives what they give, here and in psql.
shown() {
    query 0 -s heart "$@" && cp out wanted && query 0 -s heart "$@" --show-sql && cp out show.sql &&
        query 0 -F show.sql && test_cmp wanted out &&
        psql -qX -v ON_ERROR_STOP=1 -d "$TEST_DSN" -f show.sql >/dev/null
}
test_ok '--show-sql prints what psql and hpt-query understand, and runs nothing' '
    shown --studies && shown --trials && shown --failures && shown --metrics && shown --curve 3 &&
    shown --workers && shown --top=3 --sort=-C && shown --pareto && shown --best && shown -w "C>0.3" -c C -c c &&
    query 0 --show-sql "select pg_sleep(1e9)" && test_is "$(sed 1d out)" "select pg_sleep(1e9);"
'
test_ok '--show-sql can be given back as an argument, and SQL that begins with -- behind --' '
    query 0 -s heart --top=1 && cp out wanted && sql=$(hpt-query -s heart --top=1 --show-sql) &&
    query 0 "$sql" && test_cmp wanted out && query 0 -H -- "-- x
select 1" && test_is "$(cat out)" 1
'
test_ok 'a parameter of SQL has no value: 2' '
    query 2 "select \$1" && test_grep "no values for .1" err
'
test_ok '--psql and --watch: 2' '
    query 2 --psql --watch=1 && test_grep "does not go with --psql" err
'
test_ok '-v and --verbose' '
    query 0 -v -s heart -c trial && test_grep "asking .*t_cli_hpt_query" err && test_grep "^select trial" err &&
    query 0 --verbose -s heart -c trial && test_grep "^from hpt_study.heart" err
'
test_ok '--psql opens psql on the views, read-only' '
    query 0 --psql -- -XAtc "select trial from heart where kernel = '"'rbf'"' and feasible" && test_is "$(cat out | tr "\n" " ")" "1 4 " &&
    test_exit 1 hpt-query --psql -- -Xc "delete from hpt_record.trial" 2>err && test_grep "read-only transaction" err &&
    query 2 --psql --trials
'
test_ok '--psql without psql: 127' '
    mkdir -p empty && test_exit 127 env PATH="$PWD/empty" "$TEST_BUILD/hpt-query" --psql 2>err &&
    test_grep "psql: No such file" err
'
test_ok 'plain psql finds the views without a prefix' '
    psql -XAt -d "$TEST_DSN" -c "select C, gamma, acc from heart where feasible order by acc desc limit 1" >out &&
    test_is "$(cat out)" "0.5|0.5|86.1"
'

# ---- which database ----

test_ok '-d and --dsn' '
    mkdir -p elsewhere && cd elsewhere && query 0 -d "$TEST_DSN" -s heart -c trial && lines 13 &&
    query 0 --dsn="$TEST_DSN" -s heart -c trial && lines 13
'
test_ok '-C and --directory' '
    mkdir -p elsewhere && cd elsewhere && query 0 -C .. -s heart -c trial && lines 13 &&
    query 0 --directory=.. -s heart -c trial && lines 13
'
test_ok 'no database: 3' '
    query 3 -d "host=/nowhere-at-all dbname=x connect_timeout=2" && test_empty out && test_grep "/nowhere-at-all" err &&
    mkdir -p "$HOME/none" && cd "$HOME/none" && HPT_CEILING=$HOME query 3 && test_grep "hpt-init" err
'

# ---- again and again ----

# A shell starts what runs in the background with Ctrl-C ignored.
watched() {
    env --default-signal=INT hpt-query -s heart --watch=0.05 -c trial -w 'trial = 4' -f table >watched 2>err &
    watcher=$!
    test_wait 120 twice || { kill "$watcher" && return 1; }
    kill -INT "$watcher"
    wait "$watcher"
}
twice() { test "$(grep -c '^ *4$' watched)" -ge 2; }
test_ok '--watch shows it again until it is interrupted: 130' '
    test_exit 130 watched && test_no_grep "$(printf "\033")" watched
'
test_ok '--watch: bad spans, and not into a file' '
    query 2 --watch=0 && query 2 --watch=x && query 2 --watch=1 -o file && test ! -e file
'

# ---- large results, terminals ----

cat >peak.awk <<'END'
# Stops twice to look at the memory of the process that writes what is read here.
function look(file) { system("grep VmHWM /proc/" pid "/status >" file) }
NR == 1000 { look("early") }
NR == 990000 { look("late") }
END { print NR }
END
kib() { awk '{ print $2 }' "$1"; }
# The sanitizers' allocator keeps what was freed for a while.
sanitized() { grep -q __asan_init "$TEST_BUILD/hpt-query"; }
stream() {
    rm -f rows && mkfifo rows || return 1
    ASAN_OPTIONS=quarantine_size_mb=1 hpt-query -H "$1" >rows &
    stream_pid=$!
    awk -v pid="$stream_pid" -f peak.awk rows >count
    wait "$stream_pid"
}
test_ok 'a million rows in constant memory' '
    stream "select generate_series(1, 1000000), repeat('"'x'"', 50)" && test_is "$(cat count)" 1000000 &&
    echo "peak: $(kib early) KiB early, $(kib late) KiB late" &&
    test "$(kib late)" -lt $(($(kib early) + 2048)) &&
    { sanitized || test "$(kib late)" -lt 20480; }
'
if command -v script >/dev/null; then
    # terminal WIDTH HEIGHT COMMAND: on a terminal of that size; what it shows in out.
    terminal() {
        COLUMNS=$1 LINES=$2 TERM=xterm script -qfec "stty cols $1 rows $2; $3" /dev/null </dev/null | tr -d "\r" >out
    }
    test_ok 'on a terminal: a table that fits' '
        terminal 60 50 "hpt-query -s heart" &&
        test_grep "trial.*acc.*kernel" out && test_grep "no room for:" out &&
        test "$(grep "^ *[0-9]" out | wc -L)" -le 60
    '
    test_ok 'on a terminal: bold head, unless NO_COLOR' '
        terminal 80 50 "hpt-query -s heart" && test_grep "$(printf "\033\\[1m")" out &&
        terminal 80 50 "NO_COLOR=1 hpt-query -s heart" && test_no_grep "$(printf "\033")" out
    '
    test_ok 'on a terminal: what is longer than the screen goes to the pager' '
        terminal 80 10 "HPT_PAGER=\"sed s/^/paged:/\" hpt-query -s heart" && test_grep "^paged: *11 " out &&
        terminal 80 10 "PAGER=\"sed s/^/paged:/\" hpt-query -s heart" && test_grep "^paged: *11 " out &&
        terminal 80 40 "HPT_PAGER=\"sed s/^/paged:/\" hpt-query -s heart" && test_no_grep "^paged" out &&
        terminal 80 10 "HPT_PAGER= PAGER=false hpt-query -s heart" && test_grep "^ *11 " out &&
        terminal 80 10 "HPT_PAGER=no-such-pager hpt-query -s heart" && test_grep "^ *11 " out &&
        mkdir -p few && ln -sf "$(command -v hpt-query)" few/ &&
        terminal 80 10 "PATH=$PWD/few hpt-query -s heart" && test_grep "^ *11 " out && test_no_grep "not found" out &&
        terminal 80 10 "HPT_PAGER=true hpt-query -s heart; echo status \$?" && test_grep "status 0" out
    '
else
    test_skip 'on a terminal' 'script is not installed'
fi

test_done
