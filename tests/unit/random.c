/* Philox against the published answers, and what the addressed draws promise. */
#include "num/random.h"

#include "base/digest.h"

#include <string.h>

/* Known answers of Random123 (kat_vectors, philox4x32 10): zeros, ones, and digits of π. */
static void test_philox(void)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint32_t out[4];
        hpt_philox4x32(cases[i].counter, cases[i].key, out);
        g_assert_true(memcmp(out, cases[i].out, sizeof out) == 0);
    }
}

/* Each part of the address matters, and where one string ends and the next begins does too. */
static void test_addresses(void)
{
    const struct {
        uint64_t seed;
        int64_t trial;
        const char *purpose, *name;
    } addresses[] = {
        {1, 0, "random", "C"},
        {2, 0, "random", "C"},
        {1, 1, "random", "C"},
        {1, -1, "random", "C"},
        {1, 0, "sobol", "C"},
        {1, 0, "random", "D"},
        {1, 0, "random", ""},
        {1, 0, "rando", "mC"},
        {1, 0, "randomC", ""},
        {1, 0, "", "randomC"},
        {1, 0, "", ""},
        {UINT64_C(1) << 32, 0, "random", "C"},
        {1, INT64_C(1) << 40, "random", "C"},
        {1, 0, "random", "a longer name"},
        {1, 0, "random", "a longer name that fills more than one block"},
        {1, 0, "random", "a longer name that fills more than one blocc"},
    };
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    uint64_t bits[G_N_ELEMENTS(addresses)][4];
    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        HptStream stream = hpt_stream(addresses[i].seed, addresses[i].trial, addresses[i].purpose,
                                      addresses[i].name);
        for (uint64_t k = 0; k < 4; k++) {
            bits[i][k] = hpt_stream_bits(&stream, k);
            g_assert_true(g_hash_table_add(seen, &bits[i][k]));
        }
    }
}

/* The addressing is part of every record: changing it would change every study. */
static void test_known_answers(void)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    static const char *const names[] = {"C", "gamma", "kernel", "a.very.long.parameter.name"};
    for (uint64_t seed = 0; seed < 4; seed++)
        for (int64_t trial = 0; trial < 50; trial++)
            for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                HptStream stream = hpt_stream(seed, trial, "random", names[i]);
                char line[64];
                int n = g_snprintf(line, sizeof line,
                                   "%016" G_GINT64_MODIFIER "x %" G_GUINT64_FORMAT "\n",
                                   hpt_stream_bits(&stream, 3), hpt_stream_below(&stream, 4, 1000));
                hpt_digester_add(digester, line, (size_t)n);
            }
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digester_get(digester);
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                    "6d2fb75de4a3dcfce4a404143614d7253b3a7791e29742dcdd184abe31acf4c3");
}

static void test_uniform(void)
{
    HptStream stream = hpt_stream(7, 0, "test", "uniform");
    enum { N = 100000, CELLS = 100 };
    uint32_t counts[CELLS] = {0};
    for (uint64_t i = 0; i < N; i++) {
        double u = hpt_stream_uniform(&stream, i);
        g_assert_true(u >= 0 && u < 1);
        counts[(size_t)(u * CELLS)]++;
    }
    double chi2 = 0, expected = (double)N / CELLS;
    for (size_t i = 0; i < CELLS; i++)
        chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    g_assert_cmpfloat(chi2, <, 148.2); /* 99 degrees of freedom, p = 0.001 */
}

static void test_below(void)
{
    HptStream stream = hpt_stream(7, 0, "test", "below");
    enum { N = 70000, BOUND = 7 };
    uint32_t counts[BOUND] = {0};
    for (uint64_t i = 0; i < N; i++) {
        uint64_t n = hpt_stream_below(&stream, i, BOUND);
        g_assert_cmpuint(n, <, BOUND);
        counts[n]++;
        g_assert_cmpuint(hpt_stream_below(&stream, i, 1), ==, 0);
    }
    double chi2 = 0, expected = (double)N / BOUND;
    for (size_t i = 0; i < BOUND; i++)
        chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    g_assert_cmpfloat(chi2, <, 22.46); /* 6 degrees of freedom, p = 0.001 */
    /* With a bound of 5/8 of 2^64 a plain reduction maps eight draws to five numbers: those that
     * are 0, 1 or 3 modulo 5 would come twice as often as the others. */
    uint64_t bound = UINT64_C(5) << 61;
    uint32_t residues[5] = {0};
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t n = hpt_stream_below(&stream, i, bound);
        g_assert_cmpuint(n, <, bound);
        residues[n % 5]++;
    }
    for (size_t i = 0; i < 5; i++)
        g_assert_cmpint(ABS((int)residues[i] - 6000), <, 280); /* four standard deviations */
}

static void test_trial_seed(void)
{
    int64_t first = hpt_trial_seed(1, 0);
    g_assert_cmpint(first, ==, hpt_trial_seed(1, 0));
    g_assert_cmpint(first, !=, hpt_trial_seed(1, 1));
    g_assert_cmpint(first, !=, hpt_trial_seed(2, 0));
    bool high = false;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t seed = hpt_trial_seed(3, i);
        g_assert_true(seed >= 0 && seed <= INT32_MAX);
        high = high || seed > INT32_MAX / 2;
    }
    g_assert_true(high);
}

static void test_evaluation_seed(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    for (int64_t trial = 0; trial < 5; trial++)
        for (int repeat = 0; repeat < 5; repeat++)
            for (int fold = 0; fold < 5; fold++) {
                int64_t seed = hpt_evaluation_seed(7, trial, fold, repeat);
                g_assert_cmpint(seed, ==, hpt_evaluation_seed(7, trial, fold, repeat));
                g_assert_true(seed >= 0 && seed <= INT32_MAX);
                g_assert_true(g_hash_table_add(seen, GINT_TO_POINTER((int)seed)));
            }
    g_assert_cmpint(hpt_split_seed(7, 0), ==, hpt_split_seed(7, 0));
    g_assert_cmpint(hpt_split_seed(7, 0), !=, hpt_split_seed(7, 1));
    g_assert_cmpint(hpt_split_seed(7, 0), !=, hpt_split_seed(8, 0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/random/philox", test_philox);
    g_test_add_func("/random/addresses", test_addresses);
    g_test_add_func("/random/known-answers", test_known_answers);
    g_test_add_func("/random/uniform", test_uniform);
    g_test_add_func("/random/below", test_below);
    g_test_add_func("/random/trial-seed", test_trial_seed);
    g_test_add_func("/random/evaluation-seed", test_evaluation_seed);
    return g_test_run();
}
