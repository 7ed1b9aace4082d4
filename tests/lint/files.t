#!/bin/sh
# What every file of the tree must and must not be.
. "${0%/*}/lint.sh"

# Our own files: not what is built, and no history, which a tarball lacks.
files() {
    find bootstrap configure.ac Makefile.am ./*.md .ci docs src sql tests tools -type f |
        grep -vE '\.deps/|\.[oa]$|tests/(tap|tmp)/|tests/fuzz/(corpus|found|grown)/|^src/db/sql\.[ch]$' |
        while read -r file; do
            # Only text; programs built in the tree are not.
            case $file in
            *.[ch] | *.sh | *.t | *.sql | *.md | *.awk | *.[157] | *.am | *.ac) echo "$file" ;;
            tests/* | bootstrap | .ci/*) head -c 2 "$file" | grep -q '^#!' && echo "$file" ;;
            esac
        done
}
(cd "$TEST_SRC" && files) | sort >files
list=$PWD/files

test_ok 'files are found' '
    test "$(wc -l <"$list")" -gt 20
'

lint 'no file of C is longer than 800 lines' '
    grep "\.[ch]$" "$list" | xargs wc -l | awk "\$2 != \"total\" && \$1 > 800"
'

lint 'no path of one machine' '
    grep -v "tests/lint/files.t" "$list" |
        xargs grep -nE "(^|[^A-Za-z0-9_.])/(work|farm)/|/tmp/(wt|b)-|(^|[^A-Za-z0-9_.])/home/[a-z]+/"
'

lint 'no mark of unfinished work' '
    xargs grep -nE "(^|[^A-Za-z])(TO[D]O|FIX[M]E|XX[X]|HAC[K])([^A-Za-z]|$)" <"$list"
'

lint 'no blank at the end of a line' '
    grep -v "\.md$" "$list" | xargs grep -nE "[ 	]+$"
'

lint 'no tab in C' '
    grep "\.[ch]$" "$list" | xargs grep -n "	"
'

lint 'a newline ends every file' '
    while read -r file; do
        test -z "$(tail -c 1 "$file")" || echo "$file"
    done <"$list"
'

lint 'no test waits by sleeping' '
    grep "^tests/" "$list" | grep -v "tests/cli/lib.sh" |
        xargs grep -nE "(^ *|&& *)sleep [0-9.]|[^a-z_](sleep|usleep|g_usleep|nanosleep)\("
'

lint 'every source and test is known to Makefile.am' '
    for file in src/*/*.[ch] tools/*.[ch] tests/unit/*.[ch] tests/fuzz/*.c; do
        case $file in src/db/sql.[ch]) continue ;; tests/*.c) name=${file%.c} ;; *) name=$file ;; esac
        test ! -e "$file" || grep -qE "(^|[ 	])$name(\.c)?( |$)" Makefile.am || echo "$file"
    done
'

if command -v shellcheck >/dev/null; then
    lint 'shell scripts pass shellcheck' '
        shellcheck -S warning -e SC1007,SC2254,SC2034 -s sh bootstrap tests/run tests/one tests/*.sh \
            tests/cli/lib.sh tests/fuzz/run tests/bench/run
        shellcheck -S warning .ci/run
    '
else
    test_skip 'shell scripts pass shellcheck' 'shellcheck is not installed'
fi

lint 'shell tests are in plain sh' '
    for file in tests/*/*.t; do
        case $(head -n 1 "$file") in "#!/bin/sh"*) sh -n "$file" ;; esac
    done
'

test_done
