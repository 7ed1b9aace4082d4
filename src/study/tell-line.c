#include "study/tell-line.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

void hpt_tell_line_clear(HptTellLine *line)
{
    g_free(line->study);
    g_free(line->cause);
    g_clear_pointer(&line->names, g_ptr_array_unref);
    g_clear_pointer(&line->values, g_array_unref);
    g_clear_pointer(&line->cells, g_ptr_array_unref);
    g_strfreev(line->columns);
    *line = (HptTellLine){0};
}

static void begin(HptTellLine *line)
{
    line->names = g_ptr_array_new_with_free_func(g_free);
    line->values = g_array_new(false, false, sizeof(double));
}

static void add(HptTellLine *line, const char *name, double value)
{
    if (name != NULL)
        g_ptr_array_add(line->names, g_strdup(name));
    g_array_append_val(line->values, value);
}

static bool read_id(const char *id, HptTellLine *line, GError **error)
{
    return hpt_asked_parse(id, &line->study, &line->number, &line->attempt, error);
}

bool hpt_tell_number(const char *text, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", (double)NAN},       {"inf", (double)INFINITY},       {"+inf", (double)INFINITY},
                 {"-inf", -(double)INFINITY}, {"infinity", (double)INFINITY}, {"-infinity", -(double)INFINITY}};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_ascii_strcasecmp(text, words[i].word) == 0) {
            *out = words[i].value;
            return true;
        }
    return hpt_number_parse(text, out, NULL);
}

/* A report is numbers: a trial that comes to nothing is told of without a step. */
static bool check_report(const HptTellLine *line, GError **error)
{
    if (line->report && line->failed)
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "a report has numbers\nhint: a trial that came to nothing is told of without a step");
    return !line->report || !line->failed;
}

static bool read_step(const char *text, HptTellLine *line, GError **error)
{
    int64_t step = -1;
    bool again = line->report;
    line->report = true;
    if (again || !hpt_integer_parse(text, &step) || step < 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    again ? "'%s': the step is there twice" : "'%s': a step is a whole number from 0 on", text);
        return false;
    }
    line->step = step;
    return true;
}

/* ---- words ---- */

#define STEP "step="

static bool read_pair(const char *word, HptTellLine *line, GError **error)
{
    const char *equals = strchr(word, '=');
    double value = 0;
    if (!g_utf8_validate(word, -1, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "'%s' is not UTF-8 text", word);
        return false;
    }
    if (equals == NULL || equals == word) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "'%s' is no NAME=VALUE%s", word,
                    word[0] == '-' ? "\nhint: options stand before the trial's id" : "");
        return false;
    }
    g_autofree char *name = g_strndup(word, (size_t)(equals - word));
    if (strcmp(equals + 1, "null") == 0) {
        line->failed = true;
        return true;
    }
    if (!hpt_tell_number(equals + 1, &value)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "'%s': '%s' is not a number", word, equals + 1);
        return false;
    }
    add(line, name, value);
    return true;
}

bool hpt_tell_line_from_words(const char *const *words, HptTellLine *out, GError **error)
{
    begin(out);
    for (size_t i = 1; words[i] != NULL; i++) /* first, as what is wrong with a report is an answer to it */
        if (g_str_has_prefix(words[i], STEP) && !read_step(words[i] + strlen(STEP), out, error))
            return false;
    if (!read_id(words[0], out, error))
        return false;
    for (size_t i = 1; words[i] != NULL; i++)
        if (!g_str_has_prefix(words[i], STEP) && !read_pair(words[i], out, error))
            return false;
    return check_report(out, error);
}

/* Where the id ends: at the first blank behind a number that stands at the beginning or behind a slash, so that a
 * study's name may have blanks. */
static size_t id_length(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i > 0 && text[i - 1] != '/')
            continue;
        size_t digits = strspn(text + i, "0123456789.");
        if (digits > 0 && (text[i + digits] == '\0' || g_ascii_isspace(text[i + digits])))
            return i + digits;
    }
    return strcspn(text, " \t");
}

