#include "num/eigen.h"

#include <math.h>

enum { MAX_STEPS = 60 }; /* for one value; two or three are usual */
#define NOTHING 0x1p-100 /* of a matrix whose largest element is 1 */
#define ROUNDING 0x1p-53

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* ---- the tridiagonal form ---- */

/* Turns x into the vector u of the reflection I − u uᵀ / b that leaves of x only its last place, *rest, and gives b;
 * 0: there is nothing else in x, which stays. */
static double householder(double *x, size_t n, double *rest)
{
    double others = 0, sum = 0;
    for (size_t i = 0; i + 1 < n; i++)
        others = larger(others, fabs(x[i]));
    *rest = x[n - 1];
    if (others == 0)
        return 0;
    double scale = larger(others, fabs(x[n - 1]));
    for (size_t i = 0; i < n; i++) {
        x[i] /= scale;
        sum += x[i] * x[i];
    }
    double length = x[n - 1] > 0 ? -sqrt(sum) : sqrt(sum);
    double b = sum - x[n - 1] * length;
    x[n - 1] -= length;
    *rest = scale * length;
    return b;
}

/* Reflects the leading i × i block from both sides by what makes row i zero left of *beside. The row keeps u;
 * gives b. p: i doubles. */
static double reflect(double *a, size_t n, size_t i, double *beside, double *p)
{
    double *u = a + i * n, half = 0;
    double b = householder(u, i, beside);
    if (b == 0)
        return 0;
    for (size_t j = 0; j < i; j++) { /* p = A u / b, by the lower half */
        double sum = 0;
        for (size_t m = 0; m <= j; m++)
            sum += a[j * n + m] * u[m];
        for (size_t m = j + 1; m < i; m++)
            sum += a[m * n + j] * u[m];
        p[j] = sum / b;
        half += u[j] * p[j];
    }
    half /= 2 * b;
    for (size_t j = 0; j < i; j++)
        p[j] -= half * u[j];
    for (size_t j = 0; j < i; j++)
        for (size_t m = 0; m <= j; m++)
            a[j * n + m] -= u[j] * p[m] + p[j] * u[m];
    return b;
}

/* The product of the reflections, in place: smallest first, so what is still to come is not overwritten. */
static void multiply(double *a, size_t n, const double *b)
{
    for (size_t i = 0; i < n; i++) {
        const double *u = a + i * n;
        for (size_t j = 0; i > 0 && b[i] != 0 && j < i; j++) {
            double sum = 0;
            for (size_t m = 0; m < i; m++)
                sum += u[m] * a[m * n + j];
            sum /= b[i];
            for (size_t m = 0; m < i; m++)
                a[m * n + j] -= sum * u[m];
        }
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i] = 0;
        a[i * n + i] = 1;
    }
}

/* ---- its values ---- */

/* A QR step on the rows between from and to of the matrix with diagonal d and e beside it (e[i] joins i and i + 1). */
static void step(double *v, size_t n, double *d, double *e, size_t from, size_t to)
{
    double last = e[to - 1], half = (d[to - 1] - d[to]) / 2, root = sqrt(half * half + last * last);
    double shift = d[to] - last * last / (half < 0 ? half - root : half + root);
    double x = d[from] - shift, z = e[from];
    for (size_t k = from; k < to; k++) {
        double r = sqrt(x * x + z * z), c = r > 0 ? x / r : 1, s = r > 0 ? z / r : 0;
        double a = d[k], b = e[k], f = d[k + 1], minus = -s;
        if (k > from)
            e[k - 1] = r;
        d[k] = c * c * a + 2 * c * s * b + s * s * f;
        d[k + 1] = s * s * a - 2 * c * s * b + c * c * f;
        e[k] = c * s * (f - a) + (c * c - s * s) * b;
        if (k + 1 < to) {
            x = e[k];
            z = s * e[k + 1];
            e[k + 1] *= c;
        }
        /* minus: gcc 12 at -O3 with FMA fuses c·right − s·left, whatever -ffp-contract says. */
        for (size_t i = 0; i < n; i++) {
            double left = v[i * n + k], right = v[i * n + k + 1];
            v[i * n + k] = c * left + s * right;
            v[i * n + k + 1] = c * right + minus * left;
        }
    }
}

static bool is_nothing(const double *d, const double *e, size_t i)
{
    return fabs(e[i]) <= ROUNDING * (fabs(d[i]) + fabs(d[i + 1])) || fabs(e[i]) <= NOTHING;
}

static bool diagonalise(double *v, size_t n, double *d, double *e)
{
    for (size_t to = n - 1, steps = 0; to > 0;) {
        size_t from = to;
        while (from > 0 && !is_nothing(d, e, from - 1))
            from--;
        if (from == to) {
            to--;
            steps = 0;
        } else if (steps++ == MAX_STEPS)
            return false;
        else
            step(v, n, d, e, from, to);
    }
    return true;
}

/* ---- the order and the signs ---- */

static void arrange(double *v, size_t n, double *values)
{
    for (size_t k = 0; k < n; k++) {
        size_t least = k, large = 0;
        for (size_t i = k + 1; i < n; i++)
            if (values[i] < values[least])
                least = i;
        double value = values[least];
        values[least] = values[k];
        values[k] = value;
        for (size_t i = 0; i < n; i++) {
            double other = v[i * n + k];
            v[i * n + k] = v[i * n + least];
            v[i * n + least] = other;
        }
        for (size_t i = 1; i < n; i++)
            if (fabs(v[i * n + k]) > fabs(v[large * n + k]))
                large = i;
        for (size_t i = 0; v[large * n + k] < 0 && i < n; i++)
            if (i != large)
                v[i * n + k] = -v[i * n + k];
        v[large * n + k] = fabs(v[large * n + k]);
    }
}

bool hpt_eigen(double *v, size_t n, double *values, double *scratch)
{
    double *beside = scratch, *b = scratch + n, largest = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            if (!isfinite(v[i * n + j]))
                return false;
            largest = larger(largest, fabs(v[i * n + j]));
        }
    if (n == 0)
        return true;
    for (size_t i = 0; i < n && largest > 0; i++)
        for (size_t j = 0; j <= i; j++)
            v[i * n + j] /= largest;
    for (size_t i = n; i-- > 1;)
        b[i] = reflect(v, n, i, &beside[i - 1], values); /* values are free till here */
    for (size_t i = 0; i < n; i++)
        values[i] = v[i * n + i];
    multiply(v, n, b);
    if (!diagonalise(v, n, values, beside))
        return false;
    for (size_t i = 0; i < n; i++)
        values[i] *= largest;
    arrange(v, n, values);
    return true;
}
