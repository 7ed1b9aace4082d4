/* Linear algebra, minimising and Gaussian processes: against what they must satisfy, and bits. */
#include "search/gp.h"

#include "base/digest.h"
#include "num/elementary.h"
#include "num/minimise.h"
#include "search/warp.h"
#include "tests/unit/space-tools.h"

#include <math.h>
#include <string.h>

static double noise(uint64_t i)
{
    HptStream stream = hpt_stream(1, 0, "test", "gp");
    return hpt_stream_uniform(&stream, i) - 0.5;
}

/* A A^T + n I, positive definite; only its lower half is set. */
static void make_matrix(double *a, size_t n, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            a[i * stride + j] = i == j ? (double)n / 4 : 0;
            for (size_t k = 0; k < n; k++)
                a[i * stride + j] += noise(i * n + k) * noise(j * n + k);
        }
}

static void test_cholesky(void)
{
    enum { N = 37, STRIDE = 41 };
    double a[N * STRIDE], l[N * STRIDE], x[N], block[N * HPT_BLOCK], inverse[N * STRIDE];
    double scratch[N * (N + HPT_BLOCK)];
    make_matrix(a, N, STRIDE);
    memcpy(l, a, sizeof a);
    g_assert_true(hpt_cholesky(l, N, STRIDE, scratch));
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k <= j; k++)
                sum += l[i * STRIDE + k] * l[j * STRIDE + k];
            g_assert_cmpfloat(fabs(sum - a[i * STRIDE + j]), <, 1e-12);
        }
    double grown[N * STRIDE];
    memcpy(grown, a, sizeof a);
    for (size_t i = 0; i < N; i++)
        g_assert_true(hpt_cholesky_append(grown, i, STRIDE));
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++)
            g_assert_cmpfloat(fabs(grown[i * STRIDE + j] - l[i * STRIDE + j]), <, 1e-13);
    for (size_t i = 0; i < N; i++) {
        x[i] = noise(5000 + i);
        for (size_t c = 0; c < HPT_BLOCK; c++)
            block[i * HPT_BLOCK + c] = x[i] * (double)(c + 1);
    }
    hpt_solve_lower(l, N, STRIDE, x);
    hpt_solve_lower_block(l, N, STRIDE, block);
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < HPT_BLOCK; c++)
            g_assert_cmpfloat(fabs(block[i * HPT_BLOCK + c] - x[i] * (double)(c + 1)), <, 1e-13);
    hpt_solve_upper(l, N, STRIDE, x);
    hpt_cholesky_inverse(l, N, STRIDE, inverse, scratch);
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t j = 0; j < N; j++)
            sum += inverse[MAX(i, j) * STRIDE + MIN(i, j)] * noise(5000 + j);
        g_assert_cmpfloat(fabs(sum - x[i]), <, 1e-13);
    }
    double bad[4] = {1, 0, 2, 1};
    g_assert_false(hpt_cholesky(bad, 2, 2, scratch));
}

static double rosenbrock(const double *x, double *gradient, void *user)
{
    (*(int *)user)++;
    gradient[0] = -400 * x[0] * (x[1] - x[0] * x[0]) - 2 * (1 - x[0]);
    gradient[1] = 200 * (x[1] - x[0] * x[0]);
    return 100 * (x[1] - x[0] * x[0]) * (x[1] - x[0] * x[0]) + (1 - x[0]) * (1 - x[0]);
}

static void test_minimise(void)
{
    double scratch[HPT_MINIMISE_SCRATCH(2)];
    int calls = 0;
    double x[2] = {-1.2, 1}, low[2] = {-2, -2}, high[2] = {2, 2};
    g_assert_cmpfloat(hpt_minimise(rosenbrock, &calls, x, low, high, 2, 200, 0, scratch), <, 1e-8);
    g_assert_cmpfloat(fabs(x[0] - 1), <, 1e-3);
    g_assert_cmpint(calls, <, 120);
    /* With x ≤ 0.5 the minimum lies on that bound. */
    double y[2] = {-1.2, 1}, lower[2] = {0.5, 2};
    double value = hpt_minimise(rosenbrock, &calls, y, low, lower, 2, 200, 0, scratch);
    g_assert_cmpfloat(fabs(value - 0.25), <, 1e-6);
    g_assert_cmpfloat(y[0], ==, 0.5);
    g_assert_cmpfloat(fabs(y[1] - 0.25), <, 1e-3);
}

