#include "search/recommend.h"

#include "search/surrogate.h"

#include <math.h>
#include <string.h>

enum { LEAST_POINTS = 6, FIT_STEPS = 25 };
#define NOISY 0.15
#define MUCH_NOISE (-1.0) /* logarithm */

/* The mode of the posterior: the better one of those found from the prior's means, and from there with much noise. */
static void fit(const HptGpData *data, double *theta)
{
    size_t n_theta = HPT_GP_THETA(data->cube);
    g_autofree double *other = g_new(double, n_theta);
    hpt_gp_start(data->cube, &hpt_surrogate_prior, theta);
    memcpy(other, theta, n_theta * sizeof *theta);
    other[data->cube->n] = MUCH_NOISE;
    double value = hpt_gp_fit(data, &hpt_surrogate_prior, theta, FIT_STEPS);
    if (hpt_gp_fit(data, &hpt_surrogate_prior, other, FIT_STEPS) < value)
        memcpy(theta, other, n_theta * sizeof *theta);
}

/* Adds to upper the mean plus the standard deviation at the chosen trials, which are in order. Gives the noise's standard
 * deviation. All in units of the distance from the first to the middle one; -1: there is none. */
static double add_view(const HptTold *told, bool smooth, const size_t *chosen, size_t n, double *upper)
{
    const HptCube *cube = told->cube;
    g_autoptr(HptGpData) data = hpt_surrogate_data(told, smooth, chosen, n);
    double unit = data->y[(n - 1) / 2] - data->y[0];
    if (!(unit > 0))
        return -1;
    g_autofree double *theta = g_new(double, HPT_GP_THETA(cube));
    g_autofree double *rows = g_new(double, n * cube->n), *mean = g_new(double, n), *deviation = g_new(double, n);
    fit(data, theta);
    g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
    for (size_t i = 0; i < n; i++)
        memcpy(rows + i * cube->n, told->rows + chosen[i] * cube->n, cube->n * sizeof *rows);
    hpt_gp_predict(gp, rows, n, mean, deviation);
    for (size_t i = 0; i < n; i++)
        upper[i] += (mean[i] + deviation[i]) / unit;
    return sqrt(gp->noise) / unit;
}

static size_t index_of_best(const HptTold *told)
{
    if (told->n_valued < LEAST_POINTS || told->cube->n == 0)
        return told->order[0];
    size_t chosen[HPT_SURROGATE_POINTS], n = hpt_surrogate_thin(told, told->n, chosen), best = 0;
    double upper[HPT_SURROGATE_POINTS] = {0};
    for (int smooth = 0; smooth < 2; smooth++)
        if (add_view(told, smooth, chosen, n, upper) <= NOISY)
            return told->order[0];
    for (size_t i = 1; i < n; i++)
        if (!told->failed[chosen[i]] && told->beyond[chosen[i]] <= 0 && upper[i] < upper[best])
            best = i;
    return chosen[best];
}

int64_t hpt_recommend(const HptSpace *space, const HptHistory *history)
{
    HptCube cube;
    hpt_cube_init(&cube, space);
    HptTold *told = hpt_told_new(&cube);
    hpt_told_hear(told, history);
    int64_t number = told->number[index_of_best(told)];
    hpt_told_free(told);
    hpt_cube_clear(&cube);
    return number;
}
