#include "study/plan.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

#define CYCLE_MAX 4096   /* trials after which brackets must have begun again */
#define PEERS_KEPT 512   /* compared values that are recorded with a decision */

void hpt_plan_free(HptPlan *plan)
{
    if (plan == NULL)
        return;
    hpt_pruner_free(plan->pruner);
    g_free((bool *)plan->study.maximise);
    g_strfreev(plan->objectives);
    json_decref(plan->parts);
    g_free(plan);
}

static char **objective_names(const HptDefinition *definition)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(definition->metrics, i);
        if (hpt_metric_is_objective(metric))
            g_strv_builder_add(names, metric->name);
    }
    return g_strv_builder_end(names);
}

/* The rungs that trials 0, 1, … begin at, as long as it takes until they repeat. The database hands
 * out the numbers, so it needs all of them. NULL: all begin at the first. */
static json_t *first_rungs(const HptPruner *pruner)
{
    int first[2 * CYCLE_MAX];
    bool any = false;
    for (int i = 0; i < 2 * CYCLE_MAX; i++) {
        first[i] = hpt_pruner_first_rung(pruner, i);
        any = any || first[i] != 0;
    }
    if (!any)
        return NULL;
    int period = 1;
    for (int i = period; i < 2 * CYCLE_MAX && period < CYCLE_MAX; i++)
        if (first[i] != first[i % period]) {
            period++;
            i = period - 1;
        }
    json_t *array = json_array();
    for (int i = 0; i < period; i++)
        json_array_append_new(array, json_integer(first[i]));
    return array;
}

static json_t *parts_json(const HptPlan *plan)
{
    const HptDefinition *definition = plan->definition;
    if (!hpt_definition_has_parts(definition))
        return definition->window > 0 ? json_pack("{s:i}", "window", definition->window) : NULL;
    int release = hpt_plan_by_fold(plan)
                      ? MIN(hpt_pruner_first_folds(plan->pruner), definition->evaluations)
                      : definition->evaluations;
    json_t *object = json_pack("{s:i, s:i, s:i}", "evaluations", definition->evaluations, "folds",
                               definition->folds_run, "release", MAX(release, 1));
    if (definition->window > 0)
        json_object_set_new(object, "window", json_integer(definition->window));
    if (definition->n_budgets > 0) {
        json_t *budgets = json_array();
        for (int i = 0; i < definition->n_budgets; i++)
            json_array_append_new(budgets, json_real(definition->budgets[i]));
        json_object_set_new(object, "budgets", budgets);
        json_t *first = first_rungs(plan->pruner);
        if (first != NULL)
            json_object_set_new(object, "first", first);
    }
    return object;
}

HptPlan *hpt_plan_new(const HptDefinition *definition, GError **error)
{
    g_autoptr(HptPlan) plan = g_new0(HptPlan, 1);
    plan->definition = definition;
    plan->objectives = objective_names(definition);
    if (definition->pruner != NULL) {
        plan->pruner = hpt_definition_pruner(definition, &plan->study, error);
        if (plan->pruner == NULL)
            return NULL;
    }
    plan->parts = parts_json(plan);
    return g_steal_pointer(&plan);
}

bool hpt_plan_by_rung(const HptPlan *plan)
{
    return plan->pruner != NULL && plan->definition->n_budgets > 0 &&
           hpt_pruner_by_rung(plan->pruner);
}

bool hpt_plan_by_fold(const HptPlan *plan)
{
    return plan->pruner != NULL && plan->definition->evaluations > 1 &&
           hpt_pruner_by_fold(plan->pruner);
}

bool hpt_plan_by_step(const HptPlan *plan)
{
    return plan->pruner != NULL && hpt_pruner_by_step(plan->pruner);
}

void hpt_plan_add(const HptPlan *plan, const HptPromotion *promotion, HptArgs *args)
{
    if (plan->parts == NULL) {
        hpt_args_null(args, HPT_TYPE_JSONB);
        return;
    }
    g_autoptr(json_t) object = json_copy(plan->parts);
    if (promotion != NULL && promotion->kind != HPT_PROMOTE_NONE) {
        const char *key = promotion->kind == HPT_PROMOTE_TRIAL ? "promote" : "child";
        json_object_set_new(object, key, json_integer(promotion->trial));
        json_object_set_new(object, "rung", json_integer(promotion->rung));
        if (promotion->kind == HPT_PROMOTE_CHILD)
            json_object_set_new(object, "replaces", json_integer(promotion->replaces));
    }
    g_autofree char *text = json_dumps(object, JSON_COMPACT);
    hpt_args_json(args, text);
}

/* n values of column of a row; NULL if there are none or of another number. */
static double *row_values(const HptRows *rows, size_t row, size_t column, size_t n, GPtrArray *keep)
{
    size_t count = 0;
    double *values =
        hpt_rows_null(rows, row, column) ? NULL : hpt_rows_float8s(rows, row, column, &count, NULL);
    if (values != NULL)
        g_ptr_array_add(keep, values);
    return count == n ? values : NULL;
}

