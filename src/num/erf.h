/* The error function and its complements, with the same bits on every machine: no libm beyond fabs.
 *
 * Each is within 2 units in the last place where the result is a normal number (measured:
 * tests/unit/normal.c). NaN gives NaN.
 */
#ifndef HPT_NUM_ERF_H
#define HPT_NUM_ERF_H

#include "num/pair.h"

double hpt_erf(double x);
double hpt_erfc(double x);

/* e^(x²) erfc(x) for x ≥ 0. */
double hpt_erfcx(double x);

/* The same for x in [1/2, 32), as a pair, to some 2^-57. For num alone.
 * Source: polynomials in x around the middles of 96 intervals, made by tests/bench/erf-table */
HptPair hpt_erfcx_pair(HptPair x);

#endif
