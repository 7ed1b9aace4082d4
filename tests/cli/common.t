#!/bin/sh
# What every tool answers in the same way.
. "${0%/*}/lib.sh"

test_ok 'there are tools' '
    test -n "$TEST_TOOLS"
'

for tool in $TEST_TOOLS; do
    test_ok "$tool --help is on stdout and names every option" '
        test_exit 0 "$tool" --help >out 2>err &&
        test_empty err &&
        head -n 1 out | grep -q "^usage: $tool" &&
        "$tool" --dump-options | cut -f 2 | while read -r name; do
            test_grep "^ .*--$name([^a-z-]|$)" out || return 1
        done
    '
    test_ok "$tool --version" '
        test_exit 0 "$tool" --version >out 2>err &&
        test_empty err &&
        test_grep "^$tool \(hpt\) [0-9]+\.[0-9]+\.[0-9]+$" out &&
        test_is "$(wc -l <out)" 1
    '
    test_ok "$tool refuses an unknown option" '
        test_exit 2 "$tool" --frobnicate-everything >out 2>err &&
        test_empty out &&
        test_grep "^$tool: unknown option .--frobnicate-everything" err
    '
    test_ok "$tool refuses an unknown letter" '
        test_exit 2 "$tool" -@ >out 2>err &&
        test_empty out &&
        test_grep "^$tool: unknown option .-@" err
    '
    test_ok "$tool suggests the option that was meant" '
        test_exit 2 "$tool" --vresion >out 2>err &&
        test_empty out &&
        test_grep "did you mean .--version.\?" err
    '
    test_ok "$tool takes a unique beginning of an option" '
        test_exit 0 "$tool" --versi >out && test_grep "^$tool " out
    '
    option=$("$tool" --dump-options | awk -F'\t' '$3 != "-" { print $2; exit }')
    if [ -n "$option" ]; then
        test_ok "$tool --$option without its value" '
            test_exit 2 "$tool" "--$option" >out 2>err &&
            test_empty out &&
            test_grep "^$tool: .*--$option.* needs a value" err
        '
    fi
    test_ok "$tool --help=x" '
        test_exit 2 "$tool" --help=x >out 2>err &&
        test_empty out &&
        test_grep "^$tool: .*--help.* takes no value" err
    '
    test_ok "$tool says so when stdout is full" '
        test_exit 125 "$tool" --help >/dev/full 2>err &&
        test_grep "^$tool: standard output: No space left on device" err
    '
    test_ok "$tool says so when stdout is closed" '
        test_exit 125 "$tool" --version >&- 2>err &&
        test_grep "^$tool: standard output: " err
    '
    test_ok "$tool escapes what could act on a terminal" '
        test_exit 2 "$tool" "$(printf "%ba" "--\\0033[31m")" 2>err &&
        test_no_grep "$(printf "\033")" err &&
        test_grep "x1b" err
    '
done

test_ok 'an option behind an argument is named' '
    test_exit 2 hpt-export one/1 -o one.tar >out 2>err && test_grep "hint: options stand before the arguments: .-o." err &&
    test_exit 2 hpt-verify x --no-content 2>err && test_grep "hint: options stand before the arguments: .--no-content" err &&
    test_exit 2 hpt-verify -- -q 2>err && test_no_grep "stand before" err && test_exit 2 hpt-verify x -- -q 2>err &&
    test_no_grep "stand before" err
'

test_done
