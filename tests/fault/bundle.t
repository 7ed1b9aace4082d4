#!/bin/sh
# A bundle of a study, one bit of it turned 100,000 times, and cut at every length: all is found. Compressed, a turned
# bit is found or leaves exactly the content of before.
. "${0%/*}/fault.sh"
test_need psql

test_ok 'a bundle of a study' '
    test_db && hpt-run -q --progress=none --print=none -s s -t 1 -m loss x=0.0..1.0 -- sh -c "echo loss: \$1" sh {x} &&
    hpt-export -q -s s -o s.tar && hpt-export -q -s s -o s.tar.zst
'
test_ok 'every bit and every length' '
    "$TEST_BUILD/tests/fault/flip" s.tar "$(scaled 100000)" >plain && "$TEST_BUILD/tests/fault/flip" s.tar.zst "$(scaled 100000)" >packed &&
    test_grep " same 0 missed 0 cuts [0-9]+ missed 0$" plain && test_grep " missed 0 cuts [0-9]+ missed 0$" packed
'
say "tar:  $(cat plain)"
say "zstd: $(cat packed)"
test_done
