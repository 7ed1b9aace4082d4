#include "study/told.h"

#include "base/number.h"
#include "record/secret.h"
#include "study/ask.h"
#include "study/name.h"

#include <string.h>

/* ---- writing ---- */

static json_t *number_texts(const GArray *values)
{
    json_t *texts = json_array();
    for (guint i = 0; i < values->len; i++) {
        char text[HPT_NUMBER_TEXT_SIZE];
        json_array_append_new(texts, json_string(hpt_number_text(g_array_index(values, double, i), text)));
    }
    return texts;
}

/* NULL is null. */
static json_t *texts_of(const GPtrArray *texts)
{
    json_t *array = json_array();
    for (guint i = 0; i < texts->len; i++)
        json_array_append_new(array, texts->pdata[i] == NULL ? json_null() : json_string(texts->pdata[i]));
    return array;
}

static json_t *names_of(char **names)
{
    json_t *array = json_array();
    for (; *names != NULL; names++)
        json_array_append_new(array, json_string(*names));
    return array;
}

char *hpt_told_text(const HptTellLine *line, const char *study, GError **error)
{
    const char *named = line->study != NULL ? line->study : study;
    g_autofree char *cause = line->cause == NULL ? NULL : hpt_secret_cut(line->cause);
    g_autofree char *number = g_strdup_printf("%" PRId64, line->number), *step = g_strdup_printf("%" PRId64, line->step);
    g_autoptr(json_t) object = json_object();
    if (named != NULL && !g_utf8_validate(named, -1, NULL)) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, "the study's name is not UTF-8 text");
        return NULL;
    }
    if (named != NULL)
        json_object_set_new(object, "study", json_string(named));
    json_object_set_new(object, "number", json_string(number)); /* any of 64 bits */
    json_object_set_new(object, "attempt", json_integer(line->attempt));
    if (line->report)
        json_object_set_new(object, "step", json_string(step));
    if (cause != NULL)
        json_object_set_new(object, "cause", json_string(cause));
    if (line->failed) {
        json_object_set_new(object, "failed", json_true());
    } else if (line->cells != NULL) {
        json_object_set_new(object, "columns", names_of(line->columns));
        json_object_set_new(object, "cells", texts_of(line->cells));
    } else {
        if (!line->positional)
            json_object_set_new(object, "names", texts_of(line->names));
        json_object_set_new(object, "values", number_texts(line->values));
    }
    return hpt_json_canonical(object, error);
}

/* ---- reading ---- */

static bool wrong(GError **error)
{
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, "it is no result as hpt-tell writes it");
    return false;
}

static bool read_texts(const json_t *array, GPtrArray *out)
{
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach((json_t *)array, i, one) {
        if (!json_is_string(one) && !json_is_null(one))
            return false;
        g_ptr_array_add(out, g_strdup(json_string_value(one)));
    }
    return json_is_array(array);
}

static bool read_values(const json_t *object, HptTellLine *out)
{
    const json_t *values = json_object_get(object, "values"), *names = json_object_get(object, "names");
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach((json_t *)values, i, one) {
        double value = 0;
        if (!json_is_string(one) || !hpt_tell_number(json_string_value(one), &value))
            return false;
        g_array_append_val(out->values, value);
    }
    out->positional = names == NULL;
    if (!json_is_array(values) || (names != NULL && !read_texts(names, out->names)))
        return false;
    for (guint k = 0; k < out->names->len; k++)
        if (out->names->pdata[k] == NULL)
            return false;
    return names == NULL || out->names->len == out->values->len;
}

static bool read_row(const json_t *object, HptTellLine *out)
{
    g_autoptr(GPtrArray) columns = g_ptr_array_new_with_free_func(g_free);
    out->cells = g_ptr_array_new_with_free_func(g_free);
    if (!read_texts(json_object_get(object, "columns"), columns) ||
        !read_texts(json_object_get(object, "cells"), out->cells) || columns->len != out->cells->len)
        return false;
    for (guint i = 0; i < columns->len; i++)
        if (columns->pdata[i] == NULL)
            return false;
    g_ptr_array_add(columns, NULL);
    out->columns = (char **)g_ptr_array_free(g_steal_pointer(&columns), false);
    return true;
}

bool hpt_told_parse(const char *text, size_t length, HptTellLine *out, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(text, length, error);
    if (object == NULL)
        return false;
    const char *number = json_string_value(json_object_get(object, "number"));
    const json_t *step = json_object_get(object, "step");
    out->names = g_ptr_array_new_with_free_func(g_free);
    out->values = g_array_new(false, false, sizeof(double));
    out->attempt = (int)CLAMP(json_integer_value(json_object_get(object, "attempt")), 0, G_MAXINT32);
    if (number == NULL || !hpt_integer_parse(number, &out->number) || out->number < 0 || out->attempt < 1)
        return wrong(error);
    out->report = step != NULL;
    if (out->report && (!json_is_string(step) || !hpt_integer_parse(json_string_value(step), &out->step) || out->step < 0))
        return wrong(error);
    out->study = g_strdup(json_string_value(json_object_get(object, "study")));
    out->cause = g_strdup(json_string_value(json_object_get(object, "cause")));
    out->failed = json_is_true(json_object_get(object, "failed"));
    bool fine = out->failed || (json_object_get(object, "cells") != NULL ? read_row(object, out)
                                                                         : read_values(object, out));
    return fine || wrong(error);
}

/* ---- recording ---- */

static void free_study(void *study)
{
    hpt_study_free(study);
}

GHashTable *hpt_told_studies_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_study);
}

static char *only_study(HptDb *db, GError **error)
{
    g_auto(HptStudyName) name = {0};
    if (!hpt_study_name_find(db, NULL, &name, error))
        return NULL;
    if (!name.chosen)
        return g_steal_pointer(&name.study);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "of which study? there are %" PRId64 "\nhint: STUDY/NUMBER, or -s NAME",
                name.count);
    return NULL;
}

HptStudy *hpt_told_study(HptDb *db, GHashTable *studies, const char *name, GError **error)
{
    g_autofree char *only = name == NULL ? only_study(db, error) : NULL;
    const char *wanted = name == NULL ? only : name;
    if (wanted == NULL)
        return NULL;
    HptStudy *study = g_hash_table_lookup(studies, wanted);
    if (study != NULL)
        return study;
    study = hpt_study_open(db, wanted, error);
    if (study != NULL)
        g_hash_table_insert(studies, g_strdup(wanted), study);
    return study;
}

bool hpt_told_record(HptDb *db, GHashTable *studies, const char *text, size_t length, HptTellAnswer *answer,
                     char **id, GError **error)
{
    g_auto(HptTellLine) line = {0};
    HptTelling telling;
    if (!hpt_told_parse(text, length, &line, error))
        return false;
    const HptStudy *study = hpt_told_study(db, studies, line.study, error);
    if (study == NULL)
        return false;
    if (!hpt_tell_line_settle(&line, study->definition, &telling, error)) {
        g_autofree char *trial = hpt_asked_id(study->name, line.number, line.attempt);
        if (id == NULL)
            g_prefix_error(error, "%s: ", trial);
        return false;
    }
    telling.late = id == NULL;
    if (!hpt_tell_once(db, study, &telling, answer, error))
        return false;
    if (id != NULL)
        *id = hpt_asked_id(study->name, telling.number, telling.attempt);
    return true;
}
