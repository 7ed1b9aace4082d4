# What the fault tests share. FAULT_SCALE (100) is the percentage of the full counts.
. "${0%/*}/../cli/lib.sh"

: "${FAULT_SCALE:=100}"
# A loop of a test ends after so many seconds and says how far it came.
: "${FAULT_SECONDS:=600}"

# scaled N: N at the scale, at least 1.
scaled() {
    fault_n=$(($1 * FAULT_SCALE / 100))
    [ "$fault_n" -ge 1 ] || fault_n=1
    echo "$fault_n"
}

# in_time: until FAULT_SECONDS after the first call.
in_time() {
    : "${fault_until:=$(($(date +%s) + FAULT_SECONDS))}"
    [ "$(date +%s)" -lt "$fault_until" ]
}

# say WORDS...: a count, for people and for docs/design/faults.md.
say() {
    echo "# $*"
}

# A server of ours does not outlive the test.
trap 'fault_status=$?; [ -z "${FAULT_PG:-}" ] || kill -QUIT "$FAULT_PG" 2>/dev/null; (exit "$fault_status"); test_cleanup' EXIT

# own_server: a private server that a test may kill, in server/, reached from project/ by its DSN, so that
# no tool starts it again. Sets SOCKET and ADMIN.
own_server() {
    mkdir -p server project && (cd server && hpt-init >/dev/null 2>&1) || return 1
    FAULT_ROOT=$PWD SOCKET=$PWD/server/.hpt/run ADMIN="host=$PWD/server/.hpt/run dbname=hpt user=hpt_admin"
    chmod 711 server/.hpt && cp server/.hpt/pg/postmaster.opts . && (cd server && hpt-init --stop >/dev/null 2>&1) && server_up &&
        (cd project && hpt-init -d "$ADMIN" >/dev/null 2>&1 && sed -i 's/hpt_admin/hpt_writer/g' .hpt/config)
}
# Up and down without hpt's keeper, which takes seconds to see that its server was killed: the command that
# hpt-init used, by the account that owns the data.
server_up() {
    FAULT_COMMAND="exec $(cat "$FAULT_ROOT/postmaster.opts")"
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid="$(stat -c %U "$FAULT_ROOT/server/.hpt/pg")" --regid="$(stat -c %G "$FAULT_ROOT/server/.hpt/pg")" \
            --clear-groups sh -c "$FAULT_COMMAND" >>"$FAULT_ROOT/pg.log" 2>&1 &
    else
        sh -c "$FAULT_COMMAND" >>"$FAULT_ROOT/pg.log" 2>&1 &
    fi
    FAULT_PG=$!
    test_wait 60 server_answers
}
server_answers() { psql -qXAt -d "$ADMIN" -c 'select 1' >/dev/null 2>&1; }
# Immediate, as the plug; with its children, so that the next one need not wait for them.
server_kill() {
    fault_children=$(cat "/proc/$FAULT_PG/task/$FAULT_PG/children" 2>/dev/null)
    # shellcheck disable=SC2086 # a list of numbers
    kill -9 "$FAULT_PG" $fault_children 2>/dev/null
    wait "$FAULT_PG" 2>/dev/null
    return 0
}
server_down() {
    kill -INT "$FAULT_PG" 2>/dev/null && wait "$FAULT_PG" 2>/dev/null
    return 0
}
# sound: hpt-verify has no error, and nothing waits in the spool.
sound() {
    hpt-verify --store -q -H >sound.out 2>sound.err || { cat sound.out sound.err && return 1; }
    ! find .hpt/spool -name '*.end' 2>/dev/null | grep -q . || { echo 'results lie in the spool' && return 1; }
}
ask() { psql -qXAt -v ON_ERROR_STOP=1 -d "$ADMIN" -c "$1"; }
# whole STUDY N: N trials, numbered 0 to N-1, all complete, one attempt with a result each.
whole() {
    test_is "$(ask "select count(*), min(trial), max(trial), count(*) filter (where state = 'complete')
        from hpt.trial where study = '$1'")" "$2|0|$(($2 - 1))|$2" &&
        test_is "$(ask "select count(*) from hpt.attempt where study = '$1' and outcome = 'complete'")" "$2"
}
