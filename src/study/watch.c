#include "study/watch.h"

#include <math.h>
#include <string.h>

/* Rows kept of a curve; of a longer one the newer half, which is all that a rule looks back on. */
#define ROWS_MAX 65536

struct HptWatch {
    const HptPlan *plan;
    int64_t trial;
    int part;
    size_t n;           /* objectives */
    GArray *steps;      /* int64_t */
    GArray *values;     /* double, n a row */
    double *row, *best; /* n each: the row that is being filled; best by each objective */
    bool *given;        /* n: of row */
    int64_t row_step;
    size_t row_filled;
    int64_t decided;            /* the last step that was, -1: none */
    int64_t due, deciding;      /* -1: none */
};

HptWatch *hpt_watch_new(const HptPlan *plan, int64_t trial, int part)
{
    HptWatch *watch = g_new0(HptWatch, 1);
    watch->plan = plan;
    watch->trial = trial;
    watch->part = part;
    watch->n = plan->study.n_objectives;
    watch->steps = g_array_new(false, false, sizeof(int64_t));
    watch->values = g_array_new(false, false, sizeof(double));
    watch->row = g_new(double, watch->n);
    watch->best = g_new(double, watch->n);
    watch->given = g_new0(bool, watch->n);
    for (size_t i = 0; i < watch->n; i++)
        watch->row[i] = watch->best[i] = NAN;
    watch->row_step = watch->decided = watch->due = watch->deciding = -1;
    return watch;
}

void hpt_watch_free(HptWatch *watch)
{
    if (watch == NULL)
        return;
    g_array_unref(watch->steps);
    g_array_unref(watch->values);
    g_free(watch->row);
    g_free(watch->best);
    g_free(watch->given);
    g_free(watch);
}

void hpt_watch_resume(HptWatch *watch, int64_t decided)
{
    watch->decided = decided;
}

static void forget_older_half(HptWatch *watch)
{
    guint half = watch->steps->len / 2;
    g_array_remove_range(watch->steps, 0, half);
    g_array_remove_range(watch->values, 0, half * (guint)watch->n);
}

static void begin_row(HptWatch *watch, int64_t step)
{
    for (size_t i = 0; i < watch->n; i++)
        watch->given[i] = false;
    watch->row_step = step;
    watch->row_filled = 0;
}

static void end_row(HptWatch *watch)
{
    for (size_t i = 0; i < watch->n; i++) {
        bool larger = watch->row[i] > watch->best[i], smaller = watch->row[i] < watch->best[i];
        if (isnan(watch->best[i]) || (watch->plan->study.maximise[i] ? larger : smaller))
            watch->best[i] = watch->row[i];
    }
    if (watch->steps->len >= ROWS_MAX)
        forget_older_half(watch);
    g_array_append_val(watch->steps, watch->row_step);
    g_array_append_vals(watch->values, watch->row, (guint)watch->n);
    if (hpt_pruner_is_due(watch->plan->pruner, watch->trial,
                          MAX(watch->decided, watch->deciding), watch->row_step))
        watch->due = watch->row_step;
    begin_row(watch, watch->row_step);
}

void hpt_watch_add(HptWatch *watch, const HptPoint *point)
{
    if (point->rule != HPT_RULE_REPORT && point->rule != HPT_RULE_RE)
        return;
    for (size_t i = 0; i < watch->n; i++) {
        if (strcmp(watch->plan->objectives[i], point->name) != 0)
            continue;
        if (point->step != watch->row_step)
            begin_row(watch, point->step);
        if (!watch->given[i])
            watch->row_filled++;
        watch->given[i] = true;
        watch->row[i] = point->value;
        if (watch->row_filled == watch->n)
            end_row(watch);
        return;
    }
}

bool hpt_watch_is_due(const HptWatch *watch)
{
    return watch->due >= 0 && watch->deciding < 0;
}

bool hpt_watch_is_idle(const HptWatch *watch)
{
    return watch->due < 0 && watch->deciding < 0;
}

HptArgs *hpt_watch_observe_args(HptWatch *watch, const char *attempt_id)
{
    watch->deciding = watch->due;
    watch->due = -1;
    const int64_t *steps = (const int64_t *)(const void *)watch->steps->data;
    guint at = watch->steps->len - 1; /* the newest row of that step; later ones may follow it */
    while (at > 0 && steps[at] != watch->deciding)
        at--;
    const double *row = (const double *)(const void *)watch->values->data + at * watch->n;
    HptArgs *args = hpt_args_new();
    hpt_args_uuid(args, attempt_id);
    hpt_args_int8(args, hpt_pruner_level(watch->plan->pruner, watch->trial, watch->deciding));
    hpt_args_int4(args, watch->part);
    hpt_args_int8(args, watch->deciding);
    hpt_args_float8s(args, row, NULL, watch->n);
    hpt_args_float8s(args, watch->best, NULL, watch->n);
    return args;
}

void hpt_watch_decide(HptWatch *watch, const HptRows *rows, HptPruneDecision *out, int64_t *step)
{
    /* The trial has gone on meanwhile: what is decided is the step that was asked about. */
    size_t n = 0;
    const int64_t *steps = (const int64_t *)(const void *)watch->steps->data;
    while (n < watch->steps->len && steps[n] <= watch->deciding)
        n++;
    size_t n_decided = 0;
    while (n_decided < n && steps[n_decided] <= watch->decided)
        n_decided++;
    HptPruneCurve own = {steps, (const double *)(const void *)watch->values->data, n, n_decided};
    size_t peers = 0;
    g_autoptr(GPtrArray) keep = NULL;
    g_autofree HptPrunePeer *peer = hpt_plan_peers(watch->plan, rows, &peers, &keep);
    *out = (HptPruneDecision){.threshold = NAN};
    if (n > 0)
        hpt_pruner_step(watch->plan->pruner, watch->trial, &own, peer, peers, out);
    if (step != NULL)
        *step = watch->deciding;
    watch->decided = watch->deciding;
    watch->deciding = -1;
}
