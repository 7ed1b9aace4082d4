#include "space/internal.h"

#include "base/number.h"

#include <string.h>

void hpt_declaration_clear(HptDeclaration *declaration)
{
    g_free(declaration->name);
    g_free(declaration->low);
    g_free(declaration->high);
    g_clear_pointer(&declaration->values, g_ptr_array_unref);
    g_free(declaration->step);
    g_free(declaration->fallback);
}

void hpt_param_free(HptParam *param)
{
    if (param == NULL) {
        return;
    }
    g_free(param->name);
    g_strfreev(param->values);
    g_free(param->numbers);
    g_clear_pointer(&param->places, g_hash_table_unref);
    g_free(param);
}

const char *hpt_param_type_name(HptParamType type)
{
    static const char *const names[] = {"real", "integer", "categorical", "ordinal"};
    return names[type];
}

static bool fail(const HptDeclaration *from, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static bool fail(const HptDeclaration *from, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "parameter '%s': %s", from->name, text);
    return false;
}

/* ---- ranges ---- */

static bool is_name_text(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && hpt_name_length(text, length) == length;
}

static bool read_bound(const HptDeclaration *from, const char *text, double *out, GError **error)
{
    bool overflow = false;
    if (hpt_number_parse(text, out, &overflow)) {
        *out += 0.0; /* -0 is 0 */
        return true;
    }
    const char *word = *text == '-' || *text == '+' ? text + 1 : text;
    if (overflow || g_ascii_strcasecmp(word, "inf") == 0 ||
        g_ascii_strcasecmp(word, "infinity") == 0 || g_ascii_strcasecmp(word, "nan") == 0) {
        return fail(from, error, "bounds must be finite");
    }
    if (is_name_text(text)) {
        return fail(from, error,
                    "bounds that depend on other parameters ('%s') are not supported; "
                    "bounds are numbers",
                    text);
    }
    return fail(from, error, "bound '%s' is not a number", text);
}

static bool is_whole(double number)
{
    return number >= -HPT_SPACE_MAX_WHOLE && number <= HPT_SPACE_MAX_WHOLE &&
           (double)(int64_t)number == number;
}

static bool check_whole(const HptDeclaration *from, const char *what, const char *text,
                        double number, GError **error)
{
    if (number < -HPT_SPACE_MAX_WHOLE || number > HPT_SPACE_MAX_WHOLE) {
        return fail(from, error, "%s %s is beyond 9007199254740992", what, text);
    }
    if (!is_whole(number)) {
        return fail(from, error, "%s %s is not a whole number", what, text);
    }
    return true;
}

/* value = mantissa * 10^exponent, exactly as its shortest text reads; mantissa without trailing
 * zeros. */
static void decimal_of(double value, int64_t *mantissa, int *exponent)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    hpt_number_text(value, text);
    bool negative = false;
    bool point = false;
    *mantissa = 0;
    *exponent = 0;
    const char *p = text;
    if (*p == '-') {
        negative = true;
        p++;
    }
    /* At most 21 digits, of which at most 17 are not trailing zeros. */
    int zeros = 0;
    for (; g_ascii_isdigit(*p) || *p == '.'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (point) {
            (*exponent)--;
        }
        zeros++;
        if (*p != '0') {
            for (; zeros > 1; zeros--) {
                *mantissa *= 10;
            }
            *mantissa = *mantissa * 10 + (*p - '0');
            zeros = 0;
        }
    }
    *exponent += zeros;
    if (*p == 'e') {
        *exponent += (int)g_ascii_strtoll(p + 1, NULL, 10);
    }
    if (negative) {
        *mantissa = -*mantissa;
    }
}

static bool scale_up(int64_t *mantissa, int by)
{
    if (*mantissa == 0) {
        return true;
    }
    for (; by > 0; by--) {
        if (__builtin_mul_overflow(*mantissa, 10, mantissa)) {
            return false;
        }
    }
    return true;
}

