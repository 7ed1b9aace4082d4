/* The rows of a bundle as facts: what study/compare-read.c asks the views for. */
#include "base/number.h"
#include "study/compare-bundle-internal.h"
#include "study/compare-facts.h"

#include <math.h>
#include <string.h>

/* Bytes that were hashed as canonical JSON, written again; NULL without an error if the row has
 * none. */
static char *canonical_of(const json_t *row, const char *name, GError **error)
{
    const json_t *value = json_object_get(row, name);
    return value != NULL ? hpt_json_canonical(value, error) : NULL;
}

/* ---- single rows ---- */

static json_t *find_row(const HptFactsBundle *bundle, const char *table, const char *study,
                        int64_t number, const char *key, int64_t value, GError **error)
{
    HptBundleRows rows = hpt_bundle_rows(bundle, table, study, number);
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, error)) != NULL; json_decref(row))
        if (key == NULL || hpt_row_integer(row, key, 0) == value)
            return row;
    return NULL;
}

/* ---- environments ---- */

static void add_items(HptFacts *facts, const json_t *canonical)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(canonical, "items"), i, item)
    {
        const char *kind = hpt_row_text(item, "kind"), *name = hpt_row_text(item, "name");
        const char *value = hpt_row_text(item, "value");
        if (kind != NULL && name != NULL)
            hpt_facts_add(facts, HPT_SECTION_ENVIRONMENT, kind, name,
                          value != NULL ? value : hpt_row_text(item, "value_hex"));
    }
}