enum { VALLEYS = 12 };

/* Bent down away from its only minimum: many steps are no pair to keep. */
static double valleys(const double *x, double *gradient, void *user)
{
    double sum = 0, steep = 1;
    for (size_t i = 0; i < VALLEYS; i++, steep *= 1.75) {
        double away = x[i] - 0.3, in = 1 + steep * away * away;
        sum += log(in);
        gradient[i] = 2 * steep * away / in;
    }
    (void)user;
    return sum;
}

static void test_minimise_bent(void)
{
    double scratch[HPT_MINIMISE_SCRATCH(VALLEYS)], x[VALLEYS], low[VALLEYS], high[VALLEYS];
    for (uint64_t start = 0; start < 1000; start++) {
        for (size_t i = 0; i < VALLEYS; i++) {
            low[i] = -2;
            high[i] = 2;
            x[i] = 4 * noise(start * VALLEYS + i);
        }
        g_assert_cmpfloat(hpt_minimise(valleys, NULL, x, low, high, VALLEYS, 400, 0, scratch), <, 1e-4);
    }
}

/* ---- processes ---- */

static const char mixed[] = "x real [0, 1]\nk categorical {a, b, c}\ny real [0, 1] | k == b\n"
                            "m categorical {u, v} | k == c\n";
enum { POINTS = 24 };
enum { ROUGH = 1, FINE = 2 }; /* kinds of data; the rough are warped */
static const HptGpPrior prior = {-6.907755278982137, 2, 0};

static HptGpData *make_data(const HptCube *cube, double *rows, size_t room, int kind)
{
    double values[POINTS];
    HptDraws draws = hpt_draws(4, 0, "test");
    for (size_t i = 0; i < POINTS; i++) {
        double *row = rows + i * cube->n;
        g_assert_true(hpt_cube_draw(cube, &draws, row));
        values[i] = 0;
        for (size_t j = 0; j < cube->n; j++)
            values[i] += isnan(row[j]) ? 0.3 : (row[j] - 0.4) * (row[j] - 0.4) * (double)(j + 1);
    }
    HptGpData *data = hpt_gp_data_new(cube, rows, values, POINTS, room);
    data->rough = data->warped = kind & ROUGH;
    data->fine = kind & FINE;
    return data;
}

/* The gradient of the posterior is that of its value: against differences. */
static void test_posterior(gconstpointer kind)
{
    g_autoptr(HptSpace) space = space_of(mixed);
    HptCube cube;
    hpt_cube_init(&cube, space);
    enum { N_THETA = 16 };
    double rows[POINTS * 4], theta[N_THETA], gradient[N_THETA], unused[N_THETA], h = 1e-5;
    g_assert_cmpuint(HPT_GP_THETA(&cube), ==, N_THETA);
    int of = GPOINTER_TO_INT(kind);
    g_autoptr(HptGpData) data = make_data(&cube, rows, POINTS, of);
    size_t moving = of & FINE ? N_THETA : of & ROUGH ? N_THETA - 2 : 6;
    for (uint64_t t = 0; t < 5; t++) {
        hpt_gp_start(&cube, &prior, theta);
        for (uint64_t j = 0; j < N_THETA; j++)
            theta[j] += noise(100 * t + j);
        (void)hpt_gp_negative_log_posterior(data, &prior, theta, gradient);
        for (size_t j = 0; j < moving; j++) {
            double at = theta[j];
            theta[j] = at + h;
            double high = hpt_gp_negative_log_posterior(data, &prior, theta, unused);
            theta[j] = at - h;
            double low = hpt_gp_negative_log_posterior(data, &prior, theta, unused);
            theta[j] = at;
            g_assert_cmpfloat(fabs((high - low) / (2 * h) - gradient[j]), <, 1e-5 * (1 + fabs(gradient[j])));
        }
    }
    hpt_cube_clear(&cube);
}

