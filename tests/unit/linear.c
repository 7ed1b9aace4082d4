/* Rank-one changes of a Cholesky factor against the factor of the changed matrix; sizes that are no multiple of the
 * lanes. The rest is in gp.c. */
#include "num/linear.h"

#include "num/random.h"

#include <glib.h>
#include <math.h>
#include <string.h>

enum { MOST = 37, STRIDE = 40 };

static HptStream stream;

/* A = B Bᵀ / n + I/10 and v, of which A − v vᵀ is still positive definite. */
static void make(size_t n, double *a, double *v)
{
    double b[MOST * MOST];
    for (size_t i = 0; i < n * n; i++)
        b[i] = 2 * hpt_stream_uniform(&stream, i) - 1;
    for (size_t i = 0; i < n; i++) {
        v[i] = 0.05 * (hpt_stream_uniform(&stream, 5000 + i) - 0.5);
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += b[i * n + k] * b[j * n + k];
            a[i * STRIDE + j] = sum / (double)n + (i == j ? 0.1 : 0);
        }
    }
}

static void change(double *a, const double *v, size_t n, double sign)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            a[i * STRIDE + j] += sign * v[i] * v[j];
}

static void same(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            g_assert_cmpfloat(fabs(a[i * STRIDE + j] - b[i * STRIDE + j]), <, 1e-13);
}

static void test_rank_one(void)
{
    double a[MOST * STRIDE], l[MOST * STRIDE], v[MOST], w[MOST], scratch[MOST * HPT_BLOCK];
    for (size_t n = 1; n <= MOST; n++) {
        stream = hpt_stream(1, (int64_t)n, "test", "linear");
        make(n, a, v);
        memcpy(l, a, sizeof l);
        g_assert_true(hpt_cholesky(l, n, STRIDE, scratch));
        memcpy(w, v, sizeof w);
        hpt_cholesky_update(l, n, STRIDE, w);
        change(a, v, n, 1);
        double factor[MOST * STRIDE];
        memcpy(factor, a, sizeof factor);
        g_assert_true(hpt_cholesky(factor, n, STRIDE, scratch));
        same(l, factor, n);
        for (int twice = 0; twice < 2; twice++) {
            memcpy(w, v, sizeof w);
            g_assert_true(hpt_cholesky_downdate(l, n, STRIDE, w));
            change(a, v, n, -1);
        }
        memcpy(factor, a, sizeof factor);
        g_assert_true(hpt_cholesky(factor, n, STRIDE, scratch));
        same(l, factor, n);
    }
    double one[] = {1}, two[] = {2};
    g_assert_false(hpt_cholesky_downdate(one, 1, 1, two));
}

/* L (L⁻¹ x) = x and the same for Lᵀ, for every size and as a block. */
static void test_solve(void)
{
    double l[MOST * STRIDE], v[MOST], x[MOST], block[MOST * HPT_BLOCK], scratch[MOST * HPT_BLOCK];
    for (size_t n = 1; n <= MOST; n++) {
        stream = hpt_stream(2, (int64_t)n, "test", "linear");
        make(n, l, v);
        g_assert_true(hpt_cholesky(l, n, STRIDE, scratch));
        for (size_t i = 0; i < n; i++) {
            x[i] = v[i];
            for (size_t c = 0; c < HPT_BLOCK; c++)
                block[i * HPT_BLOCK + c] = v[i] * (double)(c + 1);
        }
        hpt_solve_lower(l, n, STRIDE, x);
        hpt_solve_lower_block(l, n, STRIDE, block);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t k = 0; k <= i; k++)
                sum += l[i * STRIDE + k] * x[k];
            g_assert_cmpfloat(fabs(sum - v[i]), <, 1e-15);
            for (size_t c = 0; c < HPT_BLOCK; c++)
                g_assert_cmpfloat(fabs(block[i * HPT_BLOCK + c] - x[i] * (double)(c + 1)), <, 1e-13);
        }
        memcpy(x, v, sizeof x);
        hpt_solve_upper(l, n, STRIDE, x);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t k = i; k < n; k++)
                sum += l[k * STRIDE + i] * x[k];
            g_assert_cmpfloat(fabs(sum - v[i]), <, 1e-14);
        }
    }
}

/* A A⁻¹ = I, for every size; A from its factor, so that this does not depend on how the factor is found. */
static void test_inverse(void)
{
    double l[MOST * STRIDE], v[MOST], inverse[MOST * STRIDE], scratch[MOST * (MOST + HPT_BLOCK)];
    for (size_t n = 1; n <= MOST; n++) {
        stream = hpt_stream(3, (int64_t)n, "test", "linear");
        make(n, l, v);
        g_assert_true(hpt_cholesky(l, n, STRIDE, scratch));
        hpt_cholesky_inverse(l, n, STRIDE, inverse, scratch);
        for (size_t j = 0; j < n; j++) {
            double column[MOST];
            for (size_t k = 0; k < n; k++) { /* Lᵀ A⁻¹ */
                column[k] = 0;
                for (size_t i = k; i < n; i++)
                    column[k] += l[i * STRIDE + k] * inverse[MAX(i, j) * STRIDE + MIN(i, j)];
            }
            for (size_t i = 0; i < n; i++) {
                double sum = 0;
                for (size_t k = 0; k <= i; k++)
                    sum += l[i * STRIDE + k] * column[k];
                g_assert_cmpfloat(fabs(sum - (i == j ? 1 : 0)), <, 1e-13);
            }
        }
    }
}

/* Of whole numbers, so that the order of sums does not matter. What is above and in the diagonal is not read. */
static void test_symmetric(void)
{
    double s[MOST * STRIDE], x[MOST * HPT_BLOCK], out[MOST * HPT_BLOCK];
    stream = hpt_stream(4, 0, "test", "linear");
    for (size_t n = 0; n <= MOST; n++) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < STRIDE; j++)
                s[i * STRIDE + j] = j < i ? (double)hpt_stream_below(&stream, i * STRIDE + j, 100) - 50 : (double)NAN;
        for (size_t i = 0; i < n * HPT_BLOCK; i++) {
            x[i] = (double)hpt_stream_below(&stream, 9000 + i, 100) - 50;
            out[i] = (double)i;
        }
        hpt_subtract_symmetric_block(s, n, STRIDE, x, out);
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < HPT_BLOCK; c++) {
                double sum = (double)(i * HPT_BLOCK + c);
                for (size_t j = 0; j < n; j++)
                    sum -= i == j ? 0 : s[MAX(i, j) * STRIDE + MIN(i, j)] * x[j * HPT_BLOCK + c];
                g_assert_cmpfloat(out[i * HPT_BLOCK + c], ==, sum);
            }
    }
}

static void test_vectors(void)
{
    double x[MOST], out[MOST];
    for (size_t i = 0; i < MOST; i++) {
        x[i] = (double)i;
        out[i] = 1;
    }
    hpt_add_scaled(out, 2, x, MOST);
    for (size_t i = 0; i < MOST; i++)
        g_assert_cmpfloat(out[i], ==, 1 + 2 * x[i]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/linear/rank-one", test_rank_one);
    g_test_add_func("/linear/solve", test_solve);
    g_test_add_func("/linear/inverse", test_inverse);
    g_test_add_func("/linear/symmetric", test_symmetric);
    g_test_add_func("/linear/vectors", test_vectors);
    return g_test_run();
}
