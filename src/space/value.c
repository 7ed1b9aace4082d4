/* Values of one parameter: from and to the unit interval, levels and text. */
#include "space/internal.h"

#include "base/number.h"
#include "num/elementary.h"

#include <math.h>
#include <string.h>

uint64_t hpt_param_levels(const HptParam *param)
{
    return param->levels;
}

/* An integer owns half a unit on either side of it, so that both ends have full weight. */
void hpt_param_set_log(HptParam *param)
{
    if (!param->log) {
        return;
    }
    double half = param->type == HPT_PARAM_INT ? 0.5 : 0.0;
    param->log_low = hpt_log(param->low - half);
    param->log_width = hpt_log(param->high + half) - param->log_low;
}

/* mantissa * 10^exponent, correctly rounded. */
static double decimal_value(int64_t mantissa, int exponent)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int64_t exact = (int64_t)HPT_SPACE_MAX_WHOLE;
    if (mantissa >= -exact && mantissa <= exact && exponent >= -22 && exponent <= 22) {
        /* Both operands are exact, so one operation rounds once. */
        return exponent < 0 ? (double)mantissa / powers[-exponent]
                            : (double)mantissa * powers[exponent];
    }
    char text[48];
    g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT "e%d", mantissa, exponent);
    double value = 0;
    bool read = hpt_number_parse(text, &value, NULL);
    g_assert(read);
    return value;
}

HptValue hpt_param_level(const HptParam *param, uint64_t level)
{
    g_assert(level < param->levels);
    HptValue value = {.active = true};
    if (param->values != NULL) {
        value.index = (uint32_t)level;
    } else if (param->step > 0) {
        value.number = decimal_value(param->grid_low + (int64_t)level * param->grid_step,
                                     param->grid_exponent);
    } else if (param->type == HPT_PARAM_INT) {
        value.number = (double)((int64_t)param->low + (int64_t)level);
    } else {
        value.number = param->low;
    }
    return value;
}

bool hpt_param_level_of(const HptParam *param, HptValue value, uint64_t *out)
{
    if (param->values != NULL) {
        *out = value.index;
        return true;
    }
    double number = MAX(param->low, MIN(param->high, value.number));
    double step = param->step > 0 ? param->step : 1.0;
    double span = number - param->low;
    double guess =
        0.5 + (isfinite(span) ? span / step : (number / 2 - param->low / 2) / (step / 2));
    uint64_t level = MIN((uint64_t)guess, param->levels - 1);
    /* The quotient is rounded: the neighbours may be meant. */
    uint64_t first = level > 0 ? level - 1 : 0;
    uint64_t last = MIN(level + 1, param->levels - 1);
    *out = level;
    for (uint64_t k = first; k <= last; k++) {
        double at = hpt_param_level(param, k).number;
        if (!(at < value.number) && !(at > value.number)) {
            *out = k;
            return true;
        }
    }
    return false;
}

static double clamp(const HptParam *param, double number)
{
    return MAX(param->low, MIN(param->high, number)) + 0.0;
}

/* low + u (high - low), also where the difference is beyond a double. */
static double between(double low, double high, double u)
{
    double width = high - low;
    return isfinite(width) ? low + u * width : 2.0 * (low / 2 + u * (high / 2 - low / 2));
}

bool hpt_param_is_log(const HptParam *param)
{
    return param->log && param->log_width > 0;
}

HptValue hpt_param_from_unit(const HptParam *param, double u)
{
    HptValue value = {.active = true};
    if (param->fixed) {
        return param->fallback;
    }
    u = u > 0 ? MIN(u, 1.0) : 0.0;
    if (param->levels == 1) {
        return hpt_param_level(param, 0);
    }
    if (!hpt_param_is_log(param) && param->levels > 0) {
        uint64_t level = (uint64_t)(u * (double)param->levels);
        return hpt_param_level(param, MIN(level, param->levels - 1));
    }
    if (!hpt_param_is_log(param)) {
        value.number = clamp(param, between(param->low, param->high, u));
        return value;
    }
    double number = param->low;
    if (!(u < 1)) {
        number = param->high;
    } else if (u > 0) {
        number = hpt_exp(param->log_low + u * param->log_width);
        if (param->type == HPT_PARAM_INT) {
            number = (double)(int64_t)(MIN(number, param->high) + 0.5);
        }
    }
    value.number = clamp(param, number);
    return value;
}

