/* Conditions and forbidden clauses: binding of names and values, the canonical text, truth. */
#include "space/internal.h"

#include "base/number.h"

#include <stdlib.h>
#include <string.h>

HptExpr *hpt_expr_new(HptExprKind kind)
{
    HptExpr *expr = g_new0(HptExpr, 1);
    expr->kind = kind;
    if (kind == HPT_EXPR_AND || kind == HPT_EXPR_OR) {
        expr->kids = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_expr_free);
    } else {
        expr->texts = g_ptr_array_new_with_free_func(g_free);
    }
    return expr;
}

void hpt_expr_free(HptExpr *expr)
{
    if (expr == NULL) {
        return;
    }
    g_clear_pointer(&expr->kids, g_ptr_array_unref);
    g_clear_pointer(&expr->texts, g_ptr_array_unref);
    g_free(expr->name);
    g_free(expr->operands);
    g_free(expr->text);
    g_free(expr);
}

HptExpr *hpt_expr_copy(const HptExpr *expr)
{
    HptExpr *copy = hpt_expr_new(expr->kind);
    if (expr->kids != NULL) {
        for (guint i = 0; i < expr->kids->len; i++) {
            g_ptr_array_add(copy->kids, hpt_expr_copy(expr->kids->pdata[i]));
        }
        return copy;
    }
    copy->name = g_strdup(expr->name);
    for (guint i = 0; i < expr->texts->len; i++) {
        g_ptr_array_add(copy->texts, g_strdup(expr->texts->pdata[i]));
    }
    copy->param = expr->param;
    copy->n_operands = expr->n_operands;
    copy->operands = g_new(double, expr->n_operands);
    for (size_t i = 0; i < expr->n_operands; i++) {
        copy->operands[i] = expr->operands[i];
    }
    copy->by_number = expr->by_number;
    return copy;
}

void hpt_expr_each(HptExpr *expr, void (*call)(HptExpr *atom, void *data), void *data)
{
    if (expr->kids == NULL) {
        call(expr, data);
        return;
    }
    for (guint i = 0; i < expr->kids->len; i++) {
        hpt_expr_each(expr->kids->pdata[i], call, data);
    }
}

/* ---- binding ---- */

typedef struct {
    const HptNames *names;
    const char *owner; /* the child, or NULL: a forbidden clause */
} Binding;

