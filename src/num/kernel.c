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

/* The second part, added; r and e its own. */
INLINE void add_part(const HptMatern *kernel, const double *r, const double *e, double *k, double *slope, double *part,
                     double *by_shorter, size_t n)
{
    bool rough = kernel->rough;
    double fine = kernel->fine, square = kernel->shorter * kernel->shorter, made[AT_A_TIME], steep[AT_A_TIME];
    for (size_t i = 0; i < n; i++)
        made[i] = fine * ((rough ? 1 + r[i] : 1 + r[i] + r[i] * r[i] / 3) * e[i]);
    for (size_t i = 0; i < n; i++)
        k[i] += made[i];
    if (part != NULL)
        memcpy(part, made, n * sizeof *part);
    if (slope == NULL && by_shorter == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        steep[i] = fine * (rough ? 3 * e[i] : (1 + r[i]) * e[i] * (5.0 / 3));
    for (size_t i = 0; slope != NULL && i < n; i++)
        slope[i] += square * steep[i];
    for (size_t i = 0; by_shorter != NULL && i < n; i++)
        by_shorter[i] = -steep[i] * (r[i] * r[i] / (rough ? 3 : 5));
}

INLINE void matern(const HptMatern *kernel, double *k, double *slope, double *part, double *by_shorter, size_t n)
{
    double by = kernel->rough ? SQRT_3 : SQRT_5, r[2][AT_A_TIME], e[2 * AT_A_TIME];
    bool fine = kernel->fine > 0;
    for (size_t i = 0; i < n; i++) {
        r[0][i] = by * sqrt(k[i]);
        e[i] = -r[0][i];
    }
    for (size_t i = 0; fine && i < n; i++) {
        r[1][i] = kernel->shorter * r[0][i];
        e[n + i] = -r[1][i];
    }
    hpt_exp_each(e, fine ? 2 * n : n);
    if (kernel->rough)
        fill_rough(kernel->signal, r[0], e, k, slope, n);
    else
        fill_smooth(kernel->signal, r[0], e, k, slope, n);
    if (fine)
        add_part(kernel, r[1], e + n, k, slope, part, by_shorter, n);
}

HPT_CLONES
void hpt_matern(const HptMatern *kernel, double *k, double *slope, double *part, double *by_shorter, size_t n)
{
    for (size_t first = 0; first < n; first += AT_A_TIME)
        matern(kernel, k + first, slope == NULL ? NULL : slope + first, part == NULL ? NULL : part + first,
               by_shorter == NULL ? NULL : by_shorter + first, n - first < AT_A_TIME ? n - first : AT_A_TIME);
}
