#include "num/linear.h"

#include <math.h>

double hpt_dot(const double *a, const double *b, size_t n)
{
    double sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] += a[i + (size_t)k] * b[i + (size_t)k];
    for (int k = 0; i < n; i++, k++)
        sum[k] += a[i] * b[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

bool hpt_cholesky_append(double *l, size_t n, size_t stride)
{
    double *row = l + n * stride;
    for (size_t j = 0; j < n; j++)
        row[j] = (row[j] - hpt_dot(row, l + j * stride, j)) / l[j * stride + j];
    double rest = row[n] - hpt_dot(row, row, n);
    if (!(rest > 0))
        return false;
    row[n] = sqrt(rest);
    return true;
}

bool hpt_cholesky(double *a, size_t n, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        if (!hpt_cholesky_append(a, i, stride))
            return false;
    return true;
}

void hpt_solve_lower(const double *l, size_t n, size_t stride, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - hpt_dot(l + i * stride, x, i)) / l[i * stride + i];
}

void hpt_solve_upper(const double *l, size_t n, size_t stride, double *x)
{
    for (size_t i = n; i-- > 0;) {
        const double *row = l + i * stride;
        x[i] /= row[i];
        for (size_t j = 0; j < i; j++)
            x[j] -= row[j] * x[i];
    }
}

void hpt_solve_lower_block(const double *l, size_t n, size_t stride, double *x)
{
    for (size_t i = 0; i < n; i++) {
        const double *row = l + i * stride;
        double sum[HPT_BLOCK];
        for (int c = 0; c < HPT_BLOCK; c++)
            sum[c] = x[i * HPT_BLOCK + (size_t)c];
        for (size_t k = 0; k < i; k++)
            for (int c = 0; c < HPT_BLOCK; c++)
                sum[c] -= row[k] * x[k * HPT_BLOCK + (size_t)c];
        for (int c = 0; c < HPT_BLOCK; c++)
            x[i * HPT_BLOCK + (size_t)c] = sum[c] / row[i];
    }
}

void hpt_cholesky_inverse(const double *l, size_t n, size_t stride, double *out, double *scratch)
{
    /* Column j of the inverse solves L Lᵀ x = e_j; its first j elements are known by symmetry and are not
     * wanted, so the solution downwards begins at j and the one upwards ends there. */
    for (size_t j = 0; j < n; j++) {
        double *x = scratch;
        for (size_t i = j; i < n; i++)
            x[i] = ((i == j ? 1.0 : 0.0) - hpt_dot(l + i * stride + j, x + j, i - j)) / l[i * stride + i];
        for (size_t i = n; i-- > j;) {
            const double *row = l + i * stride;
            x[i] /= row[i];
            for (size_t k = j; k < i; k++)
                x[k] -= row[k] * x[i];
        }
        for (size_t i = j; i < n; i++)
            out[i * stride + j] = x[i];
    }
}
