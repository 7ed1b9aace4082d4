/* Input warping: its ends, that it rises, its slopes against differences, bits. */
#include "num/input_warp.h"

#include "base/digest.h"
#include "num/elementary.h"

#include <glib.h>
#include <math.h>
#include <string.h>

enum { POINTS = 21, SHAPES = 5 };
static const double shapes[SHAPES] = {0.125, 0.6, 1, 2.5, 8};

/* w of one number. */
static double warp(double a, double b, double u)
{
    double scratch[HPT_WARP_SCRATCH(1)], w = 0;
    hpt_warp_inputs(&a, &b, &u, &w, &(HptWarpSlopes){NULL, NULL, NULL}, 1, scratch);
    return w;
}

static void test_shape(void)
{
    for (int i = 0; i < SHAPES; i++)
        for (int k = 0; k < SHAPES; k++) {
            double before = -1;
            for (int p = 0; p < POINTS; p++) {
                double u = p / (POINTS - 1.0), w = warp(shapes[i], shapes[k], u);
                g_assert_true(w >= 0 && w <= 1);
                g_assert_cmpfloat(w, >=, before);
                before = w;
                double v = 1e-4 + (1 - 2e-4) * u;
                g_assert_cmpfloat(fabs(w - (1 - pow(1 - pow(v, shapes[i]), shapes[k]))), <, 1e-13);
            }
        }
    for (int p = 0; p < POINTS; p++) /* a = b = 1: straight */
        g_assert_cmpfloat(fabs(warp(1, 1, p / (POINTS - 1.0)) - p / (POINTS - 1.0)), <, 1.0001e-4);
}

static double difference(double a, double b, double u, double by_a, double by_b, double by_u)
{
    double h = 1e-6;
    return (warp(a * exp(h * by_a), b * exp(h * by_b), u + h * by_u) -
            warp(a * exp(-h * by_a), b * exp(-h * by_b), u - h * by_u)) / (2 * h);
}

static void test_slopes(void)
{
    double a[POINTS], b[POINTS], u[POINTS], w[POINTS], slope[3][POINTS], scratch[HPT_WARP_SCRATCH(POINTS)];
    for (int i = 0; i < SHAPES; i++)
        for (int k = 0; k < SHAPES; k++) {
            for (int p = 0; p < POINTS; p++) {
                a[p] = shapes[i];
                b[p] = shapes[k];
                w[p] = u[p] = (p + 0.5) / POINTS;
            }
            hpt_warp_inputs(a, b, w, w, &(HptWarpSlopes){slope[0], slope[1], slope[2]}, POINTS, scratch);
            for (int p = 0; p < POINTS; p++) {
                g_assert_cmpfloat(w[p], ==, warp(a[p], b[p], u[p])); /* in place, and of many */
                for (int s = 0; s < 3; s++)
                    g_assert_cmpfloat(fabs(slope[s][p] - difference(a[p], b[p], u[p], s == 0, s == 1, s == 2)), <,
                                      1e-6 * (1 + fabs(slope[s][p])));
            }
        }
}

/* The same bits column by column. */
static void test_columns(void)
{
    enum { CELLS = SHAPES * POINTS };
    double a[CELLS], b[CELLS], u[CELLS], log_v[CELLS], w[2][CELLS], slope[2][2][CELLS], scratch[HPT_WARP_SCRATCH(CELLS)];
    for (int i = 0; i < CELLS; i++) {
        a[i] = shapes[i / POINTS];
        b[i] = shapes[SHAPES - 1 - i / POINTS];
        u[i] = (i % POINTS) / (POINTS - 1.0);
    }
    double of_a[SHAPES], of_b[SHAPES];
    for (int j = 0; j < SHAPES; j++) {
        of_a[j] = a[j * POINTS];
        of_b[j] = b[j * POINTS];
    }
    hpt_warp_inputs(a, b, u, w[0], &(HptWarpSlopes){slope[0][0], slope[0][1], NULL}, CELLS, scratch);
    hpt_warp_logs(u, log_v, CELLS);
    hpt_warp_columns(of_a, of_b, log_v, SHAPES, POINTS, w[1], slope[1][0], slope[1][1], scratch);
    g_assert_true(memcmp(w[0], w[1], sizeof w[0]) == 0);
    g_assert_true(memcmp(slope[0], slope[1], sizeof slope[0]) == 0);
}

static void test_digest(void)
{
    double scratch[HPT_WARP_SCRATCH(1)], of[4];
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (int i = 0; i < SHAPES * SHAPES * POINTS; i++) {
        double u = (i % POINTS) / (POINTS - 1.0);
        hpt_warp_inputs(&shapes[i / POINTS % SHAPES], &shapes[i / POINTS / SHAPES], &u, &of[0],
                        &(HptWarpSlopes){&of[1], &of[2], &of[3]}, 1, scratch);
        hpt_digester_add(digester, of, sizeof of);
    }
    HptDigest digest = hpt_digester_get(digester);
    char hex[HPT_DIGEST_HEX_SIZE];
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, "3d79d772775b7af041aeb936d0471d11913a0593d3e89819667a5786fcdfdc03");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input-warp/shape", test_shape);
    g_test_add_func("/input-warp/slopes", test_slopes);
    g_test_add_func("/input-warp/columns", test_columns);
    g_test_add_func("/input-warp/digest", test_digest);
    return g_test_run();
}
