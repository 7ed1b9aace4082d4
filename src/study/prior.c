#include "study/prior.h"

#include "base/json.h"
#include "search/told.h"
#include "study/history.h"
#include "study/study.h"

#include <math.h>
#include <string.h>

/* The results of an earlier study, as far as the new one can compare them. */
typedef struct {
    const HptHistory *history;
    const char *direction;
    char *metric;   /* by which they are compared */
    size_t n;       /* finished trials */
    size_t *trial;  /* n: indices of the history */
    double *value;  /* n: to be minimised */
    bool *failed;   /* n: without a value, or beyond a bound */
    size_t n_valued;
} Results;

static void results_clear(Results *results)
{
    g_free(results->metric);
    g_free(results->trial);
    g_free(results->value);
    g_free(results->failed);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Results, results_clear)

static bool is_usable(const HptObservation *trial, const HptHistory *history)
{
    for (size_t k = 0; trial->values != NULL && k < MAX(history->n_objectives, 1); k++)
        if (!isfinite(trial->values[k]))
            return false;
    for (size_t k = 0; trial->constraints != NULL && k < history->n_constraints; k++)
        if (!(trial->constraints[k] <= 0))
            return false;
    return trial->values != NULL;
}

/* Adds to each trial its rank by objective k. */
static void add_ranks(Results *results, size_t k)
{
    g_autofree double *column = g_new(double, results->n + 1);
    for (size_t i = 0; i < results->n; i++)
        column[i] = results->failed[i] ? 0 : results->history->observations[results->trial[i]].values[k];
    g_autofree HptRanked *ranked = hpt_rank(column, results->failed, results->n);
    for (size_t i = 0; i < results->n; i++)
        results->value[ranked[i].index] += (double)i;
}

/* Which objectives of earlier have the name of one of definition: indices into its values; or the first. */
static GArray *shared_objectives(const HptDefinition *definition, const HptDefinition *earlier, GString *names)
{
    GArray *shared = g_array_new(false, false, sizeof(size_t));
    const HptMetric *first = NULL;
    size_t k = 0;
    for (size_t i = 0; i < hpt_metrics_size(earlier->metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(earlier->metrics, i);
        if (!hpt_metric_is_objective(metric))
            continue;
        first = first == NULL ? metric : first;
        size_t same = hpt_metrics_find(definition->metrics, metric->name);
        if (same != SIZE_MAX && hpt_metric_is_objective(hpt_metrics_get(definition->metrics, same))) {
            g_array_append_val(shared, k);
            g_string_append_printf(names, "%s%s", names->len > 0 ? "+" : "", metric->name);
        }
        k++;
    }
    if (shared->len == 0 && first != NULL) {
        k = 0;
        g_array_append_val(shared, k);
        g_string_append(names, first->name);
    }
    return shared;
}

static void read_results(const HptDefinition *definition, const HptDefinition *earlier, const HptHistory *history,
                         Results *out)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GArray) shared = shared_objectives(definition, earlier, names);
    out->history = history;
    out->trial = g_new(size_t, history->n + 1);
    out->value = g_new0(double, history->n + 1);
    out->failed = g_new0(bool, history->n + 1);
    for (size_t i = 0; i < history->n; i++)
        if (history->observations[i].finished && shared->len > 0) {
            out->failed[out->n] = !is_usable(&history->observations[i], history);
            out->n_valued += !out->failed[out->n];
            out->trial[out->n++] = i;
        }
    out->metric = g_strdup(names->str);
    out->direction = "min";
    for (guint s = 0; shared->len > 1 && s < shared->len; s++)
        add_ranks(out, g_array_index(shared, size_t, s));
    for (size_t i = 0; shared->len == 1 && i < out->n; i++)
        if (!out->failed[i])
            out->value[i] = history->observations[out->trial[i]].values[g_array_index(shared, size_t, 0)];
    const HptMetric *metric = NULL;
    if (shared->len == 1)
        metric = hpt_metrics_get(earlier->metrics, hpt_metrics_find(earlier->metrics, out->metric));
    if (metric != NULL && metric->direction == HPT_METRIC_MAX)
        out->direction = "max";
}

static json_t *rows_json(const Results *results, const HptSpace *space)
{
    json_t *rows = json_array();
    size_t chosen[HPT_PRIOR_ROWS];
    size_t n = hpt_prior_choose(results->value, results->failed, results->n, chosen);
    double sign = strcmp(results->direction, "max") == 0 ? -1 : 1; /* as it was measured */
    for (size_t i = 0; i < n; i++) {
        const HptObservation *trial = &results->history->observations[results->trial[chosen[i]]];
        json_t *value = results->failed[chosen[i]] ? json_null() : json_real(sign * results->value[chosen[i]]);
        json_array_append_new(rows, json_pack("{s:I, s:o, s:o}", "trial", (json_int_t)trial->number, "config",
                                              hpt_config_json(space, trial->config), "value", value));
    }
    return rows;
}

/* What the study holds now, as hpt_prior_read takes it. */
static json_t *freeze(const HptDefinition *definition, HptDb *db, const char *name, GError **error)
{
    g_autoptr(HptStudy) study = hpt_study_open(db, name, error);
    if (study == NULL)
        return NULL;
    g_autoptr(HptPast) past = hpt_past_new(study->definition);
    g_autoptr(HptArgs) args = hpt_past_args(past, study->id);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_HISTORY_READ, args, error);
    if (rows == NULL)
        return NULL;
    hpt_past_add(past, rows);
    g_auto(Results) results = {0};
    read_results(definition, study->definition, hpt_past_get(past), &results);
    if (results.n_valued == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "it has no result with a metric to minimise or maximise");
        return NULL;
    }
    g_autofree char *finished = hpt_past_finished(past);
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "study", study->name, "finished", finished, "metric",
                     results.metric, "direction", results.direction, "rows",
                     rows_json(&results, study->definition->space));
}

static bool add_prior(HptDefinition *definition, HptDb *db, const char *name, GError **error)
{
    g_autoptr(json_t) json = freeze(definition, db, name, error);
    g_autoptr(HptPrior) prior = json == NULL ? NULL : hpt_prior_read(json, error);
    if (prior != NULL && hpt_prior_meets(prior, definition->space)) {
        g_ptr_array_add(definition->priors, g_steal_pointer(&prior));
        return true;
    }
    if (prior != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "it has no parameter of this search space");
    g_prefix_error(error, "--prior '%s': ", name);
    return false;
}

bool hpt_definition_add_priors(HptDefinition *definition, HptDb *db, const char *const *studies, GError **error)
{
    for (const char *const *name = studies; *name != NULL; name++) {
        g_auto(GStrv) known = hpt_definition_prior_names(definition);
        if (!g_strv_contains((const char *const *)known, *name) && !add_prior(definition, db, *name, error))
            return false;
    }
    GPtrArray *points = hpt_prior_points(
        definition->space, (const HptPrior *const *)definition->priors->pdata, definition->priors->len,
        (const HptConfig *const *)definition->points->pdata, definition->points->len);
    definition->n_prior_points = points->len;
    g_ptr_array_extend_and_steal(definition->points, points);
    return hpt_definition_seal(definition, error);
}

char **hpt_definition_prior_names(const HptDefinition *definition)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (guint i = 0; i < definition->priors->len; i++)
        g_strv_builder_add(names, hpt_prior_get_study(definition->priors->pdata[i]));
    return g_strv_builder_end(names);
}
