#include "search/told.h"

#include "num/hash.h"
#include "search/feasible.h"
#include "search/front.h"
#include "search/sorted.h"

#include <math.h>
#include <string.h>

#define LARGE 0x1p1000
#define SMALLER 0x1p-24 /* what is larger becomes smaller */

/* Trials of one kind, finished or running, with what is known of each. */
typedef struct {
    size_t n, room;
    uint64_t *digest; /* room: of the observation */
    double *rows;     /* room rows */
} Trials;

struct HptToldCache {
    size_t n_objectives, n_constraints;
    Trials finished, running;
    double *values;     /* finished.room · n_objectives, as they were told; of failed trials 0 */
    double *constraints; /* finished.room · n_constraints, NaN: not known */
    HptSorted ranked;   /* of one objective: finished trials by value, failed ones last */
    HptSorted by_row;   /* the same by the hash of their rows */
    size_t room;        /* of the arrays of told */
    double *settled;    /* scratch of hpt_told_has */
};

/* ---- ranks ---- */

HptRanked *hpt_rank(const double *values, const bool *failed, size_t n)
{
    HptRanked *ranked = g_new(HptRanked, n + 1);
    g_autofree HptSortedEntry *entries = g_new(HptSortedEntry, n + 1);
    size_t n_failed = 0, place = 0;
    for (size_t i = 0; i < n; i++) {
        entries[i] = (HptSortedEntry){hpt_sorted_key(values[i]), i};
        n_failed += failed != NULL && failed[i];
    }
    hpt_sort_entries(entries, n);
    size_t last = n - n_failed;
    for (size_t k = 0; k < n; k++) {
        size_t i = entries[k].index;
        bool is_last = failed != NULL && failed[i];
        ranked[is_last ? last++ : place++] = (HptRanked){values[i], is_last, i};
    }
    return ranked;
}

/* ---- life ---- */

HptTold *hpt_told_new(const HptCube *cube)
{
    HptTold *told = g_new0(HptTold, 1);
    told->cube = cube;
    told->cache = g_new0(HptToldCache, 1);
    told->cache->settled = g_new(double, cube->n + 1);
    return told;
}

static void forget_objectives(HptToldCache *cache)
{
    hpt_sorted_clear(&cache->ranked);
    g_clear_pointer(&cache->values, g_free);
    g_clear_pointer(&cache->constraints, g_free);
    hpt_sorted_clear(&cache->by_row);
    cache->n_objectives = 0;
    cache->finished.n = 0;
}

static void trials_clear(Trials *trials)
{
    g_free(trials->digest);
    g_free(trials->rows);
}

void hpt_told_free(HptTold *told)
{
    if (told == NULL)
        return;
    forget_objectives(told->cache);
    trials_clear(&told->cache->finished);
    trials_clear(&told->cache->running);
    g_free(told->cache->settled);
    g_free(told->cache);
    g_free(told->y);
    g_free(told->failed);
    g_free(told->number);
    g_free(told->order);
    g_free(told->beyond);
    g_free(told);
}

/* ---- what is new ---- */

static uint64_t digest_of(const HptToldCache *cache, const HptObservation *trial)
{
    return trial->digest != 0 ? trial->digest
                              : hpt_observation_digest(trial, cache->n_objectives, cache->n_constraints);
}

/* How many of the first trials are those that are known; *at: the observation behind them. */
static size_t count_known(const HptToldCache *cache, const Trials *trials, const HptHistory *history,
                          bool finished, size_t *at)
{
    size_t known = 0;
    for (*at = 0; *at < history->n; ++*at) {
        const HptObservation *trial = &history->observations[*at];
        if (trial->finished != finished)
            continue;
        if (known == trials->n || trials->digest[known] != digest_of(cache, trial))
            break;
        known++;
    }
    return known;
}

static void make_room(Trials *trials, size_t n, size_t width)
{
    if (n <= trials->room)
        return;
    trials->room = n + n / 4 + 16;
    trials->digest = g_renew(uint64_t, trials->digest, trials->room);
    trials->rows = g_renew(double, trials->rows, trials->room * width + 1);
}

static void take(const HptToldCache *cache, Trials *trials, const HptCube *cube, const HptObservation *trial)
{
    trials->digest[trials->n] = digest_of(cache, trial);
    hpt_cube_encode(cube, trial->config, trials->rows + trials->n * cube->n);
    trials->n++;
}

static bool is_failed(const HptObservation *trial, size_t n_objectives)
{
    for (size_t k = 0; trial->values != NULL && k < n_objectives; k++)
        if (isnan(trial->values[k]) || trial->values[k] == (double)INFINITY)
            return true;
    return trial->values == NULL;
}

