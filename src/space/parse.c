/* One statement, in any of its spellings, into a builder: declarations. The grammar is in
 * hpt-space(5). */
#include "space/parse.h"

#include "base/number.h"

#include <string.h>

static const char *const type_names[] = {"real", "float",   "integer", "int", "categorical",
                                         "cat",  "ordinal", "ord",     NULL};

static bool type_of(const char *word, HptParamType *out, const char **text)
{
    static const HptParamType types[] = {HPT_PARAM_REAL, HPT_PARAM_REAL, HPT_PARAM_INT,
                                         HPT_PARAM_INT,  HPT_PARAM_CAT,  HPT_PARAM_CAT,
                                         HPT_PARAM_ORD,  HPT_PARAM_ORD};
    for (size_t i = 0; type_names[i] != NULL; i++) {
        if (strcmp(word, type_names[i]) == 0) {
            *out = types[i];
            *text = type_names[i];
            return true;
        }
    }
    return false;
}

static bool fail_param(const char *name, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static bool fail_param(const char *name, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "parameter '%s': %s", name, text);
    return false;
}

/* "unknown WHAT 'WORD'", with a suggestion when there is one. */
static bool fail_unknown(const char *name, const char *what, const char *word,
                         const char *const *candidates, GError **error)
{
    const char *near = hpt_suggest(word, candidates);
    if (near == NULL) {
        return fail_param(name, error, "unknown %s '%s'", what, word);
    }
    return fail_param(name, error, "unknown %s '%s'; did you mean '%s'?", what, word, near);
}

static void add_note(const HptParse *parse, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add_note(const HptParse *parse, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(parse->builder->notes, g_strconcat(parse->place, text, NULL));
}

/* ---- what both spellings end with ---- */

static bool finish(const HptParse *parse, const HptDeclaration *declaration, GError **error)
{
    HptSpaceBuilder *builder = parse->builder;
    if (g_str_has_prefix(declaration->name, "hpt.")) {
        return fail_param(declaration->name, error, "names that begin with 'hpt.' are reserved");
    }
    if (g_hash_table_contains(builder->index, declaration->name)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "parameter '%s' is declared twice",
                    declaration->name);
        return false;
    }
    if (builder->params->len >= HPT_SPACE_MAX_PARAMS) {
        return fail_param(declaration->name, error, "more than %u parameters",
                          HPT_SPACE_MAX_PARAMS);
    }
    HptParam *param = hpt_param_new(declaration, error);
    if (param == NULL) {
        return false;
    }
    g_ptr_array_add(builder->params, param);
    g_hash_table_insert(builder->index, param->name, GUINT_TO_POINTER(builder->params->len));
    for (guint i = 0; i < parse->rules->len; i++) {
        g_ptr_array_add(builder->conditions, g_steal_pointer(&parse->rules->pdata[i]));
    }
    g_ptr_array_set_size(parse->rules, 0);
    if (param->step > 0) {
        double last = hpt_param_level(param, param->levels - 1).number;
        if (last < param->high) {
            char step[HPT_NUMBER_TEXT_SIZE];
            char high[HPT_NUMBER_TEXT_SIZE];
            char largest[HPT_NUMBER_TEXT_SIZE];
            add_note(parse, "parameter '%s': step %s does not reach %s; largest value is %s",
                     param->name, hpt_number_text(param->step, step),
                     hpt_number_text(param->high, high), hpt_number_text(last, largest));
        }
    }
    return true;
}

/* ---- the short spelling ---- */

static bool fail_brackets(const char *name, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                "a range is written %s=LOW..HIGH and a list %s=A,B,C "
                "(or use the long form in quotes)",
                name, name);
    return false;
}

/* Is text one end of a range, or meant to be one? */
static bool is_end(const char *text)
{
    return *text != '\0' &&
           strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-") ==
               strlen(text);
}

/* LOW..HIGH, unless the value is quoted or looks like a path. */
static void split_range(HptDeclaration *declaration, bool quoted)
{
    const char *text = declaration->values->pdata[0];
    const char *dots = strstr(text, "..");
    if (quoted || declaration->values->len != 1 || dots == NULL) {
        return;
    }
    g_autofree char *low = g_strndup(text, (gsize)(dots - text));
    g_autofree char *high = g_strdup(dots + 2);
    if (!is_end(low) || !is_end(high)) {
        return;
    }
    declaration->low = g_steal_pointer(&low);
    declaration->high = g_steal_pointer(&high);
    g_clear_pointer(&declaration->values, g_ptr_array_unref);
}

