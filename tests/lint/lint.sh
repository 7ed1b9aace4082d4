# Sourced by the lints: tests whose commands print what is wrong.
. "${0%/*}/../cli/lib.sh"

# lint TITLE COMMANDS: runs them at the root of the sources; passes when they print nothing. A line
# that contains "lint-ok:" and a reason is an exception.
lint() {
    lint_commands=$2
    test_ok "$1" '
        { (cd "$TEST_SRC" && eval "$lint_commands") 2>&1 | grep -v "lint-ok: ." >wrong || :; } &&
        test_empty wrong
    '
}

# Drops lines of grep -n that are comments in C.
no_comments() { grep -vE ':[0-9]+: *(\*|/\*|//)'; }

# calls NAMES FOLDER...: calls of these functions.
calls() {
    calls_names=$1
    shift
    grep -rnE "(^|[^A-Za-z0-9_>.])($calls_names)\(" "$@" --include='*.[ch]' | no_comments
}
