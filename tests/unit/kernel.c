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

static double matern(const HptMatern *of, double square)
{
    double sum = 0;
    for (int part = 0; part < 2; part++) {
        double r = (part == 0 ? 1 : of->shorter) * sqrt((of->rough ? 3 : 5) * square);
        sum += (part == 0 ? of->signal : of->fine) * (of->rough ? 1 + r : 1 + r + r * r / 3) * hpt_exp(-r);
    }
    return sum;
}

/* Derivatives against differences. */
static void check_slopes(const HptMatern *kernel, double square)
{
    double h = 1e-5 * (square + 0.1), s = square + 2 * h, slope = 0, part = 0, by_shorter = 0, at = s;
    hpt_matern(kernel, &at, &slope, &part, &by_shorter, 1);
    double risen = (matern(kernel, s + h) - matern(kernel, s - h)) / (2 * h);
    g_assert_cmpfloat(fabs(slope + 2 * risen), <, 1e-4 * slope);
    if (kernel->fine == 0)
        return;
    HptMatern less = *kernel, more = *kernel, none = *kernel;
    less.shorter *= 1 - 1e-5;
    more.shorter *= 1 + 1e-5;
    none.signal = 0;
    g_assert_cmpfloat(fabs(part - matern(&none, s)), <, 1e-14);
    g_assert_cmpfloat(fabs(by_shorter - (matern(&more, s) - matern(&less, s)) / 2e-5), <, 1e-4 * fabs(by_shorter) + 1e-12);
}

static void test_matern(void)
{
    stream = hpt_stream(2, 0, "test", "kernel");
    for (size_t n = 0; n <= MOST; n++)
        for (int kind = 0; kind < 4; kind++) {
            HptMatern kernel = {kind % 2 == 1, 0.7, kind / 2 == 1 ? 0.2 : 0, 3.5};
            double square[MOST + 1], k[MOST + 1], alone[MOST + 1], slope[MOST + 1], part[MOST + 1], by[MOST + 1];
            for (size_t i = 0; i <= MOST; i++)
                k[i] = alone[i] = square[i] = i == 0 ? 0 : 4 * hpt_stream_uniform(&stream, n * MOST + i);
            slope[n] = part[n] = by[n] = -1;
            hpt_matern(&kernel, k, slope, part, by, n);
            hpt_matern(&kernel, alone, NULL, NULL, NULL, n);
            for (size_t i = 0; i < n; i++) {
                g_assert_cmpfloat(k[i], ==, alone[i]);
                g_assert_cmpfloat(fabs(k[i] - matern(&kernel, square[i])), <, 1e-14);
                check_slopes(&kernel, square[i]);
            }
            g_assert_cmpfloat(k[n], ==, square[n]);
            g_assert_true(slope[n] == -1 && part[n] == -1 && by[n] == -1);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kernel/distances", test_distances);
    g_test_add_func("/kernel/matern", test_matern);
    return g_test_run();
}
