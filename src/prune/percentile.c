/* median and percentile: stop a trial whose best so far is worse than a percentile of what complete
 * trials had at this step.
 *
 * Golovin et al., "Google Vizier", KDD 2017, §3.2.2 (the median stopping rule), in the form that is
 * common since: the trial's best so far against the values of the others. Deviations:
 *   - `startup` counts complete trials that were observed at this very step, not all.
 *   - Peers without a number count, as the worst: they are trials that went wrong, and leaving them
 *     out would make the rule harsher the more trials fail.
 *   - Several objectives: the trial's bests, each by itself, take a rank among the peers' values
 *     (rank.c), and the ranks are compared.
 *
 * Settings: percentile  (of percentile alone) stop what is worse than this share of the best; 25
 *           startup     complete trials that must have been seen at the step; 5
 *           warmup      nothing is stopped before this step; 0
 *           interval    and then only every so many steps; 1
 *           reports     of the trial before it may be stopped, whatever their steps are; 1
 */
#include "prune/internal.h"

#include "base/number.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    double percentile, startup, warmup, interval, reports;
    bool median;
} Percentile;

bool hpt_prune_interval_due(double warmup, double interval, int64_t previous, int64_t step)
{
    return hpt_prune_interval_level(warmup, interval, step) >
           hpt_prune_interval_level(warmup, interval, previous);
}

int64_t hpt_prune_interval_level(double warmup, double interval, int64_t step)
{
    int64_t first = (int64_t)warmup, every = (int64_t)interval;
    return step < first ? -1 : first + (step - first) / every * every;
}

static void *open_either(const char *rule, bool median, const HptSetting *settings, size_t n,
                         GString *spec, GError **error)
{
    Percentile p = {median ? 50 : 25, 5, 0, 1, 1, median};
    const HptSettingRule known[] = {
        {"percentile", &p.percentile, 0, 100, false, false, NULL},
        {"startup", &p.startup, 1, 1e9, true, false, NULL},
        {"warmup", &p.warmup, 0, 1e15, true, false, NULL},
        {"interval", &p.interval, 1, 1e15, true, false, NULL},
        {"reports", &p.reports, 1, 1e15, true, false, NULL},
    };
    if (!hpt_settings_apply("pruner", rule, settings, n, known + median, G_N_ELEMENTS(known) - median,
                           spec, error))
        return NULL;
    return hpt_prune_keep(&p, sizeof p);
}

static void *median_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                         GString *spec, GError **error)
{
    (void)study;
    return open_either("median", true, settings, n, spec, error);
}

static void *percentile_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                             GString *spec, GError **error)
{
    (void)study;
    return open_either("percentile", false, settings, n, spec, error);
}

static bool percentile_is_due(const void *state, int64_t trial, int64_t previous, int64_t step)
{
    const Percentile *p = state;
    (void)trial;
    return hpt_prune_interval_due(p->warmup, p->interval, previous, step);
}

static int64_t percentile_level(const void *state, int64_t trial, int64_t step)
{
    const Percentile *p = state;
    (void)trial;
    return hpt_prune_interval_level(p->warmup, p->interval, step);
}

static int by_value(const void *a, const void *b)
{
    return hpt_prune_compare(*(const double *)a, *(const double *)b);
}

/* Linear between neighbours; where one of them is no number or infinite, the worse of the two. */
static double percentile_of(double *costs, size_t n, double percentile)
{
    qsort(costs, n, sizeof *costs, by_value);
    double at = percentile / 100 * (double)(n - 1);
    size_t low = (size_t)at;
    double part = at - (double)low;
    if (low + 1 >= n || part <= 0)
        return costs[MIN(low, n - 1)];
    double a = costs[low], b = costs[low + 1];
    return isfinite(a) && isfinite(b) ? a * (1 - part) + b * part : b;
}

static void stopped(const Percentile *p, const HptPruneAsk *ask, size_t n, HptPruneDecision *out)
{
    char value[48], cut[48], name[48] = "median", number[HPT_NUMBER_TEXT_SIZE];
    hpt_prune_subject(ask->study, out->value, value, sizeof value);
    hpt_prune_subject(ask->study, out->threshold, cut, sizeof cut);
    if (!p->median)
        g_snprintf(name, sizeof name, "percentile %s,", hpt_prune_text(p->percentile, number));
    out->stop = true;
    g_snprintf(out->reason, sizeof out->reason,
               "%s at step %" PRId64 " is worse than the %s %s of %zu", value, ask->level, name,
               cut, n);
}

static void percentile_step(const void *state, const HptPruneAsk *ask, HptPruneDecision *out)
{
    const Percentile *p = state;
    size_t m = ask->study->n_objectives, n = 0;
    g_autofree double *rows = g_new(double, (ask->n + 1) * m);
    hpt_prune_own_best(ask, rows);
    for (size_t i = 0; i < ask->n; i++)
        if (ask->peers[i].complete)
            memcpy(rows + ++n * m, ask->peers[i].values, m * sizeof *rows);
    out->compared = (int64_t)n;
    out->value = m == 1 ? rows[0] : (double)NAN;
    if ((double)n < p->startup || (double)ask->own->n < p->reports)
        return;
    g_autofree double *costs = g_new(double, n);
    double own = hpt_prune_cost(ask->study, 0, rows[0]);
    if (m == 1) {
        for (size_t i = 0; i < n; i++)
            costs[i] = hpt_prune_cost(ask->study, 0, rows[i + 1]);
    } else {
        for (size_t j = 0; j < m; j++)
            if (isnan(rows[j])) /* never reported: nothing to compare */
                return;
        g_autofree size_t *ranks = g_new(size_t, n + 1);
        hpt_prune_ranks(ask->study, rows, n + 1, ranks);
        for (size_t i = 0; i < n; i++)
            costs[i] = (double)ranks[i + 1];
        own = out->value = (double)ranks[0];
    }
    double cut = percentile_of(costs, n, p->percentile);
    out->threshold = m == 1 ? hpt_prune_cost(ask->study, 0, cut) : cut;
    if (hpt_prune_compare(own, cut) > 0)
        stopped(p, ask, n, out);
}

#define PERCENTILE_KIND(title, opener)                                                             \
    {                                                                                              \
        .name = (title), .version = 1, .peers = true, .open = (opener),                            \
        .is_due = percentile_is_due, .level = percentile_level, .step = percentile_step,           \
    }

const HptPruneKind hpt_prune_median = PERCENTILE_KIND("median", median_open);
const HptPruneKind hpt_prune_percentile = PERCENTILE_KIND("percentile", percentile_open);
