#!/bin/sh
# hpt-init: projects, their private server, and what must not stop it. Everything about the private
# server is tried as the user who runs the tests and, if that is root, as an ordinary user too.
. "${0%/*}/lib.sh"
test_need psql setpriv

# The ordinary user needs a program and a place that are open to everybody.
open=$(mktemp -d /tmp/hpt-init-t-XXXXXX) || exit 125
chmod 755 "$open"
cp "$TEST_BUILD/hpt-init" "$open/" && chmod 755 "$open/hpt-init"
here=$PWD
finish() {
    SUDO_UID=65534 && export SUDO_UID
    for finish_folder in "$open"/user/* "$here"/*/ "$here"/closed/*/ "$here"/closed/*/* "$open"/user/*/*; do
        [ ! -d "$finish_folder/.hpt" ] || "$open/hpt-init" -q -C "$finish_folder" --stop
    done >/dev/null 2>&1
    rm -rf "$open"
    test_cleanup
}
trap finish EXIT

pid_of() { "$open/hpt-init" -C "$1" --status | sed -n 's/^pid	//p'; }
keeper_of() { cut -d ' ' -f 3 "$1/.hpt/keeper"; }
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:	Z' "/proc/$1/status"; }
is_up() { "$open/hpt-init" -C "$1" --status >/dev/null 2>&1; }
is_down() { test_exit 1 "$open/hpt-init" -C "$1" --status >/dev/null 2>&1; }
asks() { test_is "$(psql -XAtd "$1" -c 'select count(*) from hpt.study')" 0; }
# Live servers of a project, without procps.
servers_of() {
    for process in /proc/[0-9]*; do
        tr "\\0" " " <"$process/cmdline" | sed "s|^[^ ]*/||" && echo
    done 2>/dev/null | grep -c "^postgres -D $1/.hpt/pg " || :
}

