/* 64-bit hashes of numbers, for finding what is equal; quick, and no evidence of anything.
 */
#ifndef HPT_NUM_HASH_H
#define HPT_NUM_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HPT_HASH_START UINT64_C(0x9e3779b97f4a7c15)

/* hash with one more word. The finaliser of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014, fig. 17 */
uint64_t hpt_hash_word(uint64_t hash, uint64_t word);

/* hash with n more doubles: equal numbers have equal hashes (0 and -0 too), and so has every NaN. */
uint64_t hpt_hash_doubles(uint64_t hash, const double *values, size_t n);

#endif