static bool parse_short_domain(const HptParse *parse, HptDeclaration *declaration, bool *quoted,
                               GError **error)
{
    HptScan *scan = parse->scan;
    declaration->values = g_ptr_array_new_with_free_func(g_free);
    *quoted = false;
    do {
        if (scan->at < scan->end && strchr("[{(", *scan->at) != NULL) {
            return fail_brackets(declaration->name, error);
        }
        bool in_quotes = false;
        char *value = hpt_scan_value(scan, ':', &in_quotes, error);
        if (value == NULL) {
            return false;
        }
        g_ptr_array_add(declaration->values, value);
        *quoted = *quoted || in_quotes;
    } while (hpt_scan_take(scan, ','));
    split_range(declaration, *quoted);
    return true;
}

/* if=NAME=VALUE{,VALUE}; the name may hold colons. */
static bool parse_if(const HptParse *parse, const char *child, GError **error)
{
    HptScan *scan = parse->scan;
    size_t length = hpt_name_length(scan->at, (size_t)(scan->end - scan->at));
    if (length == 0 || scan->at + length >= scan->end || scan->at[length] != '=') {
        return fail_param(child, error,
                          "'if' is written if=NAME=VALUE or if=NAME=VALUE,VALUE; "
                          "for other conditions use the long form in quotes");
    }
    g_autoptr(HptExpr) atom = hpt_expr_new(HPT_EXPR_IN);
    atom->name = g_strndup(scan->at, length);
    scan->at += length + 1;
    do {
        char *value = hpt_scan_value(scan, ':', NULL, error);
        if (value == NULL) {
            return false;
        }
        g_ptr_array_add(atom->texts, value);
    } while (hpt_scan_take(scan, ','));
    hpt_space_builder_rule(parse->rules, parse->place, child, g_steal_pointer(&atom));
    return true;
}

static bool set_once(const char *name, char **slot, char *value, const char *what, GError **error)
{
    if (value == NULL) {
        return false;
    }
    if (*slot != NULL) {
        g_free(value);
        return fail_param(name, error, "'%s' is given twice", what);
    }
    *slot = value;
    return true;
}

static bool parse_option(const HptParse *parse, HptDeclaration *declaration, GError **error)
{
    static const char *const names[] = {"log",     "step",    "default", "if",          "real",
                                        "float",   "integer", "int",     "categorical", "cat",
                                        "ordinal", "ord",     NULL};
    HptScan *scan = parse->scan;
    const char *name = declaration->name;
    size_t length = hpt_scan_word_length(scan, ':');
    g_autofree char *word = g_strndup(scan->at, length);
    bool equals = scan->at + length < scan->end && scan->at[length] == '=';
    if (equals && strcmp(word, "step") == 0) {
        scan->at += length + 1;
        return set_once(name, &declaration->step, hpt_scan_value(scan, ':', NULL, error), word,
                        error);
    }
    if (equals && strcmp(word, "default") == 0) {
        scan->at += length + 1;
        return set_once(name, &declaration->fallback, hpt_scan_value(scan, ':', NULL, error), word,
                        error);
    }
    if (equals && strcmp(word, "if") == 0) {
        scan->at += length + 1;
        return parse_if(parse, name, error);
    }
    const char *type_text = NULL;
    if (!equals && strcmp(word, "log") == 0) {
        scan->at += length;
        declaration->log = true;
        return true;
    }
    if (!equals && type_of(word, &declaration->type, &type_text)) {
        scan->at += length;
        if (declaration->type_text != NULL) {
            return fail_param(name, error, "both '%s' and '%s' are given", declaration->type_text,
                              type_text);
        }
        declaration->type_text = type_text;
        return true;
    }
    if (length == 0) {
        return hpt_scan_expected(scan, error, "an option after ':'");
    }
    if (g_strv_contains(names, word)) {
        return equals ? fail_param(name, error, "'%s' takes no value", word)
                      : fail_param(name, error, "'%s' needs a value: %s=…", word, word);
    }
    return fail_unknown(name, "option", word, names, error);
}