/* What changes by the logarithm of a parameter is found to, and so foretold where there are few results. */
static void test_input_warp(void)
{
    enum { N = 14, AT = 50 };
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    double rows[N], y[N], at[AT], theta[7], straight[7] = {0}, mean[2][AT], deviation[AT], error[2] = {0};
    for (uint64_t i = 0; i < N; i++) {
        rows[i] = ((double)i + 0.5) / N;
        y[i] = hpt_log(0.01 + rows[i]);
    }
    for (size_t i = 0; i < AT; i++)
        at[i] = 0.25 * ((double)i + 0.5) / AT;
    g_autoptr(HptGpData) data = hpt_gp_data_new(&cube, rows, y, N, N);
    data->warped = true;
    hpt_gp_start(&cube, &prior, theta);
    (void)hpt_gp_fit(data, &prior, theta, 60);
    g_assert_cmpfloat(theta[3], <, -0.3); /* a < 1 */
    memcpy(straight, theta, 3 * sizeof *theta);
    for (int k = 0; k < 2; k++) {
        g_autoptr(HptGp) gp = hpt_gp_new(data, k == 0 ? theta : straight);
        hpt_gp_predict(gp, at, AT, mean[k], deviation);
        for (size_t i = 0; i < AT; i++)
            error[k] += fabs(mean[k][i] - hpt_log(0.01 + at[i])) / AT;
    }
    g_assert_cmpfloat(error[0], <, 0.7 * error[1]);
    g_test_message("%g %g, %g %g", theta[3], theta[4], error[0], error[1]);
    hpt_cube_clear(&cube);
}

/* A valley with waves in it: two parts explain it better, and where nothing is known for the width of some waves they still
 * know the valley. */
static void test_fine(void)
{
    enum { N = 60, AT = 60 };
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    double rows[N], y[N], at[AT], mean[AT], deviation[AT], value[2], error[2] = {0};
    for (uint64_t i = 0; i < N; i++) {
        double u = ((double)i + 0.5 + 0.8 * noise(70 + i)) / N;
        rows[i] = u < 0.5 ? 0.8 * u : 1 - 0.8 * (1 - u); /* nothing from 0.4 to 0.6 */
        y[i] = 8 * (rows[i] - 0.5) * (rows[i] - 0.5) + 0.2 * sin(60 * rows[i]) - 0.7;
        at[i] = 0.45 + 0.1 * ((double)i + 0.5) / AT;
    }
    g_autoptr(HptGpData) data = hpt_gp_data_new(&cube, rows, y, N, N);
    for (int fine = 0; fine < 2; fine++) {
        double found[7], theta[7] = {fine ? 0 : -3, -9, 0, 0, 0, -2.3, 3};
        data->fine = fine;
        hpt_gp_start(&cube, &prior, found);
        value[fine] = hpt_gp_fit(data, &prior, found, 100);
        g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
        hpt_gp_predict(gp, at, AT, mean, deviation);
        for (size_t i = 0; i < AT; i++)
            error[fine] += fabs(mean[i] - (8 * (at[i] - 0.5) * (at[i] - 0.5) - 0.7)) / AT;
    }
    g_test_message("%g %g, %g %g", value[0], value[1], error[0], error[1]);
    g_assert_cmpfloat(value[1], <, value[0] - 20);
    g_assert_cmpfloat(error[1], <, 0.5 * error[0]);
    hpt_cube_clear(&cube);
}