# A stopped hpt-init of that folder, which has made something there: sets halted.
is_halted() {
    ls -d "$1"/.hpt.tmp-* >/dev/null 2>&1 || return
    for process in /proc/[0-9]*; do
        tr '\0' ' ' <"$process/cmdline" | grep -q "hpt-init -q -C $1 " &&
            grep -q '^State:	[tT]' "$process/status" && halted=${process#/proc/} && return
    done 2>/dev/null
    return 1
}

# ---- messages that need no server ----

test_ok 'without .hpt every job but making one ends with 3 and names hpt-init' '
    mkdir empty && cd empty && HPT_CEILING=$PWD && export HPT_CEILING &&
    for job in --status --start --stop --upgrade; do
        test_exit 3 hpt-init $job >out 2>err && test_empty out &&
        test_cmp err - <<END || return 1
hpt-init: no .hpt here or above; run hpt-init
END
    done &&
    unset HPT_CEILING
'
test_ok 'two jobs at once are wrong use' '
    test_exit 2 hpt-init --start --stop 2>err && test_grep "only one of" err
'
test_ok 'an argument is wrong use' '
    test_exit 2 hpt-init here 2>err && test_grep "unexpected argument .here." err
'
test_ok '--directory that is not there' '
    test_exit 125 hpt-init --directory=nowhere 2>err && test_grep "nowhere: No such file" err
'
test_ok '.hpt that is a file' '
    mkdir file && touch file/.hpt &&
    test_exit 2 hpt-init -C file 2>err && test_grep "\.hpt is not a folder" err
'
test_ok 'no PostgreSQL: it is said, and nothing is left' '
    mkdir none && test_exit 125 env HPT_PGBIN=/nonexistent hpt-init -C none 2>err &&
    test_grep "no PostgreSQL server is installed" err && test_grep "^hint: .*postgresql" err &&
    test_is "$(ls -A none)" ""
'
test_ok 'a password is refused and not shown' '
    mkdir secret &&
    for dsn in "host=h password=hunter2" "postgresql://u:hunter2@h/d"; do
        test_exit 2 hpt-init -C secret -d "$dsn" >out 2>err &&
        test_no_grep hunter2 err && test_grep "^hint: .*passfile" err || return 1
    done &&
    test_is "$(ls -A secret)" ""
'
test_ok 'a server that is not there: 3, what was tried, and nothing is left' '
    mkdir away && test_exit 3 hpt-init -C away -d "host=/nonexistent dbname=d user=u" 2>err &&
    test_grep "cannot connect to /nonexistent:5432/d as u" err && test_is "$(ls -A away)" ""
'
test_ok 'a dsn that is none' '
    test_exit 2 hpt-init -d nonsense 2>err && test_grep "not a connection string" err
'
test_ok 'an empty dsn in the configuration is refused' '
    mkdir -p blank/.hpt && echo "dsn =" >blank/.hpt/config &&
    test_exit 2 hpt-query -C blank 2>err && test_grep "config:1: the DSN is empty" err &&
    test_exit 2 hpt-init -C blank 2>err && test_grep "config: the DSN is empty" err
'
test_ok 'a broken configuration is named with its line' '
    mkdir -p broken/.hpt && printf "# x\nnonsense\n" >broken/.hpt/config &&
    test_exit 2 hpt-init -C broken --status 2>err && test_grep "config:2: expected .key = value" err
'

# ---- a given server ----

test_ok 'a given server: --dsn is kept, and made again it stays' '
    test_db given && printf "%s\n" "$TEST_DSN" >wanted && cd given && rm .hpt/config .hpt/.gitignore .hpt/lock &&
    rmdir .hpt && hpt-init -q --dsn="$TEST_DSN" >got && test_cmp ../wanted got &&
    sed -n "s/^dsn = //p" .hpt/config >got && test_cmp ../wanted got &&
    hpt-init -q -d "$TEST_DSN" >got && test_cmp ../wanted got && asks "$TEST_DSN" &&
    test_exit 0 hpt-init --status >out && test_grep "^server	running$" out &&
    test_is "$(sed -n "s/^schema	//p" out)" "$(sed -n "s/^schema_known	//p" out)"
'
test_ok 'another server than the one configured is refused' '
    test_exit 2 hpt-init -C given -d "host=elsewhere" 2>err &&
    test_grep "exists and uses another database" err
'
test_ok 'a given server is neither started nor stopped' '
    for job in --start --stop; do
        test_exit 2 hpt-init -C given $job 2>err && test_grep "given server" err || return 1
    done
'
test_ok '--upgrade and --verbose tell of the schema' '
    psql -qXd "$TEST_DSN" -c "delete from hpt_record.schema_step where number = 0" &&
    test_exit 0 hpt-init -C given --upgrade --verbose 2>err && test_grep "views made anew" err &&
    test_exit 0 hpt-init -C given --upgrade -v 2>err && test_no_grep anew err &&
    test_grep "schema version [0-9]+" err
'
test_ok 'a schema that is newer than the tool: 3, with both versions' '
    psql -qXd "$TEST_DSN" -c "insert into hpt_record.schema_step (number, name, digest, tool_version)
        values (9000, \$\$9000_future\$\$, \$\$x\$\$, \$\$9.9.9\$\$)" &&
    test_exit 3 hpt-init -C given --upgrade 2>err &&
    test_grep "version 9000, made by hpt 9\.9\.9; this is hpt" err &&
    psql -qXd "$TEST_DSN" -c "delete from hpt_record.schema_step where number = 9000"
'
test_ok 'a schema step that was edited: 6' '
    psql -qXd "$TEST_DSN" -c "update hpt_record.schema_step set digest = \$\$x\$\$ where number = 1" &&
    test_exit 6 hpt-init -C given --upgrade 2>err && test_grep "schema step 1 of" err
'
test_ok 'a note when HPT_DSN goes before' '
    mkdir note && test_exit 6 env HPT_DSN=service=x hpt-init -C note -d "$TEST_DSN" 2>err &&
    test_grep "note: HPT_DSN is set" err
'

# ---- the private server ----

# A server that is none.
test_ok 'a server that does not become ready: 3 after start_wait, with the last of its log' '
    mkdir -p fake late/.hpt/pg && echo 15 >late/.hpt/pg/PG_VERSION && chmod 700 late/.hpt late/.hpt/pg &&
    printf "dsn = private\nstart_wait = 5s\n" >late/.hpt/config &&
    printf "#!/bin/sh\n[ \"\$1\" != -V ] || exec echo \"postgres (PostgreSQL) 15.0\"\necho PANIC: no space >&2\nexec sleep 1000\n" \
        >fake/postgres && cp fake/postgres fake/initdb && chmod 755 fake/* &&
    { { HPT_PGBIN=$PWD/fake timeout 60 hpt-init -q -C late --start 2>other; echo $? >>other; } & } &&
    test_exit 3 env HPT_PGBIN="$PWD/fake" timeout 60 hpt-init -C late --start 2>err &&
    test_grep "cannot start the private server: not ready in time.*PANIC: no space" err &&
    test_grep "^hint: .*start_wait" err && wait && test_grep "PANIC: no space" other &&
    test_is "$(tail -n 1 other)" 3
'

# private NAME FOLDER [PREFIX...]: everything about a private server in FOLDER, which must be empty.
private() {
    who=$1 place=$2
    shift 2
    as=$*
    init="$as $open/hpt-init"

    test_ok "$who: making a project prints a connection string that works" '
        dsn=$($init -C "$place" 2>err) && test_grep "note: making a private PostgreSQL" err &&
        test_is "$(ls -A "$place")" .hpt && $as psql -Xd "$dsn" -Atc "select 1 from study" &&
        test_is "$($as psql -Xd "$dsn" -Atc "select current_user")" hpt_writer
    '
    test_ok "$who: .hpt, its socket and its data are closed to others" '
        test_is "$(stat -c %a "$place/.hpt" "$place/.hpt/run" "$place/.hpt/pg" | tr "\n" " ")" \
            "700 700 700 " && test_is "$(cat "$place/.hpt/.gitignore")" "*"
    '
    test_ok "$who: the server listens on no port and does not run as root" '
        pid=$(pid_of "$place") &&
        test_is "$($as psql -Xd "$dsn" -Atc "show listen_addresses")" "" &&
        test "$(stat -c %u "/proc/$pid")" != 0 &&
        test_is "$($as psql -Xd "$dsn" -Atc "select current_setting(\$\$fsync\$\$), current_setting(
            \$\$synchronous_commit\$\$), current_setting(\$\$jit\$\$), current_setting(\$\$timezone\$\$)")" \
            "on|on|off|UTC" &&
        test_is "$($as psql -Xd "$dsn" -Atc "show restart_after_crash")" off
    '
    test_ok "$who: a writer changes no table, a reader does not write" '
        for role in hpt_writer hpt_reader; do
            test_exit 1 $as psql -qXd "$dsn user=$role" \
                -c "delete from hpt_record.study" 2>err && test_grep "permission denied" err &&
            test_exit 1 $as psql -qXd "$dsn user=$role" \
                -c "create temporary table t (a int)" 2>err && test_grep "permission denied" err ||
                return 1
        done
    '
    test_ok "$who: again it changes nothing, and with --quiet says nothing" '
        test_is "$($init -C "$place" --quiet 2>err)" "$dsn" && test_empty err &&
        test_is "$(pid_of "$place")" "$pid"
    '
    test_ok "$who: --status tells the state" '
        test_exit 0 $init --directory="$place" --status >out && test_grep "^server	running$" out &&
        test_grep "^pid	$pid$" out && test_grep "^version	[0-9]+\.[0-9]+$" out &&
        test_grep "^data_bytes	[0-9]+$" out && test_grep "^account	[a-z]+$" out &&
        test_is "$(sed -n "s/^dsn	//p" out)" "$dsn"
    '
    test_ok "$who: --stop, --status with 1, --stop again, --start" '
        test_exit 0 $init -C "$place" --stop && gone "$pid" && is_down "$place" &&
        test_is "$(servers_of "$place")" 0 &&
        test_exit 1 $init -C "$place" --status >out && test_grep "^server	down$" out &&
        test_exit 0 $init -C "$place" --stop &&
        test_is "$($init -C "$place" --start)" "$dsn" && asks_as "$dsn"
    '
    test_ok "$who: --stop ends sessions" '
        { $as psql -qXd "$dsn" -c "select pg_sleep(600)" >session.out 2>&1 & } &&
        session=$! && test_wait 120 session_there && test_exit 0 $init -C "$place" --stop &&
        { wait "$session" || :; } && test_grep "terminating connection" session.out
    '
    test_ok "$who: many who start it at once get one server" '
        for i in 1 2 3 4 5 6; do
            { $init -q -C "$place" --start >"start.$i" 2>&1; echo $? >>"start.$i"; } &
        done && wait &&
        for i in 1 2 3 4 5 6; do
            { echo "$dsn" && echo 0; } | test_cmp - "start.$i" || return 1
        done && test_is "$(servers_of "$place")" 1
    '
    test_ok "$who: nothing of the caller stays open" '
        $init -C "$place" --stop && touch leak &&
        timeout 60 sh -c "$init -q -C \"$place\" --start 9>leak | cat" &&
        for process in "$(pid_of "$place")" "$(keeper_of "$place")"; do
            ls -l "/proc/$process/fd" >fds && test_no_grep "leak|/tap|pipe.*stdout" fds || return 1
        done &&
        test_is "$(ls -l "/proc/$(keeper_of "$place")/cwd" | sed "s/.* -> //")" /
    '
    test_ok "$who: kill -9 of the server" '
        kill -9 "$(pid_of "$place")" && test_is "$($init -q -C "$place")" "$dsn" && asks_as "$dsn" &&
        test_is "$(servers_of "$place")" 1
    '
    test_ok "$who: kill -9 of the keeper ends the server too, and the next tool starts both" '
        pid=$(pid_of "$place") && kill -9 "$(keeper_of "$place")" && test_wait 120 gone "$pid" &&
        $init -q -C "$place" --start && asks_as "$dsn" && test "$(pid_of "$place")" != "$pid"
    '
    test_ok "$who: kill -9 of both at once" '
        kill -9 "$(keeper_of "$place")" "$(pid_of "$place")" &&
        $init -q -C "$place" --start && asks_as "$dsn" && test_is "$(servers_of "$place")" 1
    '
    test_ok "$who: kill -9 with a session at work, which outlives the server" '
        { $as psql -qXd "$dsn" -c "select count(*) from generate_series(1, 99999) a, generate_series(1, 99999) b" >session.out 2>&1 & } &&
        session=$! && test_wait 120 session_there &&
        kill -9 "$(keeper_of "$place")" "$(pid_of "$place")" &&
        $init -q -C "$place" --start && asks_as "$dsn" && { wait "$session" || :; } &&
        test_is "$(servers_of "$place")" 1
    '
    test_ok "$who: a stale pid file with the number of another process" '
        $init -C "$place" --stop && { $as tail -f /dev/null & } && other=$! &&
        stale_pid "$other" && $init -q -C "$place" --start && asks_as "$dsn" &&
        kill "$other" && { wait "$other" || :; }
    '
    test_ok "$who: a stale pid file with the number of a zombie" '
        $init -C "$place" --stop && mkfifo zombie "$open/go" && chmod 666 "$open/go" &&
        { $as sh -c "{ read -r line <$open/go; } & echo \$! && exec tail -f /dev/null >/dev/null" >zombie & } &&
        other=$! && read -r dead <zombie && test_wait 120 grep -qx tail "/proc/$other/comm" &&
        echo >"$open/go" && rm zombie "$open/go" && test_wait 120 gone "$dead" && test -e "/proc/$dead" &&
        stale_pid "$dead" && $init -q -C "$place" --start && asks_as "$dsn" &&
        kill "$other" && { wait "$other" || :; }
    '
    test_ok "$who: variables of libpq choose nothing" '
        (export PGHOST=/nonexistent PGPORT=1 PGDATABASE=wrong PGUSER=wrong PGSERVICE=wrong \
            PGOPTIONS=-cnonsense=1 PGDATA=/nonexistent && $init -C "$place" --stop &&
            test_is "$($init -q -C "$place")" "$dsn") && asks_as "$dsn"
    '
    # On a slow machine it may be gone before one can look, or connect.
    test_ok "$who: it stops when idle, and a session keeps it up" '
        $init -C "$place" --stop && $as cp "$place/.hpt/config" "$place/usual" &&
        echo "idle_stop = 1s" | $as tee -a "$place/.hpt/config" >out &&
        $init -q -C "$place" --start && pid=$(pid_of "$place") &&
        test_wait 120 gone "${pid:-0}" && is_down "$place" &&
        test -z "$(ls -A "$place/.hpt/run")" &&
        test_wait 300 has_session && test_is "$(cat session.out)" "connected
awake" &&
        test_wait 120 test ! -e "$place/.hpt/pg/postmaster.pid" && is_down "$place" && test_wait 120 gone "$(keeper_of "$place")"
    '
    test_ok "$who: tools that come while it stops for idleness find it started again" '
        for i in 1 2 3; do
            test_is "$($init -q -C "$place")" "$dsn" && pid=$(pid_of "$place") &&
            test_wait 120 gone "${pid:-0}" || return 1
        done && $as tee "$place/.hpt/config" <"$place/usual" >out && $as rm "$place/usual"
    '
    test_ok "$who: a setting that is spoiled: the server does not start, 3, and the reason" '
        $init -C "$place" --stop && $as cp "$place/.hpt/pg/postgresql.conf" "$place/kept" &&
        echo "nonsense = 1" | $as tee -a "$place/.hpt/pg/postgresql.conf" >out &&
        test_exit 3 $init -q -C "$place" --start 2>err && test_grep "unrecognized .*nonsense" err &&
        $as tee "$place/.hpt/pg/postgresql.conf" <"$place/kept" >out && $as rm "$place/kept" &&
        $init -q -C "$place" --start && $init -C "$place" --stop
    '
    test_ok "$who: two hpt-init at once make one project" '
        $as mkdir "$place/twice" &&
        for i in 1 2; do
            { $init -q -C "$place/twice" >"make.$i" 2>&1; echo $? >>"make.$i"; } &
        done && wait && test_grep "^0$" make.1 && test_cmp make.1 make.2 &&
        asks_as "$(head -n 1 make.1)" && test_is "$(ls -A "$place/twice")" .hpt &&
        test_is "$(servers_of "$place/twice")" 1 && $init -C "$place/twice" --stop
    '
    if strace -qq -o /dev/null true 2>/dev/null; then
        # strace stops the first one between making its folder and locking it (LeakSanitizer cannot work then).
        test_ok "$who: a folder taken for a leftover before it is locked is made again" '
            $as mkdir "$place/halted" &&
            { { ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -e trace=?mkdir,mkdirat -e inject=?mkdir,mkdirat:signal=STOP:when=1 \
                $init -q -C "$place/halted" >first 2>&1; echo $? >>first; } & } &&
            test_wait 120 is_halted "$place/halted" &&
            $init -q -C "$place/halted" >second 2>&1 && echo 0 >>second &&
            kill -CONT "$halted" && wait && test_cmp second first &&
            test_is "$(ls -A "$place/halted")" .hpt && $init -C "$place/halted" --stop
        '
    else
        test_skip "$who: a folder taken for a leftover before it is locked is made again" 'no strace'
    fi
    long=$place/$(printf 'a%.0s' $(seq 100))/$(printf 'b%.0s' $(seq 100))
    test_ok "$who: a path of more than 200 bytes, made in spite of interruption" '
        $as mkdir -p "$long" && { $init -C "$long" >out 2>&1 & } && maker=$! && test_wait 120 has_temporary "$long" && kill -TERM "$maker" &&
        test_exit 143 wait "$maker" && test_is "$(ls -A "$long")" ""
    '
    test_ok "$who: what a killed hpt-init left is removed by the next" '
        { $init -C "$long" >out 2>&1 & } && maker=$! && test_wait 120 has_temporary "$long" && kill_tool "$maker" &&
        { wait "$maker" || :; } && long_dsn=$($init -q -C "$long") &&
        test_is "$(ls -A "$long")" .hpt && asks_as "$long_dsn" &&
        socket=$(echo "$long_dsn" | sed "s/host=\([^ ]*\) .*/\1/") &&
        test_is "$(stat -c %a "$socket")" 700
    '
    test_ok "$who: a socket that was cleaned away comes back" '
        rm -rf "$socket" && test_is "$($init -q -C "$long")" "$long_dsn" && asks_as "$long_dsn" &&
        $init -C "$long" --stop && test ! -e "$socket"
    '
}
# A session of four seconds, begun before the server has gone for idleness.
has_session() {
    $init -q -C "$place" --start &&
        { $as psql -qXAtd "$dsn" -c "select 'connected'" -c "select from pg_sleep(4)" -c "select 'awake'" >session.out 2>&1 || :; } &&
        grep -q '^connected' session.out
}
asks_as() { test_is "$($as psql -XAtd "$1" -c 'select count(*) from hpt.study')" 0; }
session_there() {
    test "$($as psql -XAtd "$dsn user=hpt_admin" -c \
        "select count(*) from pg_stat_activity where state = 'active' and usename = 'hpt_writer'")" = 1
}
stale_pid() { # as the account of the server
    $as sh -c "printf '%s\n' $1 '$place/.hpt/pg' 1 5432 '' '' '' ready >'$place/.hpt/pg/postmaster.pid'"
}
has_temporary() { ls -d "$1"/.hpt.tmp-*/pg/base >/dev/null 2>&1; }
# The tool itself, which a prefix like setpriv has become by exec.
kill_tool() { kill -9 "$1"; }

