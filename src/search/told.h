/* A history as numbers: rows of the cube, one value each. Kept from proposal to proposal: a cache, whose content
 * follows from the history. What is known of a trial already is not looked at again, and what is sorted stays
 * sorted.
 */
#ifndef HPT_SEARCH_TOLD_H
#define HPT_SEARCH_TOLD_H

#include "search/cube.h"
#include "search/sampler.h"

typedef struct HptToldCache HptToldCache;
typedef struct HptPriors HptPriors; /* see prior.h */

/* To read; written by hpt_told_hear alone. */
typedef struct {
    const HptCube *cube;
    size_t n;        /* finished trials, by number */
    size_t n_valued; /* of them those with values */
    size_t n_feasible; /* of those with values the ones that keep every constraint */
    size_t n_front;    /* of several objectives: of those the ones that no other dominates */
    size_t n_running;
    double *rows;    /* n + n_running rows: the running ones last */
    double *y;       /* n: to be minimised, finite; of trials without values, of several objectives: see below */
    double scale;    /* of one objective: what values were multiplied by to be y */
    bool *failed;    /* n: without values, or with one that is NaN or +infinity */
    int64_t *number; /* n: of each trial */
    size_t *order;   /* n: indices, best first; of equal ones the first tried; failed ones last */
    double *beyond;  /* n: by how much constraints are broken, 0: none, see hpt_feasible_beyond */
    size_t n_objectives, n_constraints;
    HptPriors *priors; /* what earlier studies say, borrowed; NULL: nothing. Set by hpt_learner_hear */
    HptToldCache *cache;
} HptTold;

HptTold *hpt_told_new(const HptCube *cube); /* cube is borrowed */
void hpt_told_free(HptTold *told);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTold, hpt_told_free)

/* Makes told that of history (NULL: nothing), whatever it was before.
 *
 * A failed trial has the worst value there is. -infinity is the lowest finite value, and before it in order. Where
 * one is beyond 2^1000 all are divided by 2^24, so that their differences are finite. Trials that keep every constraint come before those that do not, which come in
 * the order of how far they are beyond them. Of several objectives those that do are in the order of their ranks
 * by domination, and of one rank those come first that are apart from the others (the crowding distance of Deb et al.
 * 2002, "NSGA-II"); y is the place in the order.
 *
 * Cost of one objective O(n) words, and encoding of the trials behind the first one that is new; with constraints
 * O(n log n), of several objectives that of hpt_front_ranks. */
void hpt_told_hear(HptTold *told, const HptHistory *history);

/* Of the running trials the newest, most at most: their number, and their rows, borrowed. */
size_t hpt_told_running(const HptTold *told, size_t most, const double **rows);

/* How objective k came out in each trial, finite, into out, n long; of failed trials as in y. Gives what values were
 * multiplied by. And how far it was beyond constraint k, NaN: not known. */
double hpt_told_objective(const HptTold *told, size_t k, double *out);
void hpt_told_constraint(const HptTold *told, size_t k, double *out);

/* Was the configuration that row means tried, or does it run? O(log n + n_running). */
bool hpt_told_has(const HptTold *told, const double *row);

typedef struct {
    double value;
    bool failed;
    size_t index;
} HptRanked;

/* The values in their order, failed ones (NULL: none) last, of equal ones the first first; none is NaN. Owned. */
HptRanked *hpt_rank(const double *values, const bool *failed, size_t n);

#endif
