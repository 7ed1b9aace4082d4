#include "search/feasible.h"

#include <float.h>
#include <math.h>

void hpt_feasible_beyond(const double *constraints, const bool *failed, size_t n, size_t n_constraints, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = failed[i] ? (double)INFINITY : 0;
    for (size_t k = 0; k < n_constraints; k++) {
        double most = 0;
        for (size_t i = 0; i < n; i++)
            if (!failed[i] && isfinite(constraints[i * n_constraints + k]))
                most = MAX(most, constraints[i * n_constraints + k]);
        for (size_t i = 0; i < n; i++) {
            double by = constraints[i * n_constraints + k];
            if (!(by <= 0))
                out[i] += isfinite(by) ? MAX(by / most, DBL_MIN) : 1;
        }
    }
}

void hpt_violations(const HptHistory *history, double *out)
{
    size_t n = history->n, n_constraints = history->n_constraints;
    g_autofree double *constraints = g_new(double, n * n_constraints + 1);
    g_autofree bool *failed = g_new(bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        const HptObservation *trial = &history->observations[i];
        failed[i] = trial->values == NULL;
        for (size_t k = 0; k < n_constraints; k++)
            constraints[i * n_constraints + k] = trial->constraints == NULL ? (double)NAN : trial->constraints[k];
    }
    hpt_feasible_beyond(constraints, failed, n, n_constraints, out);
}
