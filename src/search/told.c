#include "search/told.h"

#include "num/elementary.h"
#include "num/hash.h"
#include "search/sorted.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define AUGMENTED 0.05
#define LARGE 1e100

/* Trials of one kind, finished or running, with what is known of each. */
typedef struct {
    size_t n, room;
    uint64_t *digest; /* room: of the observation */
    double *rows;     /* room rows */
} Trials;

struct HptToldCache {
    size_t n_objectives;
    Trials finished, running;
    double *values;     /* finished.room · n_objectives, as they were told; of failed trials 0 */
    HptSorted *ranked;  /* n_objectives: finished trials by value, failed ones last */
    HptSorted by_row;   /* the same by the hash of their rows */
    size_t room;        /* of the arrays of told */
};

/* ---- ranks ---- */

static int compare(const void *a, const void *b)
{
    const HptRanked *x = a, *y = b;
    if (x->failed != y->failed)
        return x->failed ? 1 : -1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

HptRanked *hpt_rank(const double *values, const bool *failed, size_t n)
{
    HptRanked *ranked = g_new(HptRanked, n);
    for (size_t i = 0; i < n; i++)
        ranked[i] = (HptRanked){values[i], failed != NULL && failed[i], i};
    qsort(ranked, n, sizeof *ranked, compare);
    return ranked;
}

/* ---- life ---- */

HptTold *hpt_told_new(const HptCube *cube)
{
    HptTold *told = g_new0(HptTold, 1);
    told->cube = cube;
    told->cache = g_new0(HptToldCache, 1);
    return told;
}

static void forget_objectives(HptToldCache *cache)
{
    for (size_t k = 0; k < cache->n_objectives; k++)
        hpt_sorted_clear(&cache->ranked[k]);
    g_clear_pointer(&cache->ranked, g_free);
    g_clear_pointer(&cache->values, g_free);
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
    g_free(told->cache);
    g_free(told->y);
    g_free(told->failed);
    g_free(told->number);
    g_free(told->order);
    g_free(told);
}

/* ---- what is new ---- */

static uint64_t digest_of(const HptObservation *trial, size_t n_objectives)
{
    return trial->digest != 0 ? trial->digest : hpt_observation_digest(trial, n_objectives, 0);
}

/* How many of the first trials are those that are known; *at: the observation behind them. */
static size_t count_known(const Trials *trials, const HptHistory *history, bool finished,
                          size_t n_objectives, size_t *at)
{
    size_t known = 0;
    for (*at = 0; *at < history->n; ++*at) {
        const HptObservation *trial = &history->observations[*at];
        if (trial->finished != finished)
            continue;
        if (known == trials->n || trials->digest[known] != digest_of(trial, n_objectives))
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

static void take(Trials *trials, const HptCube *cube, const HptObservation *trial, size_t n_objectives)
{
    trials->digest[trials->n] = digest_of(trial, n_objectives);
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
    size_t i = cache->finished.n, n_objectives = cache->n_objectives;
    told->number[i] = trial->number;
    told->failed[i] = is_failed(trial, n_objectives);
    for (size_t k = 0; k < n_objectives; k++)
        cache->values[i * n_objectives + k] = told->failed[i] ? 0 : trial->values[k];
    take(&cache->finished, told->cube, trial, n_objectives);
}

/* The trials from first on into the sorted lists. */
static void sort_in(HptTold *told, size_t first)
{
    HptToldCache *cache = told->cache;
    size_t n = cache->finished.n - first, width = told->cube->n;
    g_autofree uint64_t *keys = g_new(uint64_t, n + 1);
    for (size_t k = 0; k < cache->n_objectives; k++) {
        for (size_t i = 0; i < n; i++)
            keys[i] = told->failed[first + i]
                          ? UINT64_MAX
                          : hpt_sorted_key(cache->values[(first + i) * cache->n_objectives + k]);
        hpt_sorted_add(&cache->ranked[k], keys, first, n);
    }
    for (size_t i = 0; i < n; i++)
        keys[i] = hpt_hash_doubles(HPT_HASH_START, cache->finished.rows + (first + i) * width, width);
    hpt_sorted_add(&cache->by_row, keys, first, n);
}

static void hear_finished(HptTold *told, const HptHistory *history, size_t n)
{
    HptToldCache *cache = told->cache;
    size_t at = 0, known = count_known(&cache->finished, history, true, cache->n_objectives, &at);
    if (known < cache->finished.n) {
        cache->finished.n = known;
        for (size_t k = 0; k < cache->n_objectives; k++)
            hpt_sorted_cut(&cache->ranked[k], known);
        hpt_sorted_cut(&cache->by_row, known);
    }
    if (n > cache->room) {
        cache->room = n + n / 4 + 16;
        told->y = g_renew(double, told->y, cache->room);
        told->failed = g_renew(bool, told->failed, cache->room);
        told->number = g_renew(int64_t, told->number, cache->room);
        told->order = g_renew(size_t, told->order, cache->room);
    }
    cache->values = g_renew(double, cache->values, cache->room * cache->n_objectives + 1);
    for (; at < history->n; at++)
        if (history->observations[at].finished)
            take_finished(told, &history->observations[at]);
    if (cache->finished.n > known)
        sort_in(told, known);
}

static void hear_running(HptTold *told, const HptHistory *history)
{
    Trials *running = &told->cache->running;
    size_t n_objectives = told->cache->n_objectives, at = 0;
    running->n = count_known(running, history, false, n_objectives, &at);
    for (; at < history->n; at++)
        if (!history->observations[at].finished) {
            make_room(running, running->n + 1, told->cube->n);
            take(running, told->cube, &history->observations[at], n_objectives);
        }
}

/* ---- values ---- */

/* Makes the values finite and not too large; of what failed, the worst. */
static void tidy(double *values, const bool *failed, size_t n)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!failed[i] && isfinite(values[i])) {
            low = MIN(low, values[i]);
            high = MAX(high, values[i]);
        }
    if (low > high)
        low = high = 0;
    double most = MAX(fabs(low), fabs(high)), scale = most > LARGE ? LARGE / most : 1;
    for (size_t i = 0; i < n; i++)
        values[i] = scale * (failed[i] ? high : isfinite(values[i]) ? values[i] : low);
}

/* Adds the objective, weighted, to the largest and the sum of each trial. */
static void add_objective(const HptSorted *ranked, const double *values, double weight, double *largest,
                          double *sum)
{
    size_t n = ranked->n;
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t i = 0; i < n; i++) {
        low = MIN(low, values[i]);
        high = MAX(high, values[i]);
    }
    for (size_t place = 0; place < n; place++) {
        size_t i = ranked->entries[place].index;
        double share = high > low ? (values[i] - low) / (high - low) : 0;
        double term = weight * (0.5 * ((double)place + 0.5) / (double)n + 0.5 * share);
        largest[i] = MAX(largest[i], term);
        sum[i] += term;
    }
}

