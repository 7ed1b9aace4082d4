#include "num/random.h"

#include <string.h>

/* The paper's constants: two odd multipliers and the Weyl steps of the key (the golden ratio and
 * √3 − 1, as fractions of 2^32). */
#define MULTIPLIER_0 UINT32_C(0xD2511F53)
#define MULTIPLIER_1 UINT32_C(0xCD9E8D57)
#define WEYL_0 UINT32_C(0x9E3779B9)
#define WEYL_1 UINT32_C(0xBB67AE85)
#define ROUNDS 10

void hpt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * x0, p1 = (uint64_t)MULTIPLIER_1 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

/* ---- addresses ---- */

/* A sponge over Philox with a fixed key: 16 bytes at a time are xored into the state, which is then
 * permuted. It only has to tell addresses apart; nothing here resists an adversary. */
typedef struct {
    uint32_t state[4];
    unsigned used; /* bytes xored in since the last permutation */
} Sponge;

static void sponge_permute(Sponge *sponge)
{
    static const uint32_t key[2] = {UINT32_C(0x68707431), UINT32_C(0x73747265)}; /* "hpt1stre" */
    hpt_philox4x32(sponge->state, key, sponge->state);
    sponge->used = 0;
}

static void sponge_byte(Sponge *sponge, uint8_t byte)
{
    sponge->state[sponge->used / 4] ^= (uint32_t)byte << (8 * (sponge->used % 4));
    if (++sponge->used == 16)
        sponge_permute(sponge);
}

/* The terminator too, so that ("ab", "c") and ("a", "bc") differ. */
static void sponge_text(Sponge *sponge, const char *text)
{
    for (; *text != '\0'; text++)
        sponge_byte(sponge, (uint8_t)*text);
    sponge_byte(sponge, 0);
}

HptStream hpt_stream(uint64_t seed, int64_t trial, const char *purpose, const char *name)
{
    Sponge sponge = {.used = 0};
    for (int i = 0; i < 8; i++)
        sponge_byte(&sponge, (uint8_t)((uint64_t)trial >> (8 * i)));
    sponge_text(&sponge, purpose);
    sponge_text(&sponge, name);
    sponge_byte(&sponge, 0x80); /* so that an unfinished block is never all zeros */
    if (sponge.used > 0)
        sponge_permute(&sponge);
    HptStream stream = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}};
    memcpy(stream.counter, sponge.state, sizeof stream.counter);
    return stream;
}

/* ---- draws ---- */

uint64_t hpt_stream_bits(const HptStream *stream, uint64_t index)
{
    const uint32_t counter[4] = {stream->counter[0], stream->counter[1], stream->counter[2],
                                 (uint32_t)(index / 2)};
    uint32_t words[4];
    hpt_philox4x32(counter, stream->key, words);
    size_t half = 2 * (index % 2);
    return (uint64_t)words[half + 1] << 32 | words[half];
}

double hpt_stream_uniform(const HptStream *stream, uint64_t index)
{
    return (double)(hpt_stream_bits(stream, index) >> 11) * 0x1p-53;
}

uint64_t hpt_stream_below(const HptStream *stream, uint64_t index, uint64_t bound)
{
    /* Lemire (2019), "Fast random integer generation in an interval": the high half of bits × bound
     * is uniform once the 2^64 mod bound lowest products are refused. A refused draw is repeated
     * at the same index of another stream, so that draws at other indices never move. */
    HptStream from = *stream;
    for (;;) {
        unsigned __int128 product = (unsigned __int128)hpt_stream_bits(&from, index) * bound;
        uint64_t low = (uint64_t)product;
        if (low >= bound || low >= -bound % bound) /* the remainder, which takes long, is below bound */
            return (uint64_t)(product >> 64);
        from.counter[2] += WEYL_0;
    }
}

int64_t hpt_trial_seed(uint64_t study_seed, int64_t trial)
{
    HptStream stream = hpt_stream(study_seed, trial, "trial-seed", "");
    return (int64_t)(hpt_stream_bits(&stream, 0) & INT32_MAX);
}

int64_t hpt_evaluation_seed(uint64_t study_seed, int64_t trial, int fold, int repeat)
{
    HptStream stream = hpt_stream(study_seed, trial, "evaluation-seed", "");
    uint64_t index = ((uint64_t)(uint32_t)repeat << 16) | ((uint32_t)fold & UINT16_MAX);
    return (int64_t)(hpt_stream_bits(&stream, index) & INT32_MAX);
}

int64_t hpt_split_seed(uint64_t study_seed, int repeat)
{
    HptStream stream = hpt_stream(study_seed, 0, "split-seed", "");
    return (int64_t)(hpt_stream_bits(&stream, (uint32_t)repeat) & INT32_MAX);
}
