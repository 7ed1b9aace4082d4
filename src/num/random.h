/* Counter-based random numbers: Philox4x32-10, addressed and never "the next draw".
 *
 * Every number is a pure function of (study seed, trial number, purpose, parameter name, index).
 * Adding, removing or reordering parameters therefore leaves the draws of the others as they were,
 * and a resumed study draws what it would have drawn.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11, §3.3
 */
#ifndef HPT_NUM_RANDOM_H
#define HPT_NUM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Ten rounds of Philox4x32: counter (4 words) and key (2 words) to 4 random words. */
void hpt_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* An address in the stream: filled once per (seed, trial, purpose, name), then indexed. */
typedef struct {
    uint32_t key[2];     /* from the study seed */
    uint32_t counter[3]; /* from trial, purpose and name; the fourth word is the block index */
} HptStream;

/* purpose and name are any strings (name may be ""); they are mixed with trial by a fixed hash. */
HptStream hpt_stream(uint64_t seed, int64_t trial, const char *purpose, const char *name);

/* The index-th 64 random bits; the index-th uniform in [0, 1) with 53 bits; and a whole number in
 * [0, bound) without bias, bound > 0. index < 2^32. */
uint64_t hpt_stream_bits(const HptStream *stream, uint64_t index);
double hpt_stream_uniform(const HptStream *stream, uint64_t index);
uint64_t hpt_stream_below(const HptStream *stream, uint64_t index, uint64_t bound);

/* The seed given to a trial's command: 0 ≤ seed < 2^31, so that every learner takes it. */
int64_t hpt_trial_seed(uint64_t study_seed, int64_t trial);

/* The seed of one evaluation of a trial, the same at every budget; and the seed by which the data of a
 * repeat are split into folds, the same for every trial. Both as above; fold and repeat < 65536. */
int64_t hpt_evaluation_seed(uint64_t study_seed, int64_t trial, int fold, int repeat);
int64_t hpt_split_seed(uint64_t study_seed, int repeat);

#endif
