#include "tools/study_option.h"

#include "study/prior.h"
#include "tools/tool.h"

#include <string.h>

bool study_option_parts(const char *folds, const char *repeats, int *out_folds, int *out_repeats, GError **error)
{
    int64_t n_folds = 1, n_repeats = 1;
    if (!hpt_tool_whole("folds", folds, 2, 65535, &n_folds, error) ||
        !hpt_tool_whole("repeats", repeats, 1, 65535, &n_repeats, error))
        return false;
    if (n_folds * n_repeats > 10000) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--folds=%" PRId64 " and --repeats=%" PRId64 " are %" PRId64 " runs a trial; 10000 are the most",
                    n_folds, n_repeats, n_folds * n_repeats);
        return false;
    }
    *out_folds = (int)n_folds;
    *out_repeats = (int)n_repeats;
    return true;
}

HptStudy *study_option_make(HptDb *db, const char *name, int64_t total, const HptDefinition *definition,
                            const StudyGiven *given, GError **error)
{
    g_autoptr(HptDefinition) copy = hpt_definition_parse(definition->canonical, strlen(definition->canonical), error);
    if (copy == NULL || (given->priors != NULL &&
                         !hpt_definition_add_priors(copy, db, (const char *const *)given->priors, error)))
        return NULL;
    return hpt_study_create(db, name, total, g_steal_pointer(&copy), error);
}

/* Which earlier studies it has is settled when it is made, as is what they held then. */
static bool compare_priors(const HptStudy *study, char **priors, GError **error)
{
    g_auto(GStrv) names = hpt_definition_prior_names(study->definition);
    bool same = true;
    for (char **name = priors; name != NULL && *name != NULL; name++)
        same = same && g_strv_contains((const char *const *)names, *name);
    for (char **name = names; priors != NULL && *name != NULL; name++)
        same = same && g_strv_contains((const char *const *)priors, *name);
    if (same)
        return true;
    g_autofree char *had = g_strjoinv(", ", names), *given = g_strjoinv(", ", priors);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "study '%s' is there already and differs:\n  prior    - %s\n           + %s\n"
                "hint: give this one another name with -s NEWNAME",
                study->name, *had == '\0' ? "none" : had, given);
    return false;
}

bool study_option_compare(HptDb *db, HptStudy *study, const HptDefinition *definition, const StudyGiven *given,
                          GError **error)
{
    bool extendable = false;
    g_autofree char *difference = hpt_definition_difference(study->definition, definition, given->sampler, given->seed,
                                                            given->pruner, given->window, &extendable);
    if (difference == NULL)
        return compare_priors(study, given->priors, error);
    if (given->extend && extendable) {
        HptDefinition *next = hpt_definition_extend(study->definition, definition, error);
        return next != NULL && hpt_study_extend(db, study, next, error);
    }
    g_strchomp(difference);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "study '%s' is there already and differs:\n%s\nhint: %sgive this one another name "
                "with -s NEWNAME",
                study->name, difference,
                extendable ? "--extend makes it a new version of the study; or "
                : given->extend && study->definition->window > 0
                    ? "an ordered study is not extended, as it would matter when; "
                    : "");
    return false;
}
