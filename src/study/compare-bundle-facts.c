/* The rows of a bundle as facts: what study/compare-read.c asks the views for. */
#include "base/number.h"
#include "study/compare-bundle-internal.h"
#include "study/compare-facts.h"

#include <math.h>
#include <string.h>

/* ---- values of rows; hpt_table_read has checked their types ---- */

static bool has(const json_t *row, const char *name)
{
    return json_object_get(row, name) != NULL;
}

static int64_t integer(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    int64_t number = 0;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_string(value) && hpt_integer_parse(json_string_value(value), &number))
        return number;
    return (int64_t)json_number_value(value); /* a whole number beyond 2^53 written as a real */
}

static double real(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    const char *text = json_string_value(value);
    if (text == NULL)
        return json_number_value(value);
    return strcmp(text, "Infinity") == 0    ? (double)INFINITY
           : strcmp(text, "-Infinity") == 0 ? -(double)INFINITY
           : strcmp(text, "-0") == 0        ? -0.0
                                            : (double)NAN;
}

static const char *text(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

/* Bytes: a string, or {"hex":…}; owned, NULL if there are none. */
static char *bytes_of(const json_t *value, size_t *length)
{
    const char *plain = json_string_value(value);
    const char *hex = json_string_value(json_object_get(value, "hex"));
    if (plain != NULL) {
        *length = json_string_length(value);
        return g_strdup(plain);
    }
    if (hex == NULL)
        return NULL;
    *length = strlen(hex) / 2;
    char *bytes = g_malloc(*length + 1);
    for (size_t i = 0; i < *length; i++)
        bytes[i] =
            (char)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    bytes[*length] = '\0';
    return bytes;
}

static char *path_of(const json_t *row, const char *name)
{
    size_t length = 0;
    g_autofree char *bytes = bytes_of(json_object_get(row, name), &length);
    return bytes != NULL ? hpt_facts_path_text(bytes, length) : NULL;
}

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
        if (key == NULL || integer(row, key) == value)
            return row;
    return NULL;
}

/* version 0: the newest. */
static HptDefinition *find_definition(const HptFactsBundle *bundle, const char *study,
                                      int64_t version, GError **error)
{
    g_autofree char *canonical = NULL;
    HptBundleRows rows = hpt_bundle_rows(bundle, "definition", study, -1);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL; json_decref(row))
        if (version == 0 || integer(row, "version") == version) {
            g_free(canonical);
            canonical = canonical_of(row, "canonical", &problem);
        }
    if (problem == NULL && canonical == NULL)
        g_set_error(&problem, HPT_ERROR, HPT_ERROR_DATA,
                    "the bundle has no definition of study '%s'", study);
    if (problem == NULL)
        return hpt_definition_parse(canonical, strlen(canonical), error);
    g_propagate_error(error, problem);
    return NULL;
}

/* ---- environments ---- */

static void add_items(HptFacts *facts, const json_t *canonical)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(canonical, "items"), i, item)
    {
        const char *kind = text(item, "kind"), *name = text(item, "name");
        const char *value = text(item, "value");
        if (kind != NULL && name != NULL)
            hpt_facts_add(facts, HPT_SECTION_ENVIRONMENT, kind, name,
                          value != NULL ? value : text(item, "value_hex"));
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
    g_autoptr(json_t) row =
        digest != NULL ? hpt_bundle_row_by_digest(bundle, table, digest, &problem) : NULL;
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    size_t length = 0;
    g_autofree char *canonical = bytes_of(json_object_get(row, "canonical"), &length);
    if (canonical != NULL)
        return add(facts, canonical, length, error);
    facts->sections &= ~section;
    return true;
}

static bool add_code(const HptFactsBundle *bundle, const json_t *attempt, HptFacts *facts,
                     GError **error)
{
    return add_canonical(bundle, "code", text(attempt, "code"), facts, HPT_SECTION_BIT(CODE),
                         hpt_facts_add_code, error);
}

