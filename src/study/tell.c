#include "study/tell-internal.h"

#include "base/number.h"
#include "base/text.h"
#include "record/secret.h"
#include "study/ask.h"
#include "study/persist.h"
#include "study/plan.h"

#include <math.h>
#include <string.h>

/* ---- ids ---- */

bool hpt_asked_parse(const char *id, char **study, int64_t *number, int *attempt, GError **error)
{
    const char *slash = strrchr(id, '/'), *form = slash == NULL ? id : slash + 1;
    const char *dot = strchr(form, '.');
    g_autofree char *digits = dot == NULL ? g_strdup(form) : g_strndup(form, (size_t)(dot - form));
    int64_t first = -1, second = 1;
    if (!g_utf8_validate(id, -1, NULL) || slash == id || !g_ascii_isdigit(digits[0]) ||
        !hpt_integer_parse(digits, &first) ||
        (dot != NULL && (!g_ascii_isdigit(dot[1]) || !hpt_integer_parse(dot + 1, &second))) || second < 1 ||
        second > G_MAXINT32) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "'%s' is no trial that was given out\nhint: it is what hpt-ask calls it: STUDY/NUMBER, or of a "
                    "later attempt STUDY/NUMBER.ATTEMPT; STUDY/ may be left out",
                    id);
        return false;
    }
    *study = slash == NULL ? NULL : g_strndup(id, (size_t)(slash - id));
    *number = first;
    *attempt = (int)second;
    return true;
}

/* ---- metrics ---- */

static bool refuse_name(const HptMetrics *metrics, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < hpt_metrics_size(metrics); i++)
        g_ptr_array_add(names, hpt_metrics_get(metrics, i)->name);
    g_ptr_array_add(names, NULL);
    const char *near = hpt_suggest(name, (const char *const *)names->pdata);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "there is no metric '%s'; did you mean '%s'?", name, near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "there is no metric '%s'; the study's are %s", name,
                    names->len > 1 ? list : "none");
    return false;
}

static bool check_value(const HptMetric *metric, double value, GError **error)
{
    if (metric->direction == HPT_METRIC_TRACK || isfinite(value))
        return true;
    char text[HPT_NUMBER_TEXT_SIZE];
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                "%s is %s, and what is searched for must be a finite number\nhint: a trial that came to nothing is "
                "told by --failed, or with null in the place of the number",
                metric->name, hpt_number_text(value, text));
    return false;
}

bool hpt_tell_check(const HptDefinition *definition, const HptTelling *telling, GError **error)
{
    const HptMetrics *metrics = definition->metrics;
    g_autofree bool *there = g_new0(bool, hpt_metrics_size(metrics) + 1);
    for (size_t i = 0; i < telling->n; i++) {
        size_t m = hpt_metrics_find(metrics, telling->names[i]);
        if (m == SIZE_MAX)
            return refuse_name(metrics, telling->names[i], error);
        if (there[m]) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is there twice", telling->names[i]);
            return false;
        }
        there[m] = true;
        if (telling->outcome != HPT_TELL_REPORT && !check_value(hpt_metrics_get(metrics, m), telling->values[i], error))
            return false;
    }
    if (telling->outcome == HPT_TELL_REPORT && telling->n == 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, "a report without a number");
        return false;
    }
    for (size_t m = 0; telling->outcome != HPT_TELL_REPORT && m < hpt_metrics_size(metrics); m++)
        if (!there[m] && hpt_metric_is_objective(hpt_metrics_get(metrics, m))) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is missing", hpt_metrics_get(metrics, m)->name);
            return false;
        }
    return true;
}

/* ---- the verdict ---- */

char *hpt_told_known(const HptRows *rows)
{
    GString *text = g_string_new(NULL);
    size_t n = 0;
    g_autoptr(GPtrArray) names = hpt_rows_texts(rows, 0, HPT_TOLD_ROW_NAMES);
    g_autofree double *values = hpt_rows_float8s(rows, 0, HPT_TOLD_ROW_VALUES, &n, NULL);
    for (size_t i = 0; names != NULL && i < n; i++) {
        char number[HPT_NUMBER_TEXT_SIZE];
        g_string_append_printf(text, "%s%s=%s", i == 0 ? "" : " ", (const char *)names->pdata[i],
                               hpt_number_text(values[i], number));
    }
    return g_string_free(text, false);
}

