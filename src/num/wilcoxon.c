#include "num/wilcoxon.h"

#include "num/normal.h"

#include <math.h>
#include <stdlib.h>

/* By size; of equal ones any order will do, as they share a rank. */
static int compare(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return x < y ? -1 : x > y;
}

/* P(W ≥ w) by counting, for ranks that are doubled to be whole: p[s] is the chance of the sum s. */
static double count_above(const double *twice_rank, size_t n, double twice_w, double *p)
{
    size_t most = 0;
    p[0] = 1;
    for (size_t i = 0; i < n; i++) {
        size_t rank = (size_t)twice_rank[i];
        for (size_t s = most + 1; s <= most + rank; s++)
            p[s] = 0;
        most += rank;
        for (size_t s = most + 1; s-- > 0;)
            p[s] = 0.5 * (p[s] + (s >= rank ? p[s - rank] : 0));
    }
    double above = 0; /* from the far end, where the chances are small */
    for (size_t s = most + 1; s-- > (size_t)twice_w;)
        above += p[s];
    return above < 1 ? above : 1;
}

double hpt_wilcoxon_above(const double *differences, size_t n, double *scratch)
{
    double *kept = scratch, *twice_rank = scratch + n, *p = scratch + 2 * n;
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (differences[i] != 0)
            kept[m++] = differences[i];
    if (m == 0)
        return 1;
    qsort(kept, m, sizeof *kept, compare);
    double twice_w = 0, ties = 0;
    for (size_t i = 0, end; i < m; i = end) {
        for (end = i + 1; end < m && fabs(kept[end]) <= fabs(kept[i]);)
            end++;
        double size = (double)(end - i);
        ties += size * size * size - size;
        for (size_t k = i; k < end; k++) {
            twice_rank[k] = (double)(i + 1 + end);
            twice_w += kept[k] > 0 ? twice_rank[k] : 0;
        }
    }
    if (m <= HPT_WILCOXON_EXACT)
        return count_above(twice_rank, m, twice_w, p);
    double k = (double)m, mean = k * (k + 1) / 4, variance = k * (k + 1) * (2 * k + 1) / 24 - ties / 48;
    return hpt_normal_below(-(twice_w / 2 - mean - 0.5) / sqrt(variance));
}