/* Bounds and step as whole multiples of one power of ten, so that counting is exact. */
static bool set_grid(const HptDeclaration *from, HptParam *param, GError **error)
{
    int64_t low = 0;
    int64_t high = 0;
    int64_t step = 0;
    int64_t span = 0;
    int low_exponent = 0;
    int high_exponent = 0;
    int step_exponent = 0;
    decimal_of(param->low, &low, &low_exponent);
    decimal_of(param->high, &high, &high_exponent);
    decimal_of(param->step, &step, &step_exponent);
    int exponent = step_exponent;
    if (low != 0) {
        exponent = MIN(exponent, low_exponent);
    }
    if (high != 0) {
        exponent = MIN(exponent, high_exponent);
    }
    if (!scale_up(&low, low_exponent - exponent) || !scale_up(&high, high_exponent - exponent) ||
        !scale_up(&step, step_exponent - exponent) || __builtin_sub_overflow(high, low, &span)) {
        return fail(from, error, "bounds and step together need more than 18 digits");
    }
    if (span / step >= (int64_t)HPT_SPACE_MAX_WHOLE) {
        return fail(from, error, "step %s is too small for these bounds", from->step);
    }
    param->grid_low = low;
    param->grid_step = step;
    param->grid_exponent = exponent;
    param->levels = (uint64_t)(span / step) + 1;
    return true;
}

static bool set_step(const HptDeclaration *from, HptParam *param, GError **error)
{
    if (from->log) {
        return fail(from, error, "'log' and 'step' cannot be combined; list the values instead");
    }
    if (!hpt_number_parse(from->step, &param->step, NULL)) {
        return fail(from, error, "step '%s' is not a number", from->step);
    }
    if (!(param->step > 0)) {
        return fail(from, error, "step must be above 0, not %s", from->step);
    }
    if (param->type == HPT_PARAM_INT &&
        !check_whole(from, "step", from->step, param->step, error)) {
        return false;
    }
    return set_grid(from, param, error);
}

static bool set_range(const HptDeclaration *from, HptParam *param, GError **error)
{
    if (!read_bound(from, from->low, &param->low, error) ||
        !read_bound(from, from->high, &param->high, error)) {
        return false;
    }
    if (param->type == HPT_PARAM_INT &&
        (!check_whole(from, "integer bound", from->low, param->low, error) ||
         !check_whole(from, "integer bound", from->high, param->high, error))) {
        return false;
    }
    if (param->low > param->high) {
        return fail(from, error, "lower bound %s is above upper bound %s", from->low, from->high);
    }
    if (from->log && !(param->low > 0)) {
        return fail(from, error, "a log scale needs a lower bound above 0, not %s", from->low);
    }
    param->log = from->log;
    if (from->step != NULL) {
        return set_step(from, param, error);
    }
    if (param->type == HPT_PARAM_INT) {
        param->levels = (uint64_t)((int64_t)param->high - (int64_t)param->low) + 1;
    } else if (!(param->low < param->high)) {
        param->levels = 1;
    }
    return true;
}

/* ---- sets ---- */

static void set_numbers(HptParam *param)
{
    g_autofree double *numbers = g_new(double, param->n_values);
    bool whole = true;
    for (size_t i = 0; i < param->n_values; i++) {
        if (!hpt_number_parse(param->values[i], &numbers[i], NULL) ||
            (i > 0 && !(numbers[i - 1] < numbers[i]))) {
            return;
        }
        numbers[i] += 0.0;
        whole = whole && is_whole(numbers[i]);
    }
    param->numbers = g_steal_pointer(&numbers);
    param->whole = whole;
}

