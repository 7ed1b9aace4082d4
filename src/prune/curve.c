/* What rules by step read off a trial's own curve, and the words of their reasons. */
#include "prune/internal.h"

#include "base/number.h"

#include <string.h>

bool hpt_prune_own_at(const HptPruneAsk *ask, double *out)
{
    const HptPruneCurve *own = ask->own;
    size_t m = ask->study->n_objectives, row = 0;
    while (row + 1 < own->n && own->steps[row] < ask->level)
        row++;
    memcpy(out, own->values + row * m, m * sizeof *out);
    if (m == 1)
        return true;
    for (size_t j = 0; j < m; j++) {
        for (size_t i = row; isnan(out[j]) && i > 0; i--)
            out[j] = own->values[(i - 1) * m + j];
        if (isnan(out[j]))
            return false;
    }
    return true;
}

void hpt_prune_own_best(const HptPruneAsk *ask, double *out)
{
    size_t m = ask->study->n_objectives;
    for (size_t j = 0; j < m; j++) {
        out[j] = ask->own->values[j];
        for (size_t i = 1; i < ask->own->n; i++) {
            double value = ask->own->values[i * m + j];
            if (hpt_prune_compare(hpt_prune_cost(ask->study, j, value),
                                  hpt_prune_cost(ask->study, j, out[j])) < 0)
                out[j] = value;
        }
    }
}

/* ---- reasons ---- */

void hpt_prune_go(HptPruneDecision *out)
{
    *out = (HptPruneDecision){.value = (double)NAN, .threshold = (double)NAN};
}

const char *hpt_prune_text(double value, char *out)
{
    return hpt_number_text(hpt_number_snap(value, 4), out);
}

void hpt_prune_subject(const HptPruneStudy *study, double value, char *out, size_t size)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    g_snprintf(out, size, "%s%s", study->n_objectives > 1 ? "rank " : "",
               hpt_prune_text(value, text));
}
