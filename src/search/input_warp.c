#include "search/input_warp.h"

#include "num/elementary.h"

#define EDGE 1e-4
#define REACH (1 - 2 * EDGE)

void hpt_warp_inputs(const double *a, const double *b, const double *u, double *w, const HptWarpSlopes *slopes,
                     size_t n, double *scratch)
{
    double *v = scratch, *log_v = v + n, *power = log_v + n, *log_rest = power + n; /* v^a, log(1 − v^a) */
    for (size_t i = 0; i < n; i++)
        log_v[i] = v[i] = EDGE + REACH * u[i];
    hpt_log_each(log_v, n);
    for (size_t i = 0; i < n; i++)
        power[i] = a[i] * log_v[i];
    hpt_exp_each(power, n);
    for (size_t i = 0; i < n; i++)
        log_rest[i] = 1 - power[i];
    hpt_log_each(log_rest, n);
    for (size_t i = 0; i < n; i++)
        w[i] = b[i] * log_rest[i];
    hpt_exp_each(w, n);
    for (size_t i = 0; i < n; i++) {
        double above = w[i], steep = above * a[i] * b[i] * power[i] / (1 - power[i]); /* dw/d log v */
        w[i] = 1 - above;
        if (slopes->log_a != NULL)
            slopes->log_a[i] = steep * log_v[i];
        if (slopes->log_b != NULL)
            slopes->log_b[i] = -above * b[i] * log_rest[i];
        if (slopes->u != NULL)
            slopes->u[i] = REACH * steep / v[i];
    }
}