static bool set_values(const HptDeclaration *from, HptParam *param, GError **error)
{
    if (from->log || from->step != NULL) {
        return fail(from, error, "'%s' is for real and integer parameters",
                    from->log ? "log" : "step");
    }
    if (from->values->len > HPT_SPACE_MAX_VALUES) {
        return fail(from, error, "more than %u values", HPT_SPACE_MAX_VALUES);
    }
    param->n_values = from->values->len;
    param->levels = param->n_values;
    param->values = g_new0(char *, param->n_values + 1);
    param->places = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < param->n_values; i++) {
        param->values[i] = g_strdup(from->values->pdata[i]);
        if (!g_hash_table_insert(param->places, param->values[i], GSIZE_TO_POINTER(i + 1))) {
            return fail(from, error, "value '%s' is listed twice", param->values[i]);
        }
    }
    if (param->type == HPT_PARAM_ORD) {
        set_numbers(param);
    }
    return true;
}

size_t hpt_param_find_value(const HptParam *param, const char *text)
{
    size_t place = GPOINTER_TO_SIZE(g_hash_table_lookup(param->places, text));
    if (place > 0) {
        return place - 1;
    }
    double number = 0;
    if (param->numbers == NULL || !hpt_number_parse(text, &number, NULL)) {
        return SIZE_MAX;
    }
    size_t low = 0;
    size_t high = param->n_values;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (param->numbers[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < param->n_values && !(param->numbers[low] > number) ? low : SIZE_MAX;
}

/* ---- the whole ---- */

static bool set_fallback(const HptDeclaration *from, HptParam *param, GError **error)
{
    if (from->fallback == NULL) {
        param->fallback = hpt_param_middle(param);
        return true;
    }
    param->default_given = true;
    g_autoptr(GError) problem = NULL;
    if (hpt_param_value_parse(param, from->fallback, &param->fallback, &problem)) {
        return true;
    }
    return fail(from, error, "default %s", problem->message);
}

HptParam *hpt_param_new(const HptDeclaration *from, GError **error)
{
    g_autoptr(HptParam) param = g_new0(HptParam, 1);
    param->name = g_strdup(from->name);
    param->type = from->type;
    bool good =
        from->values != NULL ? set_values(from, param, error) : set_range(from, param, error);
    if (!good) {
        return NULL;
    }
    param->constant = param->levels == 1;
    hpt_param_set_log(param);
    if (!set_fallback(from, param, error)) {
        return NULL;
    }
    return g_steal_pointer(&param);
}

void hpt_param_append_domain(GString *out, const HptParam *param)
{
    if (param->values == NULL) {
        char low[HPT_NUMBER_TEXT_SIZE];
        char high[HPT_NUMBER_TEXT_SIZE];
        g_string_append_printf(out, "[%s, %s]", hpt_number_text(param->low, low),
                               hpt_number_text(param->high, high));
        return;
    }
    g_string_append_c(out, '{');
    for (size_t i = 0; i < param->n_values; i++) {
        g_string_append(out, i > 0 ? ", " : "");
        hpt_append_value(out, param->values[i]);
    }
    g_string_append_c(out, '}');
}

void hpt_param_append_domain_short(GString *out, const HptParam *param)
{
    if (param->values == NULL) {
        hpt_param_append_domain(out, param);
        return;
    }
    const size_t most = 12;
    for (size_t i = 0; i < MIN(param->n_values, most); i++) {
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", param->values[i]);
    }
    if (param->n_values > most) {
        g_string_append_printf(out, ", … (%zu in all)", param->n_values);
    }
}

void hpt_param_append(GString *out, const HptParam *param)
{
    g_string_append_printf(out, "%s %s ", param->name, hpt_param_type_name(param->type));
    hpt_param_append_domain(out, param);
    if (param->default_given) {
        g_autofree char *text = hpt_param_value_text(param, param->fallback);
        g_string_append(out, " [");
        hpt_append_value(out, text);
        g_string_append_c(out, ']');
    }
    if (param->log) {
        g_string_append(out, " log");
    }
    if (param->step > 0) {
        char step[HPT_NUMBER_TEXT_SIZE];
        g_string_append_printf(out, " step=%s", hpt_number_text(param->step, step));
    }
}