static bool add_environment(const HptFactsBundle *bundle, const char *digest, HptFacts *facts,
                            GError **error)
{
    GError *problem = NULL;
    g_autoptr(json_t) row =
        digest != NULL ? hpt_bundle_row_by_digest(bundle, "environment", digest, &problem) : NULL;
    const json_t *canonical = json_object_get(row, "canonical");
    add_items(facts, canonical);
    const char *name;
    json_t *part;
    json_object_foreach(json_object_get(canonical, "parts"), name, part)
    {
        const char *of = json_string_value(part);
        if (of == NULL || problem != NULL)
            continue;
        g_autoptr(json_t) found =
            hpt_bundle_row_by_digest(bundle, "environment_part", of, &problem);
        add_items(facts, json_object_get(found, "canonical"));
    }
    if (row == NULL)
        facts->sections &= ~HPT_SECTION_BIT(ENVIRONMENT);
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

/* ---- code, inputs ---- */

/* Adds what a row holds as its canonical bytes; without it the facts lack the section. */
static bool add_canonical(const HptFactsBundle *bundle, const char *table, const char *digest,
                          HptFacts *facts, unsigned section,
                          bool add(HptFacts *, const void *, size_t, GError **), GError **error)
{
    GError *problem = NULL;
    size_t length = 0;
    g_autofree char *canonical = hpt_bundle_canonical(bundle, table, digest, &length, &problem);
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    if (canonical != NULL)
        return add(facts, canonical, length, error);
    facts->sections &= ~section;
    return true;
}

static bool add_code(const HptFactsBundle *bundle, const json_t *attempt, HptFacts *facts,
                     GError **error)
{
    return add_canonical(bundle, "code", hpt_row_text(attempt, "code"), facts,
                         HPT_SECTION_BIT(CODE), hpt_facts_add_code, error);
}

static bool add_inputs(const HptFactsBundle *bundle, const json_t *attempt, HptFacts *facts,
                       GError **error)
{
    hpt_facts_add(facts, HPT_SECTION_INPUTS, "", HPT_FACT_TRACE, hpt_row_text(attempt, "trace"));
    const char *common = hpt_row_text(attempt, "common_inputs");
    return add_canonical(bundle, "input_set", hpt_row_text(attempt, "inputs"), facts,
                         HPT_SECTION_BIT(INPUTS), hpt_facts_add_inputs, error) &&
           (common == NULL || add_canonical(bundle, "input_set", common, facts,
                                            HPT_SECTION_BIT(INPUTS), hpt_facts_add_inputs, error));
}

/* ---- trials ---- */

typedef struct {
    HptFactsBundle *bundle;
    const char *study;
    int64_t trial;
    int attempt;               /* 0: the trial as it counts */
    int64_t counting;          /* the attempt that does */
    const json_t *row, *run;   /* of trial, and of the attempt that is looked at */
    GPtrArray *evaluations;    /* json_t * */
    HptDefinition *definition; /* NULL while it is only proposed */
    HptFacts *facts;
} Reading;

static bool has_parts(const Reading *reading)
{
    return hpt_row_has(reading->row, "rung");
}

/* The evaluation that this attempt was the last of; NULL: none. */
static const json_t *evaluation_of(const Reading *reading, int64_t attempt)
{
    for (guint i = 0; i < reading->evaluations->len; i++)
        if (hpt_row_has(reading->evaluations->pdata[i], "attempt") &&
            hpt_row_integer(reading->evaluations->pdata[i], "attempt", 0) == attempt)
            return reading->evaluations->pdata[i];
    return NULL;
}

static bool counts(const Reading *reading, int64_t attempt)
{
    if (reading->attempt > 0)
        return attempt == reading->attempt;
    return attempt == reading->counting ||
           (has_parts(reading) && evaluation_of(reading, attempt) != NULL);
}

static GPtrArray *rows_of(const Reading *reading, const char *table, GError **error)
{
    return hpt_bundle_rows_of(reading->bundle, table, reading->study, reading->trial, error);
}

static HptPartValue part_of(const json_t *evaluation, double value)
{
    return (HptPartValue){
        .budget = hpt_row_has(evaluation, "budget") ? hpt_row_real(evaluation, "budget") : 0,
        .fold = (int)hpt_row_integer(evaluation, "fold", 0),
        .repeat = (int)hpt_row_integer(evaluation, "repeat", 0),
        .value = value,
    };
}

static bool add_metrics(const Reading *reading, GError **error)
{
    g_autoptr(GPtrArray) metrics = rows_of(reading, "metric", error);
    if (metrics == NULL)
        return false;
    for (guint i = 0; i < metrics->len; i++) {
        const json_t *row = metrics->pdata[i];
        bool mine = reading->attempt > 0 ? hpt_row_integer(row, "attempt", 0) == reading->attempt &&
                                               !hpt_row_has(row, "n")
                                         : hpt_row_integer(row, "attempt", 0) == reading->counting;
        if (mine)
            hpt_facts_add_number(reading->facts, HPT_SECTION_METRICS, "", hpt_row_text(row, "name"),
                                 hpt_row_real(row, "value"));
    }
    g_autoptr(GPtrArray) values = rows_of(reading, "evaluation_metric", error);
    if (values == NULL)
        return false;
    g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(HptFactsPart));
    for (guint i = 0; i < values->len; i++) {
        const json_t *row = values->pdata[i];
        int64_t attempt = hpt_row_integer(row, "attempt", 0);
        if (reading->attempt > 0) {
            if (attempt == reading->attempt)
                hpt_facts_add_number(reading->facts, HPT_SECTION_METRICS, "",
                                     hpt_row_text(row, "name"), hpt_row_real(row, "value"));
            continue;
        }
        const json_t *evaluation = evaluation_of(reading, attempt);
        if (evaluation == NULL || !has_parts(reading) ||
            hpt_row_integer(evaluation, "rung", 0) != hpt_row_integer(reading->row, "rung", 0))
            continue;
        HptFactsPart part = {hpt_row_text(row, "name"),
                             part_of(evaluation, hpt_row_real(row, "value"))};
        g_array_append_val(parts, part);
    }
    if (reading->definition != NULL)
        hpt_facts_add_parts(reading->facts, reading->definition->folds,
                            (const HptFactsPart *)(const void *)parts->data, parts->len);
    return true;
}

