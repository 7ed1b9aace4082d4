/* A distribution over a space that moves with ranked trials: a normal one of its numbers, a categorical one of its
 * categories. CMA-ES with margin and CatCMA.
 *
 * Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772v2, 2023 (its figure 6 with negative weights);
 * numbers with levels: Hamano, Saito, Nomura, Shirakawa, "CMA-ES with margin", GECCO 2022, 4.2 and 4.3; categories:
 * Hamano, Saito, Nomura, Uchida, Shirakawa, "CatCMA", GECCO 2024, with the step of Akimoto et al., "Adaptive
 * stochastic natural gradient method for one-shot neural architecture search", ICML 2019; trials that were not drawn
 * from the distribution: Hansen, "Injecting external solutions into CMA-ES", arXiv:1110.4181, 2011, eq. 4; many
 * numbers: Ros & Hansen, "A simple modification in CMA-ES achieving linear time and space complexity", PPSN 2008.
 *
 * Symbols: m = mean, σ = sigma, A = scale (diagonal), C = B D² Bᵀ, p_σ, p_c = paths, q = shares, λ = population.
 *
 * Deviations:
 * - Weights are of the trials of a generation that have ended, however many; those that failed have no positive one.
 * - Draws beyond the ends of a range are moved to the end, in the update as well.
 * - No axis of a parameter is longer than half its range.
 * - Beyond 100 numbers C is diagonal. Numbers with more than 100,000 levels have no margin.
 * - Categories have no weights below 0, numbers have (CatCMA: neither).
 */
#ifndef HPT_SEARCH_CMA_H
#define HPT_SEARCH_CMA_H

#include "search/cube.h"

typedef struct HptCma HptCma;

/* A point has a double for each parameter of the cube: of numbers the place before it is rounded, of categories the
 * index; nothing is inactive in it. */

HptCma *hpt_cma_new(const HptCube *cube); /* cube is borrowed */
void hpt_cma_free(HptCma *cma);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptCma, hpt_cma_free)
HptCma *hpt_cma_copy(const HptCma *cma);

/* 4 + ⌊3 ln n⌋ of n parameters. */
size_t hpt_cma_population(const HptCube *cube);

/* Begins anew: around mean (a point; of categories nothing is read) with that sigma, all categories alike. */
void hpt_cma_begin(HptCma *cma, const double *mean, double sigma, size_t population);

/* Begins anew: around n ≥ 1 rows, with their covariance and that much more, sigma², in each direction; of categories
 * their shares, and one of each. Source: Nomura, Watanabe, Akimoto, Ozaki, Onishi, "Warm starting CMA-ES for
 * hyperparameter optimization", AAAI 2021, eq. 8 and 9 */
void hpt_cma_begin_at(HptCma *cma, const double *const *rows, size_t n, double sigma, size_t population);

/* Draws a point. */
void hpt_cma_draw(const HptCma *cma, HptDraws *draws, double *point);

/* The row of a point, rounded. False: a clause forbids it. */
bool hpt_cma_round(const HptCma *cma, const double *point, double *row);

/* Moves point no farther than it must to have row (whose inactive parameters stay as point has them). */
void hpt_cma_fit(const HptCma *cma, const double *row, double *point);

/* A generation: n ≥ 2 points, best first, of which n_valued ≥ 1 did not fail; drawn: which come from hpt_cma_draw.
 * Cost O(n · numbers²), and O(numbers³) now and then. */
void hpt_cma_update(HptCma *cma, const double *const *points, const bool *drawn, size_t n, size_t n_valued);

/* Is every number narrower than 10^-5 of its range or within one level, but for the margin, and every category sure? */
bool hpt_cma_is_narrow(const HptCma *cma);

double hpt_cma_sigma(const HptCma *cma);

#endif
