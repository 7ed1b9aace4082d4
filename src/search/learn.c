#include "search/learn.h"

#include "search/prior.h"

#include <math.h>
#include <string.h>

enum { LEAST_START = 4, MOST_START = 10, MAX_TRIES = 60 };

bool hpt_learner_init(HptLearner *learner, const HptSearch *search, GError **error)
{
    g_autoptr(GString) spec = g_string_new(NULL);
    learner->search = search;
    learner->sobol = hpt_sampler_sobol.open(search, NULL, 0, spec, error);
    if (learner->sobol == NULL)
        return false;
    hpt_cube_init(&learner->cube, search->space);
    learner->told = hpt_told_new(&learner->cube);
    return true;
}

void hpt_learner_clear(HptLearner *learner)
{
    hpt_sampler_sobol.close(learner->sobol);
    hpt_told_free(learner->told);
    hpt_priors_free(learner->priors);
    hpt_cube_clear(&learner->cube);
}

const HptTold *hpt_learner_hear(HptLearner *learner, const HptHistory *history)
{
    hpt_told_hear(learner->told, history);
    bool one = history != NULL && history->n_objectives <= 1;
    if (one && !learner->looked_back) { /* not before: it costs some fits */
        learner->priors = hpt_priors_new(&learner->cube, learner->search->priors, learner->search->n_priors);
        learner->looked_back = true;
    }
    bool counts = one && learner->priors != NULL && hpt_priors_weigh(learner->priors, learner->told);
    learner->told->priors = counts ? learner->priors : NULL;
    return learner->told;
}

size_t hpt_learner_start_size(size_t n)
{
    return CLAMP(n + 1, LEAST_START, MOST_START);
}

bool hpt_learner_is_start(const HptLearner *learner, const HptTold *told, int64_t rank)
{
    const HptSearch *search = learner->search;
    /* The points of earlier studies that are found to mislead have been in vain. */
    bool in_vain = told->n_objectives == 1 && learner->priors != NULL && told->priors == NULL;
    int64_t points = (int64_t)(search->n_points - (in_vain ? search->n_prior_points : 0));
    return rank + points < (int64_t)hpt_learner_start_size(learner->cube.n) || told->n_valued < 2;
}

/* The default, if it is to be tried: nobody gave points, and no earlier study begins with it. */
static HptConfig *default_of(const HptSearch *search)
{
    g_autoptr(HptConfig) config =
        search->n_points == search->n_prior_points ? hpt_space_default(search->space, NULL) : NULL;
    for (size_t i = 0; config != NULL && i < search->n_points; i++)
        if (hpt_config_equal(config, search->points[i]))
            return NULL;
    return g_steal_pointer(&config);
}

static HptConfig *start_point(HptLearner *learner, int64_t number, int64_t rank, char **reason, GError **error)
{
    g_autoptr(HptConfig) centre = default_of(learner->search);
    if (rank == 0 && centre != NULL) {
        *reason = g_strdup("the default, to begin with");
        return g_steal_pointer(&centre);
    }
    g_autofree char *why = NULL;
    HptConfig *config = hpt_sampler_sobol.propose(learner->sobol, NULL, number,
                                                  rank - (centre != NULL), &why, error);
    if (config != NULL)
        *reason = g_strdup("a Sobol point, to begin with");
    return config;
}

/* Moves some parameters of row a little, at least by a level. */
static void move(const HptCube *cube, const double *row, HptDraws *draws, double *out)
{
    size_t one = hpt_draws_below(draws, cube->n);
    for (size_t j = 0; j < cube->n; j++) {
        out[j] = isnan(row[j]) ? hpt_draws_uniform(draws) : row[j];
        if (j != one && hpt_draws_uniform(draws) > 0.3)
            continue;
        if (cube->category[j]) {
            out[j] = hpt_draws_uniform(draws);
            continue;
        }
        double step = 0.1 * hpt_draws_normal(draws);
        if (cube->even[j])
            step = copysign(MAX(fabs(step), 1 / cube->levels[j]), step);
        out[j] += step;
    }
}

HptConfig *hpt_learner_take(HptLearner *learner, const HptTold *told, int64_t number,
                            const double *row, HptDraws *draws, char **reason, GError **error)
{
    const HptCube *cube = &learner->cube;
    if (told->priors != NULL) {
        g_autofree char *was = g_steal_pointer(reason), *what = hpt_priors_describe(told->priors);
        *reason = g_strdup_printf("%s%sof earlier studies counts: %s", was == NULL ? "" : was,
                                  was == NULL ? "" : "; ", what);
    }
    if (row != NULL && !hpt_told_has(told, row))
        return hpt_cube_config(cube, row);
    g_autofree double *other = g_new(double, cube->n + 1);
    for (int try = 0; try < MAX_TRIES && cube->n > 0; try++) {
        bool near = row != NULL && try < MAX_TRIES / 2, legal = true;
        if (near) {
            move(cube, row, draws, other);
            legal = hpt_cube_round(cube, other);
        } else
            legal = hpt_cube_draw(cube, draws, other);
        if (!legal || hpt_told_has(told, other))
            continue;
        g_autofree char *was = g_steal_pointer(reason);
        *reason = g_strdup_printf("%s%sfound was tried before: one %s", was == NULL ? "" : was,
                                  was == NULL ? "" : "; what was ",
                                  near ? "near it" : "drawn at random");
        return hpt_cube_config(cube, other);
    }
    if (row != NULL)
        return hpt_cube_config(cube, row);
    return hpt_draw(learner->search, number, "learn", NULL, error);
}

HptConfig *hpt_learner_start(HptLearner *learner, const HptTold *told, int64_t number, int64_t rank, HptDraws *draws,
                             char **reason, GError **error)
{
    g_autoptr(HptConfig) config = start_point(learner, number, rank, reason, error);
    if (config == NULL)
        return NULL;
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    hpt_cube_encode(&learner->cube, config, row);
    if (!hpt_told_has(told, row))
        return g_steal_pointer(&config);
    return hpt_learner_take(learner, told, number, row, draws, reason, error);
}
