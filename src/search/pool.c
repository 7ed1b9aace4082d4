#include "search/pool.h"

#include "num/hash.h"
#include "search/feasible.h"
#include "search/front.h"

#include <math.h>
#include <string.h>

#define LARGE 1e300

HptPool *hpt_pool_new(const HptCube *cube)
{
    HptPool *pool = g_new0(HptPool, 1);
    pool->cube = cube;
    pool->n_objectives = 1;
    return pool;
}

void hpt_pool_free(HptPool *pool)
{
    if (pool == NULL)
        return;
    hpt_sorted_clear(&pool->by_row);
    g_free(pool->number);
    g_free(pool->state);
    g_free(pool->rows);
    g_free(pool->values);
    g_free(pool->beyond);
    g_free(pool->digest);
    g_free(pool);
}

/* ---- hearing ---- */

static uint64_t digest_of(const HptObservation *trial, const HptHistory *history)
{
    return trial->digest != 0 ? trial->digest
                              : hpt_observation_digest(trial, MAX(history->n_objectives, 1), history->n_constraints);
}

static void make_room(HptPool *pool, size_t n)
{
    if (n <= pool->room)
        return;
    pool->room = MAX(n, 2 * pool->room);
    pool->number = g_renew(int64_t, pool->number, pool->room);
    pool->state = g_renew(HptPoolState, pool->state, pool->room);
    pool->rows = g_renew(double, pool->rows, pool->room * pool->cube->n + 1);
    pool->values = g_renew(double, pool->values, pool->room * pool->n_objectives);
    pool->beyond = g_renew(double, pool->beyond, pool->room);
    pool->digest = g_renew(uint64_t, pool->digest, pool->room);
}

static HptPoolState state_of(const HptObservation *trial, size_t n_objectives)
{
    if (!trial->finished)
        return HPT_POOL_RUNNING;
    for (size_t k = 0; trial->values != NULL && k < n_objectives; k++)
        if (isnan(trial->values[k]) || trial->values[k] == (double)INFINITY)
            return HPT_POOL_FAILED;
    return trial->values == NULL ? HPT_POOL_FAILED : HPT_POOL_VALUED;
}

static void write_trial(HptPool *pool, size_t i, const HptObservation *trial, uint64_t digest)
{
    size_t m = pool->n_objectives;
    pool->number[i] = trial->number;
    pool->state[i] = state_of(trial, m);
    pool->digest[i] = digest;
    pool->beyond[i] = 0;
    hpt_cube_encode(pool->cube, trial->config, pool->rows + i * pool->cube->n);
    for (size_t k = 0; k < m; k++)
        pool->values[i * m + k] = pool->state[i] == HPT_POOL_VALUED ? CLAMP(trial->values[k], -LARGE, LARGE) : 0;
}

/* What a trial is beyond depends on all the others; from the first new trial on nothing is compared. */
static int64_t write_beyond(HptPool *pool, const HptHistory *history, int64_t changed)
{
    g_autofree double *beyond = g_new(double, history->n);
    hpt_violations(history, beyond);
    for (size_t i = 0; i < pool->n; i++) {
        double value = pool->state[i] == HPT_POOL_VALUED ? beyond[i] : 0;
        if (value != pool->beyond[i])
            changed = MIN(changed, pool->number[i]);
        pool->beyond[i] = value;
    }
    return changed;
}

int64_t hpt_pool_hear(HptPool *pool, const HptHistory *history)
{
    static const HptHistory nothing = {0};
    history = history == NULL ? &nothing : history;
    size_t known = 0, m = MAX(history->n_objectives, 1), width = pool->cube->n;
    if (m != pool->n_objectives) {
        pool->n_objectives = m;
        pool->values = g_renew(double, pool->values, pool->room * m);
    } else
        while (known < pool->n && known < history->n &&
               pool->digest[known] == digest_of(&history->observations[known], history))
            known++;
    int64_t changed = INT64_MAX;
    if (known < pool->n)
        changed = pool->number[known];
    if (known < history->n)
        changed = MIN(changed, history->observations[known].number);
    make_room(pool, history->n);
    hpt_sorted_cut(&pool->by_row, known);
    g_autofree uint64_t *hashes = g_new(uint64_t, history->n - known + 1);
    for (size_t i = known; i < history->n; i++) {
        write_trial(pool, i, &history->observations[i], digest_of(&history->observations[i], history));
        hashes[i - known] = hpt_hash_doubles(HPT_HASH_START, pool->rows + i * width, width);
    }
    hpt_sorted_add(&pool->by_row, hashes, known, history->n - known);
    pool->n = history->n;
    return pool->n > 0 ? write_beyond(pool, history, changed) : changed;
}

