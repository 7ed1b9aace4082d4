/* Crossover and mutation of rows, for the genetic samplers. */
#ifndef HPT_SEARCH_VARY_H
#define HPT_SEARCH_VARY_H

#include "search/cube.h"

typedef struct {
    double crossover;     /* probability that a child has two parents */
    double crossover_eta; /* distribution index: the larger, the closer to a parent */
    double mutation;      /* mean number of parameters that are moved */
    double mutation_eta;
} HptVariation;

/* One child of rows a and b into out, rounded; false: a clause forbids it. Numbers and ordered values by simulated
 * binary crossover and polynomial mutation, both in their forms for bounded variables, by a level at least; a
 * category is that of either parent, and by mutation any other. A parameter that one parent lacks is the other's; one
 * that both lack and the child has is drawn.
 * Source: Deb & Agrawal 1995, Complex Systems 9, 115-148; Deb & Goyal 1996; the bounded forms: Deb & Agrawal 1999,
 * "A niched-penalty approach for constraint handling in genetic algorithms", eq. 3-6 */
bool hpt_vary(const HptCube *cube, const HptVariation *variation, const double *a, const double *b,
              HptDraws *draws, double *out);

#endif
