/* NSGA-III: of the front that does not fit whole, those survive that lie near directions with few survivors.
 *
 * Deb & Jain, "An evolutionary many-objective optimization algorithm using reference-point-based nondominated sorting
 * approach, part I", IEEE Trans. Evol. Comp. 18(4), 2014: algorithms 1 to 4, eq. 4 and 5; directions after Das &
 * Dennis 1998; constraints as in part II (Jain & Deb 2014): constrained domination, and of two parents the one that
 * dominates.
 *
 * Deviations: those of NSGA-II (nsga2.c), and
 * - There are at most `population` directions: the finest lattice that has no more; where it has fewer divisions than
 *   there are objectives, a second one, half as far from the centre, with what is left.
 * - Where the extreme points span no plane, or there are more than 30 objectives, the worst values of the first
 *   front are the intercepts (as in the authors' later notes).
 * - With one objective survivors are chosen as by NSGA-II.
 */
#include "search/nsga.h"

#include <math.h>
#include <string.h>

#define OFF_AXIS 1e-6
#define MOST_SPANNED ((size_t)30)

/* ---- directions ---- */

/* C(p + m − 1, m − 1), or most + 1 if it is more. */
static size_t lattice_size(size_t p, size_t m, size_t most)
{
    double n = 1;
    for (size_t i = 1; i < m && n <= (double)most; i++)
        n = n * (double)(p + i) / (double)i;
    return n <= (double)most ? (size_t)(n + 0.5) : most + 1;
}

/* The divisions of the finest lattice with at most `most` points; 0: even the coarsest has more. */
static size_t divisions(size_t m, size_t most)
{
    size_t p = 0;
    while (lattice_size(p + 1, m, most) <= most)
        p++;
    return p;
}

/* Appends all points of m shares that are multiples of 1/p and sum to 1, drawn `inwards` to the centre. */
static void add_lattice(GArray *points, size_t p, size_t m, double inwards)
{
    g_autofree size_t *count = g_new0(size_t, m);
    g_autofree double *point = g_new(double, m);
    count[m - 1] = p;
    for (;;) {
        for (size_t k = 0; k < m; k++)
            point[k] = (1 - inwards) * (double)count[k] / (double)p + inwards / (double)m;
        g_array_append_vals(points, point, (guint)m);
        /* The next: the last place that is not 0, but the first, gives one to its left and the rest to the end. */
        size_t k = m - 1;
        while (k > 0 && count[k] == 0)
            k--;
        if (k == 0)
            return;
        size_t rest = count[k] - 1;
        count[k] = 0;
        count[k - 1]++;
        count[m - 1] = rest;
    }
}

static GArray *directions(size_t m, size_t most)
{
    GArray *points = g_array_new(false, false, sizeof(double));
    size_t outer = MAX(divisions(m, most), 1);
    add_lattice(points, outer, m, 0);
    size_t left = most - MIN(most, points->len / m);
    size_t inner = outer < m ? divisions(m, left) : 0;
    if (inner > 0)
        add_lattice(points, inner, m, 0.5);
    return points;
}

/* ---- the scale of the objectives ---- */

/* What is kept: is there anything; the lowest of each objective; m extreme points, m values each, if they are used. */
static size_t n_memory(size_t m)
{
    return 1 + m + (m <= MOST_SPANNED ? m * m : 0);
}

/* eq. 4: the largest of the translated values, those off the axis weighed heavily. */
static double off_axis(const double *values, const double *ideal, size_t m, size_t axis)
{
    double largest = 0;
    for (size_t k = 0; k < m; k++)
        largest = MAX(largest, (values[k] - ideal[k]) / (k == axis ? 1 : OFF_AXIS));
    return largest;
}

