#include "search/nsga.h"

#include <string.h>

enum { MAX_TRIES = 30, CROSSOVER_ETA = 5, MUTATION_ETA = 10 };

/* ---- the survivors of all generations ---- */

/* One generation: those that survived the last, and the finished trials with numbers of this one. */
static void next_generation(const Nsga *nsga, const HptPool *pool, int64_t generation, size_t from, size_t to,
                            GArray *alive, double *memory)
{
    for (size_t i = from; i < to; i++)
        if (pool->state[i] == HPT_POOL_VALUED)
            g_array_append_val(alive, i);
    nsga->kind->survive(nsga, pool, (size_t *)(void *)alive->data, alive->len, generation, memory);
    if (alive->len > nsga->population)
        g_array_set_size(alive, (guint)nsga->population);
}

/* Generation g has the trials with numbers from g·population on. Those before the first trial that changed are
 * known; the last may get more trials and is always made anew. Gives its survivors, borrowed. */
static const GArray *survivors(Nsga *nsga, int64_t changed)
{
    const HptPool *pool = nsga->pool;
    size_t n_memory = nsga->kind->n_memory == NULL ? 0 : nsga->kind->n_memory(pool->n_objectives);
    int64_t size = (int64_t)nsga->population, last = pool->n > 0 ? pool->number[pool->n - 1] / size : 0;
    int64_t valid = MIN(changed / size, MIN(last, (int64_t)nsga->kept->len));
    g_ptr_array_set_size(nsga->kept, (gint)valid);
    g_ptr_array_set_size(nsga->memory, (gint)valid);
    size_t at = hpt_pool_find(pool, valid * size);
    do {
        int64_t generation = nsga->kept->len;
        GArray *alive = g_array_new(false, false, sizeof(size_t));
        GArray *memory = g_array_new(false, true, sizeof(double));
        g_array_set_size(memory, (guint)n_memory);
        if (generation > 0) {
            const GArray *before = nsga->kept->pdata[generation - 1], *old = nsga->memory->pdata[generation - 1];
            g_array_append_vals(alive, before->data, before->len);
            if (n_memory > 0)
                memcpy(memory->data, old->data, n_memory * sizeof(double));
        }
        size_t from = at;
        while (at < pool->n && pool->number[at] < (generation + 1) * size)
            at++;
        next_generation(nsga, pool, generation, from, at, alive, (double *)(void *)memory->data);
        g_ptr_array_add(nsga->kept, alive);
        g_ptr_array_add(nsga->memory, memory);
    } while (at < pool->n);
    return nsga->kept->pdata[nsga->kept->len - 1];
}

/* ---- a child ---- */

static size_t parent(const Nsga *nsga, const HptPool *pool, const GArray *alive, HptDraws *draws)
{
    size_t one = hpt_draws_below(draws, alive->len), two = hpt_draws_below(draws, alive->len);
    size_t a = g_array_index(alive, size_t, one), b = g_array_index(alive, size_t, two);
    if (nsga->kind->by_order)
        return one <= two ? a : b;
    return hpt_pool_dominates(pool, b, a) ? b : a;
}

/* The child of parents, or of others if it was tried before or is forbidden. False: so were all; row is the last. */
static bool breed(const Nsga *nsga, const HptPool *pool, const GArray *alive, HptDraws *draws, double *row,
                  int64_t parents[2])
{
    bool legal = false;
    for (int try = 0; try < MAX_TRIES; try++) {
        size_t a = parent(nsga, pool, alive, draws), b = parent(nsga, pool, alive, draws);
        parents[0] = pool->number[a];
        parents[1] = pool->number[b];
        legal = hpt_vary(&nsga->learner.cube, &nsga->variation, pool->rows + a * pool->cube->n,
                         pool->rows + b * pool->cube->n, draws, row);
        if (legal && !hpt_pool_among(pool, row, pool->n))
            return true;
    }
    return legal;
}

HptConfig *nsga_propose(void *state, const HptHistory *history, int64_t number, int64_t rank, char **reason,
                        GError **error)
{
    Nsga *nsga = state;
    HptLearner *learner = &nsga->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, nsga->kind->name);
    const HptTold *told = hpt_learner_hear(learner, history);
    const HptPool *pool = nsga->pool;
    const GArray *alive = survivors(nsga, hpt_pool_hear(nsga->pool, history));
    if (number < (int64_t)nsga->population || alive->len < 2)
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    int64_t parents[2] = {0};
    bool found = breed(nsga, pool, alive, &draws, row, parents);
    *reason = g_strdup_printf("a child of trials %" PRId64 " and %" PRId64 ", of the %u best", parents[0],
                              parents[1], alive->len);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

/* ---- the sampler ---- */

void *nsga_open(const NsgaKind *kind, const HptSearch *search, const HptSetting *settings, size_t n,
                GString *spec, GError **error)
{
    double population = 10, crossover = 0.9, mutation = 1;
    const HptSettingRule known[] = {
        {"population", &population, 4, 10000, true, false, NULL},
        {"crossover", &crossover, 0, 1, false, false, NULL},
        {"mutation", &mutation, 0, 1000, false, false, NULL},
    };
    if (!hpt_settings_apply("sampler", kind->name, settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    Nsga *nsga = g_new0(Nsga, 1);
    if (!hpt_learner_init(&nsga->learner, search, error)) {
        g_free(nsga);
        return NULL;
    }
    nsga->kind = kind;
    nsga->pool = hpt_pool_new(&nsga->learner.cube);
    nsga->population = (size_t)population;
    nsga->variation = (HptVariation){crossover, CROSSOVER_ETA, mutation, MUTATION_ETA};
    nsga->kept = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    nsga->memory = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    return nsga;
}

void nsga_close(void *state)
{
    Nsga *nsga = state;
    g_ptr_array_unref(nsga->kept);
    g_ptr_array_unref(nsga->memory);
    hpt_pool_free(nsga->pool);
    hpt_learner_clear(&nsga->learner);
    g_free(nsga);
}