static bool add_inputs(const HptFactsBundle *bundle, const json_t *attempt, HptFacts *facts,
                       GError **error)
{
    hpt_facts_add(facts, HPT_SECTION_INPUTS, "", HPT_FACT_TRACE, text(attempt, "trace"));
    const char *common = text(attempt, "common_inputs");
    return add_canonical(bundle, "input_set", text(attempt, "inputs"), facts,
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
    return has(reading->row, "rung");
}

/* The evaluation that this attempt was the last of; NULL: none. */
static const json_t *evaluation_of(const Reading *reading, int64_t attempt)
{
    for (guint i = 0; i < reading->evaluations->len; i++)
        if (has(reading->evaluations->pdata[i], "attempt") &&
            integer(reading->evaluations->pdata[i], "attempt") == attempt)
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

static void free_row(void *row)
{
    json_decref(row);
}

/* Rows of a table that belong to the trial; owned. */
static GPtrArray *rows_of(const Reading *reading, const char *table, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_row);
    HptBundleRows rows = hpt_bundle_rows(reading->bundle, table, reading->study, reading->trial);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL;)
        g_ptr_array_add(found, row);
    if (problem == NULL)
        return g_steal_pointer(&found);
    g_propagate_error(error, problem);
    return NULL;
}

static HptPartValue part_of(const json_t *evaluation, double value)
{
    return (HptPartValue){
        .budget = has(evaluation, "budget") ? real(evaluation, "budget") : 0,
        .fold = (int)integer(evaluation, "fold"),
        .repeat = (int)integer(evaluation, "repeat"),
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
        bool mine = reading->attempt > 0
                        ? integer(row, "attempt") == reading->attempt && !has(row, "n")
                        : integer(row, "attempt") == reading->counting;
        if (mine)
            hpt_facts_add_number(reading->facts, HPT_SECTION_METRICS, "", text(row, "name"),
                                 real(row, "value"));
    }
    g_autoptr(GPtrArray) values = rows_of(reading, "evaluation_metric", error);
    if (values == NULL)
        return false;
    g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(HptFactsPart));
    for (guint i = 0; i < values->len; i++) {
        const json_t *row = values->pdata[i];
        int64_t attempt = integer(row, "attempt");
        if (reading->attempt > 0) {
            if (attempt == reading->attempt)
                hpt_facts_add_number(reading->facts, HPT_SECTION_METRICS, "", text(row, "name"),
                                     real(row, "value"));
            continue;
        }
        const json_t *evaluation = evaluation_of(reading, attempt);
        if (evaluation == NULL || !has_parts(reading) ||
            integer(evaluation, "rung") != integer(reading->row, "rung"))
            continue;
        HptFactsPart part = {text(row, "name"), part_of(evaluation, real(row, "value"))};
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
        reading->attempt > 0 ? NULL : evaluation_of(reading, integer(row, "attempt"));
    bool part = evaluation != NULL && reading->definition != NULL;
    HptPartValue of = part ? part_of(evaluation, 0) : (HptPartValue){0};
    g_autofree char *group =
        part ? hpt_facts_part_name(reading->definition, of.budget, of.fold, of.repeat)
             : g_strdup("");
    g_autofree char *path = path_of(row, "path"), *target = path_of(row, "target");
    const char *digest = text(row, "digest");
    int64_t size = digest != NULL ? hpt_bundle_object_size(reading->bundle, digest) : -1;
    if (size < 0 && digest != NULL && !has(row, "full_digest")) /* a bundle without content */
        size = integer(row, "full_size");
    HptFactsArtefact artefact = {
        .kind = text(row, "kind"),
        .path = path,
        .digest = digest,
        .stored_size = size,
        .size = integer(row, "full_size"),
        .full_digest = text(row, "full_digest"),
        .mode = has(row, "mode") ? (int)integer(row, "mode") : -1,
        .target = target,
        .note = text(row, "note"),
    };
    hpt_facts_add_artefact(reading->facts, group, &artefact);
}

static bool add_artefacts(const Reading *reading, GError **error)
{
    g_autoptr(GPtrArray) rows = rows_of(reading, "artefact", error);
    for (guint i = 0; rows != NULL && i < rows->len; i++)
        if (counts(reading, integer(rows->pdata[i], "attempt")))
            add_artefact(reading, rows->pdata[i]);
    return rows != NULL;
}

