/* The sums of kernels against the same written plainly, for every number of points. */
#include "num/kernel.h"

#include "num/elementary.h"
#include "num/random.h"

#include <glib.h>
#include <math.h>

enum { COLUMNS = 3, MOST = 70, ROOM = 75, SIZE = COLUMNS * ROOM + HPT_KERNEL_SLACK };

static HptStream stream;

static void fill(double *x, uint64_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = hpt_stream_uniform(&stream, from + i);
}

/* The order of operations is said in the header, so the bits are the same. */
static void test_distances(void)
{
    double x[SIZE], more[SIZE], by[COLUMNS], at[COLUMNS], at_more[COLUMNS];
    stream = hpt_stream(1, 0, "test", "kernel");
    fill(x, 0, SIZE);
    fill(more, SIZE, SIZE);
    fill(by, 2 * SIZE, COLUMNS);
    fill(at, 3 * SIZE, COLUMNS);
    fill(at_more, 4 * SIZE, COLUMNS);
    for (size_t n = 0; n <= MOST; n++)
        for (int both = 0; both < 2; both++) {
            double out[MOST + 1];
            for (size_t i = 0; i <= MOST; i++)
                out[i] = (double)i;
            hpt_add_distances(out, by, at, x, at_more, both ? more : NULL, COLUMNS, ROOM, n);
            for (size_t i = 0; i <= MOST; i++) {
                double sum = (double)i;
                for (size_t j = 0; j < COLUMNS && i < n; j++) {
                    double far = at[j] - x[j * ROOM + i], far_more = at_more[j] - more[j * ROOM + i];
                    sum += by[j] * (far * far);
                    if (both)
                        sum += by[j] * (far_more * far_more);
                }
                g_assert_cmpfloat(out[i], ==, sum);
            }
        }
}

static double matern(bool rough, double signal, double square)
{
    double r = sqrt((rough ? 3 : 5) * square);
    return signal * (rough ? 1 + r : 1 + r + r * r / 3) * hpt_exp(-r);
}

static void test_matern(void)
{
    stream = hpt_stream(2, 0, "test", "kernel");
    for (size_t n = 0; n <= MOST; n++)
        for (int rough = 0; rough < 2; rough++) {
            double square[MOST + 1], k[MOST + 1], alone[MOST + 1], slope[MOST + 1];
            for (size_t i = 0; i <= MOST; i++)
                k[i] = alone[i] = square[i] = i == 0 ? 0 : 4 * hpt_stream_uniform(&stream, n * MOST + i);
            slope[n] = -1;
            hpt_matern(rough, 0.7, k, slope, n);
            hpt_matern(rough, 0.7, alone, NULL, n);
            for (size_t i = 0; i < n; i++) {
                double h = 1e-5 * (square[i] + 0.1), s = square[i] + 2 * h;
                g_assert_cmpfloat(k[i], ==, alone[i]);
                g_assert_cmpfloat(fabs(k[i] - matern(rough, 0.7, square[i])), <, 1e-14);
                double at_s = 0, at = s, low = s - h, high = s + h;
                hpt_matern(rough, 0.7, &at, &at_s, 1);
                hpt_matern(rough, 0.7, &low, NULL, 1);
                hpt_matern(rough, 0.7, &high, NULL, 1);
                g_assert_cmpfloat(fabs(at_s + 2 * (high - low) / (2 * h)), <, 1e-4 * at_s);
            }
            g_assert_cmpfloat(k[n], ==, square[n]);
            g_assert_cmpfloat(slope[n], ==, -1);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kernel/distances", test_distances);
    g_test_add_func("/kernel/matern", test_matern);
    return g_test_run();
}