static void add_artefact(const Reading *reading, const json_t *row)
{
    const json_t *evaluation =
        reading->attempt > 0 ? NULL : evaluation_of(reading, hpt_row_integer(row, "attempt", 0));
    bool part = evaluation != NULL && reading->definition != NULL;
    HptPartValue of = part ? part_of(evaluation, 0) : (HptPartValue){0};
    g_autofree char *group =
        part ? hpt_facts_part_name(reading->definition, of.budget, of.fold, of.repeat)
             : g_strdup("");
    g_autofree char *path = hpt_bundle_row_path(row, "path"),
                    *target = hpt_bundle_row_path(row, "target");
    const char *digest = hpt_row_text(row, "digest");
    int64_t size = digest != NULL ? hpt_bundle_object_size(reading->bundle, digest) : -1;
    if (size < 0 && digest != NULL &&
        !hpt_row_has(row, "full_digest")) /* a bundle without content */
        size = hpt_row_integer(row, "full_size", 0);
    HptFactsArtefact artefact = {
        .kind = hpt_row_text(row, "kind"),
        .path = path,
        .digest = digest,
        .stored_size = size,
        .size = hpt_row_integer(row, "full_size", 0),
        .full_digest = hpt_row_text(row, "full_digest"),
        .mode = hpt_row_has(row, "mode") ? (int)hpt_row_integer(row, "mode", 0) : -1,
        .target = target,
        .note = hpt_row_text(row, "note"),
    };
    hpt_facts_add_artefact(reading->facts, group, &artefact);
}

static bool add_artefacts(const Reading *reading, GError **error)
{
    g_autoptr(GPtrArray) rows = rows_of(reading, "artefact", error);
    for (guint i = 0; rows != NULL && i < rows->len; i++)
        if (counts(reading, hpt_row_integer(rows->pdata[i], "attempt", 0)))
            add_artefact(reading, rows->pdata[i]);
    return rows != NULL;
}

static void add_argv(const Reading *reading)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    size_t i, length;
    json_t *word;
    json_array_foreach(json_object_get(reading->run, "argv"), i, word)
        g_ptr_array_add(words, hpt_row_bytes(word, &length));
    hpt_facts_add_words(reading->facts, (const char *const *)words->pdata, words->len);
}

/* Time and memory: of all attempts where a trial has several evaluations. */
static bool add_usage(const Reading *reading, HptFactsRun *run, GError **error)
{
    bool all = reading->attempt == 0 && has_parts(reading);
    g_autoptr(GPtrArray) attempts = rows_of(reading, "attempt", error);
    int64_t wall_us = 0;
    for (guint i = 0; attempts != NULL && i < attempts->len; i++) {
        const json_t *row = attempts->pdata[i];
        if (!all &&
            hpt_row_integer(row, "attempt", 0) != hpt_row_integer(reading->run, "attempt", 0))
            continue;
        run->has_seconds = run->has_seconds || hpt_row_has(row, "wall_us");
        run->has_max_rss = run->has_max_rss || hpt_row_has(row, "max_rss_bytes");
        wall_us += hpt_row_integer(row, "wall_us", 0);
        run->max_rss_bytes = MAX(run->max_rss_bytes, hpt_row_integer(row, "max_rss_bytes", 0));
    }
    run->seconds = (double)wall_us / 1e6;
    return attempts != NULL;
}

