#include "search/warp.h"

#include "num/normal.h"
#include "search/told.h"

#include <math.h>

#define HIGHEST 0.999 /* quantile */
#define FAR 100.0

int hpt_exponent(double range)
{
    int exponent = 0;
    (void)frexp(range, &exponent);
    return exponent;
}

void hpt_standardise(double *y, size_t n)
{
    double low = (double)INFINITY, high = -(double)INFINITY, mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++) {
        low = MIN(low, y[i]);
        high = MAX(high, y[i]);
    }
    int exponent = low < high ? hpt_exponent(high - low) : 0;
    for (size_t i = 0; i < n; i++)
        y[i] = low < high ? ldexp(y[i], -exponent) : 0;
    for (size_t i = 0; i < n; i++)
        mean += y[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (y[i] - mean) * (y[i] - mean) / (double)n;
    double scale = low < high ? 1 / sqrt(variance) : 0;
    for (size_t i = 0; i < n; i++)
        y[i] = (y[i] - mean) * scale;
}

void hpt_warp_half(double *y, const bool *failed, size_t n)
{
    if (n == 0)
        return;
    g_autofree HptRanked *placed = hpt_rank(y, failed, n);
    double median = placed[(n - 1) / 2].value, range = median - placed[0].value, spread = 0;
    int exponent = hpt_exponent(range);
    size_t good = 0;
    while (good < n && placed[good].value <= median && !placed[good].failed)
        good++;
    median = range > 0 ? ldexp(median, -exponent) : 0;
    for (size_t place = 0; place < good; place++) {
        double value = range > 0 ? ldexp(placed[place].value, -exponent) : 0;
        spread += (value - median) * (value - median);
        y[placed[place].index] = value;
    }
    spread = spread > 0 ? sqrt(spread / (double)good) : 1;
    for (size_t place = good; place < n;) {
        size_t end = place + 1;
        while (end < n && placed[end].failed == placed[place].failed &&
               placed[end].value == placed[place].value)
            end++;
        double rank = ((double)(place + end) / 2 - (double)good) / (double)(n - good);
        double value = median + spread * hpt_normal_quantile(CLAMP(0.5 + 0.5 * rank, 0.5, HIGHEST));
        for (; place < end; place++)
            y[placed[place].index] = value;
    }
    hpt_standardise(y, n);
}

void hpt_warp_plain(double *y, const bool *failed, size_t n)
{
    if (n == 0)
        return;
    g_autofree HptRanked *placed = hpt_rank(y, failed, n);
    double median = placed[(n - 1) / 2].value, spread = median - placed[0].value;
    int exponent = hpt_exponent(spread); /* values far above the median may become infinite, those below do not */
    double most = ldexp(median, -exponent) + FAR * ldexp(spread, -exponent);
    for (size_t i = 0; i < n && spread > 0; i++)
        y[i] = MIN(ldexp(y[i], -exponent), most);
    hpt_standardise(y, n);
}
