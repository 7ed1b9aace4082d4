/* From the trials of a study to the importance of its parameters. */
#include "query.h"
#include "tool.h"

#include "base/json.h"
#include "base/number.h"
#include "search/importance.h"
#include "study/study.h"

#include <math.h>
#include <string.h>

#define LITTLE 0.5 /* explained less than this, the shares are of noise as well */
enum { FEW = 20 };

typedef struct {
    const QueryPlan *plan;
    const HptSpace *space;
    HptCube cube;
    GArray *rows;    /* double: cube.n for each trial */
    GArray **values; /* double: of each metric one for each trial; NaN: none */
    size_t n, n_other;
} Trials;

static bool read_value(const char *text, const QueryColumn *metric, double *out, GError **error)
{
    *out = (double)NAN;
    if (text == NULL || hpt_number_parse(text, out, NULL))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "-c %s: '%s' is not a number", metric->name, text);
    return false;
}

/* Parameters that came later have their default; what is not in the space any more is no part of it. */
static bool add_trial(const HptDbText *values, size_t n, void *user, GError **error)
{
    Trials *trials = user;
    const char *params = values[1].text;
    g_autoptr(json_t) object = params == NULL ? NULL : hpt_json_parse(params, strlen(params), NULL);
    g_autoptr(HptConfig) config = object == NULL ? NULL : hpt_config_from_json(trials->space, object, true, NULL);
    if (config == NULL) {
        trials->n_other++;
        return true;
    }
    for (size_t i = 2; i < n; i++) {
        double value;
        if (!read_value(values[i].text, trials->plan->columns->pdata[i - 2], &value, error))
            return false;
        g_array_append_val(trials->values[i - 2], value);
    }
    trials->n++;
    g_array_set_size(trials->rows, (guint)(trials->n * trials->cube.n));
    hpt_cube_encode(&trials->cube, config, (double *)(void *)trials->rows->data + (trials->n - 1) * trials->cube.n);
    return true;
}

static void trials_clear(Trials *trials)
{
    hpt_cube_clear(&trials->cube);
    g_array_unref(trials->rows);
    for (guint i = 0; i < trials->plan->columns->len; i++)
        g_array_unref(trials->values[i]);
    g_free(trials->values);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trials, trials_clear)

/* ---- one metric ---- */

typedef struct {
    size_t param; /* of the cube */
    HptImportance importance;
} Ranked;

static int compare(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    double p[] = {x->importance.share, x->importance.total}, q[] = {y->importance.share, y->importance.total};
    for (int i = 0; i < 2; i++)
        if (p[i] != q[i])
            return p[i] > q[i] ? -1 : 1;
    return x->param < y->param ? -1 : x->param > y->param;
}

static const HptColumn columns[] = {
    {"metric", HPT_COLUMN_TEXT, 0, false},      {"parameter", HPT_COLUMN_TEXT, 1, true},
    {"share", HPT_COLUMN_REAL, 2, true},        {"share_spread", HPT_COLUMN_REAL, 4, true},
    {"total", HPT_COLUMN_REAL, 3, true},        {"total_spread", HPT_COLUMN_REAL, 5, true},
    {"trials", HPT_COLUMN_INT, 6, false},       {"explained", HPT_COLUMN_REAL, 7, false},
};

/* More digits than these would be of chance. */
static double rounded(double x)
{
    return floor(x * 1e4 + 0.5) / 1e4;
}

static bool write_row(HptWriter *writer, const char *metric, const char *parameter, const HptImportance *importance,
                      size_t n, double explained, GError **error)
{
    const double reals[] = {importance->share, importance->share_spread, importance->total, importance->total_spread,
                            explained};
    char text[G_N_ELEMENTS(reals)][HPT_NUMBER_TEXT_SIZE], count[24];
    for (size_t i = 0; i < G_N_ELEMENTS(reals); i++)
        hpt_number_text(rounded(reals[i]), text[i]);
    g_snprintf(count, sizeof count, "%zu", n);
    const char *const values[] = {metric, parameter, text[0], text[1], text[2], text[3], count, text[4]};
    return hpt_writer_add(writer, values, error);
}

