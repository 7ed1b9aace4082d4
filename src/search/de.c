/* Differential evolution: DE/current-to-pbest/1/bin with the self-adaptation of jDE.
 *
 * Storn & Price, J. Global Optimization 11, 1997; the mutation: Zhang & Sanderson, "JADE", IEEE Trans. Evol. Comp.
 * 13(5), 2009, eq. 6, without its archive; the rates F and CR: Brest et al., "Self-adapting control parameters in
 * differential evolution", IEEE Trans. Evol. Comp. 10(6), 2006, eq. 6 and 7; constraints: Deb's rules, 2000; several
 * objectives: one direction of weights a member, as in MOEA/D (Zhang & Li 2007), with the augmented Tchebycheff sum of
 * told.h.
 *
 * Symbols: NP = population, x = target, v = mutant.
 *
 * Deviations:
 * - Member i of the population is the best of all finished trials whose number is i modulo NP, of equal ones the last;
 *   the trial that competes with it has such a number as well. So no generation has to be waited for, a late result
 *   counts wherever it comes, and points and other samplers' trials are members. With several objectives member i is the
 *   best of all finished trials by its weights; some may be one trial.
 * - The rates of a trial are made anew from its number and the member that it would have competed with, by the results
 *   that are known now; where trials run at once it may have had others.
 * - The first NP trials are the start of the samplers that learn, and Sobol points.
 * - Where v leaves the space it comes to lie half-way from x to the edge. Values with an order are numbers that are
 *   rounded. A category is that of the pbest or of the first of the two others, by chance; one time in 20 any other.
 * - A parameter that x lacks is the pbest's, or drawn; a difference with one that lacks it is nothing.
 * - A configuration that was tried before or is forbidden is made anew with other members.
 */
#include "base/number.h"
#include "num/elementary.h"
#include "num/sobol.h"
#include "search/learn.h"
#include "search/pool.h"

#include <float.h>
#include <math.h>

#define AUGMENTED 0.05
#define RENEW 0.1 /* tau: probability that a rate is drawn anew */
#define OTHER 0.05
#define LEAST_MEMBERS 4
enum { MAX_TRIES = 30 };

typedef struct {
    HptLearner learner;
    HptPool *pool;
    size_t population;
    double best; /* p: share of the members that are a pbest */
} De;

typedef struct {
    double f, cr;
} Rates;

/* ---- the population ---- */

/* What a proposal looks at. */
typedef struct {
    const De *de;
    const HptPool *pool;
    size_t *member;            /* population: index in the pool; SIZE_MAX: none */
    Rates *rates;              /* population: of the members */
    double *weights;           /* population × objectives */
    double *low, *per_width;   /* objectives */
} Population;

static void make_weights(Population *population)
{
    size_t m = population->pool->n_objectives;
    for (size_t i = 0; i < population->de->population; i++) {
        HptStream stream = hpt_stream(population->de->learner.search->seed, (int64_t)i, "de-weights", "");
        double *weights = population->weights + i * m, sum = 0;
        for (size_t k = 0; k < m; k++) {
            double u = k < hpt_sobol_dimensions() ? hpt_sobol(i, k, k) : hpt_stream_uniform(&stream, k);
            weights[k] = DBL_MIN - hpt_log(1 - u);
            sum += weights[k];
        }
        for (size_t k = 0; k < m; k++)
            weights[k] /= sum;
    }
}

static void make_scale(Population *population)
{
    const HptPool *pool = population->pool;
    size_t m = pool->n_objectives;
    for (size_t k = 0; k < m; k++) {
        double low = (double)INFINITY, high = -(double)INFINITY;
        for (size_t i = 0; i < pool->n; i++)
            if (pool->state[i] == HPT_POOL_VALUED) {
                low = MIN(low, pool->values[i * m + k]);
                high = MAX(high, pool->values[i * m + k]);
            }
        population->low[k] = low;
        population->per_width[k] = high > low ? 1 / (high - low) : 0;
    }
}

/* The value of a trial to member i. */
static double value_to(const Population *population, size_t i, size_t trial)
{
    size_t m = population->pool->n_objectives;
    const double *values = population->pool->values + trial * m, *weights = population->weights + i * m;
    double largest = 0, sum = 0;
    if (m == 1)
        return values[0];
    for (size_t k = 0; k < m; k++) {
        double term = weights[k] * (values[k] - population->low[k]) * population->per_width[k];
        largest = MAX(largest, term);
        sum += term;
    }
    return largest + AUGMENTED * sum;
}

