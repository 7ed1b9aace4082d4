#include "search/front.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define MOST_MEMBERS 1000

/* ---- domination ---- */

static int compare_rows(const void *a, const void *b, void *user)
{
    size_t m = *(const size_t *)user;
    const double *x = *(const double *const *)a, *y = *(const double *const *)b;
    for (size_t k = 0; k < m; k++)
        if (x[k] < y[k] || x[k] > y[k])
            return x[k] < y[k] ? -1 : 1;
    return x < y ? -1 : x > y; /* rows of one array: the first comes first */
}

/* The points in lexicographic order: none is dominated by a later one. */
static const double **sorted_rows(const double *points, size_t n, size_t m)
{
    const double **rows = g_new(const double *, n + 1);
    for (size_t i = 0; i < n; i++)
        rows[i] = points + i * m;
    g_qsort_with_data(rows, (int)n, sizeof *rows, compare_rows, &m);
    return rows;
}

/* Is b, which comes no earlier than a, dominated by it? */
static bool dominates(const double *a, const double *b, size_t m)
{
    bool smaller = false;
    for (size_t k = 0; k < m; k++) {
        if (a[k] > b[k])
            return false;
        smaller |= a[k] < b[k];
    }
    return smaller;
}

/* Members of one rank, the newest last. Of two objectives the newest alone can dominate what comes later. */
static bool beats(const GPtrArray *front, const double *row, size_t m)
{
    guint looked_at = MIN(front->len, m == 2 ? 1 : MOST_MEMBERS);
    for (guint i = 1; i <= looked_at; i++)
        if (dominates(front->pdata[front->len - i], row, m))
            return true;
    return false;
}

void hpt_front_ranks(const double *points, size_t n, size_t m, size_t *rank)
{
    g_autofree const double **rows = sorted_rows(points, n, m);
    g_autoptr(GPtrArray) fronts = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = fronts->len;
        while (low < high) { /* if a front has one that dominates it, so have all before */
            size_t middle = low + (high - low) / 2;
            if (beats(fronts->pdata[middle], rows[i], m))
                low = middle + 1;
            else
                high = middle;
        }
        if (low == fronts->len)
            g_ptr_array_add(fronts, g_ptr_array_new());
        g_ptr_array_add(fronts->pdata[low], (void *)rows[i]);
        rank[(size_t)(rows[i] - points) / m] = low;
    }
}

/* ---- crowding ---- */

typedef struct {
    size_t rank, index;
    double value;
} Member;

