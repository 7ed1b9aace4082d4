# What the fault tests share. FAULT_SCALE (100) is the percentage of the full counts.
. "${0%/*}/../cli/lib.sh"

: "${FAULT_SCALE:=100}"

# scaled N: N at the scale, at least 1.
scaled() {
    fault_n=$(($1 * FAULT_SCALE / 100))
    [ "$fault_n" -ge 1 ] || fault_n=1
    echo "$fault_n"
}

# say WORDS...: a count, for people and for docs/design/faults.md.
say() {
    echo "# $*"
}

# own_server: a private server that a test may kill, in server/, reached from project/ by its DSN, so that
# no tool starts it again. Sets SOCKET and ADMIN.
own_server() {
    mkdir -p server project && (cd server && hpt-init >/dev/null 2>&1) || return 1
    FAULT_ROOT=$PWD SOCKET=$PWD/server/.hpt/run ADMIN="host=$PWD/server/.hpt/run dbname=hpt user=hpt_admin"
    (cd project && hpt-init -d "$ADMIN" >/dev/null 2>&1 && sed -i 's/hpt_admin/hpt_writer/g' .hpt/config)
}
server_up() { (cd "$FAULT_ROOT/server" && hpt-init --start >/dev/null 2>&1); }
server_down() { (cd "$FAULT_ROOT/server" && hpt-init --stop >/dev/null 2>&1); }
# The postmaster by its own file, and its children, as a power cut would end them.
server_kill() {
    fault_pid=$(head -n 1 "$FAULT_ROOT"/server/.hpt/pg/postmaster.pid 2>/dev/null) || return 1
    fault_children=$(cat "/proc/$fault_pid/task/$fault_pid/children" 2>/dev/null)
    # shellcheck disable=SC2086 # a list of numbers
    kill -9 "$fault_pid" $fault_children 2>/dev/null
    # A dead postmaster that nobody has reaped yet counts as gone.
    test_wait 10 server_gone "$fault_pid"
}
server_gone() { ! grep -q '^State:.*[^ZX] (' "/proc/$1/status" 2>/dev/null || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null; }

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
