/* exp, log, pow and their like: error bounds against the long double libm, special values, and the same bits. */
#include "num/elementary.h"

#include "base/digest.h"
#include "num/random.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void add(HptDigester *digester, double x)
{
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &x, sizeof bits);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    hpt_digester_add(digester, bytes, sizeof bytes);
}

/* Error in units of the last place of the double nearest to exact. */
static double error_ulp(double got, long double exact)
{
    double nearest = fabs((double)exact);
    long double ulp = (long double)nextafter(nearest, (double)INFINITY) - (long double)nearest;
    return (double)(fabsl((long double)got - exact) / ulp);
}

/* Arguments: of exp over the whole range, thick near 0; of log over all exponents, thick near 1. */
static double exp_argument(const HptStream *stream, uint64_t i)
{
    double u = hpt_stream_uniform(stream, i);
    return i % 2 == 0 ? -745.2 + u * (745.2 + 709.8) : (u - 0.5) * 4;
}

static double log_argument(const HptStream *stream, uint64_t i)
{
    if (i % 2 == 0)
        return of_bits(hpt_stream_below(stream, i, UINT64_C(0x7ff0000000000000) - 1) + 1);
    return 0.5 + 1.5 * hpt_stream_uniform(stream, i);
}

/* Valgrind computes long double with the bits of a double, and then there is nothing to compare
 * with. volatile: the compiler would know better. */
static bool exact_is_exact(void)
{
    volatile long double one = 1, small = 0x1p-60L;
    if (one + small != one)
        return true;
    g_test_skip("long double is no wider than double here");
    return false;
}

static void test_exp_error(void)
{
    if (!exact_is_exact())
        return;
    HptStream stream = hpt_stream(1, 0, "test", "exp");
    double worst = 0;
    for (uint64_t i = 0; i < 300000; i++) {
        double x = exp_argument(&stream, i), got = hpt_exp(x);
        if (isfinite(got))
            worst = MAX(worst, error_ulp(got, expl((long double)x)));
    }
    g_test_message("exp: at most %.3f ulp", worst);
    g_assert_cmpfloat(worst, <, 0.75);
}

static void test_log_error(void)
{
    if (!exact_is_exact())
        return;
    HptStream stream = hpt_stream(1, 0, "test", "log");
    double worst = 0;
    for (uint64_t i = 0; i < 300000; i++) {
        double x = log_argument(&stream, i);
        worst = MAX(worst, error_ulp(hpt_log(x), logl((long double)x)));
    }
    g_test_message("log: at most %.3f ulp", worst);
    g_assert_cmpfloat(worst, <, 0.75);
}

/* The largest error of function in ulp, over n arguments each drawn by argument. */
static double worst_error(const char *name, double (*function)(double), long double (*exact)(long double),
                          double (*argument)(const HptStream *, uint64_t))
{
    HptStream stream = hpt_stream(1, 0, "test", name);
    double worst = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        double x = argument(&stream, i);
        long double want = exact((long double)x);
        if (isfinite((double)want) && fabsl(want) > (long double)DBL_MIN)
            worst = MAX(worst, error_ulp(function(x), want));
    }
    g_test_message("%s: at most %.3f ulp", name, worst);
    return worst;
}

static double expm1_argument(const HptStream *stream, uint64_t i)
{
    double u = hpt_stream_uniform(stream, i);
    return i % 3 == 0 ? 760 * u - 45 : i % 3 == 1 ? 2 * u - 1 : (i % 2 == 0 ? -1 : 1) * exp(-40 * u);
}

static double log1p_argument(const HptStream *stream, uint64_t i)
{
    double u = hpt_stream_uniform(stream, i);
    return i % 3 == 0 ? exp(750 * u - 42) : i % 3 == 1 ? 4 * u - 1 : (i % 2 == 0 ? -1 : 1) * exp(-40 * u);
}

static void test_expm1_log1p_error(void)
{
    if (!exact_is_exact())
        return;
    g_assert_cmpfloat(worst_error("expm1", hpt_expm1, expm1l, expm1_argument), <, 0.8);
    g_assert_cmpfloat(worst_error("log1p", hpt_log1p, log1pl, log1p_argument), <, 0.8);
}

static void test_pow_error(void)
{
    if (!exact_is_exact())
        return;
    HptStream stream = hpt_stream(1, 0, "test", "pow");
    double worst = 0;
    for (uint64_t i = 0; i < 400000; i += 2) {
        double u = hpt_stream_uniform(&stream, i), v = 2 * hpt_stream_uniform(&stream, i + 1) - 1;
        double x = i % 8 == 0   ? of_bits(hpt_stream_below(&stream, i, UINT64_C(0x7fe0000000000000)) + 1)
                   : i % 8 == 2 ? 3 * u
                   : i % 8 == 4 ? 1 + v * exp(-30 * u)
                                : u;
        double y = i % 8 == 2 ? 40 * v : (i % 8 == 4 ? 600 : 700) * v / MAX(fabs(log(x)), 1e-12);
        long double want = powl((long double)x, (long double)y);
        if (want > (long double)DBL_MIN && want < (long double)DBL_MAX)
            worst = MAX(worst, error_ulp(hpt_pow(x, y), want));
    }
    g_test_message("pow: at most %.3f ulp", worst);
    g_assert_cmpfloat(worst, <, 0.6);
}

