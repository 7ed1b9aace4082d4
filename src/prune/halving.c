/* Successive halving without waiting: what asha and hyperband share.
 *
 * By rung: Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht, Talwalkar, "A system for
 * massively parallel hyperparameter tuning", MLSys 2020, Algorithm 2 (get_job). Deviations:
 *   - Once no new trial may begin, a rung sends on its best even if it has fewer than eta results;
 *     else a small study would end without a trial that had the whole budget.
 *   - A failed trial counts in its rung, as the worst, and is never promoted. Ties go to the lower
 *     trial number. Candidates of several brackets at one rung: the bracket with the lower first
 *     rung comes first.
 *
 * By step: the stopping variant (§3.3 there; also Tune and Syne Tune), in which a trial that is not
 * among the best 1/eta at its rung stops and is lost. Deviations:
 *   - The best 1/eta are rounded up, equal values are all among them, and nobody is stopped while
 *     the rung has fewer than `grace` results, the trial's own included; so the first at a rung do
 *     not have to beat each other, and constant values stop nobody.
 */
#include "prune/internal.h"

#include "base/number.h"

#include <stdlib.h>
#include <string.h>

/* ---- by step ---- */

int64_t hpt_halving_level(double min, double eta, double max, int skip, int64_t step)
{
    double level = min, at = MIN((double)step, 0x1p62);
    int64_t reached = -1;
    for (int k = 0; level <= at && !(level >= max); k++) {
        if (k >= skip)
            reached = (int64_t)level;
        level = MAX(level + 1, ceil(level * eta));
    }
    return reached;
}

/* The value of the place-th best (from 0), and the ranks of all: own is row 0. */
static double value_at_place(const HptPruneStudy *study, const double *rows, const size_t *ranks,
                             size_t n, size_t place)
{
    size_t best = 0;
    bool found = false; /* of the rows with rank ≤ place the one with the largest rank */
    for (size_t i = 0; i < n; i++)
        if (ranks[i] <= place && (!found || ranks[i] > ranks[best])) {
            best = i;
            found = true;
        }
    return study->n_objectives > 1 ? (double)ranks[best] : rows[best];
}

void hpt_halving_step(const HptPruneAsk *ask, double eta, double grace, HptPruneKeep keep,
                      const void *data, HptPruneDecision *out)
{
    size_t m = ask->study->n_objectives, n = 1;
    g_autofree double *rows = g_new(double, (ask->n + 1) * m);
    if (!hpt_prune_own_at(ask, rows))
        return;
    for (size_t i = 0; i < ask->n; i++)
        if (keep == NULL || keep(data, ask->peers[i].trial))
            memcpy(rows + n++ * m, ask->peers[i].values, m * sizeof *rows);
    out->compared = (int64_t)n - 1;
    out->value = m == 1 ? rows[0] : (double)NAN;
    if ((double)n < grace)
        return;
    g_autofree size_t *ranks = g_new(size_t, n);
    hpt_prune_ranks(ask->study, rows, n, ranks);
    size_t keeps = (size_t)ceil((double)n / eta);
    out->value = m == 1 ? rows[0] : (double)ranks[0];
    out->threshold = value_at_place(ask->study, rows, ranks, n, keeps - 1);
    if (ranks[0] < keeps)
        return;
    char value[48], cut[48];
    hpt_prune_subject(ask->study, out->value, value, sizeof value);
    hpt_prune_subject(ask->study, out->threshold, cut, sizeof cut);
    out->stop = true;
    g_snprintf(out->reason, sizeof out->reason,
               "%s at step %" PRId64 " is not among the best %zu of %zu, which end at %s", value,
               ask->level, keeps, n, cut);
}

/* ---- by rung ---- */

double hpt_prune_budget_eta(const HptPruneStudy *study)
{
    return study->n_budgets > 1 ? MAX(study->budgets[1] / study->budgets[0], 1.01) : 3;
}

static int by_rank(const void *a, const void *b)
{
    const HptRungPlace *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->result->trial > y->result->trial) - (x->result->trial < y->result->trial);
}

