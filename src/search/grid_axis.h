/* The values that a grid gives one parameter. */
#ifndef HPT_SEARCH_GRID_AXIS_H
#define HPT_SEARCH_GRID_AXIS_H

#include "space/space.h"

typedef struct {
    const HptParam *param;
    uint64_t n;
    GArray *chosen; /* of HptValue; NULL: all levels of the parameter */
} HptGridAxis;

/* points values, both ends included, evenly spaced on the parameter's own scale; all there are if
 * points is 0 or not less; the default if it is 1. Those of reals are rounded to 12 digits, so that
 * 1e-3..1e3:log gives 0.01 and not its neighbour. param is borrowed. */
void hpt_grid_axis_init(HptGridAxis *axis, const HptParam *param, uint64_t points);
void hpt_grid_axis_clear(HptGridAxis *axis);

/* The value at level < n; and the level of an active value, if the axis has it. */
HptValue hpt_grid_axis_value(const HptGridAxis *axis, uint64_t level);
bool hpt_grid_axis_find(const HptGridAxis *axis, HptValue value, uint64_t *level);

static inline bool hpt_value_same(HptValue a, HptValue b)
{
    return a.active == b.active && (!a.active || (a.number == b.number && a.index == b.index));
}

#endif
