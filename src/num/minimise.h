/* A minimum of a smooth function between bounds: projected L-BFGS.
 */
#ifndef HPT_NUM_MINIMISE_H
#define HPT_NUM_MINIMISE_H

#include <stddef.h>

/* The value at x, n long; its gradient into gradient. A value that is not finite is no progress. */
typedef double (*HptSmooth)(const double *x, double *gradient, void *user);

#define HPT_MINIMISE_SCRATCH(n) (18 * (n) + 16)

/* Moves x, which lies between low and high, downhill, by at most max_steps steps; ends when no component moves
 * by more than 1e-6 of its range, or the value gains less than 1e-9 of itself or less than least_gain. Gives the value at x.
 * Scratch   HPT_MINIMISE_SCRATCH(n) doubles
 * Source    Nocedal & Wright 2006, alg. 7.4 with 5 pairs, on the variables that are not held by a bound;
 *           backtracking along the projected path with Armijo's condition (Bertsekas 1982) */
double hpt_minimise(HptSmooth function, void *user, double *x, const double *low, const double *high, size_t n,
                    int max_steps, double least_gain, double *scratch);

#endif
