/* The one order of all rules: by value, or with several objectives by non-dominated front and then
 * by crowding.
 *
 * Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II",
 * IEEE Trans. Evol. Comput. 6(2), 2002, §III. Fronts are found by binary search over the last
 * members of fronts for two objectives, O(n log n), and else one by one as in Zhang, Tian, Cheng,
 * Jin, "An efficient approach to nondominated sorting", 2015, O(M n²) at worst.
 *
 * Deviations:
 *   - Everything is computed from the ranks of the values in their objective, so infinities and NaN
 *     (last) need no care, and crowding does not change with the scale of an objective.
 *   - Crowding sees distinct values: the neighbours of a row are the next values that differ, so
 * the order of equal rows cannot matter. An objective that is constant in a front adds nothing.
 *   - With three or more objectives and more than 4,096 rows, the front of a row is the number of
 *     rows that dominate it among 256 taken evenly from all in lexicographic order (the rank of
 *     Fonseca & Fleming 1993), and then the sum of its ranks, so that the cost stays O(M n) and
 *     nothing comes before what dominates it.
 */
#include "prune/internal.h"

#include <stdlib.h>
#include <string.h>

#define FULL_ROWS 4096
#define SAMPLE_ROWS 256

int hpt_prune_compare(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

typedef struct {
    double key;
    size_t row;
} Item;

static int by_key(const void *a, const void *b)
{
    const Item *x = a, *y = b;
    int order = hpt_prune_compare(x->key, y->key);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* out[row × stride] = how many of the keys are smaller; items is sorted on return. */
static void count_smaller(Item *items, size_t n, size_t *out, size_t stride)
{
    qsort(items, n, sizeof *items, by_key);
    size_t smaller = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && hpt_prune_compare(items[i].key, items[i - 1].key) != 0)
            smaller = i;
        out[items[i].row * stride] = smaller;
    }
}

/* ---- fronts ---- */

typedef struct {
    const size_t *places; /* n × m: the rank of each value in its objective */
    size_t n, m;
    size_t *order; /* rows in lexicographic order */
    size_t *front; /* by row */
} Fronts;

static bool dominates(const Fronts *f, size_t a, size_t b)
{
    const size_t *x = f->places + a * f->m, *y = f->places + b * f->m;
    bool better = false;
    for (size_t j = 0; j < f->m; j++) {
        if (x[j] > y[j])
            return false;
        better |= x[j] < y[j];
    }
    return better;
}

static int lexicographic(const void *a, const void *b, void *data)
{
    const Fronts *f = data;
    size_t row_a = *(const size_t *)a, row_b = *(const size_t *)b;
    for (size_t j = 0; j < f->m; j++) {
        size_t x = f->places[row_a * f->m + j], y = f->places[row_b * f->m + j];
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (row_a > row_b) - (row_a < row_b);
}

/* Two objectives: in lexicographic order the last of a front has its least second value, so it
 * alone decides whether the front dominates a row; and fronts that do come first. */
static void fronts_of_two(Fronts *f)
{
    g_autofree size_t *last = g_new(size_t, f->n);
    size_t n_fronts = 0;
    for (size_t i = 0; i < f->n; i++) {
        size_t row = f->order[i], low = 0, high = n_fronts;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (dominates(f, last[middle], row))
                low = middle + 1;
            else
                high = middle;
        }
        last[low] = row;
        n_fronts = MAX(n_fronts, low + 1);
        f->front[row] = low;
    }
}

/* Each front is a chain from its latest member back; next holds the chain, SIZE_MAX its end. */
static void fronts_of_many(Fronts *f)
{
    g_autofree size_t *last = g_new(size_t, f->n), *next = g_new(size_t, f->n);
    size_t n_fronts = 0;
    for (size_t i = 0; i < f->n; i++) {
        size_t row = f->order[i], k = 0;
        for (; k < n_fronts; k++) {
            size_t member = last[k];
            while (member != SIZE_MAX && !dominates(f, member, row))
                member = next[member];
            if (member == SIZE_MAX)
                break;
        }
        next[row] = k < n_fronts ? last[k] : SIZE_MAX;
        last[k] = row;
        n_fronts = MAX(n_fronts, k + 1);
        f->front[row] = k;
    }
}