bool hpt_tell_line_from_text(const char *text, HptTellLine *out, GError **error)
{
    text += strspn(text, " \t");
    size_t length = id_length(text);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(words, g_strndup(text, length));
    for (const char *at = text + length; *at != '\0'; at += strcspn(at, " \t\r")) {
        at += strspn(at, " \t\r");
        if (*at != '\0')
            g_ptr_array_add(words, g_strndup(at, strcspn(at, " \t\r")));
    }
    g_ptr_array_add(words, NULL);
    return hpt_tell_line_from_words((const char *const *)words->pdata, out, error);
}

/* ---- JSON ---- */

static bool refuse(GError **error, const char *message)
{
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, message);
    return false;
}

static bool read_value(const char *name, const json_t *value, HptTellLine *line, GError **error)
{
    double number = json_number_value(value);
    if (json_is_null(value)) {
        line->failed = true;
        return true;
    }
    if (!json_is_number(value) && !(json_is_string(value) && hpt_tell_number(json_string_value(value), &number))) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is neither a number nor null", name == NULL ? "a value" : name);
        return false;
    }
    add(line, name, number);
    return true;
}

bool hpt_tell_line_id(const json_t *id, HptTellLine *line, GError **error)
{
    if (json_is_string(id))
        return read_id(json_string_value(id), line, error);
    line->number = json_integer_value(id);
    line->attempt = 1;
    return (json_is_integer(id) && line->number >= 0) || refuse(error, "'id' must be what hpt-ask calls the trial");
}

static bool read_failed(const json_t *failed, HptTellLine *line, GError **error)
{
    if (!json_is_string(failed) && !json_is_boolean(failed))
        return refuse(error, "'failed' must be true, or a string that says why");
    line->failed = line->failed || !json_is_false(failed);
    line->cause = g_strdup(json_string_value(failed));
    return true;
}

bool hpt_tell_line_from_json(const json_t *object, HptTellLine *out, GError **error)
{
    const json_t *metrics = json_object_get(object, "metrics"), *values = json_object_get(object, "values");
    const json_t *failed = json_object_get(object, "failed"), *step = json_object_get(object, "step");
    const char *name = NULL;
    json_t *value = NULL;
    begin(out);
    if (!json_is_object(object))
        return refuse(error, "a line of JSON must be an object");
    out->report = step != NULL;
    out->step = json_integer_value(step);
    if (out->report && (!json_is_integer(step) || out->step < 0))
        return refuse(error, "'step' must be a whole number from 0 on");
    if (!hpt_tell_line_id(json_object_get(object, "id"), out, error) ||
        (failed != NULL && !read_failed(failed, out, error)))
        return false;
    if ((metrics != NULL) + (values != NULL) + out->failed != 1)
        return refuse(error, "one of 'metrics', 'values' and 'failed' must be there");
    out->failed = out->failed || json_is_null(metrics) || json_is_null(values);
    if (out->failed)
        return check_report(out, error);
    if (metrics != NULL ? !json_is_object(metrics) : !json_is_array(values))
        return refuse(error, "'metrics' must be an object and 'values' an array, or null");
    json_object_foreach((json_t *)metrics, name, value)
        if (!read_value(name, value, out, error))
            return false;
    out->positional = values != NULL;
    for (size_t i = 0; i < json_array_size(values); i++)
        if (!read_value(NULL, json_array_get(values, i), out, error))
            return false;
    return check_report(out, error);
}

/* ---- columns ---- */

/* A field without the escapes of COPY; NULL is \N. */
static char *unescape(const char *field)
{
    if (strcmp(field, "\\N") == 0)
        return NULL;
    static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
    GString *text = g_string_new(NULL);
    for (const char *at = field; *at != '\0'; at++) {
        const char *escape = at[0] == '\\' && at[1] != '\0' ? strchr(from, at[1]) : NULL;
        if (at[0] == '\\' && at[1] != '\0')
            at++;
        g_string_append_c(text, escape == NULL ? *at : to[escape - from]);
    }
    return g_string_free(text, false);
}

char **hpt_tell_header(const char *line)
{
    char **names = g_strsplit(line, "\t", -1);
    if (g_strv_contains((const char *const *)names, "hpt.id"))
        return names;
    g_strfreev(names);
    return NULL;
}

