/* The normal distribution: against 25 digits of mpmath, symmetries, and bits. */
#include "num/elementary.h"
#include "num/normal.h"

#include "base/digest.h"
#include "num/random.h"

#include <math.h>
#include <string.h>

#include "tests/unit/normal-table.h"

static void near(double got, double want, double error)
{
    if (!(fabs(got - want) <= error * fabs(want)))
        g_error("%.17g is not %.17g", got, want);
}

static void test_table(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(erfcx_table); i++)
        near(hpt_erfcx(erfcx_table[i].x), erfcx_table[i].value, 5e-15);
    for (size_t i = 0; i < G_N_ELEMENTS(below_table); i++)
        near(hpt_normal_below(below_table[i].x), below_table[i].value, 1e-13);
    for (size_t i = 0; i < G_N_ELEMENTS(quantile_table); i++)
        near(hpt_normal_quantile(quantile_table[i].x), quantile_table[i].value, 2e-15);
    for (size_t i = 0; i < G_N_ELEMENTS(improvement_table); i++) {
        double slope = 0;
        near(hpt_normal_log_improvement(improvement_table[i].x, &slope), improvement_table[i].value, 1e-13);
        near(slope, improvement_table[i].slope, 1e-9);
        g_assert_cmpfloat(hpt_normal_log_improvement(improvement_table[i].x, NULL), ==,
                          hpt_normal_log_improvement(improvement_table[i].x, &slope));
    }
}

static void test_ends(void)
{
    g_assert_cmpfloat(hpt_normal_below(0), ==, 0.5);
    g_assert_cmpfloat(hpt_normal_below(-(double)INFINITY), ==, 0);
    g_assert_cmpfloat(hpt_normal_below((double)INFINITY), ==, 1);
    g_assert_cmpfloat(hpt_normal_quantile(0.5), ==, 0);
    g_assert_true(isinf(hpt_normal_quantile(0)) && hpt_normal_quantile(0) < 0);
    g_assert_true(isinf(hpt_normal_quantile(1)) && hpt_normal_quantile(1) > 0);
    g_assert_true(isnan(hpt_normal_quantile(1.5)) && isnan(hpt_normal_quantile((double)NAN)));
    g_assert_true(isnan(hpt_normal_below((double)NAN)) && isnan(hpt_erfcx((double)NAN)));
    for (double x = -6; x <= 6; x += 0.37)
        g_assert_cmpfloat(fabs(hpt_normal_below(x) + hpt_normal_below(-x) - 1), <, 1e-15);
}

/* The logarithm of what is below, as far as that is a number, and beyond. */
static void test_log_below(void)
{
    for (double z = -37; z < 9; z += 0.173) {
        double slope = 0, h = 1e-5, value = hpt_normal_log_below(z, &slope);
        near(hpt_exp(value), hpt_normal_below(z), 1e-12);
        double about = (hpt_normal_log_below(z + h, NULL) - hpt_normal_log_below(z - h, NULL)) / (2 * h);
        g_assert_cmpfloat(fabs(slope - about), <, 1e-6 * (1 + slope));
        g_assert_cmpfloat(value, ==, hpt_normal_log_below(z, NULL));
    }
    double slope = 0;
    near(hpt_normal_log_below(-1e4, &slope), -50000010.129278915, 1e-12); /* −z²/2 − log(|z|√2π) */
    near(slope, 1e4, 1e-7);
    g_assert_cmpfloat(hpt_normal_log_below((double)INFINITY, NULL), ==, 0);
}

/* The same for gcc and clang at every level. */
static void test_digest(void)
{
    HptStream stream = hpt_stream(1, 0, "test", "normal");
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (uint64_t i = 0; i < 20000; i++) {
        double u = hpt_stream_uniform(&stream, i), slope = 0;
        double values[] = {hpt_erfcx(12 * u), hpt_normal_below(20 * u - 12), hpt_normal_quantile(u),
                           hpt_normal_log_improvement(30 * u - 25, &slope), 0};
        values[4] = slope;
        g_byte_array_append(bytes, (const uint8_t *)values, sizeof values);
    }
    HptDigest digest = hpt_digest(bytes->data, bytes->len);
    char hex[HPT_DIGEST_HEX_SIZE];
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, "da8eb1286031cb8940a856bf5868b5525315f4613a7319aa51f01386cbe75d1a");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/normal/table", test_table);
    g_test_add_func("/normal/ends", test_ends);
    g_test_add_func("/normal/log-below", test_log_below);
    g_test_add_func("/normal/digest", test_digest);
    return g_test_run();
}
