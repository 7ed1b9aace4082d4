#include "search/forest.h"

#include <math.h>
#include <string.h>

#define MOST_SET 64.0 /* values of a category that fit into a set */

typedef struct {
    int32_t param;       /* -1: a leaf */
    int32_t left, right; /* nodes */
    bool inactive_left;
    double threshold; /* numbers up to it go left */
    uint64_t set;     /* values of a category that go left */
    double mean, variance;
} Node;

struct HptForest {
    const HptCube *cube;
    size_t n_trees;
    GArray *nodes; /* of all trees */
    size_t *root;  /* n_trees */
};

static bool is_set(const HptCube *cube, size_t j)
{
    return cube->category[j] && cube->levels[j] <= MOST_SET;
}

static size_t value_of(const HptCube *cube, size_t j, double x)
{
    return (size_t)MIN(x * cube->levels[j], cube->levels[j] - 1);
}

/* ---- growing one tree ---- */

typedef struct {
    double weight, sum; /* of the rows: how many, and their y */
} Share;

static void share_add(Share *to, Share what)
{
    to->weight += what.weight;
    to->sum += what.sum;
}

/* What the squares of y lose by a share of its own. */
static double share_gain(Share share)
{
    return share.sum * share.sum / share.weight;
}

typedef struct {
    double gain;
    size_t param, end; /* of numbers: the first `end` of the segment go left */
    bool inactive_left;
    uint64_t set;
} Split;

typedef struct {
    const HptCube *cube;
    const double *columns, *y; /* cube->n × n_rows: all rows, parameter after parameter */
    size_t n_rows;
    const HptForestSettings *settings;
    HptDraws *draws;
    Share *shares;    /* n_rows: of each row, which counts as often as it was drawn */
    size_t n;         /* rows that were drawn */
    uint32_t **order; /* cube->n × n: rows by value, the inactive last; a node's in one segment */
    uint32_t *scratch;
    bool *goes_left;  /* of each row */
    size_t *params;   /* cube->n, in an order to try */
    Split best;
} Grower;

static double cell(const Grower *grower, uint32_t row, size_t j)
{
    return grower->columns[j * grower->n_rows + row];
}

/* Is a split with this left part the best so far? If so *gain is its. */
static inline bool is_best(const Grower *grower, double weight, double sum, Share all, double *gain)
{
    Share left = {weight, sum}, right = {all.weight - weight, all.sum - sum};
    double least = grower->settings->least_leaf;
    if (left.weight < least || right.weight < least)
        return false;
    *gain = share_gain(left) + share_gain(right);
    return *gain > grower->best.gain;
}

static void consider_number(Grower *grower, size_t j, const uint32_t *rows, size_t n, Share all)
{
    Share inactive = {0, 0};
    size_t active = n;
    for (; active > 0 && isnan(cell(grower, rows[active - 1], j)); active--)
        share_add(&inactive, grower->shares[rows[active - 1]]);
    double weight = 0, sum = 0, gain = 0, x = active > 0 ? cell(grower, rows[0], j) : 0, next = x;
    for (size_t i = 0; i < active; i++, x = next) {
        weight += grower->shares[rows[i]].weight;
        sum += grower->shares[rows[i]].sum;
        bool last = i + 1 == active;
        next = last ? x : cell(grower, rows[i + 1], j);
        if (!last && x >= next)
            continue;
        if ((!last || active < n) && is_best(grower, weight, sum, all, &gain))
            grower->best = (Split){.gain = gain, .param = j, .end = i + 1};
        if (!last && active < n && is_best(grower, weight + inactive.weight, sum + inactive.sum, all, &gain))
            grower->best = (Split){.gain = gain, .param = j, .end = i + 1, .inactive_left = true};
    }
}