static bool fail(const Binding *binding, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* format begins after "condition of 'X'". */
static bool fail(const Binding *binding, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *whose = binding->owner == NULL
                                 ? g_strdup("forbidden clause")
                                 : g_strdup_printf("condition of '%s'", binding->owner);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s%s", whose, text);
    return false;
}

static bool find(const HptNames *names, const char *name, size_t *out)
{
    gpointer found = g_hash_table_lookup(names->index, name);
    if (found == NULL) {
        return false;
    }
    *out = GPOINTER_TO_SIZE(found) - 1;
    return true;
}

/* Is text such as "a+b" or "2*a" a computation with a parameter of this space? */
static bool is_arithmetic(const HptNames *names, const char *text)
{
    g_auto(GStrv) parts = g_strsplit_set(text, "+-*/^%", -1);
    if (parts[0] == NULL || parts[1] == NULL) {
        return false;
    }
    for (char **part = parts; *part != NULL; part++) {
        size_t ignored = 0;
        if (find(names, *part, &ignored)) {
            return true;
        }
    }
    return false;
}

static bool fail_arithmetic(const Binding *binding, GError **error)
{
    return fail(binding, error,
                ": arithmetic is not supported; compare one parameter with a value");
}

static bool fail_unknown(const Binding *binding, const char *name, GError **error)
{
    if (is_arithmetic(binding->names, name)) {
        return fail_arithmetic(binding, error);
    }
    guint n = g_hash_table_size(binding->names->index);
    g_autofree const char **candidates = g_new0(const char *, n + 1);
    for (guint i = 0; i < n; i++) {
        candidates[i] = binding->names->params[i]->name;
    }
    const char *near = hpt_suggest(name, candidates);
    if (near == NULL) {
        return fail(binding, error, " names unknown parameter '%s'", name);
    }
    return fail(binding, error, " names unknown parameter '%s'; did you mean '%s'?", name, near);
}

static bool fail_value(const Binding *binding, const HptParam *param, const char *text,
                       GError **error)
{
    size_t other = 0;
    if (find(binding->names, text, &other)) {
        return fail(binding, error,
                    ": comparing two parameters ('%s' and '%s') is not supported; "
                    "compare one parameter with a value",
                    param->name, text);
    }
    if (param->values == NULL && is_arithmetic(binding->names, text)) {
        return fail_arithmetic(binding, error);
    }
    g_autoptr(GString) domain = g_string_new(NULL);
    hpt_param_append_domain_short(domain, param);
    return fail(binding, error, ": '%s' is not a value of '%s' (%s)", text, param->name,
                domain->str);
}

static const char *operator_text(HptExprKind kind)
{
    static const char *const texts[] = {"==", "!=", "<", "<=", ">", ">="};
    return texts[kind];
}

/* The operand of one value text. */
static bool bind_value(const Binding *binding, HptExpr *atom, const HptParam *param,
                       const char *text, double *out, GError **error)
{
    bool order = atom->kind != HPT_EXPR_IN && atom->kind != HPT_EXPR_NOT;
    if (param->values != NULL) {
        size_t index = hpt_param_find_value(param, text);
        if (index != SIZE_MAX) {
            *out = (double)index;
            return true;
        }
        /* "batch > 100" means something for 32, 64, 128 though 100 is none of them. */
        if (order && param->numbers != NULL && hpt_number_parse(text, out, NULL)) {
            *out += 0.0;
            atom->by_number = true;
            return true;
        }
        return fail_value(binding, param, text, error);
    }
    HptValue value = {0};
    if (order && hpt_number_parse(text, out, NULL)) {
        *out += 0.0;
        return true;
    }
    if (order || !hpt_param_value_parse(param, text, &value, NULL)) {
        return fail_value(binding, param, text, error);
    }
    *out = value.number;
    return true;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool bind_atom(const Binding *binding, HptExpr *atom, GError **error)
{
    if (!find(binding->names, atom->name, &atom->param)) {
        return fail_unknown(binding, atom->name, error);
    }
    const HptParam *param = binding->names->params[atom->param];
    if (param->type == HPT_PARAM_CAT && atom->kind != HPT_EXPR_IN && atom->kind != HPT_EXPR_NOT) {
        return fail(binding, error, ": '%s' is categorical, so '%s' has no meaning", atom->name,
                    operator_text(atom->kind));
    }
    g_autofree double *operands = g_new(double, atom->texts->len);
    for (guint i = 0; i < atom->texts->len; i++) {
        if (!bind_value(binding, atom, param, atom->texts->pdata[i], &operands[i], error)) {
            return false;
        }
    }
    qsort(operands, atom->texts->len, sizeof *operands, compare_doubles);
    size_t n = 0;
    for (guint i = 0; i < atom->texts->len; i++) {
        if (n == 0 || operands[n - 1] < operands[i]) {
            operands[n++] = operands[i];
        }
    }
    atom->n_operands = n;
    atom->operands = g_steal_pointer(&operands);
    return true;
}

static bool resolve(const Binding *binding, HptExpr *expr, GError **error)
{
    if (expr->kids == NULL) {
        return bind_atom(binding, expr, error);
    }
    for (guint i = 0; i < expr->kids->len; i++) {
        if (!resolve(binding, expr->kids->pdata[i], error)) {
            return false;
        }
    }
    return true;
}

bool hpt_expr_resolve(HptExpr *expr, const HptNames *names, const char *owner, GError **error)
{
    Binding binding = {.names = names, .owner = owner};
    return resolve(&binding, expr, error);
}

/* ---- the canonical text ---- */

static void append_operand(GString *out, const HptExpr *atom, const HptParam *param, size_t i)
{
    if (param->values != NULL && !atom->by_number) {
        hpt_append_value(out, param->values[(size_t)atom->operands[i]]);
        return;
    }
    char text[HPT_NUMBER_TEXT_SIZE];
    g_string_append(out, hpt_number_text(atom->operands[i], text));
}

void hpt_expr_append_atom(GString *out, const HptExpr *atom, const HptParam *param)
{
    if (atom->n_operands == 1) {
        g_string_append_printf(out, "%s %s ", param->name, operator_text(atom->kind));
        append_operand(out, atom, param, 0);
        return;
    }
    g_string_append_printf(out, "%s in {", param->name);
    for (size_t i = 0; i < atom->n_operands; i++) {
        g_string_append(out, i > 0 ? ", " : "");
        append_operand(out, atom, param, i);
    }
    g_string_append_c(out, '}');
}

/* By text; alternatives, which stand in parentheses within "and", come first. */
static int compare_texts(const void *a, const void *b)
{
    const HptExpr *x = *(const HptExpr *const *)a;
    const HptExpr *y = *(const HptExpr *const *)b;
    int order = (y->kind == HPT_EXPR_OR) - (x->kind == HPT_EXPR_OR);
    return order != 0 ? order : strcmp(x->text, y->text);
}

/* Moves the kids of kids of the same kind up; the kids are normal, so one level is enough. */
static void flatten(HptExpr *expr)
{
    GPtrArray *flat = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_expr_free);
    for (guint i = 0; i < expr->kids->len; i++) {
        HptExpr *kid = expr->kids->pdata[i];
        expr->kids->pdata[i] = NULL;
        if (kid->kind != expr->kind) {
            g_ptr_array_add(flat, kid);
            continue;
        }
        for (guint k = 0; k < kid->kids->len; k++) {
            g_ptr_array_add(flat, kid->kids->pdata[k]);
            kid->kids->pdata[k] = NULL;
        }
        hpt_expr_free(kid);
    }
    g_ptr_array_unref(expr->kids);
    expr->kids = flat;
}

static void sort_uniquely(GPtrArray *kids)
{
    g_ptr_array_sort(kids, compare_texts);
    guint n = 0;
    for (guint i = 0; i < kids->len; i++) {
        HptExpr *kid = g_steal_pointer(&kids->pdata[i]);
        if (n > 0 && strcmp(((HptExpr *)kids->pdata[n - 1])->text, kid->text) == 0) {
            hpt_expr_free(kid);
        } else {
            kids->pdata[n++] = kid;
        }
    }
    g_ptr_array_set_size(kids, (gint)n);
}

static void set_text(HptExpr *expr)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < expr->kids->len; i++) {
        HptExpr *kid = expr->kids->pdata[i];
        bool inner = kid->kind == HPT_EXPR_OR; /* within "and" */
        g_string_append(text, i == 0 ? "" : expr->kind == HPT_EXPR_AND ? " && " : " || ");
        g_string_append_printf(text, inner ? "(%s)" : "%s", kid->text);
        /* The texts of this level may still be wanted by the one above; the next level's not. */
        for (guint k = 0; kid->kids != NULL && k < kid->kids->len; k++) {
            g_clear_pointer(&((HptExpr *)kid->kids->pdata[k])->text, g_free);
        }
    }
    g_free(expr->text);
    expr->text = g_string_free(g_steal_pointer(&text), FALSE);
}

