/* patience: stop a trial that has not improved for some reports in a row.
 *
 * Prechelt, "Early stopping — but when?", 1998, the class UP with strips of one report. It looks at
 * the trial's own curve alone and wraps no other rule. Several objectives: progress in any is
 * progress. A NaN improves nothing.
 *
 * Settings: patience  reports without progress; must be given
 *           delta     what a value must be better by to be progress; 0
 *           warmup    nothing is stopped before this step; 0
 */
#include "prune/internal.h"

#include "base/number.h"

typedef struct {
    double patience, delta, warmup;
} Patience;

static void *patience_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                           GString *spec, GError **error)
{
    (void)study;
    Patience p = {(double)NAN, 0, 0};
    const HptSettingRule known[] = {
        {"patience", &p.patience, 1, 1e15, true, false, NULL},
        {"delta", &p.delta, 0, G_MAXDOUBLE, false, false, NULL},
        {"warmup", &p.warmup, 0, 1e15, true, false, NULL},
    };
    if (!hpt_settings_apply("pruner", "patience", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    if (isnan(p.patience)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'patience': 'patience' must be given\nhint: patience:patience=10");
        return NULL;
    }
    return hpt_prune_keep(&p, sizeof p);
}

static bool patience_is_due(const void *state, int64_t trial, int64_t previous, int64_t step)
{
    const Patience *p = state;
    (void)trial;
    return step > previous && (double)step >= p->warmup;
}

static void patience_step(const void *state, const HptPruneAsk *ask, HptPruneDecision *out)
{
    const Patience *p = state;
    size_t m = ask->study->n_objectives, latest = 0;
    for (size_t j = 0; j < m; j++) {
        double best = (double)NAN;
        for (size_t i = 0; i < ask->own->n; i++) {
            double cost = hpt_prune_cost(ask->study, j, ask->own->values[i * m + j]);
            if (cost < best - p->delta || (isnan(best) && !isnan(cost))) {
                best = cost;
                latest = MAX(latest, i);
            }
        }
    }
    out->value = (double)(ask->own->n - 1 - latest);
    out->threshold = p->patience;
    if (out->value < p->patience)
        return;
    char text[HPT_NUMBER_TEXT_SIZE];
    out->stop = true;
    g_snprintf(out->reason, sizeof out->reason, "no progress in %s reports, since step %" PRId64,
               hpt_prune_text(out->value, text), ask->own->steps[latest]);
}

const HptPruneKind hpt_prune_patience = {
    .name = "patience",
    .version = 1,
    .open = patience_open,
    .is_due = patience_is_due,
    .step = patience_step,
};
