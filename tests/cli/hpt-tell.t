#!/bin/sh
# hpt-tell: results by arguments and by lines, each option by its name, and what is refused.
. "${0%/*}/lib.sh"
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

value() { hpt-query -H "$1" | tr '\t\n' ' ;'; }
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }
# ask STUDY N: trials of a study with an objective, a bound and a tracked metric.
ask() { hpt-ask -q -s "$1" -p x=0.0..1.0 -p k=a,b -m acc:max -m size:le=10 -m note:track --seed=1 -N "$2" -f tsv; }

test_ok 'arguments: a result is recorded as it was told' '
    test_db && ask one 4 >asked && test_exit 0 hpt-tell one/0 acc=0.1 size=3 note=1e-3 >out 2>err && test_empty out && test_empty err &&
    test_is "$(value "select state, acc, size, note, feasible, cause, seconds is null from one where trial = 0")" "complete 0.1 3 0.001 true told true;" &&
    test_is "$(value "select name, rule, source, byte_offset from hpt.metric where trial = 0 order by name")" \
        "acc told tell \N;note told tell \N;size told tell \N;" &&
    hpt-tell 1 acc=-0.5 note=nan && hpt-tell one/2 acc=1 note=-inf &&
    test_is "$(value "select note from one where trial in (1, 2) order by trial")" "NaN;-Infinity;" &&
    test_is "$(value "select objectives from hpt_record.result where number = 1 and turn = 1" 2>/dev/null)" "" &&
    test_is "$(sql -c "select objectives from hpt_record.result where number = 1")" "{-0.5}"
'
test_ok 'told twice: the same is harmless, another is refused' '
    test_exit 0 hpt-tell one/0 note=1e-3 size=3.0 acc=0.1 2>err && test_grep "note: one/0 was told of before, the same" err &&
    test_exit 1 hpt-tell one/0 acc=0.2 size=3 note=1e-3 2>err &&
    test_grep "^hpt-tell: one/0 is refused: it has another result already, acc=0.1 note=0.001 size=3, told at 20" err &&
    test_exit 1 hpt-tell one/0 acc=0.1 2>err && test_exit 1 hpt-tell --failed one/0 2>err && test_grep "another result already" err &&
    test_is "$(value "select acc, count(*) over () from one where trial = 0")" "0.1 1;" &&
    test_is "$(value "select count(*) from hpt.metric where trial = 0")" "3;"
'
test_ok 'unknown trials and attempts: 4; what is no id: 2' '
    test_exit 4 hpt-tell one/99 acc=1 2>err && test_grep "study .one. has no trial 99" err &&
    test_exit 4 hpt-tell one/3.2 acc=1 2>err && test_grep "one/3.2 was not given out: the newest attempt is 1" err &&
    test_exit 4 hpt-tell onn/3 acc=1 2>err && test_grep "did you mean .one.\?" err &&
    for id in x one/ one/x 3.x 3.0 /3 -3 99999999999999999999; do
        test_exit 2 hpt-tell -- "$id" acc=1 2>err && test_grep "is no trial that was given out" err || return 1
    done
'
test_ok 'names, numbers, what is missing: 2, and nothing is recorded' '
    test_exit 2 hpt-tell one/3 ac=1 2>err && test_grep "there is no metric .ac.; did you mean .acc.\?" err &&
    test_exit 2 hpt-tell one/3 acc=1 loss=1 2>err && test_grep "no metric .loss.; the study.s are acc, size, note" err &&
    test_exit 2 hpt-tell one/3 size=1 2>err && test_grep "acc is missing" err && test_exit 2 hpt-tell one/3 2>err &&
    test_exit 2 hpt-tell one/3 acc=nan 2>err && test_grep "acc is NaN, and what is searched for must be a finite number" err &&
    test_exit 2 hpt-tell one/3 acc=inf 2>err && test_exit 2 hpt-tell one/3 acc=1 size=-inf 2>err && test_grep "size is -Infinity" err &&
    test_exit 2 hpt-tell one/3 acc=1e999 2>err && test_exit 2 hpt-tell one/3 acc=0x1 2>err && test_grep "is not a number" err &&
    test_exit 2 hpt-tell one/3 acc=1 acc=1 2>err && test_grep "acc is there twice" err &&
    test_exit 2 hpt-tell one/3 --failed 2>err && test_grep "^hint: options stand before" err && test_exit 2 hpt-tell one/3 acc 2>err && test_grep "is no NAME=VALUE" err &&
    test_is "$(value "select state from one where trial = 3")" "running;"
