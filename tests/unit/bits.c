/* The bits of src/num: one digest of many results a function. Needs the C library alone, so that
 * tests/fault/bits.t can build it for any compiler and CPU. */
#include "num/beta.h"
#include "num/eigen.h"
#include "num/elementary.h"
#include "num/input_warp.h"
#include "num/kernel.h"
#include "num/linear.h"
#include "num/minimise.h"
#include "num/normal.h"
#include "num/random.h"
#include "num/sobol.h"
#include "num/student.h"
#include "num/wilcoxon.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits; every NaN is one. */
static uint64_t digest;

static void add(double x)
{
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    if (!isnan(x))
        memcpy(&bits, &x, sizeof bits);
    for (int i = 0; i < 64; i += 8)
        digest = (digest ^ (bits >> i & 0xff)) * UINT64_C(0x100000001b3);
}

static HptStream stream;
static uint64_t next;

static double uniform(void)
{
    return hpt_stream_uniform(&stream, next++);
}

static double between(double low, double high)
{
    return low + (high - low) * uniform();
}

static double any(void)
{
    uint64_t bits = hpt_stream_bits(&stream, next++);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void test_exp(void)
{
    for (int i = 0; i < 20000; i++) {
        add(hpt_exp(between(-750, 715)));
        add(hpt_exp(between(-2, 2)));
        add(hpt_expm1(between(-1, 2)));
        add(hpt_expm1(between(-50, 715)));
    }
}

static void test_log(void)
{
    for (int i = 0; i < 20000; i++) {
        add(hpt_log(fabs(any())));
        add(hpt_log(between(0.5, 2)));
        add(hpt_log1p(between(-1, 3)));
        add(hpt_log1p(any()));
    }
}

static void test_pow(void)
{
    for (int i = 0; i < 20000; i++) {
        double x = any(), y = any(), z = between(0, 3); /* arguments are evaluated in any order */
        add(hpt_pow(z, between(-30, 30)));
        add(hpt_pow(fabs(x), between(-1, 1)));
        add(hpt_pow(x, y));
    }
}

static void test_each(void)
{
    static double x[1003];
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 1003; i++)
            x[i] = round % 2 == 0 ? between(-720, 712) : any();
        hpt_exp_each(x, 1003);
        for (int i = 0; i < 1003; i++)
            add(x[i]);
        hpt_log_each(x, 1003);
        for (int i = 0; i < 1003; i++)
            add(x[i]);
    }
}

static void test_erf(void)
{
    for (int i = 0; i < 20000; i++) {
        add(hpt_erf(between(-7, 7)));
        add(hpt_erfc(between(-7, 28)));
        add(hpt_erfcx(between(0, 40)));
        add(hpt_erf(any()));
    }
}

static void test_normal(void)
{
    for (int i = 0; i < 20000; i++) {
        double slope = 0;
        add(hpt_normal_below(between(-39, 9)));
        add(hpt_normal_log_below(between(-50, 9), &slope));
        add(slope);
        add(hpt_normal_quantile(uniform()));
        add(hpt_normal_log_improvement(between(-60, 9), &slope));
        add(slope);
    }
}

static void test_tests(void)
{
    static double differences[80], scratch[HPT_WILCOXON_SCRATCH(80)];
    for (int i = 0; i < 400; i++) {
        add(hpt_student_above(between(-8, 8), 1 + i % 60));
        double a = between(0.5, 40), b = between(0.5, 90);
        add(hpt_f_above(between(0, 8), a, b));
        add(hpt_beta_below(uniform(), a, b));
        add(hpt_log_gamma(between(0, 200)));
        for (int k = 0; k < 80; k++)
            differences[k] = i % 3 == 0 ? floor(between(-4, 6)) : between(-1, 1.4);
        add(hpt_wilcoxon_above(differences, (size_t)(1 + i % 80), scratch));
    }
    for (int i = 1; i < 20; i++) {
        add(hpt_student_quantile(i / 40.0, i));
        add(hpt_f_quantile(i / 20.0, i, 21 - i));
    }
}

enum { N = 61, STRIDE = 64 };

static void test_linear(void)
{
    static double a[N * STRIDE], inverse[N * STRIDE], x[N * HPT_BLOCK], scratch[N * (N + HPT_BLOCK)];
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j <= i; j++)
                a[i * STRIDE + j] = between(-1, 1) + (i == j ? 30 : 0);
        for (size_t i = 0; i < N * HPT_BLOCK; i++)
            x[i] = between(-1, 1);
        add(hpt_dot(a, x, N));
        if (!hpt_cholesky(a, N - 1, STRIDE, scratch) || !hpt_cholesky_append(a, N - 1, STRIDE))
            abort();
        hpt_cholesky_update(a, N, STRIDE, x);
        if (!hpt_cholesky_downdate(a, N, STRIDE, x + N))
            abort();
        hpt_cholesky_inverse(a, N, STRIDE, inverse, scratch);
        hpt_solve_lower(a, N, STRIDE, x + 2 * N);
        hpt_solve_upper(a, N, STRIDE, x + 2 * N);
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j <= i; j++)
                add(inverse[i * STRIDE + j]);
        hpt_solve_lower_block(a, N, STRIDE, x);
        hpt_add_scaled(x, 0.3, a, N);
        hpt_subtract_symmetric_block(inverse, N, STRIDE, a, x);
        for (size_t i = 0; i < N * HPT_BLOCK; i++)
            add(x[i]);
    }
}

