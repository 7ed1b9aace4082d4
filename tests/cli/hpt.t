#!/bin/sh
# The dispatcher: hpt NAME is hpt-NAME.
. "${0%/*}/lib.sh"

# A copy of hpt beside a tool of our own shows where it looks first.
mkdir bin other
cp "$TEST_BUILD/hpt" bin/hpt
cat >bin/hpt-echo <<'END'
#!/bin/sh
printf '<%s>' "${0##*/}" "$@"
exit 7
END
sed 's/exit 7/exit 8/' bin/hpt-echo >other/hpt-echo
sed 's/exit 7/exit 9/' bin/hpt-echo >other/hpt-other
printf 'no program\n' >bin/hpt-plain
chmod +x bin/hpt-echo other/hpt-echo other/hpt-other

test_ok 'a tool beside hpt runs with its arguments and gives its status' '
    PATH="$PWD/other:$PATH" test_exit 7 bin/hpt echo -x "a b" --help >out &&
    test_is "$(cat out)" "<hpt-echo><-x><a b><--help>"
'

test_ok 'a tool elsewhere is found in PATH' '
    (PATH="$PWD/other:$PATH" && test_exit 9 bin/hpt other >out) &&
    test_is "$(cat out)" "<hpt-other>"
'

test_ok 'a tool that cannot be executed' '
    test_exit 125 bin/hpt plain 2>err && test_grep "^hpt: cannot run hpt-plain: " err
'

test_ok 'an unknown tool, with the one that was meant' '
    test_exit 2 hpt qeury >out 2>err && test_empty out &&
    test_is "$(cat err)" "hpt: no tool '"'hpt-qeury'"'; did you mean '"'query'"'?"
'

test_ok 'an unknown tool that resembles none' '
    test_exit 2 hpt zzzzzzzz 2>err && test_grep "hint: hpt help lists the tools" err
'

test_ok 'an unknown tool, with a folder in PATH that is closed to us' '
    mkdir closed && chmod 0 closed && (PATH="$PWD/closed:$PATH" && test_exit 2 hpt zzzzzzzz 2>err) && test_grep "no tool" err && rmdir closed
'

test_ok 'no tool' '
    test_exit 2 hpt >out 2>err && test_empty out && test_grep "which tool" err
'

test_ok 'a path is no tool' '
    test_exit 2 hpt ../bin/hpt-echo 2>err && test_grep "no tool" err
'

test_ok 'help lists every tool that is built' '
    hpt help >out &&
    for tool in $TEST_TOOLS; do
        [ "$tool" = hpt ] || test_grep "^  ${tool#hpt-} " out || return 1
    done
'

test_ok 'help TOOL is its --help away from a terminal' '
    hpt --help >want && hpt help hpt >got && test_cmp want got
'

test_ok 'help of an unknown tool' '
    test_exit 2 hpt help rnu 2>err && test_grep "did you mean .run." err
'

for shell in bash zsh fish; do
    if command -v $shell >/dev/null; then
        test_ok "completion $shell prints a script that $shell can read" '
            hpt completion $shell >script && test -s script && $shell -n script
        '
    else
        test_skip "completion $shell prints a script that $shell can read" "no $shell"
    fi
done

test_ok 'completion of an unknown shell' '
    test_exit 2 hpt completion csh 2>err && test_grep "bash, zsh or fish" err
'

test_ok 'completion for two shells' '
    test_exit 2 hpt completion bash zsh >out 2>err && test_empty out && test_grep "one shell.*zsh" err
'
test_ok 'completion to a full device' '
    for shell in bash zsh fish; do
        test_exit 125 hpt completion $shell >/dev/full 2>err &&
        test_is "$(cat err)" "hpt: standard output: No space left on device" || exit 1
    done
'
test_ok 'completion with no shell' '
    test_exit 2 hpt completion 2>err && test_grep "which shell" err
'

# complete WORD...: what bash offers for the last word.
complete() {
    bash -c '. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _hpt 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' \
        "$TEST_BUILD/completion/hpt.bash" "$@"
}
if command -v bash >/dev/null; then
    test_ok 'bash completes tools and options' '
        test_is "$(complete hpt comp)" completion &&
        test_is "$(complete hpt --vers)" --version &&
        for tool in $TEST_TOOLS; do
            test_is "$(complete "$tool" --vers)" --version || return 1
        done
    '
    test_ok 'bash completes no option behind the first argument' '
        test_is "$(complete hpt-space file --vers)" ""
    '
fi

test_done