'
test_ok '--failed with an option behind the trial: nothing is told of, for it could not be told again' '
    ask late 2 >asked && test_exit 2 hpt-tell --failed late/0 --cause=smoke 2>err && test_grep "^hint: options stand before the arguments: .--cause=smoke" err &&
    test_exit 2 hpt-tell --release late/1 late/x 2>err && test_is "$(value "select trial, state from late order by trial")" "0 running;1 running;" &&
    hpt-tell --failed --cause=smoke late/0 && test_is "$(value "select cause from late where trial = 0")" "smoke;"
'
test_ok '--failed, --cause, null' '
    ask two 5 >asked && hpt-tell --failed two/0 two/1 && hpt-tell --failed --cause="out of
wood" two/2 && hpt-tell two/3 acc=null &&
    test_is "$(value "select state, acc, cause from two where trial < 4 order by trial")" \
        "failed \N told as failed;failed \N told as failed;failed \N out of\nwood;failed \N told as failed;" &&
    test_exit 0 hpt-tell --failed two/0 2>err && test_grep "told of before" err &&
    test_exit 1 hpt-tell two/0 acc=1 2>err && test_grep "two/0 is refused: it has failed already, told at 20.*: told as failed" err &&
    hpt-tell --failed --cause="token ghp_0123456789abcdefghijklmnopqrstuvwxyz" two/4 &&
    test_is "$(hpt-query -H "select cause from two where trial = 4" | grep -c ghp_0123)" 0 &&
    test_exit 2 hpt-tell --cause=x two/4 2>err && test_grep "^hpt-tell: --cause without --failed" err &&
    test_exit 2 hpt-tell --failed 2>err && test_grep "which trials" err
'
test_ok '--release: it is given out again under another id' '
    ask three 2 >asked && hpt-tell --release three/0 && test_is "$(value "select state from three where trial = 0")" "waiting;" &&
    test_exit 1 hpt-tell three/0 acc=1 2>err &&
    test_grep "^hpt-tell: three/0 is refused: it was given back at 20.*, and it waits to be given out again$" err &&
    test_exit 0 hpt-tell --release three/0 2>err && hpt-ask -s three -f tsv -H >again && test_is "$(cut -f 1 again)" three/0.2 &&
    test_exit 1 hpt-tell three/0 acc=1 2>err && test_grep "was given out again as three/0.2" err && hpt-tell three/0.2 acc=1 &&
    test_is "$(value "select attempt, acc from three where trial = 0")" "2 1;" && test_exit 1 hpt-tell three/0 acc=1 2>err &&
    test_exit 2 hpt-tell --release --failed three/1 2>err && test_grep "exclude each other" err