static void infer_type(const HptParse *parse, HptDeclaration *declaration, bool quoted)
{
    const char *name = declaration->name;
    if (declaration->values == NULL) {
        bool whole = hpt_is_whole_text(declaration->low) && hpt_is_whole_text(declaration->high);
        declaration->type = whole ? HPT_PARAM_INT : HPT_PARAM_REAL;
        if (strcmp(declaration->low, "0") == 0 && strcmp(declaration->high, "1") == 0) {
            add_note(parse, "'%s=0..1' searches the integers 0 and 1; write 0.0..1.0 for a real",
                     name);
        }
        return;
    }
    /* Numbers in ascending order are positions on a scale; one number is a constant that reaches
     * JSON as a number. */
    GPtrArray *values = declaration->values;
    declaration->type = HPT_PARAM_ORD;
    double last = 0;
    for (guint i = 0; i < values->len; i++) {
        double number = 0;
        if (quoted || !hpt_number_parse(values->pdata[i], &number, NULL) ||
            (i > 0 && !(last < number))) {
            declaration->type = HPT_PARAM_CAT;
            return;
        }
        last = number;
    }
    if (values->len == 2) {
        const char *low = values->pdata[0];
        const char *high = values->pdata[1];
        add_note(parse, "'%s' searches the two values %s and %s; write %s..%s for a range", name,
                 low, high, low, high);
    }
}

static bool check_shape(const HptDeclaration *declaration, GError **error)
{
    bool range = declaration->values == NULL;
    bool numeric = declaration->type == HPT_PARAM_REAL || declaration->type == HPT_PARAM_INT;
    if (range == numeric) {
        return true;
    }
    return fail_param(declaration->name, error,
                      numeric ? "%s takes LOW..HIGH, not a list" : "%s takes a list, not LOW..HIGH",
                      declaration->type_text);
}

static bool parse_short(const HptParse *parse, char *name, GError **error)
{
    g_auto(HptDeclaration) declaration = {.name = name};
    bool quoted = false;
    if (!parse_short_domain(parse, &declaration, &quoted, error)) {
        return false;
    }
    while (hpt_scan_take(parse->scan, ':')) {
        if (!parse_option(parse, &declaration, error)) {
            return false;
        }
    }
    if (hpt_scan_peek(parse->scan) != '\0') {
        return hpt_scan_expected(parse->scan, error,
                                 "',', ':' or the end (values with other characters need quotes)");
    }
    if (declaration.type_text == NULL) {
        infer_type(parse, &declaration, quoted);
    } else if (declaration.values != NULL && declaration.values->len == 1 &&
               (declaration.type == HPT_PARAM_REAL || declaration.type == HPT_PARAM_INT)) {
        /* x=5:int is the constant 5..5 */
        declaration.low = g_strdup(declaration.values->pdata[0]);
        declaration.high = g_strdup(declaration.low);
        g_clear_pointer(&declaration.values, g_ptr_array_unref);
    } else if (!check_shape(&declaration, error)) {
        return false;
    }
    return finish(parse, &declaration, error);
}

/* ---- the long spelling ---- */

static bool parse_interval(const HptParse *parse, HptDeclaration *declaration, GError **error)
{
    HptScan *scan = parse->scan;
    scan->at++;
    declaration->low = hpt_scan_value(scan, '\0', NULL, error);
    if (declaration->low == NULL || !hpt_scan_expect(scan, ',', error)) {
        return false;
    }
    declaration->high = hpt_scan_value(scan, '\0', NULL, error);
    return declaration->high != NULL && hpt_scan_expect(scan, ']', error);
}

static bool parse_long_domain(const HptParse *parse, HptDeclaration *declaration, GError **error)
{
    HptScan *scan = parse->scan;
    char next = hpt_scan_peek(scan);
    if (next != '[' && next != '{') {
        g_autofree char *word = hpt_scan_word(scan);
        if (word == NULL) {
            if (next == '=') {
                g_autofree char *message =
                    g_strdup_printf("write %s=DOMAIN without blanks around '='", declaration->name);
                return hpt_parse_fail(parse, error, message);
            }
            return hpt_scan_expected(scan, error, "a type, '[', '{', '=' or '|'");
        }
        if (!type_of(word, &declaration->type, &declaration->type_text)) {
            return fail_unknown(declaration->name, "type", word, type_names, error);
        }
        next = hpt_scan_peek(scan);
    }
    bool numeric = declaration->type == HPT_PARAM_REAL || declaration->type == HPT_PARAM_INT;
    if (declaration->type_text != NULL && next == (numeric ? '{' : '[')) {
        return fail_param(declaration->name, error,
                          numeric ? "%s takes [LOW, HIGH], not {...}"
                                  : "%s takes {A, B, ...}, not [...]",
                          declaration->type_text);
    }
    if (next == '[') {
        return parse_interval(parse, declaration, error);
    }
    if (next != '{') {
        return hpt_scan_expected(scan, error, numeric ? "[LOW, HIGH]" : "{A, B, ...}");
    }
    if (declaration->type_text == NULL) {
        declaration->type = HPT_PARAM_CAT;
    }
    declaration->values = g_ptr_array_new_with_free_func(g_free);
    return hpt_parse_set(parse, declaration->values, error);
}

