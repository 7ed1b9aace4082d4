/* Expressions: conditions and forbidden clauses. */
#include "space/parse.h"

#include <string.h>

bool hpt_parse_fail(const HptParse *parse, GError **error, const char *message)
{
    HptScan *scan = parse->scan;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "col %ld: %s",
                g_utf8_strlen(scan->text, scan->at - scan->text) + 1, message);
    return false;
}

bool hpt_parse_at_end(const HptParse *parse, GError **error)
{
    return hpt_scan_peek(parse->scan) == '\0' ||
           hpt_scan_expected(parse->scan, error, "the end of the statement");
}

static HptExpr *parse_expr(const HptParse *parse, unsigned int depth, GError **error);

static bool is_sign(char c)
{
    return c != '\0' && strchr("+-*/^%", c) != NULL;
}

static bool fail_arithmetic(const HptParse *parse, GError **error)
{
    return hpt_parse_fail(parse, error,
                          "arithmetic is not supported; compare one parameter with a value");
}

bool hpt_parse_set(const HptParse *parse, GPtrArray *out, GError **error)
{
    if (!hpt_scan_expect(parse->scan, '{', error)) {
        return false;
    }
    do {
        char *value = hpt_scan_value(parse->scan, '\0', NULL, error);
        if (value == NULL) {
            return false;
        }
        g_ptr_array_add(out, value);
        if (hpt_scan_take(parse->scan, '}')) {
            return true;
        }
    } while (hpt_scan_take(parse->scan, ','));
    return hpt_scan_expected(parse->scan, error, "',' or '}'");
}

static bool parse_list(const HptParse *parse, GPtrArray *out, GError **error)
{
    if (!hpt_parse_set(parse, out, error)) {
        return false;
    }
    return out->len <= HPT_SPACE_MAX_VALUES ||
           hpt_parse_fail(parse, error, "more than 10000 values in a list");
}

/* "in" or an operator after the name. */
static bool parse_operator(const HptParse *parse, const char *name, HptExprKind *out, bool *set,
                           GError **error)
{
    static const struct {
        const char *text;
        HptExprKind kind;
    } operators[] = {{"==", HPT_EXPR_IN},    {"=", HPT_EXPR_IN},
                     {"!=", HPT_EXPR_NOT},   {"<=", HPT_EXPR_LESS_EQUAL},
                     {"<", HPT_EXPR_LESS},   {">=", HPT_EXPR_GREATER_EQUAL},
                     {">", HPT_EXPR_GREATER}};
    HptScan *scan = parse->scan;
    char next = hpt_scan_peek(scan);
    size_t left = (size_t)(scan->end - scan->at);
    *set = false;
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        size_t length = strlen(operators[i].text);
        if (left >= length && strncmp(scan->at, operators[i].text, length) == 0) {
            scan->at += length;
            *out = operators[i].kind;
            return true;
        }
    }
    size_t length = hpt_scan_word_length(scan, '\0');
    if (length == 2 && strncmp(scan->at, "in", 2) == 0) {
        scan->at += 2;
        *out = HPT_EXPR_IN;
        *set = true;
        return true;
    }
    if (next == '(' || is_sign(next)) {
        return fail_arithmetic(parse, error);
    }
    g_autofree char *what = g_strdup_printf("a comparison after '%s'", name);
    return hpt_scan_expected(scan, error, what);
}

static HptExpr *parse_comparison(const HptParse *parse, GError **error)
{
    HptScan *scan = parse->scan;
    if (hpt_scan_peek(scan) == '!') {
        hpt_parse_fail(parse, error, "there is no '!'; write NAME != VALUE");
        return NULL;
    }
    size_t length = hpt_scan_word_length(scan, '\0');
    if (length == 0) {
        hpt_scan_expected(scan, error, "a parameter");
        return NULL;
    }
    g_autofree char *name = g_strndup(scan->at, length);
    if (hpt_name_length(name, length) != length) {
        if (strpbrk(name + 1, "+*/^%") != NULL || (is_sign(name[0]) && name[1] == '\0')) {
            fail_arithmetic(parse, error);
            return NULL;
        }
        hpt_scan_expected(scan, error, "a parameter");
        return NULL;
    }
    scan->at += length;
    if (++parse->builder->n_comparisons > HPT_SPACE_MAX_COMPARISONS) {
        hpt_parse_fail(parse, error, "more than 100000 comparisons in all");
        return NULL;
    }
    HptExprKind kind = HPT_EXPR_IN;
    bool set = false;
    if (!parse_operator(parse, name, &kind, &set, error)) {
        return NULL;
    }
    g_autoptr(HptExpr) atom = hpt_expr_new(kind);
    atom->name = g_steal_pointer(&name);
    if (set) {
        return parse_list(parse, atom->texts, error) ? g_steal_pointer(&atom) : NULL;
    }
    if (hpt_scan_peek(scan) == '(') {
        fail_arithmetic(parse, error);
        return NULL;
    }
    char *value = hpt_scan_value(scan, '\0', NULL, error);
    if (value == NULL) {
        return NULL;
    }
    g_ptr_array_add(atom->texts, value);
    char next = hpt_scan_peek(scan);
    if (is_sign(next) || next == '(') {
        fail_arithmetic(parse, error);
        return NULL;
    }
    return g_steal_pointer(&atom);
}

