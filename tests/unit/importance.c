/* The forest and the shares of variance: against functions whose Sobol indices are known. */
#include "search/importance.h"

#include "search/forest.h"
#include "tests/unit/space-tools.h"

#include <math.h>
#include <string.h>

typedef double (*Function)(const double *row);

typedef struct {
    HptSpace *space;
    HptCube cube;
    double *rows, *y;
    size_t n;
} Sample;

/* n random rows of the space and the function of each. */
static Sample sample_of(const char *text, Function function, size_t n, uint64_t seed)
{
    Sample sample = {.space = space_of(text), .n = n};
    hpt_cube_init(&sample.cube, sample.space);
    sample.rows = g_new(double, n * sample.cube.n);
    sample.y = g_new(double, n);
    HptDraws draws = hpt_draws(seed, 0, "test");
    for (size_t i = 0; i < n; i++) {
        double *row = sample.rows + i * sample.cube.n;
        g_assert_true(hpt_cube_draw(&sample.cube, &draws, row));
        sample.y[i] = function(row);
    }
    return sample;
}

static void sample_clear(Sample *sample)
{
    g_free(sample->rows);
    g_free(sample->y);
    hpt_cube_clear(&sample->cube);
    hpt_space_free(sample->space);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sample, sample_clear)

static void near(double got, double want, double error)
{
    if (!(fabs(got - want) <= error))
        g_error("%.4f is not %.4f", got, want);
}

/* Ishigami & Homma 1990, a = 7, b = 0.1. */
static double ishigami(const double *row)
{
    double x = G_PI * (2 * row[0] - 1), y = G_PI * (2 * row[1] - 1), z = G_PI * (2 * row[2] - 1);
    return sin(x) + 7 * sin(y) * sin(y) + 0.1 * z * z * z * z * sin(x);
}

static void test_ishigami(void)
{
    g_auto(Sample) s = sample_of("a real [0, 1]\nb real [0, 1]\nc real [0, 1]\n", ishigami, 2000, 1);
    HptImportance out[3];
    HptImportanceFit fit;
    hpt_importance(&s.cube, s.rows, s.y, s.n, out, &fit);
    const double share[] = {0.3139, 0.4424, 0}, total[] = {0.5576, 0.4424, 0.2437}; /* Saltelli et al. 2008, 4.4 */
    for (int j = 0; j < 3; j++) {
        g_test_message("%d: %.3f (%.3f) %.3f (%.3f)", j, out[j].share, out[j].share_spread, out[j].total,
                       out[j].total_spread);
        near(out[j].share, share[j], 0.04);
        near(out[j].total, total[j], 0.05);
    }
    g_test_message("explained %.3f", fit.explained);
    g_assert_cmpfloat(fit.explained, >, 0.9);
}

/* Sobol's g-function: the product of (|4x − 2| + a) / (1 + a). */
static const double g_a[] = {0, 1, 4.5, 9};

static double g_function(const double *row)
{
    double product = 1;
    for (int j = 0; j < 4; j++)
        product *= (fabs(4 * row[j] - 2) + g_a[j]) / (1 + g_a[j]);
    return product;
}

static void test_g_function(void)
{
    g_auto(Sample) s = sample_of("a real [0, 1]\nb real [0, 1]\nc real [0, 1]\nd real [0, 1]\n", g_function, 4000, 2);
    HptImportance out[4];
    HptImportanceFit fit;
    hpt_importance(&s.cube, s.rows, s.y, s.n, out, &fit);
    double product = 1;
    for (int j = 0; j < 4; j++)
        product *= 1 + 1 / (3 * (1 + g_a[j]) * (1 + g_a[j]));
    for (int j = 0; j < 4; j++) {
        double v = 1 / (3 * (1 + g_a[j]) * (1 + g_a[j])), all = product - 1;
        g_test_message("%d: %.3f of %.3f, %.3f of %.3f", j, out[j].share, v / all, out[j].total,
                       v * product / (1 + v) / all);
        near(out[j].share, v / all, 0.07); /* a forest smooths weak parameters away */
        near(out[j].total, v * product / (1 + v) / all, 0.05);
    }
    g_test_message("explained %.3f", fit.explained);
}

/* k = a: 10 x; k = b: 0, and y, which is there alone, counts for nothing; k = c: z decides. */
static double conditional(const double *row)
{
    if (!isnan(row[1]))
        return 6 * row[1];
    return isnan(row[3]) ? 0 : row[3] > 0.5 ? 4 : 2;
}

/* With a third of the space each: means 3, 0, 3; variances inside 3, 0, 1. The variance of all is 2 + 4/3; that of the
 * mean given x is Var(2 + 2 x) = 1/3, of which k knows nothing. */
