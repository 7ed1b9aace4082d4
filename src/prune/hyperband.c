/* hyperband: asha in several brackets, each beginning at another rung, so that a study is not lost
 * where short runs mislead.
 *
 * Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar, "Hyperband: a novel bandit-based approach to
 * hyperparameter optimization", JMLR 18, 2018, Algorithm 1: with s_max + 1 rungs, bracket s begins
 * s rungs below the top with ceil((s_max + 1) / (s + 1) · eta^s) trials. Within a bracket, asha
 * (halving.c), as in Li et al. 2020. Deviations:
 *   - Trials are not started bracket by bracket: a trial's bracket follows from its number by the
 *     golden-ratio sequence over the paper's shares, so that they hold in any run of numbers and
 *     for any total, and depend on nothing else.
 *   - By step, a trial is compared with those of its own bracket alone.
 *
 * Settings: eta, min, max, grace as in asha; max must be given by step: it fixes the brackets.
 */
#include "prune/internal.h"

#define MAX_BRACKETS 64

typedef struct {
    double eta, min, max, grace;
    int n;                      /* brackets = rungs */
    double until[MAX_BRACKETS]; /* by first rung: cumulative share */
} Hyperband;

/* ceil((s_max + 1) / (s + 1) · eta^s) trials for each bracket, as shares. */
static void share(Hyperband *h)
{
    double sum = 0;
    for (int first = 0; first < h->n; first++) {
        int s = h->n - 1 - first;
        double trials = (double)h->n / (s + 1);
        for (int k = 0; k < s; k++)
            trials *= h->eta;
        sum += ceil(trials);
        h->until[first] = sum;
    }
    for (int first = 0; first < h->n; first++)
        h->until[first] /= sum;
}

/* Rungs min, min·eta … up to max, the last being max itself if it is on the way. */
static int count_rungs(const Hyperband *h)
{
    int n = 0;
    for (double level = h->min; level <= h->max && n < MAX_BRACKETS; n++)
        level = MAX(level + 1, ceil(level * h->eta));
    return n;
}

static void *hyperband_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                            GString *spec, GError **error)
{
    Hyperband h = {.eta = hpt_prune_budget_eta(study), .min = 1, .max = (double)NAN, .grace = 5};
    const HptSettingRule known[] = {
        {"eta", &h.eta, 1.01, 1000, false, false, NULL},
        {"min", &h.min, 1, 1e15, true, false, NULL},
        {"max", &h.max, 1, 1e15, true, true, NULL},
        {"grace", &h.grace, 2, 1e6, true, false, NULL},
    };
    size_t n_known = study->budgets != NULL ? 1 : G_N_ELEMENTS(known);
    if (!hpt_settings_apply("pruner", "hyperband", settings, n, known, n_known, spec, error))
        return NULL;
    if (study->budgets == NULL && !(h.max >= h.min)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'hyperband': 'max' must be given and be at least 'min'\n"
                    "hint: max is the last step of a whole run; it fixes the brackets");
        return NULL;
    }
    h.n = study->budgets != NULL ? MIN(study->n_budgets, MAX_BRACKETS) : count_rungs(&h);
    share(&h);
    return hpt_prune_keep(&h, sizeof h);
}

static int first_rung_of(const void *state, int64_t trial)
{
    const Hyperband *h = state;
    uint64_t golden = (uint64_t)trial * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / φ */
    double u = (double)(golden >> 11) * 0x1p-53;
    int first = 0;
    while (first + 1 < h->n && !(u < h->until[first]))
        first++;
    return first;
}

static int64_t hyperband_level(const void *state, int64_t trial, int64_t step)
{
    const Hyperband *h = state;
    return hpt_halving_level(h->min, h->eta, h->max, first_rung_of(h, trial), step);
}

static bool hyperband_is_due(const void *state, int64_t trial, int64_t previous, int64_t step)
{
    return hyperband_level(state, trial, step) > hyperband_level(state, trial, previous);
}

typedef struct {
    const Hyperband *h;
    int first;
} Own;

static bool same_bracket(const void *data, int64_t trial)
{
    const Own *own = data;
    return first_rung_of(own->h, trial) == own->first;
}

static void hyperband_step(const void *state, const HptPruneAsk *ask, HptPruneDecision *out)
{
    const Hyperband *h = state;
    Own own = {h, first_rung_of(h, ask->trial)};
    hpt_halving_step(ask, h->eta, h->grace, same_bracket, &own, out);
}

static void hyperband_promote(const void *state, const HptPruneStudy *study,
                              const HptRungResult *results, size_t n, bool more, HptPromotion *out)
{
    const Hyperband *h = state;
    hpt_halving_promote(study, h->eta, first_rung_of, h, results, n, more, out);
}

const HptPruneKind hpt_prune_hyperband = {
    .name = "hyperband",
    .version = 1,
    .peers = true,
    .open = hyperband_open,
    .is_due = hyperband_is_due,
    .level = hyperband_level,
    .step = hyperband_step,
    .first_rung = first_rung_of,
    .promote = hyperband_promote,
};
