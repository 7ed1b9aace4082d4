/* From what is asked for to one SQL statement. Text of the user (-w, SQL) is only ever a part of
 * the statement that the user could have written in full. */
#include "query.h"
#include "tool.h"

#include <string.h>

void query_plan_free(QueryPlan *plan)
{
    if (plan == NULL)
        return;
    g_free(plan->sql);
    g_free(plan->recommended);
    if (plan->columns != NULL)
        g_ptr_array_unref(plan->columns);
    query_relation_free(plan->relation);
    hpt_study_name_clear(&plan->study);
    g_free(plan);
}

/* ---- columns by name ---- */

static void append_names(GPtrArray *names, const GPtrArray *columns)
{
    for (guint i = 0; i < columns->len; i++) {
        const QueryColumn *column = columns->pdata[i];
        g_ptr_array_add(names, column->name);
    }
    g_ptr_array_add(names, NULL);
}

/* One word may be the name of one column and the view's name for another, C, which SQL folds to c.
 */
static void note_other(const GPtrArray *columns, const QueryColumn *taken, const char *text,
                       const char *option)
{
    for (guint i = 0; i < columns->len; i++) {
        const QueryColumn *column = columns->pdata[i];
        if (column != taken && strcmp(column->fold, text) == 0)
            hpt_tool_note("%s %s is '%s', in SQL %s; in SQL %s is '%s'", option, text, taken->name,
                          taken->sql, column->sql, column->name);
    }
}

/* The column a user means: by its name as declared, by the view's name for it, or by a name that
 * SQL folds to that. Borrowed. */
static QueryColumn *find_column(const GPtrArray *columns, const char *text, const char *option,
                                GError **error)
{
    g_autofree char *folded = g_ascii_strdown(text, -1);
    const char *wanted[] = {text, text, folded};
    for (size_t pass = 0; pass < G_N_ELEMENTS(wanted); pass++)
        for (guint i = 0; i < columns->len; i++) {
            QueryColumn *column = columns->pdata[i];
            if (strcmp(pass == 0 ? column->name : column->fold, wanted[pass]) == 0) {
                if (pass == 0)
                    note_other(columns, column, text, option);
                return column;
            }
        }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    append_names(names, columns);
    const char *near = hpt_suggest(text, (const char *const *)names->pdata);
    g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s: no column '%s'; did you mean '%s'?",
                    option, text, near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s: no column '%s'\nhint: there are %s",
                    option, text, all);
    return NULL;
}

/* The columns of the result, in order; borrowed elements. */
static GPtrArray *choose_columns(const QueryRelation *relation, const QueryWant *want,
                                 GError **error)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    if (want->columns == NULL)
        for (guint i = 0; i < relation->columns->len; i++) {
            const QueryColumn *column = relation->columns->pdata[i];
            if (!column->extra || !want->table || want->all_columns)
                g_ptr_array_add(chosen, (void *)column);
        }
    else {
        /* Each fact of the long form says of which trial it is. */
        if (want->long_form)
            g_ptr_array_add(chosen, relation->columns->pdata[0]);
        for (char **text = want->columns; *text != NULL; text++) {
            QueryColumn *column = find_column(relation->columns, *text, "-c", error);
            if (column == NULL)
                return NULL;
            column->keep = true;
            if (!want->long_form || column != relation->columns->pdata[0])
                g_ptr_array_add(chosen, column);
        }
    }
    return g_steal_pointer(&chosen);
}

static bool append_sort(GString *out, const QueryRelation *relation, char **sort, GError **error)
{
    for (; sort != NULL && *sort != NULL; sort++) {
        bool down = **sort == '-';
        QueryColumn *column = find_column(relation->columns, *sort + down, "--sort", error);
        if (column == NULL)
            return false;
        g_string_append_printf(out, "%sq.%s%s nulls last", out->len > 0 ? ", " : "", column->sql,
                               down ? " desc" : "");
    }
    return true;
}

/* ---- the statement ---- */

