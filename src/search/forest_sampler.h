/* The choice by a random forest, as a part of samplers. */
#ifndef HPT_SEARCH_FOREST_SAMPLER_H
#define HPT_SEARCH_FOREST_SAMPLER_H

#include "search/told.h"

typedef struct {
    int trees, candidates; /* of the forest; random ones, from the best of which it searches */
} HptForestChoice;

extern const HptForestChoice hpt_forest_defaults;

/* The configuration with the largest expected improvement by a forest that was not tried before, into row; false: none
 * was found. told is history's, with a value or more and a parameter or more. What was done, in a line, into reason;
 * owned. Cost O(n log n) a tree, and O(log n) for each of some thousands of rows in each tree, n <= 2,000. */
bool hpt_forest_choose(const HptTold *told, const HptHistory *history, const HptForestChoice *choice, HptDraws *draws,
                       double *row, char **reason);

#endif
