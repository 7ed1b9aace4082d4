#include "num/hash.h"

#include <math.h>
#include <string.h>

#define ANY_NAN UINT64_C(0x7ff8000000000000)

uint64_t hpt_hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) + HPT_HASH_START;
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

uint64_t hpt_hash_doubles(uint64_t hash, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double value = values[i] + 0.0; /* of -0 it makes 0 */
        uint64_t bits = ANY_NAN;
        if (!isnan(value))
            memcpy(&bits, &value, sizeof bits);
        hash = hpt_hash_word(hash, bits);
    }
    return hash;
}
