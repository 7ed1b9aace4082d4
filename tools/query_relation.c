/* What each mode of hpt-query looks at: a relation over the public views, and its columns. */
#include "query.h"

#include <limits.h>
#include <string.h>

static void column_free(QueryColumn *column)
{
    g_free(column->name);
    g_free(column->sql);
    g_free(column->fold);
    g_free(column);
}

void query_relation_free(QueryRelation *relation)
{
    if (relation == NULL)
        return;
    g_string_free(relation->from, TRUE);
    g_string_free(relation->condition, TRUE);
    g_string_free(relation->order, TRUE);
    g_ptr_array_unref(relation->columns);
    g_ptr_array_unref(relation->objectives);
    g_free(relation);
}

static QueryRelation *relation_new(void)
{
    QueryRelation *relation = g_new0(QueryRelation, 1);
    relation->from = g_string_new(NULL);
    relation->condition = g_string_new(NULL);
    relation->order = g_string_new(NULL);
    relation->columns = g_ptr_array_new_with_free_func((GDestroyNotify)column_free);
    relation->objectives = g_ptr_array_new_with_free_func(g_free);
    return relation;
}

/* name as SQL. The columns of our views are never words that SQL keeps for itself, so a plain name
 * needs no quotes, and what --show-sql prints reads as one would write it. */
static char *sql_name(const char *name)
{
    bool plain = g_ascii_islower(name[0]) || name[0] == '_';
    for (const char *p = name; *p != '\0'; p++)
        plain = plain && (g_ascii_islower(*p) || g_ascii_isdigit(*p) || *p == '_');
    return plain ? g_strdup(name) : hpt_db_quote_name(name);
}

QueryColumn *query_add_column(QueryRelation *relation, int place, const char *name, const char *fold)
{
    QueryColumn *column = g_new0(QueryColumn, 1);
    column->name = g_strdup(name);
    column->fold = g_strdup(fold);
    column->sql = sql_name(fold);
    g_ptr_array_insert(relation->columns, place, column);
    return column;
}

/* Columns as one text: blanks between them; "!" before a name keeps it in every table, "+" leaves
 * it out of tables unless asked for. Those further right give way first. */
static void add_columns(QueryRelation *relation, const char *names, int rank)
{
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    for (int i = 0; words[i] != NULL; i++) {
        bool keep = words[i][0] == '!', extra = words[i][0] == '+';
        const char *name = words[i] + (keep || extra ? 1 : 0);
        QueryColumn *column = query_add_column(relation, QUERY_LAST, name, name);
        column->keep = keep;
        column->extra = extra;
        column->rank = rank + i;
    }
}

static void append_quoted(GString *out, const char *before, const char *text, const char *after)
{
    g_autofree char *quoted = hpt_db_quote_text(text);
    g_string_append_printf(out, "%s%s%s", before, quoted, after);
}

/* ---- trials: the study's wide view ---- */

#define WIDE_FIRST "!trial state"
#define WIDE_LAST                                                                                  \
    "+feasible seconds +cause +attempt +seed +origin +started +ended +host +config_hash"

/* Whether another column of the view is called so. */
static bool name_is_taken(const QueryRelation *relation, const char *name)
{
    static const char *const last[] = {"feasible", "seconds",     "cause",   "attempt",
                                       "seed",     "origin",      "started", "ended",
                                       "host",     "config_hash", NULL};
    if (g_strv_contains(last, name))
        return true;
    for (guint i = 0; i < relation->columns->len; i++) {
        const QueryColumn *column = relation->columns->pdata[i];
        if (strcmp(column->name, name) == 0)
            return true;
    }
    return false;
}

/* The columns of the view that stand for parameters and metrics, under their own names where no
 * other column has that name. */
static bool add_wide_columns(HptDb *db, QueryRelation *relation, const char *study, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_WIDE_COLUMNS, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        const char *fold = hpt_rows_peek_text(rows, i, 0), *name = hpt_rows_peek_text(rows, i, 1);
        const char *direction = hpt_rows_peek_text(rows, i, 2);
        bool objective =
            direction != NULL && (strcmp(direction, "min") == 0 || strcmp(direction, "max") == 0);
        QueryColumn *column =
            query_add_column(relation, QUERY_LAST, name_is_taken(relation, name) ? fold : name, fold);
        column->rank = (int)i + 10;
        column->keep = objective;
        if (objective)
            g_ptr_array_add(
                relation->objectives,
                g_strdup_printf("%sq.%s", strcmp(direction, "max") == 0 ? "-" : "", column->sql));
    }
    return true;
}

static bool use_trials(HptDb *db, QueryRelation *relation, const HptStudyName *study,
                       GError **error)
{
    g_autofree char *view = sql_name(study->view);
    g_string_append_printf(relation->from, "hpt_study.%s q", view);
    g_string_append(relation->order, "q.trial");
    add_columns(relation, WIDE_FIRST, 0);
    if (!add_wide_columns(db, relation, study->study, error))
        return false;
    add_columns(relation, WIDE_LAST, INT_MAX / 2);
    return true;
}

