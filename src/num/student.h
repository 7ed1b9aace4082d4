/* Student's t distribution with a whole number of degrees of freedom, with the same bits on every
 * machine: no libm beyond sqrt.
 */
#ifndef HPT_NUM_STUDENT_H
#define HPT_NUM_STUDENT_H

/* The angle whose tangent is x, in (−π/2, π/2); within 4·10^-16. NaN gives NaN. */
double hpt_atan(double x);

/* P(T > t) for nu ≥ 1 degrees of freedom; t may be infinite, NaN gives NaN. The absolute error is
 * below 10^-14, so a result under about 10^-12 means "tiny" and no more. Cost O(nu).
 * Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4, closed forms for odd and even nu.
 */
double hpt_student_above(double t, int nu);

/* The t with P(T > t) = p for 0 < p ≤ 1/2: what an interval of level 1 − 2p reaches to; to the last bits
 * of hpt_student_above, by bisection. Cost 100 × O(nu). */
double hpt_student_quantile(double p, int nu);

#endif