static void add_argv(const Reading *reading)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    size_t i, length;
    json_t *word;
    json_array_foreach(json_object_get(reading->run, "argv"), i, word)
        g_ptr_array_add(words, bytes_of(word, &length));
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
        if (!all && integer(row, "attempt") != integer(reading->run, "attempt"))
            continue;
        run->has_seconds = run->has_seconds || has(row, "wall_us");
        run->has_max_rss = run->has_max_rss || has(row, "max_rss_bytes");
        wall_us += integer(row, "wall_us");
        run->max_rss_bytes = MAX(run->max_rss_bytes, integer(row, "max_rss_bytes"));
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
        if (integer(evaluation, "evaluation") == integer(attempt, "evaluation") &&
            has(evaluation, "seed"))
            seeded = evaluation;
    }
    bool own = reading->attempt > 0 || !has(row, "cause");
    const char *outcome = text(attempt, "outcome");
    HptFactsRun run = {
        .state = reading->attempt == 0 ? text(row, "state")
                 : outcome != NULL     ? outcome
                                       : "running",
        .cause = text(own ? attempt : row, "cause"),
        .has_exit_status = has(attempt, "exit_status"),
        .exit_status = (int)integer(attempt, "exit_status"),
        .has_signal = has(attempt, "signal"),
        .signal = (int)integer(attempt, "signal"),
        .has_seed = has(seeded, "seed"),
        .seed = integer(seeded, "seed"),
        .has_parent = has(row, "parent"),
        .parent = integer(row, "parent"),
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
           add_environment(reading->bundle, text(attempt, "environment"), reading->facts, error) &&
           add_code(reading->bundle, attempt, reading->facts, error) &&
           add_inputs(reading->bundle, attempt, reading->facts, error);
}

static bool read_trial(Reading *reading, GError **error)
{
    reading->evaluations = rows_of(reading, "evaluation", error);
    if (reading->evaluations == NULL)
        return false;
    if (has(reading->row, "definition")) {
        reading->definition = find_definition(reading->bundle, reading->study,
                                              integer(reading->row, "definition"), error);
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
    int64_t counting = row != NULL ? integer(row, "attempt") : 0;
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
        int64_t number = integer(row, "number");
        const int64_t *attempt = g_hash_table_lookup((GHashTable *)(uintptr_t)complete, &number);
        if (attempt == NULL || *attempt != integer(row, "attempt") ||
            strcmp(text(row, "name"), name) != 0)
            continue;
        double value = real(row, "value");
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
        const char *state = text(row, "state");
        int64_t number = integer(row, "number"), attempt = integer(row, "attempt");
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
    g_autoptr(HptDefinition) definition = find_definition(bundle, study, 0, error);
    return definition != NULL ? rank_study(bundle, study, definition, unused, objective, error)
                              : NULL;
}

static json_t *study_row(const HptFactsBundle *bundle, const char *study, GError **error)
{
    HptBundleRows rows = hpt_bundle_rows(bundle, "study", NULL, -1);
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, error)) != NULL; json_decref(row))
        if (strcmp(text(row, "name"), study) == 0)
            return row;
    return NULL;
}

static bool add_results(HptFactsBundle *bundle, const char *study, const HptDefinition *definition,
                        HptFacts *facts, GError **error)
{
    GError *problem = NULL;
    g_autoptr(json_t) row = study_row(bundle, study, &problem);
    HptFactsResults results = {.has_total = has(row, "total"),
                               .total = integer(row, "total"),
                               .stopped = text(row, "stopped")};
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
    g_autoptr(HptDefinition) definition = find_definition(bundle, study, 0, error);
    if (definition == NULL)
        return NULL;
    hpt_facts_add_definition(facts, definition);
    if (!add_results(bundle, study, definition, facts, error))
        return NULL;
    hpt_facts_end(facts);
    return g_steal_pointer(&facts);
}