/* Solves a x = 1 (m × m, spoilt) into x. False: singular. */
static bool solve(double *a, size_t m, double *x)
{
    for (size_t i = 0; i < m; i++)
        x[i] = 1;
    for (size_t i = 0; i < m; i++) {
        size_t pivot = i;
        for (size_t r = i + 1; r < m; r++)
            if (fabs(a[r * m + i]) > fabs(a[pivot * m + i]))
                pivot = r;
        if (!(fabs(a[pivot * m + i]) > 0))
            return false;
        for (size_t k = 0; pivot != i && k < m; k++) {
            double other = a[i * m + k];
            a[i * m + k] = a[pivot * m + k];
            a[pivot * m + k] = other;
        }
        double other = x[i];
        x[i] = x[pivot];
        x[pivot] = other;
        for (size_t r = i + 1; r < m; r++) {
            double factor = a[r * m + i] / a[i * m + i];
            for (size_t k = i; k < m; k++)
                a[r * m + k] -= factor * a[i * m + k];
            x[r] -= factor * x[i];
        }
    }
    for (size_t i = m; i-- > 0;) {
        for (size_t k = i + 1; k < m; k++)
            x[i] -= a[i * m + k] * x[k];
        x[i] /= a[i * m + i];
    }
    return true;
}

/* The intercepts of the plane through the extreme points, less the ideal one. False: there is none. */
static bool intercepts(const double *extremes, const double *ideal, size_t m, double *out)
{
    g_autofree double *plane = g_new(double, m * m);
    for (size_t i = 0; i < m * m; i++)
        plane[i] = extremes[i] - ideal[i % m];
    if (!solve(plane, m, out))
        return false;
    for (size_t k = 0; k < m; k++) {
        out[k] = 1 / out[k];
        if (!isfinite(out[k]) || !(out[k] > 0))
            return false;
    }
    return true;
}

static void note_extremes(const HptPool *pool, const size_t *trials, size_t n, const double *memory, double *extremes)
{
    size_t m = pool->n_objectives;
    const double *ideal = memory + 1;
    for (size_t axis = 0; axis < m; axis++) {
        double *extreme = extremes + axis * m;
        double least = memory[0] > 0 ? off_axis(extreme, ideal, m, axis) : (double)INFINITY;
        for (size_t i = 0; i < n; i++) {
            const double *values = pool->values + trials[i] * m;
            double off = off_axis(values, ideal, m, axis);
            if (off < least || (i == 0 && !(memory[0] > 0))) {
                least = off;
                memcpy(extreme, values, m * sizeof *values);
            }
        }
    }
}

/* The width of each objective, above 0, after the memory has taken note of trials; the first n_first are the first
 * front. */
static void scale(const HptPool *pool, const size_t *trials, size_t n, size_t n_first, double *memory, double *width)
{
    size_t m = pool->n_objectives;
    bool spanned = m <= MOST_SPANNED;
    double *ideal = memory + 1, *extremes = ideal + m;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++) {
            double value = pool->values[trials[i] * m + k];
            ideal[k] = memory[0] > 0 || i > 0 ? MIN(ideal[k], value) : value;
        }
    if (spanned)
        note_extremes(pool, trials, n, memory, extremes);
    memory[0] = 1;
    if (spanned && intercepts(extremes, ideal, m, width))
        return;
    for (size_t k = 0; k < m; k++) {
        double worst = ideal[k];
        for (size_t i = 0; i < n_first; i++)
            worst = MAX(worst, pool->values[trials[i] * m + k]);
        width[k] = worst > ideal[k] ? worst - ideal[k] : 1;
    }
}

/* ---- niches ---- */

typedef struct {
    size_t direction;
    double distance; /* squared, from its line */
} Place;

static Place place_of(const double *values, const double *ideal, const double *width, const GArray *points, size_t m)
{
    Place best = {0, (double)INFINITY};
    for (size_t d = 0; d < points->len / m; d++) {
        const double *w = &g_array_index(points, double, d * m);
        double along = 0, length = 0, square = 0;
        for (size_t k = 0; k < m; k++) {
            double f = (values[k] - ideal[k]) / width[k];
            along += f * w[k];
            length += w[k] * w[k];
            square += f * f;
        }
        double distance = square - along * along / length;
        if (distance < best.distance)
            best = (Place){d, distance};
    }
    return best;
}

