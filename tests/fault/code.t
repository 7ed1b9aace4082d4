#!/bin/sh
# 100 trials by 20 workers in one dirty repository: between rounds, where every record must be exact; and while it
# changes all the time, where what is counted is how many trials read something else than was recorded.
. "${0%/*}/fault.sh"
test_need git psql
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }
run() { hpt-run -q --progress=none --print=none --allow-unused -m loss -s "$@"; }
rounds=$(scaled 5)

test_ok 'a repository with a commit' '
    git init -q . && test_db . && printf ".hpt\n/changing\n" >.gitignore && echo 0 >model &&
    printf "cat model new >\"\$HPT_DIR/out\"; echo loss=1\n" >t.sh && git add . && git -c user.name=a -c user.email=a@b commit -qm x
'
# exact STUDY: how many trials left what their snapshot holds, and how many snapshots there are.
exact() {
    sql "select count(*), count(distinct t.code) from trial t
        join artefact a on a.study = t.study and a.trial = t.trial and a.path = 'out' join object o on o.digest = a.digest
        join code_file m on m.code = t.code and m.path = 'model' join object mo on mo.digest = m.digest
        join code_file n on n.code = t.code and n.path = 'new' join object no on no.digest = n.digest
        where t.study = '$1' and o.bytes = mo.bytes || no.bytes $2"
}
together() {
    pids=
    for worker in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        run "$@" x=0.0..1.0 -- sh t.sh &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || return 1
    done
}
test_ok "$((rounds * 20)) trials by 20 workers, the tree changes $rounds times: each has its output and its code" '
    for round in $(seq "$rounds"); do
        echo "version $round" >model && echo "new $round" >new && together rounds -t $((round * 20)) || exit 1
    done && got=$(exact rounds "and mo.bytes = convert_to(format(E'"'version %s\\n', t.trial / 20 + 1), 'UTF8'"')") &&
    say "trials that left what their snapshot holds, snapshots: $got of $((rounds * 20)), $rounds" &&
    test_is "$got" "$((rounds * 20)) $rounds" && hpt-verify >/dev/null
'
test_ok "$((rounds * 20)) trials by 20 workers while the tree changes all the time: all are recorded" '
    touch changing && { n=0; while [ -e changing ]; do n=$((n + 1)); echo "version $n" >.hpt/next && mv .hpt/next model; done & } &&
    changer=$! && together racing -t $((rounds * 20)) && rm changing && wait "$changer" &&
    test_is "$(sql "select count(*) from trial where study = '"'racing' and state = 'complete' and code is not null"'")" $((rounds * 20)) &&
    got=$(exact racing "") && say "trials that left what their snapshot holds, snapshots: $got of $((rounds * 20))" && hpt-verify >/dev/null &&
    named=$(sql "select count(*) from trial where study = '"'racing' and code_changed is not null"'") && exact=$(exact racing "and t.code_changed is null") &&
    say "the others say that their code was changed: $named" && test_is "$named" "$((rounds * 20 - ${exact% *}))"
'

# ---- the database goes away before it has taken a snapshot ----

own_server || test_skip_all 'no private server'
cat >project/t.sh <<'EOT'
echo "$HPT_TRIAL" >>running
until [ -e "go$HPT_TRIAL" ]; do timeout 0.05 tail -f /dev/null; done
echo "loss=$(cat new)"
EOT
printf 'running\n/go*\n.hpt\n' >project/.gitignore
running_are() { [ -e running ] && [ "$(wc -l <running)" -ge "$1" ]; }
in_spool() { [ "$(find .hpt/spool -name 'record-*.end' 2>/dev/null | wc -l)" -ge 1 ] && [ "$(find .hpt/spool -name '*.end' ! -name 'record-*' | wc -l)" -ge 1 ]; }
waits() { [ "$(ask "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%code_put%'" 2>/dev/null)" = 1 ]; }
test_ok 'a snapshot that the database did not get to take lies in the spool with its objects, and is delivered' '
    cd project && git init -q . && echo 1 >new && { run late -t 2 x=0.0..1.0 -- sh t.sh 2>err & } && worker=$! && test_wait 20 running_are 1 && mkfifo hold &&
    { { echo "begin; lock table hpt_record.code in access exclusive mode;" && cat hold; } | psql -qXAt -d "$ADMIN" >out 2>&1 & } && exec 8>hold &&
    echo 2 >new && seq 5000 >large && : >go0 && test_wait 20 running_are 2 && test_wait 20 waits && server_kill && exec 8>&- && : >go1 && test_wait 20 in_spool &&
    kill -9 "$worker" && test_exit 137 wait "$worker" && server_up && echo 3 >new && run after -t 1 x=0.0..1.0 -- echo loss=1 && sound &&
    test_is "$(ask "select m.value from hpt.metric m where m.study = '"'late'"' and m.name = '"'loss'"' and m.trial = 1")" 2 &&
    test_is "$(ask "select f.path || '"'=' || coalesce(convert_from(o.bytes, 'UTF8'), 'stored')"' from hpt.trial t join hpt.code_file f on f.code = t.code
        join hpt.object o on o.digest = f.digest where t.study = '"'late'"' and t.trial = 1 and f.path in ('"'new', 'large'"') order by 1" | tr -d "\n")" "large=storednew=2"
'
server_down
test_done
