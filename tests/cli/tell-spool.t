#!/bin/sh
# What is told while the database is away: kept on this machine's disk, delivered exactly once.
. "${0%/*}/lib.sh"
test_need psql

# A server of our own, which a test may stop under a tool's feet, reached by DSN so that nobody starts it.
mkdir server project && (cd server && hpt-init >/dev/null 2>&1) || test_skip_all 'no private server'
socket=$PWD/server/.hpt/run
start_server() { (cd "$TEST_ROOT/work/server" && hpt-init --start >/dev/null 2>&1); }
stop_server() { (cd "$TEST_ROOT/work/server" && hpt-init --stop >/dev/null 2>&1); }
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "host=$socket dbname=hpt user=hpt_admin" -c "$1"; }
waiting() { find .hpt/spool -name '*.end' 2>/dev/null | wc -l; }
waiting_are() { [ "$(waiting)" -eq "$1" ]; }
states() { sql "select trial, state, attempt, acc, note from hpt_study.$1 order by trial" | tr '\n' ';'; }
# ask STUDY N
ask() { hpt-ask -q -s "$1" -p x=0.0..1.0 -p k=a,b -m acc:max -m note:track --seed=1 -N "$2" -f tsv; }

test_ok 'a project on that server' '
    cd project && start_server && hpt-init -d "host=$socket dbname=hpt user=hpt_admin" && sed -i "s/hpt_admin/hpt_writer/" .hpt/config
'
test_ok 'told while the server is away: 3, it says where it lies, and the next hpt-tell delivers it' '
    cd project && start_server && ask one 4 >asked && test ! -e .hpt/spool && stop_server &&
    test_exit 3 hpt-tell one/0 acc=0.1 note=nan 2>err && test_grep "note: the database is away, and results go to the spool" err &&
    test_grep "^hint: 1 result lies in the spool, /.*/spool; the next hpt-tell, hpt-ask or hpt-run of this project delivers it" err &&
    test_exit 3 hpt-tell --failed --cause="out of wood" one/1 2>err &&
    test_exit 3 hpt-tell -q one/0 acc=0.1 note=nan 2>err && test_is "$(waiting)" 2 && start_server &&
    test_exit 0 hpt-tell one/2 acc=-1e-300 note=-inf 2>err && test_grep "note: results that waited in the spool: 2 recorded now" err &&
    test_is "$(waiting)" 0 && test_is "$(states one)" "0 complete 1 0.1 NaN;1 failed 1  ;2 complete 1 -1e-300 -Infinity;3 running 1  ;" &&
    test_is "$(sql "select cause from hpt_study.one where trial = 1")" "out of wood"
