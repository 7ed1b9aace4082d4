#include "num/normal.h"

#include "num/elementary.h"

#include <math.h>
#include <stddef.h>

#define SQRT_PI 0x1.c5bf891b4ef6bp+0          /* √π */
#define TWO_OVER_SQRT_PI 0x1.20dd750429b6dp+0 /* 2/√π */
#define SQRT_HALF 0x1.6a09e667f3bcdp-1        /* √½ */
#define SQRT_HALF_PI 0x1.40d931ff62706p+0     /* √(π/2) */
#define LOG_SQRT_2PI 0x1.d67f1c864beb5p-1     /* log √(2π) */
#define ONE_OVER_SQRT_2PI 0x1.9884533d43651p-2

#define SPLIT 1.25
enum { SERIES_TERMS = 60 };

/* erf(x) e^(x²) √π / 2 = x Σ (2x²)^n / (1·3·…·(2n+1)); all terms are positive. */
static double erf_series(double x)
{
    double term = x, sum = x, twice = 2 * x * x;
    for (int n = 1; n < SERIES_TERMS && term > sum * 0x1p-56; n++) {
        term = term * twice / (2 * n + 1);
        sum += term;
    }
    return sum;
}

double hpt_erfcx(double x)
{
    if (isnan(x))
        return x;
    if (x < SPLIT) {
        double e = hpt_exp(x * x);
        return e - TWO_OVER_SQRT_PI * erf_series(x);
    }
    if (x > 1e8)
        return 1 / (SQRT_PI * x);
    /* x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …))), from the innermost term. */
    int terms = (int)(190 / (x * x)) + 14; /* the error falls as e^(−2x√(2n)) */
    double tail = x;
    for (int k = terms; k >= 1; k--)
        tail = x + 0.5 * k / tail;
    return 1 / (SQRT_PI * tail);
}

double hpt_normal_below(double x)
{
    if (isnan(x))
        return x;
    if (x > 0)
        return x > 40 ? 1 : 1 - hpt_normal_below(-x);
    if (x < -40)
        return 0;
    double t = -x * SQRT_HALF;
    if (t < 0.5) /* by erf itself: nothing is lost near 0 */
        return 0.5 - 0.5 * TWO_OVER_SQRT_PI * erf_series(t) * hpt_exp(-t * t);
    return 0.5 * hpt_erfcx(t) * hpt_exp(-0.5 * x * x);
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

double hpt_normal_log_below(double z, double *slope)
{
    if (z > -1) {
        double below = hpt_normal_below(z);
        if (slope != NULL)
            *slope = ONE_OVER_SQRT_2PI * hpt_exp(-0.5 * z * z) / below;
        return hpt_log(below);
    }
    double mills = SQRT_HALF_PI * hpt_erfcx(-z * SQRT_HALF); /* Φ(z)/φ(z) */
    if (slope != NULL)
        *slope = 1 / mills;
    return hpt_log(mills) - 0.5 * z * z - LOG_SQRT_2PI;
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
    /* φ(z) (1 − |z| M), M = Φ(z)/φ(z) = √(π/2) erfcx(|z|/√2); for large |z| the bracket is 1/z². */
    double mills = SQRT_HALF_PI * hpt_erfcx(-z * SQRT_HALF);
    double bracket = z < -1e4 ? 1 / (z * z) : 1 + z * mills;
    if (slope != NULL)
        *slope = mills / bracket;
    return -0.5 * z * z - LOG_SQRT_2PI + hpt_log(bracket);
}