static bool add_run(const Reading *reading, GError **error)
{
    const json_t *row = reading->row, *attempt = reading->run;
    const json_t *seeded = row;
    for (guint i = 0; reading->attempt > 0 && i < reading->evaluations->len; i++) {
        const json_t *evaluation = reading->evaluations->pdata[i];
        if (hpt_row_integer(evaluation, "evaluation", 0) ==
                hpt_row_integer(attempt, "evaluation", 0) &&
            hpt_row_has(evaluation, "seed"))
            seeded = evaluation;
    }
    bool own = reading->attempt > 0 || !hpt_row_has(row, "cause");
    const char *outcome = hpt_row_text(attempt, "outcome");
    HptFactsRun run = {
        .state = reading->attempt == 0 ? hpt_row_text(row, "state")
                 : outcome != NULL     ? outcome
                                       : "running",
        .cause = hpt_row_text(own ? attempt : row, "cause"),
        .has_exit_status = hpt_row_has(attempt, "exit_status"),
        .exit_status = (int)hpt_row_integer(attempt, "exit_status", 0),
        .has_signal = hpt_row_has(attempt, "signal"),
        .signal = (int)hpt_row_integer(attempt, "signal", 0),
        .has_seed = hpt_row_has(seeded, "seed"),
        .seed = hpt_row_integer(seeded, "seed", 0),
        .has_parent = hpt_row_has(row, "parent"),
        .parent = hpt_row_integer(row, "parent", 0),
    };
    if (!add_usage(reading, &run, error))
        return false;
    hpt_facts_add_run(reading->facts, &run);
    add_argv(reading);
    GError *problem = NULL;
    g_autofree char *config = canonical_of(row, "config", &problem);
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    return hpt_facts_add_config(reading->facts, HPT_SECTION_PARAMETERS, "", config,
                                config != NULL ? strlen(config) : 0, error) &&
           add_environment(reading->bundle, hpt_row_text(attempt, "environment"), reading->facts,
                           error) &&
           add_code(reading->bundle, attempt, reading->facts, error) &&
           add_inputs(reading->bundle, attempt, reading->facts, error);
}

static bool read_trial(Reading *reading, GError **error)
{
    reading->evaluations = rows_of(reading, "evaluation", error);
    if (reading->evaluations == NULL)
        return false;
    if (hpt_row_has(reading->row, "definition")) {
        reading->definition = hpt_bundle_definition(
            reading->bundle, reading->study, hpt_row_integer(reading->row, "definition", 0), error);
        if (reading->definition == NULL)
            return false;
        hpt_facts_add_limits(reading->facts, reading->definition);
    }
    return add_run(reading, error) && add_metrics(reading, error) && add_artefacts(reading, error);
}

HptFacts *hpt_bundle_trial_facts(HptFactsBundle *bundle, const char *study, int64_t trial,
                                 int attempt, const char *label, GError **error)
{
    g_autoptr(HptFacts) facts = hpt_facts_new(label, HPT_SECTIONS_TRIAL);
    facts->study = g_strdup(study);
    facts->trial = trial;
    hpt_bundle_set_content(bundle, facts);
    GError *problem = NULL;
    g_autoptr(json_t) row = find_row(bundle, "trial", study, trial, NULL, 0, &problem);
    int64_t counting = row != NULL ? hpt_row_integer(row, "attempt", 0) : 0;
    g_autoptr(json_t) run = row != NULL ? find_row(bundle, "attempt", study, trial, "attempt",
                                                   attempt > 0 ? attempt : counting, &problem)
                                        : NULL;
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return NULL;
    }
    if (run == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "there is no %s", label);
        return NULL;
    }
    Reading reading = {.bundle = bundle,
                       .study = study,
                       .trial = trial,
                       .attempt = attempt,
                       .counting = counting,
                       .row = row,
                       .run = run,
                       .facts = facts};
    bool ok = read_trial(&reading, error);
    hpt_definition_free(reading.definition);
    g_clear_pointer(&reading.evaluations, g_ptr_array_unref);
    if (!ok)
        return NULL;
    hpt_facts_end(facts);
    return g_steal_pointer(&facts);
}

/* ---- studies ---- */

