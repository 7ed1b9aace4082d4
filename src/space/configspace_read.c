/* ConfigSpace's JSON into statements of ours, which then take the usual way. */
#include "space/configspace.h"
#include "space/internal.h"

#include "base/number.h"

#include <string.h>

typedef struct {
    HptSpaceBuilder *builder;
    const char *file;
    GPtrArray *losses;
    GHashTable *names; /* theirs to ours, where they differ */
} Read;

static void lose(const Read *read, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void lose(const Read *read, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(read->losses, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, text);
    return false;
}

static const char *get_string(const json_t *item, const char *key)
{
    return json_string_value(json_object_get(item, key));
}

/* The member under its new or its old name; NULL also for null. */
static const json_t *get_either(const json_t *item, const char *key, const char *old)
{
    const json_t *value = json_object_get(item, key);
    if (value == NULL) {
        value = json_object_get(item, old);
    }
    return json_is_null(value) ? NULL : value;
}

/* ---- names and values ---- */

static const char *our_name(const Read *read, const char *name)
{
    const char *ours = g_hash_table_lookup(read->names, name);
    return ours != NULL ? ours : name;
}

/* Their names may be any text. */
static void adopt_name(const Read *read, const char *name)
{
    size_t length = strlen(name);
    if (length > 0 && hpt_name_length(name, length) == length) {
        return;
    }
    GString *ours = g_string_new(NULL);
    if (hpt_name_length(name, length) == 0) {
        g_string_append_c(ours, '_');
    }
    for (const char *p = name; *p != '\0'; p++) {
        char c = *p;
        bool good = g_ascii_isalnum(c) || strchr("_.:@/+-", c) != NULL;
        g_string_append_c(ours, good ? c : '_');
    }
    lose(read, "parameter '%s' is renamed '%s'", name, ours->str);
    g_hash_table_insert(read->names, g_strdup(name), g_string_free(ours, FALSE));
}

/* A value as our text; false for lists and objects. */
static bool append_value(GString *out, const json_t *value)
{
    char number[HPT_NUMBER_TEXT_SIZE];
    if (json_is_string(value)) {
        if (strlen(json_string_value(value)) != json_string_length(value)) {
            return false;
        }
        hpt_append_value(out, json_string_value(value));
    } else if (json_is_integer(value)) {
        g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        g_string_append(out, hpt_number_text(json_real_value(value), number));
    } else if (json_is_boolean(value) || json_is_null(value)) {
        g_string_append(out, json_is_true(value)    ? "true"
                             : json_is_false(value) ? "false"
                                                    : "null");
    } else {
        return false;
    }
    return true;
}

static bool add_value(GString *out, const json_t *value, const char *key, GError **error)
{
    if (value == NULL) {
        return fail(error, "'%s' is missing", key);
    }
    return append_value(out, value) || fail(error, "'%s' is no plain value", key);
}

static bool add_list(GString *out, const json_t *list, const char *key, GError **error)
{
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return fail(error, "'%s' is missing or no list of values", key);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        g_string_append(out, i > 0 ? ", " : "{");
        if (!add_value(out, json_array_get(list, i), key, error)) {
            return false;
        }
    }
    g_string_append_c(out, '}');
    return true;
}

static bool add_default(GString *out, const json_t *item, GError **error)
{
    const json_t *value = get_either(item, "default_value", "default");
    if (value == NULL) {
        return true;
    }
    g_string_append(out, " [");
    if (!add_value(out, value, "default_value", error)) {
        return false;
    }
    g_string_append_c(out, ']');
    return true;
}

/* ---- hyperparameters ---- */

static bool add_range(const Read *read, GString *out, const json_t *item, const char *type,
                      GError **error)
{
    const char *name = get_string(item, "name");
    const json_t *low = json_object_get(item, "lower");
    const json_t *high = json_object_get(item, "upper");
    bool uniform = g_str_has_prefix(type, "uniform_");
    bool integer = g_str_has_suffix(type, "_int");
    if (!uniform && (!json_is_number(low) || !json_is_number(high))) {
        return fail(error, "parameter '%s': %s without 'lower' and 'upper' has no bounds", name,
                    type);
    }
    if (!json_is_number(low) || !json_is_number(high)) {
        return fail(error, "parameter '%s': 'lower' and 'upper' must be numbers", name);
    }
    if (!uniform) {
        lose(read, "parameter '%s': %s becomes uniform between its bounds", name, type);
    }
    g_string_append(out, integer ? " integer [" : " real [");
    append_value(out, low);
    g_string_append(out, ", ");
    append_value(out, high);
    g_string_append_c(out, ']');
    if (!add_default(out, item, error)) {
        return false;
    }
    bool log = json_is_true(json_object_get(item, "log"));
    const json_t *q = get_either(item, "q", "q");
    if (log) {
        g_string_append(out, " log");
    }
    if (q != NULL && log) {
        lose(read, "parameter '%s': 'q' is dropped, since the scale is logarithmic", name);
    } else if (q != NULL && !(integer && json_is_integer(q) && json_integer_value(q) == 1)) {
        g_string_append(out, " step=");
        return add_value(out, q, "q", error);
    }
    return true;
}

