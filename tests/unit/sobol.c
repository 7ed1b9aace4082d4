/* The Sobol points: nets in one and two dimensions, the table, scrambling. */
#include "num/sobol.h"

#include "base/digest.h"
#include "num/random.h"
#include "num/sobol-table.h"

#include <string.h>

static uint64_t key_of(size_t dimension)
{
    HptStream stream = hpt_stream(11, (int64_t)dimension, "test", "owen");
    return hpt_stream_bits(&stream, 0);
}

/* Every polynomial is primitive and used once; every initial number is odd and below 2^k. */
static void test_table(void)
{
    bool seen[1024] = {false};
    for (size_t i = 0; i < G_N_ELEMENTS(sobol_table); i++) {
        unsigned p = sobol_table[i].polynomial, x = 1, period = 0;
        unsigned degree = 31u - (unsigned)__builtin_clz(p);
        do {
            x <<= 1;
            if ((x >> degree & 1) != 0)
                x ^= p;
            period++;
        } while (x != 1 && period < 1024);
        g_assert_cmpuint(period, ==, (1u << degree) - 1);
        g_assert_false(seen[p]);
        seen[p] = true;
        for (unsigned k = 0; k < degree; k++) {
            g_assert_cmpuint(sobol_table[i].m[k] & 1, ==, 1);
            g_assert_cmpuint(sobol_table[i].m[k], <, 2u << k);
        }
    }
    g_assert_cmpuint(hpt_sobol_dimensions(), ==, G_N_ELEMENTS(sobol_table) + 1);
    g_assert_cmpuint(hpt_sobol_dimensions(), >=, 64);
}

/* One point in each interval of length 2^-k, for any aligned run of 2^k points. */
static void test_one_dimension(void)
{
    for (size_t d = 0; d < hpt_sobol_dimensions(); d++)
        for (unsigned k = 0; k <= 10; k++)
            for (uint64_t start = 0; start < 3; start++) {
                bool taken[1024] = {false};
                uint64_t n = UINT64_C(1) << k;
                for (uint64_t i = 0; i < n; i++) {
                    double x = hpt_sobol(start * n + i, d, key_of(d));
                    g_assert_true(x >= 0 && x < 1);
                    size_t cell = (size_t)(x * (double)n);
                    g_assert_false(taken[cell]);
                    taken[cell] = true;
                }
            }
}

/* t of the first 2^m points in two dimensions, by counting points in all boxes of equal volume. */
static unsigned net_quality(size_t a, size_t b, unsigned m)
{
    uint64_t n = UINT64_C(1) << m;
    g_autofree double *x = g_new(double, n);
    g_autofree double *y = g_new(double, n);
    for (uint64_t i = 0; i < n; i++) {
        x[i] = hpt_sobol(i, a, key_of(a));
        y[i] = hpt_sobol(i, b, key_of(b));
    }
    for (unsigned t = 0; t < m; t++) {
        bool good = true;
        for (unsigned p = 0; p <= m - t && good;
             p++) { /* 2^p by 2^(m-t-p) boxes, 2^t points each */
            g_autofree uint32_t *count = g_new0(uint32_t, n);
            unsigned q = m - t - p;
            for (uint64_t i = 0; i < n; i++)
                count[(size_t)(x[i] * (double)(1u << p)) << q |
                      (size_t)(y[i] * (double)(1u << q))]++;
            for (uint64_t c = 0; c < n >> t && good; c++)
                good = count[c] == 1u << t;
        }
        if (good)
            return t;
    }
    return m;
}

static void test_two_dimensions(void)
{
    for (unsigned m = 1; m <= 12; m++)
        g_assert_cmpuint(net_quality(0, 1, m), ==, 0);
    /* What the search found for neighbours among the first dimensions, at 2^8 points. */
    static const unsigned expected[] = {0, 1, 3, 2, 2, 2, 2, 2, 3, 2, 2, 3, 3, 3, 2, 2, 3, 2, 2, 2};
    for (size_t d = 1; d < G_N_ELEMENTS(expected); d++)
        g_assert_cmpuint(net_quality(d, d + 1, 8), ==, expected[d]);
}

