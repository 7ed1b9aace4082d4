/* Spaces in which some parameters have their value already. */
#include "space/internal.h"

typedef struct {
    const HptSpace *space;
    const HptParam *open; /* one that a condition names and that is neither fixed nor constant */
} Open;

static void find_open(HptExpr *atom, void *data)
{
    Open *found = data;
    const HptParam *param = found->space->params[atom->param];
    if (!param->fixed && !param->constant && found->open == NULL) {
        found->open = param;
    }
}

/* A value that not every proposal could have is refused. */
static bool check_condition(const HptSpace *space, size_t i, const HptConfig *config, GError **error)
{
    HptExpr *condition = space->conditions[i];
    if (condition == NULL) {
        return true;
    }
    Open found = {.space = space};
    hpt_expr_each(condition, find_open, &found);
    const char *name = space->params[i]->name;
    if (found.open != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "parameter '%s' is there only if %s\nhint: give '%s' a value too", name, condition->text,
                    found.open->name);
        return false;
    }
    if (!config->values[i].active) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "parameter '%s' has a value but is inactive: %s", name,
                    condition->text);
        return false;
    }
    return true;
}

HptSpace *hpt_space_fix(const HptSpace *space, const json_t *values, GError **error)
{
    if (!hpt_space_refuse_unknown(space, values, error)) {
        return NULL;
    }
    g_autoptr(HptSpace) fixed = hpt_space_parse(space->canonical, error);
    if (fixed == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < fixed->n; i++) {
        HptParam *param = fixed->params[i];
        const json_t *given = json_object_get(values, param->name);
        if (given != NULL && !hpt_param_value_from_json(param, given, &param->fallback, error)) {
            return NULL;
        }
        param->fixed = given != NULL;
    }
    g_autoptr(HptConfig) config = hpt_config_new(fixed);
    for (size_t i = 0; i < fixed->n; i++) {
        config->values[i] = fixed->params[i]->fallback;
    }
    hpt_space_deactivate(fixed, config);
    for (size_t i = 0; i < fixed->n; i++) {
        if (fixed->params[i]->fixed && !check_condition(fixed, i, config, error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&fixed);
}

bool hpt_space_is_fixed(const HptSpace *space)
{
    bool any = false;
    for (size_t i = 0; i < space->n; i++) {
        any = any || space->params[i]->fixed;
    }
    return any;
}

bool hpt_space_keeps(const HptSpace *space, const HptConfig *config)
{
    for (size_t i = 0; i < space->n; i++) {
        const HptParam *param = space->params[i];
        const HptValue value = config->values[i];
        if (param->fixed && (!value.active || value.index != param->fallback.index ||
                             value.number < param->fallback.number || value.number > param->fallback.number)) {
            return false;
        }
    }
    return true;
}
