/* Which trials keep every constraint, and how far the others are from that. */
#ifndef HPT_SEARCH_FEASIBLE_H
#define HPT_SEARCH_FEASIBLE_H

#include "search/sampler.h"

/* Of each of n trials 0 if it keeps every constraint, else what it is beyond them, above 0: of each constraint its
 * share of the most that any trial is beyond it, summed; one that was not measured counts 1. Of failed trials
 * infinity. constraints has n rows of n_constraints: how far beyond each, 0 or less keeps it, NaN: not measured. Into
 * out, n long.
 * The sum is that of Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Trans. Evol.
 * Comp. 6(2), VI; the shares make it of no unit. */
void hpt_feasible_beyond(const double *constraints, const bool *failed, size_t n, size_t n_constraints, double *out);

/* The same of all trials of a history, whose running ones count as failed. */
void hpt_violations(const HptHistory *history, double *out);

#endif
