/* The choice by a Gaussian process, as a part of samplers. */
#ifndef HPT_SEARCH_SURROGATE_H
#define HPT_SEARCH_SURROGATE_H

#include "search/told.h"

/* Keeps fitted hyperparameters from proposal to proposal: a cache, whose content follows from the history. */
typedef struct HptSurrogate HptSurrogate;

HptSurrogate *hpt_surrogate_new(const HptCube *cube, uint64_t seed); /* cube is borrowed */
void hpt_surrogate_free(HptSurrogate *surrogate);

typedef struct {
    bool noisy;        /* the noise was found too large to hide it by ranks */
    double noise;      /* its share of the variance */
    size_t n_points;   /* that the process was given */
} HptSurrogateNote;

/* The configuration with the largest expected improvement that was not tried before, into row; false: none
 * was found. told has two values or more; steady: its values are the same at every proposal (one
 * objective).
 * Cost O(n²) for each of some 2,000 candidates, n ≤ 400, and now and then some O(n³). */
bool hpt_surrogate_choose(HptSurrogate *surrogate, const HptTold *told, bool steady, HptDraws *draws,
                          double *row, HptSurrogateNote *note);

/* The finished trial to prefer: if there is noise that with the lowest mean, else that with the lowest value.
 * An index into told. */
size_t hpt_surrogate_best(HptSurrogate *surrogate, const HptTold *told);

/* What was done, in a line; owned. */
char *hpt_surrogate_reason(const HptSurrogateNote *note, size_t n_running);

#endif