void hpt_plan_promote(const HptPlan *plan, const HptRows *rows, int64_t total, HptPromotion *out)
{
    size_t n = hpt_rows_count(rows), used = 0;
    g_autoptr(GPtrArray) keep = g_ptr_array_new_with_free_func(g_free);
    g_autofree HptRungResult *results = g_new0(HptRungResult, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!hpt_rows_null(rows, i, 0))
            results[used++] = (HptRungResult){
                .trial = hpt_rows_int8(rows, i, 0),
                .rung = hpt_rows_int4(rows, i, 1),
                .promoted = hpt_rows_bool(rows, i, 2),
                .values = row_values(rows, i, 3, plan->study.n_objectives, keep),
            };
    bool more = total < 0 || n == 0 || hpt_rows_int8(rows, 0, 4) < total;
    *out = (HptPromotion){.kind = HPT_PROMOTE_NONE};
    hpt_pruner_promote(plan->pruner, results, used, more, out);
}

/* Rows from first on belong to one trial, a row an evaluation; -1: there are none. */
static int64_t fold_row(const HptPlan *plan, const HptRows *rows, bool own, double *values, int *done)
{
    size_t n = plan->study.n_objectives;
    int64_t trial = -1;
    g_autoptr(GPtrArray) keep = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < (size_t)plan->definition->evaluations * n; i++)
        values[i] = NAN;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        if (hpt_rows_bool(rows, i, 0) != own)
            continue;
        trial = hpt_rows_int8(rows, i, 1);
        int part = hpt_rows_int4(rows, i, 2);
        const double *found = row_values(rows, i, 3, n, keep);
        if (found == NULL || part < 0 || part >= plan->definition->evaluations)
            continue;
        memcpy(values + (size_t)part * n, found, n * sizeof *values);
        (*done)++;
    }
    return trial;
}

void hpt_plan_fold(const HptPlan *plan, const HptRows *rows, HptPruneDecision *out, int *done)
{
    size_t length = (size_t)plan->definition->evaluations * plan->study.n_objectives;
    g_autofree double *own_values = g_new(double, length + 1);
    g_autofree double *best_values = g_new(double, length + 1);
    int ignored = 0;
    *done = 0;
    HptFoldValues own = {fold_row(plan, rows, true, own_values, done), own_values};
    HptFoldValues best = {fold_row(plan, rows, false, best_values, &ignored), best_values};
    *out = (HptPruneDecision){.threshold = NAN};
    hpt_pruner_fold(plan->pruner, &own, best.trial < 0 ? NULL : &best, out);
}

HptPrunePeer *hpt_plan_peers(const HptPlan *plan, const HptRows *rows, size_t *n, GPtrArray **keep)
{
    size_t used = 0;
    HptPrunePeer *peers = g_new0(HptPrunePeer, hpt_rows_count(rows) + 1);
    *keep = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        HptPrunePeer peer = {
            .trial = hpt_rows_int8(rows, i, 0),
            .complete = hpt_rows_bool(rows, i, 1),
            .values = row_values(rows, i, 2, plan->study.n_objectives, *keep),
            .best = row_values(rows, i, 3, plan->study.n_objectives, *keep),
        };
        if (peer.values != NULL && peer.best != NULL)
            peers[used++] = peer;
    }
    *n = used;
    return peers;
}

/* ---- the record of a decision ---- */

typedef struct {
    size_t row;
    double distance;
} Near;

static int compare_near(const void *a, const void *b)
{
    const Near *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The peers and their values; of more than PEERS_KEPT those nearest the threshold. */
static void add_peers(HptArgs *args, const HptPruneDecision *decision, const HptRows *rows)
{
    size_t n = rows == NULL ? 0 : hpt_rows_count(rows);
    g_autofree Near *order = g_new0(Near, n + 1);
    g_autoptr(GArray) trials = g_array_new(false, false, sizeof(int64_t));
    g_autoptr(GArray) values = g_array_new(false, false, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        size_t count = 0;
        g_autofree double *found = hpt_rows_float8s(rows, i, 2, &count, NULL);
        double distance = count == 0 ? INFINITY : fabs(found[0] - decision->threshold);
        order[i] = (Near){i, isnan(distance) ? INFINITY : distance};
    }
    qsort(order, n, sizeof *order, compare_near);
    for (size_t i = 0; i < MIN(n, PEERS_KEPT); i++) {
        int64_t trial = hpt_rows_int8(rows, order[i].row, 0);
        size_t count = 0;
        g_autofree double *found = hpt_rows_float8s(rows, order[i].row, 2, &count, NULL);
        g_array_append_val(trials, trial);
        g_array_append_vals(values, found, (guint)count);
    }
    hpt_args_int8s(args, (const int64_t *)(const void *)trials->data, NULL, trials->len);
    hpt_args_float8s(args, (const double *)(const void *)values->data, NULL, values->len);
}

static void add_real(HptArgs *args, double value)
{
    if (isnan(value))
        hpt_args_null(args, HPT_TYPE_FLOAT8);
    else
        hpt_args_float8(args, value);
}

HptArgs *hpt_plan_decide_args(int64_t study_id, int64_t trial, int attempt, const char *kind,
                              int64_t place, const HptPruneDecision *decision, const HptRows *rows)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study_id);
    hpt_args_int8(args, trial);
    hpt_args_int4(args, attempt);
    hpt_args_text(args, kind);
    hpt_args_int8(args, place);
    hpt_args_text(args, decision->rule == NULL ? "" : decision->rule);
    hpt_args_bool(args, decision->stop);
    add_real(args, decision->value);
    add_real(args, decision->threshold);
    hpt_args_int8(args, decision->compared);
    hpt_args_text(args, decision->reason);
    add_peers(args, decision, rows);
    return args;
}
