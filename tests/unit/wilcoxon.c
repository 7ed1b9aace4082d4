/* Wilcoxon's signed ranks: against R, and against every assignment of signs. */
#include "num/wilcoxon.h"

#include "num/random.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>

/* The differences 1 … n, of which those that are negative have ranks that sum to n (n + 1) / 2 − w. */
static double above(size_t n, size_t w)
{
    double differences[HPT_WILCOXON_EXACT], scratch[HPT_WILCOXON_SCRATCH(HPT_WILCOXON_EXACT)];
    size_t rest = w;
    for (size_t rank = n; rank >= 1; rank--) {
        bool positive = rest >= rank;
        rest -= positive ? rank : 0;
        differences[n - rank] = positive ? (double)rank : -(double)rank;
    }
    g_assert_cmpuint(rest, ==, 0);
    return hpt_wilcoxon_above(differences, n, scratch);
}

/* R 4.2: psignrank(w − 1, n, lower.tail = FALSE). */
static void test_table(void)
{
    static const struct {
        size_t n, w;
        double above;
    } rows[] = {
        {3, 2, 0.75},
        {5, 15, 0.03125},
        {10, 40, 0.1162109375},
        {20, 150, 0.048653602600097656},
        {30, 300, 0.085299197584390654},
        {30, 400, 0.00014163181185722365},
        {60, 915, 0.50145746378058897},
        {60, 1200, 0.017781586892383246},
        {60, 1500, 3.3058678551604576e-06},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpfloat(fabs(above(rows[i].n, rows[i].w) / rows[i].above - 1), <, 1e-13);
}

/* The share of the 2^n assignments whose sum is as large, with midranks. */
static double brute(const double *differences, size_t n)
{
    double rank[12], w = 0;
    size_t m = 0, as_large = 0;
    double size[12], sign[12];
    for (size_t i = 0; i < n; i++)
        if (differences[i] != 0) {
            size[m] = fabs(differences[i]);
            sign[m++] = differences[i] > 0;
        }
    for (size_t i = 0; i < m; i++) {
        double less = 0, equal = 0;
        for (size_t k = 0; k < m; k++) {
            less += size[k] < size[i];
            equal += size[k] == size[i];
        }
        rank[i] = less + (equal + 1) / 2;
        w += sign[i] * rank[i];
    }
    for (size_t signs = 0; signs < (size_t)1 << m; signs++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += (signs >> i & 1) != 0 ? rank[i] : 0;
        as_large += sum >= w;
    }
    return (double)as_large / (double)((size_t)1 << m);
}

static void test_ties(void)
{
    HptStream stream = hpt_stream(1, 0, "test", "wilcoxon");
    double scratch[HPT_WILCOXON_SCRATCH(12)];
    for (uint64_t i = 0; i < 300; i++) {
        double differences[12];
        size_t n = 1 + i % 12;
        for (uint64_t k = 0; k < n; k++)
            differences[k] = floor(7 * hpt_stream_uniform(&stream, 12 * i + k)) - 2;
        g_assert_cmpfloat(fabs(hpt_wilcoxon_above(differences, n, scratch) - brute(differences, n)), <, 1e-15);
    }
}

/* R 4.2: wilcox.test(x, alternative = "greater", exact = FALSE), x = ((37 (0:99)) %% 23) − 9 without zeros. */
static void test_many(void)
{
    double up[100], down[100], scratch[HPT_WILCOXON_SCRATCH(100)];
    for (int i = 0; i < 100; i++) {
        up[i] = (37 * i) % 23 - 9;
        down[i] = -up[i];
    }
    g_assert_cmpfloat(fabs(hpt_wilcoxon_above(up, 100, scratch) / 0.0053686282693621397 - 1), <, 1e-12);
    g_assert_cmpfloat(fabs(hpt_wilcoxon_above(down, 100, scratch) / 0.9946874527719165 - 1), <, 1e-12);
}

static void test_ends(void)
{
    double scratch[HPT_WILCOXON_SCRATCH(3)];
    g_assert_cmpfloat(hpt_wilcoxon_above(NULL, 0, scratch), ==, 1);
    g_assert_cmpfloat(hpt_wilcoxon_above((double[]){0, 0, -0.0}, 3, scratch), ==, 1);
    g_assert_cmpfloat(hpt_wilcoxon_above((double[]){(double)INFINITY, 1, (double)INFINITY}, 3, scratch), ==, 0.125);
    g_assert_cmpfloat(hpt_wilcoxon_above((double[]){-1, -2, -3}, 3, scratch), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wilcoxon/table", test_table);
    g_test_add_func("/wilcoxon/ties", test_ties);
    g_test_add_func("/wilcoxon/many", test_many);
    g_test_add_func("/wilcoxon/ends", test_ends);
    return g_test_run();
}
