/* Proposals made again from the rows of a bundle, without a database. */
#include "study/suggest-internal.h"

#include "base/digest.h"
#include "base/json.h"
#include "study/compare-bundle-internal.h"

#include <string.h>

typedef struct {
    const HptFactsBundle *bundle;
    const char *study;
    GHashTable *definitions; /* version → HptDefinition */
    GHashTable *configs;     /* number → canonical text */
    GPtrArray *results;      /* rows */
} Bundle;

static void free_definition(void *definition)
{
    hpt_definition_free(definition);
}

static void bundle_clear(Bundle *bundle)
{
    g_clear_pointer(&bundle->definitions, g_hash_table_unref);
    g_clear_pointer(&bundle->configs, g_hash_table_unref);
    g_clear_pointer(&bundle->results, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bundle, bundle_clear)

static const HptDefinition *bundle_definition(void *user, int version, GError **error)
{
    Bundle *bundle = user;
    HptDefinition *known = g_hash_table_lookup(bundle->definitions, GINT_TO_POINTER(version));
    if (known == NULL) {
        known = hpt_bundle_definition(bundle->bundle, bundle->study, version, error);
        if (known != NULL)
            g_hash_table_insert(bundle->definitions, GINT_TO_POINTER(version), known);
    }
    return known;
}

static void bundle_fill(void *user, HptPast *past)
{
    const Bundle *bundle = user;
    for (guint i = 0; i < bundle->results->len; i++) {
        const json_t *row = bundle->results->pdata[i];
        int64_t number = hpt_row_integer(row, "number", -1);
        const char *config = g_hash_table_lookup(bundle->configs, &number);
        HptMeasured measured = {0};
        g_autofree double *objectives = hpt_row_reals(row, "objectives", &measured.n_objectives);
        g_autofree double *constraints = hpt_row_reals(row, "constraints", &measured.n_constraints);
        measured.objectives = objectives;
        measured.constraints = constraints;
        hpt_past_add_one(past, number, (int)hpt_row_integer(row, "turn", 0), config,
                         config == NULL ? 0 : strlen(config), &measured);
    }
}

/* A trial of the bundle: its configuration is kept, and, if it is one that is asked for, what it was made of. */
static bool take_trial(Bundle *bundle, GArray *trials, const json_t *row, int64_t asked, GError **error)
{
    HptSuggestTrial trial = {
        .number = hpt_row_integer(row, "number", -1),
        .version = (int)hpt_row_integer(row, "definition", 0),
    };
    char *config = hpt_row_has(row, "config") ? hpt_json_canonical(json_object_get(row, "config"), error) : NULL;
    if (config == NULL)
        return !hpt_row_has(row, "config");
    g_hash_table_insert(bundle->configs, g_memdup2(&trial.number, sizeof trial.number), config);
    if ((asked >= 0 && trial.number != asked) || g_strcmp0(hpt_row_text(row, "origin"), "pbt") == 0)
        return true;
    trial.config_hash = hpt_digest(config, strlen(config));
    if (hpt_row_has(row, "proposal")) {
        trial.proposal = hpt_json_canonical(json_object_get(row, "proposal"), error);
        if (trial.proposal == NULL)
            return false;
    }
    g_array_append_val(trials, trial);
    return true;
}

/* A name without a slash may be a study's. */
static HptFacts *read_named(HptFactsBundle *file, const char *inside, GError **error)
{
    GError *no_trial = NULL;
    HptFacts *named = hpt_facts_bundle_read(file, inside, &no_trial);
    if (named == NULL && g_error_matches(no_trial, HPT_ERROR, HPT_ERROR_USAGE) && strchr(inside, '/') == NULL) {
        g_autofree char *study = g_strconcat(inside, "/", NULL);
        g_clear_error(&no_trial);
        named = hpt_facts_bundle_read(file, study, &no_trial);
    }
    if (no_trial != NULL)
        g_propagate_error(error, no_trial);
    return named;
}

bool hpt_suggest_check_bundle(const char *path, const char *inside, HptSuggestTell tell, void *user, GError **error)
{
    g_autoptr(HptFactsBundle) file = hpt_facts_bundle_open(path, error);
    g_autoptr(HptFacts) named = file == NULL ? NULL : read_named(file, inside, error);
    if (named == NULL)
        return false;
    g_auto(Bundle) bundle = {
        .bundle = file,
        .study = named->study,
        .definitions = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_definition),
        .configs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
        .results = hpt_bundle_rows_of(file, "result", named->study, -1, error),
    };
    g_autoptr(GPtrArray) rows =
        bundle.results == NULL ? NULL : hpt_bundle_rows_of(file, "trial", named->study, -1, error);
    g_autoptr(GArray) trials = hpt_suggest_trials_new();
    if (rows == NULL)
        return false;
    for (guint i = 0; i < rows->len; i++)
        if (!take_trial(&bundle, trials, rows->pdata[i], named->trial, error))
            return false;
    HptSuggestSource source = {trials, bundle_definition, bundle_fill, &bundle};
    return hpt_suggest_run(&source, tell, user, error);
}
