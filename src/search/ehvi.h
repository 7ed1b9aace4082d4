/* The expected improvement of the dominated hypervolume.
 *
 * Of independent normals the expectation over a box is a product of differences of expected improvements, so the sum
 * over boxes that fill what is not dominated is exact for any number of objectives. Source: Couckuyt, Deschrijver,
 * Dhaene 2014, "Fast calculation of multiobjective probability of improvement and expected improvement criteria for
 * Pareto optimization", J. Global Opt. 60, §3; by logarithms throughout, as Ament et al. 2023, arXiv:2310.20708, do it.
 */
#ifndef HPT_SEARCH_EHVI_H
#define HPT_SEARCH_EHVI_H

#include "search/front.h"

/* Doubles of scratch. */
size_t hpt_ehvi_scratch(const HptBoxes *boxes);

/* The logarithm of the expected improvement at a point whose objectives have these means and deviations (boxes->m
 * each, deviations above 0); if mean_slope is not NULL, its derivatives in them. boxes has one or more.
 * Cost O(boxes · m) and one normal a bound. */
double hpt_log_ehvi(const HptBoxes *boxes, const double *mean, const double *deviation, double *scratch,
                    double *mean_slope, double *deviation_slope);

#endif
