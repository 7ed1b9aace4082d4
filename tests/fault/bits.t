#!/bin/sh
# The bits of src/num are the same for any compiler, at any level, and on any CPU: tests/unit/bits.c is built for each
# that is here, and compares itself with what is known.
. "${0%/*}/fault.sh"

# same RUNNER -- COMPILER FLAG...: built like that and run by RUNNER, are all digests the known ones?
same() {
    runner=
    while [ "$1" != -- ]; do
        runner="$runner $1"
        shift
    done
    shift
    "$@" -std=gnu17 -ffp-contract=off -I"$TEST_SRC" -I"$TEST_SRC/src" "$TEST_SRC/tests/unit/bits.c" \
        "$TEST_SRC"/src/num/*.c -lm -o bits && $runner ./bits >got && [ "$(grep -c '^ok' got)" -gt 5 ] && return
    grep -v '^ok' got
    return 1
}
# try TITLE PROGRAM ARGUMENT...: a test of same, unless the program is missing.
try() {
    title=$1 program=$2
    shift 2
    if command -v "$program" >/dev/null; then
        test_ok "$title" "same $*"
    else
        test_skip "$title" "$program is not installed"
    fi
}
has_fma() { grep -qw fma /proc/cpuinfo; }

for compiler in gcc clang; do
    for flags in -O0 -O1 -O2 -O3 '-O3 -march=native'; do
        try "$compiler $flags" $compiler -- $compiler "$flags"
    done
    ! has_fma || try "$compiler -O2 -mfma" $compiler -- $compiler -O2 -mfma
done
for cpu in Nehalem Haswell max; do
    try "gcc -O2 on an emulated CPU: $cpu" qemu-x86_64 qemu-x86_64 -cpu $cpu -- gcc -O2
done
try 'gcc -O2, where the C library may not use AVX and FMA' gcc \
    env GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-FMA,-FMA4 -- gcc -O2
for flags in -O0 -O2 -O3; do
    try "arm64, $flags" qemu-aarch64 qemu-aarch64 -- aarch64-linux-gnu-gcc $flags -static
done
test_done
