/* Both functions use only additions, multiplications, divisions and conversions, each rounded once
 * as IEEE 754 says, in the order written; so the bits depend on no library, compiler or processor.
 *
 * exp: x = k ln 2 + r with |r| ≤ ln 2 / 2, and e^r by its Taylor series to r^14, whose remainder is
 *      below 2^-58. The sum 1 + r + tail is taken with the error of its first addition, so the
 *      result is within 0.75 ulp.
 * log: x = 2^k m with m in [√½, √2), f = m − 1, s = f / (2 + f), z = s²; then
 *      log(1 + f) = 2 artanh(s) = f − h + s (h + R), h = f²/2, R = z (2/3 + z (2/5 + …)) to z^12.
 *      h is split into an exact and a small part; k ln 2 + f − h is summed with the errors of its
 *      two additions, so the result is within 0.70 ulp.
 */
#include "num/elementary.h"

#include <float.h>
#include <math.h>
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

static double times_power_of_two(double x, int k)
{
    if (k > 1023)
        return x * power_of_two(1023) * power_of_two(k - 1023);
    if (k < -1022) /* one rounding only: the first product is exact */
        return x * power_of_two(k + 200) * power_of_two(-200);
    return x * power_of_two(k);
}

double hpt_exp(double x)
{
    if (isnan(x))
        return x;
    if (x > EXP_MAX)
        return (double)INFINITY;
    if (x < EXP_MIN)
        return 0;
    double t = x * ONE_OVER_LN2;
    int k = (int)(t < 0 ? t - 0.5 : t + 0.5);
    double high = x - k * LN2_HIGH, low = k * LN2_LOW;
    double r = high - low, r_error = (high - r) - low;
    static const double factorial[] = {2,         6,          24,         120,     720,
                                       5040,      40320,      362880,     3628800, 39916800,
                                       479001600, 6227020800, 87178291200};
    double p = 0; /* r/2! … : Σ r^(n−2) / n!, n from 14 down to 2 */
    for (int n = 12; n >= 0; n--)
        p = p * r + 1 / factorial[n];
    double sum = 1 + r, sum_error = (1 - sum) + r;
    return times_power_of_two(sum + (r * r * p + (r_error + sum_error)), k);
}

double hpt_log(double x)
{
    if (isnan(x) || x == (double)INFINITY)
        return x;
    if (x == 0)
        return -(double)INFINITY;
    if (x < 0)
        return (double)NAN;
    int k = 0;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        k = -54;
    }
    uint64_t bits = bits_of(x);
    k += (int)(bits >> 52) - 1023;
    double m = of_bits((bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000));
    if (m > 0x1.6a09e667f3bcdp+0) { /* √2 */
        m *= 0.5;
        k++;
    }
    double f = m - 1, s = f / (2 + f), z = s * s;
    double f_high = of_bits(bits_of(f) & ~UINT64_C(0x7ffffff)), f_low = f - f_high;
    double h_high = 0.5 * f_high * f_high, h_low = 0.5 * f_low * (f + f_high);
    double series = 0;
    for (int n = 25; n >= 3; n -= 2)
        series = series * z + 2.0 / n;
    double difference = f - h_high, difference_error = (f - difference) - h_high;
    double high = k * LN2_HIGH, sum = high + difference, sum_error = (high - sum) + difference;
    double rest = s * ((h_high + h_low) + z * series) - h_low;
    return sum + (sum_error + (difference_error + (k * LN2_LOW + rest)));
}