HptExpr *hpt_expr_normalise(HptExpr *expr, const HptParam *const *params)
{
    if (expr->kids == NULL) {
        g_autoptr(GString) text = g_string_new(NULL);
        hpt_expr_append_atom(text, expr, params[expr->param]);
        g_free(expr->text);
        expr->text = g_string_free(g_steal_pointer(&text), FALSE);
        return expr;
    }
    for (guint i = 0; i < expr->kids->len; i++) {
        expr->kids->pdata[i] = hpt_expr_normalise(expr->kids->pdata[i], params);
    }
    flatten(expr);
    sort_uniquely(expr->kids);
    if (expr->kids->len == 1) {
        HptExpr *only = g_steal_pointer(&expr->kids->pdata[0]);
        hpt_expr_free(expr);
        return only;
    }
    set_text(expr);
    return expr;
}

unsigned int hpt_expr_depth(const HptExpr *expr)
{
    unsigned int depth = 0;
    for (guint i = 0; expr->kids != NULL && i < expr->kids->len; i++) {
        const HptExpr *kid = expr->kids->pdata[i];
        unsigned int inner = hpt_expr_depth(kid);
        if (expr->kind == HPT_EXPR_AND && kid->kind == HPT_EXPR_OR) {
            inner++;
        }
        depth = MAX(depth, inner);
    }
    return depth;
}

/* ---- truth ---- */

bool hpt_expr_atom_holds(const HptExpr *atom, const HptParam *param, HptValue value)
{
    if (!value.active) {
        return false; /* also for != */
    }
    double x = value.number;
    if (param->values != NULL) {
        x = atom->by_number ? param->numbers[value.index] : (double)value.index;
    }
    double first = atom->operands[0];
    switch (atom->kind) {
    case HPT_EXPR_IN:
        return bsearch(&x, atom->operands, atom->n_operands, sizeof x, compare_doubles) != NULL;
    case HPT_EXPR_NOT:
        return x < first || x > first;
    case HPT_EXPR_LESS:
        return x < first;
    case HPT_EXPR_LESS_EQUAL:
        return x <= first;
    case HPT_EXPR_GREATER:
        return x > first;
    case HPT_EXPR_GREATER_EQUAL:
        return x >= first;
    case HPT_EXPR_AND:
    case HPT_EXPR_OR:
        break;
    }
    g_assert_not_reached();
}

bool hpt_expr_holds(const HptExpr *expr, const HptParam *const *params, const HptValue *values)
{
    if (expr->kids == NULL) {
        return hpt_expr_atom_holds(expr, params[expr->param], values[expr->param]);
    }
    bool all = expr->kind == HPT_EXPR_AND;
    for (guint i = 0; i < expr->kids->len; i++) {
        if (hpt_expr_holds(expr->kids->pdata[i], params, values) != all) {
            return !all;
        }
    }
    return all;
}