static void test_process(gconstpointer kind)
{
    g_autoptr(HptSpace) space = space_of(mixed);
    HptCube cube;
    hpt_cube_init(&cube, space);
    double *rows = g_new(double, POINTS * cube.n), *theta = g_new(double, HPT_GP_THETA(&cube));
    HptGpData *data = make_data(&cube, rows, POINTS + 1, GPOINTER_TO_INT(kind));
    double *row = g_new(double, cube.n), *slope = g_new(double, cube.n);
    for (size_t i = 0; i < POINTS; i++) { /* rows come back */
        hpt_gp_data_row(data, i, row);
        for (size_t j = 0; j < cube.n; j++)
            g_assert_true(isnan(row[j]) ? isnan(rows[i * cube.n + j])
                                        : fabs(row[j] - rows[i * cube.n + j]) < 1e-15);
    }
    hpt_gp_start(&cube, &prior, theta);
    double before = hpt_gp_fit(data, &prior, theta, 0);
    double after = hpt_gp_fit(data, &prior, theta, 60);
    g_assert_cmpfloat(after, <, before - 1);
    HptGp *gp = hpt_gp_new(data, theta);
    g_assert_cmpfloat(hpt_gp_noise_share(gp), <, 0.1);
    for (size_t i = 0; i < POINTS; i++)
        g_assert_cmpfloat(fabs(hpt_gp_mean(gp, i) - data->y[i]), <, 0.05);
    /* The slope is that of the value: against differences. */
    HptDraws draws = hpt_draws(9, 1, "test");
    for (int t = 0; t < 20; t++) {
        g_assert_true(hpt_cube_draw(&cube, &draws, row));
        double value = 0, high = 0, low = 0, h = 1e-5;
        size_t x = hpt_space_find(space, "x"), j = 0;
        while (cube.param[j] != x)
            j++;
        row[j] = CLAMP(row[j], 0.01, 0.99);
        hpt_gp_log_improvement(gp, row, 1, &value);
        double same = hpt_gp_log_improvement_slope(gp, row, slope);
        g_assert_cmpfloat(fabs(same - value), <, 1e-6 * (1 + fabs(value)));
        row[j] += h;
        hpt_gp_log_improvement(gp, row, 1, &high);
        row[j] -= 2 * h;
        hpt_gp_log_improvement(gp, row, 1, &low);
        g_assert_cmpfloat(fabs((high - low) / (2 * h) - slope[j]), <, 1e-2 * (1 + fabs(slope[j])));
    }
    /* A point believed leaves the mean and takes the hope of improvement there. */
    double wide = 0, narrow = 0;
    hpt_gp_log_improvement(gp, row, 1, &wide);
    hpt_gp_data_add(data, row, 0);
    hpt_gp_believe(gp, data);
    hpt_gp_log_improvement(gp, row, 1, &narrow);
    g_assert_cmpfloat(narrow, <, wide);
    g_assert_cmpfloat(fabs(hpt_gp_mean(gp, POINTS) - data->y[POINTS]), <, 1e-6);
    hpt_gp_free(gp);
    hpt_gp_data_free(data);
    hpt_cube_clear(&cube);
    g_free(rows);
    g_free(theta);
    g_free(row);
    g_free(slope);
}

/* Draws of the values without noise have the posterior's mean and variance, and their process passes through them. */
static void test_drawn(void)
{
    enum { DRAWS = 4000, AT = 7 };
    g_autoptr(HptSpace) space = space_of(mixed);
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autofree double *rows = g_new(double, POINTS * cube.n), *theta = g_new(double, HPT_GP_THETA(&cube));
    hpt_gp_start(&cube, &prior, theta);
    theta[cube.n] = -2; /* much noise */
    HptDraws draws = hpt_draws(3, 1, "test");
    double sum = 0, square_sum = 0, mean = 0, deviation = 0;
    for (int t = 0; t < DRAWS; t++) {
        g_autoptr(HptGpData) data = make_data(&cube, rows, POINTS, 0), values = NULL;
        g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
        if (t == 0)
            hpt_gp_predict(gp, rows + AT * cube.n, 1, &mean, &deviation);
        double z[2 * POINTS], there = 0, doubt = 0;
        for (size_t i = 0; i < G_N_ELEMENTS(z); i++)
            z[i] = hpt_draws_normal(&draws);
        g_autoptr(HptGp) drawn = hpt_gp_drawn(gp, z, &values);
        sum += values->y[AT];
        square_sum += (values->y[AT] - mean) * (values->y[AT] - mean);
        if (t < 10) {
            hpt_gp_predict(drawn, rows + AT * cube.n, 1, &there, &doubt);
            g_assert_cmpfloat(fabs(there - values->y[AT]), <, 1e-4);
            g_assert_cmpfloat(doubt, <, 1e-3);
        }
    }
    g_test_message("mean %g of %g, deviation %g of %g", sum / DRAWS, mean, sqrt(square_sum / DRAWS), deviation);
    g_assert_cmpfloat(deviation, >, 0.05);
    g_assert_cmpfloat(fabs(sum / DRAWS - mean), <, 4 * deviation / sqrt(DRAWS));
    g_assert_cmpfloat(fabs(square_sum / DRAWS / (deviation * deviation) - 1), <, 4 * sqrt(2.0 / DRAWS));
    hpt_cube_clear(&cube);
}

