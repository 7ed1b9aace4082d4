#include "num/erf.h"

#include "num/elementary.h"
#include "num/erf-table.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TWO_OVER_SQRT_PI 0x1.20dd750429b6dp+0 /* 2/√π, */
#define AND_THE_REST 0x1.1ae3a914fed80p-56    /* as a pair */
#define ONE_OVER_SQRT_PI 0x1.20dd750429b6dp-1

#define FIRST 0.5  /* where the table begins */
#define BEYOND 32.0 /* and ends */
enum { PARTS = 16, DEGREE = 9, TERMS = 13 };

/* (−1)^n / (n! (2n + 1)), n from 0: the series of erf over 2x/√π in x² (Abramowitz & Stegun 1964, 7.1.5). */
static double erf_series(double x)
{
    double z = x * x, sum = 0;
    static const double term[TERMS] = {
        1.0,
        -1.0 / 3,
        1.0 / 10,
        -1.0 / 42,
        1.0 / 216,
        -1.0 / 1320,
        1.0 / 9360,
        -1.0 / 75600,
        1.0 / 685440,
        -1.0 / 6894720,
        1.0 / 76204800,
        -1.0 / 918086400,
        1.0 / 11975040000,
    };
    for (int n = TERMS - 1; n >= 1; n--)
        sum = (sum + term[n]) * z;
    HptPair first = hpt_pair_product(x, TWO_OVER_SQRT_PI);
    return first.high + (first.low + x * AND_THE_REST + first.high * sum);
}

HptPair hpt_erfcx_pair(HptPair x)
{
    uint64_t bits;
    memcpy(&bits, &x.high, sizeof bits);
    /* The exponent and the first four digits of the fraction say which interval it is. */
    const double *row = erf_table[(bits >> 48) - (UINT64_C(1022) << 4)];
    double t = (x.high - row[0]) + x.low, p = 0;
    for (int n = DEGREE; n >= 1; n--)
        p = (p + row[n + 2]) * t;
    return hpt_pair_of(row[1], row[2] + p);
}

double hpt_erfcx(double x)
{
    if (isnan(x))
        return x;
    if (x >= BEYOND) { /* 1/(x√π) (1 − 1/(2x²) (1 − 3/(2x²) (1 − …))), 7.1.23 */
        double half = 0.5 / (x * x), sum = 0;
        for (int n = 9; n >= 1; n -= 2)
            sum = -n * half * (1 + sum);
        double first = ONE_OVER_SQRT_PI / x;
        return first + first * sum;
    }
    if (x < FIRST) {
        int k;
        HptPair square = hpt_pair_product(x, x), e = hpt_exp_pair(square, &k);
        e.high = hpt_scale(e.high, k);
        e.low = hpt_scale(e.low, k);
        HptPair rest = hpt_pair_times(e, hpt_pair_sum(1, -erf_series(x)));
        return rest.high + rest.low;
    }
    HptPair pair = hpt_erfcx_pair((HptPair){x, 0});
    return pair.high + pair.low;
}

/* erfc(x) for x ≥ 1/2. */
static double erfc_above(double x)
{
    if (x > 27.3)
        return 0;
    int k;
    HptPair square = hpt_pair_product(x, x);
    HptPair e = hpt_exp_pair((HptPair){-square.high, -square.low}, &k);
    HptPair product = hpt_pair_times(e, hpt_erfcx_pair((HptPair){x, 0}));
    return hpt_scale(product.high, k);
}

double hpt_erf(double x)
{
    double size = fabs(x);
    if (isnan(x) || x == 0)
        return x;
    if (size < FIRST)
        return erf_series(x);
    double erf = size > 6 ? 1 : 1 - erfc_above(size);
    return x < 0 ? -erf : erf;
}

double hpt_erfc(double x)
{
    if (isnan(x))
        return x;
    if (fabs(x) < FIRST)
        return 1 - erf_series(x);
    if (x < 0)
        return x < -6 ? 2 : 2 - erfc_above(-x);
    return erfc_above(x);
}
