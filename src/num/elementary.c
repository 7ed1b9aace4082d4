/* All functions use only additions, multiplications, divisions and conversions, each rounded once
 * as IEEE 754 says, in the order written; so the bits depend on no library, compiler or processor.
 *
 * exp: x = k ln 2 + r with |r| ≤ ln 2 / 2, and e^r by its Taylor series to r^14, whose remainder is
 *      below 2^-58. The sum 1 + r + tail is taken with the error of its first addition, so the
 *      result is within 0.75 ulp.
 * log: x = 2^k m with m in [√½, √2), f = m − 1, s = f / (2 + f), z = s²; then
 *      log(1 + f) = 2 artanh(s) = f − h + s (h + R), h = f²/2, R = z (2/3 + z (2/5 + …)) to z^12.
 *      h is split into an exact and a small part; k ln 2 + f − h is summed with the errors of its
 *      two additions, so the result is within 0.70 ulp.
 * pow: e^(y log x) with the logarithm and the product as pairs of doubles, see pair.h.
 */
#include "num/elementary.h"

#include "num/clones.h"
#include "num/pair.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be evaluated as doubles");

/* ln 2 in two parts; the first has 21 trailing zero bits, so that its product with any exponent is
 * exact. */
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define ONE_OVER_LN2 0x1.71547652b82fep+0

/* Beyond these e^x is infinite, or less than half the smallest double. */
#define EXP_MAX 0x1.62e42fefa39efp+9
#define EXP_MIN -0x1.74910d52d3051p+9

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k, −1022 ≤ k ≤ 1023. */
static double power_of_two(int k)
{
    return of_bits((uint64_t)(k + 1023) << 52);
}

double hpt_scale(double x, int k)
{
    if (k > 1023)
        return x * power_of_two(1023) * power_of_two(k - 1023);
    if (k < -1022) /* one rounding only: the first product is exact */
        return x * power_of_two(k + 200) * power_of_two(-200);
    return x * power_of_two(k);
}

/* 1/2! … 1/14! and 2/3, 2/5 … 2/25. */
static const double over_factorial[13] = {
    1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,        1.0 / 5040,        1.0 / 40320,
    1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800, 1.0 / 87178291200,
};
static const double two_over_odd[12] = {
    2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
    2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25,
};

/* e^r = 1 + r + r² p(r), r being rounded; of x = k ln 2 + r the whole k. */
static int exp_reduce(double x, double *high, double *low)
{
    double t = x * ONE_OVER_LN2;
    int k = (int)(t < 0 ? t - 0.5 : t + 0.5);
    *high = x - k * LN2_HIGH;
    *low = k * LN2_LOW;
    return k;
}

static double exp_series(double r)
{
    double p = 0; /* Σ r^(n−2) / n!, n from 14 down to 2 */
    for (int n = 12; n >= 0; n--)
        p = p * r + over_factorial[n];
    return p;
}

double hpt_exp(double x)
{
    if (isnan(x))
        return x;
    if (x > EXP_MAX)
        return (double)INFINITY;
    if (x < EXP_MIN)
        return 0;
    double high, low;
    int k = exp_reduce(x, &high, &low);
    double r = high - low, r_error = (high - r) - low;
    double p = exp_series(r), sum = 1 + r, sum_error = (1 - sum) + r;
    return hpt_scale(sum + (r * r * p + (r_error + sum_error)), k);
}

HptPair hpt_exp_pair(HptPair x, int *k)
{
    double high, low;
    *k = exp_reduce(x.high, &high, &low);
    low -= x.low;
    double r = high - low, r_error = (high - r) - low;
    double p = exp_series(r), sum = 1 + r, sum_error = (1 - sum) + r;
    HptPair square = hpt_pair_product(r, r);
    HptPair half = {0.5 * square.high, 0.5 * square.low}; /* r² p = r²/2 + r³ (p − 1/2) / r */
    double rest = square.high * (p - 0.5) + (half.low + (r_error + sum_error) + r_error * r);
    HptPair begin = hpt_pair_of(sum, half.high);
    return hpt_pair_of(begin.high, begin.low + rest);
}

double hpt_expm1(double x)
{
    if (isnan(x) || fabs(x) < 0x1p-54)
        return x;
    if (x > EXP_MAX)
        return (double)INFINITY;
    if (x < -40)
        return -1;
    if (fabs(x) < 0.34) /* k = 0 */
        return x + x * x * exp_series(x);
    int k;
    HptPair e = hpt_exp_pair((HptPair){x, 0}, &k);
    if (k > 60)
        return hpt_scale(e.high, k);
    HptPair less = hpt_pair_sum(hpt_scale(e.high, k), -1);
    return less.high + (less.low + hpt_scale(e.low, k));
}

/* m − 1, of x = 2^k m with m in [√½, √2); exact. */
static double log_reduce(double x, int *k)
{
    *k = 0;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        *k = -54;
    }
    uint64_t bits = bits_of(x);
    *k += (int)(bits >> 52) - 1023;
    double m = of_bits((bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000));
    if (m > 0x1.6a09e667f3bcdp+0) { /* √2 */
        m *= 0.5;
        ++*k;
    }
    return m - 1;
}

