#include "search/feasible.h"

#include <float.h>
#include <math.h>

/* The most that any trial is beyond constraint k, if that is a finite number. */
static double most_beyond(const HptHistory *history, size_t k)
{
    double most = 0;
    for (size_t i = 0; i < history->n; i++) {
        const HptObservation *trial = &history->observations[i];
        if (trial->values != NULL && trial->constraints != NULL && isfinite(trial->constraints[k]))
            most = MAX(most, trial->constraints[k]);
    }
    return most;
}

void hpt_violations(const HptHistory *history, double *out)
{
    for (size_t i = 0; i < history->n; i++)
        out[i] = history->observations[i].values == NULL ? (double)NAN : 0;
    for (size_t k = 0; k < history->n_constraints; k++) {
        double most = most_beyond(history, k);
        for (size_t i = 0; i < history->n; i++) {
            const double *constraints = history->observations[i].constraints;
            if (isnan(out[i]) || (constraints != NULL && constraints[k] <= 0))
                continue;
            bool measured = constraints != NULL && isfinite(constraints[k]);
            out[i] += measured ? MAX(constraints[k] / most, DBL_MIN) : 1;
        }
    }
}