mkdir -m 700 closed && mkdir closed/own
private "$(id -un)" "$PWD/closed/own"

if [ "$(id -u)" = 0 ]; then
    mkdir -m 777 "$open/user" && ordinary='setpriv --reuid=65534 --regid=65534 --clear-groups -- env -C /'
    mkdir "$open/user/nobody" && chown 65534:65534 "$open/user/nobody"
    SUDO_UID=65534 && export SUDO_UID
    private 'ordinary user' "$open/user/nobody" "$ordinary"

    test_ok 'root uses a project of somebody else with his account' '
        dsn=$("$open/hpt-init" -q -C "$open/user/nobody") && as= && asks_as "$dsn" &&
        test_is "$(stat -c %u "/proc/$(pid_of "$open/user/nobody")")" 65534 &&
        test_is "$(find "$open/user/nobody/.hpt" -user root)" "" &&
        "$open/hpt-init" -C "$open/user/nobody" --stop
    '
    test_ok 'root does not use a .hpt of somebody else, unless by sudo or listed as safe' '
        at=$open/user/nobody && as="$open/hpt-init -C $at --stop" &&
        test_exit 0 $as && test_exit 3 env -u SUDO_UID $as 2>err &&
        test_grep "belongs to another user \(uid 65534\)" err && test_grep "^hint: .*safe_directory" err &&
        test_exit 3 env SUDO_UID=65533 $as 2>err && test_exit 3 env SUDO_UID= $as 2>err &&
        mkdir -p root/hpt && echo "safe_directory = $at" >root/hpt/config &&
        test_exit 0 env -u SUDO_UID XDG_CONFIG_HOME="$PWD/root" $as
    '
    test_ok 'a .hpt of somebody else is refused with 3, unless it is listed as safe' '
        mkdir -m 755 "$open/foreign" "$open/foreign/.hpt" "$open/foreign/sub" "$open/own" &&
        echo "dsn = host=/nonexistent dbname=x user=y" >"$open/foreign/.hpt/config" &&
        chmod 644 "$open/foreign/.hpt/config" &&
        test_exit 3 env XDG_CONFIG_HOME="$open/own" $ordinary "$open/hpt-init" -C "$open/foreign/sub" \
            --status 2>err &&
        test_grep "belongs to another user \(uid 0\)" err && test_grep "^hint: .*safe_directory" err &&
        mkdir "$open/own/hpt" && echo "safe_directory = $open/foreign" >"$open/own/hpt/config" &&
        test_exit 3 env XDG_CONFIG_HOME="$open/own" $ordinary "$open/hpt-init" -C "$open/foreign/sub" \
            --status 2>err &&
        test_grep "cannot connect to /nonexistent" err
    '
    unset SUDO_UID
else
    test_skip 'root does not use a .hpt of somebody else, unless by sudo or listed as safe' 'needs root'
    test_skip 'root uses a project of somebody else with his account' 'needs root'
    test_skip 'a .hpt of somebody else is refused with 3, unless it is listed as safe' 'needs root'
fi

test_done
