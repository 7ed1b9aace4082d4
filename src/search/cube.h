/* A space as the unit cube: what the samplers that learn work on.
 *
 * A row holds one double in [0, 1] for each parameter that is searched (constants have none), on the
 * parameter's own scale, and NaN where it is inactive. Parameters with levels lie in the middle of
 * their level's share, so two equal values have equal bits.
 */
#ifndef HPT_SEARCH_CUBE_H
#define HPT_SEARCH_CUBE_H

#include "num/random.h"
#include "space/space.h"

typedef struct {
    const HptSpace *space; /* borrowed */
    size_t n;              /* parameters searched: the length of a row */
    size_t *param;         /* n: index in the space */
    double *levels;        /* n: how many values; 0: uncountable */
    bool *category;        /* n: values without an order */
    bool *even;            /* n: levels have equal shares of [0, 1] (all but integers on a log scale) */
    bool conditional;      /* any of them may be inactive */
    HptConfig *scratch;
} HptCube;

void hpt_cube_init(HptCube *cube, const HptSpace *space);
void hpt_cube_clear(HptCube *cube);

/* Random numbers of one purpose, taken one after the other: all of one proposal, addressed by its
 * number. */
typedef struct {
    HptStream stream;
    uint64_t next;
} HptDraws;

HptDraws hpt_draws(uint64_t seed, int64_t number, const char *purpose);
double hpt_draws_uniform(HptDraws *draws); /* [0, 1) */
double hpt_draws_normal(HptDraws *draws);
size_t hpt_draws_below(HptDraws *draws, size_t bound); /* bound > 0 */

/* The row of a configuration. */
void hpt_cube_encode(const HptCube *cube, const HptConfig *config, double *row);

/* Rounds a row without NaN to the nearest legal values and makes what is then inactive NaN. False: a
 * clause forbids it (the row is rounded all the same). */
bool hpt_cube_round(const HptCube *cube, double *row);

/* A row drawn uniformly, rounded. False: a few hundred draws were all forbidden; row is then one of
 * them. */
bool hpt_cube_draw(const HptCube *cube, HptDraws *draws, double *row);

/* The row of the configuration that row means: on a log scale rows that lie very near one another mean one. */
void hpt_cube_settle(const HptCube *cube, const double *row, double *out);

/* The configuration of a row that hpt_cube_round gave; constants included. Owned. */
HptConfig *hpt_cube_config(const HptCube *cube, const double *row);

/* Does row mean the same configuration as one of n rows that lie one after the other? */
bool hpt_cube_among(const HptCube *cube, const double *row, const double *rows, size_t n);

#endif
