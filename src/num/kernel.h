/* The sums over many points that the kernels of Gaussian processes are made of; bits and clones as in linear.h.
 *
 * Points lie as columns: coordinate j of point i at x[j · stride + i].
 */
#ifndef HPT_NUM_KERNEL_H
#define HPT_NUM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* What is read beyond the last of the points, and means nothing. */
#define HPT_KERNEL_SLACK 3

/* out[i] += Σ by[j] (at[j] − x[j · stride + i])² over the columns j, one after the other, for n points. Where more is not
 * NULL, after each of them by[j] (at_more[j] − more[j · stride + i])². */
void hpt_add_distances(double *out, const double *by, const double *at, const double *x, const double *at_more,
                       const double *more, size_t columns, size_t stride, size_t n);

/* Matérn's kernel 5/2, rough: 3/2, of the squared scaled distances in k (n), into their place; −2 dk/d(r²) into slope, if
 * that is not NULL. */
void hpt_matern(bool rough, double signal, double *k, double *slope, size_t n);

#endif
