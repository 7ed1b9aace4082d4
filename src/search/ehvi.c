#include "search/ehvi.h"

#include "num/elementary.h"
#include "num/normal.h"

#include <float.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#define NEGLIGIBLE 45.0 /* logarithms by which less no longer counts */

size_t hpt_ehvi_scratch(const HptBoxes *boxes)
{
    size_t bounds = 0;
    for (size_t k = 0; k < boxes->m; k++)
        bounds += boxes->n_bounds[k];
    return 2 * bounds + boxes->n;
}

/* The logarithms of E(bound − Y)⁺ of one objective, and how steep they are in the standardised bound. */
static void improvements(const double *bounds, size_t n, double mean, double deviation, double *log_gain,
                         double *steep)
{
    double scale = hpt_log(deviation);
    log_gain[0] = -(double)INFINITY;
    steep[0] = 0;
    for (size_t i = 1; i < n; i++)
        log_gain[i] = scale + hpt_normal_log_improvement((bounds[i] - mean) / deviation, &steep[i]);
}

/* The share of the gain up to the higher bound that is gained up to the lower one, below 1. */
static double lower_share(const double *log_gain, size_t low, size_t high)
{
    double by = log_gain[low] - log_gain[high];
    return by < -NEGLIGIBLE ? 0 : MIN(hpt_exp(by), 1 - DBL_EPSILON);
}

/* The slopes of one box, of weight w: of log(E(high) − E(low)) in mean and deviation. */
static void add_slopes(const double *bounds, const double *log_gain, const double *steep, size_t low, size_t high,
                       double w, double mean, double deviation, double *mean_slope, double *deviation_slope)
{
    double share = lower_share(log_gain, low, high), by = w / ((1 - share) * deviation);
    double z_high = (bounds[high] - mean) / deviation;
    *mean_slope -= by * steep[high];
    *deviation_slope += by * (1 - z_high * steep[high]);
    if (share > 0) {
        double z_low = (bounds[low] - mean) / deviation;
        *mean_slope += by * share * steep[low];
        *deviation_slope -= by * share * (1 - z_low * steep[low]);
    }
}

double hpt_log_ehvi(const HptBoxes *boxes, const double *mean, const double *deviation, double *scratch,
                    double *mean_slope, double *deviation_slope)
{
    size_t m = boxes->m;
    double *value = scratch, most = -(double)INFINITY, sum = 0;
    memset(value, 0, boxes->n * sizeof *value);
    double *log_gain = scratch + boxes->n;
    for (size_t k = 0; k < m; k++) {
        size_t n_bounds = boxes->n_bounds[k];
        improvements(boxes->bounds[k], n_bounds, mean[k], deviation[k], log_gain, log_gain + n_bounds);
        for (size_t b = 0; b < boxes->n; b++) {
            size_t low = boxes->low[b * m + k], high = boxes->high[b * m + k];
            value[b] += log_gain[high] + hpt_log(1 - lower_share(log_gain, low, high));
        }
        log_gain += 2 * n_bounds;
    }
    for (size_t b = 0; b < boxes->n; b++)
        most = MAX(most, value[b]);
    for (size_t b = 0; b < boxes->n; b++)
        sum += value[b] = value[b] < most - NEGLIGIBLE ? 0 : hpt_exp(value[b] - most);
    if (mean_slope == NULL)
        return most + hpt_log(sum);
    memset(mean_slope, 0, m * sizeof *mean_slope);
    memset(deviation_slope, 0, m * sizeof *deviation_slope);
    log_gain = scratch + boxes->n;
    for (size_t k = 0; k < m; k++) {
        for (size_t b = 0; b < boxes->n; b++)
            if (value[b] > 0)
                add_slopes(boxes->bounds[k], log_gain, log_gain + boxes->n_bounds[k], boxes->low[b * m + k],
                           boxes->high[b * m + k], value[b] / sum, mean[k], deviation[k], &mean_slope[k],
                           &deviation_slope[k]);
        log_gain += 2 * boxes->n_bounds[k];
    }
    return most + hpt_log(sum);
}