/* The special cases of C17, F.10.4.4, and exact powers. */
static void test_pow_special(void)
{
    const double values[] = {0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -2.5, 0x1p52, 0x1p53 + 2, -0x1p53 - 2, 1e300,
                             -1e300, 1e-300, -1e-300, 0x1p-1074, (double)INFINITY, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(values); j++) {
            double got = hpt_pow(values[i], values[j]), want = pow(values[i], values[j]);
            if (isnan(want) || isnan(got))
                g_assert_true(isnan(want) && isnan(got));
            else if (want == 0 || isinf(want) || floor(want) == want)
                g_assert_true(got == want && signbit(got) == signbit(want));
        }
    for (int n = -40; n <= 40; n++)
        g_assert_true(hpt_pow(2, n) == ldexp(1, n) && hpt_pow(-2, n) == (n % 2 == 0 ? 1 : -1) * ldexp(1, n));
    for (int64_t n = 0, power = 1; n <= 13; n++, power *= 5)
        g_assert_true(hpt_pow(5, (double)n) == (double)power);
    g_assert_true(hpt_pow(2, -1074) == 0x1p-1074 && hpt_pow(2, -1076) == 0);
    g_assert_true(hpt_expm1(-(double)INFINITY) == -1 && isinf(hpt_expm1(800)) && isnan(hpt_expm1((double)NAN)));
    g_assert_true(hpt_log1p(-1) == -(double)INFINITY && isnan(hpt_log1p(-2)) && isinf(hpt_log1p((double)INFINITY)));
    g_assert_true(signbit(hpt_log1p(-0.0)) && signbit(hpt_expm1(-0.0)));
}

/* Many at a time is one by one, whatever stands beside each other. */
static void test_each(void)
{
    HptStream stream = hpt_stream(1, 0, "test", "each");
    double in[1001], exps[1001], logs[1001];
    for (uint64_t round = 0; round < 50; round++) {
        size_t n = 1 + (size_t)hpt_stream_below(&stream, 1 << 20 | round, 1001);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t at = 1001 * round + i;
            in[i] = round % 3 == 0   ? of_bits(hpt_stream_bits(&stream, at))
                    : round % 3 == 1 ? exp_argument(&stream, at)
                                     : log_argument(&stream, at);
            exps[i] = logs[i] = in[i];
        }
        hpt_exp_each(exps, n);
        hpt_log_each(logs, n);
        for (size_t i = 0; i < n; i++) {
            double e = hpt_exp(in[i]), l = hpt_log(in[i]);
            g_assert_true(isnan(e) ? isnan(exps[i]) : exps[i] == e);
            g_assert_true(isnan(l) ? isnan(logs[i]) : logs[i] == l);
        }
    }
}

static void test_special(void)
{
    const double inf = (double)INFINITY;
    g_assert_true(hpt_exp(0) == 1);
    g_assert_true(hpt_exp(-0.0) == 1);
    g_assert_true(hpt_exp(inf) == inf);
    g_assert_true(hpt_exp(-inf) == 0);
    g_assert_true(isnan(hpt_exp((double)NAN)));
    g_assert_true(hpt_exp(709.782712893384) > 1.79e308 && isfinite(hpt_exp(709.782712893384)));
    g_assert_true(hpt_exp(709.7827128933841) == inf);
    g_assert_true(hpt_exp(1e300) == inf);
    g_assert_true(hpt_exp(-745.1332191019411) == 0x1p-1074);
    g_assert_true(hpt_exp(-745.1332191019413) == 0);
    g_assert_true(hpt_exp(-1e300) == 0);
    g_assert_true(hpt_exp(1) == 0x1.5bf0a8b145769p+1);
    g_assert_true(hpt_log(1) == 0);
    g_assert_true(hpt_log(0) == -inf);
    g_assert_true(hpt_log(-0.0) == -inf);
    g_assert_true(isnan(hpt_log(-1)));
    g_assert_true(isnan(hpt_log(-inf)));
    g_assert_true(hpt_log(inf) == inf);
    g_assert_true(isnan(hpt_log((double)NAN)));
    g_assert_true(hpt_log(0x1p-1074) < -744);
    g_assert_true(hpt_log(10) == 0x1.26bb1bbb55516p+1);
    g_assert_true(hpt_log(2) == 0x1.62e42fefa39efp-1);
}

/* log scales lean on this: neither function may turn back, here over runs of neighbours. */
static void test_monotone(void)
{
    HptStream stream = hpt_stream(2, 0, "test", "monotone");
    for (uint64_t i = 0; i < 2000; i++) {
        double x = exp_argument(&stream, i), y = log_argument(&stream, i);
        double e = hpt_exp(x), l = hpt_log(y);
        for (int step = 0; step < 20; step++) {
            x = nextafter(x, (double)INFINITY);
            y = nextafter(y, (double)INFINITY);
            g_assert_true(hpt_exp(x) >= e);
            g_assert_true(hpt_log(y) >= l);
            e = hpt_exp(x);
            l = hpt_log(y);
        }
    }
}

/* The digest was the same with gcc 12 and clang 14, at -O0, -O2 and -O3 -march=native. */
static void test_bits(void)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    HptStream stream = hpt_stream(3, 0, "test", "bits");
    for (uint64_t i = 0; i < 100000; i++) {
        add(digester, hpt_exp(exp_argument(&stream, i)));
        add(digester, hpt_log(log_argument(&stream, i)));
    }
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digester_get(digester);
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                    "9031fea3cd6d7224d53b8df9018595e78db960b51296e6d0510b0f1d955cf73a");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/elementary/exp/error", test_exp_error);
    g_test_add_func("/elementary/log/error", test_log_error);
    g_test_add_func("/elementary/expm1-log1p/error", test_expm1_log1p_error);
    g_test_add_func("/elementary/pow/error", test_pow_error);
    g_test_add_func("/elementary/pow/special", test_pow_special);
    g_test_add_func("/elementary/each", test_each);
    g_test_add_func("/elementary/special", test_special);
    g_test_add_func("/elementary/monotone", test_monotone);
    g_test_add_func("/elementary/bits", test_bits);
    return g_test_run();
}
