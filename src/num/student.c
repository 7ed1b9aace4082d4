/* atan: the half-angle formula atan x = 2 atan(x / (1 + √(1 + x²))) thrice, which leaves an
 * argument below 0.2, then the Taylor series to x^27, whose remainder is below 10^-21.
 */
#include "num/student.h"

#include <math.h>

#define PI 0x1.921fb54442d18p+1

double hpt_atan(double x)
{
    if (isnan(x))
        return x;
    if (x < 0)
        return -hpt_atan(-x);
    if (x > 1) /* keeps x² finite */
        return PI / 2 - hpt_atan(1 / x);
    double y = x;
    for (int i = 0; i < 3; i++)
        y = y / (1 + sqrt(1 + y * y));
    double z = y * y, series = 0;
    for (int n = 27; n >= 1; n -= 2)
        series = 1.0 / n - series * z;
    return 8 * y * series;
}

double hpt_student_above(double t, int nu)
{
    if (isnan(t))
        return t;
    if (t < 0)
        return 1 - hpt_student_above(-t, nu);
    double theta_tan = t / sqrt((double)nu);
    double cos2 = 1 / (1 + theta_tan * theta_tan); /* cos² of θ = atan(t / √ν) */
    double sin_theta = cos2 > 0 ? theta_tan * sqrt(cos2) : 1; /* 0: θ is π/2, or the tangent's square infinite */
    double inside; /* A(t|ν): the chance that |T| ≤ t */
    if (nu % 2 == 0) {
        double term = 1, sum = 1;
        for (int k = 2; k <= nu - 2; k += 2) {
            term *= cos2 * (k - 1) / k;
            sum += term;
        }
        inside = sin_theta * sum;
    } else {
        double term = sqrt(cos2), sum = nu > 1 ? term : 0;
        for (int k = 3; k <= nu - 2; k += 2) {
            term *= cos2 * (k - 1) / k;
            sum += term;
        }
        inside = 2 / PI * (hpt_atan(theta_tan) + sin_theta * sum);
    }
    double above = (1 - inside) / 2;
    return above > 0 ? above : 0;
}

double hpt_student_quantile(double p, int nu)
{
    double low = 0, high = 1;
    while (hpt_student_above(high, nu) > p && high < 1e12)
        high *= 2;
    for (int i = 0; i < 100; i++) {
        double middle = low + (high - low) / 2;
        if (hpt_student_above(middle, nu) > p)
            low = middle;
        else
            high = middle;
    }
    return high;
}