static void consider_category(Grower *grower, size_t j, const uint32_t *rows, size_t n, Share all)
{
    enum { PLACES = 65, INACTIVE = 64 };
    Share shares[PLACES] = {{0, 0}};
    size_t order[PLACES], n_values = 0;
    for (size_t i = 0; i < n; i++) {
        double x = cell(grower, rows[i], j);
        share_add(&shares[isnan(x) ? INACTIVE : value_of(grower->cube, j, x)], grower->shares[rows[i]]);
    }
    for (size_t v = 0; v < PLACES; v++) { /* sorted by mean; of equal ones the first first */
        if (shares[v].weight <= 0)
            continue;
        size_t at = n_values++;
        for (; at > 0 && shares[v].sum * shares[order[at - 1]].weight < shares[order[at - 1]].sum * shares[v].weight;
             at--)
            order[at] = order[at - 1];
        order[at] = v;
    }
    Split split = {.param = j};
    Share left = {0, 0};
    for (size_t i = 0; i + 1 < n_values; i++) {
        share_add(&left, shares[order[i]]);
        if (order[i] == INACTIVE)
            split.inactive_left = true;
        else
            split.set |= UINT64_C(1) << order[i];
        if (is_best(grower, left.weight, left.sum, all, &split.gain))
            grower->best = split;
    }
}

/* All parameters in a drawn order. Of equal splits the first is taken. */
static void shuffle_params(Grower *grower)
{
    size_t d = grower->cube->n;
    for (size_t k = 0; k + 1 < d; k++) {
        size_t other = k + hpt_draws_below(grower->draws, d - k), was = grower->params[k];
        grower->params[k] = grower->params[other];
        grower->params[other] = was;
    }
}

/* The best split into grower->best: of some parameters, and of more where none of these can be split. */
static bool find_split(Grower *grower, size_t begin, size_t n, const Node *node, Share all)
{
    size_t d = grower->cube->n, wanted = (size_t)ceil(grower->settings->features * (double)d);
    double least = share_gain(all) + 1e-9 * node->variance * all.weight;
    grower->best = (Split){.gain = least};
    if (node->variance <= 0)
        return false;
    shuffle_params(grower);
    for (size_t k = 0; k < d && (k < wanted || grower->best.gain <= least); k++) {
        size_t j = grower->params[k];
        const uint32_t *rows = grower->order[j] + begin;
        (is_set(grower->cube, j) ? consider_category : consider_number)(grower, j, rows, n, all);
    }
    return grower->best.gain > least;
}

/* Which values of the category have no row here; they go left or right by the bits of a word. */
static uint64_t unseen(const Grower *grower, size_t j, const uint32_t *rows, size_t n)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        double x = cell(grower, rows[i], j);
        if (!isnan(x))
            seen |= UINT64_C(1) << value_of(grower->cube, j, x);
    }
    return ~seen;
}

/* The node's split, in full: the place of a number's threshold is drawn. */
static void settle(Grower *grower, const uint32_t *rows, size_t n, Node *node)
{
    const Split *best = &grower->best;
    size_t j = best->param;
    uint64_t word = hpt_stream_bits(&grower->draws->stream, grower->draws->next++);
    node->param = (int32_t)j;
    node->inactive_left = best->inactive_left;
    if (!isnan(cell(grower, rows[n - 1], j))) /* the inactive are last */
        node->inactive_left = word >> 63 != 0;
    if (is_set(grower->cube, j)) {
        node->set = best->set | (unseen(grower, j, rows, n) & word);
        if (!isnan(cell(grower, rows[n - 1], j)))
            node->inactive_left = hpt_draws_uniform(grower->draws) < 0.5;
        return;
    }
    double low = cell(grower, rows[best->end - 1], j);
    double high = best->end < n ? cell(grower, rows[best->end], j) : (double)NAN;
    node->threshold = 2; /* every number goes left, the inactive right */
    if (!isnan(high)) {
        double t = low + hpt_draws_uniform(grower->draws) * (high - low);
        node->threshold = t < high ? t : low;
    }
}

