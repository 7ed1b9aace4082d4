/* Sobol's sequence with the direction numbers of sobol-table.h (found by our own search, which
 * tests/bench/sobol-search.c documents and repeats), in the order of the index itself, not of its
 * Gray code: every run of 2^k points that begins at a multiple of 2^k is a net.
 *   Sobol, "On the distribution of points in a cube and the approximate evaluation of integrals",
 *   USSR Comput. Math. Math. Phys. 7, 1967; the recurrence as in Bratley & Fox, "Algorithm 659",
 *   ACM TOMS 14, 1988, eq. 2.
 *
 * Scrambling: nested uniform, exactly. Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences",
 * 1995: each binary digit is flipped or not by a fair coin that belongs to the digits before it.
 * The coin is a hash of the key and of those digits, as in Burley, "Practical hash-based Owen
 * scrambling", JCGT 9(4), 2020; his single-word permutation is not used, since one hash a digit
 * costs 53 short mixes and makes every coin independent of every other.
 */
#include "num/sobol.h"

#include "num/sobol-table.h"

#define BITS 64
#define DIGITS 53 /* of the result */
#define TABLE_SIZE (sizeof sobol_table / sizeof sobol_table[0])

size_t hpt_sobol_dimensions(void)
{
    return TABLE_SIZE + 1;
}

/* The index-th point as a binary fraction of 64 digits. v[k] is the paper's direction number. */
static uint64_t plain(uint64_t index, size_t dimension)
{
    if (dimension == 0) { /* van der Corput: the index, mirrored */
        uint64_t x = 0;
        for (int i = 0; i < BITS; i++)
            x |= (index >> i & 1) << (BITS - 1 - i);
        return x;
    }
    const uint16_t *m = sobol_table[dimension - 1].m;
    unsigned polynomial = sobol_table[dimension - 1].polynomial;
    int s = 31 - __builtin_clz(polynomial);
    uint64_t v[BITS], x = 0;
    for (int k = 0; k < BITS && index >> k != 0; k++) {
        if (k < s) {
            v[k] = (uint64_t)m[k] << (BITS - 1 - k);
        } else {
            v[k] = v[k - s] ^ v[k - s] >> s;
            for (int i = 1; i < s; i++)
                if ((polynomial >> (s - i) & 1) != 0)
                    v[k] ^= v[k - i];
        }
        if ((index >> k & 1) != 0)
            x ^= v[k];
    }
    return x;
}

/* Stafford's variant 13 of MurmurHash3's finaliser, as in SplitMix64 (Steele, Lea & Flood 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double hpt_sobol(uint64_t index, size_t dimension, uint64_t key)
{
    uint64_t x = plain(index, dimension), result = 0;
    for (int i = 0; i < DIGITS; i++) {
        /* The digits before this one, with a leading 1 so that each node of the tree has a name. */
        uint64_t node = i == 0 ? 1 : UINT64_C(1) << i | x >> (BITS - i);
        uint64_t coin = mix(mix(node * UINT64_C(0x9e3779b97f4a7c15)) ^ key) >> 63;
        result = result << 1 | ((x >> (BITS - 1 - i) & 1) ^ coin);
    }
    return (double)result * 0x1p-53;
}
