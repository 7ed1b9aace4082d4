/* CMA-ES as a sampler: generations made from the record. The strategy itself is in cma.h.
 *
 * - The first trials are the start of the samplers that learn (learn.h), or all with numbers below `from`. The first
 *   distribution is around the best tenth of them (WS-CMA-ES, see cma.h), `sigma` wide; if that is 0, 2 / how many there
 *   are, but 0.02 to 0.2 (the paper has 0.1 throughout).
 * - From there on λ numbers after one another are a generation. A proposal is drawn from what the generations wholly
 *   before it have made of the distribution; so it waits for none of its own generation.
 * - Of a generation those count that have ended, if these are at least half, failed ones as the worst; else the
 *   generation is passed over. When more results come it is made again, and what follows.
 * - What a trial's numbers were before they were rounded is not recorded. It is drawn again, from the distribution as the
 *   results now have it; where that gives another configuration (the trial knew of fewer results, or is a point, or was
 *   moved because its draw had been tried), the draw is moved into what is recorded, and is taken for an injected
 *   solution, whose length is limited. Inactive parameters have what was drawn.
 * - Several objectives: a generation is ordered by fronts and crowding (NSGA-II's order). Constraints: Deb's domination.
 * - A run ends when it is narrow (hpt_cma_is_narrow) or has found nothing better for 10 + ⌈30 d/λ⌉ generations, as in
 *   Hansen's "Benchmarking a BI-population CMA-ES", GECCO workshop 2009. Then, around a point drawn at random:
 *   ipop: twice as large a population (Auger & Hansen, CEC 2005); bipop: that, or, where small runs have had fewer
 *   trials, one between the first λ and half the large one, and sigma / 100 to sigma (2009, 2.2).
 */
#include "base/number.h"
#include "num/elementary.h"
#include "search/cma.h"
#include "search/learn.h"
#include "search/pool.h"

#include <math.h>
#include <string.h>

enum { MAX_DRAWS = 20, KEPT = 8, MOST_WARM = 1000, LEAST_POPULATION = 2, MOST_POPULATION = 1000 };
#define FIRST_SIGMA 0.2
#define WARM_SIGMA 0.02
#define LEAST_SIGMA 1e-6
enum { RESTARTS_NONE, RESTARTS_IPOP, RESTARTS_BIPOP };

typedef struct {
    HptLearner learner;
    HptPool *pool;
    size_t population; /* setting; 0: by the space */
    double sigma; /* setting; 0: by what there is to begin with */
    int restarts;
    int64_t from;
    GPtrArray *kept; /* of Run: after the last generations, the latest last */
} Cmaes;

/* A distribution and where it is in the record. */
typedef struct {
    HptCma *cma;
    int64_t next;        /* the first number of the next generation */
    size_t population;   /* λ */
    size_t n_runs;       /* begun after the first */
    size_t n_large;      /* of them with a doubled population */
    bool small;          /* is this a small one? */
    int64_t spent[2];    /* trials of large and small runs */
    size_t best;         /* index of this run's best trial; SIZE_MAX: none */
    size_t idle;         /* generations since it was found */
} Run;

static void run_free(void *data)
{
    Run *run = data;
    hpt_cma_free(run->cma);
    g_free(run);
}

static Run *run_copy(const Run *run)
{
    Run *copy = g_memdup2(run, sizeof *run);
    copy->cma = hpt_cma_copy(run->cma);
    return copy;
}

/* ---- beginning ---- */

static size_t first_population(const Cmaes *cmaes)
{
    return cmaes->population > 0 ? cmaes->population : hpt_cma_population(&cmaes->learner.cube);
}

static double first_sigma(const Cmaes *cmaes)
{
    return cmaes->sigma > 0 ? cmaes->sigma : FIRST_SIGMA;
}

/* The number of the first generation's first trial. */
static int64_t first_number(const Cmaes *cmaes)
{
    const HptLearner *learner = &cmaes->learner;
    return MAX(cmaes->from, MAX((int64_t)learner->search->n_points, (int64_t)hpt_learner_start_size(learner->cube.n)));
}

/* The best tenth of what has a value before the first generation, of the latest at most; n of them. *all: of how
 * many. */
static const double **warm_rows(const Cmaes *cmaes, size_t *n, size_t *all)
{
    const HptPool *pool = cmaes->pool;
    g_autofree size_t *trials = g_new(size_t, pool->n + 1);
    size_t there = 0;
    for (size_t i = hpt_pool_find(pool, first_number(cmaes)); i-- > 0 && there < MOST_WARM;)
        if (pool->state[i] == HPT_POOL_VALUED)
            trials[there++] = i;
    hpt_pool_sort(pool, trials, there);
    *all = there;
    *n = (there + 9) / 10;
    const double **rows = g_new(const double *, *n + 1);
    for (size_t i = 0; i < *n; i++)
        rows[i] = pool->rows + trials[i] * pool->cube->n;
    return rows;
}