double hpt_param_to_unit(const HptParam *param, HptValue value)
{
    double u = 0.5;
    if (param->levels == 1) {
        return u;
    }
    if (hpt_param_is_log(param) && param->type == HPT_PARAM_INT) {
        double middle = (hpt_log(value.number - 0.5) + hpt_log(value.number + 0.5)) / 2;
        u = (middle - param->log_low) / param->log_width;
    } else if (hpt_param_is_log(param)) {
        u = (hpt_log(value.number) - param->log_low) / param->log_width;
    } else if (param->levels > 0) {
        uint64_t level = 0;
        (void)hpt_param_level_of(param, value, &level);
        u = ((double)level + 0.5) / (double)param->levels;
    } else {
        double width = param->high - param->low;
        u = isfinite(width)
                ? (value.number - param->low) / width
                : (value.number / 2 - param->low / 2) / (param->high / 2 - param->low / 2);
    }
    return MAX(0.0, MIN(1.0, u));
}

/* What stands in for a default that was not given: the middle, on a log scale the geometric one. */
HptValue hpt_param_middle(const HptParam *param)
{
    HptValue value = {.active = true};
    if (param->values != NULL) {
        return value;
    }
    if (param->levels > 0 && !param->log) {
        return hpt_param_level(param, (param->levels - 1) / 2);
    }
    double number = 0;
    if (param->log) {
        double product = param->low * param->high;
        number = isnormal(product) ? sqrt(product) : sqrt(param->low) * sqrt(param->high);
    } else {
        double sum = param->low + param->high;
        number = isfinite(sum) ? sum / 2 : param->low / 2 + param->high / 2;
    }
    if (param->type == HPT_PARAM_INT) {
        number = (double)(int64_t)(number + 0.5);
    }
    value.number = clamp(param, number);
    return value;
}

char *hpt_param_value_text(const HptParam *param, HptValue value)
{
    if (param->values != NULL) {
        return g_strdup(param->values[value.index]);
    }
    char text[HPT_NUMBER_TEXT_SIZE];
    return g_strdup(hpt_number_text(value.number, text));
}

static bool outside(const HptParam *param, const char *text, const char *what, GError **error)
{
    g_autoptr(GString) domain = g_string_new(NULL);
    hpt_param_append_domain_short(domain, param);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is %s %s", text, what, domain->str);
    return false;
}

bool hpt_param_number_fits(const HptParam *param, double number, HptValue *out)
{
    HptValue value = {.active = true, .number = number + 0.0};
    uint64_t level = 0;
    if (param->values != NULL || !(number >= param->low && number <= param->high) ||
        (param->type == HPT_PARAM_INT && floor(number) < number) ||
        (param->step > 0 && !hpt_param_level_of(param, value, &level))) {
        return false;
    }
    *out = value;
    return true;
}

bool hpt_param_value_parse(const HptParam *param, const char *text, HptValue *out, GError **error)
{
    HptValue value = {.active = true};
    if (param->values != NULL) {
        size_t index = hpt_param_find_value(param, text);
        if (index == SIZE_MAX) {
            g_autofree char *quoted = g_strdup_printf("'%s'", text);
            return outside(param, quoted, "none of", error);
        }
        value.index = (uint32_t)index;
        *out = value;
        return true;
    }
    if (!hpt_number_parse(text, &value.number, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' is not a number", text);
        return false;
    }
    value.number += 0.0;
    if (value.number < param->low || value.number > param->high) {
        return outside(param, text, "outside", error);
    }
    if (param->type == HPT_PARAM_INT && value.number != (double)(int64_t)value.number) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is not a whole number", text);
        return false;
    }
    uint64_t level = 0;
    if (param->step > 0 && !hpt_param_level_of(param, value, &level)) {
        char step[HPT_NUMBER_TEXT_SIZE];
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is between the steps of %s", text,
                    hpt_number_text(param->step, step));
        return false;
    }
    *out = value;
    return true;
}
