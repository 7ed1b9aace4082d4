/* Our space as ConfigSpace's JSON. */
#include "space/configspace.h"
#include "space/internal.h"

#include "base/number.h"

#include <string.h>

/* A range with steps becomes an ordinal of its values up to this number of them; the same limit
 * holds for forbidden comparisons that become lists. */
#define MOST_VALUES 1000u
/* A forbidden clause with "or" becomes several; so many comparisons they may have together. */
#define MOST_COMPARISONS 100000u

typedef struct {
    const HptSpace *space;
    GPtrArray *losses;
} Write;

static void lose(const Write *write, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void lose(const Write *write, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(write->losses, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static void set(json_t *object, const char *key, json_t *value)
{
    int done = json_object_set_new(object, key, value);
    g_assert(done == 0); /* keys and texts are valid UTF-8 */
}

static void append(json_t *list, json_t *value)
{
    int done = json_array_append_new(list, value);
    g_assert(done == 0);
}

/* ---- parameters ---- */

/* Does the parameter become an ordinal or categorical one, or a constant? */
static bool is_listed(const HptParam *param)
{
    return param->values != NULL || param->levels == 1 ||
           (param->step > 0 && param->levels <= MOST_VALUES);
}

static json_t *number_json(double number, bool whole)
{
    return whole ? json_integer((json_int_t)number) : json_real(number);
}

static json_t *value_json(const HptParam *param, HptValue value)
{
    if (param->values == NULL) {
        return number_json(value.number, param->type == HPT_PARAM_INT);
    }
    if (param->numbers != NULL) {
        return number_json(param->numbers[value.index], param->whole);
    }
    return json_string(param->values[value.index]);
}

/* Numbers of an ordinal are written as numbers, which have one text only. */
static void note_texts(const Write *write, const HptParam *param)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    for (size_t i = 0; param->numbers != NULL && i < param->n_values; i++) {
        if (strcmp(hpt_number_text(param->numbers[i], text), param->values[i]) != 0) {
            lose(write, "parameter '%s': value '%s' becomes %s", param->name, param->values[i],
                 text);
        }
    }
}

static void set_list(const Write *write, json_t *item, const HptParam *param)
{
    json_t *list = json_array();
    for (uint64_t level = 0; level < param->levels; level++) {
        append(list, value_json(param, hpt_param_level(param, level)));
    }
    bool categorical = param->type == HPT_PARAM_CAT;
    set(item, "type", json_string(categorical ? "categorical" : "ordinal"));
    set(item, categorical ? "choices" : "sequence", list);
    if (categorical) {
        set(item, "weights", json_null());
    }
    if (param->values == NULL) {
        lose(write, "parameter '%s': the range with its step becomes an ordinal of %u values",
             param->name, (unsigned int)param->levels);
    }
}

static json_t *param_json(const Write *write, const HptParam *param)
{
    json_t *item = json_object();
    set(item, "name", json_string(param->name));
    set(item, "meta", json_null());
    note_texts(write, param);
    if (param->levels == 1) {
        set(item, "type", json_string("constant"));
        set(item, "value", value_json(param, hpt_param_level(param, 0)));
        return item;
    }
    if (is_listed(param)) {
        set_list(write, item, param);
    } else {
        bool whole = param->type == HPT_PARAM_INT;
        set(item, "type", json_string(whole ? "uniform_int" : "uniform_float"));
        set(item, "lower", number_json(param->low, whole));
        set(item, "upper", number_json(param->high, whole));
        set(item, "log", json_boolean(param->log));
        if (param->step > 0) {
            lose(write, "parameter '%s': its step is dropped", param->name);
        }
    }
    if (param->default_given) {
        set(item, "default_value", value_json(param, param->fallback));
    }
    return item;
}

/* ---- comparisons ---- */

static HptValue operand_value(const HptParam *param, double operand)
{
    HptValue value = {.active = true};
    if (param->values != NULL) {
        value.index = (uint32_t)operand;
    } else {
        value.number = operand;
    }
    return value;
}

/* The values of a listed or countable parameter for which the comparison holds. */
static json_t *holding_values(const HptParam *param, const HptExpr *atom)
{
    json_t *list = json_array();
    for (uint64_t level = 0; level < param->levels; level++) {
        HptValue value = hpt_param_level(param, level);
        if (hpt_expr_atom_holds(atom, param, value)) {
            append(list, value_json(param, value));
        }
    }
    return list;
}

static json_t *condition_atom(const char *child, const HptParam *parent, const char *type,
                              HptValue value)
{
    json_t *item = json_object();
    set(item, "type", json_string(type));
    set(item, "child", json_string(child));
    set(item, "parent", json_string(parent->name));
    set(item, "value", value_json(parent, value));
    return item;
}

static json_t *condition_list(const char *child, const HptParam *parent, json_t *values)
{
    json_t *item = json_object();
    set(item, "child", json_string(child));
    set(item, "parent", json_string(parent->name));
    if (json_array_size(values) == 1) {
        set(item, "type", json_string("EQ"));
        set(item, "value", json_incref(json_array_get(values, 0)));
        json_decref(values);
    } else {
        set(item, "type", json_string("IN"));
        set(item, "values", values);
    }
    return item;
}

static json_t *condition_pair(const char *child, json_t *first, json_t *second)
{
    json_t *item = json_object();
    json_t *list = json_array();
    append(list, first);
    append(list, second);
    set(item, "type", json_string("OR"));
    set(item, "child", json_string(child));
    set(item, "conditions", list);
    return item;
}

/* There is no "at most" and no "at least". */
static json_t *condition_strict(const char *child, const HptParam *parent, HptExprKind kind,
                                HptValue value)
{
    bool below = kind == HPT_EXPR_LESS || kind == HPT_EXPR_LESS_EQUAL;
    bool equal = kind == HPT_EXPR_LESS_EQUAL || kind == HPT_EXPR_GREATER_EQUAL;
    json_t *strict = condition_atom(child, parent, below ? "LT" : "GT", value);
    return equal ? condition_pair(child, strict, condition_atom(child, parent, "EQ", value))
                 : strict;
}

/* A comparison with a number on a range; theirs want a value of the domain. */
static json_t *condition_order(const char *child, const HptParam *parent, HptExprKind kind,
                               double limit)
{
    bool below = kind == HPT_EXPR_LESS || kind == HPT_EXPR_LESS_EQUAL;
    if (limit < parent->low || limit > parent->high) {
        /* Always so while the parent is active: "at most its upper bound"; or never. */
        bool always = below == (limit > parent->high);
        kind = always ? HPT_EXPR_LESS_EQUAL : HPT_EXPR_LESS;
        limit = always ? parent->high : parent->low;
    } else if (parent->type == HPT_PARAM_INT && limit != (double)(int64_t)limit) {
        /* n < 2.5 is n <= 2, and n > 2.5 is n > 2. */
        double whole = (double)(int64_t)limit;
        limit = whole > limit ? whole - 1 : whole;
        kind = below ? HPT_EXPR_LESS_EQUAL : HPT_EXPR_GREATER;
    }
    HptValue value = {.active = true, .number = limit};
    return condition_strict(child, parent, kind, value);
}

static json_t *condition_json(const Write *write, const char *child, const HptExpr *expr);

static json_t *condition_chain(const Write *write, const char *child, const HptExpr *expr)
{
    json_t *item = json_object();
    json_t *list = json_array();
    for (guint i = 0; i < expr->kids->len; i++) {
        append(list, condition_json(write, child, expr->kids->pdata[i]));
    }
    set(item, "type", json_string(expr->kind == HPT_EXPR_AND ? "AND" : "OR"));
    set(item, "child", json_string(child));
    set(item, "conditions", list);
    return item;
}

static json_t *condition_json(const Write *write, const char *child, const HptExpr *expr)
{
    if (expr->kids != NULL) {
        return condition_chain(write, child, expr);
    }
    const HptParam *parent = write->space->params[expr->param];
    HptValue first = operand_value(parent, expr->operands[0]);
    if (expr->kind == HPT_EXPR_NOT) {
        return condition_atom(child, parent, "NEQ", first);
    }
    if (expr->kind == HPT_EXPR_IN) {
        json_t *values = json_array();
        for (size_t i = 0; i < expr->n_operands; i++) {
            append(values, value_json(parent, operand_value(parent, expr->operands[i])));
        }
        return condition_list(child, parent, values);
    }
    if (!is_listed(parent)) {
        return condition_order(child, parent, expr->kind, expr->operands[0]);
    }
    if (parent->values != NULL && parent->levels > 1 && !expr->by_number) {
        return condition_strict(child, parent, expr->kind, first);
    }
    json_t *values = holding_values(parent, expr);
    if (json_array_size(values) > 0) {
        return condition_list(child, parent, values);
    }
    /* Never: nothing is below the first value. */
    json_decref(values);
    HptValue lowest = hpt_param_level(parent, 0);
    return condition_atom(child, parent, parent->levels == 1 ? "NEQ" : "LT", lowest);
}

/* ---- forbidden clauses: lists of comparisons, all of which must hold ---- */

typedef struct {
    GPtrArray *lists; /* GPtrArray of HptExpr, borrowed */
    size_t n;         /* comparisons in all */
} Alternatives;

static void alternatives_clear(Alternatives *all)
{
    g_clear_pointer(&all->lists, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Alternatives, alternatives_clear)

static void add_list(Alternatives *all, const GPtrArray *first, const GPtrArray *second)
{
    GPtrArray *list = g_ptr_array_new();
    for (guint i = 0; i < first->len; i++) {
        g_ptr_array_add(list, first->pdata[i]);
    }
    for (guint i = 0; second != NULL && i < second->len; i++) {
        g_ptr_array_add(list, second->pdata[i]);
    }
    g_ptr_array_add(all->lists, list);
    all->n += list->len;
}

static bool add_alternatives(Alternatives *all, const HptExpr *expr);

/* (a or b) and (c or d): each of the left with each of the right. */
static bool multiply(Alternatives *all, const HptExpr *expr)
{
    if (expr->kids == NULL) {
        for (guint i = 0; i < all->lists->len; i++) {
            g_ptr_array_add(all->lists->pdata[i], (HptExpr *)expr);
        }
        all->n += all->lists->len;
        return all->n <= MOST_COMPARISONS;
    }
    g_auto(Alternatives) right = {0};
    g_auto(Alternatives) left = *all;
    *all = (Alternatives){0};
    if (!add_alternatives(&right, expr) ||
        left.lists->len * right.n + right.lists->len * left.n > MOST_COMPARISONS) {
        return false;
    }
    all->lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; i < left.lists->len; i++) {
        for (guint j = 0; j < right.lists->len; j++) {
            add_list(all, left.lists->pdata[i], right.lists->pdata[j]);
        }
    }
    return true;
}

/* The expression as alternatives of comparisons joined by "and"; false if there are too many. */
static bool add_alternatives(Alternatives *all, const HptExpr *expr)
{
    if (all->lists == NULL) {
        all->lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    }
    if (expr->kind == HPT_EXPR_OR) {
        for (guint i = 0; i < expr->kids->len; i++) {
            if (!add_alternatives(all, expr->kids->pdata[i])) {
                return false;
            }
        }
        return true;
    }
    g_auto(Alternatives)
        one = {.lists = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref)};
    g_ptr_array_add(one.lists, g_ptr_array_new());
    guint n = expr->kids != NULL ? expr->kids->len : 1;
    for (guint i = 0; i < n; i++) {
        if (!multiply(&one, expr->kids != NULL ? expr->kids->pdata[i] : expr)) {
            return false;
        }
    }
    for (guint i = 0; i < one.lists->len; i++) {
        add_list(all, one.lists->pdata[i], NULL);
    }
    return all->n <= MOST_COMPARISONS;
}

/* NULL if there is no word for it; a list without values if it never holds. */
static json_t *forbidden_atom(const Write *write, const HptExpr *atom)
{
    const HptParam *param = write->space->params[atom->param];
    json_t *values = NULL;
    if (atom->kind == HPT_EXPR_IN) {
        values = json_array();
        for (size_t i = 0; i < atom->n_operands; i++) {
            append(values, value_json(param, operand_value(param, atom->operands[i])));
        }
    } else if (param->values != NULL || (param->levels > 0 && param->levels <= MOST_VALUES)) {
        values = holding_values(param, atom);
    } else {
        return NULL;
    }
    json_t *item = json_object();
    set(item, "name", json_string(param->name));
    if (json_array_size(values) == 1) {
        set(item, "type", json_string("EQUALS"));
        set(item, "value", json_incref(json_array_get(values, 0)));
        json_decref(values);
    } else {
        set(item, "type", json_string("IN"));
        set(item, "values", values);
    }
    return item;
}

/* Adds one alternative; false if there is no word for it. */
static bool add_alternative(const Write *write, const GPtrArray *atoms, json_t *out)
{
    g_autoptr(json_t) clauses = json_array();
    bool never = false;
    for (guint i = 0; i < atoms->len; i++) {
        json_t *item = forbidden_atom(write, atoms->pdata[i]);
        if (item == NULL) {
            return false;
        }
        const json_t *values = json_object_get(item, "values");
        never = never || (values != NULL && json_array_size(values) == 0);
        append(clauses, item);
    }
    if (never) {
        return true;
    }
    if (json_array_size(clauses) == 1) {
        append(out, json_incref(json_array_get(clauses, 0)));
        return true;
    }
    json_t *item = json_object();
    set(item, "type", json_string("AND"));
    set(item, "clauses", g_steal_pointer(&clauses));
    append(out, item);
    return true;
}

static void add_forbidden(const Write *write, size_t clause, json_t *out)
{
    g_auto(Alternatives) found = {0};
    bool whole = add_alternatives(&found, write->space->forbidden[clause]);
    for (guint i = 0; whole && i < found.lists->len; i++) {
        whole = add_alternative(write, found.lists->pdata[i], out);
    }
    if (!whole) {
        lose(write, "the forbidden clause %s is dropped, or in part",
             write->space->forbidden_texts[clause]);
    }
}

/* ---- the whole ---- */

/* One item a line: readable, and yet each item's bytes are canonical. */
static void append_items(GString *out, const char *key, const json_t *list)
{
    g_string_append_printf(out, "  \"%s\": [", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        g_string_append(out, i > 0 ? ",\n    " : "\n    ");
        bool good = hpt_json_canonical_append(out, json_array_get(list, i), NULL);
        g_assert(good); /* numbers are finite, texts UTF-8, whole numbers within 2^53 */
    }
    g_string_append(out, json_array_size(list) > 0 ? "\n  ],\n" : "],\n");
}

char *hpt_configspace_write(const HptSpace *space, GPtrArray *losses)
{
    Write write = {.space = space, .losses = losses};
    g_autoptr(json_t) params = json_array();
    g_autoptr(json_t) conditions = json_array();
    g_autoptr(json_t) forbidden = json_array();
    for (size_t i = 0; i < space->n; i++) {
        append(params, param_json(&write, space->params[i]));
        if (space->conditions[i] != NULL) {
            append(conditions,
                   condition_json(&write, space->params[i]->name, space->conditions[i]));
        }
    }
    for (size_t i = 0; i < space->n_forbidden; i++) {
        add_forbidden(&write, i, forbidden);
    }
    GString *out = g_string_new("{\n  \"name\": null,\n");
    append_items(out, "hyperparameters", params);
    append_items(out, "conditions", conditions);
    append_items(out, "forbiddens", forbidden);
    g_string_append(out, "  \"format_version\": 0.4\n}\n");
    return g_string_free(out, FALSE);
}
