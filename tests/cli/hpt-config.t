#!/bin/sh
# hpt config: every value with its source.
. "${0%/*}/lib.sh"

# row KEY FILE: value and source of a key.
row() { awk -F'\t' -v key="$1" '$1 == key { print $2 "|" $3 }' "$2"; }

mkdir -p project/.hpt project/below "$HOME/.config/hpt"
printf 'dsn = private\nidle_stop = 2h\n' >project/.hpt/config
printf 'safe_directory = /a\nsafe_directory = /b\n' >"$HOME/.config/hpt/config"

test_ok 'without a project: built-in values' '
    hpt config -C / >out &&
    test_is "$(head -n 1 out)" "key	value	source" &&
    test_is "$(row dsn out)" "|no .hpt here or above" &&
    test_is "$(row idle_stop out)" "15m|built in" &&
    test_is "$(row start_wait out)" "60s|built in" &&
    test_is "$(row pager out)" "less -FRSX|built in"
'

test_ok 'a file names its line' '
    (cd project/below && hpt config) >out &&
    test_is "$(row project out)" "$PWD/project/.hpt|nearest .hpt" &&
    test_is "$(row dsn out)" "private|$PWD/project/.hpt/config:1" &&
    test_is "$(row idle_stop out)" "2h|$PWD/project/.hpt/config:2"
'

test_ok '--directory looks from there' '
    hpt config --directory=project/below >out &&
    test_is "$(row idle_stop out)" "2h|$PWD/project/.hpt/config:2"
'

test_ok 'the environment goes before the file, and a password is not shown' '
    HPT_DSN="host=db.example password=secret" hpt config -C project >out &&
    test_is "$(row dsn out | sed "s/.*|//")" HPT_DSN &&
    test_grep "db.example" out && test_no_grep secret out &&
    HPT_CEILING=/x HPT_PGBIN=/y HPT_PAGER=cat hpt config -C / >out &&
    test_is "$(row ceiling out)" "/x|HPT_CEILING" &&
    test_is "$(row pgbin out)" "/y|HPT_PGBIN" &&
    test_is "$(row pager out)" "cat|HPT_PAGER"
'

test_ok 'the user file may list several folders' '
    hpt config -C / >out && test_is "$(row safe_directory out | wc -l)" 2
'

test_ok 'a broken file is named with its line' '
    mkdir -p broken/.hpt && echo nonsense >broken/.hpt/config &&
    test_exit 2 hpt config -C broken >out 2>err &&
    test_grep "broken/.hpt/config:1: " err
'

test_ok 'an argument is refused' '
    test_exit 2 hpt config dsn 2>err && test_grep "unexpected argument .dsn" err
'

test_done
