/* Shared by the tests of pruning. */
#ifndef PRUNE_TOOLS_H
#define PRUNE_TOOLS_H

#include "num/random.h"
#include "prune/internal.h"

#include <string.h>

G_GNUC_UNUSED static const bool minimise[] = {false, false, false};
G_GNUC_UNUSED static const bool maximise[] = {true, true, true};
G_GNUC_UNUSED static const double budgets5[] = {1, 3, 9, 27, 81};

static inline HptPruner *pruner_of(const char *spec, const HptPruneStudy *study)
{
    g_autoptr(GError) error = NULL;
    HptPruner *pruner = hpt_pruner_new(spec, study, &error);
    g_assert_no_error(error);
    return pruner;
}

/* A decision is well formed: it says why if it stops, and only then. */
static inline void check_decision(const HptPruner *pruner, const HptPruneDecision *decision)
{
    g_assert_nonnull(decision->rule);
    g_assert_nonnull(strstr(hpt_pruner_get_spec(pruner), decision->rule));
    g_assert_true(decision->stop == (decision->reason[0] != '\0'));
    g_assert_cmpint(decision->compared, >=, 0);
}

static inline bool same_number(double a, double b)
{
    return hpt_prune_compare(a, b) == 0;
}

#endif