/* The values of a metric in the attempts that count, of complete trials: trial → double *. */
static GHashTable *values_of(const HptFactsBundle *bundle, const char *study, const char *name,
                             const GHashTable *complete, GError **error)
{
    g_autoptr(GHashTable) values =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    HptBundleRows rows = hpt_bundle_rows(bundle, "metric", study, -1);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL; json_decref(row)) {
        int64_t number = hpt_row_integer(row, "number", 0);
        const int64_t *attempt = g_hash_table_lookup((GHashTable *)(uintptr_t)complete, &number);
        if (attempt == NULL || *attempt != hpt_row_integer(row, "attempt", 0) ||
            strcmp(hpt_row_text(row, "name"), name) != 0)
            continue;
        double value = hpt_row_real(row, "value");
        g_hash_table_insert(values, g_memdup2(&number, sizeof number),
                            g_memdup2(&value, sizeof value));
    }
    if (problem == NULL)
        return g_steal_pointer(&values);
    g_propagate_error(error, problem);
    return NULL;
}

/* Complete trials: number → the attempt that counts; and how many there are of each state. */
static GHashTable *complete_trials(const HptFactsBundle *bundle, const char *study,
                                   int64_t *counts_out, GError **error)
{
    static const char *const states[HPT_FACTS_COUNTS] = {NULL,     "complete", "pruned",
                                                         "failed", "lost",     "cancelled"};
    g_autoptr(GHashTable) complete =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    HptBundleRows rows = hpt_bundle_rows(bundle, "trial", study, -1);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL; json_decref(row)) {
        const char *state = hpt_row_text(row, "state");
        int64_t number = hpt_row_integer(row, "number", 0),
                attempt = hpt_row_integer(row, "attempt", 0);
        for (size_t i = 0; i < HPT_FACTS_COUNTS; i++)
            counts_out[i] += states[i] == NULL || strcmp(states[i], state) == 0;
        if (strcmp(state, "complete") == 0)
            g_hash_table_insert(complete, g_memdup2(&number, sizeof number),
                                g_memdup2(&attempt, sizeof attempt));
    }
    if (problem == NULL)
        return g_steal_pointer(&complete);
    g_propagate_error(error, problem);
    return NULL;
}

/* Leaves in complete what keeps this constraint. */
static bool keep_feasible(const HptFactsBundle *bundle, const char *study, const HptMetric *metric,
                          GHashTable *complete, GError **error)
{
    g_autoptr(GHashTable) values = values_of(bundle, study, metric->name, complete, error);
    if (values == NULL)
        return false;
    GHashTableIter iter;
    void *number;
    g_hash_table_iter_init(&iter, complete);
    while (g_hash_table_iter_next(&iter, &number, NULL)) {
        const double *value = g_hash_table_lookup(values, number);
        bool kept = value != NULL && (metric->direction == HPT_METRIC_LE ? *value <= metric->bound
                                                                         : *value >= metric->bound);
        if (!kept)
            g_hash_table_iter_remove(&iter);
    }
    return true;
}

/* Ascending by value as PostgreSQL orders doubles, NaN last; then by number. */
static int by_value(const void *a, const void *b)
{
    const HptBundleRank *x = a, *y = b;
    bool nan_x = isnan(x->value), nan_y = isnan(y->value);
    if (nan_x != nan_y)
        return nan_x ? 1 : -1;
    if (!nan_x && x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->trial > y->trial) - (x->trial < y->trial);
}

