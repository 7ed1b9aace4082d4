#include "search/importance.h"

#include "num/sobol.h"
#include "search/forest.h"

#include <math.h>
#include <string.h>

enum { TREES = 64, PARTS = 8, FUNCTIONS = PARTS + 1, /* the parts of the forest, and all of it */
       LEAST_LEAF = 1, LEAST_POINTS = 512, MOST_POINTS = 4096, PREDICTIONS = 100000 };
#define FEATURES 0.5
#define LEAST_VARIANCE 1e-20 /* of y scaled to one */

/* y with mean 0 and variance 1; false: it does not vary. */
static bool standardise(const double *y, size_t n, double *out)
{
    double most = 0, mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        most = MAX(most, fabs(y[i]));
    for (size_t i = 0; i < n && most > 0; i++)
        mean += y[i] / most / (double)n;
    for (size_t i = 0; i < n && most > 0; i++) {
        out[i] = y[i] / most - mean;
        squares += out[i] * out[i] / (double)n;
    }
    if (!(squares > LEAST_VARIANCE))
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] /= sqrt(squares);
    return true;
}

/* What the trees say of rows that they were not given: the share of the variance that is explained. */
static double explained(const double *y, const double *unseen, size_t n)
{
    double away = 0, mean = 0, squares = 0, count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(unseen[i])) {
            count++;
            mean += y[i];
            away += (y[i] - unseen[i]) * (y[i] - unseen[i]);
        }
    for (size_t i = 0; i < n; i++)
        if (!isnan(unseen[i]))
            squares += (y[i] - mean / count) * (y[i] - mean / count);
    return squares > 0 ? 1 - away / squares : 0;
}

/* Coordinate i of point k: of the first half of the dimensions A, of the second B. */
static double coordinate(size_t k, size_t i)
{
    if (i < hpt_sobol_dimensions())
        return hpt_sobol(k, i, UINT64_C(0x1f0a) + i);
    HptStream stream = hpt_stream(0, (int64_t)i, "importance", "");
    return hpt_stream_uniform(&stream, k);
}

/* The means of the parts of the forest, and of all of it, at the row that the uniform numbers u are. */
static void predict(const HptCube *cube, const HptForest *forest, const double *u, double *row, double *out)
{
    memcpy(row, u, cube->n * sizeof *row);
    (void)hpt_cube_round(cube, row); /* a forbidden row is one as well */
    memset(out, 0, FUNCTIONS * sizeof *out);
    for (size_t t = 0; t < TREES; t++)
        out[t % PARTS] += hpt_forest_tree(forest, t, row, NULL) * PARTS / TREES;
    for (size_t f = 0; f < PARTS; f++)
        out[PARTS] += out[f] / PARTS;
}

typedef struct {
    size_t n_points;
    double *a, *b; /* n_points · FUNCTIONS: the values at A and at B */
    double mean[FUNCTIONS], variance[FUNCTIONS];
} Base;

static void base_clear(Base *base)
{
    g_free(base->a);
    g_free(base->b);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Base, base_clear)

static Base base_of(const HptCube *cube, const HptForest *forest, const double *points, size_t n_points, double *row)
{
    size_t d = cube->n;
    Base base = {n_points, g_new(double, n_points * FUNCTIONS), g_new(double, n_points * FUNCTIONS), {0}, {0}};
    for (size_t k = 0; k < n_points; k++) {
        predict(cube, forest, points + 2 * k * d, row, base.a + k * FUNCTIONS);
        predict(cube, forest, points + (2 * k + 1) * d, row, base.b + k * FUNCTIONS);
    }
    double count = 2 * (double)n_points;
    for (size_t i = 0; i < n_points * FUNCTIONS; i++)
        base.mean[i % FUNCTIONS] += (base.a[i] + base.b[i]) / count;
    for (size_t i = 0; i < n_points * FUNCTIONS; i++) {
        size_t f = i % FUNCTIONS;
        double a = base.a[i] - base.mean[f], b = base.b[i] - base.mean[f];
        base.variance[f] += (a * a + b * b) / count;
    }
    return base;
}

static double spread_of(const double *parts)
{
    double mean = 0, squares = 0;
    for (size_t f = 0; f < PARTS; f++)
        mean += parts[f] / PARTS;
    for (size_t f = 0; f < PARTS; f++)
        squares += (parts[f] - mean) * (parts[f] - mean);
    return sqrt(squares / (PARTS - 1));
}

/* Parameter j: A with the coordinate of B in its place. */
static HptImportance share_out(const HptCube *cube, const HptForest *forest, const double *points, const Base *base,
                               size_t j, double *row)
{
    size_t d = cube->n;
    g_autofree double *u = g_new(double, d);
    double share[FUNCTIONS] = {0}, total[FUNCTIONS] = {0}, mixed[FUNCTIONS];
    for (size_t k = 0; k < base->n_points; k++) {
        memcpy(u, points + 2 * k * d, d * sizeof *u);
        u[j] = points[(2 * k + 1) * d + j];
        predict(cube, forest, u, row, mixed);
        for (size_t f = 0; f < FUNCTIONS; f++) {
            double a = base->a[k * FUNCTIONS + f], b = base->b[k * FUNCTIONS + f] - base->mean[f];
            share[f] += b * (mixed[f] - a);
            total[f] += (mixed[f] - a) * (mixed[f] - a) / 2;
        }
    }
    for (size_t f = 0; f < FUNCTIONS; f++) {
        double all = (double)base->n_points * MAX(base->variance[f], LEAST_VARIANCE);
        share[f] = CLAMP(share[f] / all, 0, 1);
        total[f] = CLAMP(total[f] / all, 0, 1);
    }
    return (HptImportance){share[PARTS], total[PARTS], spread_of(share), spread_of(total)};
}

void hpt_importance(const HptCube *cube, const double *rows, const double *y, size_t n, HptImportance *out,
                    HptImportanceFit *fit)
{
    size_t d = cube->n, n_points = LEAST_POINTS;
    memset(out, 0, d * sizeof *out);
    *fit = (HptImportanceFit){0, 0};
    g_autofree double *z = g_new(double, n), *unseen = g_new(double, n), *row = g_new(double, d + 1);
    if (d == 0 || !standardise(y, n, z))
        return;
    HptDraws draws = hpt_draws(0, 0, "importance");
    const HptForestSettings settings = {TREES, LEAST_LEAF, FEATURES};
    g_autoptr(HptForest) forest = hpt_forest_new(cube, rows, z, n, &settings, &draws, unseen);
    fit->explained = explained(z, unseen, n);
    while (n_points < MOST_POINTS && n_points * (d + 2) < PREDICTIONS)
        n_points *= 2;
    g_autofree double *points = g_new(double, 2 * n_points * d);
    for (size_t k = 0; k < n_points; k++)
        for (size_t i = 0; i < 2 * d; i++)
            points[2 * k * d + i] = coordinate(k, i);
    g_auto(Base) base = base_of(cube, forest, points, n_points, row);
    if (!(base.variance[PARTS] > LEAST_VARIANCE))
        return;
    fit->n_trees = TREES;
    for (size_t j = 0; j < d; j++)
        out[j] = share_out(cube, forest, points, &base, j, row);
}
