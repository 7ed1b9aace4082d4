/* Fronts, volumes, boxes and the expected improvement of a volume: against their definitions. */
#include "search/ehvi.h"

#include "num/random.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static double drawn(const char *what, uint64_t i)
{
    HptStream stream = hpt_stream(1, 0, "test", what);
    return hpt_stream_uniform(&stream, i);
}

/* Points of which some are equal in some coordinates or in all. */
static double *points_of(size_t n, size_t m, uint64_t seed)
{
    double *points = g_new(double, n * m);
    for (size_t i = 0; i < n * m; i++)
        points[i] = seed % 2 == 0 ? drawn("points", seed * 100000 + i)
                                  : floor(5 * drawn("points", seed * 100000 + i)) / 4;
    return points;
}

static bool dominates(const double *a, const double *b, size_t m)
{
    bool smaller = false;
    for (size_t k = 0; k < m; k++) {
        if (a[k] > b[k])
            return false;
        smaller |= a[k] < b[k];
    }
    return smaller;
}

static void test_ranks(void)
{
    enum { N = 60 };
    for (uint64_t seed = 0; seed < 12; seed++)
        for (size_t m = 1; m <= 4; m++) {
            g_autofree double *points = points_of(N, m, seed);
            size_t rank[N];
            hpt_front_ranks(points, N, m, rank);
            for (size_t i = 0; i < N; i++) {
                size_t expected = 0;
                for (size_t j = 0; j < N; j++)
                    if (dominates(points + j * m, points + i * m, m)) {
                        g_assert_cmpuint(rank[j], <, rank[i]);
                        expected = MAX(expected, rank[j] + 1);
                    }
                g_assert_cmpuint(rank[i], ==, expected);
            }
        }
}

static bool is_dominated(const double *points, size_t n, const double *x, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        bool below = true;
        for (size_t k = 0; k < m; k++)
            below &= points[i * m + k] <= x[k];
        if (below)
            return true;
    }
    return false;
}

/* The part of [0, reference] that is dominated, by many points of it. */
static double counted(const double *points, size_t n, size_t m, const double *reference)
{
    enum { DRAWS = 40000 };
    size_t hits = 0;
    double all = 1;
    for (size_t k = 0; k < m; k++)
        all *= reference[k];
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x[4];
        for (size_t k = 0; k < m; k++)
            x[k] = reference[k] * drawn("places", i * 4 + k);
        hits += is_dominated(points, n, x, m);
    }
    return all * (double)hits / DRAWS;
}

static void test_volume(void)
{
    const double reference[4] = {0.9, 1.1, 0.8, 1};
    const double two[6] = {0.25, 0.5, 0.5, 0.25, 0.75, 0.75};
    g_assert_cmpfloat(fabs(hpt_hypervolume(two, 3, 2, (double[]){1, 1}) - 0.5), <, 1e-15);
    g_assert_cmpfloat(hpt_hypervolume(two, 3, 2, (double[]){0.25, 1}), ==, 0);
    g_assert_cmpfloat(hpt_hypervolume(NULL, 0, 2, reference), ==, 0);
    for (uint64_t seed = 0; seed < 4; seed++)
        for (size_t m = 1; m <= 4; m++) {
            g_autofree double *points = points_of(12, m, seed);
            double exact = hpt_hypervolume(points, 12, m, reference);
            g_assert_cmpfloat(fabs(exact - counted(points, 12, m, reference)), <, 0.02);
        }
}

static bool is_inside(const HptBoxes *boxes, size_t b, const double *x)
{
    for (size_t k = 0; k < boxes->m; k++)
        if (x[k] < boxes->bounds[k][boxes->low[b * boxes->m + k]] ||
            x[k] >= boxes->bounds[k][boxes->high[b * boxes->m + k]])
            return false;
    return true;
}

/* Every place that is not dominated lies in one box, every other in none. */
static void test_boxes(void)
{
    const double reference[4] = {0.9, 1.1, 0.8, 1};
    for (uint64_t seed = 0; seed < 6; seed++)
        for (size_t m = 1; m <= 4; m++) {
            size_t n = seed == 5 ? 0 : 9;
            g_autofree double *points = points_of(9, m, seed);
            HptBoxes *boxes = hpt_boxes_new(points, n, m, reference);
            for (uint64_t i = 0; i < 2000; i++) {
                double x[4];
                size_t in = 0;
                bool below = true;
                for (size_t k = 0; k < m; k++) {
                    x[k] = 1.6 * drawn("places", i * 4 + k) - 0.3;
                    below &= x[k] < reference[k];
                }
                for (size_t b = 0; b < boxes->n; b++)
                    in += is_inside(boxes, b, x);
                g_assert_cmpuint(in, ==, below && !is_dominated(points, n, x, m));
            }
            hpt_boxes_free(boxes);
        }
}

