/* The gamma and beta functions and what follows from them, with the same bits on every machine: no libm
 * beyond sqrt. NaN gives NaN.
 */
#ifndef HPT_NUM_BETA_H
#define HPT_NUM_BETA_H

/* log Γ(x), x > 0 (else NaN); the error is below 10^-14 (1 + |log Γ(x)|).
 * Source: Stirling's series from x = 12 on, Abramowitz & Stegun 1964, 6.1.41; below by 6.1.16. */
double hpt_log_gamma(double x);

/* P(X < x) of the beta distribution with a, b > 0: the regularised incomplete beta function I_x(a, b). Its
 * relative error is below 10^-12 for a, b ≤ 1000 where it is above 10^-300, and of the side that is less
 * than 1/2. Cost O(√max(a, b)).
 * Source: Lentz's form of the continued fraction 26.5.8 there */
double hpt_beta_below(double x, double a, double b);

/* P(F > f) of the F distribution with d1, d2 > 0 degrees of freedom, errors as above; and the f with
 * P(F > f) = p, 0 < p < 1, to the last bits of that, by bisection. Source: 26.6.2 there */
double hpt_f_above(double f, double d1, double d2);
double hpt_f_quantile(double p, double d1, double d2);

#endif