static bool rank(const HptFactsBundle *bundle, const char *study, const HptMetrics *metrics,
                 GHashTable *complete, GArray *ranking, char **objective, GError **error)
{
    const HptMetric *first = NULL;
    for (size_t i = 0; i < hpt_metrics_size(metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(metrics, i);
        if (first == NULL && hpt_metric_is_objective(metric))
            first = metric;
        if (hpt_metric_is_constraint(metric) &&
            !keep_feasible(bundle, study, metric, complete, error))
            return false;
    }
    if (first == NULL)
        return true;
    g_autoptr(GHashTable) values = values_of(bundle, study, first->name, complete, error);
    if (values == NULL)
        return false;
    double sign = first->direction == HPT_METRIC_MAX ? -1 : 1;
    GHashTableIter iter;
    void *number, *value;
    g_hash_table_iter_init(&iter, values);
    while (g_hash_table_iter_next(&iter, &number, &value)) {
        HptBundleRank one = {*(int64_t *)number, sign * *(double *)value};
        g_array_append_val(ranking, one);
    }
    g_array_sort(ranking, by_value);
    for (guint i = 0; i < ranking->len; i++)
        g_array_index(ranking, HptBundleRank, i).value *= sign;
    *objective = g_strdup(first->name);
    return true;
}

static GArray *rank_study(const HptFactsBundle *bundle, const char *study,
                          const HptDefinition *definition, int64_t *counts_out, char **objective,
                          GError **error)
{
    g_autoptr(GHashTable) complete = complete_trials(bundle, study, counts_out, error);
    g_autoptr(GArray) ranking = g_array_new(FALSE, FALSE, sizeof(HptBundleRank));
    if (complete == NULL ||
        !rank(bundle, study, definition->metrics, complete, ranking, objective, error))
        return NULL;
    return g_steal_pointer(&ranking);
}

GArray *hpt_bundle_ranking(const HptFactsBundle *bundle, const char *study, char **objective,
                           GError **error)
{
    int64_t unused[HPT_FACTS_COUNTS] = {0};
    g_autoptr(HptDefinition) definition = hpt_bundle_definition(bundle, study, 0, error);
    return definition != NULL ? rank_study(bundle, study, definition, unused, objective, error)
                              : NULL;
}

static json_t *study_row(const HptFactsBundle *bundle, const char *study, GError **error)
{
    HptBundleRows rows = hpt_bundle_rows(bundle, "study", NULL, -1);
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, error)) != NULL; json_decref(row))
        if (strcmp(hpt_row_text(row, "name"), study) == 0)
            return row;
    return NULL;
}

static bool add_results(HptFactsBundle *bundle, const char *study, const HptDefinition *definition,
                        HptFacts *facts, GError **error)
{
    GError *problem = NULL;
    g_autoptr(json_t) row = study_row(bundle, study, &problem);
    HptFactsResults results = {.has_total = hpt_row_has(row, "total"),
                               .total = hpt_row_integer(row, "total", 0),
                               .stopped = hpt_row_text(row, "stopped")};
    g_autofree char *objective = NULL, *config = NULL;
    g_autofree char *limits = problem == NULL ? canonical_of(row, "limits", &problem) : NULL;
    g_autoptr(GArray) ranking = problem == NULL ? rank_study(bundle, study, definition,
                                                             results.counts, &objective, &problem)
                                                : NULL;
    if (problem == NULL && ranking->len > 0) {
        const HptBundleRank *best = &g_array_index(ranking, HptBundleRank, 0);
        g_autoptr(json_t) trial = find_row(bundle, "trial", study, best->trial, NULL, 0, &problem);
        config = problem == NULL ? canonical_of(trial, "config", &problem) : NULL;
        results.has_best = true;
        results.best = best->trial;
        results.value = best->value;
    }
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    results.limits = limits;
    results.objective = objective;
    results.config = config;
    results.config_length = config != NULL ? strlen(config) : 0;
    return hpt_facts_add_results(facts, &results, error);
}

HptFacts *hpt_bundle_study_facts(HptFactsBundle *bundle, const char *study, const char *label,
                                 GError **error)
{
    g_autoptr(HptFacts) facts = hpt_facts_new(label, HPT_SECTIONS_STUDY);
    facts->study = g_strdup(study);
    g_autoptr(HptDefinition) definition = hpt_bundle_definition(bundle, study, 0, error);
    if (definition == NULL)
        return NULL;
    hpt_facts_add_definition(facts, definition);
    if (!add_results(bundle, study, definition, facts, error))
        return NULL;
    hpt_facts_end(facts);
    return g_steal_pointer(&facts);
}
