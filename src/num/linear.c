/* Sums go in eight lanes, whatever the CPU has: the order is part of the result. */
#include "num/linear.h"

#include "num/clones.h"

#include <math.h>

enum { LANES = 8 };

/* The functions that the clones share are inlined into each of them. */
#define INLINE static inline __attribute__((always_inline))

INLINE double dot(const double *a, const double *b, size_t n)
{
    double sum[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sum[k] += a[i + k] * b[i + k];
    for (size_t k = 0; i < n; i++, k++)
        sum[k] += a[i] * b[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

/* x −= by · row */
INLINE void subtract(double *restrict x, const double *restrict row, double by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] -= row[i] * by;
}

INLINE bool append(double *l, size_t n, size_t stride)
{
    double *row = l + n * stride;
    for (size_t j = 0; j < n; j++)
        row[j] = (row[j] - dot(row, l + j * stride, j)) / l[j * stride + j];
    double rest = row[n] - dot(row, row, n);
    if (!(rest > 0))
        return false;
    row[n] = sqrt(rest);
    return true;
}

HPT_CLONES
double hpt_dot(const double *a, const double *b, size_t n)
{
    return dot(a, b, n);
}

HPT_CLONES
bool hpt_cholesky_append(double *l, size_t n, size_t stride)
{
    return append(l, n, stride);
}

HPT_CLONES
bool hpt_cholesky(double *a, size_t n, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        if (!append(a, i, stride))
            return false;
    return true;
}

void hpt_cholesky_update(double *l, size_t n, size_t stride, double *v)
{
    for (size_t k = 0; k < n; k++) {
        double *diagonal = l + k * stride + k, was = *diagonal, now = sqrt(was * was + v[k] * v[k]);
        double c = was / now, s = v[k] / now;
        *diagonal = now;
        for (size_t i = k + 1; i < n; i++) {
            double below = l[i * stride + k];
            l[i * stride + k] = c * below + s * v[i];
            v[i] = c * v[i] - s * below;
        }
    }
}

bool hpt_cholesky_downdate(double *l, size_t n, size_t stride, double *v)
{
    for (size_t k = 0; k < n; k++) {
        double *diagonal = l + k * stride + k, was = *diagonal, rest = (was - v[k]) * (was + v[k]);
        if (!(rest > 0))
            return false;
        double now = sqrt(rest), c = now / was, s = v[k] / was;
        *diagonal = now;
        for (size_t i = k + 1; i < n; i++) {
            double *below = l + i * stride + k;
            *below = (*below - s * v[i]) / c;
            v[i] = c * v[i] - s * *below;
        }
    }
    return true;
}

HPT_CLONES
void hpt_solve_lower(const double *l, size_t n, size_t stride, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - dot(l + i * stride, x, i)) / l[i * stride + i];
}

HPT_CLONES
void hpt_solve_upper(const double *l, size_t n, size_t stride, double *x)
{
    for (size_t i = n; i-- > 0;) {
        const double *row = l + i * stride;
        x[i] /= row[i];
        subtract(x, row, x[i], i);
    }
}

HPT_CLONES
void hpt_solve_lower_block(const double *l, size_t n, size_t stride, double *x)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = l + i * stride;
        double sum[HPT_BLOCK];
        for (size_t c = 0; c < HPT_BLOCK; c++)
            sum[c] = x[i * HPT_BLOCK + c];
        for (size_t k = 0; k < i; k++)
            for (size_t c = 0; c < HPT_BLOCK; c++)
                sum[c] -= row[k] * x[k * HPT_BLOCK + c];
        for (size_t c = 0; c < HPT_BLOCK; c++)
            x[i * HPT_BLOCK + c] = sum[c] / row[i];
    }
}

HPT_CLONES
void hpt_cholesky_inverse(const double *l, size_t n, size_t stride, double *out, double *scratch)
{
    /* Column j of the inverse solves L Lᵀ x = e_j; its first j elements are known by symmetry and are not
     * wanted, so the solution downwards begins at j and the one upwards ends there. */
    for (size_t j = 0; j < n; j++) {
        double *x = scratch;
        for (size_t i = j; i < n; i++)
            x[i] = ((i == j ? 1.0 : 0.0) - dot(l + i * stride + j, x + j, i - j)) / l[i * stride + i];
        for (size_t i = n; i-- > j;) {
            const double *row = l + i * stride;
            x[i] /= row[i];
            subtract(x + j, row + j, x[i], i - j);
        }
        for (size_t i = j; i < n; i++)
            out[i * stride + j] = x[i];
    }
}
