#include "search/recommend.h"

#include "num/elementary.h"
#include "search/surrogate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_POINTS = 6, FIT_STEPS = 25, MOST = HPT_SURROGATE_POINTS, PAIRS = 10 };
#define UNLIKELY 2.558 /* quantile of χ² with PAIRS degrees of freedom: 0.01 */
#define NOISY 0.15
#define MUCH_NOISE (-1.0) /* logarithm */

/* As hpt_surrogate_prior, without the factor against noise: nothing is searched for here. */
static const HptGpPrior prior = {-6.907755278982137 /* log 1e-3 */, 2, 0};

typedef struct {
    const HptTold *told;
    size_t n, points[MOST];    /* what the processes are given; indices into told */
    size_t low, middle;        /* places in points, of the lowest value and the median: the unit lies between them */
    double good;               /* of that way, up to the 128th value: what noise is compared with */
    size_t n_looked, looked[MOST]; /* the trials that may be preferred, lowest values first */
    double upper[MOST];        /* of these, sums over the processes: the mean plus the deviation, */
    double mean[MOST], square[MOST], variance[MOST]; /* the mean, its square and the variance */
    double noise;              /* sum of its deviations */
} Choice;

static int compare_numbers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The trials that may be preferred. */
static void look(Choice *choice, const int64_t *among, size_t n_among)
{
    const HptTold *told = choice->told;
    for (size_t place = 0; place < told->n && choice->n_looked < MOST; place++) {
        size_t i = told->order[place];
        if (!told->failed[i] && told->beyond[i] <= 0 &&
            (among == NULL || bsearch(&told->number[i], among, n_among, sizeof *among, compare_numbers) != NULL))
            choice->looked[choice->n_looked++] = i;
    }
}

/* What the processes are given, and the two values that are the unit. Of many trials those that are evenly spread over their
 * order, not more of the best as for a search: these are the lucky ones, and whoever sees them alone expects too much. */
static void gather(Choice *choice)
{
    const HptTold *told = choice->told;
    choice->n = MIN(told->n, (size_t)MOST);
    for (size_t i = 0; i < choice->n; i++)
        choice->points[i] = told->order[told->n <= MOST ? i : i * (told->n - 1) / (MOST - 1)];
    g_autofree double *y = g_new(double, choice->n);
    for (size_t i = 0; i < choice->n; i++)
        y[i] = told->y[choice->points[i]];
    g_autofree HptRanked *ranked = hpt_rank(y, NULL, choice->n), *all = hpt_rank(told->y, NULL, told->n);
    choice->low = ranked[0].index;
    choice->middle = ranked[(choice->n - 1) / 2].index;
    double low = y[choice->low], unit = y[choice->middle] - low;
    choice->good = unit > 0 ? (all[MIN((told->n - 1) / 2, (size_t)MOST / 2 - 1)].value - low) / unit : 0;
}

/* Two modes of the posterior: the one that is found from the prior's means, and from there with much noise. Gives the share
 * of the first, by their densities. */
static double fit(const HptGpData *data, double *theta, double *other)
{
    size_t n_theta = HPT_GP_THETA(data->cube);
    hpt_gp_start(data->cube, &prior, theta);
    memcpy(other, theta, n_theta * sizeof *theta);
    other[data->cube->n] = MUCH_NOISE;
    double value = hpt_gp_fit(data, &prior, theta, FIT_STEPS), another = hpt_gp_fit(data, &prior, other, FIT_STEPS);
    return isfinite(value) && isfinite(another) ? 1 / (1 + hpt_exp(CLAMP(value - another, -700, 700)))
                                                : isfinite(value);
}

/* What a process says of the looked rows: adds its share of the mean, of mean² + deviation² and of the noise's variance. */
static void add_mode(const HptGpData *data, const double *theta, double share, const double *rows, size_t n, double *mean,
                     double *square, double *noise)
{
    if (!(share > 0))
        return;
    g_autofree double *m = g_new(double, n), *s = g_new(double, n);
    g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
    hpt_gp_predict(gp, rows, n, m, s);
    for (size_t i = 0; i < n; i++) {
        mean[i] += share * m[i];
        square[i] += share * (m[i] * m[i] + s[i] * s[i]);
    }
    *noise += share * gp->noise;
}

/* Adds what one of the processes says. False: it finds no noise. */
static bool add_view(Choice *choice, bool smooth)
{
    const HptTold *told = choice->told;
    const HptCube *cube = told->cube;
    g_autoptr(HptGpData) data = hpt_surrogate_data(told, smooth, choice->points, choice->n);
    double low = data->y[choice->low], unit = data->y[choice->middle] - low, noise = 0;
    if (!(unit > 0 && choice->good > 0))
        return false;
    size_t n = choice->n_looked, n_theta = HPT_GP_THETA(cube);
    g_autofree double *theta = g_new(double, 2 * n_theta), *rows = g_new(double, n * cube->n);
    g_autofree double *mean = g_new0(double, n), *square = g_new0(double, n);
    for (size_t i = 0; i < n; i++)
        memcpy(rows + i * cube->n, told->rows + choice->looked[i] * cube->n, cube->n * sizeof *rows);
    double share = fit(data, theta, theta + n_theta);
    add_mode(data, theta, share, rows, n, mean, square, &noise);
    add_mode(data, theta + n_theta, 1 - share, rows, n, mean, square, &noise);
    if (!(sqrt(noise) > NOISY * choice->good * unit))
        return false;
    choice->noise += sqrt(noise) / unit;
    for (size_t i = 0; i < n; i++) {
        double variance = MAX(square[i] - mean[i] * mean[i], 0) / (unit * unit), m = (mean[i] - low) / unit;
        choice->upper[i] += m + sqrt(variance);
        choice->mean[i] += m;
        choice->square[i] += m * m;
        choice->variance[i] += variance;
    }
    return true;
}