'
test_ok '--alive and --lease: the lease is longer; one that ran out and was taken back is not' '
    hpt-tell --alive three/1 >out 2>err && test_grep "^three/1	20.*Z$" out && test_empty err &&
    hpt-tell --alive --lease=3d three/1 >out &&
    test_is "$(sql -c "select until > now() + interval \$\$2 days\$\$, seconds from hpt_record.lease where seconds > 3600")" "t 259200" &&
    test_exit 2 hpt-tell --lease=3d three/1 2>err && test_grep "^hpt-tell: --lease without --alive" err &&
    test_exit 2 hpt-tell --alive --lease=0.1s three/1 2>err && test_exit 2 hpt-tell --alive --lease=x three/1 2>err &&
    ask four 2 >asked && sql -c "update hpt_record.lease set until = now() - interval \$\$1 s\$\$" &&
    test_exit 0 hpt-tell --alive four/1 >out && hpt-ask -s four -f tsv -H >again && test_is "$(cut -f 1 again)" four/0.2 &&
    test_exit 1 hpt-tell --alive four/0 >out 2>err && test_empty out && test_grep "four/0 has no lease that could be extended" err &&
    test_exit 4 hpt-tell --alive four/99 >out 2>err && test_empty out && test_grep "study .four. has no trial 99$" err &&
    test_exit 1 hpt-tell four/0 acc=1 2>err && test_grep "four/0 is refused: its lease ran out at .* given out again as four/0.2" err &&
    hpt-tell four/1 acc=1
'
test_ok 'a result after the lease is over, that nobody else has asked for, counts' '
    ask five 1 >asked && sql -c "update hpt_record.lease set until = now() - interval \$\$1 h\$\$" && hpt-tell five/0 acc=1 &&
    test_is "$(value "select state, attempt from five")" "complete 1;"
'
test_ok 'lines of words, JSON and columns; what is wrong with one does not concern the others' '
    ask lines 9 >asked && printf "%s\n" "lines/0 acc=0.5" "  " "{\"id\":\"lines/1\",\"config\":{\"x\":0.1},\"metrics\":{\"acc\":0.25,\"note\":\"nan\"}}" \
        "{\"id\":\"lines/2\",\"values\":[0.125]}" "{\"id\":\"lines/3\",\"failed\":\"too hot\"}" "{\"id\":\"lines/4\",\"metrics\":{\"acc\":null}}" \
        "lines/77 acc=1" "lines/5 ac=1" "{\"id\":\"lines/5\"}" "{" "lines/0 acc=0.6" "[1]" "{\"id\":\"lines/5\",\"values\":[1,2]}" >told &&
    printf "hpt.id\thpt.seed\tk\tx\tacc\tnote\nlines/5\t1\ta\t0.5\t0.75\t\\\\N\nlines/6\t1\ta\t0.5\t\\\\N\t1\nlines/7\t1\ta\n" >>told &&
    printf "hpt.id\tac\nlines/7\t1\nhpt.id\tacc\nlines/7\tx\nlines/7\t7\r\nlines/8\t8" >>told &&
    test_exit 2 hpt-tell <told >out 2>err && test_empty out &&
    test_is "$(value "select trial, state, acc, cause from lines order by trial")" "0 complete 0.5 told;1 complete 0.25 told;2 complete 0.125 told;3 failed \N too hot;4 failed \N told as failed;5 complete 0.75 told;6 failed \N told as failed;7 complete 7 told;8 complete 8 told;" &&
    sed -n "s/^hpt-tell: line \([0-9]*\): .*/\1/p" err | tr "\n" " " >numbers && test_is "$(cat numbers)" "7 8 9 10 11 12 13 17 19 21 " &&
    test_grep "line 8: there is no metric .ac.; did you mean .acc.\?" err && test_grep "line 17: 3 columns, and the header has 6" err &&
    test_grep "line 21: acc: .x. is not a number" err && test_grep "line 19: there is no metric .ac." err
'
test_ok 'a word in the place of a number is no number, whatever it is' '
    ask word 3 >asked && printf "hpt.id\tacc\tnote\nword/0\t1\tnumber\nword/1\tnumber\t1\nword/2\t1\tnull\n" |
        test_exit 2 hpt-tell 2>err && test_grep "line 2: note: .number. is not a number" err &&
    test_grep "line 3: acc: .number. is not a number" err &&
    test_is "$(value "select trial, state, note from word order by trial")" "0 running \N;1 running \N;2 complete \N;"