double hpt_log(double x)
{
    if (isnan(x) || x == (double)INFINITY)
        return x;
    if (x == 0)
        return -(double)INFINITY;
    if (x < 0)
        return (double)NAN;
    int k;
    double f = log_reduce(x, &k), s = f / (2 + f), z = s * s;
    double f_high = of_bits(bits_of(f) & ~UINT64_C(0x7ffffff)), f_low = f - f_high;
    double h_high = 0.5 * f_high * f_high, h_low = 0.5 * f_low * (f + f_high);
    double series = 0;
    for (int n = 11; n >= 0; n--)
        series = series * z + two_over_odd[n];
    double difference = f - h_high, difference_error = (f - difference) - h_high;
    double high = k * LN2_HIGH, sum = high + difference, sum_error = (high - sum) + difference;
    double rest = s * ((h_high + h_low) + z * series) - h_low;
    return sum + (sum_error + (difference_error + (k * LN2_LOW + rest)));
}

/* 2 artanh(s) = 2s (1 + z (1/3 + z/5 + z² R)), z = s²; R in doubles is enough, as z² < 2^-10. */
HptPair hpt_log_pair(double x)
{
    int k;
    double f = log_reduce(x, &k);
    if (f == 0)
        return hpt_pair_of(k * LN2_HIGH, k * LN2_LOW);
    HptPair below = hpt_pair_of(2, f);
    double first = f / below.high;
    HptPair back = hpt_pair_product(first, below.high);
    HptPair s = hpt_pair_of(first, (((f - back.high) - back.low) - first * below.low) / below.high);
    HptPair z = hpt_pair_times(s, s);
    double rest = 0;
    for (int n = 11; n >= 2; n--)
        rest = rest * z.high + two_over_odd[n] / 2;
    const HptPair third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
    const HptPair fifth = {0x1.999999999999ap-3, -0x1.999999999999ap-57};
    HptPair series = hpt_pair_add(fifth, (HptPair){z.high * rest, 0});
    series = hpt_pair_add(third, hpt_pair_times(z, series));
    series = hpt_pair_add((HptPair){1, 0}, hpt_pair_times(z, series));
    HptPair log_m = hpt_pair_times((HptPair){2 * s.high, 2 * s.low}, series);
    return hpt_pair_add(hpt_pair_of(k * LN2_HIGH, k * LN2_LOW), log_m);
}

double hpt_log1p(double x)
{
    if (isnan(x) || x == (double)INFINITY || fabs(x) < 0x1p-54)
        return x;
    if (x <= -1)
        return x < -1 ? (double)NAN : -(double)INFINITY;
    HptPair one_more = hpt_pair_sum(1, x), log = hpt_log_pair(one_more.high);
    return log.high + (log.low + one_more.low / one_more.high);
}

/* ---- pow ---- */

/* Is y a whole number; an odd one? */
static bool is_whole(double y, bool *odd)
{
    double size = fabs(y);
    *odd = false;
    if (size >= 0x1p53)
        return true;
    if (floor(size) < size)
        return false;
    *odd = ((uint64_t)size & 1) != 0;
    return true;
}

/* |x|^y for finite x ≠ 0, y ≠ 0. */
static double power(double x, double y)
{
    HptPair log = hpt_log_pair(x);
    double rough = y * log.high;
    if (log.high == 0)
        return 1;
    if (rough > 710 || rough < -746)
        return rough > 0 ? (double)INFINITY : 0;
    if (fabs(rough) < 0x1p-55)
        return 1;
    HptPair exponent = hpt_pair_product(y, log.high);
    exponent = hpt_pair_of(exponent.high, exponent.low + y * log.low);
    int k;
    HptPair e = hpt_exp_pair(exponent, &k);
    if (k < -1021) /* a subnormal is rounded once only if the pair is not rounded before */
        return hpt_scale(e.high, k) + hpt_scale(e.low, k);
    return hpt_scale(e.high + e.low, k);
}

double hpt_pow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    if (isnan(x) || isnan(y))
        return (double)NAN;
    if (isinf(y)) {
        double size = fabs(x);
        return size == 1 ? 1 : (size > 1) == (y > 0) ? (double)INFINITY : 0;
    }
    bool odd, whole = is_whole(y, &odd);
    double sign = signbit(x) && odd ? -1 : 1;
    if (x == 0 || isinf(x))
        return sign * ((x == 0) == (y < 0) ? (double)INFINITY : 0);
    if (x < 0 && !whole)
        return (double)NAN;
    return sign * power(fabs(x), y);
}

/* ---- many at a time ---- */

#define WHOLE 0x1.8p+52 /* x + WHOLE − WHOLE rounds x to a whole number; the bits of x + WHOLE count it */

/* The functions that the clones share are inlined into each of them. */
#define INLINE static inline __attribute__((always_inline))

static void exp_one_by_one(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = hpt_exp(x[i]);
}

static void log_one_by_one(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = hpt_log(x[i]);
}

#define LANES 4
#define OF_LANES(name) name##_4
#define LANES_CLONES HPT_CLONES
#include "num/elementary-lanes.h"
#undef LANES
#undef OF_LANES
#undef LANES_CLONES

#ifdef HPT_WIDE
#define LANES 8
#define OF_LANES(name) name##_8
#define LANES_CLONES HPT_WIDE
#include "num/elementary-lanes.h"
#endif

void hpt_exp_each(double *x, size_t n)
{
#ifdef HPT_WIDE
    if (HPT_HAS_WIDE) {
        exp_each_8(x, n);
        return;
    }
#endif
    exp_each_4(x, n);
}

void hpt_log_each(double *x, size_t n)
{
#ifdef HPT_WIDE
    if (HPT_HAS_WIDE) {
        log_each_8(x, n);
        return;
    }
#endif
    log_each_4(x, n);
}
