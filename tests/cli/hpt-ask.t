#!/bin/sh
# hpt-ask: lines of JSON in and out, each option by its name, bad lines.
. "${0%/*}/lib.sh"

init='{"op":"init","space":["x=0.0..1.0","k=a,b","y=1..9:if=k=b"],"seed":3}'

test_ok '--serve: each line is answered by one' '
    printf "%s\n" "$init" "{\"op\":\"ask\"}" "{\"op\":\"ask\"}" \
        "{\"op\":\"tell\",\"id\":2,\"values\":[1]}" "{\"op\":\"tell\",\"id\":1,\"values\":[2]}" \
        "{\"op\":\"best\"}" | test_exit 0 hpt-ask --serve --sampler=random >out 2>err &&
    test_empty err &&
    hpt-space --sample=2 --seed=3 x=0.0..1.0 k=a,b y=1..9:if=k=b >drawn &&
    sed -n "s/^{\"config\":\(.*\),\"id\":[12]}$/\1/p" out | test_cmp drawn - &&
    test_is "$(sed -n 1p out)" "{\"ok\":true}" &&
    test_is "$(sed -n "4,\$p" out | tr -d "\n")" "{\"ok\":true}{\"ok\":true}{\"id\":2}" &&
    test_is "$(wc -l <out)" 6
'
test_ok '--sampler, and that of a line goes before it' '
    ask() { printf "%s\n" "$1" "{\"op\":\"ask\"}" | hpt-ask --serve $2; } &&
    ask "{\"op\":\"init\",\"space\":[\"n=1..3\"]}" --sampler=grid >out &&
    test_is "$(sed -n 2p out)" "{\"config\":{\"n\":1},\"id\":1}" &&
    ask "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"sampler\":\"grid\"}" --sampler=random >again &&
    test_cmp out again &&
    test_exit 2 hpt-ask --serve --sampler=gird </dev/null 2>err &&
    test_grep "^hpt-ask: unknown sampler .gird.; did you mean .grid.\?" err
'
test_ok 'the direction of an objective' '
    for direction in min:1 max:2; do
        { printf "{\"op\":\"init\",\"space\":[\"x=0.0..1.0\"],\"objectives\":[\"%s\"]}\n" "${direction%:*}" &&
            printf "{\"op\":\"%s\",\"id\":1,\"values\":[1]}\n" ask tell &&
            printf "{\"op\":\"%s\",\"id\":2,\"values\":[2]}\n" ask tell best; } | hpt-ask --serve >out &&
        test_is "$(tail -n 1 out)" "{\"id\":${direction#*:}}" || return 1
    done
'
test_ok 'quit ends, and so does the end of the input' '
    printf "{\"op\":\"quit\"}\nnonsense\n" | test_exit 0 hpt-ask --serve >out && test_empty out &&
    test_exit 0 hpt-ask --serve </dev/null >out && test_empty out
'
test_ok 'a bad line is answered with its error, and the program goes on' '
    printf "%s\n" "nonsense" "{\"op\":\"ask\"}" "{\"op\":\"aks\"}" "{\"op\":\"init\",\"space\":[\"x=2..1\"]}" "[]" \
        "$init" "{\"op\":\"tell\",\"id\":1,\"values\":[1]}" "{\"op\":\"ask\"}" \
        "{\"op\":\"tell\",\"id\":1,\"values\":[1,2]}" "{\"op\":\"tell\",\"id\":1,\"values\":null}" \
        "{\"op\":\"tell\",\"id\":1,\"values\":[1]}" "{\"op\":\"best\"}" | test_exit 0 hpt-ask --serve >out &&
    test_is "$(wc -l <out)" 12 &&
    test_is "$(grep -c "^{\"error\":\"" out)" 9 &&
    test_grep "must be an .init." out && test_grep "did you mean .ask.\?" out &&
    test_grep "space .x=2..1.: parameter .x.: lower bound 2 is above" out &&
    test_grep "there is no trial 1" out && test_grep "array of 1 number\"" out &&
    test_grep "trial 1 has its result already" out && test_grep "no trial has a result yet" out
'
test_ok 'a line as long as it likes' '
    { printf "{\"op\":\"init\",\"seed\":1,\"note\":\"" && head -c 300000 /dev/zero | tr "\0" x &&
        printf "\",\"space\":[\"x=1\"]}\n{\"op\":\"ask\"}"; } | test_exit 0 hpt-ask --serve >out &&
    test_is "$(tail -n 1 out)" "{\"config\":{\"x\":1},\"id\":1}"
'
test_ok 'wrong use' '
    test_exit 2 hpt-ask 2>err </dev/null && test_grep "^hpt-ask: --serve is needed" err &&
    test_exit 2 hpt-ask --serve x=1..2 2>err </dev/null && test_grep "argument 2 .x=1..2.: none is taken" err
'
test_ok 'a full disk' '
    printf "%s\n" "$init" | test_exit 125 hpt-ask --serve >/dev/full 2>err
'

test_done