bool hpt_prune_succeeded(const HptPruneStudy *study, const HptRungResult *result)
{
    bool good = result->values != NULL;
    for (size_t j = 0; good && j < study->n_objectives; j++)
        good = !isnan(result->values[j]);
    return good;
}

void hpt_rung_order(const HptPruneStudy *study, HptRungPlace *places, size_t n)
{
    size_t m = study->n_objectives;
    g_autofree double *rows = g_new(double, n *m);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            rows[i * m + j] = hpt_prune_succeeded(study, places[i].result)
                                  ? places[i].result->values[j]
                                  : (double)NAN;
    g_autofree size_t *ranks = g_new(size_t, n);
    hpt_prune_ranks(study, rows, n, ranks);
    for (size_t i = 0; i < n; i++)
        places[i].rank = hpt_prune_succeeded(study, places[i].result) ? ranks[i] : n;
    qsort(places, n, sizeof *places, by_rank);
}

typedef struct {
    HptRungPlace place;
    int bracket;
} Filed;

/* Highest rung first, then the bracket: the order in which promotions are looked for. */
static int by_rung(const void *a, const void *b)
{
    const Filed *x = a, *y = b;
    if (x->place.result->rung != y->place.result->rung)
        return x->place.result->rung > y->place.result->rung ? -1 : 1;
    return (x->bracket > y->bracket) - (x->bracket < y->bracket);
}

static void promoted(const HptPruneStudy *study, const HptRungPlace *places, size_t i, size_t n,
                     size_t keeps, HptPromotion *out)
{
    const HptRungResult *result = places[i].result;
    out->kind = HPT_PROMOTE_TRIAL;
    out->trial = out->replaces = result->trial;
    out->rung = result->rung + 1;
    bool single = study->n_objectives == 1;
    out->why.value = single ? result->values[0] : (double)places[i].rank;
    const HptRungPlace *cut = &places[keeps - 1];
    out->why.threshold = !single                       ? (double)cut->rank
                         : cut->result->values != NULL ? cut->result->values[0]
                                                       : (double)NAN;
    out->why.compared = (int64_t)n - 1;
    char value[48];
    hpt_prune_subject(study, out->why.value, value, sizeof value);
    g_snprintf(out->why.reason, sizeof out->why.reason,
               "%s is number %zu of %zu at rung %d, the best %zu go on", value, i + 1, n,
               result->rung, keeps);
}

/* The best of a full group that may go on, if one may. */
static bool promote_one(const HptPruneStudy *study, HptRungPlace *places, size_t n, double eta,
                        bool more, HptPromotion *out)
{
    size_t keeps = (size_t)((double)n / eta);
    if (!more && keeps == 0)
        keeps = 1;
    if (keeps == 0)
        return false;
    hpt_rung_order(study, places, n);
    for (size_t i = 0; i < keeps; i++)
        if (!places[i].result->promoted && hpt_prune_succeeded(study, places[i].result)) {
            promoted(study, places, i, n, keeps, out);
            return true;
        }
    return false;
}

void hpt_halving_promote(const HptPruneStudy *study, double eta, HptPruneBracket bracket,
                         const void *data, const HptRungResult *results, size_t n, bool more,
                         HptPromotion *out)
{
    g_autofree Filed *filed = g_new(Filed, n);
    g_autofree HptRungPlace *places = g_new(HptRungPlace, n);
    for (size_t i = 0; i < n; i++)
        filed[i] = (Filed){{&results[i], 0}, bracket != NULL ? bracket(data, results[i].trial) : 0};
    if (n > 0)
        qsort(filed, n, sizeof *filed, by_rung);
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && by_rung(&filed[begin], &filed[end]) == 0; end++)
            places[end - begin] = filed[end].place;
        int rung = filed[begin].place.result->rung;
        if (rung + 1 < study->n_budgets && promote_one(study, places, end - begin, eta, more, out))
            return;
    }
}