static double normal(uint64_t i)
{
    return sqrt(-2 * log(1 - drawn("normal", 2 * i))) * cos(6.283185307179586 * drawn("normal", 2 * i + 1));
}

/* The mean gain of many draws. */
static double gained(const double *points, size_t n, size_t m, const double *reference, const double *mean,
                     const double *deviation)
{
    enum { DRAWS = 20000 };
    g_autofree double *more = g_new(double, (n + 1) * m);
    memcpy(more, points, n * m * sizeof *more);
    double sum = 0, before = hpt_hypervolume(points, n, m, reference);
    for (uint64_t i = 0; i < DRAWS; i++) {
        for (size_t k = 0; k < m; k++)
            more[n * m + k] = mean[k] + deviation[k] * normal(i * 3 + k);
        sum += hpt_hypervolume(more, n + 1, m, reference) - before;
    }
    return sum / DRAWS;
}

static void test_ehvi(void)
{
    const double reference[3] = {0.9, 1.1, 0.8}, deviation[3] = {0.2, 0.1, 0.3};
    for (uint64_t seed = 0; seed < 4; seed++)
        for (size_t m = 1; m <= 3; m++) {
            g_autofree double *points = points_of(7, m, seed);
            HptBoxes *boxes = hpt_boxes_new(points, 7, m, reference);
            g_autofree double *scratch = g_new(double, hpt_ehvi_scratch(boxes));
            const double mean[3] = {0.5, 0.3 + 0.1 * (double)seed, 0.4};
            double value = hpt_log_ehvi(boxes, mean, deviation, scratch, NULL, NULL);
            double about = gained(points, 7, m, reference, mean, deviation);
            g_assert_cmpfloat(fabs(exp(value) - about), <, 0.03 * about + 0.001);
            hpt_boxes_free(boxes);
        }
}

/* Slopes, also where nothing but logarithms is left. */
static void test_slopes(void)
{
    const double reference[3] = {1, 1, 1};
    for (uint64_t seed = 0; seed < 10; seed++)
        for (size_t m = 1; m <= 3; m++) {
            g_autofree double *points = points_of(8, m, seed);
            HptBoxes *boxes = hpt_boxes_new(points, 8, m, reference);
            g_autofree double *scratch = g_new(double, hpt_ehvi_scratch(boxes));
            double mean[3], deviation[3], by_mean[3], by_deviation[3];
            for (size_t k = 0; k < m; k++) {
                mean[k] = drawn("mean", seed * 3 + k) + (seed > 7 ? 3 : 0);
                deviation[k] = seed > 5 ? 0.02 : 0.1 + drawn("deviation", seed * 3 + k);
            }
            double value = hpt_log_ehvi(boxes, mean, deviation, scratch, by_mean, by_deviation);
            g_assert_true(isfinite(value));
            g_assert_cmpfloat(value, ==, hpt_log_ehvi(boxes, mean, deviation, scratch, NULL, NULL));
            for (size_t k = 0; k < 2 * m; k++) {
                double *x = k < m ? &mean[k] : &deviation[k - m], was = *x, step = 1e-6 * was;
                double slope = k < m ? by_mean[k] : by_deviation[k - m];
                *x = was + step;
                double above = hpt_log_ehvi(boxes, mean, deviation, scratch, NULL, NULL);
                *x = was - step;
                double below = hpt_log_ehvi(boxes, mean, deviation, scratch, NULL, NULL);
                *x = was;
                g_assert_cmpfloat(fabs(slope - (above - below) / (2 * step)), <, 1e-4 * fabs(slope) + 1e-4);
            }
            hpt_boxes_free(boxes);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/front/ranks", test_ranks);
    g_test_add_func("/front/volume", test_volume);
    g_test_add_func("/front/boxes", test_boxes);
    g_test_add_func("/front/ehvi", test_ehvi);
    g_test_add_func("/front/slopes", test_slopes);
    return g_test_run();
}
