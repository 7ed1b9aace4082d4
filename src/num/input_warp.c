#include "num/input_warp.h"

#include "num/clones.h"
#include "num/elementary.h"

#define EDGE 1e-4
#define REACH (1 - 2 * EDGE)
#define INLINE static inline __attribute__((always_inline))

/* 1 − w of columns; power is v^a, log_rest log(1 − v^a). */
INLINE void bend(const double *a, const double *b, const double *restrict log_v, size_t columns, size_t n,
                 double *restrict above, double *restrict power, double *restrict log_rest)
{
    for (size_t j = 0; j < columns; j++)
        for (size_t i = j * n; i < (j + 1) * n; i++)
            power[i] = a[j] * log_v[i];
    hpt_exp_each(power, columns * n);
    for (size_t i = 0; i < columns * n; i++)
        log_rest[i] = 1 - power[i];
    hpt_log_each(log_rest, columns * n);
    for (size_t j = 0; j < columns; j++)
        for (size_t i = j * n; i < (j + 1) * n; i++)
            above[i] = b[j] * log_rest[i];
    hpt_exp_each(above, columns * n);
}

/* dw/d log v */
INLINE double steepness(double a, double b, double above, double power)
{
    return above * a * b * power / (1 - power);
}

HPT_CLONES
void hpt_warp_logs(const double *u, double *log_v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        log_v[i] = EDGE + REACH * u[i];
    hpt_log_each(log_v, n);
}

INLINE void finish(const double *a, const double *b, const double *restrict log_v, size_t columns, size_t n,
                   double *restrict w, double *restrict by_log_a, double *restrict by_log_b,
                   const double *restrict power, const double *restrict log_rest)
{
    for (size_t j = 0; j < columns; j++)
        for (size_t i = j * n; i < (j + 1) * n; i++) {
            double above = w[i];
            w[i] = 1 - above;
            by_log_a[i] = steepness(a[j], b[j], above, power[i]) * log_v[i];
            by_log_b[i] = -above * b[j] * log_rest[i];
        }
}

HPT_CLONES
void hpt_warp_columns(const double *a, const double *b, const double *log_v, size_t columns, size_t n, double *w,
                      double *by_log_a, double *by_log_b, double *scratch)
{
    double *power = scratch, *log_rest = power + columns * n;
    bend(a, b, log_v, columns, n, w, power, log_rest);
    finish(a, b, log_v, columns, n, w, by_log_a, by_log_b, power, log_rest);
}

HPT_CLONES
void hpt_warp_inputs(const double *a, const double *b, const double *u, double *w, const HptWarpSlopes *slopes,
                     size_t n, double *scratch)
{
    double *v = scratch, *log_v = v + n, *power = log_v + n, *log_rest = power + n;
    for (size_t i = 0; i < n; i++)
        v[i] = EDGE + REACH * u[i];
    hpt_warp_logs(u, log_v, n);
    bend(a, b, log_v, n, 1, w, power, log_rest);
    for (size_t i = 0; i < n; i++) {
        double above = w[i], steep = steepness(a[i], b[i], above, power[i]);
        w[i] = 1 - above;
        if (slopes->log_a != NULL)
            slopes->log_a[i] = steep * log_v[i];
        if (slopes->log_b != NULL)
            slopes->log_b[i] = -above * b[i] * log_rest[i];
        if (slopes->u != NULL)
            slopes->u[i] = REACH * steep / v[i];
    }
}
