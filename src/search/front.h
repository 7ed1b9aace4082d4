/* Several objectives, all to be minimised: who dominates whom, and the volume that is dominated.
 *
 * Points are rows of m numbers, none of them NaN. One dominates another if it is nowhere larger and somewhere smaller.
 */
#ifndef HPT_SEARCH_FRONT_H
#define HPT_SEARCH_FRONT_H

#include <stdbool.h>
#include <stddef.h>

/* The rank of each of n points: 0 if no other dominates it, else one more than the largest rank of those that
 * do. Equal points have equal ranks. For m > 2 a point is compared with 1,000 of a rank at most, so that time is
 * bounded: where more have one rank, some may be among them that are dominated.
 * Cost O(n log n) for m = 2, else up to 1,000 times that.
 * Source: Zhang, Tian, Cheng, Jin 2015, "An efficient approach to nondominated sorting for evolutionary
 * multiobjective optimization", IEEE Trans. Evol. Comp. 19(2), ENS-BS */
void hpt_front_ranks(const double *points, size_t n, size_t m, size_t *rank);

/* How far each point is from the others of its rank: the sum over the objectives of the distance of its neighbours, by
 * the range of the rank; infinite at the ends. Cost O(m n log n).
 * Source: Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", III.B */
void hpt_front_crowding(const double *points, size_t n, size_t m, const size_t *rank, double *apart);

/* The volume that the points dominate below reference; what lies beyond it counts only with its part below.
 * Cost O(n^(m − 1) log n). Slicing, as in While et al. 2006, "A faster algorithm for calculating hypervolume", II.C */
double hpt_hypervolume(const double *points, size_t n, size_t m, const double *reference);

/* Boxes without overlap that fill what is below reference and is dominated by no point. Of each coordinate the
 * bounds ascend: the first is −infinity, the last the reference. */
typedef struct {
    size_t n, m;
    size_t *low, *high; /* n rows of m: places of its bounds */
    size_t *n_bounds;   /* m */
    double **bounds;    /* m, n_bounds[k] each */
} HptBoxes;

/* Cost and number O(n^(m − 1)) at most. */
HptBoxes *hpt_boxes_new(const double *points, size_t n, size_t m, const double *reference);
void hpt_boxes_free(HptBoxes *boxes);

#endif
