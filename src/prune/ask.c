/* From a question to the rule that answers it: of several rules, a stop of any is a stop. */
#include "prune/internal.h"

/* The rule whose level counts: the one that compares with peers. */
static const HptPruneRule *peer_rule(const HptPruner *pruner)
{
    for (size_t i = 0; i < pruner->n; i++)
        if (pruner->rules[i].by_step && pruner->rules[i].kind->peers)
            return &pruner->rules[i];
    return NULL;
}

static const HptPruneRule *rung_rule(const HptPruner *pruner)
{
    for (size_t i = 0; i < pruner->n; i++)
        if (pruner->rules[i].by_rung)
            return &pruner->rules[i];
    return NULL;
}

static const HptPruneRule *fold_rule(const HptPruner *pruner)
{
    for (size_t i = 0; i < pruner->n; i++)
        if (pruner->rules[i].kind->fold != NULL)
            return &pruner->rules[i];
    return NULL;
}

bool hpt_pruner_by_step(const HptPruner *pruner)
{
    for (size_t i = 0; i < pruner->n; i++)
        if (pruner->rules[i].by_step)
            return true;
    return false;
}

bool hpt_pruner_by_rung(const HptPruner *pruner)
{
    return rung_rule(pruner) != NULL;
}

bool hpt_pruner_by_fold(const HptPruner *pruner)
{
    return fold_rule(pruner) != NULL;
}

const HptPbt *hpt_pruner_get_pbt(const HptPruner *pruner, uint64_t *seed)
{
    *seed = pruner->study->seed;
    for (size_t i = 0; i < pruner->n; i++)
        if (pruner->rules[i].kind == &hpt_prune_pbt)
            return pruner->rules[i].state;
    return NULL;
}

/* ---- by step ---- */

static bool due(const HptPruneRule *rule, int64_t trial, int64_t previous, int64_t step)
{
    return rule->by_step && rule->kind->is_due(rule->state, trial, previous, step);
}

bool hpt_pruner_is_due(const HptPruner *pruner, int64_t trial, int64_t previous, int64_t step)
{
    for (size_t i = 0; i < pruner->n; i++)
        if (due(&pruner->rules[i], trial, previous, step))
            return true;
    return false;
}

int64_t hpt_pruner_level(const HptPruner *pruner, int64_t trial, int64_t step)
{
    const HptPruneRule *rule = peer_rule(pruner);
    return rule != NULL ? rule->kind->level(rule->state, trial, step) : step;
}

void hpt_pruner_step(const HptPruner *pruner, int64_t trial, const HptPruneCurve *own,
                     const HptPrunePeer *peers, size_t n, HptPruneDecision *out)
{
    g_assert(own->n > 0 && own->n_decided <= own->n);
    int64_t step = own->steps[own->n - 1];
    int64_t previous = own->n_decided > 0 ? own->steps[own->n_decided - 1] : -1;
    HptPruneAsk ask = {pruner->study, trial, own, peers, n, hpt_pruner_level(pruner, trial, step)};
    bool any = false;
    hpt_prune_go(out);
    out->rule = pruner->rules[0].spec;
    for (size_t i = 0; i < pruner->n; i++) {
        const HptPruneRule *rule = &pruner->rules[i];
        if (!due(rule, trial, previous, step))
            continue;
        HptPruneDecision one;
        hpt_prune_go(&one);
        one.rule = rule->spec;
        rule->kind->step(rule->state, &ask, &one);
        if (one.stop || !any)
            *out = one;
        any = true;
        if (one.stop)
            return;
    }
}

/* ---- by rung ---- */

int hpt_pruner_first_rung(const HptPruner *pruner, int64_t trial)
{
    const HptPruneRule *rule = rung_rule(pruner);
    return rule != NULL && rule->kind->first_rung != NULL
               ? rule->kind->first_rung(rule->state, trial)
               : 0;
}

void hpt_pruner_promote(const HptPruner *pruner, const HptRungResult *results, size_t n, bool more,
                        HptPromotion *out)
{
    const HptPruneRule *rule = rung_rule(pruner);
    *out = (HptPromotion){.kind = HPT_PROMOTE_NONE, .trial = -1, .replaces = -1};
    hpt_prune_go(&out->why);
    out->why.rule = rule != NULL ? rule->spec : pruner->rules[0].spec;
    if (rule != NULL)
        rule->kind->promote(rule->state, pruner->study, results, n, more, out);
}

/* ---- by fold ---- */

int hpt_pruner_first_folds(const HptPruner *pruner)
{
    const HptPruneRule *rule = fold_rule(pruner);
    return rule != NULL ? rule->kind->first_folds(rule->state) : pruner->study->evaluations;
}

void hpt_pruner_fold(const HptPruner *pruner, const HptFoldValues *own,
                     const HptFoldValues *incumbent, HptPruneDecision *out)
{
    const HptPruneRule *rule = fold_rule(pruner);
    hpt_prune_go(out);
    out->rule = rule != NULL ? rule->spec : pruner->rules[0].spec;
    if (rule != NULL && incumbent != NULL)
        rule->kind->fold(rule->state, pruner->study, own, incumbent, out);
}
