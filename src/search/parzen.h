/* The densities of the Parzen estimator: a mixture of products, one kernel a row and the uniform distribution, all
 * of one weight.
 *
 * A kernel of a number is a normal cut off at 0 and 1, of all numbers one width: 0.1 (n + 1)^(-1 / (dimension + 4))
 * (Scott's rule; 0.02 to 0.3); of a value with levels its mass on the level; of a category most at its own value and
 * a share, min(½, (n + 1)^-½), over all. It says nothing (density 1) about a parameter that its row does not have.
 *
 * What is approximate: tails of the normal are interpolated (relative error below 2·10^-4), levels more than 8 widths
 * away have the normal's density, and kernels below e^-40 of the largest count as 0.
 */
#ifndef HPT_SEARCH_PARZEN_H
#define HPT_SEARCH_PARZEN_H

#include "search/cube.h"

typedef struct HptParzen HptParzen;

/* rows: n, of which those are borrowed that are drawn from; dimension: how many parameters matter, ≥ 1.
 * Cost O(n parameters) and a few hundred tails of the normal. */
HptParzen *hpt_parzen_new(const HptCube *cube, const double *const *rows, size_t n, double dimension);
void hpt_parzen_free(HptParzen *parzen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptParzen, hpt_parzen_free)

/* The logarithm of the density at a row; that of the uniform distribution is 0. O(n parameters); parzen keeps
 * scratch, and what it found for rows that have the same parameters. */
double hpt_parzen_log_density(HptParzen *parzen, const double *row);

/* A row drawn from it, rounded. False: it is forbidden. */
bool hpt_parzen_draw(const HptParzen *parzen, HptDraws *draws, double *row);

double hpt_parzen_get_width(const HptParzen *parzen);

#endif