static void take_finished(HptTold *told, const HptObservation *trial)
{
    HptToldCache *cache = told->cache;
    size_t i = cache->finished.n, n_objectives = cache->n_objectives, n_constraints = cache->n_constraints;
    told->number[i] = trial->number;
    told->failed[i] = is_failed(trial, n_objectives);
    for (size_t k = 0; k < n_objectives; k++)
        cache->values[i * n_objectives + k] = told->failed[i] ? 0 : trial->values[k];
    for (size_t k = 0; k < n_constraints; k++)
        cache->constraints[i * n_constraints + k] =
            told->failed[i] || trial->constraints == NULL ? (double)NAN : trial->constraints[k];
    take(cache, &cache->finished, told->cube, trial);
}

/* The trials from first on into the sorted lists. */
static void sort_in(HptTold *told, size_t first)
{
    HptToldCache *cache = told->cache;
    size_t n = cache->finished.n - first, width = told->cube->n;
    g_autofree uint64_t *keys = g_new(uint64_t, n + 1);
    if (cache->n_objectives == 1) {
        for (size_t i = 0; i < n; i++)
            keys[i] = told->failed[first + i] ? UINT64_MAX : hpt_sorted_key(cache->values[first + i]);
        hpt_sorted_add(&cache->ranked, keys, first, n);
    }
    for (size_t i = 0; i < n; i++)
        keys[i] = hpt_hash_doubles(HPT_HASH_START, cache->finished.rows + (first + i) * width, width);
    hpt_sorted_add(&cache->by_row, keys, first, n);
}

static void make_places(HptTold *told, size_t n)
{
    HptToldCache *cache = told->cache;
    if (n > cache->room) {
        cache->room = n + n / 4 + 16;
        told->y = g_renew(double, told->y, cache->room);
        told->failed = g_renew(bool, told->failed, cache->room);
        told->number = g_renew(int64_t, told->number, cache->room);
        told->order = g_renew(size_t, told->order, cache->room);
        told->beyond = g_renew(double, told->beyond, cache->room);
    }
    cache->values = g_renew(double, cache->values, cache->room * cache->n_objectives + 1);
    cache->constraints = g_renew(double, cache->constraints, cache->room * cache->n_constraints + 1);
}

static void hear_finished(HptTold *told, const HptHistory *history, size_t n)
{
    HptToldCache *cache = told->cache;
    size_t at = 0, known = count_known(cache, &cache->finished, history, true, &at);
    if (known < cache->finished.n) {
        cache->finished.n = known;
        hpt_sorted_cut(&cache->ranked, known);
        hpt_sorted_cut(&cache->by_row, known);
    }
    make_places(told, n);
    for (; at < history->n; at++)
        if (history->observations[at].finished)
            take_finished(told, &history->observations[at]);
    if (cache->finished.n > known)
        sort_in(told, known);
}

static void hear_running(HptTold *told, const HptHistory *history)
{
    HptToldCache *cache = told->cache;
    Trials *running = &cache->running;
    size_t at = 0;
    running->n = count_known(cache, running, history, false, &at);
    for (; at < history->n; at++)
        if (!history->observations[at].finished) {
            make_room(running, running->n + 1, told->cube->n);
            take(cache, running, told->cube, &history->observations[at]);
        }
}

/* ---- values ---- */

/* Makes the values finite and not too large; of what failed, the worst. What they were multiplied by. */
static double tidy(double *values, const bool *failed, size_t n)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!failed[i] && isfinite(values[i])) {
            low = MIN(low, values[i]);
            high = MAX(high, values[i]);
        }
    if (low > high)
        low = high = 0;
    double most = MAX(fabs(low), fabs(high)), scale = most > LARGE ? SMALLER : 1;
    for (size_t i = 0; i < n; i++)
        values[i] = scale * (failed[i] ? high : isfinite(values[i]) ? values[i] : low);
    return scale;
}

double hpt_told_objective(const HptTold *told, size_t k, double *out)
{
    for (size_t i = 0; i < told->n; i++)
        out[i] = told->cache->values[i * told->n_objectives + k];
    return tidy(out, told->failed, told->n);
}

void hpt_told_constraint(const HptTold *told, size_t k, double *out)
{
    for (size_t i = 0; i < told->n; i++)
        out[i] = told->cache->constraints[i * told->n_constraints + k];
}

/* ---- order ---- */

typedef struct {
    double beyond;
    uint64_t place; /* of one objective: of its values; of several: the rank */
    double apart;
    size_t index;
} Standing;