/* Lists of values other than text lose their types, but for ascending numbers of an ordinal. */
static void note_types(const Read *read, const char *name, const json_t *list, bool ordinal)
{
    bool ascending = ordinal;
    bool text = true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        text = text && json_is_string(value);
        ascending =
            ascending && json_is_number(value) &&
            (i == 0 || json_number_value(json_array_get(list, i - 1)) < json_number_value(value));
    }
    if (!text && !ascending) {
        lose(read, "parameter '%s': its values become texts", name);
    }
}

static void note_weights(const Read *read, const char *name, const json_t *weights)
{
    for (size_t i = 1; i < json_array_size(weights); i++) {
        double first = json_number_value(json_array_get(weights, 0));
        double other = json_number_value(json_array_get(weights, i));
        if (first < other || first > other) {
            lose(read, "parameter '%s': its weights are dropped", name);
            return;
        }
    }
}

static bool add_set(const Read *read, GString *out, const json_t *item, bool ordinal,
                    GError **error)
{
    const char *name = get_string(item, "name");
    const char *key = ordinal ? "sequence" : "choices";
    const json_t *list = json_object_get(item, key);
    g_string_append(out, ordinal ? " ordinal " : " categorical ");
    if (!add_list(out, list, key, error) || !add_default(out, item, error)) {
        g_prefix_error(error, "parameter '%s': ", name);
        return false;
    }
    note_types(read, name, list, ordinal);
    note_weights(read, name, get_either(item, "weights", "probabilities"));
    return true;
}

static bool add_constant(const Read *read, GString *out, const json_t *item, GError **error)
{
    const char *name = get_string(item, "name");
    const json_t *value = json_object_get(item, "value");
    g_string_append(out, json_is_number(value) ? " ordinal {" : " categorical {");
    if (!add_value(out, value, "value", error)) {
        g_prefix_error(error, "parameter '%s': ", name);
        return false;
    }
    g_string_append_c(out, '}');
    if (!json_is_number(value) && !json_is_string(value)) {
        lose(read, "parameter '%s': its value becomes text", name);
    }
    return true;
}

static bool read_param(const Read *read, const json_t *item, GString *out, GError **error)
{
    const char *name = get_string(item, "name");
    const char *type = get_string(item, "type");
    if (name == NULL || type == NULL) {
        return fail(error, "'%s' is missing or no text", name == NULL ? "name" : "type");
    }
    adopt_name(read, name);
    g_string_append(out, our_name(read, name));
    const json_t *meta = json_object_get(item, "meta");
    if (json_object_size(meta) > 0 || json_array_size(meta) > 0 || json_is_string(meta)) {
        lose(read, "parameter '%s': its 'meta' is dropped", name);
    }
    static const char *const ranges[] = {
        "uniform_float", "uniform_int", "normal_float", "normal_int", "beta_float",
        "beta_int",      NULL};
    if (g_strv_contains(ranges, type)) {
        return add_range(read, out, item, type, error);
    }
    if (strcmp(type, "categorical") == 0 || strcmp(type, "ordinal") == 0) {
        return add_set(read, out, item, strcmp(type, "ordinal") == 0, error);
    }
    if (strcmp(type, "constant") == 0) {
        return add_constant(read, out, item, error);
    }
    return fail(error, "parameter '%s': type '%s' is not known", name, type);
}

/* ---- conditions and forbidden clauses ---- */

/* What a rule is part of: only alternatives within "and" need parentheses. */
typedef enum { WITHIN_NONE, WITHIN_OR, WITHIN_AND } Within;

static bool read_rule(const Read *read, const json_t *item, const char *name_key, Within within,
                      GString *out, GError **error);

