#include "search/grid_axis.h"

#include "base/number.h"
#include "num/elementary.h"

#define ROUND_DIGITS 12

HptValue hpt_grid_axis_value(const HptGridAxis *axis, uint64_t level)
{
    if (axis->chosen != NULL)
        return g_array_index(axis->chosen, HptValue, level);
    return hpt_param_level(axis->param, level);
}

bool hpt_grid_axis_find(const HptGridAxis *axis, HptValue value, uint64_t *level)
{
    const HptParam *param = axis->param;
    uint64_t from = 0, to = axis->n;
    if (axis->chosen == NULL) { /* too many to try: the level follows from the value */
        double step = param->step > 0 ? param->step : 1;
        bool list = param->type == HPT_PARAM_CAT || param->type == HPT_PARAM_ORD;
        double guess = list ? (double)value.index : (value.number - param->low) / step + 0.5;
        from = guess >= 0 && guess < (double)axis->n ? (uint64_t)guess : axis->n;
        to = MIN(from + 1, axis->n);
    }
    for (*level = from; *level < to; ++*level)
        if (hpt_value_same(hpt_grid_axis_value(axis, *level), value))
            return true;
    return false;
}

/* The k-th of points places from 0 to 1 on a log scale, as a value between low and high. */
static double log_between(double low, double high, uint64_t k, uint64_t points)
{
    double from = hpt_log(low), to = hpt_log(high);
    return hpt_exp(from + (to - from) * ((double)k / (double)(points - 1)));
}

/* points different levels of a countable parameter, the first and the last included. */
static GArray *choose_levels(const HptParam *param, uint64_t levels, uint64_t points)
{
    GArray *chosen = g_array_new(FALSE, FALSE, sizeof(HptValue));
    uint64_t next = 0; /* the least level that is still free */
    for (uint64_t k = 0; k < points; k++) {
        uint64_t gaps = points - 1, room = levels - (points - k), level;
        if (k == 0 || k == gaps) {
            level = k == 0 ? 0 : room;
        } else if (param->log) {
            double value = log_between(param->low, param->high, k, points) - param->low + 0.5;
            level = value < 0 ? 0 : (uint64_t)value;
        } else {
            level = (uint64_t)(((unsigned __int128)2 * k * (levels - 1) + gaps) / (2 * gaps));
        }
        level = MIN(MAX(level, next), room);
        next = level + 1;
        HptValue value = hpt_param_level(param, level);
        g_array_append_val(chosen, value);
    }
    return chosen;
}

static GArray *choose_reals(const HptParam *param, uint64_t points)
{
    GArray *chosen = g_array_new(FALSE, FALSE, sizeof(HptValue));
    double last = 0;
    for (uint64_t k = 0; k < points; k++) {
        double gaps = (double)(points - 1), value;
        if (k == 0 || k == points - 1)
            value = k == 0 ? param->low : param->high;
        else if (param->log)
            value = log_between(param->low, param->high, k, points);
        else
            value = param->low * ((gaps - (double)k) / gaps) + param->high * ((double)k / gaps);
        double rounded = hpt_number_snap(value, ROUND_DIGITS);
        if (k > 0 && k < points - 1 && rounded > last && rounded < param->high)
            value = rounded;
        if (k > 0 && !(value > last && value <= param->high))
            continue; /* more points than doubles in the range */
        last = value;
        HptValue entry = {.active = true, .number = value};
        g_array_append_val(chosen, entry);
    }
    return chosen;
}

void hpt_grid_axis_init(HptGridAxis *axis, const HptParam *param, uint64_t points)
{
    *axis = (HptGridAxis){.param = param};
    uint64_t levels = hpt_param_levels(param);
    if (levels > 0 && !param->fixed && (points == 0 || points >= levels)) {
        axis->n = levels;
        return;
    }
    if (points == 1 || param->fixed) {
        axis->chosen = g_array_new(FALSE, FALSE, sizeof(HptValue));
        g_array_append_val(axis->chosen, param->fallback);
    } else {
        axis->chosen =
            levels > 0 ? choose_levels(param, levels, points) : choose_reals(param, points);
    }
    axis->n = axis->chosen->len;
}

void hpt_grid_axis_clear(HptGridAxis *axis)
{
    g_clear_pointer(&axis->chosen, g_array_unref);
}