/* Scrambling: a point is uniform over the keys, and keys are independent. */
static void test_scrambling(void)
{
    enum { KEYS = 20000, CELLS = 50 };
    uint32_t counts[CELLS] = {0}, pairs[16] = {0};
    for (uint64_t key = 0; key < KEYS; key++) {
        double x = hpt_sobol(5, 3, key), y = hpt_sobol(5, 3, key + KEYS);
        counts[(size_t)(x * CELLS)]++;
        pairs[(size_t)(x * 4) * 4 + (size_t)(y * 4)]++;
    }
    double chi2 = 0, chi2_pairs = 0;
    for (size_t i = 0; i < CELLS; i++)
        chi2 += (counts[i] - KEYS / 50.0) * (counts[i] - KEYS / 50.0) / (KEYS / 50.0);
    for (size_t i = 0; i < 16; i++)
        chi2_pairs += (pairs[i] - KEYS / 16.0) * (pairs[i] - KEYS / 16.0) / (KEYS / 16.0);
    g_assert_cmpfloat(chi2, <, 85.4);       /* 49 degrees of freedom, p = 0.001 */
    g_assert_cmpfloat(chi2_pairs, <, 37.7); /* 15 degrees of freedom */
    /* The digits beyond log2 N are random too: second digits given the first, below cell size. */
    uint32_t low = 0;
    for (uint64_t i = 0; i < 4096; i++) {
        double x = hpt_sobol(i, 7, 99) * 4096;
        low += x - (double)(uint64_t)x < 0.5;
    }
    g_assert_cmpint(ABS((int)low - 2048), <, 130); /* four standard deviations */
}

/* What it is for: the mean of a smooth function of 6 variables over 1024 points. Plain random
 * points err by about 1/32 standard deviations; a scrambled net is at least ten times closer. */
static void test_integration(void)
{
    double sobol2 = 0, random2 = 0;
    for (uint64_t key = 0; key < 20; key++) {
        double sobol = 0, random = 0;
        HptStream stream = hpt_stream(key, 0, "test", "integrate");
        for (uint64_t i = 0; i < 1024; i++) {
            double a = 1, b = 1;
            for (size_t d = 0; d < 6; d++) {
                a *= 1 + 0.5 * (hpt_sobol(i, d, key * 64 + d) - 0.5);
                b *= 1 + 0.5 * (hpt_stream_uniform(&stream, i * 6 + d) - 0.5);
            }
            sobol += a;
            random += b;
        }
        sobol2 += (sobol / 1024 - 1) * (sobol / 1024 - 1);
        random2 += (random / 1024 - 1) * (random / 1024 - 1);
    }
    g_assert_cmpfloat(sobol2 * 100, <, random2);
}

static void test_known_answers(void)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (size_t d = 0; d < hpt_sobol_dimensions(); d++)
        for (uint64_t i = 0; i < 300; i++) {
            double x = hpt_sobol(i < 250 ? i : i << 40, d, key_of(d));
            uint64_t bits;
            uint8_t bytes[8];
            memcpy(&bits, &x, sizeof bits);
            for (size_t k = 0; k < 8; k++)
                bytes[k] = (uint8_t)(bits >> (8 * k));
            hpt_digester_add(digester, bytes, sizeof bytes);
        }
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digester_get(digester);
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                    "a41fa118792a60c3e46856c78ecbec027635bec074b97ddeae457ee31813399d");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sobol/table", test_table);
    g_test_add_func("/sobol/one-dimension", test_one_dimension);
    g_test_add_func("/sobol/two-dimensions", test_two_dimensions);
    g_test_add_func("/sobol/scrambling", test_scrambling);
    g_test_add_func("/sobol/integration", test_integration);
    g_test_add_func("/sobol/known-answers", test_known_answers);
    return g_test_run();
}