static char *select_list(const GPtrArray *columns)
{
    g_autoptr(GString) out = g_string_new("select ");
    for (guint i = 0; i < columns->len; i++) {
        const QueryColumn *column = columns->pdata[i];
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", column->sql);
        if (strcmp(column->name, column->fold) != 0) {
            g_autofree char *name = hpt_db_quote_name(column->name);
            g_string_append_printf(out, " as %s", name);
        }
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* The WHERE clause with its word, or "". The user's expression stands on lines of its own, so that
 * a comment in it ends there. */
static char *where_clause(const QueryRelation *relation, const QueryWant *want, const char *more)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    if (relation->condition->len > 0)
        g_ptr_array_add(parts, g_strdup(relation->condition->str));
    if (*more != '\0')
        g_ptr_array_add(parts, g_strdup(more));
    if (want->where != NULL)
        g_ptr_array_add(parts, g_strdup_printf("(\n%s\n)", want->where));
    g_ptr_array_add(parts, NULL);
    if (parts->len == 1)
        return g_strdup("");
    g_autofree char *all = g_strjoinv(" and ", (char **)parts->pdata);
    return g_strconcat("\nwhere ", all, NULL);
}

static char *join_order(const char *first, const char *last)
{
    if (*first == '\0' || *last == '\0')
        return g_strconcat(first, last, NULL);
    return g_strconcat(first, ", ", last, NULL);
}

/* The trials that no other is better than in every objective, as a relation. One objective: the
 * best value; two: a sweep in order of the first, O(n log n); more: one by one. */
static char *pareto_relation(const QueryRelation *relation, const QueryWant *want)
{
    const GPtrArray *objectives = relation->objectives;
    const char *first = objectives->pdata[0];
    g_autoptr(GString) feasible = g_string_new("feasible");
    for (guint i = 0; i < objectives->len; i++)
        g_string_append_printf(feasible, " and %s is not null", (char *)objectives->pdata[i]);
    g_autofree char *where = where_clause(relation, want, feasible->str);
    const char *from = relation->from->str;
    if (objectives->len == 1)
        return g_strdup_printf("(select * from (select *, min(%s) over () as \"least here\"\n"
                               "               from %s%s) q\n      where %s = \"least here\") q",
                               first, from, where, first);
    if (objectives->len == 2) {
        const char *second = objectives->pdata[1];
        return g_strdup_printf(
            "(select * from (select *, min(%s) over (partition by %s) as \"least here\",\n"
            "                      min(%s) over (order by %s groups between unbounded preceding\n"
            "                                    and 1 preceding) as \"least before\"\n"
            "               from %s%s) q\n"
            "      where %s = \"least here\" and (\"least before\" is null or %s < \"least "
            "before\")) q",
            second, first, second, first, from, where, second, second);
    }
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(GString) no_worse = g_string_new(NULL);
    g_autoptr(GString) better = g_string_new(NULL);
    for (guint i = 0; i < objectives->len; i++) {
        g_string_append_printf(names, ", %s as \"objective %u\"", (char *)objectives->pdata[i], i);
        g_string_append_printf(no_worse, "%sb.\"objective %u\" <= f.\"objective %u\"",
                               i > 0 ? " and " : "", i, i);
        g_string_append_printf(better, "%sb.\"objective %u\" < f.\"objective %u\"",
                               i > 0 ? " or " : "", i, i);
    }
    return g_strdup_printf("(with f as materialized (select *%s\n      from %s%s order by %s)\n"
                           "      select * from f where not exists (select from f b\n"
                           "          where %s and (%s))) q",
                           names->str, from, where, first, no_worse->str, better->str);
}

/* Those of which the best by the first objective are asked for. */
static char *ranked_where(const QueryRelation *relation, const QueryWant *want)
{
    g_autofree char *feasible = g_strdup_printf("feasible and %s is not null", (char *)relation->objectives->pdata[0]);
    return where_clause(relation, want, feasible);
}

/* The best trials by the first objective, as a relation. */
static char *top_relation(const QueryRelation *relation, const QueryWant *want)
{
    const char *first = relation->objectives->pdata[0];
    g_autofree char *where = ranked_where(relation, want);
    return g_strdup_printf("(select * from %s%s\n      order by %s, trial limit %d) q",
                           relation->from->str, where, first, want->best ? 1 : want->top);
}

/* The trials that may be recommended. */
static char *compose_among(const QueryRelation *relation, const QueryWant *want)
{
    g_autofree char *where = ranked_where(relation, want);
    return g_strdup_printf("select q.trial\nfrom %s%s\norder by 1", relation->from->str, where);
}

/* recommended: the relation that is to be shown, or NULL. */
static char *compose(const QueryRelation *relation, const QueryWant *want, const char *recommended,
                     const GPtrArray *columns, const char *sort)
{
    bool ranked = want->best || want->pareto || want->top > 0 || recommended != NULL;
    g_autofree char *from = !ranked               ? g_strdup(relation->from->str)
                            : recommended != NULL ? g_strdup(recommended)
                            : want->pareto        ? pareto_relation(relation, want)
                                                  : top_relation(relation, want);
    g_autofree char *where = ranked ? g_strdup("") : where_clause(relation, want, "");
    g_autofree char *list = select_list(columns);
    const char *best_first = ranked ? relation->objectives->pdata[0] : "";
    g_autofree char *last = join_order(*sort == '\0' ? best_first : "", relation->order->str);
    g_autofree char *order = join_order(sort, last);
    return g_strdup_printf("%s\nfrom %s%s\norder by %s", list, from, where, order);
}

/* The metrics that were asked for, or the objectives; borrowed elements. */
static GPtrArray *choose_metrics(const QueryRelation *relation, const QueryWant *want, const char *study,
                                 GError **error)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    for (char **text = want->columns; text != NULL && *text != NULL; text++) {
        QueryColumn *column = find_column(relation->columns, *text, "-c", error);
        if (column == NULL)
            return NULL;
        g_ptr_array_add(chosen, column);
    }
    for (guint i = 1; want->columns == NULL && i < relation->columns->len; i++) {
        QueryColumn *column = relation->columns->pdata[i];
        if (column->keep) /* an objective; the first is the trial */
            g_ptr_array_add(chosen, column);
    }
    if (chosen->len > 0)
        return g_steal_pointer(&chosen);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "study '%s' has no metric to minimise or maximise\nhint: -c names a metric", study);
    return NULL;
}