'
test_ok 'the status of lines is that of the gravest' '
    ask status 2 >asked && hpt-tell status/0 acc=1 && printf "status/0 acc=2\n" | test_exit 1 hpt-tell 2>err &&
    printf "status/0 acc=2\nstatus/9 acc=1\n" | test_exit 4 hpt-tell 2>err && printf "status/9 acc=1\nstatus/1 acc=x\nstatus/0 acc=2\n" |
        test_exit 2 hpt-tell 2>err && test_exit 0 hpt-tell </dev/null
'
test_ok 'bytes that are no text, a line without end' '
    printf "status/1 acc=1\0\nstatus/1 acc=\377\n\0status/1 acc=1\n" | test_exit 2 hpt-tell 2>err && test_is "$(grep -c "not UTF-8" err)" 3 &&
    head -c 200000 /dev/zero | tr "\0" a | test_exit 2 hpt-tell 2>err && printf "status/1 acc=1" | test_exit 0 hpt-tell
'
# bad STATUS PATTERN LINE: the line is refused, and nothing is recorded.
bad() {
    printf "$3\n" | test_exit "$1" hpt-tell 2>err && test_grep "$2" err || { echo "line: $3" && return 1; }
}
test_ok 'odd JSON, numbers and columns: an error, and nothing is recorded' '
    ask odd 2 >asked && bad 2 "duplicate object key" "{\"id\":\"odd/0\",\"metrics\":{\"acc\":1,\"acc\":2}}" && bad 2 "duplicate object key" "{\"id\":\"odd/0\",\"id\":\"odd/1\",\"values\":[1]}" &&
    bad 2 "overflow" "{\"id\":\"odd/0\",\"values\":[1e400]}" && bad 2 "too big" "{\"id\":\"odd/0\",\"values\":[123456789012345678901234567890]}" &&
    bad 2 "neither a number" "{\"id\":\"odd/0\",\"values\":[\"0x10\"]}" && bad 2 "neither a number" "{\"id\":\"odd/0\",\"values\":[true]}" &&
    bad 2 "one of .metrics." "{\"id\":\"odd/0\",\"failed\":true,\"values\":[1]}" && bad 2 "u0000" "{\"id\":\"odd/0\",\"failed\":\"a\\\\u0000b\"}" &&
    bad 2 "must be what hpt-ask" "{\"id\":0.0,\"values\":[1]}" && bad 2 "acc is there twice" "odd/0 acc=1 acc=1" && bad 2 "is not a number" "odd/0 acc=" &&
    bad 4 "has no trial 9223372036854775807" "odd/9223372036854775807 acc=1" && bad 4 "has no trial 9223372036854775807" "{\"id\":\"odd/9223372036854775807\",\"values\":[1]}" &&
    bad 2 "is no trial that was given out" "odd/9223372036854775808 acc=1" && bad 4 "newest attempt is 1" "odd/0.2147483647 acc=1" && bad 2 "is no trial" "odd/0.2147483648 acc=1" &&
    bad 4 "no study .\.\./odd" "../odd/0 acc=1" && bad 2 "line 2: hpt.id is there twice" "hpt.id\thpt.id\tacc\nodd/0\todd/1\t1" && bad 2 "acc is there twice" "hpt.id\tacc\tacc\nodd/0\t1\t1" &&
    bad 4 "no study .[^ ]*2Jodd" "\\033[2Jodd/0 acc=1" && test_no_grep "$(printf "\033")" err &&
    test_is "$(value "select count(*) from odd where state = \$\$running\$\$")" "2;"