/* The flags of old PCS files: i, l, il, li. */
static bool parse_old_flag(HptDeclaration *declaration, const char *word, bool *known,
                           GError **error)
{
    *known = strcmp(word, "i") == 0 || strcmp(word, "l") == 0 || strcmp(word, "il") == 0 ||
             strcmp(word, "li") == 0;
    if (!*known) {
        return true;
    }
    if (declaration->type_text != NULL) {
        return fail_param(declaration->name, error,
                          "flag '%s' belongs to the old form without a type%s", word,
                          strchr(word, 'l') != NULL ? "; write 'log'" : "");
    }
    if (declaration->values != NULL) {
        return fail_param(declaration->name, error, "flag '%s' is for ranges", word);
    }
    declaration->log = declaration->log || strchr(word, 'l') != NULL;
    if (strchr(word, 'i') != NULL) {
        declaration->type = HPT_PARAM_INT;
    }
    return true;
}

static bool parse_flags(const HptParse *parse, HptDeclaration *declaration, GError **error)
{
    static const char *const names[] = {"log", "step", NULL};
    HptScan *scan = parse->scan;
    for (;;) {
        g_autofree char *word = hpt_scan_word(scan);
        if (word == NULL) {
            return true;
        }
        bool known = false;
        if (strcmp(word, "log") == 0) {
            declaration->log = true;
        } else if (strcmp(word, "step") == 0) {
            if (!hpt_scan_expect(scan, '=', error) ||
                !set_once(declaration->name, &declaration->step,
                          hpt_scan_value(scan, '\0', NULL, error), word, error)) {
                return false;
            }
        } else if (!parse_old_flag(declaration, word, &known, error)) {
            return false;
        } else if (!known) {
            return fail_unknown(declaration->name, "flag", word, names, error);
        }
    }
}

static bool parse_long(const HptParse *parse, char *name, GError **error)
{
    g_auto(HptDeclaration) declaration = {.name = name, .type = HPT_PARAM_REAL};
    HptScan *scan = parse->scan;
    if (!parse_long_domain(parse, &declaration, error)) {
        return false;
    }
    if (hpt_scan_take(scan, '[')) {
        declaration.fallback = hpt_scan_value(scan, '\0', NULL, error);
        if (declaration.fallback == NULL || !hpt_scan_expect(scan, ']', error)) {
            return false;
        }
    }
    if (!parse_flags(parse, &declaration, error)) {
        return false;
    }
    if (hpt_scan_take(scan, '|')) {
        if (!hpt_parse_condition(parse, name, error)) {
            return false;
        }
    } else if (hpt_scan_peek(scan) != '\0') {
        return hpt_scan_expected(scan, error, "a flag, '|' or the end");
    }
    return finish(parse, &declaration, error);
}

/* ---- any statement ---- */

static bool is_heading(const HptScan *scan)
{
    static const char *const headings[] = {"Conditionals:", "Conditional:", "Forbidden:"};
    size_t length = (size_t)(scan->end - scan->at);
    for (size_t i = 0; i < G_N_ELEMENTS(headings); i++) {
        if (length == strlen(headings[i]) &&
            g_ascii_strncasecmp(scan->at, headings[i], length) == 0) {
            return true;
        }
    }
    return false;
}

bool hpt_parse_statement(HptSpaceBuilder *builder, const char *place, HptScan *scan, GError **error)
{
    g_autoptr(GPtrArray) rules = g_ptr_array_new_with_free_func(hpt_rule_free);
    HptParse parse = {.builder = builder, .place = place, .scan = scan, .rules = rules};
    char first = hpt_scan_peek(scan);
    if (first == '\0' || is_heading(scan)) {
        return true;
    }
    if (first == '{') {
        return hpt_parse_forbidden(&parse, error);
    }
    size_t length = hpt_name_length(scan->at, (size_t)(scan->end - scan->at));
    if (length == 0) {
        return hpt_scan_expected(scan, error, "a parameter");
    }
    g_autofree char *name = g_strndup(scan->at, length);
    scan->at += length;
    if (scan->at < scan->end && *scan->at == '=') {
        scan->at++;
        return parse_short(&parse, g_steal_pointer(&name), error);
    }
    if (hpt_scan_take(scan, '|')) {
        if (!hpt_parse_condition(&parse, name, error)) {
            return false;
        }
        g_ptr_array_add(builder->conditions, g_steal_pointer(&rules->pdata[0]));
        g_ptr_array_set_size(rules, 0);
        return true;
    }
    return parse_long(&parse, g_steal_pointer(&name), error);
}
