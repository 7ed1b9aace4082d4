/* Values as a Gaussian process is to see them. */
#ifndef HPT_SEARCH_WARP_H
#define HPT_SEARCH_WARP_H

#include <stdbool.h>
#include <stddef.h>

/* All of this is the same, to the bit, for values times a power of two, however large or small they are: before they are
 * squared they are divided by one. |y| ≤ 2^1000. */

/* The exponent of the power of two that is to divide differences up to range, so that these are below 1; of 0 it is 0. */
int hpt_exponent(double range);

/* To mean 0 and variance 1; all 0 if they are all equal. */
void hpt_standardise(double *y, size_t n);

/* Those above the median are replaced by quantiles of a normal by their rank, so that a few that are far off do not
 * hide the differences of the good ones, which keep their spacing; then standardised. Failed ones rank last. Equal
 * values stay equal. O(n log n).
 * Source: Song et al. 2024, arXiv:2408.11527, "half-rank warping" */
void hpt_warp_half(double *y, const bool *failed, size_t n);

/* Only those that are extremely far off, by a hundred times the way from the lowest to the median beyond the median, are
 * brought back to there; then standardised. O(n log n). */
void hpt_warp_plain(double *y, const bool *failed, size_t n);

#endif