static Run *first_run(const Cmaes *cmaes)
{
    Run *run = g_new0(Run, 1);
    run->cma = hpt_cma_new(&cmaes->learner.cube);
    run->next = first_number(cmaes);
    run->population = first_population(cmaes);
    run->best = SIZE_MAX;
    size_t n = 0, all = 0;
    g_autofree const double **rows = warm_rows(cmaes, &n, &all);
    if (n > 0) {
        double sigma = cmaes->sigma > 0 ? cmaes->sigma : CLAMP(2 / (double)all, WARM_SIGMA, FIRST_SIGMA);
        hpt_cma_begin_at(run->cma, rows, n, sigma, run->population);
        return run;
    }
    g_autofree double *middle = g_new(double, cmaes->learner.cube.n + 1);
    for (size_t j = 0; j < cmaes->learner.cube.n; j++)
        middle[j] = 0.5;
    hpt_cma_begin(run->cma, middle, first_sigma(cmaes), run->population);
    return run;
}

/* ---- ending and beginning anew ---- */

static bool has_ended(const Cmaes *cmaes, const Run *run)
{
    size_t d = cmaes->learner.cube.n;
    return hpt_cma_is_narrow(run->cma) || run->idle > 10 + (30 * d + run->population - 1) / run->population;
}

static void restart(const Cmaes *cmaes, Run *run)
{
    const HptCube *cube = &cmaes->learner.cube;
    HptDraws draws = hpt_draws(cmaes->learner.search->seed, (int64_t)run->n_runs, "cmaes-restart");
    size_t first = first_population(cmaes);
    double sigma = first_sigma(cmaes);
    run->n_runs++;
    run->small = cmaes->restarts == RESTARTS_BIPOP && run->n_large > 0 && run->spent[1] < run->spent[0];
    double large = (double)first * hpt_pow(2, (double)(run->n_large + (run->small ? 0 : 1)));
    double u = hpt_draws_uniform(&draws), v = hpt_draws_uniform(&draws);
    if (run->small) {
        run->population = (size_t)((double)first * hpt_pow(MAX(large / (double)first / 2, 1), u * u));
        sigma *= hpt_pow(10, -2 * v);
    } else {
        run->n_large++;
        run->population = (size_t)MIN(large + 0.5, MOST_POPULATION);
    }
    g_autofree double *mean = g_new(double, cube->n + 1);
    for (size_t j = 0; j < cube->n; j++)
        mean[j] = hpt_draws_uniform(&draws);
    hpt_cma_begin(run->cma, mean, sigma, run->population);
    run->best = SIZE_MAX;
    run->idle = 0;
}

/* ---- a generation ---- */

/* What trial number gets, which knows of the first n trials: a draw that none of them has and no clause forbids, or
 * the last that was tried; false. */
static bool draw(const Cmaes *cmaes, const Run *run, size_t n, HptDraws *draws, double *point, double *row)
{
    for (int try = 0; try < MAX_DRAWS; try++) {
        hpt_cma_draw(run->cma, draws, point);
        if (hpt_cma_round(run->cma, point, row) && !hpt_pool_among(cmaes->pool, row, n))
            return true;
    }
    return false;
}

/* The point of a trial, drawn again and moved into what is recorded; gives if it did not have to be moved. */
static bool point_of(const Cmaes *cmaes, const Run *run, size_t trial, double *point, double *row)
{
    const HptPool *pool = cmaes->pool;
    const double *told = pool->rows + trial * pool->cube->n;
    HptDraws draws = hpt_draws(cmaes->learner.search->seed, pool->number[trial], "cmaes");
    bool drawn = draw(cmaes, run, trial, &draws, point, row) && hpt_cube_among(pool->cube, row, told, 1);
    if (!drawn)
        hpt_cma_fit(run->cma, told, point);
    return drawn;
}

static void note_best(const Cmaes *cmaes, Run *run, size_t trial)
{
    bool better = run->best == SIZE_MAX || hpt_pool_dominates(cmaes->pool, trial, run->best);
    run->idle = better ? 0 : run->idle + 1;
    run->best = better ? trial : run->best;
}

/* n ended trials of one generation, in the order of numbers. */
static void update(const Cmaes *cmaes, Run *run, size_t *trials, size_t n, size_t n_valued)
{
    size_t width = cmaes->learner.cube.n;
    g_autofree double *points = g_new(double, (n + 1) * width + 1);
    double *row = points + n * width;
    g_autofree const double **ranked = g_new(const double *, n);
    g_autofree bool *drawn = g_new(bool, n);
    hpt_pool_sort(cmaes->pool, trials, n);
    for (size_t i = 0; i < n; i++) {
        ranked[i] = points + i * width;
        drawn[i] = point_of(cmaes, run, trials[i], points + i * width, row);
    }
    hpt_cma_update(run->cma, ranked, drawn, n, n_valued);
    note_best(cmaes, run, trials[0]);
}

