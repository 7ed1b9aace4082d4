/* threshold: stop a trial whose value leaves a range. A NaN leaves every range; with several
 * objectives, where it may also mean "not reported", only if the whole row is NaN.
 *
 * Settings: lower, upper  the range, both ends inside; one of them must be given
 *           objective     which, counted from 1; 1
 *           warmup        nothing is stopped before this step; 0
 *           interval      and then only every so many steps; 1
 */
#include "prune/internal.h"

#include "base/number.h"

typedef struct {
    double lower, upper, objective, warmup, interval;
} Threshold;

static void *threshold_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                            GString *spec, GError **error)
{
    Threshold t = {(double)NAN, (double)NAN, 1, 0, 1};
    const HptSettingRule known[] = {
        {"lower", &t.lower, -G_MAXDOUBLE, G_MAXDOUBLE, false, true, NULL},
        {"upper", &t.upper, -G_MAXDOUBLE, G_MAXDOUBLE, false, true, NULL},
        {"objective", &t.objective, 1, (double)study->n_objectives, true, false, NULL},
        {"warmup", &t.warmup, 0, 1e15, true, false, NULL},
        {"interval", &t.interval, 1, 1e15, true, false, NULL},
    };
    if (!hpt_settings_apply("pruner", "threshold", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    if (isnan(t.lower) && isnan(t.upper)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'threshold': 'lower' or 'upper' must be given");
        return NULL;
    }
    if (t.lower > t.upper) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'threshold': 'lower' is above 'upper'");
        return NULL;
    }
    return hpt_prune_keep(&t, sizeof t);
}

static bool threshold_is_due(const void *state, int64_t trial, int64_t previous, int64_t step)
{
    const Threshold *t = state;
    (void)trial;
    return hpt_prune_interval_due(t->warmup, t->interval, previous, step);
}

static void threshold_step(const void *state, const HptPruneAsk *ask, HptPruneDecision *out)
{
    const Threshold *t = state;
    size_t m = ask->study->n_objectives;
    const double *row = ask->own->values + (ask->own->n - 1) * m;
    double value = row[(size_t)t->objective - 1];
    out->value = value;
    bool nothing = true;
    for (size_t j = 0; j < m; j++)
        nothing = nothing && isnan(row[j]);
    bool below = value < t->lower;
    bool above = value > t->upper;
    out->threshold = below || (isnan(t->upper) && !above) ? t->lower : t->upper;
    if (!below && !above && !nothing)
        return;
    char text[HPT_NUMBER_TEXT_SIZE], end[HPT_NUMBER_TEXT_SIZE];
    out->stop = true;
    g_snprintf(out->reason, sizeof out->reason, "%s at step %" PRId64 " is %s%s",
               hpt_prune_text(value, text), ask->own->steps[ask->own->n - 1],
               nothing ? "no number"
               : below ? "below "
                       : "above ",
               nothing ? "" : hpt_prune_text(out->threshold, end));
}

const HptPruneKind hpt_prune_threshold = {
    .name = "threshold",
    .version = 1,
    .open = threshold_open,
    .is_due = threshold_is_due,
    .step = threshold_step,
};
