/* Is one space a widening of another? Conditions and clauses are compared as they act on the
 * narrower space's values, so that "kernel == rbf" may become "kernel in {rbf, laplace}" when
 * laplace is new. The answer no may be too careful: it never errs towards yes. */
#include "space/internal.h"

#include "base/number.h"

#include <string.h>

static bool refuse(char **why, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(char **why, const char *format, ...)
{
    if (why != NULL) {
        va_list arguments;
        va_start(arguments, format);
        *why = g_strdup_vprintf(format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---- domains ---- */

static bool refuse_domain(const HptParam *narrow, const HptParam *wider, char **why)
{
    g_autoptr(GString) old = g_string_new(NULL);
    g_autoptr(GString) new = g_string_new(NULL);
    hpt_param_append(old, narrow);
    hpt_param_append(new, wider);
    return refuse(why, "parameter '%s': not every value of \"%s\" is one of \"%s\"", narrow->name,
                  old->str, new->str);
}

/* The values keep their order if they have one: conditions compare positions. */
static bool contains_set(const HptParam *narrow, const HptParam *wider)
{
    size_t last = 0;
    for (size_t i = 0; i < narrow->n_values; i++) {
        size_t place = GPOINTER_TO_SIZE(g_hash_table_lookup(wider->places, narrow->values[i]));
        if (place == 0 || (narrow->type == HPT_PARAM_ORD && place <= last)) {
            return false;
        }
        last = place;
    }
    /* The values reach JSON as they did. */
    return narrow->type == HPT_PARAM_CAT || (narrow->numbers == NULL) == (wider->numbers == NULL);
}

/* Equal steps from one common value on make all values common. */
static bool contains_grid(const HptParam *narrow, const HptParam *wider)
{
    if (narrow->levels == 0) {
        return false;
    }
    uint64_t ignored = 0;
    for (uint64_t level = 0; level < MIN(narrow->levels, 2); level++) {
        if (!hpt_param_level_of(wider, hpt_param_level(narrow, level), &ignored)) {
            return false;
        }
    }
    return hpt_param_level_of(wider, hpt_param_level(narrow, narrow->levels - 1), &ignored);
}

static bool contains(const HptParam *narrow, const HptParam *wider, char **why)
{
    if (narrow->type != wider->type) {
        return refuse(why, "parameter '%s' was %s and is now %s", narrow->name,
                      hpt_param_type_name(narrow->type), hpt_param_type_name(wider->type));
    }
    bool inside = false;
    if (narrow->values != NULL) {
        inside = contains_set(narrow, wider);
    } else {
        inside = narrow->low >= wider->low && narrow->high <= wider->high &&
                 (!(wider->step > 0) || contains_grid(narrow, wider));
    }
    return inside || refuse_domain(narrow, wider, why);
}

/* ---- conditions and clauses as the narrower space sees them ---- */

typedef enum { NEVER, ALWAYS, DEPENDS } Truth;

typedef struct {
    const HptSpace *from;   /* whose expression it is */
    const HptSpace *narrow; /* over whose values it is wanted */
    bool new_parent;        /* met a parameter that narrow does not have */
} View;

/* As the set of narrow's values for which it holds. */
static Truth view_set(const View *view, const HptExpr *atom, const HptParam *seen, size_t place,
                      HptExpr **out)
{
    const HptParam *param = view->from->params[atom->param];
    g_autoptr(HptExpr) set = hpt_expr_new(HPT_EXPR_IN);
    set->param = place;
    set->operands = g_new(double, seen->n_values);
    for (size_t i = 0; i < seen->n_values; i++) {
        HptValue value = {.active = true, .index = (uint32_t)hpt_param_find_value(param, seen->values[i])};
        if (hpt_expr_atom_holds(atom, param, value)) {
            set->operands[set->n_operands++] = (double)i;
        }
    }
    if (set->n_operands == 0) {
        return NEVER;
    }
    if (set->n_operands == seen->n_values && view->from->conditions[atom->param] == NULL) {
        return ALWAYS;
    }
    *out = g_steal_pointer(&set);
    return DEPENDS;
}

static Truth view_expr(View *view, const HptExpr *expr, HptExpr **out);

static Truth view_chain(View *view, const HptExpr *expr, HptExpr **out)
{
    Truth decides = expr->kind == HPT_EXPR_AND ? NEVER : ALWAYS;
    g_autoptr(HptExpr) chain = hpt_expr_new(expr->kind);
    for (guint i = 0; i < expr->kids->len; i++) {
        HptExpr *kid = NULL;
        Truth truth = view_expr(view, expr->kids->pdata[i], &kid);
        if (truth == decides) {
            return decides;
        }
        if (truth == DEPENDS) {
            g_ptr_array_add(chain->kids, kid);
        }
    }
    if (chain->kids->len == 0) {
        return decides == NEVER ? ALWAYS : NEVER;
    }
    *out = g_steal_pointer(&chain);
    return DEPENDS;
}

static Truth view_expr(View *view, const HptExpr *expr, HptExpr **out)
{
    if (expr->kids != NULL) {
        return view_chain(view, expr, out);
    }
    size_t place = hpt_space_find(view->narrow, view->from->params[expr->param]->name);
    if (place == SIZE_MAX) {
        view->new_parent = true;
        return NEVER; /* absent from every configuration of narrow */
    }
    const HptParam *seen = view->narrow->params[place];
    if (seen->values != NULL) {
        return view_set(view, expr, seen, place, out);
    }
    *out = hpt_expr_copy(expr);
    (*out)->param = place;
    return DEPENDS;
}

/* The text of the view: "never", "always" or canonical. */
static char *view_text(View *view, const HptExpr *expr)
{
    if (expr == NULL) {
        return g_strdup("always");
    }
    HptExpr *seen = NULL;
    Truth truth = view_expr(view, expr, &seen);
    if (truth != DEPENDS) {
        return g_strdup(truth == NEVER ? "never" : "always");
    }
    seen = hpt_expr_normalise(seen, (const HptParam *const *)view->narrow->params);
    char *text = g_strdup(seen->text);
    hpt_expr_free(seen);
    return text;
}

static bool same_condition(const HptSpace *narrow, const HptSpace *wider, size_t i, size_t j,
                           char **why)
{
    View of_narrow = {.from = narrow, .narrow = narrow};
    View of_wider = {.from = wider, .narrow = narrow};
    g_autofree char *old = view_text(&of_narrow, narrow->conditions[i]);
    g_autofree char *new = view_text(&of_wider, wider->conditions[j]);
    if (of_wider.new_parent || strcmp(old, new) != 0) {
        return refuse(why, "parameter '%s': the condition was \"%s\" and is now \"%s\"",
                      narrow->params[i]->name,
                      narrow->conditions[i] != NULL ? narrow->conditions[i]->text : "",
                      wider->conditions[j] != NULL ? wider->conditions[j]->text : "");
    }
    return true;
}

static bool same_clauses(const HptSpace *narrow, const HptSpace *wider, char **why)
{
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < narrow->n_forbidden; i++) {
        View view = {.from = narrow, .narrow = narrow};
        g_hash_table_add(known, view_text(&view, narrow->forbidden[i]));
    }
    for (size_t i = 0; i < wider->n_forbidden; i++) {
        View view = {.from = wider, .narrow = narrow};
        g_autofree char *text = view_text(&view, wider->forbidden[i]);
        if (strcmp(text, "never") != 0 && !g_hash_table_contains(known, text)) {
            return refuse(why, "the forbidden clause %s is new", wider->forbidden_texts[i]);
        }
    }
    return true;
}

bool hpt_space_widens(const HptSpace *narrow, const HptSpace *wider, char **why)
{
    for (size_t i = 0; i < narrow->n; i++) {
        size_t j = hpt_space_find(wider, narrow->params[i]->name);
        if (j == SIZE_MAX) {
            return refuse(why, "parameter '%s' is gone", narrow->params[i]->name);
        }
        if (!contains(narrow->params[i], wider->params[j], why)) {
            return false;
        }
    }
    for (size_t i = 0; i < narrow->n; i++) {
        size_t j = hpt_space_find(wider, narrow->params[i]->name);
        if (!same_condition(narrow, wider, i, j, why)) {
            return false;
        }
    }
    return same_clauses(narrow, wider, why);
}
