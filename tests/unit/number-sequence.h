/* The number sequence that goes with RFC 8785 (its appendix B), generated instead of stored.
 *
 * Fixed values first, then 2000 successive doubles from the smallest normal one up, then SHA-256
 * chained from 32 zero bytes: each block gives four little-endian bit patterns; zeros, infinities
 * and NaNs are skipped. A line is "BITS,TEXT\n", the bits in hexadecimal without leading zeros.
 *
 * Source: github.com/cyberphone/json-canonicalization, testdata/README.md, whose published digests
 * of the first 10^k lines are what the users of this file compare with.
 */
#ifndef HPT_TESTS_NUMBER_SEQUENCE_H
#define HPT_TESTS_NUMBER_SEQUENCE_H

#include "base/digest.h"
#include "base/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Thirds by powers of ten, as a chain of divisions left them; each is used with both signs. */
static const char *const number_sequence_thirds[] = {
    "3.3333333333333335e21",  "3.333333333333333e20",   "3.3333333333333336e19",
    "3.333333333333334e18",   "3.333333333333334e17",   "3.333333333333334e16",
    "3333333333333334",       "333333333333333.4",      "33333333333333.344",
    "3333333333333.334",      "333333333333.33344",     "33333333333.33334",
    "3333333333.333334",      "333333333.3333334",      "33333333.333333336",
    "3333333.3333333335",     "333333.3333333333",      "33333.333333333336",
    "3333.333333333333",      "333.3333333333333",      "33.333333333333336",
    "3.3333333333333335",     "0.3333333333333333",     "0.03333333333333333",
    "0.0033333333333333335",  "0.0003333333333333333",  "3.3333333333333335e-5",
    "3.3333333333333333e-6",  "3.3333333333333335e-7",  "3.3333333333333334e-8",
    "3.3333333333333334e-9",  "3.333333333333333e-10",  "3.3333333333333335e-11",
    "3.333333333333333e-12",  "3.3333333333333334e-13", "3.3333333333333334e-14",
    "3.3333333333333332e-15", "3.333333333333333e-16",  "3.3333333333333335e-17",
    "3.3333333333333333e-18", "3.3333333333333334e-19", "3.333333333333333e-20",
    "3.3333333333333333e-21", "3.333333333333333e-22",  "3.3333333333333333e-23",
    "3.3333333333333334e-24", "3.3333333333333335e-25", "3.333333333333333e-26",
    "3.333333333333333e-27",  "3.3333333333333338e-28",
};

static const char *const number_sequence_rest[] = {
    "10", "5", "0.5", "0.05", "0.005", "0.0005", "5e-5", "5e-6", "5e-7", "5e-8", "5e-9",
    "5.06e-6", "5.006e-6", "5.0006e-6", "5.00006e-6", "5.000006e-6", "5.0000006e-6",
    "5.00000006e-6", "5.000000006e-6", "5.0000000006e-6", "5.00000000006e-6",
    "5.000000000006e-6", "5.0000000000006e-6", "5.00000000000006e-6", "5.000000000000006e-6",
    "5e-6", "1", "-1", "-0.9999999999999993", "-0.9999999999999994", "0.9999999999999993",
    "0.9999999999999994", "0.9999999999999996", "0.9999999999999998", "-0.9999999999999999",
    "-0.9999999999999999", "0.9999999999999999", "0.9999999999999999", "0.29999999999999993",
    "0.3", "0.30000000000000004", "2.2250738585072014e-308", "2.2250738585072e-308",
    "2.225073858507201e-308", "1.7976931348623157e308", "-1.7976931348623157e308",
    "9007199254740992", "-9007199254740992", "2.9514790517935283e20", "9.999999999999997e22",
    "1e23", "1.0000000000000001e23", "9.999999999999997e20", "9.999999999999999e20", "1e21",
    "9.999999999999997e-7", "1e-6", "333333333.3333332", "333333333.33333325",
    "333333333.3333333", "333333333.3333334", "333333333.33333343", "-3.3333333333333333e-6",
    "1424953923781206.2",
};

#define NUMBER_SEQUENCE_SERIAL 2000

typedef struct {
    uint64_t index;
    uint8_t block[HPT_DIGEST_SIZE];
    size_t used; /* bytes of block already given */
} NumberSequence;

static inline NumberSequence number_sequence_begin(void)
{
    return (NumberSequence){.used = HPT_DIGEST_SIZE};
}

static inline double number_sequence_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double number_sequence_of_text(const char *text)
{
    double value = 0;
    if (!hpt_number_parse(text, &value, NULL))
        g_error("'%s' is not a number", text);
    return value;
}

static inline double number_sequence_random(NumberSequence *s)
{
    double value = 0;
    while (value == 0 || !isfinite(value)) {
        if (s->used == sizeof s->block) {
            HptDigest next = hpt_digest(s->block, sizeof s->block);
            memcpy(s->block, next.bytes, sizeof s->block);
            s->used = 0;
        }
        uint64_t bits = 0;
        for (size_t i = 0; i < 8; i++)
            bits |= (uint64_t)s->block[s->used + i] << (8 * i);
        s->used += 8;
        value = number_sequence_of_bits(bits);
    }
    return value;
}

static inline double number_sequence_next(NumberSequence *s)
{
    const size_t thirds = G_N_ELEMENTS(number_sequence_thirds);
    const size_t rest = G_N_ELEMENTS(number_sequence_rest);
    uint64_t i = s->index++;
    if (i < 4) /* 0, -0 and the smallest subnormals */
        return number_sequence_of_bits((i & 1) << 63 | i >> 1);
    i -= 4;
    if (i < 2 * thirds) {
        double value = number_sequence_of_text(number_sequence_thirds[i % thirds]);
        return i < thirds ? -value : value;
    }
    i -= 2 * thirds;
    if (i < rest)
        return number_sequence_of_text(number_sequence_rest[i]);
    i -= rest;
    if (i < NUMBER_SEQUENCE_SERIAL)
        return number_sequence_of_bits(UINT64_C(0x0010000000000000) + i);
    return number_sequence_random(s);
}

/* Writes the next line and returns its length. */
static inline int number_sequence_line(NumberSequence *s, char out[64])
{
    char text[HPT_NUMBER_TEXT_SIZE];
    double value = number_sequence_next(s);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return snprintf(out, 64, "%" PRIx64 ",%s\n", bits, hpt_number_text(value, text));
}

#endif