static void fronts_by_sample(Fronts *f)
{
    for (size_t row = 0; row < f->n; row++) {
        f->front[row] = 0;
        for (size_t s = 0; s < SAMPLE_ROWS; s++)
            f->front[row] += dominates(f, f->order[s * f->n / SAMPLE_ROWS], row);
    }
}

/* ---- crowding ---- */

/* Adds to crowding[row] the gap between the distinct neighbours of each row in its front, for
 * objective j; items is sorted by front and value. */
static void add_crowding(const Fronts *f, size_t j, Item *items, double *crowding)
{
    for (size_t i = 0; i < f->n; i++) /* exact below 2^53: fronts and places are below n < 2^26 */
        items[i] =
            (Item){(double)f->front[i] * (double)(f->n + 1) + (double)f->places[i * f->m + j], i};
    qsort(items, f->n, sizeof *items, by_key);
    for (size_t begin = 0, end; begin < f->n; begin = end) {
        size_t front = f->front[items[begin].row];
        for (end = begin; end < f->n && f->front[items[end].row] == front; end++)
            ;
        double low = items[begin].key, high = items[end - 1].key, before = low;
        for (size_t i = begin, same; i < end && high > low; i = same) {
            for (same = i; same < end && !(items[same].key > items[i].key); same++)
                ;
            bool edge = i == begin || same == end;
            double gap = edge ? (double)INFINITY : (items[same].key - before) / (high - low);
            for (size_t k = i; k < same; k++)
                crowding[items[k].row] += gap;
            before = items[i].key;
        }
    }
}

/* By front, then by crowding, the larger first; of a sample's fronts by the sum of ranks. */
static void rank_of_fronts(const Fronts *f, bool sampled, Item *items, size_t *out)
{
    g_autofree double *crowding = g_new0(double, f->n);
    for (size_t j = 0; j < f->m && !sampled; j++)
        add_crowding(f, j, items, crowding);
    for (size_t i = 0; i < f->n * f->m && sampled; i++)
        crowding[i / f->m] -= (double)f->places[i];
    g_autofree size_t *loose = g_new(size_t, f->n);
    for (size_t i = 0; i < f->n; i++)
        items[i] = (Item){-crowding[i], i};
    count_smaller(items, f->n, loose, 1);
    for (size_t i = 0; i < f->n; i++)
        items[i] = (Item){(double)f->front[i] * (double)(f->n + 1) + (double)loose[i], i};
    count_smaller(items, f->n, out, 1);
}

void hpt_prune_ranks(const HptPruneStudy *study, const double *rows, size_t n, size_t *out)
{
    size_t m = study->n_objectives;
    g_autofree Item *items = g_new(Item, n);
    g_autofree size_t *places = g_new(size_t, n * m);
    for (size_t j = 0; j < m; j++) {
        for (size_t i = 0; i < n; i++)
            items[i] = (Item){hpt_prune_cost(study, j, rows[i * m + j]), i};
        count_smaller(items, n, places + j, m);
    }
    if (m == 1) {
        if (n > 0)
            memcpy(out, places, n * sizeof *out);
        return;
    }
    g_autofree size_t *order = g_new(size_t, n), *front = g_new(size_t, n);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    Fronts f = {places, n, m, order, front};
    g_qsort_with_data(order, (gint)n, sizeof *order, lexicographic, &f);
    if (m == 2)
        fronts_of_two(&f);
    else if (n <= FULL_ROWS)
        fronts_of_many(&f);
    else
        fronts_by_sample(&f);
    rank_of_fronts(&f, m > 2 && n > FULL_ROWS, items, out);
}
