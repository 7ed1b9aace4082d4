#include "search/warp.h"

#include "num/normal.h"
#include "search/told.h"

#include <math.h>

#define HIGHEST 0.999 /* quantile */
#define FAR 100.0

void hpt_standardise(double *y, size_t n)
{
    double mean = 0, variance = 0;
    bool alike = true; /* their mean need not be what they are */
    for (size_t i = 0; i < n; i++) {
        mean += y[i] / (double)n;
        alike = alike && y[i] == y[0];
    }
    for (size_t i = 0; i < n; i++)
        variance += (y[i] - mean) * (y[i] - mean) / (double)n;
    double scale = !alike && variance > 0 && isfinite(variance) ? 1 / sqrt(variance) : 0;
    for (size_t i = 0; i < n; i++)
        y[i] = isfinite(scale) ? (y[i] - mean) * scale : 0;
}

void hpt_warp_half(double *y, const bool *failed, size_t n)
{
    if (n == 0)
        return;
    g_autofree HptRanked *placed = hpt_rank(y, failed, n);
    double median = placed[(n - 1) / 2].value, spread = 0;
    size_t good = 0;
    while (good < n && placed[good].value <= median && !placed[good].failed)
        spread += (placed[good].value - median) * (placed[good].value - median), good++;
    spread = good > 0 && spread > 0 ? sqrt(spread / (double)good) : 1;
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
    if (spread > 0)
        for (size_t i = 0; i < n; i++)
            y[i] = MIN(y[i], median + FAR * spread);
    hpt_standardise(y, n);
}
