/* The Parzen densities against their definition, written down with libm. */
#include "tests/unit/sampler-tools.h"

#include "search/parzen.h"

#include <math.h>

/* P(Z < x) */
static double below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static double log_kernel(const HptCube *cube, const double *row, const double *x, double width, double spread)
{
    double sum = 0;
    for (size_t j = 0; j < cube->n; j++) {
        double levels = cube->levels[j], away = fabs(x[j] - row[j]);
        if (isnan(away))
            continue;
        if (cube->category[j]) {
            sum += log(away > 0 ? spread : levels * (1 - spread * (1 - 1 / levels)));
            continue;
        }
        double inside = below((1 - row[j]) / width) - below(-row[j] / width), half = 0.5 / levels;
        if (cube->even[j]) /* of the smaller tail, so that nothing is lost */
            sum += log((below((half - away) / width) - below((-half - away) / width)) * levels / inside);
        else
            sum += -0.5 * away * away / (width * width) - log(sqrt(2 * G_PI) * width * inside);
    }
    return sum;
}

static double log_density(const HptCube *cube, const double *const *rows, size_t n, const double *x, double width)
{
    double spread = MIN(0.5, 1 / sqrt((double)n + 1)), sum = 1;
    for (size_t i = 0; i < n; i++)
        sum += exp(log_kernel(cube, rows[i], x, width, spread));
    return log(sum / ((double)n + 1));
}

static const char *const spaces[] = {
    mixed,
    "x real [0, 1]\n",
    "a integer [1, 40]\nb real [0, 1] step=0.01\nc ordinal {1, 2, 3}\n",
    "p categorical {a, b, c}\nq real [0, 1] | p == a\nr real [0, 1] | q > 0.5\n",
};

static void test_density(void)
{
    for (size_t s = 0; s < G_N_ELEMENTS(spaces); s++)
        for (size_t n = 1; n < 40; n += 6) {
            g_autoptr(HptSpace) space = space_of(spaces[s]);
            HptCube cube;
            hpt_cube_init(&cube, space);
            HptDraws draws = hpt_draws(n, 0, "test");
            g_autofree double *all = g_new(double, n * cube.n), *x = g_new(double, cube.n);
            g_autofree const double **rows = g_new(const double *, n);
            for (size_t i = 0; i < n; i++) {
                (void)hpt_cube_draw(&cube, &draws, all + i * cube.n);
                rows[i] = all + i * cube.n;
            }
            g_autoptr(HptParzen) parzen = hpt_parzen_new(&cube, rows, n, 2);
            double width = hpt_parzen_get_width(parzen);
            g_assert_cmpfloat(fabs(width - 0.1 * pow((double)n + 1, -1.0 / 6)), <, 1e-15);
            for (int i = 0; i < 50; i++) {
                if (i % 2 == 0)
                    (void)hpt_cube_draw(&cube, &draws, x);
                else
                    (void)hpt_parzen_draw(parzen, &draws, x);
                double exact = log_density(&cube, rows, n, x, width);
                g_assert_cmpfloat(fabs(hpt_parzen_log_density(parzen, x) - exact), <, 2e-5);
            }
            g_clear_pointer(&parzen, hpt_parzen_free);
            hpt_cube_clear(&cube);
        }
}

/* Draws around the lower end have the mean of the density there. */
static void test_draws(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    const double zero = 0, *rows[] = {&zero};
    g_autoptr(HptParzen) parzen = hpt_parzen_new(&cube, rows, 1, 1);
    HptDraws draws = hpt_draws(1, 0, "test");
    double mean = 0, width = hpt_parzen_get_width(parzen);
    enum { N = 20000 };
    for (int i = 0; i < N; i++) {
        double x = -1;
        g_assert_true(hpt_parzen_draw(parzen, &draws, &x));
        g_assert_true(x >= 0 && x <= 1);
        mean += x / N;
    }
    double expected = 0.5 * 0.5 + 0.5 * width * sqrt(2 / G_PI); /* half of them are uniform */
    g_assert_cmpfloat(fabs(mean - expected), <, 4 * sqrt(1.0 / 12 / N));
    g_clear_pointer(&parzen, hpt_parzen_free);
    hpt_cube_clear(&cube);
}

/* Nothing overflows where there are more parameters than a double has exponents. */
static void test_many(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 3000; i++)
        g_string_append_printf(text, "p%d real [0, 1]\n", i);
    g_autoptr(HptSpace) space = space_of(text->str);
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autofree double *zeros = g_new0(double, cube.n), *x = g_new(double, cube.n);
    const double *rows[] = {zeros, zeros};
    g_autoptr(HptParzen) parzen = hpt_parzen_new(&cube, rows, 2, (double)cube.n);
    HptDraws draws = hpt_draws(1, 0, "test");
    (void)hpt_cube_draw(&cube, &draws, x);
    g_assert_cmpfloat(fabs(hpt_parzen_log_density(parzen, x) + log(3)), <, 1e-9);
    double peak = 3000 * log(2 / (sqrt(2 * G_PI) * hpt_parzen_get_width(parzen)));
    g_assert_cmpfloat(fabs(hpt_parzen_log_density(parzen, zeros) - peak - log(2.0 / 3)), <, 1e-3);
    g_clear_pointer(&parzen, hpt_parzen_free);
    hpt_cube_clear(&cube);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parzen/density", test_density);
    g_test_add_func("/parzen/draws", test_draws);
    g_test_add_func("/parzen/many", test_many);
    return g_test_run();
}
