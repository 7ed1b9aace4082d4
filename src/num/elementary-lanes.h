/* exp and log of many at a time: the operations of hpt_exp and hpt_log, in their order, in vectors of LANES. Included by
 * elementary.c, for each width once. Some vectors go through each step together, for the steps wait for one another. */

enum { OF_LANES(MOST) = 4 };

typedef double OF_LANES(Lanes) __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t OF_LANES(Bits) __attribute__((vector_size(LANES * sizeof(double))));

/* mask ? a : b */
INLINE void OF_LANES(choose)(const OF_LANES(Bits) *mask, const OF_LANES(Lanes) *a, OF_LANES(Lanes) *b)
{
    *b = (OF_LANES(Lanes))((*mask & (OF_LANES(Bits))*a) | (~*mask & (OF_LANES(Bits))*b));
}

INLINE void OF_LANES(exp_some)(double *x, size_t m)
{
    typedef OF_LANES(Lanes) Lanes;
    typedef OF_LANES(Bits) Bits;
    const Bits sign = (Bits){0} + INT64_MIN;
    const Lanes half = (Lanes){0} + 0.5, one = (Lanes){0} + 1, whole = (Lanes){0} + WHOLE;
    Lanes k[OF_LANES(MOST)], r[OF_LANES(MOST)], r_error[OF_LANES(MOST)], p[OF_LANES(MOST)];
    for (size_t v = 0; v < m; v++) {
        Lanes a;
        memcpy(&a, x + v * LANES, sizeof a);
        Lanes t = a * ONE_OVER_LN2;
        Bits negative = (Bits)t & sign;
        t += (Lanes)((Bits)half | negative);
        k[v] = (t + WHOLE) - WHOLE; /* nearest; towards 0 is one less if that went too far */
        Lanes less = k[v] - (Lanes)((Bits)one | negative);
        Bits far = ((Lanes)((Bits)k[v] & ~sign) > (Lanes)((Bits)t & ~sign));
        OF_LANES(choose)(&far, &less, &k[v]);
        Lanes high = a - k[v] * LN2_HIGH, low = k[v] * LN2_LOW;
        r[v] = high - low;
        r_error[v] = (high - r[v]) - low;
        p[v] = (Lanes){0};
    }
    for (int n = 12; n >= 0; n--)
        for (size_t v = 0; v < m; v++)
            p[v] = p[v] * r[v] + over_factorial[n];
    for (size_t v = 0; v < m; v++) {
        Lanes sum = 1 + r[v], sum_error = (1 - sum) + r[v], count = k[v] + WHOLE;
        Lanes scale = (Lanes)(((Bits)count - (Bits)whole + 1023) << 52);
        Lanes e = (sum + (r[v] * r[v] * p[v] + (r_error[v] + sum_error))) * scale;
        memcpy(x + v * LANES, &e, sizeof e);
    }
}

INLINE void OF_LANES(log_some)(double *x, size_t n_vectors)
{
    typedef OF_LANES(Lanes) Lanes;
    typedef OF_LANES(Bits) Bits;
    const Bits one_bits = (Bits){0} + INT64_C(0x3ff0000000000000);
    const Lanes whole = (Lanes){0} + WHOLE;
    Lanes k[OF_LANES(MOST)], f[OF_LANES(MOST)], s[OF_LANES(MOST)], z[OF_LANES(MOST)], series[OF_LANES(MOST)];
    for (size_t v = 0; v < n_vectors; v++) {
        Bits bits;
        memcpy(&bits, x + v * LANES, sizeof bits);
        Lanes m = (Lanes)((bits & INT64_C(0x000fffffffffffff)) | one_bits), half = 0.5 * m;
        k[v] = (Lanes)((bits >> 52) - 1023 + (Bits)whole) - WHOLE;
        Lanes more = k[v] + 1;
        Bits large = (m > 0x1.6a09e667f3bcdp+0);
        OF_LANES(choose)(&large, &half, &m);
        OF_LANES(choose)(&large, &more, &k[v]);
        f[v] = m - 1;
        s[v] = f[v] / (2 + f[v]);
        z[v] = s[v] * s[v];
        series[v] = (Lanes){0};
    }
    for (int j = 11; j >= 0; j--)
        for (size_t v = 0; v < n_vectors; v++)
            series[v] = series[v] * z[v] + two_over_odd[j];
    for (size_t v = 0; v < n_vectors; v++) {
        Lanes f_high = (Lanes)((Bits)f[v] & ~INT64_C(0x7ffffff)), f_low = f[v] - f_high;
        Lanes h_high = 0.5 * f_high * f_high, h_low = 0.5 * f_low * (f[v] + f_high);
        Lanes difference = f[v] - h_high, difference_error = (f[v] - difference) - h_high;
        Lanes high = k[v] * LN2_HIGH, sum = high + difference, sum_error = (high - sum) + difference;
        Lanes rest = s[v] * ((h_high + h_low) + z[v] * series[v]) - h_low;
        sum = sum + (sum_error + (difference_error + (k[v] * LN2_LOW + rest)));
        memcpy(x + v * LANES, &sum, sizeof sum);
    }
}

LANES_CLONES
static void OF_LANES(exp_each)(double *x, size_t n)
{
    int64_t odd = 0;
    size_t i = 0, at_once = OF_LANES(MOST) * LANES;
    for (; i < n; i++)
        odd |= fabs(x[i]) < 708 ? 0 : 1;
    if (odd) {
        exp_one_by_one(x, n);
        return;
    }
    for (i = 0; i + at_once <= n; i += at_once)
        OF_LANES(exp_some)(x + i, OF_LANES(MOST));
    for (; i + LANES <= n; i += LANES)
        OF_LANES(exp_some)(x + i, 1);
    if (i == n)
        return;
    double last[LANES] = {0};
    memcpy(last, x + i, (n - i) * sizeof *last);
    OF_LANES(exp_some)(last, 1);
    memcpy(x + i, last, (n - i) * sizeof *last);
}

LANES_CLONES
static void OF_LANES(log_each)(double *x, size_t n)
{
    int64_t odd = 0;
    size_t i = 0, at_once = OF_LANES(MOST) * LANES;
    for (; i < n; i++)
        odd |= x[i] >= DBL_MIN ? x[i] <= DBL_MAX ? 0 : 1 : 1;
    if (odd) {
        log_one_by_one(x, n);
        return;
    }
    for (i = 0; i + at_once <= n; i += at_once)
        OF_LANES(log_some)(x + i, OF_LANES(MOST));
    for (; i + LANES <= n; i += LANES)
        OF_LANES(log_some)(x + i, 1);
    if (i == n)
        return;
    double last[LANES];
    for (size_t k = 0; k < LANES; k++)
        last[k] = 1;
    memcpy(last, x + i, (n - i) * sizeof *last);
    OF_LANES(log_some)(last, 1);
    memcpy(x + i, last, (n - i) * sizeof *last);
}
