/* A Gaussian process with expected improvement, alone: see gp.h and surrogate.c. */
#include "search/learn.h"
#include "search/surrogate.h"

typedef struct {
    HptLearner learner;
    HptSurrogate *surrogate;
} Gp;

static void *gp_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec,
                     GError **error)
{
    if (!hpt_settings_apply("sampler", "gp", settings, n, NULL, 0, spec, error))
        return NULL;
    Gp *gp = g_new0(Gp, 1);
    if (!hpt_learner_init(&gp->learner, search, error)) {
        g_free(gp);
        return NULL;
    }
    gp->surrogate = hpt_surrogate_new(&gp->learner.cube);
    return gp;
}

static void gp_close(void *state)
{
    Gp *gp = state;
    hpt_surrogate_free(gp->surrogate);
    hpt_learner_clear(&gp->learner);
    g_free(gp);
}

static HptConfig *gp_propose(void *state, const HptHistory *history, int64_t number, int64_t rank,
                             char **reason, GError **error)
{
    Gp *gp = state;
    HptLearner *learner = &gp->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "gp");
    const HptTold *told = hpt_learner_hear(learner, history);
    if (hpt_learner_is_start(learner, told, rank))
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    HptSurrogateNote note = {0};
    bool found = hpt_surrogate_choose(gp->surrogate, told, rank, &draws, row, &note);
    *reason = hpt_surrogate_reason(&note, told->n_running);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

const HptSamplerKind hpt_sampler_gp = {
    .name = "gp",
    .version = 15,
    .open = gp_open,
    .close = gp_close,
    .propose = gp_propose,
    .learns = true,
};