static bool refuse_number(const char *study, int64_t number, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "study '%s' has no trial %" PRId64, study, number);
    return false;
}

static bool refuse_unknown(const char *study, const char *id, const HptTelling *telling, const HptRows *rows,
                           GError **error)
{
    if (hpt_rows_null(rows, 0, HPT_TOLD_ROW_COUNTS))
        return refuse_number(study, telling->number, error);
    g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "%s was not given out: the newest attempt is %d", id,
                hpt_rows_int4(rows, 0, HPT_TOLD_ROW_COUNTS));
    return false;
}

static bool refuse_late(const char *study, const char *id, const HptTelling *telling, const HptRows *rows,
                        GError **error)
{
    int counts = hpt_rows_int4(rows, 0, HPT_TOLD_ROW_COUNTS);
    g_autofree char *when = hpt_time_text(hpt_rows_time(rows, 0, HPT_TOLD_ROW_ENDED));
    g_autofree char *next = hpt_asked_id(study, telling->number, counts);
    bool lost = strcmp(hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_ENDED_AS), "lost") == 0;
    bool for_good = strcmp(hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_STATE), "lost") == 0;
    g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "%s is refused: %s at %s, and it %s%s", id,
                lost ? "its lease ran out" : "it was given back", when,
                counts > 0 ? "was given out again as "
                : for_good ? "is lost for good"
                           : "waits to be given out again",
                counts > 0 ? next : "");
    return false;
}

static bool refuse_other(const char *id, const HptRows *rows, GError **error)
{
    g_autofree char *known = hpt_told_known(rows);
    g_autofree char *when = hpt_time_text(hpt_rows_time(rows, 0, HPT_TOLD_ROW_ENDED));
    const char *cause = hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_CAUSE);
    if (strcmp(hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_ENDED_AS), "complete") == 0)
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "%s is refused: it has another result already, %s, told at %s",
                    id, known, when);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "%s is refused: it has failed already, told at %s%s%s", id,
                    when, cause == NULL ? "" : ": ", cause == NULL ? "" : cause);
    return false;
}

bool hpt_told_refuse(const char *study, const char *id, const HptTelling *telling, const HptRows *rows, GError **error)
{
    const char *verdict = hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_VERDICT);
    if (strcmp(verdict, "unknown") == 0)
        return refuse_unknown(study, id, telling, rows, error);
    if (strcmp(verdict, "late") == 0)
        return refuse_late(study, id, telling, rows, error);
    if (strcmp(verdict, "differs") == 0)
        return refuse_other(id, rows, error);
    g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "%s is refused: hpt-run runs it, and records its result itself",
                id);
    return false;
}

static bool judge(const HptStudy *study, const HptTelling *telling, const HptRows *rows, HptTellAnswer *answer,
                  GError **error)
{
    static const char *const taken[] = {"done", "again", "over"};
    const char *verdict = hpt_rows_peek_text(rows, 0, HPT_TOLD_ROW_VERDICT);
    for (size_t i = 0; i < G_N_ELEMENTS(taken); i++)
        if (strcmp(verdict, taken[i]) == 0) {
            *answer = (HptTellAnswer)i;
            return true;
        }
    g_autofree char *id = hpt_asked_id(study->name, telling->number, telling->attempt);
    return hpt_told_refuse(study->name, id, telling, rows, error);
}

static HptArgs *tell_args(const HptStudy *study, const HptTelling *telling)
{
    static const char *const outcomes[] = {"complete", "failed", "cancelled"};
    static const char *const causes[] = {"told", "told as failed", "given back"};
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int8(args, telling->number);
    hpt_args_int4(args, telling->attempt);
    hpt_args_text(args, outcomes[telling->outcome]);
    g_autofree char *cause = telling->cause == NULL ? NULL : hpt_secret_cut(telling->cause);
    hpt_args_text(args, cause != NULL ? cause : causes[telling->outcome]);
    hpt_args_texts(args, telling->names, telling->n);
    hpt_args_float8s(args, telling->values, NULL, telling->n);
    hpt_args_int4(args, HPT_ASK_MAX_LOST);
    return args;
}

