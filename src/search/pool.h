/* A history as what the evolutionary samplers select from: rows of the cube, all values, running trials too. Kept
 * from proposal to proposal: a cache, whose content follows from the history.
 */
#ifndef HPT_SEARCH_POOL_H
#define HPT_SEARCH_POOL_H

#include "search/cube.h"
#include "search/sampler.h"
#include "search/sorted.h"

typedef enum { HPT_POOL_RUNNING, HPT_POOL_FAILED, HPT_POOL_VALUED } HptPoolState;

/* To read; written by hpt_pool_hear alone. */
typedef struct {
    const HptCube *cube;
    size_t n;            /* trials, by number, ascending */
    size_t n_objectives; /* at least 1 */
    int64_t *number;     /* n */
    HptPoolState *state; /* n; failed: also with a value that is NaN or +infinity */
    double *rows;        /* n rows */
    double *values;      /* n × n_objectives, to be minimised, between -1e300 and 1e300; 0 if there are none */
    double *beyond;      /* n: 0, or how far a trial is beyond its constraints: hpt_violations */
    uint64_t *digest;    /* n: of the observations */
    HptSorted by_row;    /* trials by the hash of their rows */
    size_t room;
} HptPool;

HptPool *hpt_pool_new(const HptCube *cube); /* cube is borrowed */
void hpt_pool_free(HptPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPool, hpt_pool_free)

/* Makes pool that of history (NULL: nothing). Gives the lowest number of a trial that is not as it was before, INT64_MAX
 * if there is none. Cost O(n) words, and encoding of the trials behind the first one that is new. */
int64_t hpt_pool_hear(HptPool *pool, const HptHistory *history);

/* The index of the first trial with that number or a higher one; pool->n: there is none. */
size_t hpt_pool_find(const HptPool *pool, int64_t number);

/* Is there a trial with this row among the first n? */
bool hpt_pool_among(const HptPool *pool, const double *row, size_t n);

/* Does trial a dominate b? One with values dominates one without; one less far beyond its constraints one that is
 * farther; of others one that is better in an objective and worse in none.
 * Source: Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Trans. Evol.
 * Comp. 6(2), def. 1 */
bool hpt_pool_dominates(const HptPool *pool, size_t a, size_t b);

/* ---- fronts ---- */

/* The rank of each of n trials: 0 for those that no other dominates, 1 for those that only these dominate, and so on.
 * Cost as of hpt_front_ranks. */
void hpt_pool_ranks(const HptPool *pool, const size_t *trials, size_t n, size_t *rank);

/* Sorts n trials: by rank, then the least crowded first (hpt_front_crowding), then the first tried. */
void hpt_pool_sort(const HptPool *pool, size_t *trials, size_t n);

#endif