static void test_conditional(void)
{
    const char *text = "k categorical {a, b, c}\nx real [0, 1]\ny real [0, 1]\nz categorical {p, q}\n"
                       "x | k == a\ny | k == b\nz | k == c\n";
    g_auto(Sample) s = sample_of(text, conditional, 1500, 3);
    HptImportance out[4];
    HptImportanceFit fit;
    hpt_importance(&s.cube, s.rows, s.y, s.n, out, &fit);
    double all = 2 + 4.0 / 3;
    const double share[] = {2 / all, (1.0 / 3) / all, 0, (1.0 / 9) / all};
    /* E[Var(f | others)]: of k that of 6x, 0 and w = 2 or 4, 22/3 − 40/9; of x a third of 3, of z a third of 1. */
    const double total[] = {(22.0 / 3 - 40.0 / 9) / all, 1 / all, 0, (1.0 / 3) / all};
    for (int j = 0; j < 4; j++) {
        g_test_message("%d: %.3f of %.3f, %.3f of %.3f", j, out[j].share, share[j], out[j].total, total[j]);
        near(out[j].share, share[j], 0.03);
        near(out[j].total, total[j], 0.03);
    }
}

static double noise(const double *row)
{
    HptStream stream = hpt_stream((uint64_t)(row[0] * 1e15), 0, "noise", "");
    return hpt_stream_uniform(&stream, 0);
}

static double flat(const double *row)
{
    (void)row;
    return 3;
}

static void test_nothing(void)
{
    g_auto(Sample) s = sample_of("a real [0, 1]\nb real [0, 1]\n", noise, 300, 4);
    HptImportance out[2];
    HptImportanceFit fit;
    hpt_importance(&s.cube, s.rows, s.y, s.n, out, &fit);
    g_assert_cmpfloat(fit.explained, <, 0.1);
    g_auto(Sample) same = sample_of("a real [0, 1]\nb real [0, 1]\n", flat, 50, 5);
    hpt_importance(&same.cube, same.rows, same.y, same.n, out, &fit);
    g_assert_cmpfloat(out[0].share + out[1].total + fit.explained, ==, 0);
    g_assert_cmpuint(fit.n_trees, ==, 0);
    hpt_importance(&s.cube, s.rows, s.y, 1, out, &fit);
    g_assert_cmpfloat(out[0].share, ==, 0);
}

/* Shift and scale change nothing, 10^100 apart as well. */
static void test_units(void)
{
    g_auto(Sample) s = sample_of("a real [0, 1]\nb integer [1, 9]\nc real [0, 1]\n", ishigami, 200, 6);
    HptImportance one[3], two[3];
    HptImportanceFit fit;
    hpt_importance(&s.cube, s.rows, s.y, s.n, one, &fit);
    for (size_t i = 0; i < s.n; i++)
        s.y[i] *= 0x1p300;
    hpt_importance(&s.cube, s.rows, s.y, s.n, two, &fit);
    for (int j = 0; j < 3; j++)
        g_assert_true(one[j].share == two[j].share && one[j].total == two[j].total);
}

/* ---- the forest itself ---- */

static double steps(const double *row)
{
    return (row[0] < 0.3 ? 1 : 5) + (isnan(row[1]) ? 100 : 10 * floor(row[1] * 3));
}

static void test_forest(void)
{
    g_auto(Sample) s = sample_of("a real [0, 1]\nk categorical {u, v, w}\nk | a > 0.1\n", steps, 400, 7);
    const HptForestSettings settings = {.trees = 16, .least_leaf = 1, .features = 1};
    HptDraws draws = hpt_draws(1, 0, "test");
    g_autofree double *unseen = g_new(double, s.n);
    g_autoptr(HptForest) forest = hpt_forest_new(&s.cube, s.rows, s.y, s.n, &settings, &draws, unseen);
    size_t wrong = 0;
    for (size_t i = 0; i < s.n; i++) {
        double mean, variance, inside, sum = 0, squares = 0;
        hpt_forest_predict(forest, s.rows + 2 * i, &mean, &variance);
        for (size_t t = 0; t < 16; t++) {
            double value = hpt_forest_tree(forest, t, s.rows + 2 * i, &inside);
            sum += value / 16;
            squares += (inside + value * value) / 16;
        }
        near(mean, sum, 1e-12);
        near(variance, squares - sum * sum, 1e-9);
        wrong += fabs(mean - s.y[i]) > 0.5;
        g_assert_true(isnan(unseen[i]) || (unseen[i] >= 1 && unseen[i] <= 105));
    }
    g_assert_cmpuint(wrong, <, s.n / 50); /* those at the edge of 0.3 */
    g_autoptr(HptForest) one = hpt_forest_new(&s.cube, s.rows, s.y, 1, &settings, &draws, NULL);
    double mean, variance;
    hpt_forest_predict(one, s.rows + 20, &mean, &variance);
    g_assert_true(mean == s.y[0] && variance == 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/importance/ishigami", test_ishigami);
    g_test_add_func("/importance/g-function", test_g_function);
    g_test_add_func("/importance/conditional", test_conditional);
    g_test_add_func("/importance/nothing", test_nothing);
    g_test_add_func("/importance/units", test_units);
    g_test_add_func("/importance/forest", test_forest);
    return g_test_run();
}
