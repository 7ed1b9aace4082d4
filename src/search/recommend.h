/* The trial to prefer, of a history whose values may be noisy. */
#ifndef HPT_SEARCH_RECOMMEND_H
#define HPT_SEARCH_RECOMMEND_H

#include "search/sampler.h"

/* The number of that trial, of those that keep every constraint, of which there is one with a finite value; of one
 * objective. Where no noise is found it is that with the lowest value, of equal ones the first. A function of the
 * space and the history alone, whatever made the trials.
 *
 * Lowest values under noise are mostly lucky. So two Gaussian processes are fitted to at most 256 results, as in
 * surrogate.c: a rough one whose values above the median are ranks, a smooth one of plain values. Both leave values below
 * the median as they are but for shift and scale, so that what they say there can be put into one unit, the distance
 * from the lowest value to the median. There is noise if both think that its standard deviation is more than
 * 0.15 of that; then the trial is preferred of which the mean plus the standard deviation of the value without noise, on
 * average over the two, is lowest: a mean that is low because little is known there is no reason to
 * prefer it. (The noise's share of the prior's variance says little: smooth values that span orders of magnitude make
 * that variance large.)
 *
 * Cost some 100 steps of fitting: O(n³) each, n ≤ 256. */
int64_t hpt_recommend(const HptSpace *space, const HptHistory *history);

#endif
