/* Eigenvalues and eigenvectors: known matrices, invariances, the same bits. */
#include "num/eigen.h"

#include "base/digest.h"
#include "num/random.h"

#include <math.h>
#include <string.h>

enum { MOST = 60 };

/* Symmetric, with values between -1 and 1. */
static void fill(double *a, size_t n, int64_t number)
{
    HptStream stream = hpt_stream(1, number, "test", "eigen");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            a[i * n + j] = a[j * n + i] = 2 * hpt_stream_uniform(&stream, i * n + j) - 1;
}

/* Is a = V diag(values) Vᵀ with Vᵀ V = I, to within tolerance of the largest value, in order? */
static void check(const double *a, size_t n, double tolerance)
{
    g_autofree double *v = g_memdup2(a, n * n * sizeof *a);
    g_autofree double *values = g_new(double, n), *scratch = g_new(double, 2 * n);
    g_assert_true(hpt_eigen(v, n, values, scratch));
    double scale = MAX(fabs(values[0]), fabs(values[n - 1]));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double product = 0, dot = 0;
            for (size_t k = 0; k < n; k++) {
                product += v[i * n + k] * values[k] * v[j * n + k];
                dot += v[k * n + i] * v[k * n + j];
            }
            g_assert_cmpfloat(fabs(product - a[i * n + j]), <=, tolerance * scale);
            g_assert_cmpfloat(fabs(dot - (i == j ? 1 : 0)), <=, tolerance);
        }
    for (size_t k = 1; k < n; k++)
        g_assert_cmpfloat(values[k - 1], <=, values[k]);
}

static void test_known(void)
{
    double two[] = {2, 1, 1, 2}, values[5], scratch[10];
    g_assert_true(hpt_eigen(two, 2, values, scratch));
    g_assert_cmpfloat(fabs(values[0] - 1) + fabs(values[1] - 3), <, 4e-15);
    g_assert_cmpfloat(fabs(two[0] - sqrt(0.5)) + fabs(two[2] + sqrt(0.5)), <, 4e-15);
    g_assert_cmpfloat(fabs(two[1] - sqrt(0.5)) + fabs(two[3] - sqrt(0.5)), <, 4e-15);

    double one[] = {-7};
    g_assert_true(hpt_eigen(one, 1, values, scratch));
    g_assert_true(values[0] == -7 && one[0] == 1);
    g_assert_true(hpt_eigen(NULL, 0, values, scratch));

    double diagonal[] = {3, 0, 0, 0, -1, 0, 0, 0, 2};
    g_assert_true(hpt_eigen(diagonal, 3, values, scratch));
    static const double identity_moved[] = {0, 0, 1, 1, 0, 0, 0, 1, 0};
    g_assert_true(values[0] == -1 && values[1] == 2 && values[2] == 3);
    g_assert_true(memcmp(diagonal, identity_moved, sizeof diagonal) == 0);

    double zero[9] = {0};
    g_assert_true(hpt_eigen(zero, 3, values, scratch));
    g_assert_true(values[0] == 0 && values[2] == 0 && zero[0] == 1 && zero[4] == 1 && zero[8] == 1);
}

/* The second differences: 2 - 2 cos(k π / (n + 1)). */
static void test_differences(void)
{
    enum { N = 40 };
    double a[N * N] = {0}, values[N], scratch[2 * N];
    for (size_t i = 0; i < N; i++) {
        a[i * N + i] = 2;
        if (i > 0)
            a[i * N + i - 1] = a[(i - 1) * N + i] = -1;
    }
    g_assert_true(hpt_eigen(a, N, values, scratch));
    for (size_t k = 0; k < N; k++)
        g_assert_cmpfloat(fabs(values[k] - 2 + 2 * cos((double)(k + 1) * G_PI / (N + 1))), <, 1e-13);
}

static void test_product(void)
{
    g_autofree double *a = g_new(double, MOST *MOST);
    for (size_t n = 1; n <= MOST; n = n < 8 ? n + 1 : n + 13) {
        fill(a, n, (int64_t)n);
        check(a, n, 1e-13);
    }
}

/* One rank, equal values, wide scales. */
static void test_degenerate(void)
{
    enum { N = 12 };
    double a[N * N];
    for (size_t i = 0; i < N * N; i++)
        a[i] = 1;
    check(a, N, 1e-14);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            a[i * N + j] = (i == j ? 5 : 0) - 2.0 / N; /* a reflection, times 5 and more */
    check(a, N, 1e-14);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            a[i * N + j] = i == j ? ldexp(1, (int)(80 * i) - 440) : 0;
    check(a, N, 1e-14);
    fill(a, N, 3);
    for (size_t i = 0; i < N * N; i++)
        a[i] *= 0x1p1000;
    check(a, N, 1e-13);
    a[3 * N + 1] = (double)NAN;
    double values[N], scratch[2 * N];
    g_assert_false(hpt_eigen(a, N, values, scratch));
}

/* Only the lower half is read; values move with a shift and a scale by powers of two. */
static void test_invariance(void)
{
    enum { N = 9 };
    double a[N * N], b[N * N], x[N], y[N], scratch[2 * N];
    fill(a, N, 5);
    memcpy(b, a, sizeof a);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            b[i * N + j] = j > i ? (double)NAN : 4 * b[i * N + j];
    g_assert_true(hpt_eigen(a, N, x, scratch) && hpt_eigen(b, N, y, scratch));
    for (size_t i = 0; i < N * N; i++)
        g_assert_true(a[i] == b[i]);
    for (size_t k = 0; k < N; k++)
        g_assert_true(4 * x[k] == y[k]);
    fill(b, N, 5);
    for (size_t i = 0; i < N; i++)
        b[i * N + i] += 3;
    g_assert_true(hpt_eigen(b, N, y, scratch));
    for (size_t k = 0; k < N; k++)
        g_assert_cmpfloat(fabs(y[k] - x[k] - 3), <, 1e-13);
}

/* The digest was the same with gcc 12 and clang 14, at -O0, -O2 and -O3 -march=native (doubles as they lie on
 * little-endian machines). */
static void test_bits(void)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    g_autofree double *a = g_new(double, MOST *MOST);
    double values[MOST], scratch[2 * MOST];
    for (size_t n = 1; n <= MOST; n++) {
        fill(a, n, (int64_t)n);
        g_assert_true(hpt_eigen(a, n, values, scratch));
        hpt_digester_add(digester, values, n * sizeof *values);
        hpt_digester_add(digester, a, n * n * sizeof *a);
    }
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digester_get(digester);
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                    "f7934f7c9a34a606ad8c61daeef40c07018f00dd78146e447ab6192a16f245a1");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/eigen/known", test_known);
    g_test_add_func("/eigen/differences", test_differences);
    g_test_add_func("/eigen/product", test_product);
    g_test_add_func("/eigen/degenerate", test_degenerate);
    g_test_add_func("/eigen/invariance", test_invariance);
    g_test_add_func("/eigen/bits", test_bits);
    return g_test_run();
}
