#!/bin/sh
# The README's "Sixty seconds", typed in one after another: what is printed is what stands there, but for durations and places.
. "${0%/*}/lib.sh"
test_need svm-train script awk psql
[ -e /usr/share/doc/liblinear-tools/examples/heart_scale ] || [ -e /usr/share/doc/liblinear-tools/examples/heart_scale.gz ] ||
    test_skip_all 'no heart_scale of liblinear-tools'
[ "$(dpkg-query -W -f '${Version}' libsvm-tools 2>/dev/null | cut -d + -f 1)" = 3.24 ] ||
    test_skip_all 'the numbers are those of libsvm-tools 3.24'

# Commands to command-N, with the lines they go on in, and what they print to wanted-N.
awk '
    /^## / { on = $0 == "## Sixty seconds"; next }
    !on || !/^    / { next }
    { line = substr($0, 5) }
    going || /^    \$ / { if (!going) { n++; printf "" >("wanted-" n) } sub(/^\$ /, "", line); print line >("command-" n); going = line ~ /[\\|]$/; next }
    { print line >("wanted-" n) }
' "$TEST_SRC/README.md"

# A replay is in another place where nothing can be mounted. Seconds are other ones each time, columns as wide as they need, and a line of progress is overwritten; the rest is not.
plain() {
    sed -E 's/\r+$//; s/.*\r//; s/\x1b\[[0-9;?]*[A-Za-z]//g; s/[0-9]+\.[0-9]+ s(\)?)$/S s\1/; s/  +/ /g; s/^ //; s/[[:blank:]]+$//
        s/-+(\+-+)*$/-/; s/ [0-9]+ files, [0-9]+ bytes, (.*:)[0-9a-f]+$/ FILES, \1DIGEST/' |
        awk '!NF || /^host=|^hpt-init: note: |^check place / || $0 == last { next } { last = $0 } NF != fields { timed = 0 } timed { $NF = "SECONDS" } $NF == "seconds" { timed = 1; fields = NF } { print }'
}
# typed FILE: at a terminal; hpt-diff ends with 1 where there is a difference.
typed() {
    (cd heart && TERM=xterm script -qec "stty cols 100 rows 50; sh ../$1" /dev/null </dev/null) || [ $? -eq 1 ]
}
mkdir heart
n=1
while [ -e "command-$n" ]; do
    test_ok "$(tr '\n' ' ' <"command-$n" | tr -d '\\' | cut -c 1-60)" '
        typed "command-$n" >typescript && plain <typescript >got && plain <"wanted-$n" | test_cmp - got
    '
    n=$((n + 1))
done
test_ok 'there were commands, and the server stops' '
    test "$n" -gt 10 && test -s heart/svm-train.tar.zst && cd heart && hpt-init --stop >/dev/null
'
test_done