static bool goes_left(const HptCube *cube, const Node *node, double x)
{
    if (isnan(x))
        return node->inactive_left;
    size_t j = (size_t)node->param;
    return is_set(cube, j) ? (node->set >> value_of(cube, j, x) & 1) != 0 : x <= node->threshold;
}

/* Parts the segments of all parameters, each keeping its order; gives the size of the left parts. */
static size_t part(Grower *grower, const Node *node, size_t begin, size_t end)
{
    size_t n_left = 0, j = (size_t)node->param;
    for (size_t i = begin; i < end; i++) {
        uint32_t row = grower->order[0][i];
        grower->goes_left[row] = goes_left(grower->cube, node, cell(grower, row, j));
        n_left += grower->goes_left[row];
    }
    for (size_t k = 0; k < grower->cube->n; k++) {
        uint32_t *rows = grower->order[k];
        size_t left = begin, right = 0;
        for (size_t i = begin; i < end; i++) { /* without a branch, which would be guessed wrong half of the time */
            uint32_t row = rows[i];
            bool is_left = grower->goes_left[row];
            rows[left] = grower->scratch[right] = row;
            left += is_left;
            right += !is_left;
        }
        memcpy(rows + left, grower->scratch, right * sizeof *rows);
    }
    return n_left;
}

static void describe(const Grower *grower, size_t begin, size_t end, Node *node, Share *all)
{
    const uint32_t *rows = grower->order[0];
    *all = (Share){0, 0};
    for (size_t i = begin; i < end; i++)
        share_add(all, grower->shares[rows[i]]);
    double squares = 0, mean = all->sum / all->weight;
    for (size_t i = begin; i < end; i++) {
        double away = grower->y[rows[i]] - mean;
        squares += grower->shares[rows[i]].weight * away * away;
    }
    *node = (Node){.param = -1, .mean = mean, .variance = squares / all->weight};
}

typedef struct {
    size_t begin, end, node;
} Open;

static void grow(Grower *grower, GArray *nodes)
{
    g_autoptr(GArray) open = g_array_new(false, false, sizeof(Open));
    Node node;
    g_array_append_val(nodes, (Node){0});
    g_array_append_val(open, ((Open){0, grower->n, nodes->len - 1}));
    while (open->len > 0) {
        Open at = g_array_index(open, Open, open->len - 1);
        g_array_set_size(open, open->len - 1);
        Share all;
        describe(grower, at.begin, at.end, &node, &all);
        if (find_split(grower, at.begin, at.end - at.begin, &node, all)) {
            settle(grower, grower->order[grower->best.param] + at.begin, at.end - at.begin, &node);
            size_t middle = at.begin + part(grower, &node, at.begin, at.end);
            node.left = (int32_t)nodes->len;
            node.right = node.left + 1;
            g_array_set_size(nodes, nodes->len + 2);
            g_array_append_val(open, ((Open){middle, at.end, (size_t)node.right}));
            g_array_append_val(open, ((Open){at.begin, middle, (size_t)node.left}));
        }
        g_array_index(nodes, Node, at.node) = node;
    }
}

/* ---- the forest ---- */

/* All rows by the value of parameter j, the inactive last, equal ones by row. */
typedef struct {
    double value;
    uint32_t row;
} Placed;

static int compare(const void *a, const void *b)
{
    const Placed *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void sort_rows(const HptCube *cube, const double *rows, size_t n, size_t j, Placed *scratch, uint32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        double x = rows[i * cube->n + j];
        scratch[i] = (Placed){isnan(x) ? 3 : x, (uint32_t)i};
    }
    qsort(scratch, n, sizeof *scratch, compare);
    for (size_t i = 0; i < n; i++)
        out[i] = scratch[i].row;
}

