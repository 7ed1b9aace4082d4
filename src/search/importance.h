/* How much of a metric's variation each parameter accounts for, by itself and with others.
 *
 * Functional analysis of variance of a random forest: Hutter, Hoos & Leyton-Brown, "An efficient approach for assessing
 * hyperparameter importance" (fANOVA), ICML 2014. A forest is fitted to what was measured; its mean is a function over
 * the whole space, whose variance under uniform configurations is shared out. `share` is what a parameter's mean
 * effect has of it (the first-order index of Sobol), `total` what is left over if all other parameters are held (the
 * total index): with everything that it does together with others. Shares sum to at most 1, totals to at least 1.
 *
 * Deviations: the shares are those of the forest's mean, not the mean of those of its trees, since each tree
 * shows interactions that come from where its splits happen to lie (of Ishigami's function, 2,000 points, the second
 * parameter had 0.35 instead of 0.44 so). The spread is that over eight parts of the forest. The variances are
 * not summed over the leaves but estimated on scrambled Sobol points: the share as in Saltelli et al., "Variance based sensitivity analysis of model output", Comput. Phys. Commun. 181, 2010,
 * table 2 (b), the total as Jansen, Comput. Phys. Commun. 117, 1999. This is what makes conditional parameters
 * simple: a configuration is a function of independent uniform numbers, one a parameter, and that of a parameter that is
 * inactive changes nothing. So it counts where it is active, with the share of the space that is. Forbidden
 * clauses are not looked at. Estimates are off by about 0.01, and those below 0 are given as 0.
 */
#ifndef HPT_SEARCH_IMPORTANCE_H
#define HPT_SEARCH_IMPORTANCE_H

#include "search/cube.h"

typedef struct {
    double share, total;               /* 0 to 1 */
    double share_spread, total_spread; /* standard deviations over eight forests of an eighth of the trees */
} HptImportance;

typedef struct {
    double explained; /* of the variance of y, by trees on rows they were not given; 0 or less: nothing is known */
    size_t n_trees;   /* 0: y does not vary, or the forest does not */
} HptImportanceFit;

/* Inputs   rows  n × cube->n, n ≥ 1
 *          y     n, finite
 * Outputs  out   cube->n; all 0 if y does not vary
 * Cost     O(trees · n · log n · parameters), and some 200,000 predictions of each tree, more beyond 500 parameters
 * The same for the same rows in the same order. */
void hpt_importance(const HptCube *cube, const double *rows, const double *y, size_t n, HptImportance *out,
                    HptImportanceFit *fit);

#endif