static bool read_chain(const Read *read, const json_t *item, const char *name_key, const char *type,
                       Within within, GString *out, GError **error)
{
    const json_t *list = json_object_get(item, "conditions");
    if (list == NULL) {
        list = json_object_get(item, "clauses");
    }
    bool both = strcmp(type, "AND") == 0;
    bool nested = !both && within == WITHIN_AND;
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return fail(error, "%s has no parts", type);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        g_string_append(out, i > 0 ? (both ? " && " : " || ") : nested ? "(" : "");
        if (!read_rule(read, json_array_get(list, i), name_key, both ? WITHIN_AND : WITHIN_OR, out,
                       error)) {
            return false;
        }
    }
    g_string_append(out, nested ? ")" : "");
    return true;
}

/* name_key is the member that names the parameter: "parent" or "name". */
static bool read_rule(const Read *read, const json_t *item, const char *name_key, Within within,
                      GString *out, GError **error)
{
    static const struct {
        const char *type, *text;
    } comparisons[] = {{"EQ", " == "}, {"EQUALS", " == "}, {"NEQ", " != "},
                       {"LT", " < "},  {"GT", " > "},      {"IN", " in "}};
    const char *type = get_string(item, "type");
    if (type == NULL) {
        return fail(error, "'type' is missing or no text");
    }
    if (strcmp(type, "AND") == 0 || strcmp(type, "OR") == 0) {
        return read_chain(read, item, name_key, type, within, out, error);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(comparisons); i++) {
        if (strcmp(type, comparisons[i].type) != 0) {
            continue;
        }
        const char *name = get_string(item, name_key);
        if (name == NULL) {
            return fail(error, "'%s' is missing or no text", name_key);
        }
        g_string_append(out, our_name(read, name));
        g_string_append(out, comparisons[i].text);
        return strcmp(type, "IN") == 0
                   ? add_list(out, json_object_get(item, "values"), "values", error)
                   : add_value(out, json_object_get(item, "value"), "value", error);
    }
    return fail(error, "type '%s' is not known", type);
}

static bool read_condition(const Read *read, const json_t *item, GString *out, GError **error)
{
    const char *child = get_string(item, "child");
    /* A conjunction may leave the naming of the child to its parts. */
    for (const json_t *part = item; child == NULL && part != NULL;) {
        part = json_array_get(json_object_get(part, "conditions"), 0);
        child = get_string(part, "child");
    }
    if (child == NULL) {
        return fail(error, "'child' is missing or no text");
    }
    g_string_append_printf(out, "%s | ", our_name(read, child));
    return read_rule(read, item, "parent", WITHIN_NONE, out, error);
}

static bool read_forbidden(const Read *read, const json_t *item, GString *out, GError **error)
{
    const char *type = get_string(item, "type");
    if (type != NULL && g_str_has_prefix(type, "RELATION")) {
        const char *left = get_string(item, "left");
        const char *right = get_string(item, "right");
        lose(read, "the forbidden relation between '%s' and '%s' is dropped",
             left != NULL ? left : "", right != NULL ? right : "");
        return true;
    }
    g_string_append_c(out, '{');
    if (!read_rule(read, item, "name", WITHIN_NONE, out, error)) {
        return false;
    }
    g_string_append_c(out, '}');
    return true;
}

/* ---- the whole ---- */

typedef bool (*ReadItem)(const Read *read, const json_t *item, GString *out, GError **error);

static bool read_items(const Read *read, const json_t *root, const char *key, ReadItem item,
                       GError **error)
{
    const json_t *list = json_object_get(root, key);
    if (list != NULL && !json_is_array(list)) {
        return fail(error, "%s: '%s' is no list", read->file, key);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        g_autofree char *place = g_strdup_printf("%s: %s[%zu]: ", read->file, key, i);
        g_autoptr(GString) text = g_string_new(NULL);
        if (!item(read, json_array_get(list, i), text, error)) {
            g_prefix_error(error, "%s", place);
            return false;
        }
        if (!hpt_space_builder_add_line(read->builder, place, text->str, text->len, error)) {
            return false;
        }
    }
    return true;
}

bool hpt_configspace_read(HptSpaceBuilder *builder, const char *name, const char *text,
                          size_t length, GPtrArray *losses, GError **error)
{
    g_autoptr(json_t) root = hpt_json_parse(text, length, error);
    if (root == NULL) {
        g_prefix_error(error, "%s: ", name);
        return false;
    }
    if (!json_is_array(json_object_get(root, "hyperparameters"))) {
        return fail(error, "%s: no ConfigSpace JSON: 'hyperparameters' is missing or no list",
                    name);
    }
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Read read = {.builder = builder, .file = name, .losses = losses, .names = names};
    return read_items(&read, root, "hyperparameters", read_param, error) &&
           read_items(&read, root, "conditions", read_condition, error) &&
           read_items(&read, root, "forbiddens", read_forbidden, error);
}