static void next_generation(const Cmaes *cmaes, Run *run)
{
    const HptPool *pool = cmaes->pool;
    int64_t end = run->next + (int64_t)run->population;
    g_autofree size_t *trials = g_new(size_t, run->population);
    size_t n = 0, n_valued = 0;
    for (size_t i = hpt_pool_find(pool, run->next); i < pool->n && pool->number[i] < end; i++)
        if (pool->state[i] != HPT_POOL_RUNNING) {
            trials[n++] = i;
            n_valued += pool->state[i] == HPT_POOL_VALUED ? 1 : 0;
        }
    run->spent[run->small] += (int64_t)run->population;
    run->next = end;
    if (n < LEAST_POPULATION || 2 * n < run->population || n_valued == 0)
        return;
    update(cmaes, run, trials, n, n_valued);
    if (cmaes->restarts != RESTARTS_NONE && has_ended(cmaes, run))
        restart(cmaes, run);
}

/* The distribution that a trial is drawn from, borrowed. Kept ones that saw no trial that has changed are good. */
static const Run *run_for(Cmaes *cmaes, int64_t number, int64_t changed)
{
    GPtrArray *kept = cmaes->kept;
    while (kept->len > 0 && ((const Run *)kept->pdata[kept->len - 1])->next > changed)
        g_ptr_array_set_size(kept, (gint)kept->len - 1);
    guint at = kept->len;
    while (at > 0 && ((const Run *)kept->pdata[at - 1])->next > number)
        at--;
    if (at == 0) {
        g_ptr_array_set_size(kept, 0);
        g_ptr_array_add(kept, first_run(cmaes));
        at = 1;
    }
    for (;;) {
        const Run *last = kept->pdata[at - 1];
        bool any = hpt_pool_find(cmaes->pool, last->next) < cmaes->pool->n;
        if (!any || last->next + (int64_t)last->population > number)
            return last;
        if (at == kept->len) {
            Run *next = run_copy(last);
            next_generation(cmaes, next);
            g_ptr_array_add(kept, next);
        }
        at++;
        if (kept->len > KEPT) {
            g_ptr_array_remove_index(kept, 0);
            at--;
        }
    }
}

static HptConfig *cmaes_propose(void *state, const HptHistory *history, int64_t number, int64_t rank, char **reason,
                                GError **error)
{
    Cmaes *cmaes = state;
    HptLearner *learner = &cmaes->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "cmaes");
    const HptTold *told = hpt_learner_hear(learner, history);
    int64_t changed = hpt_pool_hear(cmaes->pool, history);
    if (number < first_number(cmaes) || told->n_valued < 2 || learner->cube.n == 0)
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    const Run *run = run_for(cmaes, number, changed);
    g_autofree double *point = g_new(double, 2 * learner->cube.n);
    double *row = point + learner->cube.n;
    draws = hpt_draws(learner->search->seed, number, "cmaes");
    bool found = draw(cmaes, run, cmaes->pool->n, &draws, point, row);
    char sigma[HPT_NUMBER_TEXT_SIZE];
    *reason = g_strdup_printf("drawn by run %zu, %zu a generation, sigma %s", run->n_runs + 1, run->population,
                              hpt_number_text(hpt_number_snap(hpt_cma_sigma(run->cma), 3), sigma));
    found = found || hpt_cma_round(run->cma, point, row);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

/* ---- the sampler ---- */

static void cmaes_close(void *state)
{
    Cmaes *cmaes = state;
    g_ptr_array_unref(cmaes->kept);
    hpt_pool_free(cmaes->pool);
    hpt_learner_clear(&cmaes->learner);
    g_free(cmaes);
}

static void *cmaes_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec, GError **error)
{
    static const char *const words[] = {"none", "ipop", "bipop", NULL};
    double population = 0, sigma = 0, restarts = RESTARTS_BIPOP, from = 0;
    const HptSettingRule known[] = {
        {"population", &population, 0, MOST_POPULATION, true, false, NULL},
        {"sigma", &sigma, 0, 1, false, false, NULL},
        {"restarts", &restarts, 0, 0, false, false, words},
        {"from", &from, 0, 1e9, true, false, NULL},
    };
    if (!hpt_settings_apply("sampler", "cmaes", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    if (population > 0 && population < LEAST_POPULATION) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "sampler 'cmaes': 'population' must be 0 or at least %d, not '1'", LEAST_POPULATION);
        return NULL;
    }
    Cmaes *cmaes = g_new0(Cmaes, 1);
    if (!hpt_learner_init(&cmaes->learner, search, error)) {
        g_free(cmaes);
        return NULL;
    }
    cmaes->pool = hpt_pool_new(&cmaes->learner.cube);
    cmaes->population = (size_t)population;
    cmaes->sigma = sigma > 0 ? MAX(sigma, LEAST_SIGMA) : 0;
    cmaes->restarts = (int)restarts;
    cmaes->from = (int64_t)from;
    cmaes->kept = g_ptr_array_new_with_free_func(run_free);
    return cmaes;
}

const HptSamplerKind hpt_sampler_cmaes = {
    .name = "cmaes",
    .version = 2,
    .open = cmaes_open,
    .close = cmaes_close,
    .propose = cmaes_propose,
    .learns = true,
};
