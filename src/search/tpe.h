/* The tree-structured Parzen estimator, as a part of samplers. */
#ifndef HPT_SEARCH_TPE_H
#define HPT_SEARCH_TPE_H

#include "search/told.h"

typedef struct {
    double good;       /* share of the trials that count as good, 0 to 1 */
    int most;          /* of them at most so many */
    int candidates;    /* drawn, of which one is proposed */
} HptTpeSettings;

extern const HptTpeSettings hpt_tpe_defaults;

/* The candidate with the largest ratio of the densities of good and other trials that was not tried
 * before, into row; false: every one was tried or is forbidden. told has two values or more. *n_good:
 * how many trials were good.
 * Cost O(candidates · min(n, 1000) · parameters). */
bool hpt_tpe_choose(const HptCube *cube, const HptTold *told, const HptTpeSettings *settings,
                    HptDraws *draws, double *row, size_t *n_good);

/* What was done, in a line; owned. */
char *hpt_tpe_reason(const HptTpeSettings *settings, size_t n_good, size_t n);

#endif