HptForest *hpt_forest_new(const HptCube *cube, const double *rows, const double *y, size_t n,
                          const HptForestSettings *settings, HptDraws *draws, double *unseen)
{
    HptForest *forest = g_new0(HptForest, 1);
    size_t d = cube->n;
    forest->cube = cube;
    forest->n_trees = (size_t)settings->trees;
    forest->nodes = g_array_new(false, false, sizeof(Node));
    forest->root = g_new(size_t, forest->n_trees);
    g_autofree uint32_t *sorted = g_new(uint32_t, n * d + 1), *order = g_new(uint32_t, n * d + 1);
    g_autofree uint32_t **segments = g_new(uint32_t *, d + 1), *scratch = g_new(uint32_t, n);
    g_autofree Placed *placed = g_new(Placed, n);
    g_autofree double *columns = g_new(double, n * d + 1);
    g_autofree Share *shares = g_new(Share, n);
    g_autofree bool *left = g_new(bool, n);
    g_autofree size_t *params = g_new(size_t, d + 1);
    for (size_t j = 0; j < d; j++) {
        sort_rows(cube, rows, n, j, placed, sorted + j * n);
        segments[j] = order + j * n;
        params[j] = j;
        for (size_t i = 0; i < n; i++)
            columns[j * n + i] = rows[i * d + j];
    }
    Grower grower = {.cube = cube,         .columns = columns, .n_rows = n,       .y = y,
                     .settings = settings, .draws = draws,     .shares = shares,  .order = segments,
                     .scratch = scratch,   .goes_left = left,  .params = params};
    g_autofree double *trees = g_new0(double, n);
    for (size_t i = 0; unseen != NULL && i < n; i++)
        unseen[i] = 0;
    for (size_t t = 0; t < forest->n_trees; t++) {
        memset(shares, 0, n * sizeof *shares);
        for (size_t i = 0; i < n; i++)
            shares[hpt_draws_below(draws, n)].weight++;
        for (size_t i = 0; i < n; i++)
            shares[i].sum = shares[i].weight * y[i];
        for (size_t j = 0; j < d; j++) {
            grower.n = 0;
            for (size_t i = 0; i < n; i++)
                if (shares[sorted[j * n + i]].weight > 0)
                    segments[j][grower.n++] = sorted[j * n + i];
        }
        forest->root[t] = forest->nodes->len;
        grow(&grower, forest->nodes);
        for (size_t i = 0; unseen != NULL && i < n; i++)
            if (shares[i].weight <= 0) {
                unseen[i] += hpt_forest_tree(forest, t, rows + i * d, NULL);
                trees[i]++;
            }
    }
    for (size_t i = 0; unseen != NULL && i < n; i++)
        unseen[i] /= trees[i];
    return forest;
}

void hpt_forest_free(HptForest *forest)
{
    if (forest == NULL)
        return;
    g_array_unref(forest->nodes);
    g_free(forest->root);
    g_free(forest);
}

double hpt_forest_tree(const HptForest *forest, size_t tree, const double *row, double *variance)
{
    const Node *nodes = (const Node *)(const void *)forest->nodes->data, *at = &nodes[forest->root[tree]];
    while (at->param >= 0)
        at = &nodes[goes_left(forest->cube, at, row[at->param]) ? at->left : at->right];
    if (variance != NULL)
        *variance = at->variance;
    return at->mean;
}

void hpt_forest_predict(const HptForest *forest, const double *row, double *mean, double *variance)
{
    double sum = 0, variances = 0, shift = 0, squares = 0; /* shifted by the first, so that nothing is lost */
    for (size_t t = 0; t < forest->n_trees; t++) {
        double inside = 0, value = hpt_forest_tree(forest, t, row, &inside);
        if (t == 0)
            shift = value;
        sum += value - shift;
        squares += (value - shift) * (value - shift);
        variances += inside;
    }
    double trees = (double)forest->n_trees, away = sum / trees;
    *mean = shift + away;
    *variance = variances / trees + MAX(squares / trees - away * away, 0);
}
