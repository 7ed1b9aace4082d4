/* A history as numbers: rows of the cube, one value each.
 */
#ifndef HPT_SEARCH_TOLD_H
#define HPT_SEARCH_TOLD_H

#include "search/cube.h"
#include "search/sampler.h"

typedef struct {
    size_t n;        /* finished trials */
    size_t n_valued; /* of them those with values */
    double *rows;    /* n + n_running rows: the running ones last */
    double *y;       /* n: to be minimised, finite; of trials without values: see below */
    bool *failed;    /* n: without values, or with one that is NaN or +infinity */
    size_t n_running;
} HptTold;

/* Several objectives become one by an augmented Tchebycheff sum with weights drawn from draws: of each
 * objective half its rank and half its place between its extremes, 0 to 1. A failed trial has the
 * worst value there is. -infinity is the lowest finite value. Values beyond 1e100 are scaled down.
 * Source of the sum: Knowles 2006, "ParEGO", eq. 2 (there without ranks). */
HptTold *hpt_told_new(const HptCube *cube, const HptHistory *history, HptDraws *draws);
void hpt_told_free(HptTold *told);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTold, hpt_told_free)

typedef struct {
    double value;
    bool failed;
    size_t index;
} HptRanked;

/* The values in their order, failed ones (NULL: none) last, of equal ones the first first; none is NaN. Owned. */
HptRanked *hpt_rank(const double *values, const bool *failed, size_t n);

/* Indices of the finished trials, best first; of equal ones the first tried; failed ones last. Owned. */
size_t *hpt_told_order(const HptTold *told);

#endif
