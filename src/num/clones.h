/* Functions that are compiled once more for CPUs with AVX2, of which the loader chooses. No clone may fuse a
 * multiplication with an addition ("avx2" has none, and the build has -ffp-contract=off), and the order of
 * operations is that of the source in each: the same bits. For num alone.
 */
#ifndef HPT_NUM_CLONES_H
#define HPT_NUM_CLONES_H

#include <features.h>

/* The loader's part is glibc's. clang 14 names its clones so that other files do not find them. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define HPT_CLONES __attribute__((target_clones("avx2", "default"), optimize("O3", "no-math-errno")))
#else
#define HPT_CLONES
#endif

#endif