bool hpt_tell_line_from_row(char **header, const char *line, HptTellLine *out, GError **error)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", -1);
    size_t n = g_strv_length(header);
    begin(out);
    out->cells = g_ptr_array_new_with_free_func(g_free);
    out->columns = g_strdupv(header);
    for (size_t i = 0; i < n && fields[i] != NULL; i++) {
        g_autofree char *text = strcmp(header[i], "hpt.step") == 0 ? unescape(fields[i]) : NULL;
        if (text != NULL && *text != '\0' && !read_step(text, out, error))
            return false;
    }
    if (g_strv_length(fields) != n) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%u column%s, and the header has %zu", g_strv_length(fields),
                    g_strv_length(fields) == 1 ? "" : "s", n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        g_autofree char *text = unescape(fields[i]);
        bool id = strcmp(header[i], "hpt.id") == 0;
        if (id && out->attempt > 0)
            return refuse(error, "hpt.id is there twice");
        if (id && !read_id(text == NULL ? "" : text, out, error))
            return false;
        g_ptr_array_add(out->cells, g_steal_pointer(&text));
    }
    return true;
}

bool hpt_tell_line_read(char **header, const char *text, size_t length, HptTellLine *out, GError **error)
{
    if (!g_utf8_validate_len(text, length, NULL))
        return refuse(error, "it is not UTF-8 text");
    if (header != NULL)
        return hpt_tell_line_from_row(header, text, out, error);
    if (*text != '{')
        return hpt_tell_line_from_text(text, out, error);
    g_autoptr(json_t) object = hpt_json_parse(text, length, error);
    return object != NULL && hpt_tell_line_from_json(object, out, error);
}

static bool is_known(const HptDefinition *definition, const char *name, GError **error)
{
    if (g_str_has_prefix(name, "hpt.") || hpt_space_find(definition->space, name) != SIZE_MAX)
        return true;
    HptTelling telling = {.n = 1, .names = &name, .values = (const double[]){0}};
    return hpt_tell_check(definition, &telling, error);
}

/* Which cells are metrics is known now. */
static bool settle_row(HptTellLine *line, const HptDefinition *definition, GError **error)
{
    for (guint i = 0; i < line->cells->len; i++) {
        const char *text = line->cells->pdata[i], *column = line->columns[i];
        size_t metric = hpt_metrics_find(definition->metrics, column);
        double value = 0;
        if (metric == SIZE_MAX) {
            if (!is_known(definition, column, error))
                return false;
        } else if (text == NULL || *text == '\0' || strcmp(text, "null") == 0) {
            bool needed = hpt_metric_is_objective(hpt_metrics_get(definition->metrics, metric));
            line->failed = line->failed || (needed && !line->report);
        } else if (hpt_tell_number(text, &value)) {
            add(line, column, value);
        } else {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: '%s' is not a number", column, text);
            return false;
        }
    }
    return true;
}

/* ---- the result ---- */

static bool name_values(HptTellLine *line, const HptDefinition *definition, GError **error)
{
    size_t objectives = hpt_metrics_objectives(definition->metrics);
    if (line->values->len != objectives) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'values' must be null or an array of %zu number%s", objectives,
                    objectives == 1 ? "" : "s");
        return false;
    }
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++)
        if (hpt_metric_is_objective(hpt_metrics_get(definition->metrics, i)))
            g_ptr_array_add(line->names, g_strdup(hpt_metrics_get(definition->metrics, i)->name));
    return true;
}

bool hpt_tell_line_settle(HptTellLine *line, const HptDefinition *definition, HptTelling *out, GError **error)
{
    if (line->cells != NULL && !settle_row(line, definition, error))
        return false;
    *out = (HptTelling){
        .number = line->number,
        .attempt = line->attempt,
        .outcome = line->failed ? HPT_TELL_FAILED : line->report ? HPT_TELL_REPORT : HPT_TELL_COMPLETE,
        .cause = line->cause,
        .step = line->step,
    };
    if (line->failed)
        return true;
    if (line->positional && !name_values(line, definition, error))
        return false;
    out->n = line->names->len;
    out->names = (const char *const *)line->names->pdata;
    out->values = (const double *)(const void *)line->values->data;
    return hpt_tell_check(definition, out, error);
}