/* Trial, parameters and metrics of the trials that are complete. */
static char *compose_importance(const QueryRelation *relation, const QueryWant *want, const GPtrArray *metrics,
                                const char *study)
{
    g_autofree char *quoted = hpt_db_quote_text(study), *where = where_clause(relation, want, "state = 'complete'");
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint i = 0; i < metrics->len; i++)
        g_string_append_printf(list, ", q.%s", ((const QueryColumn *)metrics->pdata[i])->sql);
    return g_strdup_printf("select q.trial,\n       (select t.params from hpt.trial t where t.study = %s and "
                           "t.trial = q.trial) as params%s\nfrom %s%s\norder by %s",
                           quoted, list->str, relation->from->str, where, relation->order->str);
}

static bool check_ranking(const QueryRelation *relation, const QueryWant *want, const char *study,
                          GError **error)
{
    if (!want->best && !want->recommend && !want->pareto && want->top == 0)
        return true;
    if (relation->objectives->len == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "study '%s' has no metric to minimise or maximise, so no trial is best\n"
                    "hint: --sort orders by any column",
                    study);
        return false;
    }
    if ((want->best || want->recommend) && relation->objectives->len > 1) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "study '%s' has %u objectives, so no single trial is best\n"
                    "hint: --pareto lists those that no other beats in all of them; --top=1 takes "
                    "the first objective alone",
                    study, relation->objectives->len);
        return false;
    }
    return true;
}

QueryPlan *query_plan_new(HptDb *db, const QueryWant *want, GError **error)
{
    g_autoptr(QueryPlan) plan = g_new0(QueryPlan, 1);
    if (want->mode == QUERY_SQL) {
        plan->sql = g_strdup(want->sql);
        return g_steal_pointer(&plan);
    }
    g_autoptr(QueryRelation) relation = query_relation_new(db, want, &plan->study, error);
    if (relation == NULL || !check_ranking(relation, want, plan->study.study, error))
        return NULL;
    if (want->mode == QUERY_IMPORTANCE) {
        plan->columns = choose_metrics(relation, want, plan->study.study, error);
        if (plan->columns == NULL)
            return NULL;
        plan->importance = true;
        plan->sql = compose_importance(relation, want, plan->columns, plan->study.study);
        plan->relation = g_steal_pointer(&relation);
        return g_steal_pointer(&plan);
    }
    g_autofree char *recommended = NULL;
    if (want->recommend) {
        g_autofree char *among = compose_among(relation, want);
        recommended = query_recommend(db, relation, plan->study.study, among, want->timeout_us, &plan->recommended, error);
        if (recommended == NULL)
            return NULL;
    }
    g_autoptr(GPtrArray) columns = choose_columns(relation, want, error);
    g_autoptr(GString) sort = g_string_new(NULL);
    if (columns == NULL || !append_sort(sort, relation, want->sort, error))
        return NULL;
    plan->sql = compose(relation, want, recommended, columns, sort->str);
    plan->one_objective_of_several = want->top > 0 && relation->objectives->len > 1;
    plan->columns = g_steal_pointer(&columns);
    plan->relation = g_steal_pointer(&relation);
    return g_steal_pointer(&plan);
}