/* Is trial a at least as good as b to member i? Both have values. */
static bool is_as_good(const Population *population, size_t i, size_t a, size_t b)
{
    const double *beyond = population->pool->beyond;
    if (beyond[a] != beyond[b])
        return beyond[a] < beyond[b];
    return value_to(population, i, a) <= value_to(population, i, b);
}

/* The rates of trial number, which competes with a member that has old. */
static Rates rates_of(const De *de, int64_t number, Rates old)
{
    HptDraws draws = hpt_draws(de->learner.search->seed, number, "de-rates");
    bool new_f = hpt_draws_uniform(&draws) < RENEW;
    double f = 0.1 + 0.9 * hpt_draws_uniform(&draws);
    bool new_cr = hpt_draws_uniform(&draws) < RENEW;
    double cr = hpt_draws_uniform(&draws);
    return (Rates){new_f ? f : old.f, new_cr ? cr : old.cr};
}

/* The trial takes the place of member i if it is as good; with its rates, if it was made for that. */
static void compete(Population *population, size_t i, size_t trial, bool own)
{
    size_t *member = &population->member[i];
    if (*member != SIZE_MAX && !is_as_good(population, i, trial, *member))
        return;
    if (*member != SIZE_MAX && own)
        population->rates[i] = rates_of(population->de, population->pool->number[trial], population->rates[i]);
    *member = trial;
}

static void population_init(Population *population, const De *de, const HptPool *pool)
{
    size_t n = de->population, m = pool->n_objectives;
    *population = (Population){
        .de = de,
        .pool = pool,
        .member = g_new(size_t, n),
        .rates = g_new(Rates, n),
        .weights = g_new(double, n * m),
        .low = g_new(double, m),
        .per_width = g_new(double, m),
    };
    if (m > 1) {
        make_weights(population);
        make_scale(population);
    }
    for (size_t i = 0; i < n; i++) {
        population->member[i] = SIZE_MAX;
        population->rates[i] = (Rates){0.5, 0.9};
    }
    for (size_t trial = 0; trial < pool->n; trial++) {
        size_t own = (size_t)(pool->number[trial] % (int64_t)n);
        for (size_t i = m > 1 ? 0 : own; i < (m > 1 ? n : own + 1) && pool->state[trial] == HPT_POOL_VALUED; i++)
            compete(population, i, trial, i == own);
    }
}

static void population_clear(Population *population)
{
    g_free(population->member);
    g_free(population->rates);
    g_free(population->weights);
    g_free(population->low);
    g_free(population->per_width);
}

static bool is_among(const size_t *order, size_t n, size_t trial)
{
    for (size_t place = 0; place < n; place++)
        if (order[place] == trial)
            return true;
    return false;
}

/* The members that there are, each once, to member i the best first; where one trial is several members, the latest
 * others after them. Owned. */
static size_t *order_of(const Population *population, size_t i, size_t *n)
{
    const HptPool *pool = population->pool;
    size_t *order = g_new(size_t, population->de->population), n_members = 0;
    *n = 0;
    for (size_t k = 0; k < population->de->population; k++) {
        size_t trial = population->member[k], at = *n;
        n_members += trial == SIZE_MAX ? 0 : 1;
        if (trial == SIZE_MAX || is_among(order, *n, trial))
            continue;
        for (; at > 0 && !is_as_good(population, i, order[at - 1], trial); at--)
            order[at] = order[at - 1];
        order[at] = trial;
        ++*n;
    }
    for (size_t trial = pool->n; trial-- > 0 && *n < n_members;)
        if (pool->state[trial] == HPT_POOL_VALUED && !is_among(order, *n, trial))
            order[(*n)++] = trial;
    return order;
}

/* ---- a trial ---- */

typedef struct {
    const double *x, *best, *one, *two; /* rows */
} Parents;

static double mutant(const HptCube *cube, size_t j, const Parents *of, double x, double f, HptDraws *draws)
{
    double best = of->best[j], one = of->one[j], two = of->two[j];
    if (cube->category[j]) {
        double any = hpt_draws_uniform(draws), dice = hpt_draws_uniform(draws);
        double taken = dice < OTHER ? any : dice < 0.5 + OTHER / 2 ? best : one;
        return isnan(taken) ? x : taken;
    }
    double away = f * (isnan(best) ? 0 : best - x) + f * (isnan(one - two) ? 0 : one - two);
    double v = x + away;
    return v < 0 ? x / 2 : v > 1 ? (1 + x) / 2 : v;
}