HptRows *hpt_tell_send(const HptTellWay *way, HptSql sql, const HptArgs *args, GError **error)
{
    return way->db != NULL ? hpt_db_rows(way->db, sql, args, error)
                           : hpt_persist_rows(way->project, sql, args, way->patience_us, error);
}

/* Other runs of the trial are to come, and what a rule compares has changed. Said again it changes nothing. */
static bool decide(const HptTellWay *way, const HptStudy *study, const HptTelling *telling, GError **error)
{
    g_autoptr(HptPlan) plan = hpt_plan_new(study->definition, error);
    if (plan == NULL || !hpt_plan_by_fold(plan))
        return plan != NULL;
    g_autoptr(HptArgs) asked = hpt_args_new();
    hpt_args_int8(asked, study->id);
    hpt_args_int8(asked, telling->number);
    g_autoptr(HptRows) rows = hpt_tell_send(way, HPT_SQL_FOLD_VALUES, asked, error);
    if (rows == NULL)
        return false;
    HptPruneDecision decision;
    int done = 0;
    hpt_plan_fold(plan, rows, &decision, &done);
    g_autoptr(HptArgs) args =
        hpt_plan_decide_args(study->id, telling->number, telling->attempt, "fold", done, &decision, NULL);
    g_autoptr(HptRows) decided = hpt_tell_send(way, HPT_SQL_PRUNE_DECIDE, args, error);
    return decided != NULL;
}

static bool tell(const HptTellWay *way, const HptStudy *study, const HptTelling *telling, HptTellAnswer *answer, GError **error)
{
    HptTellAnswer ignored;
    HptTellAnswer *said = answer != NULL ? answer : &ignored;
    if (telling->outcome == HPT_TELL_REPORT)
        return hpt_tell_report(way, study, telling, said, error);
    g_autoptr(HptArgs) args = tell_args(study, telling);
    g_autoptr(HptRows) rows = hpt_tell_send(way, HPT_SQL_TRIAL_TELL, args, error);
    return rows != NULL && judge(study, telling, rows, said, error) &&
           (!hpt_rows_bool(rows, 0, HPT_TOLD_ROW_MORE) || decide(way, study, telling, error));
}

bool hpt_tell_once(HptDb *db, const HptStudy *study, const HptTelling *telling, HptTellAnswer *answer, GError **error)
{
    return tell(&(HptTellWay){.db = db}, study, telling, answer, error);
}

bool hpt_tell(HptProject *project, const HptStudy *study, const HptTelling *telling, int64_t patience_us,
              HptTellAnswer *answer, GError **error)
{
    return tell(&(HptTellWay){.project = project, .patience_us = patience_us}, study, telling, answer, error);
}

static bool is_there(HptProject *project, const HptStudy *study, int64_t number, int64_t patience_us, bool *there,
                     GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study->name);
    hpt_args_int8(args, number);
    g_autoptr(HptRows) rows = hpt_persist_rows(project, HPT_SQL_TRIAL_BY_NUMBER, args, patience_us, error);
    *there = rows != NULL && hpt_rows_count(rows) > 0;
    return rows != NULL;
}

bool hpt_tell_alive(HptProject *project, const HptStudy *study, int64_t number, int attempt, int64_t lease_us,
                    int64_t patience_us, int64_t *until_us, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int8(args, number);
    hpt_args_int4(args, attempt);
    if (lease_us == 0)
        hpt_args_null(args, HPT_TYPE_INT4);
    else
        hpt_args_int4(args, (int32_t)(lease_us / 1000000));
    g_autoptr(HptRows) rows = hpt_persist_rows(project, HPT_SQL_LEASE_EXTEND, args, patience_us, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 1 && !hpt_rows_null(rows, 0, 0)) {
        *until_us = hpt_rows_time(rows, 0, 0);
        return true;
    }
    bool there = false;
    if (!is_there(project, study, number, patience_us, &there, error))
        return false;
    if (!there)
        return refuse_number(study->name, number, error);
    g_autofree char *id = hpt_asked_id(study->name, number, attempt);
    g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                "%s has no lease that could be extended: it has ended, or its lease ran out and it was taken back", id);
    return false;
}
