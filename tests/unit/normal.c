/* The error function and the normal distribution: against 25 digits of mpmath and the long double libm, symmetries,
 * and bits. */
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
        near(hpt_erfcx(erfcx_table[i].x), erfcx_table[i].value, 4e-16);
    for (size_t i = 0; i < G_N_ELEMENTS(below_table); i++)
        near(hpt_normal_below(below_table[i].x), below_table[i].value, 4e-16);
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

static double error_ulp(double got, long double exact)
{
    double nearest = fabs((double)exact);
    long double ulp = (long double)nextafter(nearest, (double)INFINITY) - (long double)nearest;
    return (double)(fabsl((long double)got - exact) / ulp);
}

static long double exact_below(double x)
{
    return 0.5L * erfcl(-(long double)x * sqrtl(0.5L));
}

static long double exact_log_below(double x)
{
    return x > 0 ? log1pl(-exact_below(-x)) : logl(exact_below(x));
}

static void test_error(void)
{
    volatile long double one = 1, small = 0x1p-60L;
    if (one + small == one) {
        g_test_skip("long double is no wider than double here");
        return;
    }
    HptStream stream = hpt_stream(2, 0, "test", "normal");
    double erf_worst = 0, erfc_worst = 0, below_worst = 0, log_worst = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        double u = hpt_stream_uniform(&stream, i);
        double x = i % 2 == 0 ? 12 * u - 6 : 2 * u - 1, far = i % 2 == 0 ? 32 * u - 6 : x;
        double below = i % 2 == 0 ? 46 * u - 37.5 : 3 * u - 1.5;
        erf_worst = MAX(erf_worst, error_ulp(hpt_erf(x), erfl((long double)x)));
        erfc_worst = MAX(erfc_worst, error_ulp(hpt_erfc(far), erfcl((long double)far)));
        below_worst = MAX(below_worst, error_ulp(hpt_normal_below(below), exact_below(below)));
        log_worst = MAX(log_worst, error_ulp(hpt_normal_log_below(below, NULL), exact_log_below(below)));
    }
    g_test_message("erf %.2f, erfc %.2f, normal %.2f, its log %.2f ulp at most", erf_worst, erfc_worst, below_worst,
                   log_worst);
    g_assert_cmpfloat(erf_worst, <, 1.5);
    g_assert_cmpfloat(erfc_worst, <, 1.5);
    g_assert_cmpfloat(below_worst, <, 1.75);
    g_assert_cmpfloat(log_worst, <, 2.5);
}

static void test_ends(void)
{
    g_assert_cmpfloat(hpt_erf((double)INFINITY), ==, 1);
    g_assert_cmpfloat(hpt_erf(-(double)INFINITY), ==, -1);
    g_assert_cmpfloat(hpt_erfc(-(double)INFINITY), ==, 2);
    g_assert_cmpfloat(hpt_erfc((double)INFINITY), ==, 0);
    g_assert_true(hpt_erf(-0.0) == 0 && signbit(hpt_erf(-0.0)));
    g_assert_true(isnan(hpt_erf((double)NAN)) && isnan(hpt_erfc((double)NAN)));
    g_assert_true(isnan(hpt_normal_log_below((double)NAN, NULL)));
    g_assert_cmpfloat(hpt_normal_log_below((double)INFINITY, NULL), ==, 0);
    double slope = 0;
    g_assert_true(isinf(hpt_normal_log_below(-(double)INFINITY, &slope)) && isinf(slope));
    near(hpt_normal_log_below(-100, NULL), -5005.5242086942050886, 4e-16); /* mpmath */
    near(hpt_normal_log_below(-1e8, NULL), -5000000000000019.3396, 4e-16);
    near(hpt_erfcx(1e200), 5.6418958354775628695e-201, 4e-16);
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

/* Where the series of erf ends and the table of erfcx begins, at √½: every double near it, and a grid around it. */
static void test_seam(void)
{
    const double seam = 0x1.6a09e667f3bcdp-1, slope = 0.3106965603769278; /* of P(Z < x) there */
    const double below = 0.23975006109347674; /* erfc(1/2)/2 */
    for (int i = -2000; i <= 2000; i++) {
        double x = seam * (1 + i * 0x1p-53), y = seam + i * 1e-12;
        g_assert_cmpfloat(fabs(hpt_normal_below(-x) - below), <, 1e-12);
        g_assert_cmpfloat(fabs(hpt_normal_below(-y) - (below - i * 1e-12 * slope)), <, 1e-16);
        g_assert_cmpfloat(fabs(hpt_normal_below(y) - (1 - below + i * 1e-12 * slope)), <, 3e-16);
    }
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
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, "d7bfa29c18de4242dccd6693d06392aa669d85f6cd69027eff55bc11b3d0b6a2");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/normal/table", test_table);
    g_test_add_func("/normal/error", test_error);
    g_test_add_func("/normal/ends", test_ends);
    g_test_add_func("/normal/seam", test_seam);
    g_test_add_func("/normal/log-below", test_log_below);
    g_test_add_func("/normal/digest", test_digest);
    return g_test_run();
}