/* Which of the last front, places from to n, is next: of the direction with the fewest survivors that has any, by
 * chance among equals; its nearest if it has none yet, else by chance. */
static size_t next_of(const Place *places, const size_t *crowd, size_t n_directions, size_t from, size_t n,
                      HptDraws *draws)
{
    size_t fewest = SIZE_MAX, n_equal = 0, chosen = 0, n_there = 0;
    for (size_t i = from; i < n; i++)
        fewest = MIN(fewest, crowd[places[i].direction]);
    size_t direction = 0;
    for (size_t d = 0; d < n_directions; d++) {
        bool any = false;
        for (size_t i = from; i < n && crowd[d] == fewest; i++)
            any = any || places[i].direction == d;
        if (any && hpt_draws_below(draws, ++n_equal) == 0)
            direction = d;
    }
    for (size_t i = from; i < n; i++) {
        if (places[i].direction != direction)
            continue;
        n_there++;
        bool take = n_there == 1 || (fewest == 0 ? places[i].distance < places[chosen].distance
                                                 : hpt_draws_below(draws, n_there) == 0);
        if (take)
            chosen = i;
    }
    return chosen;
}

static void swap(size_t *trials, Place *places, size_t a, size_t b)
{
    size_t trial = trials[a];
    Place place = places[a];
    trials[a] = trials[b];
    places[a] = places[b];
    trials[b] = trial;
    places[b] = place;
}

static void survive(const Nsga *nsga, const HptPool *pool, size_t *trials, size_t n, int64_t generation,
                    double *memory)
{
    size_t m = pool->n_objectives, size = nsga->population;
    hpt_pool_sort(pool, trials, n);
    if (m == 1 || n == 0)
        return;
    g_autofree size_t *rank = g_new(size_t, n);
    hpt_pool_ranks(pool, trials, n, rank);
    size_t n_first = 0, n_whole = 0, n_all = 0; /* in the first front, in those that fit, with the one that does not */
    while (n_first < n && rank[n_first] == 0)
        n_first++;
    while (n_all < n && (n_all < size || rank[n_all] == rank[n_all - 1])) {
        n_all++;
        if (n_all <= size && (n_all == n || rank[n_all] != rank[n_all - 1]))
            n_whole = n_all;
    }
    g_autofree double *width = g_new(double, m);
    scale(pool, trials, n_all, n_first, memory, width);
    if (n_whole == n_all)
        return;
    g_autoptr(GArray) points = directions(m, size);
    size_t n_directions = points->len / m;
    g_autofree size_t *crowd = g_new0(size_t, n_directions);
    g_autofree Place *places = g_new(Place, n_all);
    for (size_t i = 0; i < n_all; i++) {
        places[i] = place_of(pool->values + trials[i] * m, memory + 1, width, points, m);
        if (i < n_whole)
            crowd[places[i].direction]++;
    }
    HptDraws draws = hpt_draws(nsga->learner.search->seed, generation, "nsga3-niche");
    for (size_t i = n_whole; i < size; i++) {
        swap(trials, places, i, next_of(places, crowd, n_directions, i, n_all, &draws));
        crowd[places[i].direction]++;
    }
}

static const NsgaKind kind = {.name = "nsga3", .n_memory = n_memory, .survive = survive};

static void *nsga3_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec,
                        GError **error)
{
    return nsga_open(&kind, search, settings, n, spec, error);
}

const HptSamplerKind hpt_sampler_nsga3 = {
    .name = "nsga3",
    .version = 1,
    .open = nsga3_open,
    .close = nsga_close,
    .propose = nsga_propose,
    .learns = true,
};