/* ---- the other modes ---- */

static void use_studies(QueryRelation *relation, const QueryWant *want)
{
    g_string_append(relation->from, "(select s.*, r.name as objective, r.value as best, "
                                    "r.trial as best_trial\n"
                                    "      from hpt.study s\n"
                                    "      left join hpt.ranking r on r.study = s.study and "
                                    "r.place = 1) q");
    if (want->study != NULL)
        append_quoted(relation->condition, "study = ", want->study, "");
    g_string_append(relation->order, "q.created, q.study");
    add_columns(relation,
                "!study objective !best best_trial !trials total complete pruned failed lost "
                "running waiting +cancelled sampler last_activity +created +seed +version "
                "+wide_view +command +space +space_hash +definition_hash",
                0);
}

static void use_failures(QueryRelation *relation, const char *study)
{
    append_quoted(relation->from,
                  "(select outcome, cause, exit_status, signal, count(*) as attempts,\n"
                  "             count(distinct trial) as trials, min(trial) as first_trial,\n"
                  "             max(trial) as last_trial,\n"
                  "             (array_agg(last_line order by trial, attempt))[1] as last_line\n"
                  "      from hpt.failure\n"
                  "      where study = ",
                  study,
                  "\n"
                  "      group by outcome, cause, exit_status, signal) q");
    g_string_append(relation->order, "q.attempts desc, q.first_trial");
    add_columns(relation,
                "!cause !attempts trials !first_trial +last_trial outcome exit_status signal "
                "last_line",
                0);
}

static void use_metrics(QueryRelation *relation, const char *study)
{
    g_string_append(relation->from,
                    "(select coalesce(o.name, m.name) as name, o.direction, o.bound, "
                    "coalesce(m.trials, 0) as trials,\n"
                    "             m.min, m.median, m.max, m.rule, m.source, o.position\n");
    append_quoted(relation->from, "      from (select * from hpt.objective where study = ", study,
                  ") o\n");
    append_quoted(
        relation->from,
        "      full join (select name, count(*) as trials, min(value) as min,\n"
        "                        percentile_cont(0.5) within group (order by value) as median,\n"
        "                        max(value) as max, string_agg(distinct rule, ', ') as rule,\n"
        "                        string_agg(distinct source, ', ') as source\n"
        "                 from hpt.metric where study = ",
        study, " group by name) m on m.name = o.name) q");
    g_string_append(relation->order, "q.position, q.name");
    add_columns(relation, "!name direction bound trials min median max rule source +position", 0);
}

static void use_curve(QueryRelation *relation, const HptTrialName *trial)
{
    g_string_append(relation->from, "hpt.metric_point q");
    append_quoted(relation->condition, "study = ", trial->study.study, "");
    g_string_append_printf(relation->condition, " and trial = %" G_GINT64_FORMAT, trial->trial);
    g_string_append(relation->order, "q.name, q.position");
    add_columns(relation, "name !step !value +position +trial +study", 0);
}

static void use_workers(QueryRelation *relation, const char *study)
{
    append_quoted(relation->from,
                  "(select w.*, coalesce(n.attempts, 0) as attempts,\n"
                  "             case when w.kind = 'ask' and w.running > 0 then 'outside'\n"
                  "                  when w.ended is not null then 'ended'\n"
                  "                  when w.lease_until > clock_timestamp() then 'running'\n"
                  "                  else 'silent' end as status\n"
                  "      from hpt.worker w\n"
                  "      left join (select study, worker, count(*) as attempts from hpt.attempt\n"
                  "                 group by study, worker) n using (study, worker)\n"
                  "      where study = ",
                  study, ") q");
    g_string_append(relation->order, "q.started, q.worker");
    add_columns(relation,
                "!host !pid !kind !status running attempts started ended lease_until +worker "
                "+tool_version +launcher",
                0);
}

QueryRelation *query_relation_new(HptDb *db, const QueryWant *want, HptStudyName *study,
                                  GError **error)
{
    g_autoptr(QueryRelation) relation = relation_new();
    if (want->mode == QUERY_CURVE) {
        g_auto(HptTrialName) trial = {0};
        if (!hpt_trial_name_find(db, want->study, want->curve, &trial, error))
            return NULL;
        use_curve(relation, &trial);
        *study = trial.study;
        trial.study = (HptStudyName){0};
        return g_steal_pointer(&relation);
    }
    if ((want->mode != QUERY_STUDIES || want->study != NULL) &&
        !hpt_study_name_find(db, want->study, study, error))
        return NULL;
    bool trials = want->mode == QUERY_TRIALS || want->mode == QUERY_IMPORTANCE;
    if (trials && !use_trials(db, relation, study, error))
        return NULL;
    if (want->mode == QUERY_STUDIES)
        use_studies(relation, want);
    else if (want->mode == QUERY_FAILURES)
        use_failures(relation, study->study);
    else if (want->mode == QUERY_METRICS)
        use_metrics(relation, study->study);
    else if (want->mode == QUERY_WORKERS)
        use_workers(relation, study->study);
    return g_steal_pointer(&relation);
}
