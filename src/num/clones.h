/* Functions that are compiled once more for CPUs with AVX2 and with AVX-512, of which the loader chooses. No clone may fuse a
 * multiplication with an addition ("avx2" has none; "avx512f" has, hence -ffp-contract=off), and the order of
 * operations is that of the source in each: the same bits. For num alone.
 */
#ifndef HPT_NUM_CLONES_H
#define HPT_NUM_CLONES_H

#include <features.h>

/* The loader's part is glibc's. clang 14 names its clones so that other files do not find them. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define HPT_CLONES __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3", "no-math-errno")))
/* Functions for CPUs with AVX-512, to be called where HPT_HAS_WIDE; not defined where there are none. */
#define HPT_WIDE __attribute__((target("avx512f"), optimize("O3", "no-math-errno")))
#define HPT_HAS_WIDE __builtin_cpu_supports("avx512f")
#else
#define HPT_CLONES
#endif

#endif
