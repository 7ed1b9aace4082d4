/* The normal distribution, with the same bits on every machine: no libm beyond sqrt.
 *
 * NaN gives NaN throughout. Errors measured against 50 digits are in tests/unit/normal.c.
 */
#ifndef HPT_NUM_NORMAL_H
#define HPT_NUM_NORMAL_H

#include "num/erf.h"

/* P(Z < x), and its logarithm, which has no underflow: within 2 units in the last place where it is a normal number;
 * and the derivative φ(x)/Φ(x) of the latter, if slope is not NULL. */
double hpt_normal_below(double x);
double hpt_normal_log_below(double x, double *slope);

/* The x with P(Z < x) = p, 0 < p < 1 (0 and 1 give the infinities); relative error below 2·10^-15.
 * Source: Wichura 1988, Algorithm AS 241, PPND16. */
double hpt_normal_quantile(double p);

/* log(φ(z) + z Φ(z)): the logarithm of the expected improvement of a unit normal over z below its mean,
 * without underflow; and its derivative in z, if slope is not NULL.
 * Source: Ament et al. 2023, "Unexpected improvements to expected improvement", eq. 9 and app. A.1 */
double hpt_normal_log_improvement(double z, double *slope);

#endif
