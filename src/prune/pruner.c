/* Specs of pruners: the rules in them, and their canonical form. */
#include "prune/internal.h"

#include "base/number.h"

#include <string.h>

static const HptPruneKind *const kinds[] = {
    &hpt_prune_none,      &hpt_prune_median,   &hpt_prune_percentile,
    &hpt_prune_threshold, &hpt_prune_patience, &hpt_prune_asha,
    &hpt_prune_hyperband, &hpt_prune_race,     &hpt_prune_pbt};

void *hpt_prune_keep(const void *state, size_t size)
{
    return memcpy(g_malloc(size), state, size);
}

/* ---- none ---- */

static void *none_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                       GString *spec, GError **error)
{
    (void)study;
    return hpt_settings_apply("pruner", "none", settings, n, NULL, 0, spec, error) ? g_malloc(1) : NULL;
}

const HptPruneKind hpt_prune_none = {.name = "none", .version = 1, .open = none_open};

/* ---- the spec ---- */

const char *const *hpt_pruner_get_names(void)
{
    static const char *const names[] = {"asha", "auto",      "hyperband", "median",
                                        "none", "patience",  "pbt",       "percentile",
                                        "race", "threshold", NULL};
    return names;
}

/* What auto stands for; docs/design/pruning.md says what was measured for it. With rungs more go on
 * than the paper's one in eta: the square root of the factor between budgets. Owned. */
static char *automatic(const HptPruneStudy *study)
{
    char eta[HPT_NUMBER_TEXT_SIZE];
    hpt_number_text(hpt_number_snap(MAX(sqrt(hpt_prune_budget_eta(study)), 1.01), 3), eta);
    bool folds = study->evaluations > 1;
    if (study->budgets != NULL)
        return g_strconcat("asha:eta=", eta, folds ? "+race" : "", NULL);
    return g_strdup(folds ? "race" : "percentile:percentile=80,startup=10,reports=10");
}

static const HptPruneKind *find_kind(const char *name, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    const char *near = hpt_suggest(name, hpt_pruner_get_names());
    g_autofree char *all = g_strjoinv(", ", (char **)(void *)hpt_pruner_get_names());
    if (strcmp(name, "auto") == 0)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'auto' stands alone and has no settings");
    else if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown pruner '%s'; did you mean '%s'?",
                    name, near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown pruner '%s'; there are %s", name,
                    all);
    return NULL;
}

static bool add_rule(HptPruner *pruner, const char *part, GError **error)
{
    g_autofree char *name = g_strdup(part);
    char *rest = strchr(name, ':');
    if (rest != NULL)
        *rest++ = '\0';
    const HptPruneKind *kind = find_kind(name, error);
    if (kind == NULL)
        return false;
    g_autoptr(GArray) settings = hpt_settings_cut(rest, "pruner", part, error);
    if (settings == NULL)
        return false;
    g_autoptr(GString) full = g_string_new(NULL);
    void *state = kind->open(pruner->study, (const HptSetting *)(void *)settings->data,
                             settings->len, full, error);
    if (state == NULL)
        return false;
    bool budgets = pruner->study->budgets != NULL;
    pruner->rules[pruner->n++] = (HptPruneRule){
        .kind = kind,
        .state = state,
        .spec = g_strconcat(name, full->len > 0 ? ":" : "", full->str, NULL),
        .by_step = kind->step != NULL && (kind->promote == NULL || !budgets),
        .by_rung = kind->promote != NULL && budgets,
    };
    return true;
}

/* Two that answer the same question by themselves would contradict each other. */
static bool agree(const HptPruneRule *a, const HptPruneRule *b, GError **error)
{
    const char *what = NULL;
    if (a->kind == &hpt_prune_none || b->kind == &hpt_prune_none)
        what = "'none' stands alone";
    else if (a->by_step && b->by_step && a->kind->peers && b->kind->peers)
        what = "one rule at most may compare with other trials by step";
    else if (a->by_rung && b->by_rung)
        what = "one rule at most may answer by rung";
    else if (a->kind == b->kind)
        what = "a rule may be given once";
    if (what == NULL)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "pruners '%s' and '%s': %s", a->kind->name,
                b->kind->name, what);
    return false;
}

/* Rules are joined by "+"; one before a digit belongs to a number such as 1e+21. */
static bool add_rules(HptPruner *pruner, const char *spec, GError **error)
{
    g_autofree char *copy = g_strdup(spec);
    for (char *part = copy, *next; part != NULL; part = next) {
        next = part;
        do
            next = strchr(next, '+');
        while (next != NULL && g_ascii_isdigit(next[1]) && *next++ != '\0');
        if (next != NULL)
            *next++ = '\0';
        if (pruner->n == HPT_PRUNE_RULES) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "pruner '%s': more than %d rules", spec,
                        HPT_PRUNE_RULES);
            return false;
        }
        if (!add_rule(pruner, part, error))
            return false;
        for (size_t other = 0; other + 1 < pruner->n; other++)
            if (!agree(&pruner->rules[other], &pruner->rules[pruner->n - 1], error))
                return false;
    }
    return true;
}

HptPruner *hpt_pruner_new(const char *spec, const HptPruneStudy *study, GError **error)
{
    g_autoptr(HptPruner) pruner = g_new0(HptPruner, 1);
    g_autofree char *settled = strcmp(spec, "auto") == 0 ? automatic(study) : g_strdup(spec);
    pruner->study = study;
    if (!add_rules(pruner, settled, error))
        return NULL;
    g_autoptr(GString) full = g_string_new(pruner->rules[0].spec);
    for (size_t i = 1; i < pruner->n; i++)
        g_string_append_printf(full, "+%s", pruner->rules[i].spec);
    pruner->spec = g_string_free(g_steal_pointer(&full), FALSE);
    return g_steal_pointer(&pruner);
}

void hpt_pruner_free(HptPruner *pruner)
{
    if (pruner == NULL)
        return;
    for (size_t i = 0; i < pruner->n; i++) {
        g_free(pruner->rules[i].state);
        g_free(pruner->rules[i].spec);
    }
    g_free(pruner->spec);
    g_free(pruner);
}

const char *hpt_pruner_get_spec(const HptPruner *pruner)
{
    return pruner->spec;
}

int hpt_pruner_get_version(const HptPruner *pruner)
{
    int version = 1;
    for (size_t i = 0; i < pruner->n; i++)
        version += pruner->rules[i].kind->version - 1;
    return version;
}
