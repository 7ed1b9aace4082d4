/* Wilcoxon's test of signed ranks: are paired differences as likely above as below 0? With the same bits on
 * every machine.
 */
#ifndef HPT_NUM_WILCOXON_H
#define HPT_NUM_WILCOXON_H

#include <stddef.h>

/* Up to so many differences that are not 0 the distribution is counted, beyond it is taken as normal. */
#define HPT_WILCOXON_EXACT 60
#define HPT_WILCOXON_SCRATCH(n) (2 * (n) + HPT_WILCOXON_EXACT * (HPT_WILCOXON_EXACT + 1) + 1)

/* P(W ≥ w): the chance that the sum of the ranks of the positive differences is at least as large as that of
 * these n, if every difference has either sign with the same chance. Small: they tend to be above 0. For "below"
 * negate them; for both sides double the smaller, at most 1.
 *
 * Inputs   differences  n, not NaN; infinite ones are largest. Those that are 0 are left out (Wilcoxon
 *                       1945); without any other the result is 1
 * Ties     share the mean of their ranks; up to HPT_WILCOXON_EXACT the result is exact for them too, beyond the
 *          variance is corrected, and w by ½ for continuity
 * Scratch  HPT_WILCOXON_SCRATCH(n) doubles
 * Cost     O(n log n), and n³ of the count: 0.1 ms at most
 * Source   Hollander, Wolfe & Chicken 2014, §3.1, (3.9) and comment 7 (the count for tied ranks)
 */
double hpt_wilcoxon_above(const double *differences, size_t n, double *scratch);

#endif
