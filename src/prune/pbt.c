/* pbt: population based training. A trial that ends a rung among the worst is replaced by a child
 * of one of the best, which begins at the next rung with its parent's checkpoint and a
 * configuration explored from its parent's (pbt_explore.c); the others go on.
 *
 * Jaderberg, Dalibard, Osindero, et al., "Population based training of neural networks", 2017,
 * Algorithm 1 with truncation selection (§4.1.1). Deviations:
 *   - Members keep step by rungs: the lowest rung that has someone to go on is served first, and
 *     rung 0 waits for the whole population as long as new trials may begin. So any number of
 *     workers, even one, trains a population.
 *   - A child is a trial of its own, so that each trial has one configuration in the record.
 *   - A trial that failed is always replaced. If no new trial may begin nobody is replaced, and
 *     those that have a value go on.
 *
 * Settings: population  trials that end rung 0 before anyone goes on; 10
 *           quantile    the share of worst that are replaced, and of best that replace them; 0.2
 *           factor      a number is multiplied or divided by it; 1.2
 *           resample    chance that a parameter is drawn anew; 0.25
 */
#include "prune/internal.h"

#include "num/random.h"

static void *pbt_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                      GString *spec, GError **error)
{
    if (study->budgets == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'pbt' needs rungs\nhint: give --budget LO..HI");
        return NULL;
    }
    HptPbt pbt = {10, 0.2, 1.2, 0.25};
    const HptSettingRule known[] = {
        {"population", &pbt.population, 2, 1e6, true, false, NULL},
        {"quantile", &pbt.quantile, 0, 0.5, false, false, NULL},
        {"factor", &pbt.factor, 1, 100, false, false, NULL},
        {"resample", &pbt.resample, 0, 1, false, false, NULL},
    };
    if (!hpt_settings_apply("pruner", "pbt", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    return hpt_prune_keep(&pbt, sizeof pbt);
}

static void say(HptPromotion *out, const HptRungPlace *place, size_t at, size_t n, bool child)
{
    int rung = place->result->rung;
    out->why.value = (double)at;
    out->why.threshold = (double)n;
    out->why.compared = (int64_t)n - 1;
    if (child)
        g_snprintf(out->why.reason, sizeof out->why.reason,
                   "trial %" PRId64 " is number %zu of %zu at rung %d; a child of trial %" PRId64
                   " takes its place",
                   out->replaces, at + 1, n, rung, out->trial);
    else
        g_snprintf(out->why.reason, sizeof out->why.reason, "number %zu of %zu at rung %d goes on",
                   at + 1, n, rung);
}

/* Settles the place of the member at places[at], which has ended its rung. */
static void settle(const HptPbt *pbt, const HptPruneStudy *study, const HptRungPlace *places,
                   size_t n, size_t at, bool more, HptPromotion *out)
{
    const HptRungResult *member = places[at].result;
    size_t good = 0;
    while (good < n && hpt_prune_succeeded(study, places[good].result))
        good++;
    size_t edge = (size_t)(pbt->quantile * (double)n);
    bool failed = !hpt_prune_succeeded(study, member);
    out->rung = member->rung + 1;
    out->replaces = member->trial;
    if (more && (failed || (at >= n - edge && at >= good / 2 + 1))) {
        HptStream stream = hpt_stream(study->seed, member->trial, "pbt", "parent");
        size_t best = MIN(MAX(edge, 1), good);
        size_t parent = (size_t)hpt_stream_below(&stream, (uint64_t)member->rung, best);
        out->kind = HPT_PROMOTE_CHILD;
        out->trial = places[parent].result->trial;
        say(out, &places[at], at, n, true);
    } else {
        out->kind = HPT_PROMOTE_TRIAL;
        out->trial = member->trial;
        say(out, &places[at], at, n, false);
    }
}

/* Of those at rung who have not gone on, the lowest number that can be settled. */
static bool settle_rung(const HptPbt *pbt, const HptPruneStudy *study, const HptRungResult *results,
                        size_t n, int rung, bool more, HptPromotion *out)
{
    g_autofree HptRungPlace *places = g_new(HptRungPlace, n);
    size_t here = 0;
    bool waiting = false;
    for (size_t i = 0; i < n; i++)
        if (results[i].rung == rung) {
            places[here++] = (HptRungPlace){&results[i], 0};
            waiting = waiting || !results[i].promoted;
        }
    if (!waiting || (rung == 0 && more && (double)here < pbt->population))
        return false;
    hpt_rung_order(study, places, here);
    bool any_good = hpt_prune_succeeded(study, places[0].result);
    size_t next = SIZE_MAX;
    for (size_t i = 0; i < here; i++) {
        const HptRungResult *result = places[i].result;
        bool stuck = !hpt_prune_succeeded(study, result) && (!more || !any_good);
        if (!result->promoted && !stuck &&
            (next == SIZE_MAX || result->trial < places[next].result->trial))
            next = i;
    }
    if (next == SIZE_MAX)
        return false;
    settle(pbt, study, places, here, next, more, out);
    return true;
}

static void pbt_promote(const void *state, const HptPruneStudy *study, const HptRungResult *results,
                        size_t n, bool more, HptPromotion *out)
{
    for (int rung = 0; rung + 1 < study->n_budgets; rung++)
        if (settle_rung(state, study, results, n, rung, more, out))
            return;
}

const HptPruneKind hpt_prune_pbt = {
    .name = "pbt",
    .version = 1,
    .open = pbt_open,
    .promote = pbt_promote,
};
