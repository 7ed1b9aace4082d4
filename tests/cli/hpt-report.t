#!/bin/sh
# hpt-report: what it sends, what it refuses, and that it never hangs.
. "${0%/*}/lib.sh"

unset HPT_REPORT HPT_DIR

# said WORDS...: the line that would be reported.
said() {
    hpt-report "$@"
}

test_ok 'outside a trial: prints what it would report' '
    test_is "$(said loss=0.25)" "{\"metrics\":{\"loss\":0.25}}" &&
    test_is "$(said step=10 loss=0.25 acc=0.9)" "{\"metrics\":{\"loss\":0.25,\"acc\":0.9},\"step\":10}" &&
    test_is "$(said loss=1 step=-3)" "{\"metrics\":{\"loss\":1},\"step\":-3}" &&
    test_is "$(HPT_REPORT= said loss=1)" "{\"metrics\":{\"loss\":1}}"
'

test_ok 'numbers keep their digits and become JSON' '
    test_is "$(said a=0.10 b=1e-300 c=-0 d=12345678901234567890.5 e=1E+5)" \
        "{\"metrics\":{\"a\":0.10,\"b\":1e-300,\"c\":-0,\"d\":12345678901234567890.5,\"e\":1E+5}}" &&
    test_is "$(said a=.5 b=5. c=+1 d=-.5e3 e=007 f=00.5 g=0)" \
        "{\"metrics\":{\"a\":0.5,\"b\":5,\"c\":1,\"d\":-0.5e3,\"e\":7,\"f\":0.5,\"g\":0}}" &&
    test_is "$(said a=nan b=INF c=-Infinity)" "{\"metrics\":{\"a\":NaN,\"b\":Infinity,\"c\":-Infinity}}" &&
    test_is "$(LC_ALL=de_DE.UTF-8 said a=1.5)" "{\"metrics\":{\"a\":1.5}}"
'

test_ok 'wrong words are named' '
    for word in loss loss= =1 1a=1 "a b=1" a=1x a=0x10 a=1e a=. a=1,5 a=--1 a=1.2.3 step=1 step=x; do
        test_exit 2 hpt-report "$word" >out 2>err && test_empty out && test_grep "^hpt-report: " err || return 1
    done &&
    test_exit 2 hpt-report loss=1 step=1.5 2>err && test_grep "step=1.5.: a step is a whole number" err &&
    test_exit 2 hpt-report step=1 step=2 loss=1 2>err && test_grep "there is a step already" err &&
    test_exit 2 hpt-report 2>err && test_grep "nothing to report" err
'

test_ok 'a report of more than 4096 bytes is refused' '
    words=$(awk "BEGIN { for (i = 0; i < 400; i++) printf \"metric%05d=1 \", i }") &&
    test_exit 2 hpt-report $words 2>err && test_grep "longer than 4096 bytes" err &&
    test_grep "^hint: report the metrics in several calls" err
'