/* What is nothing but noise is taken for that, unless much noise is thought improbable. */
static void test_noise_rate(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    double rows[40], y[40], theta[7];
    for (uint64_t i = 0; i < 40; i++) {
        rows[i] = ((double)i + 0.5) / 40;
        y[i] = 3.4641016151377544 * noise(900 + i); /* of variance 1 */
    }
    g_autoptr(HptGpData) data = hpt_gp_data_new(&cube, rows, y, 40, 40);
    hpt_gp_start(&cube, &prior, theta);
    theta[1] = -1;
    (void)hpt_gp_fit(data, &prior, theta, 60);
    g_assert_cmpfloat(hpt_exp(theta[1]), >, 0.5);
    HptGpPrior strict = {prior.noise_mean, prior.noise_deviation, 100};
    (void)hpt_gp_fit(data, &strict, theta, 60);
    g_assert_cmpfloat(hpt_exp(theta[1]), <, 0.4);
    hpt_cube_clear(&cube);
}

static void test_warp(void)
{
    double y[9] = {3, 1, 2, 1e9, 5, 1e30, 5, 4, 1e30};
    static const bool failed[9] = {[8] = true};
    hpt_warp_half(y, failed, 9);
    double mean = 0, variance = 0;
    for (int i = 0; i < 9; i++) {
        mean += y[i] / 9;
        variance += y[i] * y[i] / 9;
    }
    g_assert_cmpfloat(fabs(mean), <, 1e-12);
    g_assert_cmpfloat(fabs(variance - 1), <, 1e-12);
    g_assert_cmpfloat(fabs((y[2] - y[1]) - (y[0] - y[2])), <, 1e-6); /* 1, 2, 3 keep their spacing */
    g_assert_cmpfloat(y[4], ==, y[6]);
    g_assert_true(y[7] < y[4] && y[4] < y[3] && y[3] < y[5] && y[5] < y[8]);
    g_assert_cmpfloat(y[8] - y[5], <, 2); /* far off no more */
    double same[30];
    for (size_t n = 1; n <= G_N_ELEMENTS(same); n++) { /* also where the sum is rounded */
        for (size_t i = 0; i < n; i++)
            same[i] = 0.1;
        hpt_warp_half(same, NULL, n);
        for (size_t i = 0; i < n; i++)
            g_assert_cmpfloat(same[i], ==, 0);
    }
    double wild[6] = {1, 5, 2, 1e30, 4, 3};
    hpt_warp_plain(wild, NULL, 6);
    g_assert_cmpfloat(fabs((wild[5] - wild[0]) - 2 * (wild[2] - wild[0])), <, 1e-12); /* 1, 2, 3 */
    g_assert_cmpfloat(wild[2] - wild[0], >, 1e-3);
}

/* What is seen of values does not depend on how large they are, nor on one that is beyond all measure. */
static void test_warp_scales(void)
{
    static void (*const warps[])(double *, const bool *, size_t) = {hpt_warp_half, hpt_warp_plain};
    static const double values[8] = {0.3, 0.1, 1.7, 0.25, 4.5, 0.7, 0.4, 0.9};
    for (size_t w = 0; w < G_N_ELEMENTS(warps); w++) {
        double plain[8], lost[2][8];
        memcpy(plain, values, sizeof plain);
        warps[w](plain, NULL, 8);
        for (int exponent = -1000; exponent <= 1000; exponent += 250) {
            double scaled[8];
            for (int i = 0; i < 8; i++)
                scaled[i] = ldexp(values[i], MIN(exponent, 997));
            warps[w](scaled, NULL, 8);
            for (int i = 0; i < 8; i++)
                g_assert_cmpfloat(scaled[i], ==, plain[i]);
        }
        for (int k = 0; k < 2; k++) {
            memcpy(lost[k], values, sizeof values);
            lost[k][4] = k == 0 ? 1e9 : 1e300;
            warps[w](lost[k], NULL, 8);
        }
        for (int i = 0; i < 8; i++)
            g_assert_cmpfloat(lost[0][i], ==, lost[1][i]);
        g_assert_cmpfloat(lost[1][0] - lost[1][1], >, 1e-3);
    }
    double ties[6] = {1e60, 1e60, 1e60, 1e60, 3e60, 2e60};
    hpt_warp_half(ties, NULL, 6);
    g_assert_true(ties[0] == ties[3] && ties[3] < ties[5] && ties[5] < ties[4]);
}