static int compare_standings(const void *a, const void *b)
{
    const Standing *x = a, *y = b;
    if (x->beyond < y->beyond || x->beyond > y->beyond)
        return x->beyond < y->beyond ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    if (x->apart < y->apart || x->apart > y->apart)
        return x->apart > y->apart ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* The ranks of those that keep every constraint, and how far they are apart from the others of their rank. */
static void set_ranks(HptTold *told, Standing *standings)
{
    size_t n = told->n, m = told->n_objectives, kept = 0;
    g_autofree double *column = g_new(double, n), *points = g_new(double, told->n_feasible * m + 1);
    g_autofree double *apart = g_new(double, told->n_feasible + 1);
    g_autofree size_t *rank = g_new(size_t, told->n_feasible + 1);
    for (size_t k = 0; k < m; k++) {
        (void)hpt_told_objective(told, k, column);
        kept = 0;
        for (size_t i = 0; i < n; i++)
            if (told->beyond[i] <= 0)
                points[kept++ * m + k] = column[i];
    }
    hpt_front_ranks(points, kept, m, rank);
    hpt_front_crowding(points, kept, m, rank, apart);
    kept = 0;
    for (size_t i = 0; i < n; i++)
        if (told->beyond[i] <= 0) {
            told->n_front += rank[kept] == 0;
            standings[i].place = rank[kept];
            standings[i].apart = apart[kept++];
        }
}

static void set_order(HptTold *told)
{
    const HptSorted *ranked = &told->cache->ranked;
    if (told->n_objectives == 1 && told->n_constraints == 0) {
        for (size_t i = 0; i < told->n; i++)
            told->order[i] = ranked->entries[i].index;
        return;
    }
    g_autofree Standing *standings = g_new(Standing, told->n);
    for (size_t i = 0; i < told->n; i++)
        standings[i] = (Standing){.beyond = told->beyond[i], .index = i};
    if (told->n_objectives > 1)
        set_ranks(told, standings);
    else
        for (size_t place = 0; place < told->n; place++)
            standings[ranked->entries[place].index].place = ranked->entries[place].key;
    if (told->n > 0)
        qsort(standings, told->n, sizeof *standings, compare_standings);
    for (size_t i = 0; i < told->n; i++)
        told->order[i] = standings[i].index;
}

static void set_values(HptTold *told)
{
    HptToldCache *cache = told->cache;
    hpt_feasible_beyond(cache->constraints, told->failed, told->n, cache->n_constraints, told->beyond);
    told->n_valued = told->n_feasible = told->n_front = 0;
    for (size_t i = 0; i < told->n; i++) {
        told->n_valued += !told->failed[i];
        told->n_feasible += told->beyond[i] <= 0;
    }
    told->scale = told->n_objectives == 1 ? hpt_told_objective(told, 0, told->y) : 1;
    set_order(told);
    for (size_t i = 0; i < told->n && told->n_objectives > 1; i++)
        told->y[told->order[i]] = (double)i;
}

/* ---- all of it ---- */

void hpt_told_hear(HptTold *told, const HptHistory *history)
{
    static const HptHistory nothing = {0};
    HptToldCache *cache = told->cache;
    if (history == NULL)
        history = &nothing;
    size_t n = 0, n_objectives = history->n == 0 ? 1 : MAX(history->n_objectives, 1);
    size_t width = told->cube->n;
    if (cache->n_objectives != n_objectives || cache->n_constraints != history->n_constraints) {
        forget_objectives(cache);
        told->n_objectives = cache->n_objectives = n_objectives;
        told->n_constraints = cache->n_constraints = history->n_constraints;
        cache->running.n = 0;
    }
    for (size_t i = 0; i < history->n; i++)
        n += history->observations[i].finished;
    make_room(&cache->finished, history->n, width);
    hear_finished(told, history, n);
    hear_running(told, history);
    told->n = n;
    told->n_running = cache->running.n;
    told->rows = cache->finished.rows;
    if (told->n_running > 0)
        memcpy(told->rows + n * width, cache->running.rows, told->n_running * width * sizeof *told->rows);
    set_values(told);
}

size_t hpt_told_running(const HptTold *told, size_t most, const double **rows)
{
    size_t n = MIN(told->n_running, most);
    *rows = told->rows + (told->n + told->n_running - n) * told->cube->n;
    return n;
}

static bool has_row(const HptTold *told, const double *row)
{
    const HptSorted *by_row = &told->cache->by_row;
    size_t width = told->cube->n;
    uint64_t hash = hpt_hash_doubles(HPT_HASH_START, row, width);
    for (size_t i = hpt_sorted_find(by_row, hash); i < by_row->n && by_row->entries[i].key == hash; i++)
        if (hpt_cube_among(told->cube, row, told->rows + by_row->entries[i].index * width, 1))
            return true;
    return told->n_running > 0 && hpt_cube_among(told->cube, row, told->rows + told->n * width, told->n_running);
}

bool hpt_told_has(const HptTold *told, const double *row)
{
    if (has_row(told, row))
        return true;
    /* Rows that lie apart by what a double does not show may still mean one configuration. */
    double *settled = told->cache->settled;
    hpt_cube_settle(told->cube, row, settled);
    return has_row(told, settled);
}
