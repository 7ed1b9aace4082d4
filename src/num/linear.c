/* The order of every sum is part of the result. Those of vectors go in eight lanes, whatever the CPU has; those of
 * matrices one after the other, for eight columns and some rows at once: the rows share what is read of the columns. */
#include "num/linear.h"

#include "num/clones.h"

#include <math.h>
#include <string.h>

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

#define PARTS 2
#define ROWS 4
#define OF_PARTS(name) name##_2
#define PARTS_CLONES HPT_CLONES
#include "num/linear-block.h"
#undef PARTS
#undef ROWS
#undef OF_PARTS
#undef PARTS_CLONES

#ifdef HPT_WIDE
#define PARTS 1
#define ROWS 8
#define OF_PARTS(name) name##_1
#define PARTS_CLONES HPT_WIDE
#include "num/linear-block.h"
#define CALL(name, ...) (HPT_HAS_WIDE ? name##_1(__VA_ARGS__) : name##_2(__VA_ARGS__))
#else
#define CALL(name, ...) name##_2(__VA_ARGS__)
#endif

void hpt_solve_lower_block(const double *l, size_t n, size_t stride, double *x)
{
    CALL(by_block_solve_lower_block, l, n, stride, x);
}

bool hpt_cholesky(double *a, size_t n, size_t stride, double *scratch)
{
    return CALL(by_block_cholesky, a, n, stride, scratch);
}

void hpt_cholesky_inverse(const double *l, size_t n, size_t stride, double *out, double *scratch)
{
    CALL(by_block_cholesky_inverse, l, n, stride, out, scratch);
}

void hpt_subtract_symmetric_block(const double *s, size_t n, size_t stride, const double *x, double *out)
{
    CALL(by_block_subtract_symmetric_block, s, n, stride, x, out);
}

/* ---- vectors ---- */

HPT_CLONES
void hpt_add_scaled(double *out, double by, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] += by * x[i];
}