static bool cross(const HptCube *cube, const Parents *of, Rates rates, HptDraws *draws, double *row)
{
    size_t at_least = hpt_draws_below(draws, cube->n);
    for (size_t j = 0; j < cube->n; j++) {
        double drawn = hpt_draws_uniform(draws);
        double x = !isnan(of->x[j]) ? of->x[j] : !isnan(of->best[j]) ? of->best[j] : drawn;
        bool takes = hpt_draws_uniform(draws) < rates.cr || j == at_least;
        row[j] = takes ? mutant(cube, j, of, x, rates.f, draws) : x;
    }
    return hpt_cube_round(cube, row);
}

/* A place of n but not those of a and b. */
static size_t other_place(HptDraws *draws, size_t n, const size_t *order, size_t a, size_t b)
{
    size_t place = hpt_draws_below(draws, n);
    while (order[place] == a || order[place] == b)
        place = (place + 1) % n;
    return place;
}

/* False: every one was forbidden. */
static bool make_trial(const De *de, const HptPool *pool, const size_t *order, size_t n, size_t target, Rates rates,
                       HptDraws *draws, double *row, size_t *towards)
{
    size_t n_best = (size_t)CLAMP(ceil(de->best * (double)n), 2, (double)n);
    bool legal = false;
    for (int try = 0; try < MAX_TRIES; try++) {
        *towards = order[hpt_draws_below(draws, n_best)];
        size_t one = order[other_place(draws, n, order, target, target)];
        size_t two = order[other_place(draws, n, order, target, one)];
        size_t width = pool->cube->n;
        Parents of = {pool->rows + target * width, pool->rows + *towards * width, pool->rows + one * width,
                      pool->rows + two * width};
        legal = cross(&de->learner.cube, &of, rates, draws, row);
        if (legal && !hpt_pool_among(pool, row, pool->n))
            return true;
    }
    return legal;
}

static HptConfig *de_propose(void *state, const HptHistory *history, int64_t number, int64_t rank, char **reason,
                             GError **error)
{
    De *de = state;
    HptLearner *learner = &de->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "de");
    const HptTold *told = hpt_learner_hear(learner, history);
    const HptPool *pool = de->pool;
    (void)hpt_pool_hear(de->pool, history);
    Population population;
    population_init(&population, de, pool);
    size_t i = (size_t)(number % (int64_t)de->population), n = 0;
    g_autofree size_t *order = order_of(&population, i, &n);
    size_t target = population.member[i];
    if (target == SIZE_MAX && n > 0) /* nothing with such a number has ended well */
        target = order[0];
    Rates rates = rates_of(de, number, population.rates[i]);
    population_clear(&population);
    if (number < (int64_t)de->population || n < LEAST_MEMBERS || learner->cube.n == 0)
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    size_t towards = 0;
    bool found = make_trial(de, pool, order, n, target, rates, &draws, row, &towards);
    char f[HPT_NUMBER_TEXT_SIZE], cr[HPT_NUMBER_TEXT_SIZE];
    *reason = g_strdup_printf("trial %" PRId64 " moved towards %" PRId64 ", F %s, CR %s", pool->number[target],
                              pool->number[towards], hpt_number_text(hpt_number_snap(rates.f, 2), f),
                              hpt_number_text(hpt_number_snap(rates.cr, 2), cr));
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

/* ---- the sampler ---- */

static void de_close(void *state)
{
    De *de = state;
    hpt_pool_free(de->pool);
    hpt_learner_clear(&de->learner);
    g_free(de);
}

static void *de_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec, GError **error)
{
    double population = 12, best = 0.2;
    const HptSettingRule known[] = {
        {"population", &population, LEAST_MEMBERS, 10000, true, false, NULL},
        {"best", &best, 0, 1, false, false, NULL},
    };
    if (!hpt_settings_apply("sampler", "de", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    De *de = g_new0(De, 1);
    if (!hpt_learner_init(&de->learner, search, error)) {
        g_free(de);
        return NULL;
    }
    de->pool = hpt_pool_new(&de->learner.cube);
    de->population = (size_t)population;
    de->best = best;
    return de;
}

const HptSamplerKind hpt_sampler_de = {
    .name = "de",
    .version = 1,
    .open = de_open,
    .close = de_close,
    .propose = de_propose,
    .learns = true,
};
