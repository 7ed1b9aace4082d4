/* The trial to prefer, of a history whose values may be noisy. */
#ifndef HPT_SEARCH_RECOMMEND_H
#define HPT_SEARCH_RECOMMEND_H

#include "search/sampler.h"

/* A trial's value without noise, as the processes see it. It lies within mean ± HPT_RECOMMEND_95 · deviation in 95 % of
 * the studies that were measured (docs/design/search.md): more than 1.96, for their hyperparameters are not known. */
typedef struct {
    double mean, deviation;
} HptExpected;

#define HPT_RECOMMEND_95 2.7

typedef struct {
    int64_t number;        /* of the trial to prefer */
    int64_t lowest;        /* of the trial with the lowest value, of equal ones the first */
    double noise;          /* its standard deviation; 0: no noise is found, then number is lowest, and below are zeros */
    HptExpected of_number; /* of the two, in the unit of the values */
    HptExpected of_lowest;
} HptRecommendation;

/* The trial to prefer, of one objective. among (may be NULL: all): ascending numbers of the trials that may be
 * preferred; what the others say of noise counts as well. False: none of them has a finite value and keeps every
 * constraint. A function of the space and the history alone, whatever made the trials.
 *
 * Lowest values under noise are mostly lucky. So two Gaussian processes are fitted to at most 256 results, evenly chosen
 * by their order, as in surrogate.c: a rough one whose values above the median are ranks, a smooth one of plain values.
 * Both leave values below the median as they are but for shift and scale, so that what they say there can be put into one
 * unit, the distance from the lowest value to the median. There is noise if both think that its standard deviation is
 * more than 0.15 of that, or of the way to the 128th value where that is less. (The noise's share of the prior's variance
 * says little: smooth values that span orders of magnitude make that variance large.) Then the trial is preferred of which
 * the mean plus the standard deviation of the value without noise, on average over the two, is lowest: a mean that is low
 * because little is known there is no reason to prefer it. Of more than 256 trials that may be preferred those with the
 * lowest values are looked at. Each process is the mixture of two modes of its hyperparameters' posterior, one with
 * little noise and one with much, whose prior of noise is log-normal alone.
 *
 * There is none if the nearest trials deny it: the values of two differ by at least as much as their noise, whatever the
 * function does between them, so the sum of squares of 10 pairs is below the 0.01 quantile of χ² in one of a hundred
 * studies; of a rugged function without noise, which is what else the processes cannot follow, nearly always when
 * somebody has looked closely around some place. (The variogram's nugget, Cressie 1993, "Statistics for spatial data",
 * 2.4, as a test.)
 *
 * What is expected of a trial has the mean and the variance of the equal mixture of the two processes.
 *
 * Cost some 100 steps of fitting: O(n³) each, n ≤ 256. */
bool hpt_recommend(const HptSpace *space, const HptHistory *history, const int64_t *among, size_t n_among,
                   HptRecommendation *out);

#endif