/* Weights uniform over those that sum to 1. */
static void draw_weights(double *weights, size_t n, HptDraws *draws)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        weights[k] = -hpt_log(1 - hpt_draws_uniform(draws)) + DBL_MIN;
        sum += weights[k];
    }
    for (size_t k = 0; k < n; k++)
        weights[k] /= sum;
}

static void make_values(HptTold *told)
{
    HptToldCache *cache = told->cache;
    memcpy(told->y, cache->values, told->n * sizeof *told->y);
    tidy(told->y, told->failed, told->n);
    for (size_t i = 0; i < told->n; i++)
        told->order[i] = cache->ranked[0].entries[i].index;
}

static void combine_values(HptTold *told, HptDraws *draws)
{
    HptToldCache *cache = told->cache;
    size_t n = told->n, n_objectives = cache->n_objectives;
    g_autofree double *column = g_new(double, n), *weights = g_new(double, n_objectives);
    g_autofree double *largest = g_new0(double, n), *sum = g_new0(double, n);
    draw_weights(weights, n_objectives, draws);
    for (size_t k = 0; k < n_objectives; k++) {
        for (size_t i = 0; i < n; i++)
            column[i] = cache->values[i * n_objectives + k];
        tidy(column, told->failed, n);
        add_objective(&cache->ranked[k], column, weights[k], largest, sum);
    }
    for (size_t i = 0; i < n; i++)
        told->y[i] = largest[i] + AUGMENTED * sum[i];
    g_autofree HptRanked *ranked = hpt_rank(told->y, told->failed, n);
    for (size_t i = 0; i < n; i++)
        told->order[i] = ranked[i].index;
}

/* ---- all of it ---- */

void hpt_told_hear(HptTold *told, const HptHistory *history, HptDraws *draws)
{
    static const HptHistory nothing = {0};
    HptToldCache *cache = told->cache;
    if (history == NULL)
        history = &nothing;
    size_t n = 0, n_objectives = history->n == 0 ? 1 : MAX(history->n_objectives, 1);
    size_t width = told->cube->n;
    if (cache->n_objectives != n_objectives) {
        forget_objectives(cache);
        cache->n_objectives = n_objectives;
        cache->ranked = g_new0(HptSorted, n_objectives);
        cache->running.n = 0;
    }
    for (size_t i = 0; i < history->n; i++)
        n += history->observations[i].finished;
    make_room(&cache->finished, history->n, width);
    hear_finished(told, history, n);
    hear_running(told, history);
    told->n = n;
    told->n_valued = 0;
    for (size_t i = 0; i < n; i++)
        told->n_valued += !told->failed[i];
    told->n_running = cache->running.n;
    told->rows = cache->finished.rows;
    if (told->n_running > 0)
        memcpy(told->rows + n * width, cache->running.rows, told->n_running * width * sizeof *told->rows);
    if (n > 0 && n_objectives == 1)
        make_values(told);
    else if (n > 0)
        combine_values(told, draws);
}

bool hpt_told_has(const HptTold *told, const double *row)
{
    const HptSorted *by_row = &told->cache->by_row;
    size_t width = told->cube->n;
    uint64_t hash = hpt_hash_doubles(HPT_HASH_START, row, width);
    for (size_t i = hpt_sorted_find(by_row, hash); i < by_row->n && by_row->entries[i].key == hash; i++)
        if (hpt_cube_among(told->cube, row, told->rows + by_row->entries[i].index * width, 1))
            return true;
    return told->n_running > 0 && hpt_cube_among(told->cube, row, told->rows + told->n * width, told->n_running);
}
