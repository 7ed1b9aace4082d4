/* A finished space: looking things up, activity, forbidden clauses. */
#include "space/internal.h"

HptSpace *hpt_space_ref(const HptSpace *space)
{
    HptSpace *shared = (HptSpace *)space;
    g_atomic_int_inc(&shared->n_refs);
    return shared;
}

void hpt_space_free(HptSpace *space)
{
    if (space == NULL || !g_atomic_int_dec_and_test(&space->n_refs)) {
        return;
    }
    for (size_t i = 0; i < space->n; i++) {
        hpt_param_free(space->params[i]);
        hpt_expr_free(space->conditions[i]);
    }
    for (size_t i = 0; i < space->n_forbidden; i++) {
        hpt_expr_free(space->forbidden[i]);
    }
    g_free(space->params);
    g_free(space->names);
    g_free(space->conditions);
    g_free(space->forbidden);
    g_strfreev(space->forbidden_texts);
    g_strfreev(space->notes);
    g_free(space->canonical);
    g_hash_table_unref(space->index);
    g_free(space);
}

size_t hpt_space_size(const HptSpace *space)
{
    return space->n;
}

const HptParam *hpt_space_get(const HptSpace *space, size_t i)
{
    g_assert(i < space->n);
    return space->params[i];
}

size_t hpt_space_find(const HptSpace *space, const char *name)
{
    gpointer found = g_hash_table_lookup(space->index, name);
    return found == NULL ? SIZE_MAX : GPOINTER_TO_SIZE(found) - 1;
}

const char *const *hpt_space_get_names(const HptSpace *space)
{
    return (const char *const *)space->names;
}

const char *const *hpt_space_get_notes(const HptSpace *space)
{
    return (const char *const *)space->notes;
}

bool hpt_space_any_default(const HptSpace *space)
{
    return space->any_default;
}

const char *hpt_space_get_canonical(const HptSpace *space)
{
    return space->canonical;
}

HptDigest hpt_space_hash(const HptSpace *space)
{
    return space->hash;
}

bool hpt_space_active(const HptSpace *space, const HptConfig *config, size_t i)
{
    g_assert(i < space->n && config->n == space->n);
    const HptExpr *condition = space->conditions[i];
    return condition == NULL ||
           hpt_expr_holds(condition, (const HptParam *const *)space->params, config->values);
}

void hpt_space_deactivate(const HptSpace *space, HptConfig *config)
{
    for (size_t i = 0; i < space->n; i++) {
        if (!hpt_space_active(space, config, i)) {
            config->values[i] = (HptValue){0};
        }
    }
}

size_t hpt_space_forbidden(const HptSpace *space, const HptConfig *config)
{
    g_assert(config->n == space->n);
    for (size_t i = 0; i < space->n_forbidden; i++) {
        if (hpt_expr_holds(space->forbidden[i], (const HptParam *const *)space->params,
                           config->values)) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t hpt_space_n_forbidden(const HptSpace *space)
{
    return space->n_forbidden;
}

const char *hpt_space_get_forbidden(const HptSpace *space, size_t i)
{
    g_assert(i < space->n_forbidden);
    return space->forbidden_texts[i];
}