'
test_ok 'lines of each kind go there as they are and are checked when they are delivered' '
    cd project && start_server && ask kinds 7 >asked && stop_server &&
    { printf "%s\n" "kinds/0 acc=0.5" "{\"id\":\"kinds/1\",\"metrics\":{\"acc\":0.25,\"note\":\"nan\"}}" "{\"id\":\"kinds/2\",\"values\":[0.125]}" \
        "{\"id\":\"kinds/3\",\"failed\":\"too hot\"}" "kinds/4 acc=x" "kinds/5 ac=1" "kinds/99 acc=1" "kinds/0 acc=0.75" &&
      printf "hpt.id\thpt.seed\tk\tx\tacc\tnote\nkinds/4\t1\ta\t0.5\t0.75\t\\\\N\nkinds/6\t1\ta\t0.5\t\\\\N\t1\n"; } |
        test_exit 3 hpt-tell 2>err && test_grep "^hpt-tell: line 5: .kinds/4|^hpt-tell: line 5: .acc=x.: .x. is not a number" err &&
    test_grep "^hint: 9 results lie in the spool" err && test_is "$(waiting)" 9 && start_server &&
    hpt-ask -s kinds >more 2>err && test_grep "results that waited in the spool: 6 recorded now" err &&
    test_grep "could not be delivered: kinds/5: there is no metric .ac.; did you mean .acc.\?; it is kept as .*\.refused" err &&
    test_grep "could not be delivered: study .kinds. has no trial 99; it is kept as .*\.refused" err &&
    test_grep "could not be delivered: kinds/0 is refused: it has another result already, acc=0.5, told at .*\.refused" err &&
    test_is "$(states kinds)" "0 complete 1 0.5 ;1 complete 1 0.25 NaN;2 complete 1 0.125 ;3 failed 1  ;4 complete 1 0.75 ;5 running 1  ;6 failed 1  ;7 running 1  ;" &&
    test_is "$(waiting)" 0 && test_is "$(find .hpt/spool -name "*.refused" | wc -l)" 3 && rm .hpt/spool/*.refused
'
test_ok 'of what was told twice the first counts, however fast it was told' '
    cd project && start_server && ask fast 1 >asked && stop_server && { seq 30 && echo 1; } | sed "s/.*/fast\/0 acc=&/" | test_exit 3 hpt-tell 2>err &&
    test_grep "^hint: 30 results lie in the spool" err && start_server && hpt-ask -s fast >more 2>err && test_is "$(states fast)" "0 complete 1 1 ;1 running 1  ;" &&
    test_is "$(find .hpt/spool -name "*.refused" | wc -l)" 29 && rm .hpt/spool/*.refused
'
test_ok 'delivered twice is recorded once; hpt-run delivers it too; hpt-verify knows of it' '
    cd project && start_server && ask twice 2 >asked && stop_server && test_exit 3 hpt-tell twice/0 acc=1 2>err && mkdir -p kept &&
    cp .hpt/spool/told-*.end kept && start_server && hpt-verify -H 2>err >found &&
    test_grep "1 results wait in .*/spool; the next hpt-run, hpt-ask or hpt-tell of this project delivers them" found &&
    hpt-run --progress=none --print=none --no-code --trace=off -s other -t 1 --allow-unused x=0.0..1.0 -- true 2>err &&
    test_grep "results that waited in the spool: 1 recorded now" err && cp kept/* .hpt/spool && test_exit 0 hpt-tell </dev/null 2>err &&
    test_grep "results that waited in the spool: 1 had been recorded before" err && test_is "$(states twice)" "0 complete 1 1 ;1 running 1  ;"
'
test_ok 'a lease that ran out meanwhile: what lies in the spool comes first' '
    cd project && start_server && ask lease 1 >asked && stop_server && test_exit 3 hpt-tell lease/0 acc=1 2>err && start_server &&
    sql "update hpt_record.lease set until = now() - interval \$\$1 h\$\$" && hpt-ask -q -s lease -f tsv -H >next && test_is "$(cut -f 1 next)" lease/1 &&
    test_is "$(states lease)" "0 complete 1 1 ;1 running 1  ;"
'
test_ok 'one that was given out again meanwhile is refused, said and kept' '
    cd project && start_server && ask late 1 >asked && stop_server && test_exit 3 hpt-tell late/0 acc=1 2>err && mkdir -p away && mv .hpt/spool/told-* away &&
    start_server && sql "update hpt_record.lease set until = now() - interval \$\$1 h\$\$" && hpt-ask -q -s late >again && mv away/* .hpt/spool &&
    test_exit 0 hpt-tell </dev/null 2>err && test_grep "could not be delivered: late/0 is refused: its lease ran out at .*late/0.2; it is kept as .*\.refused" err &&
    rm .hpt/spool/*.refused
'
test_ok 'the server goes away between two lines and comes back: all is recorded, status 0' '
    cd project && start_server && ask gone 6 >asked && rm -f pipe && mkfifo pipe && { hpt-tell <pipe 2>err & teller=$!; } && exec 5>pipe &&
    one() { test "$(sql "select count(*) from hpt_study.gone where state = \$\$complete\$\$")" = "$1"; } &&
    echo "gone/0 acc=0" >&5 && test_wait 120 one 1 && stop_server && printf "%s\n" "gone/1 acc=1" "gone/2 acc=2" >&5 && test_wait 120 waiting_are 2 &&
    start_server && printf "%s\n" "gone/3 acc=3" "gone/4 acc=4" "gone/4 acc=4" >&5 && exec 5>&- && test_exit 0 wait "$teller" &&
    test_is "$(waiting)" 0 && test_is "$(states gone)" "0 complete 1 0 ;1 complete 1 1 ;2 complete 1 2 ;3 complete 1 3 ;4 complete 1 4 ;5 running 1  ;"
'
test_ok 'a restarted server is nothing to speak of, and what is refused keeps its status' '
    cd project && start_server && ask again 2 >asked && rm -f pipe && mkfifo pipe && { hpt-tell <pipe 2>err & teller=$!; } && exec 5>pipe &&
    one() { test "$(sql "select count(*) from hpt_study.again where state = \$\$complete\$\$")" = "$1"; } &&
    echo "again/0 acc=0" >&5 && test_wait 120 one 1 && stop_server && start_server && printf "%s\n" "again/0 acc=1" "again/1 acc=1" >&5 && exec 5>&- &&
    test_exit 1 wait "$teller" && test_grep "line 2: again/0 is refused: it has another result already" err && test_no_grep "told of before" err &&
    test_is "$(states again)" "0 complete 1 0 ;1 complete 1 1 ;" && rm -f .hpt/spool/*.refused
'
test_ok 'what was refused before, and is told again when it is right, is not refused' '
    cd project && start_server && ask anew 1 >asked && stop_server && test_exit 3 hpt-tell anew/1 acc=1 2>err && start_server &&
    test_exit 0 hpt-tell </dev/null 2>err && test_grep "study .anew. has no trial 1; it is kept as" err && ask anew 1 >asked &&
    test_is "$(find .hpt/spool -name "*.refused" | wc -l)" 1 && rm -f pipe && mkfifo pipe && { hpt-tell <pipe 2>err & teller=$!; } && exec 5>pipe &&
    one() { test "$(sql "select count(*) from hpt_study.anew where state = \$\$complete\$\$")" = "$1"; } &&
    echo "anew/0 acc=0" >&5 && test_wait 20 one 1 && stop_server && echo "anew/1 acc=1" >&5 && test_wait 20 waiting_are 1 && start_server && exec 5>&- &&
    test_exit 0 wait "$teller" && test_grep "note: results that waited in the spool: 1 recorded now" err && test_no_grep "could not be delivered" err &&
    test_is "$(states anew)" "0 complete 1 0 ;1 complete 1 1 ;" && test_is "$(find .hpt/spool -name "told-*")" ""
'
test_ok '--db-wait: giving up is 3; killed while it waits: nothing is lost' '
    cd project && start_server && ask wait 4 >asked && for end in patience kill; do
        start_server && rm -f pipe && mkfifo pipe && before=$(waiting) && { hpt-tell --db-wait=$([ $end = kill ] && echo 1h || echo 1s) <pipe 2>err & teller=$!; } && exec 5>pipe &&
        one() { test "$(sql "select count(*) from hpt_study.wait where state = \$\$complete\$\$")" = "$1"; } &&
        { [ $end = kill ] && n=2 || n=0; } && echo "wait/$n acc=$n" >&5 && test_wait 120 one $((n + 1)) && stop_server && echo "wait/$((n + 1)) acc=1" >&5 && exec 5>&- &&
        test_wait 120 waiting_are 1 && { [ $end = patience ] || kill -9 "$teller"; } &&
        test_exit $([ $end = kill ] && echo 137 || echo 3) wait "$teller" && start_server && hpt-tell </dev/null && test_is "$(waiting)" 0 || return 1
    done && test_is "$(states wait)" "0 complete 1 0 ;1 complete 1 1 ;2 complete 1 2 ;3 complete 1 1 ;"
'
test_ok 'the spool cannot be written either: 3, and it says that the result is lost' '
    cd project && start_server && ask full 1 >asked && stop_server && rm -rf .hpt/spool && : >.hpt/spool &&
    test_exit 3 hpt-tell full/0 acc=1 2>err && test_grep "^hint: the result is lost: the result cannot be put into the spool: cannot make .*spool" err &&
    printf "full/0 acc=1\n" | test_exit 3 hpt-tell --db-wait=1s 2>err && test_grep "^hpt-tell: line 1: " err && test_grep "result is lost" err && rm .hpt/spool &&
    { (trap "" XFSZ && ulimit -f 0 && hpt-tell full/0 acc=1 2>&1; echo "status $?") | cat >out; } && test_grep "^hint: the result is lost: .*File too large" out &&
    test_grep "^status 3" out && test_is "$(find .hpt/spool -type f)" "" && start_server && hpt-tell full/0 acc=1
'
test_ok 'neither the server nor the spool has room: --db-wait ends it' '
    cd project && start_server && ask room 1 >asked && rm -rf .hpt/spool && : >.hpt/spool &&
    sql "create function hpt_record.no_room() returns trigger language plpgsql as \$\$ begin raise sqlstate \$q\$53100\$q\$; end \$\$;
        create trigger no_room before insert on hpt_record.metric execute function hpt_record.no_room()" &&
    test_exit 3 timeout 30 hpt-tell --db-wait=2s room/0 acc=1 2>err && test_grep "^hint: the result is lost: .*cannot make .*spool" err &&
    sql "drop function hpt_record.no_room cascade" && test_exit 0 hpt-tell room/0 acc=1 && rm .hpt/spool
'
test_ok 'a spool that cannot be read stops nobody from telling' '
    cd project && start_server && ask blind 1 >asked && rm -rf .hpt/spool && : >.hpt/spool && test_exit 0 hpt-tell blind/0 acc=1 2>err && test_grep "note: the spool cannot be read: " err &&
    rm .hpt/spool && test_is "$(states blind)" "0 complete 1 1 ;"
'
test_ok 'reports while the server is away: 0, go on; delivered in their order and not judged, and the next one is' '
    cd project && start_server && hpt-ask -q -s report -p x=0.0..1.0 -m acc:max -m note:track --pruner=threshold:lower=0 -N 3 >asked && hpt-tell report/0 step=1 acc=1 && stop_server &&
    test_exit 0 hpt-tell report/0 step=2 acc=1 note=nan 2>err && test_is "$(cat err)" "hpt-tell: note: the database is away, and reports go to the spool" &&
    for step in 3 4 5 6 7; do hpt-tell -q report/0 step=$step acc=-$step || return 1; done && hpt-tell -q report/1 step=1 acc=-1 && test_exit 3 hpt-tell -q report/1 acc=7 2>err &&
    test_grep "^hint: 1 result lies in the spool" err && printf "report/2 step=1 acc=1\n" | test_exit 0 hpt-tell -q >out && test_is "$(cat out)" "report/2	1	go" && test_exit 0 hpt-tell -q report/0 step=7 acc=-7 &&
    test_is "$(waiting)" 9 && start_server && test_exit 10 hpt-tell report/0 step=8 acc=-8 2>err && test_grep "waited in the spool: 9 recorded now" err &&
    test_is "$(states report)" "0 pruned 1 -8 NaN;1 complete 1 7 ;2 running 1  ;" && test_is "$(sql "select place, stop from hpt.pruning where study = \$\$report\$\$ order by 1" | tr "\n" ";")" "1 f;8 t;" &&
    test_is "$(sql "select trial, name, string_agg(step || \$\$:\$\$ || value, \$\$ \$\$ order by position) from hpt.metric_point where study = \$\$report\$\$ group by 1, 2 order by 1, 2" | tr "\n" ";")" \
        "0 acc 1:1 2:1 3:-3 4:-4 5:-5 6:-6 7:-7 8:-8;0 note 2:NaN;1 acc 1:-1;2 acc 1:1;"
'
test_ok 'a report is wrong in itself: 2, whether the server is there or not' '
    cd project && stop_server && test_exit 2 hpt-tell report/2 step=x acc=1 2>err && test_grep "a step is a whole number" err && test_exit 2 hpt-tell report/2 acc=abc 2>err &&
    test_grep "^hpt-tell: .acc=abc.: .abc. is not a number$" err && test_no_grep "server" err && test_is "$(waiting)" 0 && start_server
'
test_ok '--release and --alive are for now: 3, and nothing lies there' '
    cd project && start_server && ask now 1 >asked && stop_server && test_exit 3 hpt-tell --release now/0 2>err && test_exit 3 hpt-tell --alive now/0 2>err &&
    test_is "$(waiting)" 0 && test_exit 3 hpt-tell </dev/null 2>err && test_no_grep "^hint: .*lie" err && start_server
'
test_ok 'a number alone, of -s or HPT_STUDY' '
    cd project && start_server && ask alone 3 >asked && stop_server && test_exit 3 hpt-tell -s alone 0 acc=0 2>err && HPT_STUDY=alone test_exit 3 hpt-tell 1 acc=1 2>err &&
    test_exit 3 hpt-tell 2 acc=2 2>err && start_server && test_exit 0 hpt-tell </dev/null 2>err &&
    test_grep "could not be delivered: of which study\? there are 1[0-9]; it is kept as .*\.refused" err && test_is "$(states alone)" "0 complete 1 0 ;1 complete 1 1 ;2 running 1  ;" &&
    rm .hpt/spool/*.refused
'
test_ok 'a damaged file is moved aside and said, at every byte that is changed or cut' '
    cd project && start_server && ask damaged 1 >asked && stop_server && test_exit 3 hpt-tell damaged/0 acc=1 2>err && start_server &&
    file=$(find .hpt/spool -name "told-*.end") && size=$(wc -c <"$file") && mkdir -p whole && mv "$file" whole/ && n=0 &&
    for at in 0 11 20 $((size / 2)) $((size - 33)) $((size - 1)); do
        old=$(od -An -tu1 -j "$at" -N 1 "whole/${file##*/}") && cp "whole/${file##*/}" "$file" &&
        printf "\\$(printf %o $((255 - old)))" | dd of="$file" bs=1 seek=$at conv=notrunc 2>/dev/null && hpt-tell </dev/null 2>err &&
        test_grep "could not be delivered: its? .*; it is kept as .*\.damaged" err && rm "${file%.end}.damaged" && n=$((n + 1)) || return 1
        head -c $at "whole/${file##*/}" >"$file" && hpt-tell </dev/null 2>err && rm "${file%.end}.damaged" || return 1
    done && test_is $n 6 && mv "whole/${file##*/}" "$file" && hpt-tell </dev/null && test_is "$(states damaged)" "0 complete 1 1 ;"
'
test_ok '--serve: a result told while the database is away lies in the spool' '
    cd project && start_server && rm -f pipe out && mkfifo pipe && { hpt-ask --serve --db-wait=1s -s served -p x=0.0..1.0 -m acc:max -m note:track <pipe >out 2>err & server=$!; } &&
    lines() { test "$(wc -l <out)" = "$1"; } && exec 5>pipe && printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"ask\"}" >&5 && test_wait 120 lines 2 && stop_server &&
    echo "{\"op\":\"tell\",\"id\":0,\"values\":[1]}" >&5 && test_exit 3 wait "$server" && exec 5>&- && test_is "$(waiting)" 1 &&
    test_grep "^hint: 1 result lies in the spool" err && lines 2 && start_server && hpt-tell </dev/null && test_is "$(states served)" "0 complete 1 1 ;1 running 1  ;"
'
test_ok 'no file is left when nothing went wrong, and none was made' '
    cd project && rm -rf .hpt/spool && ask plain 1 >asked && hpt-tell plain/0 acc=1 && test ! -e .hpt/spool
'
stop_server
test_ok '--serve: that a private server is started is said once, however often it goes away' '
    cd server && stop_server && rm -f pipe && mkfifo pipe && { hpt-ask --serve -s often -p x=0.0..1.0 -m loss <pipe >out 2>err & serve=$!; } && exec 5>pipe &&
    lines() { [ "$(wc -l <out)" -eq "$1" ]; } && for n in 1 2 3; do
        echo "{\"op\":\"ask\"}" >&5 && test_wait 30 lines $n && (stop_server) || return 1; done && exec 5>&- && test_exit 0 wait $serve &&
    test_is "$(grep -c "\"id\":\"often/" out)" 3 && test_is "$(cat err)" "hpt-ask: note: starting the private PostgreSQL"
'
test_ok '--serve: best is answered, though the server was away meanwhile' '
    cd server && rm -f pipe out && mkfifo pipe && { hpt-ask --serve -q -s asked -p x=0.0..1.0 -m loss <pipe >out 2>err & serve=$!; } && exec 5>pipe &&
    lines() { [ "$(wc -l <out)" -eq "$1" ]; } && printf "%s\n" "{\"op\":\"ask\"}" "{\"op\":\"tell\",\"id\":0,\"values\":[1]}" >&5 && test_wait 30 lines 2 &&
    (stop_server) && echo "{\"op\":\"best\"}" >&5 && test_wait 30 lines 3 && exec 5>&- && test_exit 0 wait $serve &&
    test_is "$(tail -n 1 out)" "{\"id\":\"asked/0\"}" && test_empty err
'
test_done
