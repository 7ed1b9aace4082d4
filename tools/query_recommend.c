/* From the trials of a study to the one to prefer. */
#include "query.h"

#include "base/number.h"
#include "study/recommend.h"
#include "study/study.h"

#include <string.h>

/* ---- which may be recommended ---- */

static bool add_number(const HptDbText *values, size_t n G_GNUC_UNUSED, void *user, GError **error G_GNUC_UNUSED)
{
    int64_t number;
    if (values[0].text != NULL && hpt_integer_parse(values[0].text, &number))
        g_array_append_val((GArray *)user, number);
    return true;
}

static GArray *read_numbers(HptDb *db, const char *sql, int64_t timeout_us, GError **error)
{
    g_autoptr(GArray) numbers = g_array_sized_new(false, false, sizeof(int64_t), 1); /* there is data, though of none */
    const HptDbStream stream = {
        .sql = sql, .search_path = QUERY_SEARCH_PATH, .timeout_us = timeout_us, .row = add_number, .user = numbers};
    g_autoptr(GError) failed = NULL;
    if (hpt_db_stream(db, &stream, &failed))
        return g_steal_pointer(&numbers);
    query_error_explain(&failed, sql, timeout_us);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
}

/* ---- what is shown ---- */

static bool is_taken(const QueryRelation *relation, const char *name)
{
    for (guint i = 0; i < relation->columns->len; i++) {
        const QueryColumn *column = relation->columns->pdata[i];
        if (strcmp(column->name, name) == 0 || strcmp(column->fold, name) == 0)
            return true;
    }
    return false;
}

/* The place behind the objective. */
static int place_of_expected(const QueryRelation *relation)
{
    int place = 1; /* the first column that is kept is the trial */
    while (!((const QueryColumn *)relation->columns->pdata[place])->keep)
        place++;
    return place + 1;
}

/* The columns of what is expected, NULL if no noise is found, and where they come from into list. */
static void add_expected(QueryRelation *relation, const HptRecommendation *recommendation, GString *list)
{
    static const char *const names[] = {"expected", "expected_low", "expected_high"};
    double values[G_N_ELEMENTS(names)] = {recommendation->of_number.mean};
    hpt_expected_interval(recommendation->of_number, &values[1], &values[2]);
    int place = place_of_expected(relation);
    for (int i = 0; i < (int)G_N_ELEMENTS(names); i++) {
        char text[HPT_NUMBER_TEXT_SIZE];
        g_autofree char *name = g_strdup(names[i]);
        while (is_taken(relation, name)) { /* by a parameter or a metric */
            g_autofree char *longer = g_strconcat(name, "_", NULL);
            g_free(name);
            name = g_steal_pointer(&longer);
        }
        QueryColumn *column = query_add_column(relation, place + i, name, name);
        column->rank = i + 2; /* as the state, before parameters */
        const char *value = recommendation->noise > 0 ? hpt_number_text(values[i], text) : NULL;
        g_string_append_printf(list, ", %s%s%s::double precision as %s", value == NULL ? "" : "'",
                               value == NULL ? "null" : value, value == NULL ? "" : "'", column->sql);
    }
}

char *query_recommend(HptDb *db, QueryRelation *relation, const char *study, const char *among, int64_t timeout_us,
                      char **text, GError **error)
{
    g_autoptr(HptDefinition) definition = hpt_study_definition(db, study, 0, error);
    g_autoptr(GArray) numbers = definition == NULL ? NULL : read_numbers(db, among, timeout_us, error);
    HptRecommendation recommendation = {.number = -1}; /* which no trial has */
    bool found = false;
    if (numbers == NULL || !hpt_recommend_study(db, study, definition, (const int64_t *)(void *)numbers->data,
                                                numbers->len, &recommendation, &found, error))
        return NULL;
    if (found)
        *text = hpt_recommendation_text(&recommendation, definition);
    g_autoptr(GString) list = g_string_new("q.*");
    add_expected(relation, &recommendation, list);
    return g_strdup_printf("(select %s\n      from %s\n      where q.trial = %" PRId64 ") q", list->str,
                           relation->from->str, recommendation.number);
}