/* Points that are one and the same, and values that are all equal. */
static void test_degenerate(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    double rows[12], y[12] = {0}, theta[7], out = 0;
    for (int i = 0; i < 12; i++)
        rows[i] = 0.5;
    g_autoptr(HptGpData) data = hpt_gp_data_new(&cube, rows, y, 12, 12);
    hpt_gp_start(&cube, &prior, theta);
    g_assert_true(isfinite(hpt_gp_fit(data, &prior, theta, 50)));
    g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
    hpt_gp_log_improvement(gp, (double[]){0.2}, 1, &out);
    g_assert_true(isfinite(out));
    hpt_cube_clear(&cube);
}

/* The same for gcc and clang at every level. */
static void test_digest(void)
{
    static const char *const known[] = {"d40229021e16db748c339a3980ca0b659be2b959cd8baa8a97788909f1d00062",
                                        "54bf5cb9fe4e9116f34fb3f3815f099568608fc36d0dd9dffd7d14176d8a6982",
                                        "6d2df924615839cfe98c00effc94ecd73c5bdd5154511254901e5b340c8587e1"};
    g_autoptr(HptSpace) space = space_of(mixed);
    HptCube cube;
    hpt_cube_init(&cube, space);
    static const size_t moving[] = {6, 14, 16};
    for (int k = 0; k < 3; k++) {
        double rows[POINTS * 4], theta[16], out[POINTS];
        g_autoptr(HptGpData) data = make_data(&cube, rows, POINTS, k == 2 ? ROUGH | FINE : 0);
        data->warped = k > 0;
        hpt_gp_start(&cube, &prior, theta);
        (void)hpt_gp_fit(data, &prior, theta, 10);
        g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
        hpt_gp_log_improvement(gp, rows, POINTS, out);
        g_autoptr(HptDigester) digester = hpt_digester_new();
        hpt_digester_add(digester, theta, moving[k] * sizeof *theta);
        hpt_digester_add(digester, out, sizeof out);
        HptDigest digest = hpt_digester_get(digester);
        char hex[HPT_DIGEST_HEX_SIZE];
        g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, known[k]);
    }
    hpt_cube_clear(&cube);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gp/cholesky", test_cholesky);
    g_test_add_func("/gp/minimise", test_minimise);
    g_test_add_func("/gp/minimise/bent", test_minimise_bent);
    g_test_add_data_func("/gp/posterior/smooth", NULL, test_posterior);
    g_test_add_data_func("/gp/posterior/rough", GINT_TO_POINTER(ROUGH), test_posterior);
    g_test_add_data_func("/gp/posterior/fine", GINT_TO_POINTER(FINE), test_posterior);
    g_test_add_data_func("/gp/posterior/rough-fine", GINT_TO_POINTER(ROUGH | FINE), test_posterior);
    g_test_add_func("/gp/input-warp", test_input_warp);
    g_test_add_func("/gp/fine", test_fine);
    g_test_add_data_func("/gp/process/smooth", NULL, test_process);
    g_test_add_data_func("/gp/process/rough", GINT_TO_POINTER(ROUGH), test_process);
    g_test_add_data_func("/gp/process/fine", GINT_TO_POINTER(FINE), test_process);
    g_test_add_data_func("/gp/process/rough-fine", GINT_TO_POINTER(ROUGH | FINE), test_process);
    g_test_add_func("/gp/drawn", test_drawn);
    g_test_add_func("/gp/noise-rate", test_noise_rate);
    g_test_add_func("/gp/warp", test_warp);
    g_test_add_func("/gp/warp/scales", test_warp_scales);
    g_test_add_func("/gp/degenerate", test_degenerate);
    g_test_add_func("/gp/digest", test_digest);
    return g_test_run();
}