static int compare_members(const void *a, const void *b)
{
    const Member *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->value < y->value || x->value > y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

void hpt_front_crowding(const double *points, size_t n, size_t m, const size_t *rank, double *apart)
{
    g_autofree Member *members = g_new(Member, n + 1);
    memset(apart, 0, n * sizeof *apart);
    for (size_t k = 0; k < m; k++) {
        for (size_t i = 0; i < n; i++)
            members[i] = (Member){rank[i], i, points[i * m + k]};
        qsort(members, n, sizeof *members, compare_members);
        for (size_t first = 0, end = 0; first < n; first = end) {
            while (end < n && members[end].rank == members[first].rank)
                end++;
            double range = members[end - 1].value - members[first].value;
            apart[members[first].index] = apart[members[end - 1].index] = (double)INFINITY;
            for (size_t i = first + 1; i + 1 < end && range > 0; i++)
                apart[members[i].index] += (members[i + 1].value - members[i - 1].value) / range;
        }
    }
}

/* ---- volume ---- */

/* Points by their last coordinate. */
static int compare_last(const void *a, const void *b, void *user)
{
    size_t k = *(const size_t *)user - 1;
    const double *x = *(const double *const *)a, *y = *(const double *const *)b;
    return x[k] < y[k] ? -1 : x[k] > y[k];
}

/* Of points that differ in more coordinates the first m alone. */
static double volume(const double **rows, size_t n, size_t m, const double *reference)
{
    double sum = 0;
    if (m == 1) {
        for (size_t i = 0; i < n; i++)
            sum = MAX(sum, reference[0] - rows[i][0]);
        return sum;
    }
    g_autofree const double **slice = g_memdup2(rows, n * sizeof *rows);
    g_qsort_with_data(slice, (int)n, sizeof *slice, compare_last, &m);
    for (size_t i = 0; i < n && slice[i][m - 1] < reference[m - 1]; i++) {
        double top = i + 1 < n ? MIN(slice[i + 1][m - 1], reference[m - 1]) : reference[m - 1];
        double height = top - slice[i][m - 1];
        if (height > 0)
            sum += height * volume(slice, i + 1, m - 1, reference);
    }
    return sum;
}

double hpt_hypervolume(const double *points, size_t n, size_t m, const double *reference)
{
    g_autofree const double **rows = sorted_rows(points, n, m);
    return n == 0 ? 0 : volume(rows, n, m, reference);
}

/* ---- boxes ---- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* −infinity, what points have below the reference, and that. */
static void set_bounds(HptBoxes *boxes, const double *points, size_t n, size_t k, double reference)
{
    double *bounds = g_new(double, n + 2);
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (points[i * boxes->m + k] < reference)
            bounds[1 + found++] = points[i * boxes->m + k];
    qsort(bounds + 1, found, sizeof *bounds, compare_numbers);
    size_t last = 0;
    bounds[0] = -(double)INFINITY;
    for (size_t i = 1; i <= found; i++)
        if (bounds[i] > bounds[last])
            bounds[++last] = bounds[i];
    bounds[++last] = reference;
    boxes->bounds[k] = bounds;
    boxes->n_bounds[k] = last + 1;
}

static size_t place_of(const HptBoxes *boxes, size_t k, double value)
{
    size_t low = 0, high = boxes->n_bounds[k] - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (boxes->bounds[k][middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

typedef struct {
    HptBoxes *boxes;
    size_t room;
    size_t *low, *high; /* m: of the slices that were cut so far */
} Cut;

static void add_box(Cut *cut)
{
    HptBoxes *boxes = cut->boxes;
    size_t m = boxes->m;
    if (boxes->n == cut->room) {
        cut->room = 2 * cut->room + 16;
        boxes->low = g_renew(size_t, boxes->low, cut->room * m);
        boxes->high = g_renew(size_t, boxes->high, cut->room * m);
    }
    memcpy(boxes->low + boxes->n * m, cut->low, m * sizeof *cut->low);
    memcpy(boxes->high + boxes->n * m, cut->high, m * sizeof *cut->high);
    boxes->n++;
}

/* What the first m coordinates of rows do not dominate, in slices of the last of them. */
static void cut_boxes(Cut *cut, const double **rows, size_t n, size_t m)
{
    HptBoxes *boxes = cut->boxes;
    size_t last = boxes->n_bounds[m - 1] - 1, k = m - 1;
    if (m == 1) {
        cut->low[0] = 0;
        cut->high[0] = last;
        for (size_t i = 0; i < n; i++)
            cut->high[0] = MIN(cut->high[0], place_of(boxes, 0, rows[i][0]));
        if (cut->high[0] > 0)
            add_box(cut);
        return;
    }
    g_autofree const double **slice = g_memdup2(rows, n * sizeof *rows + sizeof *rows);
    g_qsort_with_data(slice, (int)n, sizeof *slice, compare_last, &m);
    for (size_t i = 0, low = 0; low < last; i++) { /* between the i-th and the next, who all end below it */
        size_t top = i < n ? place_of(boxes, k, slice[i][k]) : last;
        if (top == low)
            continue;
        cut->low[k] = low;
        cut->high[k] = top;
        cut_boxes(cut, slice, i, m - 1);
        low = top;
    }
}

HptBoxes *hpt_boxes_new(const double *points, size_t n, size_t m, const double *reference)
{
    HptBoxes *boxes = g_new0(HptBoxes, 1);
    boxes->m = m;
    boxes->n_bounds = g_new(size_t, m);
    boxes->bounds = g_new(double *, m);
    for (size_t k = 0; k < m; k++)
        set_bounds(boxes, points, n, k, reference[k]);
    g_autofree const double **rows = g_new(const double *, n + 1);
    size_t inside = 0;
    for (size_t i = 0; i < n; i++) {
        bool below = true;
        for (size_t k = 0; k < m; k++)
            below &= points[i * m + k] < reference[k];
        if (below)
            rows[inside++] = points + i * m;
    }
    g_autofree size_t *low = g_new(size_t, m), *high = g_new(size_t, m);
    Cut cut = {boxes, 0, low, high};
    cut_boxes(&cut, rows, inside, m);
    return boxes;
}

void hpt_boxes_free(HptBoxes *boxes)
{
    if (boxes == NULL)
        return;
    for (size_t k = 0; k < boxes->m; k++)
        g_free(boxes->bounds[k]);
    g_free(boxes->bounds);
    g_free(boxes->n_bounds);
    g_free(boxes->low);
    g_free(boxes->high);
    g_free(boxes);
}