static HptExpr *parse_atom(const HptParse *parse, unsigned int depth, GError **error)
{
    if (hpt_scan_peek(parse->scan) != '(') {
        return parse_comparison(parse, error);
    }
    if (depth >= HPT_SPACE_MAX_DEPTH) {
        hpt_parse_fail(parse, error, "more than 64 parentheses within each other");
        return NULL;
    }
    parse->scan->at++;
    g_autoptr(HptExpr) expr = parse_expr(parse, depth + 1, error);
    if (expr == NULL || !hpt_scan_expect(parse->scan, ')', error)) {
        return NULL;
    }
    char next = hpt_scan_peek(parse->scan);
    if (is_sign(next) || (next != '\0' && strchr("<>=!", next) != NULL)) {
        fail_arithmetic(parse, error);
        return NULL;
    }
    return g_steal_pointer(&expr);
}

/* Takes "&&" or "||". */
static bool take_pair(HptScan *scan, char c)
{
    if (hpt_scan_peek(scan) != c || scan->end - scan->at < 2 || scan->at[1] != c) {
        return false;
    }
    scan->at += 2;
    return true;
}

static HptExpr *parse_chain(const HptParse *parse, HptExprKind kind, unsigned int depth,
                            GError **error)
{
    g_autoptr(HptExpr) chain = hpt_expr_new(kind);
    do {
        HptExpr *kid = kind == HPT_EXPR_OR ? parse_chain(parse, HPT_EXPR_AND, depth, error)
                                           : parse_atom(parse, depth, error);
        if (kid == NULL) {
            return NULL;
        }
        g_ptr_array_add(chain->kids, kid);
    } while (take_pair(parse->scan, kind == HPT_EXPR_OR ? '|' : '&'));
    return g_steal_pointer(&chain);
}

static HptExpr *parse_expr(const HptParse *parse, unsigned int depth, GError **error)
{
    return parse_chain(parse, HPT_EXPR_OR, depth, error);
}

/* An expression that must reach the end, or the character end. */
static HptExpr *parse_whole_expr(const HptParse *parse, GError **error)
{
    g_autoptr(HptExpr) expr = parse_expr(parse, 0, error);
    if (expr == NULL) {
        return NULL;
    }
    if (hpt_scan_peek(parse->scan) != '\0') {
        hpt_scan_expected(parse->scan, error, "'&&', '||' or the end");
        return NULL;
    }
    return g_steal_pointer(&expr);
}

bool hpt_parse_condition(const HptParse *parse, const char *child, GError **error)
{
    HptExpr *expr = parse_whole_expr(parse, error);
    if (expr == NULL) {
        return false;
    }
    hpt_space_builder_rule(parse->rules, parse->place, child, expr);
    return true;
}

bool hpt_parse_forbidden(const HptParse *parse, GError **error)
{
    if (!hpt_scan_expect(parse->scan, '{', error)) {
        return false;
    }
    g_autoptr(HptExpr) clause = hpt_expr_new(HPT_EXPR_AND);
    do {
        HptExpr *expr = parse_expr(parse, 0, error);
        if (expr == NULL) {
            return false;
        }
        g_ptr_array_add(clause->kids, expr);
    } while (hpt_scan_take(parse->scan, ','));
    if (!hpt_scan_take(parse->scan, '}')) {
        return hpt_scan_expected(parse->scan, error, "',' or '}'");
    }
    if (!hpt_parse_at_end(parse, error)) {
        return false;
    }
    hpt_space_builder_rule(parse->builder->forbidden, parse->place, NULL, g_steal_pointer(&clause));
    return true;
}
