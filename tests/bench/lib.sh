# Shared by the benchmarks: a project of their own, the timer, figures read from its output.
. "$TEST_SRC/tests/server.sh"

bench_dir=$(mktemp -d "${TMPDIR:-/tmp}/hpt-bench.XXXXXX") || exit 125
bench_end() {
    [ -d "$bench_dir/.hpt" ] && hpt-init -C "$bench_dir" --stop >/dev/null 2>&1
    rm -rf "$bench_dir"
}
trap bench_end EXIT
trap 'exit 130' INT TERM
chmod 755 "$bench_dir"
cd "$bench_dir" || exit 125
"${CC:-cc}" -O2 -D_GNU_SOURCE -o measure "$TEST_SRC/tests/bench/measure.c" || exit 125
measure() {
    "$bench_dir/measure" "$@"
}
# figure NAME <OUTPUT-OF-MEASURE
figure() {
    awk -F'\t' -v name="$1" '$1 == name {print $2}'
}
# ratio A B: A / B with two decimals.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN {if (b > 0) printf "%.2f\n", a / b; else print "-"}'
}
say() {
    printf '%-58s %s\n' "$1" "$2"
}