test_ok '--fail=REASON' '
    test_is "$(said --fail="no data")" "{\"fail\":\"no data\"}" &&
    test_is "$(said --fail "a\"b\\c	é")" "{\"fail\":\"a\\u0022b\\u005cc\\u0009é\"}" &&
    test_is "$(said --fail="$(printf "x\\377y")")" "{\"fail\":\"x$(printf "\\357\\277\\275")y\"}" &&
    test_exit 2 hpt-report --fail= 2>err && test_grep "needs a reason" err
'

test_ok 'inside a trial: one line in the channel, nothing on stdout' '
    mkfifo channel && exec 3<>channel && HPT_REPORT=$PWD/channel && export HPT_REPORT &&
    hpt-report step=1 loss=0.5 >out && test_empty out && read -r line <&3 &&
    test_is "$line" "{\"metrics\":{\"loss\":0.5},\"step\":1}" &&
    hpt-report --fail=why && read -r line <&3 && test_is "$line" "{\"fail\":\"why\"}" &&
    hpt-report --fail=late loss=2 && read -r line <&3 && test_is "$line" "{\"metrics\":{\"loss\":2}}" &&
    read -r line <&3 && test_is "$line" "{\"fail\":\"late\"}"
'

test_ok 'a channel that is not there, or that nobody reads' '
    exec 3>&- && unset HPT_REPORT &&
    test_exit 1 env HPT_REPORT="$PWD/none" hpt-report a=1 2>err &&
    test_grep "cannot open .*none.: No such file or directory" err &&
    rm -f channel && mkfifo channel &&
    test_exit 1 env HPT_REPORT="$PWD/channel" hpt-report a=1 2>err &&
    test_grep "nobody reads .*channel" err
'

test_ok '--artifact=FILE outside a trial' '
    echo model >model.bin &&
    test_is "$(said --artifact=model.bin)" "artifact: model.bin" &&
    test_exit 1 hpt-report --artifact=none 2>err && test_grep "cannot read .none.: No such file" err &&
    test_exit 1 hpt-report --artifact=. 2>err && test_grep "is a directory" err
'

test_ok '--artifact=FILE inside a trial: a copy of its own' '
    rm -f channel && mkfifo channel && exec 3<>channel && mkdir -p dir other &&
    HPT_REPORT=$PWD/channel HPT_DIR=$PWD/dir && export HPT_REPORT HPT_DIR &&
    echo one >other/model.bin && hpt-report --artifact=other/model.bin --artifact model.bin &&
    test_is "$(cat dir/model.bin)" model &&
    echo two >other/model.bin && hpt-report --artifact other/model.bin &&
    echo three >other/model.bin && test_is "$(cat dir/model.bin)" two &&
    hpt-report --artifact=dir/model.bin && test_is "$(cat dir/model.bin)" two &&
    test_is "$(ls -A dir)" model.bin &&
    hpt-report --artifact=model.bin loss=1 && read -r line <&3 &&
    test_is "$line" "{\"metrics\":{\"loss\":1}}" &&
    test_exit 1 hpt-report --artifact=channel 2>err && test_grep "not a regular file" err &&
    test_exit 1 env HPT_DIR=/no/such hpt-report --artifact=model.bin 2>err &&
    test_grep "cannot keep .model.bin. in ./no/such." err &&
    exec 3>&- && unset HPT_REPORT HPT_DIR
'

# asks WORDS...: starts a report that waits, leaves its line in $line and its FIFO in $reply.
asks() {
    HPT_PRUNING=1 HPT_REPORT=$PWD/channel HPT_DIR=$PWD/dir hpt-report "$@" &
    asked=$!
    read -r line <&3 && reply=$(echo "$line" | sed 's/.*"reply":"\([^"/]*\)"}$/\1/')
}
# answered STATUS: the report ended so, and its FIFO is gone.
answered() {
    wait "$asked"
    test_is "$?" "$1" && test_is "$(ls -A dir)" ""
}

test_ok 'a report with a step waits for the answer: 0 is go on, 10 is stop' '
    rm -rf dir channel && mkdir dir && mkfifo channel && exec 3<>channel &&
    asks step=3 loss=0.5 && test_is "${line%,*}" "{\"metrics\":{\"loss\":0.5},\"step\":3" &&
    case $reply in .hpt-reply-*) ;; *) false ;; esac &&
    test_is "$(stat -c "%F %a" "dir/$reply")" "fifo 600" &&
    echo stop >"dir/$reply" && answered 10 &&
    asks step=4 loss=0.5 && echo go >"dir/$reply" && answered 0
'

test_ok 'without a step, or where nobody decides, nothing is asked' '
    HPT_PRUNING=1 HPT_REPORT=$PWD/channel HPT_DIR=$PWD/dir hpt-report loss=0.5 && read -r line <&3 &&
    test_is "$line" "{\"metrics\":{\"loss\":0.5}}" &&
    HPT_REPORT=$PWD/channel HPT_DIR=$PWD/dir hpt-report step=1 loss=0.5 && read -r line <&3 &&
    test_is "$line" "{\"metrics\":{\"loss\":0.5},\"step\":1}" && test_is "$(ls -A dir)" ""
'

test_ok '--should-stop asks without a report' '
    asks --should-stop && test_is "$line" "{\"reply\":\"$reply\"}" &&
    echo stop >"dir/$reply" && answered 10 &&
    asks --should-stop loss=1 && test_is "${line%,*}" "{\"metrics\":{\"loss\":1}" &&
    echo go >"dir/$reply" && answered 0 &&
    hpt-report --should-stop >out && test_empty out &&
    HPT_REPORT=$PWD/channel hpt-report --should-stop
'

test_ok 'a signal while it waits leaves no FIFO behind' '
    asks step=1 loss=1 && kill -TERM "$asked" && answered 143
'

test_ok 'a directory that takes no FIFO, and a run that ends, do not hold it up' '
    HPT_PRUNING=1 HPT_REPORT=$PWD/channel HPT_DIR=/no/such hpt-report step=1 loss=1 && read -r line <&3 &&
    test_is "$line" "{\"metrics\":{\"loss\":1},\"step\":1}" &&
    HPT_PRUNING=1 HPT_REPORT=$PWD/channel HPT_DIR=/no/such hpt-report --should-stop &&
    asks step=1 loss=1 && exec 3>&- && answered 0
'

test_ok 'options end at the first word, and "--" ends them' '
    test_exit 2 hpt-report a=1 --fail=x 2>err && test_grep "not a metric.s name" err &&
    test_is "$(said -- a=1)" "{\"metrics\":{\"a\":1}}" &&
    test_exit 2 hpt-report -- -x 2>err && test_grep "not NAME=VALUE" err
'

test_ok 'standard output that is full is an error' '
    test_exit 125 hpt-report a=1 >/dev/full 2>err && test_grep "standard output: No space left" err
'

test_done