/* ---- is it noise? ---- */

typedef struct {
    double distance;
    size_t a, b; /* indices into told, a < b */
} Pair;

static int compare_pairs(const void *x, const void *y)
{
    const Pair *p = x, *q = y;
    if (p->distance != q->distance)
        return p->distance < q->distance ? -1 : 1;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return p->b < q->b ? -1 : p->b > q->b;
}

/* The square of it; infinite if they differ by more than numbers. */
static double distance(const HptCube *cube, const double *a, const double *b)
{
    double sum = 0;
    for (size_t j = 0; j < cube->n; j++) {
        if (isnan(a[j]) && isnan(b[j]))
            continue;
        if (isnan(a[j]) || isnan(b[j]) || (cube->category[j] && a[j] != b[j]))
            return (double)INFINITY;
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    }
    return sum;
}

/* The values of the nearest pairs, each trial in one at most, differ by less than so much noise would let them: what the
 * processes could not explain is the function's. */
static bool is_rugged(const Choice *choice, double noise)
{
    const HptTold *told = choice->told;
    size_t width = told->cube->n, n_pairs = 0, n_taken = 0;
    g_autofree Pair *pairs = g_new(Pair, choice->n * choice->n / 2 + 1);
    for (size_t i = 0; i < choice->n; i++)
        for (size_t j = 0; j < i; j++) {
            size_t a = MIN(choice->points[i], choice->points[j]), b = MAX(choice->points[i], choice->points[j]);
            double apart = distance(told->cube, told->rows + a * width, told->rows + b * width);
            if (isfinite(apart) && !told->failed[a] && !told->failed[b])
                pairs[n_pairs++] = (Pair){apart, a, b};
        }
    qsort(pairs, n_pairs, sizeof *pairs, compare_pairs);
    g_autofree bool *taken = g_new0(bool, told->n);
    double squares = 0;
    for (size_t p = 0; p < n_pairs && n_taken < PAIRS; p++) {
        size_t a = pairs[p].a, b = pairs[p].b;
        if (taken[a] || taken[b])
            continue;
        taken[a] = taken[b] = true;
        double difference = (told->y[a] - told->y[b]) / noise;
        squares += difference * difference / 2;
        n_taken++;
    }
    return n_taken == PAIRS && squares < UNLIKELY;
}

/* ---- the choice ---- */

/* By both processes, in the unit of the values. */
static HptExpected expected(const Choice *choice, size_t i)
{
    const HptTold *told = choice->told;
    double low = told->y[choice->points[choice->low]], unit = told->y[choice->points[choice->middle]] - low;
    double mean = choice->mean[i] / 2, between = MAX(choice->square[i] / 2 - mean * mean, 0);
    return (HptExpected){(low + mean * unit) / told->scale, sqrt(choice->variance[i] / 2 + between) * unit / told->scale};
}

static void choose(Choice *choice, HptRecommendation *out)
{
    const HptTold *told = choice->told;
    size_t best = 0;
    *out = (HptRecommendation){.number = told->number[choice->looked[0]], .lowest = told->number[choice->looked[0]]};
    if (told->n_valued < LEAST_POINTS || told->cube->n == 0)
        return;
    gather(choice);
    if (!add_view(choice, false) || !add_view(choice, true))
        return;
    double unit = told->y[choice->points[choice->middle]] - told->y[choice->points[choice->low]];
    double noise = choice->noise / 2 * unit;
    if (is_rugged(choice, noise))
        return;
    for (size_t i = 1; i < choice->n_looked; i++)
        if (choice->upper[i] < choice->upper[best])
            best = i;
    out->number = told->number[choice->looked[best]];
    out->noise = noise / told->scale;
    out->of_number = expected(choice, best);
    out->of_lowest = expected(choice, 0);
}

bool hpt_recommend(const HptSpace *space, const HptHistory *history, const int64_t *among, size_t n_among,
                   HptRecommendation *out)
{
    HptCube cube;
    hpt_cube_init(&cube, space);
    HptTold *told = hpt_told_new(&cube);
    hpt_told_hear(told, history);
    g_autofree Choice *choice = g_new0(Choice, 1);
    choice->told = told;
    look(choice, among, n_among);
    bool found = choice->n_looked > 0;
    if (found)
        choose(choice, out);
    hpt_told_free(told);
    hpt_cube_clear(&cube);
    return found;
}
