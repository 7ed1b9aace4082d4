/* The order of every sum is part of the result. Those of vectors go in eight lanes, whatever the CPU has; those of
 * matrices one after the other, for eight columns and four rows at once: the four rows share what is read of the columns. */
#include "num/linear.h"

#include "num/clones.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, ROWS = 4, HALF = HPT_BLOCK / 2 };

typedef double Half __attribute__((vector_size(HALF * sizeof(double))));

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

/* Row n of the factor, of which the first elements are there. */
INLINE bool append(double *l, size_t n, size_t stride, size_t first)
{
    double *row = l + n * stride;
    for (size_t j = first; j < n; j++)
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
    return append(l, n, stride, 0);
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

/* ---- eight columns at once ---- */

/* sum[r] −= Σ a[r · stride + k · step] x[k], k < n, x being n × HPT_BLOCK. */
INLINE void subtract_products(Half sum[][2], size_t rows, const double *a, size_t stride, size_t step, const double *x,
                              size_t n)
{
    for (size_t k = 0; k < n; k++) {
        Half low, high;
        memcpy(&low, x + k * HPT_BLOCK, sizeof low);
        memcpy(&high, x + k * HPT_BLOCK + HALF, sizeof high);
        for (size_t r = 0; r < rows; r++) {
            sum[r][0] -= a[r * stride + k * step] * low;
            sum[r][1] -= a[r * stride + k * step] * high;
        }
    }
}

/* Rows i to i + rows − 1 of the solution, of which those before them are there. */
INLINE void solve_rows(const double *l, size_t i, size_t rows, size_t stride, double *x)
{
    Half sum[ROWS][2];
    memcpy(sum, x + i * HPT_BLOCK, rows * sizeof *sum);
    subtract_products(sum, rows, l + i * stride, stride, 1, x, i);
    for (size_t r = 0; r < rows; r++) {
        const double *row = l + (i + r) * stride + i;
        for (size_t k = 0; k < r; k++) {
            sum[r][0] -= row[k] * sum[k][0];
            sum[r][1] -= row[k] * sum[k][1];
        }
        sum[r][0] /= row[r];
        sum[r][1] /= row[r];
    }
    memcpy(x + i * HPT_BLOCK, sum, rows * sizeof *sum);
}

INLINE void solve_block(const double *l, size_t n, size_t stride, double *x)
{
    size_t i = 0;
    for (; i + ROWS <= n; i += ROWS)
        solve_rows(l, i, ROWS, stride, x);
    for (; i < n; i++)
        solve_rows(l, i, 1, stride, x);
}

HPT_CLONES
void hpt_solve_lower_block(const double *l, size_t n, size_t stride, double *x)
{
    solve_block(l, n, stride, x);
}

HPT_CLONES
bool hpt_cholesky(double *a, size_t n, size_t stride, double *scratch)
{
    for (size_t i = 0; i < n; i += HPT_BLOCK) {
        /* Of L L' = A these rows solve L x = A's rows, as columns, up to i. */
        size_t rows = n - i < HPT_BLOCK ? n - i : HPT_BLOCK;
        double *block = a + i * stride;
        memset(scratch, 0, i * HPT_BLOCK * sizeof *scratch);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < i; j++)
                scratch[j * HPT_BLOCK + r] = block[r * stride + j];
        solve_block(a, i, stride, scratch);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < i; j++)
                block[r * stride + j] = scratch[j * HPT_BLOCK + r];
        for (size_t r = 0; r < rows; r++)
            if (!append(a, i + r, stride, i))
                return false;
    }
    return true;
}

HPT_CLONES
void hpt_cholesky_inverse(const double *l, size_t n, size_t stride, double *out, double *scratch)
{
    /* W = L⁻¹, eight columns after eight, each block from its first row that is not 0 on; then Wᵀ W. */
    for (size_t j = 0; j < n; j += HPT_BLOCK) {
        double *w = scratch + j * n;
        memset(w + j * HPT_BLOCK, 0, (n - j) * HPT_BLOCK * sizeof *w);
        for (size_t i = j; i < n && i < j + HPT_BLOCK; i++)
            w[i * HPT_BLOCK + i - j] = 1;
        solve_block(l + j * stride + j, n - j, stride, w + j * HPT_BLOCK);
    }
    for (size_t i = 0; i < n; i += ROWS) {
        size_t first = i - i % HPT_BLOCK, rows = n - i < ROWS ? n - i : ROWS;
        const double *rows_of = scratch + first * n + first * HPT_BLOCK + i % HPT_BLOCK;
        for (size_t j = 0; j < i + rows; j += HPT_BLOCK) {
            Half sum[ROWS][2] = {{{0}}};
            subtract_products(sum, ROWS, rows_of, 1, HPT_BLOCK, scratch + j * n + first * HPT_BLOCK, n - first);
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < HPT_BLOCK && j + c <= i + r; c++)
                    out[(i + r) * stride + j + c] = -sum[r][c / HALF][c % HALF];
        }
    }
}

/* Rows i to i + rows − 1 of out. */
INLINE void subtract_symmetric(const double *s, size_t i, size_t rows, size_t n, size_t stride, const double *x, double *out)
{
    Half sum[ROWS][2];
    memcpy(sum, out + i * HPT_BLOCK, rows * sizeof *sum);
    subtract_products(sum, rows, s + i * stride, stride, 1, x, i);
    for (size_t r = 0; r < rows; r++) {
        double of[ROWS];
        for (size_t k = 0; k < rows; k++)
            of[k] = k == r ? 0 : k < r ? s[(i + r) * stride + i + k] : s[(i + k) * stride + i + r];
        subtract_products(sum + r, 1, of, 0, 1, x + i * HPT_BLOCK, rows);
    }
    size_t next = i + rows;
    subtract_products(sum, rows, s + next * stride + i, 1, stride, x + next * HPT_BLOCK, n - next);
    memcpy(out + i * HPT_BLOCK, sum, rows * sizeof *sum);
}

HPT_CLONES
void hpt_subtract_symmetric_block(const double *s, size_t n, size_t stride, const double *x, double *out)
{
    size_t i = 0;
    for (; i + ROWS <= n; i += ROWS)
        subtract_symmetric(s, i, ROWS, n, stride, x, out);
    for (; i < n; i++)
        subtract_symmetric(s, i, 1, n, stride, x, out);
}

/* ---- vectors ---- */

HPT_CLONES
void hpt_add_scaled(double *out, double by, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += by * x[i];
}
