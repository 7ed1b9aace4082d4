#include "num/beta.h"

#include "num/elementary.h"

#include <math.h>

#define LOG_SQRT_2PI 0x1.d67f1c864beb5p-1
#define STIRLING_FROM 12.0
#define LEAST 1e-300

/* log Γ(x) − ((x − ½) log x − x + log √(2π)), x ≥ STIRLING_FROM. */
static double stirling_rest(double x)
{
    /* B_2k / (2k (2k − 1) x^(2k − 1)), k from 1 */
    static const double term[8] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                                   1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
    double z = 1 / (x * x), sum = 0;
    for (int k = 7; k >= 0; k--)
        sum = sum * z + term[k];
    return sum / x;
}

double hpt_log_gamma(double x)
{
    if (isnan(x) || x <= 0)
        return (double)NAN;
    if (x > 1e305)
        return (double)INFINITY;
    double product = 1; /* Γ(x) = Γ(x + n) / (x (x + 1) … (x + n − 1)) */
    for (; x < STIRLING_FROM; x++)
        product *= x;
    return ((x - 0.5) * hpt_log(x) - x) + (LOG_SQRT_2PI + stirling_rest(x) - hpt_log(product));
}

/* log of x / (part of the whole), given how far x is beyond it. */
static double log_ratio(double ratio, double beyond)
{
    return fabs(beyond) < 0.5 ? hpt_log1p(beyond) : hpt_log(ratio);
}

/* log of x^a y^b / B(a, b) */
static double log_front(double x, double y, double a, double b)
{
    if (a >= STIRLING_FROM && b >= STIRLING_FROM) { /* what is large in the three log Γ is left out */
        double sum = a + b, apart = x * b - y * a;
        return a * log_ratio(x * (sum / a), apart / a) + b * log_ratio(y * (sum / b), -apart / b) +
               0.5 * hpt_log(a / sum * b) - LOG_SQRT_2PI + stirling_rest(sum) - stirling_rest(a) - stirling_rest(b);
    }
    double log_x = x < y ? hpt_log(x) : hpt_log1p(-y), log_y = x < y ? hpt_log1p(-x) : hpt_log(y);
    return a * log_x + b * log_y + (hpt_log_gamma(a + b) - hpt_log_gamma(a) - hpt_log_gamma(b));
}

static double away_from_0(double x)
{
    return fabs(x) < LEAST ? LEAST : x;
}

/* The continued fraction, which converges fast for x < (a + 1) / (a + b + 2). */
static double fraction(double x, double a, double b)
{
    double c = 1, d = 1 / away_from_0(1 - (a + b) * x / (a + 1)), value = d;
    int most = 200 + 20 * (int)sqrt(fmin(fmax(a, b), 1e10));
    for (int m = 1; m <= most; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_0(1 + even * d);
        c = away_from_0(1 + even / c);
        value *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_0(1 + odd * d);
        c = away_from_0(1 + odd / c);
        double factor = d * c;
        value *= factor;
        if (fabs(factor - 1) < 0x1p-52)
            break;
    }
    return value;
}

/* I_x(a, b), y = 1 − x being given as well: nothing is lost where x is nearly 1. */
static double beta_below(double x, double y, double a, double b)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    if (x < (a + 1) / (a + b + 2))
        return hpt_exp(log_front(x, y, a, b)) * fraction(x, a, b) / a;
    return 1 - hpt_exp(log_front(y, x, b, a)) * fraction(y, b, a) / b;
}

double hpt_beta_below(double x, double a, double b)
{
    if (isnan(x) || !(a > 0) || !(b > 0))
        return (double)NAN;
    return beta_below(x, 1 - x, a, b);
}

double hpt_f_above(double f, double d1, double d2)
{
    if (isnan(f) || !(d1 > 0) || !(d2 > 0))
        return (double)NAN;
    if (f <= 0 || isinf(f))
        return f <= 0 ? 1 : 0;
    double sum = d2 + d1 * f;
    return isinf(sum) ? 0 : beta_below(d2 / sum, d1 * f / sum, d2 / 2, d1 / 2);
}

double hpt_f_quantile(double p, double d1, double d2)
{
    if (!(p > 0 && p < 1))
        return (double)NAN;
    double low = 0, high = 1;
    while (hpt_f_above(high, d1, d2) > p && high < 1e300)
        high *= 2;
    for (int i = 0; i < 1100 && low < high; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (hpt_f_above(middle, d1, d2) > p)
            low = middle;
        else
            high = middle;
    }
    return high;
}