size_t hpt_pool_find(const HptPool *pool, int64_t number)
{
    size_t low = 0, high = pool->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pool->number[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool hpt_pool_among(const HptPool *pool, const double *row, size_t n)
{
    size_t width = pool->cube->n;
    uint64_t hash = hpt_hash_doubles(HPT_HASH_START, row, width);
    for (size_t i = hpt_sorted_find(&pool->by_row, hash);
         i < pool->by_row.n && pool->by_row.entries[i].key == hash; i++) {
        size_t trial = pool->by_row.entries[i].index;
        if (trial < n && hpt_cube_among(pool->cube, row, pool->rows + trial * width, 1))
            return true;
    }
    return false;
}

bool hpt_pool_dominates(const HptPool *pool, size_t a, size_t b)
{
    if (pool->state[a] != pool->state[b])
        return pool->state[a] > pool->state[b];
    if (pool->beyond[a] != pool->beyond[b])
        return pool->beyond[a] < pool->beyond[b];
    size_t m = pool->n_objectives;
    const double *x = pool->values + a * m, *y = pool->values + b * m;
    bool better = false;
    for (size_t k = 0; k < m; k++) {
        if (x[k] > y[k])
            return false;
        better = better || x[k] < y[k];
    }
    return better;
}

/* ---- fronts ---- */

typedef struct {
    size_t place, trial;
    HptPoolState state;
    double beyond;
} Sortable;

static int compare_feasible(const void *a, const void *b)
{
    const Sortable *x = a, *y = b;
    if (x->state != y->state)
        return x->state > y->state ? -1 : 1;
    if (x->beyond != y->beyond)
        return x->beyond < y->beyond ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Trials that are as far beyond their constraints are ranked by values; the others are ranks apart. */
void hpt_pool_ranks(const HptPool *pool, const size_t *trials, size_t n, size_t *rank)
{
    size_t m = pool->n_objectives, first = 0;
    g_autofree Sortable *sorted = g_new(Sortable, n + 1);
    g_autofree double *points = g_new(double, n * m + 1);
    g_autofree size_t *own = g_new(size_t, n + 1);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (Sortable){i, trials[i], pool->state[trials[i]], pool->beyond[trials[i]]};
    qsort(sorted, n, sizeof *sorted, compare_feasible);
    for (size_t from = 0, to; from < n; from = to) {
        size_t last = 0;
        for (to = from; to < n && sorted[to].state == sorted[from].state &&
                        !(sorted[to].beyond > sorted[from].beyond);
             to++)
            memcpy(points + to * m, pool->values + sorted[to].trial * m, m * sizeof *points);
        hpt_front_ranks(points + from * m, to - from, m, own + from);
        for (size_t i = from; i < to; i++) {
            rank[sorted[i].place] = first + own[i];
            last = MAX(last, own[i]);
        }
        first += last + 1;
    }
}

typedef struct {
    size_t trial, rank;
    double distance;
} Placed;

static int compare_placed(const void *a, const void *b)
{
    const Placed *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->distance != y->distance)
        return x->distance > y->distance ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* Sorted before as well: of equal values the first tried is at the end of a front. */
void hpt_pool_sort(const HptPool *pool, size_t *trials, size_t n)
{
    size_t m = pool->n_objectives;
    g_autofree size_t *rank = g_new(size_t, n + 1);
    g_autofree double *points = g_new(double, n * m + 1), *distance = g_new(double, n + 1);
    g_autofree Placed *placed = g_new(Placed, n + 1);
    hpt_pool_ranks(pool, trials, n, rank);
    for (size_t i = 0; i < n; i++)
        placed[i] = (Placed){trials[i], rank[i], 0};
    qsort(placed, n, sizeof *placed, compare_placed);
    for (size_t i = 0; i < n; i++) {
        rank[i] = placed[i].rank;
        memcpy(points + i * m, pool->values + placed[i].trial * m, m * sizeof *points);
    }
    hpt_front_crowding(points, n, m, rank, distance);
    for (size_t i = 0; i < n; i++)
        placed[i].distance = distance[i];
    qsort(placed, n, sizeof *placed, compare_placed);
    for (size_t i = 0; i < n; i++)
        trials[i] = placed[i].trial;
}