enum { COLUMNS = 3, POINTS = 77 };

static void test_kernel(void)
{
    static double x[COLUMNS * POINTS + HPT_KERNEL_SLACK], more[COLUMNS * POINTS + HPT_KERNEL_SLACK], k[POINTS], slope[POINTS];
    static double log_v[COLUMNS * POINTS], w[3][COLUMNS * POINTS], scratch[HPT_WARP_SCRATCH(COLUMNS * POINTS)];
    for (int round = 0; round < 200; round++) {
        size_t n = (size_t)(1 + round % POINTS);
        double a[COLUMNS], b[COLUMNS], by[COLUMNS], at[COLUMNS];
        for (size_t i = 0; i < COLUMNS; i++) {
            a[i] = between(0.125, 8);
            b[i] = between(0.125, 8);
            by[i] = between(0, 9);
            at[i] = between(-0.5, 0.5);
        }
        for (size_t i = 0; i < COLUMNS * POINTS; i++) {
            x[i] = uniform();
            more[i] = uniform();
        }
        hpt_warp_logs(x, log_v, COLUMNS * n);
        hpt_warp_columns(a, b, log_v, COLUMNS, n, w[0], w[1], w[2], scratch);
        for (size_t i = 0; i < 3 * COLUMNS * n; i++)
            add(w[i / (COLUMNS * n)][i % (COLUMNS * n)]);
        for (size_t i = 0; i < n; i++)
            k[i] = 0;
        hpt_add_distances(k, by, at, x, at, round % 2 == 0 ? NULL : more, COLUMNS, POINTS, n);
        HptMatern kernel = {round % 3 == 0, 0.7, round % 5 < 2 ? 0 : 0.1, 3.5};
        hpt_matern(&kernel, k, slope, NULL, NULL, n);
        for (size_t i = 0; i < n; i++) {
            add(k[i]);
            add(slope[i]);
        }
    }
}

static double rosenbrock(const double *x, double *gradient, void *user)
{
    double value = 0;
    memset(gradient, 0, 6 * sizeof *gradient);
    for (int i = 0; i < 5; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        value += 100 * a * a + b * b + *(double *)user * hpt_exp(-a * a);
        gradient[i] += -400 * a * x[i] - 2 * b;
        gradient[i + 1] += 200 * a;
    }
    return value;
}

static void test_minimise(void)
{
    static double scratch[HPT_MINIMISE_SCRATCH(6)];
    const double low[6] = {-2, -2, -2, -2, -2, -2}, high[6] = {2, 2, 0.9, 2, 2, 2};
    for (int round = 0; round < 30; round++) {
        double x[6], weight = 0;
        for (int i = 0; i < 6; i++)
            x[i] = between(-1, 0.9);
        add(hpt_minimise(rosenbrock, &weight, x, low, high, 6, 60, 0, scratch));
        for (int i = 0; i < 6; i++)
            add(x[i]);
    }
}

static void test_eigen(void)
{
    enum { MOST = 25 };
    double a[MOST * MOST], values[MOST], scratch[2 * MOST];
    for (size_t n = 1; n <= MOST; n++) {
        for (size_t i = 0; i < n * n; i++)
            a[i] = between(-1, 1); /* the lower half counts */
        add(hpt_eigen(a, n, values, scratch));
        for (size_t i = 0; i < n; i++)
            add(values[i]);
        for (size_t i = 0; i < n * n; i++)
            add(a[i]);
    }
}

static void test_points(void)
{
    for (uint64_t i = 0; i < 2000; i++) {
        add(hpt_sobol(i, i % hpt_sobol_dimensions(), i / 7));
        add((double)hpt_stream_below(&stream, i, 1 + i * i));
        add((double)hpt_trial_seed(i, (int64_t)i));
    }
}

static const struct {
    const char *name;
    void (*function)(void);
    uint64_t known;
} tests[] = {
    {"exp", test_exp, UINT64_C(0x127722364c635c20)},
    {"log", test_log, UINT64_C(0x1288bd6c57c76c05)},
    {"pow", test_pow, UINT64_C(0xad4b48b2c2b0248d)},
    {"many at a time", test_each, UINT64_C(0x222d0ecc37ea4f57)},
    {"erf", test_erf, UINT64_C(0x0e785d8cdbf0c726)},
    {"normal", test_normal, UINT64_C(0x8c877b55eee85a69)},
    {"tests", test_tests, UINT64_C(0x98a6fdd97e776c05)},
    {"linear", test_linear, UINT64_C(0x12422fb735b587ad)},
    {"kernel", test_kernel, UINT64_C(0x80ef649430dca380)},
    {"eigen", test_eigen, UINT64_C(0x5f769484a09f4072)},
    {"minimise", test_minimise, UINT64_C(0x6d3417081494a0d7)},
    {"points", test_points, UINT64_C(0xdf7f47cc8b642067)},
};

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        digest = UINT64_C(0xcbf29ce484222325);
        stream = hpt_stream(1, 0, "bits", tests[i].name);
        next = 0;
        tests[i].function();
        int good = digest == tests[i].known;
        printf("%s %zu - %s: %016" PRIx64 "\n", good ? "ok" : "not ok", i + 1, tests[i].name, digest);
        failed += !good;
    }
    printf("1..%zu\n", sizeof tests / sizeof tests[0]);
    return failed > 0;
}
