#include "num/kernel.h"

#include "num/clones.h"
#include "num/elementary.h"

#include <math.h>
#include <string.h>

#define SQRT_3 1.7320508075688772
#define SQRT_5 2.23606797749979

enum { LANES = 4, QUADS = 4, AT_A_TIME = 64 };

typedef double Quad __attribute__((vector_size(LANES * sizeof(double))));

#define INLINE static inline __attribute__((always_inline))

/* ---- distances ---- */

INLINE void add_squares(Quad *sum, size_t quads, double by, double at, const double *x)
{
    for (size_t q = 0; q < quads; q++) {
        Quad far;
        memcpy(&far, x + q * LANES, sizeof far);
        far = at - far;
        sum[q] += by * (far * far);
    }
}

/* For quads · LANES points, of which n are wanted. */
INLINE void add_some(double *out, size_t quads, size_t n, const double *by, const double *at, const double *x,
                     const double *at_more, const double *more, size_t columns, size_t stride)
{
    Quad sum[QUADS] = {{0}};
    memcpy(sum, out, n * sizeof *out);
    for (size_t j = 0; j < columns; j++) {
        add_squares(sum, quads, by[j], at[j], x + j * stride);
        if (more != NULL)
            add_squares(sum, quads, by[j], at_more[j], more + j * stride);
    }
    memcpy(out, sum, n * sizeof *out);
}

INLINE void add_distances(double *out, const double *by, const double *at, const double *x, const double *at_more,
                          const double *more, size_t columns, size_t stride, size_t n)
{
    size_t i = 0;
    for (; i + QUADS * LANES <= n; i += QUADS * LANES)
        add_some(out + i, QUADS, QUADS * LANES, by, at, x + i, at_more, more == NULL ? NULL : more + i, columns, stride);
    for (; i + LANES <= n; i += LANES)
        add_some(out + i, 1, LANES, by, at, x + i, at_more, more == NULL ? NULL : more + i, columns, stride);
    if (i < n)
        add_some(out + i, 1, n - i, by, at, x + i, at_more, more == NULL ? NULL : more + i, columns, stride);
}

HPT_CLONES
void hpt_add_distances(double *out, const double *by, const double *at, const double *x, const double *at_more,
                       const double *more, size_t columns, size_t stride, size_t n)
{
    if (more == NULL)
        add_distances(out, by, at, x, NULL, NULL, columns, stride, n);
    else
        add_distances(out, by, at, x, at_more, more, columns, stride, n);
}

/* ---- Matérn ---- */

/* r and e: √3 or √5 times the distance, and the exponential of −r. */
INLINE void fill_rough(double signal, const double *r, const double *e, double *k, double *slope, size_t n)
{
    for (size_t i = 0; slope != NULL && i < n; i++)
        slope[i] = signal * (3 * e[i]);
    for (size_t i = 0; i < n; i++)
        k[i] = signal * ((1 + r[i]) * e[i]);
}

INLINE void fill_smooth(double signal, const double *r, const double *e, double *k, double *slope, size_t n)
{
    for (size_t i = 0; slope != NULL && i < n; i++)
        slope[i] = signal * ((1 + r[i]) * e[i] * (5.0 / 3));
    for (size_t i = 0; i < n; i++)
        k[i] = signal * ((1 + r[i] + (5.0 / 3) * k[i]) * e[i]);
}

HPT_CLONES
void hpt_matern(bool rough, double signal, double *k, double *slope, size_t n)
{
    double by = rough ? SQRT_3 : SQRT_5, r[AT_A_TIME], e[AT_A_TIME];
    for (size_t first = 0; first < n; first += AT_A_TIME) {
        size_t m = n - first < AT_A_TIME ? n - first : AT_A_TIME;
        double *to = k + first, *slope_to = slope == NULL ? NULL : slope + first;
        for (size_t i = 0; i < m; i++) {
            r[i] = by * sqrt(to[i]);
            e[i] = -r[i];
        }
        hpt_exp_each(e, m);
        if (rough)
            fill_rough(signal, r, e, to, slope_to, m);
        else
            fill_smooth(signal, r, e, to, slope_to, m);
    }
}
