#!/bin/sh
# Proposals are the same on any build: studies by four workers that are killed and resumed, one of them ordered and begun
# with an earlier study, are made again from their bundle by hpt-replay --suggest as each compiler here builds it.
. "${0%/*}/fault.sh"
test_need psql awk

cat >learner <<'EOT'
#!/bin/sh
case $1 in 0.9*) exit 1 ;; esac
awk -v x="$1" -v y="$2" -v k="$3" 'BEGIN { printf "loss=%.12f\n", (x-0.3)^2 + (y-0.7)^2 + (k == "b") * 0.1 }'
EOT
chmod +x learner
learner=$PWD/learner
total=$(scaled 1000) some=$(scaled 300)

# worker STUDY TOTAL OPTION...: one hpt-run in the background; its number goes to the file pids.
worker() {
    study=$1 n=$2
    shift 2
    hpt-run -q --progress=none --print=none -s "$study" -t "$n" "$@" -m loss --max-failures=0 --seed=1 --retry=failed \
        x=0.0..1.0 y=0.0..1.0 k=a,b,c -- "$learner" '{x}' '{y}' '{k}' >>out 2>>err &
    echo $! >>pids
}
alive() {
    while read -r pid; do kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" && echo "$pid"; done <pids
}
reaches() { [ "$(ask "select count(*) from hpt.trial where study = '$1' and state in ('complete', 'failed')")" -ge "$2" ] || [ -z "$(alive)" ]; }
# search STUDY TOTAL OPTION...: four workers, of which one is killed and replaced ten times.
search() {
    name=$1 size=$2
    : >pids && for one in 1 2 3 4; do worker "$@"; done && killed=0 &&
        while [ $killed -lt 10 ] && test_wait 300 reaches "$name" $((size * (killed + 1) / 12)); do
            victim=$(alive | awk -v s=$killed 'BEGIN { srand(s) } rand() * NR < 1 { v = $1 } END { print v }')
            [ -n "$victim" ] || break
            kill -9 "$victim" 2>/dev/null
            killed=$((killed + 1)) kills=$((kills + 1))
            worker "$@"
        done
    while read -r pid; do wait "$pid" || :; done <pids
    worker "$@" && wait $! && test_is "$(ask "select count(*) from hpt.trial where study = '$name' and state in ('complete', 'failed')")" "$size"
}
kills=0
test_ok 'a server of our own' 'own_server'
test_ok "four workers, killed and resumed: $total trials of tpe, $some of auto" '
    cd project && search parzen "$total" --sampler=tpe && search process "$some" --sampler=auto
'
test_ok "an ordered study after an earlier one, in the same way: $some trials" '
    cd project && search after "$some" --sampler=auto --ordered --window=7 --prior=parzen
'
test_ok 'they are made again from the record' '
    cd project && for study in parzen process after; do
        test_exit 0 hpt-replay -q -H --suggest $study >made && cut -f 2 made | sort | uniq -c || return 1
    done && hpt-export -q -a -f tar -o "$FAULT_ROOT/all.tar"
'

variable() { sed -n "s/^$1 = //p" "$TEST_BUILD/Makefile"; }
flags="-std=gnu17 -fno-common -ffp-contract=off -D_GNU_SOURCE -DHPT_BINDIR=\"/\" -DHPT_LIBEXECDIR=\"/\" -DHPT_DATADIR=\"/\""
flags="$flags -I$TEST_SRC/src -I$TEST_SRC -I$TEST_BUILD/src -I$TEST_BUILD $(variable GLIB_CFLAGS) $(variable LIBPQ_CFLAGS)"
flags="$flags $(variable JANSSON_CFLAGS) $(variable CRYPTO_CFLAGS) $(variable ARCHIVE_CFLAGS) $(variable ZSTD_CFLAGS)"
libraries="$(variable ARCHIVE_LIBS) $(variable ZSTD_LIBS) $(variable LIBPQ_LIBS) $(variable CRYPTO_LIBS) $(variable JANSSON_LIBS) $(variable GLIB_LIBS) -lm"
# build COMPILER FLAG...: hpt-replay, from nothing.
build() {
    # shellcheck disable=SC2046,SC2086 # lists of words
    "$@" $flags $(find "$TEST_SRC/src" -name '*.c') $(cd "$TEST_BUILD" && find "$PWD/src/db" -name '*.c' ! -path "$TEST_SRC/src/*") \
        "$TEST_SRC/tools/hpt-replay.c" "$TEST_SRC/tools/replay_show.c" "$TEST_SRC/tools/tool.c" -o built $libraries
}
# again STUDY N: all of its proposals are equal, by that build.
again() {
    test_exit 0 ./built -q -H --suggest "all.tar#$1/" >made || { grep -v "	equal	" made | head -n 3; return 1; }
    test_is "$(grep -c "	equal	" made)" "$2"
}
for compiler in gcc clang; do
    for level in -O0 -O3 '-O3 -march=native'; do
        if command -v $compiler >/dev/null; then
            test_ok "$compiler $level: $total of $total, $some of $some and $some of $some again, from the bundle" '
                build $compiler $level && again parzen "$total" && again process "$some" && again after "$some"
            '
        else
            test_skip "$compiler $level" "$compiler is not installed"
        fi
    done
done
say "trials: $total + $some + $some; kills of workers: $kills"
server_down
test_done
