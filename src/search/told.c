#include "search/told.h"

#include "num/elementary.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define AUGMENTED 0.05
#define LARGE 1e100

static int compare(const void *a, const void *b)
{
    const HptRanked *x = a, *y = b;
    if (x->failed != y->failed)
        return x->failed ? 1 : -1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

HptRanked *hpt_rank(const double *values, const bool *failed, size_t n)
{
    HptRanked *ranked = g_new(HptRanked, n);
    for (size_t i = 0; i < n; i++)
        ranked[i] = (HptRanked){values[i], failed != NULL && failed[i], i};
    qsort(ranked, n, sizeof *ranked, compare);
    return ranked;
}

/* Makes the values finite and not too large; of what failed, the worst. */
static void tidy(double *values, const bool *failed, size_t n)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!failed[i] && isfinite(values[i])) {
            low = MIN(low, values[i]);
            high = MAX(high, values[i]);
        }
    if (low > high)
        low = high = 0;
    double most = MAX(fabs(low), fabs(high)), scale = most > LARGE ? LARGE / most : 1;
    for (size_t i = 0; i < n; i++)
        values[i] = scale * (failed[i] ? high : isfinite(values[i]) ? values[i] : low);
}

/* Adds the objective, weighted, to the largest and the sum of each trial. */
static void add_objective(const double *values, const bool *failed, size_t n, double weight,
                          double *largest, double *sum)
{
    g_autofree HptRanked *ranked = hpt_rank(values, failed, n);
    double low = ranked[0].value, high = low;
    for (size_t i = 0; i < n; i++)
        high = MAX(high, values[i]);
    for (size_t place = 0; place < n; place++) {
        size_t i = ranked[place].index;
        double share = high > low ? (values[i] - low) / (high - low) : 0;
        double term = weight * (0.5 * ((double)place + 0.5) / (double)n + 0.5 * share);
        largest[i] = MAX(largest[i], term);
        sum[i] += term;
    }
}

/* Weights uniform over those that sum to 1. */
static void draw_weights(double *weights, size_t n, HptDraws *draws)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        weights[k] = -hpt_log(1 - hpt_draws_uniform(draws)) + DBL_MIN;
        sum += weights[k];
    }
    for (size_t k = 0; k < n; k++)
        weights[k] /= sum;
}

static void make_values(HptTold *told, const HptObservation **finished, size_t n_objectives,
                        HptDraws *draws)
{
    size_t n = told->n;
    g_autofree double *column = g_new(double, n);
    g_autofree double *weights = g_new(double, n_objectives);
    g_autofree double *largest = g_new0(double, n), *sum = g_new0(double, n);
    if (n_objectives > 1)
        draw_weights(weights, n_objectives, draws);
    for (size_t k = 0; k < n_objectives; k++) {
        for (size_t i = 0; i < n; i++)
            column[i] = told->failed[i] ? 0 : finished[i]->values[k];
        tidy(column, told->failed, n);
        if (n_objectives > 1)
            add_objective(column, told->failed, n, weights[k], largest, sum);
    }
    for (size_t i = 0; i < n; i++)
        told->y[i] = n_objectives > 1 ? largest[i] + AUGMENTED * sum[i] : column[i];
}

static bool is_failed(const HptObservation *trial, size_t n_objectives)
{
    for (size_t k = 0; trial->values != NULL && k < n_objectives; k++)
        if (isnan(trial->values[k]) || trial->values[k] == (double)INFINITY)
            return true;
    return trial->values == NULL;
}

HptTold *hpt_told_new(const HptCube *cube, const HptHistory *history, HptDraws *draws)
{
    HptTold *told = g_new0(HptTold, 1);
    size_t n = history == NULL ? 0 : history->n;
    size_t n_objectives = n == 0 ? 1 : MAX(history->n_objectives, 1);
    g_autofree const HptObservation **finished = g_new(const HptObservation *, n + 1);
    told->rows = g_new(double, n * cube->n + 1);
    told->failed = g_new0(bool, n + 1);
    for (size_t i = 0; i < n; i++)
        if (history->observations[i].finished) {
            const HptObservation *trial = &history->observations[i];
            told->failed[told->n] = is_failed(trial, n_objectives);
            told->n_valued += !told->failed[told->n];
            hpt_cube_encode(cube, trial->config, told->rows + told->n * cube->n);
            finished[told->n++] = trial;
        }
    for (size_t i = 0; i < n; i++)
        if (!history->observations[i].finished)
            hpt_cube_encode(cube, history->observations[i].config,
                            told->rows + (told->n + told->n_running++) * cube->n);
    told->y = g_new0(double, told->n + 1);
    if (told->n > 0)
        make_values(told, finished, n_objectives, draws);
    return told;
}

void hpt_told_free(HptTold *told)
{
    if (told == NULL)
        return;
    g_free(told->rows);
    g_free(told->y);
    g_free(told->failed);
    g_free(told);
}

size_t *hpt_told_order(const HptTold *told)
{
    g_autofree HptRanked *ranked = hpt_rank(told->y, told->failed, told->n);
    size_t *order = g_new(size_t, told->n + 1);
    for (size_t i = 0; i < told->n; i++)
        order[i] = ranked[i].index;
    return order;
}
