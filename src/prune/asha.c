/* asha: asynchronous successive halving; see halving.c for the paper and the deviations.
 *
 * Settings: eta    one of eta goes on; 3, or with budgets the factor between the first two
 *           min    by step: the first rung; rungs are at min, min·eta, min·eta² …
 *           max    by step: no rung at or beyond it
 *           grace  by step: results at a rung, the trial's own included, before anyone is stopped
 */
#include "prune/internal.h"

typedef struct {
    double eta, min, max, grace;
} Asha;

static void *asha_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                       GString *spec, GError **error)
{
    Asha asha = {hpt_prune_budget_eta(study), 1, (double)NAN, 5};
    const HptSettingRule known[] = {
        {"eta", &asha.eta, 1.01, 1000, false, false, NULL},
        {"min", &asha.min, 1, 1e15, true, false, NULL},
        {"max", &asha.max, 1, 1e15, true, true, NULL},
        {"grace", &asha.grace, 2, 1e6, true, false, NULL},
    };
    size_t n_known = study->budgets != NULL ? 1 : G_N_ELEMENTS(known);
    if (!hpt_settings_apply("pruner", "asha", settings, n, known, n_known, spec, error))
        return NULL;
    if (asha.max <= asha.min) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "pruner 'asha': 'max' must be above 'min'");
        return NULL;
    }
    return hpt_prune_keep(&asha, sizeof asha);
}

static int64_t asha_level(const void *state, int64_t trial, int64_t step)
{
    const Asha *asha = state;
    (void)trial;
    return hpt_halving_level(asha->min, asha->eta, asha->max, 0, step);
}

static bool asha_is_due(const void *state, int64_t trial, int64_t previous, int64_t step)
{
    return asha_level(state, trial, step) > asha_level(state, trial, previous);
}

static void asha_step(const void *state, const HptPruneAsk *ask, HptPruneDecision *out)
{
    const Asha *asha = state;
    hpt_halving_step(ask, asha->eta, asha->grace, NULL, NULL, out);
}

static void asha_promote(const void *state, const HptPruneStudy *study,
                         const HptRungResult *results, size_t n, bool more, HptPromotion *out)
{
    const Asha *asha = state;
    hpt_halving_promote(study, asha->eta, NULL, NULL, results, n, more, out);
}

const HptPruneKind hpt_prune_asha = {
    .name = "asha",
    .version = 1,
    .peers = true,
    .open = asha_open,
    .is_due = asha_is_due,
    .level = asha_level,
    .step = asha_step,
    .promote = asha_promote,
};
