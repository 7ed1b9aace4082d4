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

/* A kernel of distances r, the sum of two: signal m(r) + fine m(shorter r), m Matérn's 5/2, rough: 3/2. */
typedef struct {
    bool rough;
    double signal, fine, shorter;
} HptMatern;

/* It, of the squared distances in k (n), into their place; −2 dk/d(r²) into slope, if that is not NULL. Where fine is 0
 * the rest is left; else the second part and its derivative in log shorter go into part and by_shorter, if those are not NULL. */
void hpt_matern(const HptMatern *kernel, double *k, double *slope, double *part, double *by_shorter, size_t n);

#endif