/* What the shares are worth. */
static void note_worth(const char *metric, size_t n, size_t n_left_out, const HptImportanceFit *fit)
{
    if (n_left_out > 0)
        hpt_tool_note("%s: %zu of %zu trials have no finite value and are left out", metric, n_left_out, n_left_out + n);
    if (fit->n_trees == 0)
        hpt_tool_note("%s: nothing varies over %zu trials", metric, n);
    else
        hpt_tool_note("%s: the model explains %d %% of what varies over %zu trials%s", metric,
                      (int)(100 * MAX(fit->explained, 0) + 0.5), n,
                      n < FEW               ? "; few trials, so the shares say little"
                      : fit->explained < LITTLE ? ", so the shares say little"
                                                : "");
}

static bool print_metric(const Trials *trials, size_t k, HptWriter *writer, GError **error)
{
    const QueryColumn *metric = trials->plan->columns->pdata[k];
    size_t d = trials->cube.n, n = 0;
    g_autofree double *rows = g_new(double, trials->n * d + 1), *y = g_new(double, trials->n + 1);
    for (size_t i = 0; i < trials->n; i++) {
        double value = g_array_index(trials->values[k], double, i);
        if (!isfinite(value))
            continue;
        memcpy(rows + n * d, (const double *)(const void *)trials->rows->data + i * d, d * sizeof *rows);
        y[n++] = value;
    }
    HptImportanceFit fit = {0, 0};
    g_autofree HptImportance *importance = g_new0(HptImportance, d + 1);
    g_autofree Ranked *ranked = g_new(Ranked, d + 1);
    if (n > 0)
        hpt_importance(&trials->cube, rows, y, n, importance, &fit);
    for (size_t j = 0; j < d; j++)
        ranked[j] = (Ranked){j, importance[j]};
    qsort(ranked, d, sizeof *ranked, compare);
    for (size_t j = 0; j < d; j++) {
        const HptParam *param = hpt_space_get(trials->space, trials->cube.param[ranked[j].param]);
        if (!write_row(writer, metric->name, param->name, &ranked[j].importance, n, fit.explained, error))
            return false;
    }
    note_worth(metric->name, n, trials->n - n, &fit);
    return true;
}

/* ---- all ---- */

bool query_importance(HptDb *db, const QueryPlan *plan, const QueryPrint *print, HptSink sink, void *user,
                      int64_t *rows, char **note, GError **error)
{
    g_autoptr(HptDefinition) definition = hpt_study_definition(db, plan->study.study, 0, error);
    if (definition == NULL)
        return false;
    size_t n_metrics = plan->columns->len;
    g_auto(Trials) trials = {.plan = plan, .space = definition->space, .values = g_new(GArray *, n_metrics)};
    hpt_cube_init(&trials.cube, definition->space);
    trials.rows = g_array_new(false, false, sizeof(double));
    for (size_t k = 0; k < n_metrics; k++)
        trials.values[k] = g_array_new(false, false, sizeof(double));
    const HptDbStream stream = {.sql = plan->sql,
                                .search_path = QUERY_SEARCH_PATH,
                                .timeout_us = print->timeout_us,
                                .row = add_trial,
                                .user = &trials};
    g_autoptr(GError) failed = NULL;
    if (!hpt_db_stream(db, &stream, &failed)) {
        query_error_explain(&failed, plan->sql, print->timeout_us);
        g_propagate_error(error, g_steal_pointer(&failed));
        return false;
    }
    if (trials.n_other > 0)
        hpt_tool_note("%zu trials are not of the study's newest space and are left out", trials.n_other);
    g_autoptr(HptWriter) writer = hpt_writer_new(&print->show, columns, G_N_ELEMENTS(columns), sink, user);
    for (size_t k = 0; k < n_metrics; k++)
        if (!print_metric(&trials, k, writer, error))
            return false;
    if (rows != NULL)
        *rows = (int64_t)(n_metrics * trials.cube.n);
    return hpt_writer_end(writer, note, error);
}
