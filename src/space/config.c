/* Configurations: one value for each active parameter. */
#include "space/internal.h"

#include "base/number.h"

#include <string.h>

HptConfig *hpt_config_new(const HptSpace *space)
{
    HptConfig *config = g_malloc0(sizeof *config + space->n * sizeof *config->values);
    config->n = space->n;
    config->values = (HptValue *)(config + 1); /* one piece of memory: there may be millions */
    return config;
}

HptConfig *hpt_config_copy(const HptConfig *config)
{
    HptConfig *copy = g_memdup2(config, sizeof *copy + config->n * sizeof *copy->values);
    copy->values = (HptValue *)(copy + 1);
    return copy;
}

void hpt_config_free(HptConfig *config)
{
    g_free(config);
}

bool hpt_config_equal(const HptConfig *a, const HptConfig *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        const HptValue *x = &a->values[i];
        const HptValue *y = &b->values[i];
        if (x->active != y->active ||
            (x->active && (x->number != y->number || x->index != y->index))) {
            return false;
        }
    }
    return true;
}

static bool refuse_forbidden(const HptSpace *space, const HptConfig *config, int code,
                             const char *what, GError **error)
{
    size_t clause = hpt_space_forbidden(space, config);
    if (clause == SIZE_MAX) {
        return true;
    }
    g_set_error(error, HPT_ERROR, code, "%s is forbidden by %s", what,
                hpt_space_get_forbidden(space, clause));
    return false;
}

HptConfig *hpt_space_default(const HptSpace *space, GError **error)
{
    g_autoptr(HptConfig) config = hpt_config_new(space);
    for (size_t i = 0; i < space->n; i++) {
        if (hpt_space_active(space, config, i)) {
            config->values[i] = space->params[i]->fallback;
        }
    }
    if (!refuse_forbidden(space, config, HPT_ERROR_NO_ROOM, "the default configuration", error)) {
        return NULL;
    }
    return g_steal_pointer(&config);
}

/* ---- JSON ---- */

static json_t *value_json(const HptParam *param, HptValue value)
{
    switch (param->type) {
    case HPT_PARAM_REAL:
        return json_real(value.number);
    case HPT_PARAM_INT:
        return json_integer((json_int_t)value.number);
    case HPT_PARAM_ORD:
        if (param->numbers != NULL) {
            double number = param->numbers[value.index];
            return param->whole ? json_integer((json_int_t)number) : json_real(number);
        }
        break;
    case HPT_PARAM_CAT:
        break;
    }
    return json_string(param->values[value.index]);
}

json_t *hpt_config_json(const HptSpace *space, const HptConfig *config)
{
    g_assert(config->n == space->n);
    json_t *object = json_object();
    for (size_t i = 0; i < space->n; i++) {
        if (config->values[i].active) {
            const HptParam *param = space->params[i];
            int set =
                json_object_set_new(object, param->name, value_json(param, config->values[i]));
            g_assert(set == 0); /* names and values are valid UTF-8, numbers finite */
        }
    }
    return object;
}

char *hpt_config_canonical(const HptSpace *space, const HptConfig *config)
{
    g_autoptr(json_t) object = hpt_config_json(space, config);
    char *text = hpt_json_canonical(object, NULL);
    g_assert(text != NULL);
    return text;
}

HptDigest hpt_config_hash(const HptSpace *space, const HptConfig *config)
{
    g_autofree char *text = hpt_config_canonical(space, config);
    return hpt_digest(text, strlen(text));
}

/* The text of a JSON value as value_parse reads it, or NULL. */
static char *json_text(const json_t *value)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    if (json_is_string(value)) {
        return strlen(json_string_value(value)) == json_string_length(value)
                   ? g_strdup(json_string_value(value))
                   : NULL;
    }
    if (json_is_boolean(value)) {
        return g_strdup(json_is_true(value) ? "true" : "false");
    }
    if (json_is_integer(value)) {
        return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    }
    if (json_is_real(value)) {
        return g_strdup(hpt_number_text(json_real_value(value), text));
    }
    return NULL;
}

bool hpt_param_value_from_json(const HptParam *param, const json_t *given, HptValue *out, GError **error)
{
    if (json_is_number(given) && hpt_param_number_fits(param, json_number_value(given), out)) {
        return true; /* without its text, which takes long */
    }
    g_autofree char *text = json_text(given);
    if (text == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "parameter '%s': the value is no number, string, true or false", param->name);
        return false;
    }
    if (!hpt_param_value_parse(param, text, out, error)) {
        g_prefix_error(error, "parameter '%s': ", param->name);
        return false;
    }
    return true;
}

bool hpt_space_refuse_unknown(const HptSpace *space, const json_t *object, GError **error)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)object, name, value)
    {
        if (hpt_space_find(space, name) != SIZE_MAX) {
            continue;
        }
        const char *near = hpt_suggest(name, hpt_space_get_names(space));
        g_autofree char *hint =
            near != NULL ? g_strdup_printf("; did you mean '%s'?", near) : g_strdup("");
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "unknown parameter '%s'%s", name, hint);
        return false;
    }
    return true;
}

HptConfig *hpt_config_from_json(const HptSpace *space, const json_t *object, bool fill,
                                GError **error)
{
    if (!json_is_object(object)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "a configuration is a JSON object");
        return NULL;
    }
    if (!hpt_space_refuse_unknown(space, object, error)) {
        return NULL;
    }
    g_autoptr(HptConfig) config = hpt_config_new(space);
    for (size_t i = 0; i < space->n; i++) {
        const HptParam *param = space->params[i];
        const json_t *given = json_object_get(object, param->name);
        bool active = hpt_space_active(space, config, i);
        if (active && given != NULL) {
            if (!hpt_param_value_from_json(param, given, &config->values[i], error)) {
                return NULL;
            }
        } else if (active && fill) {
            config->values[i] = param->fallback;
        } else if (active) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "parameter '%s' has no value",
                        param->name);
            return NULL;
        } else if (given != NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                        "parameter '%s' has a value but is inactive: %s", param->name,
                        space->conditions[i]->text);
            return NULL;
        }
    }
    if (!refuse_forbidden(space, config, HPT_ERROR_DATA, "the configuration", error)) {
        return NULL;
    }
    return g_steal_pointer(&config);
}
