/* What the samplers that learn from results have in common: the start, and the last resort.
 */
#ifndef HPT_SEARCH_LEARN_H
#define HPT_SEARCH_LEARN_H

#include "search/internal.h"
#include "search/told.h"

typedef struct {
    const HptSearch *search;
    HptCube cube;
    HptTold *told;
    HptPriors *priors; /* NULL: nothing is known from earlier, or it was not asked for yet */
    bool looked_back;
    void *sobol; /* state of that sampler */
} HptLearner;

bool hpt_learner_init(HptLearner *learner, const HptSearch *search, GError **error) HPT_WARN_UNUSED;
void hpt_learner_clear(HptLearner *learner);

/* The history as numbers; borrowed, until the next call. */
const HptTold *hpt_learner_hear(HptLearner *learner, const HptHistory *history);

/* How many trials are the start, where so many parameters are searched. */
size_t hpt_learner_start_size(size_t n);

/* Is the trial one of the first, which are spread over the space whatever their results? The default, where
 * no points are given and no clause forbids it, then Sobol points: parameters + 1 in all, at least 4 and
 * at most 10, points included. Or have fewer than two trials a value? In a small space a Sobol point may have been
 * tried, or run, already: it is replaced as hpt_learner_take does. */
bool hpt_learner_is_start(const HptLearner *learner, const HptTold *told, int64_t rank);
HptConfig *hpt_learner_start(HptLearner *learner, const HptTold *told, int64_t number, int64_t rank, HptDraws *draws,
                             char **reason, GError **error);

/* The configuration of row, or, if it was tried before or row is NULL, of one near it or drawn at random
 * that was not; of row at last. *reason gains that it is not row's. Fails HPT_ERROR_NO_ROOM. */
HptConfig *hpt_learner_take(HptLearner *learner, const HptTold *told, int64_t number,
                            const double *row, HptDraws *draws, char **reason, GError **error);

#endif
