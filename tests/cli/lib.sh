# Shell tests in TAP, after the manner of git's. A script is
#
#     #!/bin/sh
#     . "${0%/*}/lib.sh"
#     test_ok 'says what it checks' '
#         hpt-space --check a=1..2 >out &&
#         test_is "$(wc -l <out)" 1
#     '
#     test_done
#
# A body is one quoted block whose commands are joined by &&: a missing && fails the test, as it
# could hide a failure. It runs in this shell, so variables stay, in an empty folder that is
# removed at the end (kept after a failure or with TEST_KEEP=1). What a body prints is shown only
# when it fails. Run by hand, "sh tests/cli/NAME.t" in the build folder is enough; -v shows all.
#
# For a program whose status matters use test_exit, never "! command": that cannot tell a refusal
# from a crash. Never wait by sleeping; test_wait polls a condition.

TEST_SCRIPT=$(cd "${0%/*}" && pwd)/${0##*/}
: "${TEST_SRC:=${TEST_SCRIPT%/tests/*}}"
[ -n "${TEST_BUILD:-}" ] || { [ -e ./config.status ] && TEST_BUILD=$PWD || TEST_BUILD=$TEST_SRC; }
. "$TEST_SRC/tests/env.sh"
. "$TEST_SRC/tests/server.sh"

# Names of the tools; make check gives them.
: "${TEST_TOOLS:=$(cd "$TEST_BUILD" && find . -maxdepth 1 -type f -perm -u+x -name 'hpt*' |
    sed 's|^\./||' | grep -vxE 'hpt-(config|contain|trace[.]so)' | sort)}"

TEST_NAME=${0##*/}
TEST_NAME=${TEST_NAME%.t}
TEST_ROOT=$TEST_BUILD/tests/tmp/$(basename "${TEST_SCRIPT%/*}")-$TEST_NAME
TEST_LOG=$TEST_ROOT.log
test_count=0 test_failed=0 test_databases=0 test_finished='' test_own_server='' test_verbose=''
[ "${1:-}" = -v ] && test_verbose=1

test_cleanup() {
    test_status=$?
    [ -n "$test_own_server" ] && server_stop
    if [ -z "$test_finished" ]; then
        [ -s "$TEST_LOG" ] && sed 's/^/# /' "$TEST_LOG"
        echo "not ok $((test_count + 1)) - $TEST_NAME ended early with status $test_status"
        echo "1..$((test_count + 1))"
        test_failed=1
    fi
    cd / || exit 125
    [ "$test_failed" -gt 0 ] || [ -n "${TEST_KEEP:-}" ] || rm -rf "$TEST_ROOT" "$TEST_LOG"
    [ "$test_failed" -eq 0 ] || exit 1
}
trap test_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

rm -rf "$TEST_ROOT"
mkdir -p "$TEST_ROOT/home" "$TEST_ROOT/work" || exit 125
HOME=$TEST_ROOT/home
export HOME TEST_SRC TEST_BUILD
: >"$TEST_LOG"
cd "$TEST_ROOT/work" || exit 125

# A function of its own, so that "return" in a body ends the body alone.
test_body() {
    eval "$1"
}

# test_ok TITLE BODY
test_ok() {
    test_count=$((test_count + 1))
    : >"$TEST_LOG"
    # The first command makes the whole chain answer 117, if it is a chain.
    test_body "(exit 117) && $2" >"$TEST_LOG" 2>&1 </dev/null
    if [ $? -ne 117 ]; then
        test_result=1
        echo 'a command of this test is not joined to the next by &&' >>"$TEST_LOG"
    else
        test_body "$2" >"$TEST_LOG" 2>&1 </dev/null
        test_result=$?
    fi
    cd "$TEST_ROOT/work" || exit 125
    if [ "$test_result" -eq 0 ]; then
        echo "ok $test_count - $1"
        [ -z "$test_verbose" ] || sed 's/^/# /' "$TEST_LOG"
    else
        test_failed=$((test_failed + 1))
        echo "not ok $test_count - $1"
        { printf '%s\n' "$2" && cat "$TEST_LOG"; } | sed 's/^/# /'
    fi
}

# test_skip TITLE REASON
test_skip() {
    test_count=$((test_count + 1))
    echo "ok $test_count - $1 # SKIP $2"
}

# test_skip_all REASON: ends the script.
test_skip_all() {
    test_finished=1
    echo "1..0 # SKIP $1"
    exit 0
}

# test_need COMMAND...: skips the whole script unless all are there.
test_need() {
    for test_command; do
        command -v "$test_command" >/dev/null || test_skip_all "$test_command is not installed"
    done
}

test_done() {
    test_finished=1
    echo "1..$test_count"
    exit 0
}

# test_exit STATUS COMMAND [ARGUMENT]...
test_exit() {
    test_wanted=$1
    shift
    "$@"
    test_got=$?
    [ "$test_got" -eq "$test_wanted" ] && return 0
    echo "exit status $test_got, wanted $test_wanted: $*"
    return 1
}

# test_is GOT WANTED
test_is() {
    [ "$1" = "$2" ] && return 0
    printf 'got:    %s\nwanted: %s\n' "$1" "$2"
    return 1
}

# test_cmp WANTED GOT: two files; "-" is standard input.
test_cmp() {
    diff -u "$1" "$2"
}

# test_grep PATTERN FILE, test_no_grep PATTERN FILE: POSIX extended expressions.
test_grep() {
    grep -qE -e "$1" "$2" && return 0
    echo "no line of $2 matches: $1" && sed 's/^/    /' "$2"
    return 1
}
test_no_grep() {
    grep -nE -e "$1" "$2" || return 0
    echo "$2 should not match: $1"
    return 1
}

# test_empty FILE
test_empty() {
    [ -e "$1" ] && [ ! -s "$1" ] && return 0
    echo "$1 should be empty:" && sed 's/^/    /' "$1"
    return 1
}

# test_wait SECONDS COMMAND [ARGUMENT]...: runs the command until it succeeds.
test_wait() {
    test_until=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$test_until" ] || { echo "gave up waiting for: $*" && return 1; }
        sleep 0.02
    done
}

# test_db [FOLDER]: makes FOLDER (default: here) a project with a new database of its own, on the
# server of this run or, without one, on a server that this script starts and stops. The tools use
# it with the rights of a writer. Sets TEST_DSN, the administrator's, for psql.
test_db() {
    [ -x "$TEST_BUILD/hpt-init" ] || { echo 'hpt-init is not built' && return 1; }
    if [ -z "${TEST_SERVER:-}" ]; then
        test_own_server=1
        server_start "$TEST_ROOT/server" || return
    fi
    test_databases=$((test_databases + 1))
    test_database=$(echo "t_${TEST_ROOT##*/}_$test_databases" | tr -c 'a-z0-9_\n' _)
    TEST_DSN="$TEST_SERVER dbname=$test_database"
    psql -qX -d "$TEST_SERVER dbname=postgres" -v ON_ERROR_STOP=1 \
        -c "set client_min_messages = warning" \
        -c "drop database if exists $test_database" -c "create database $test_database" &&
        mkdir -p "${1:-.}" &&
        (cd "${1:-.}" && hpt-init -d "$TEST_DSN" &&
            sed -i 's/hpt_admin/hpt_writer/g' .hpt/config)
}
