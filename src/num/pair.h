/* Numbers as unevaluated sums of two doubles, for the places where one is too few. For num alone.
 *
 * A pair means high + low exactly, |low| ≤ half a unit in the last place of high. No fused multiply-add.
 * Source: Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18,
 * 1971; the sum that needs no order: Knuth, TAOCP vol. 2, 4.2.2 theorem B.
 */
#ifndef HPT_NUM_PAIR_H
#define HPT_NUM_PAIR_H

typedef struct {
    double high, low;
} HptPair;

/* a + b, exactly, where |a| ≥ |b| or a is 0. */
static inline HptPair hpt_pair_of(double a, double b)
{
    double sum = a + b;
    return (HptPair){sum, (a - sum) + b};
}

/* a + b, exactly. */
static inline HptPair hpt_pair_sum(double a, double b)
{
    double sum = a + b, of_b = sum - a;
    return (HptPair){sum, (a - (sum - of_b)) + (b - of_b)};
}

/* a · b, exactly if nothing overflows (|a|, |b| < 2^970) or becomes subnormal. */
static inline HptPair hpt_pair_product(double a, double b)
{
    double c = a * 0x1.0000002p+27, d = b * 0x1.0000002p+27;
    double a_high = c - (c - a), a_low = a - a_high, b_high = d - (d - b), b_low = b - b_high;
    double product = a * b;
    return (HptPair){product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

/* Both to some 2^-104. */
static inline HptPair hpt_pair_add(HptPair a, HptPair b)
{
    HptPair sum = hpt_pair_sum(a.high, b.high);
    return hpt_pair_of(sum.high, sum.low + (a.low + b.low));
}

static inline HptPair hpt_pair_times(HptPair a, HptPair b)
{
    HptPair product = hpt_pair_product(a.high, b.high);
    return hpt_pair_of(product.high, product.low + (a.high * b.low + a.low * b.high));
}

/* e^x as pair · 2^k, −745 < x < 710; the logarithm of a finite x > 0. Both to some 2^-68 of themselves.
 * (elementary.c) */
HptPair hpt_exp_pair(HptPair x, int *k);
HptPair hpt_log_pair(double x);

/* x · 2^k, rounded once, −1100 < k < 1100 (elementary.c). */
double hpt_scale(double x, int k);

#endif
