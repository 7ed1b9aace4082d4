#include "num/normal.h"

#include "num/elementary.h"
#include "num/erf.h"

#include <math.h>
#include <stddef.h>

#define SQRT_HALF 0x1.6a09e667f3bcdp-1        /* √½, */
#define SQRT_HALF_REST -0x1.bdd3413b26456p-55 /* as a pair */
#define LOG_2 0x1.62e42fefa39efp-1            /* log 2, */
#define LOG_2_REST 0x1.abc9e3b39803fp-56      /* as a pair */
#define SQRT_HALF_PI 0x1.40d931ff62706p+0     /* √(π/2) */
#define LOG_SQRT_2PI 0x1.d67f1c864beb5p-1     /* log √(2π) */
#define ONE_OVER_SQRT_2PI 0x1.9884533d43651p-2
#define SERIES_FROM -20.0
#define SMALL 0x1.6a09e667f3bcdp-1 /* up to here, the first double above √½, erf is taken; from there on x/√2 > 1/2 */

/* x/√2 for x ≥ 0. */
static HptPair over_sqrt_2(double x)
{
    return hpt_pair_times((HptPair){x, 0}, (HptPair){SQRT_HALF, SQRT_HALF_REST});
}

/* P(Z > x) for x > SMALL: ½ e^(−x²/2) erfcx(x/√2). */
static double above(double x)
{
    if (x > 38.6)
        return 0;
    int k;
    HptPair square = hpt_pair_product(x, x);
    HptPair e = hpt_exp_pair((HptPair){-0.5 * square.high, -0.5 * square.low}, &k);
    return hpt_scale(hpt_pair_times(e, hpt_erfcx_pair(over_sqrt_2(x))).high, k - 1);
}

double hpt_normal_below(double x)
{
    if (isnan(x))
        return x;
    if (fabs(x) <= SMALL) {
        HptPair t = over_sqrt_2(fabs(x));
        double half = 0.5 * hpt_erf(t.high); /* the rest of t is lost in the sum */
        return 0.5 + (x < 0 ? -half : half);
    }
    return x > 0 ? 1 - above(x) : above(-x);
}

double hpt_normal_log_below(double x, double *slope)
{
    if (isnan(x)) {
        if (slope != NULL)
            *slope = x;
        return x;
    }
    if (x > -1) {
        double below = hpt_normal_below(x);
        if (slope != NULL)
            *slope = ONE_OVER_SQRT_2PI * hpt_exp(-0.5 * x * x) / below;
        return x > 0 ? hpt_log1p(-hpt_normal_below(-x)) : hpt_log(below);
    }
    if (x < -1e154) { /* x² is infinite, or what follows it is nothing */
        if (slope != NULL)
            *slope = -x;
        return -0.5 * x * x;
    }
    HptPair t = over_sqrt_2(-x);
    double erfcx = t.high < 32 ? hpt_erfcx_pair(t).high : hpt_erfcx(t.high);
    if (slope != NULL) /* φ(x)/Φ(x) = 1 / (√(π/2) erfcx(−x/√2)) */
        *slope = 1 / (SQRT_HALF_PI * erfcx);
    HptPair square = hpt_pair_product(x, x), sum = hpt_pair_sum(-0.5 * square.high, -LOG_2);
    return sum.high + (sum.low - 0.5 * square.low - LOG_2_REST + hpt_log(erfcx));
}

static double ratio(const double *above, const double *below, double r)
{
    double num = above[7], den = below[7];
    for (int i = 6; i >= 0; i--) {
        num = num * r + above[i];
        den = den * r + below[i];
    }
    return num / den;
}

double hpt_normal_quantile(double p)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e2,
                                1.9715909503065514427e3,  1.3731693765509461125e4,
                                4.5921953931549871457e4,  6.7265770927008700853e4,
                                3.3430575583588128105e4,  2.5090809287301226727e3};
    static const double b[8] = {1,
                                4.2313330701600911252e1,
                                6.8718700749205790830e2,
                                5.3941960214247511077e3,
                                2.1213794301586595867e4,
                                3.9307895800092710610e4,
                                2.8729085735721942674e4,
                                5.2264952788528545610e3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    if (isnan(p) || p < 0 || p > 1)
        return (double)NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -(double)INFINITY : (double)INFINITY;
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio(a, b, 0.180625 - q * q);
    double r = sqrt(-hpt_log(q < 0 ? p : 1 - p));
    double x = r <= 5 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5);
    return q < 0 ? -x : x;
}

double hpt_normal_log_improvement(double z, double *slope)
{
    if (z > -1) {
        double below = hpt_normal_below(z);
        double gain = ONE_OVER_SQRT_2PI * hpt_exp(-0.5 * z * z) + z * below;
        if (slope != NULL)
            *slope = below / gain;
        return hpt_log(gain);
    }
    /* φ(z) (1 − |z| M), M = Φ(z)/φ(z) = √(π/2) erfcx(|z|/√2), of which far out nearly nothing is left: the
     * series 1/z² − 3/z⁴ + 15/z⁶ … then (Abramowitz & Stegun 1964, 26.2.12). */
    double mills = SQRT_HALF_PI * hpt_erfcx(-z * SQRT_HALF), bracket = 1 + z * mills;
    if (z < SERIES_FROM) {
        double each = 1 / (z * z), sum = 0;
        for (int n = 23; n >= 3; n -= 2)
            sum = -n * each * (1 + sum);
        bracket = each * (1 + sum);
    }
    if (slope != NULL)
        *slope = mills / bracket;
    return -0.5 * z * z - LOG_SQRT_2PI + hpt_log(bracket);
}
