#include "study/tell-internal.h"

#include "base/text.h"
#include "study/ask.h"
#include "study/watch.h"

#include <string.h>

/* Columns of trial_report behind those of trial_tell. */
enum { NEWEST = HPT_TOLD_ROW_MORE + 1, ATTEMPT, FOLD, REPEAT, DECIDED, CURVE_NAMES, CURVE_STEPS, CURVE_VALUES };

static bool refuse(const HptStudy *study, const HptTelling *telling, const HptRows *rows, GError **error)
{
    const char *verdict = hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_VERDICT);
    g_autofree char *id = hpt_asked_id(study->name, telling->number, telling->attempt);
    if (strcmp(verdict, "differs") == 0) {
        g_autofree char *known = hpt_told_known(rows);
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "%s is refused: step %" PRId64 " was reported before, with %s", id,
                    telling->step, known);
    } else if (strcmp(verdict, "order") == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                    "%s is refused: step %" PRId64 " was reported before step %" PRId64 ", and steps are ascending", id,
                    hpt_rows_int8(rows, 0, NEWEST), telling->step);
    } else if (strcmp(verdict, "ended") == 0) {
        g_autofree char *when = hpt_time_text(hpt_rows_time(rows, 0, HPT_TOLD_ROW_ENDED));
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "%s is refused: the trial has ended, told at %s, and reports no more",
                    id, when);
    } else {
        return hpt_told_refuse(study->name, id, telling, rows, error);
    }
    return false;
}

/* The curve as a worker would have seen it. NULL: there is nothing of what the pruner compares. */
static HptWatch *watch_of(const HptPlan *plan, const HptTelling *telling, const HptRows *rows, GPtrArray **names)
{
    size_t n = 0;
    if (hpt_rows_null(rows, 0, CURVE_NAMES))
        return NULL;
    *names = hpt_rows_texts(rows, 0, CURVE_NAMES);
    g_autofree int64_t *steps = hpt_rows_int8s(rows, 0, CURVE_STEPS, &n, NULL);
    g_autofree double *values = hpt_rows_float8s(rows, 0, CURVE_VALUES, &n, NULL);
    HptWatch *watch = hpt_watch_new(plan, telling->number, hpt_rows_int4(rows, 0, REPEAT) * plan->definition->folds_run +
                                                               hpt_rows_int4(rows, 0, FOLD));
    hpt_watch_resume(watch, hpt_rows_int8(rows, 0, DECIDED));
    for (size_t i = 0; i < n; i++)
        hpt_watch_add(watch, &(HptPoint){(*names)->pdata[i], steps[i], values[i], HPT_RULE_REPORT, 0});
    return watch;
}

/* What the others showed there, what follows from it, and the record of that. */
static bool decide(const HptTellWay *way, const HptStudy *study, const HptTelling *telling, HptWatch *watch,
                   const char *attempt_id, bool *stop, GError **error)
{
    g_autoptr(HptArgs) observed = hpt_watch_observe_args(watch, attempt_id);
    g_autoptr(HptRows) peers = hpt_tell_send(way, HPT_SQL_PRUNE_OBSERVE, observed, error);
    if (peers == NULL)
        return false;
    HptPruneDecision decision;
    int64_t step = 0;
    hpt_watch_decide(watch, peers, &decision, &step);
    g_autoptr(HptArgs) args =
        hpt_plan_decide_args(study->id, telling->number, telling->attempt, "step", step, &decision, peers);
    g_autoptr(HptRows) decided = hpt_tell_send(way, HPT_SQL_REPORT_DECIDE, args, error);
    if (decided == NULL)
        return false;
    *stop = hpt_rows_bool(decided, 0, 0);
    return true;
}

static HptArgs *report_args(const HptStudy *study, const HptTelling *telling, const HptPlan *plan)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int8(args, telling->number);
    hpt_args_int4(args, telling->attempt);
    hpt_args_int8(args, telling->step);
    hpt_args_texts(args, telling->names, telling->n);
    hpt_args_float8s(args, telling->values, NULL, telling->n);
    if (hpt_plan_by_step(plan))
        hpt_args_texts(args, (const char *const *)plan->objectives, g_strv_length(plan->objectives));
    else
        hpt_args_null(args, HPT_TYPE_TEXT_ARRAY);
    return args;
}

bool hpt_tell_report(const HptTellWay *way, const HptStudy *study, const HptTelling *telling, HptTellAnswer *answer,
                     GError **error)
{
    g_autoptr(HptPlan) plan = hpt_plan_new(study->definition, error);
    if (plan == NULL)
        return false;
    g_autoptr(HptArgs) args = report_args(study, telling, plan);
    g_autoptr(HptRows) rows = hpt_tell_send(way, HPT_SQL_TRIAL_REPORT, args, error);
    if (rows == NULL)
        return false;
    const char *verdict = hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_VERDICT);
    bool stop = strcmp(verdict, "over") == 0, again = strcmp(verdict, "again") == 0;
    if (!stop && !again && strcmp(verdict, "done") != 0)
        return refuse(study, telling, rows, error);
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(HptWatch) watch = telling->late || hpt_rows_null(rows, 0, ATTEMPT) ? NULL : watch_of(plan, telling, rows, &names);
    if (watch != NULL && hpt_watch_is_due(watch)) {
        g_autofree char *attempt_id = hpt_rows_uuid(rows, 0, ATTEMPT);
        if (!decide(way, study, telling, watch, attempt_id, &stop, error))
            return false;
    }
    *answer = stop ? HPT_TELL_STOP : again ? HPT_TELL_AGAIN : HPT_TELL_DONE;
    return true;
}