'
test_ok 'lines of any length; a message quotes the beginning' '
    long() { printf "%s" "$1" && head -c 5000000 /dev/zero | tr "\0" x && printf "%s\n" "$2"; } &&
    long "odd/0 " "=1" | test_exit 2 hpt-tell 2>err && test_grep "there is no metric .xxx.* \.\.\.$" err && test "$(wc -c <err)" -lt 10000 &&
    long "" " acc=1" | test_exit 2 hpt-tell 2>err && test "$(wc -c <err)" -lt 10000 && long "{\"id\":\"odd/0\",\"" "\":1,\"values\":[0.5]}" | hpt-tell &&
    long "{\"id\":\"odd/1\",\"failed\":\"" "\"}" | hpt-tell && test_is "$(value "select acc, length(cause) from odd order by trial")" "0.5 4;\N 5000000;"
'
test_ok 'names that are no text, and no standard input' '
    ask text 1 >asked && byte=$(printf "\377") && test_exit 2 hpt-tell -s "$byte" 0 acc=1 2>err && test_grep "study is not UTF-8" err &&
    (HPT_STUDY=$byte && export HPT_STUDY && test_exit 2 hpt-tell 0 acc=1 2>err) && test_grep "study.s name is not UTF-8" err &&
    test_exit 2 hpt-tell text/0 "acc$byte=1" 2>err && test_grep "is not UTF-8 text" err && test_exit 2 hpt-tell --failed --cause="$byte" text/0 2>err &&
    test_exit 125 hpt-tell </ 2>err && test_grep "standard input: Is a directory" err && test_exit 0 hpt-tell <&- &&
    test_is "$(value "select state from text")" "running;"
'
test_ok 'two that tell of one trial at once: one is recorded, the other is refused or had said the same' '
    ask race 20 >asked && for n in 1 2 3 4; do
        awk -F "\t" -v n=$n "NR > 1 { print \$1, \"acc=\" n % 2 }" asked | { hpt-tell >"race-$n" 2>&1; echo $? >>"race-$n"; } &
    done && wait && test_is "$(value "select count(*), count(*) filter (where state = \$\$complete\$\$ and acc in (0, 1)) from race")" "20 20;" &&
    test_is "$(value "select count(*) from hpt.metric where study = \$\$race\$\$")" "20;" &&
    test_is "$(cat race-? | grep -c "has another result already")" 40 && test_is "$(cat race-? | grep -c "told of before, the same")" 20
'
test_ok 'a study whose name has blanks' '
    ask "my oven" 2 >asked && printf "my oven/0 acc=1\n" | hpt-tell && hpt-tell "my oven/1" acc=2 &&
    test_is "$(value "select acc from my_oven order by trial")" "1;2;"
'
test_ok '--study, $HPT_STUDY; with several studies none is guessed' '
    ask six 4 >asked && test_exit 2 hpt-tell 0 acc=1 2>err && test_grep "^hpt-tell: of which study\? there are" err &&
    hpt-tell --study=six 0 acc=1 && HPT_STUDY=six hpt-tell 1 acc=1 && HPT_STUDY=one hpt-tell -s six 2 acc=1 &&
    HPT_STUDY=one hpt-tell -s one six/3 acc=1 && test_is "$(value "select count(*) from six where acc = 1")" "4;"
'
test_ok '--dsn, --directory, --db-wait, --quiet; no database: 3' '
    test_exit 3 hpt-tell --dsn="host=/nowhere dbname=x" six/0 acc=1 2>err && test_exit 3 hpt-tell --directory=/ six/0 acc=1 2>err &&
    test_exit 2 hpt-tell --db-wait=x six/0 acc=1 2>err && test_grep "^hpt-tell: --db-wait: " err &&
    test_exit 0 hpt-tell --dsn="$TEST_DSN" --db-wait=1m --quiet six/0 acc=1 2>err && test_empty err
'
test_ok 'a full disk for what --alive prints' '
    ask seven 1 >asked && test_exit 125 hpt-tell --alive seven/0 >/dev/full 2>err && test_grep "^hpt-tell: standard output: " err
'
test_ok 'the record holds together' '
    test_exit 0 hpt-verify --store >out 2>err && test_grep "0 errors" err
'

test_done
