/* For who does not want to choose: most proposals come from Gaussian processes over the whole space, a
 * share from the Parzen estimator, which finds its way out of basins and into other branches of
 * conditional spaces, where a process alone stays too long: a fourth of them. Of spaces with choices and without
 * conditions it is a third, and where several objectives are sought a third, too, but an eighth among ranges of numbers
 * alone, for there the front keeps the processes moving. (Of the shares tried these were best on the development tasks.)
 * The share does not depend on results, so no stretch of bad luck can turn either off.
 *
 * On grids a fourth is the forest's, and the process is the rough one alone: in measured tables values are spread over
 * decades and each cell has something of its own, of which the smooth process of plain values makes little.
 */
#include "search/forest_sampler.h"
#include "search/learn.h"
#include "search/surrogate.h"
#include "search/tpe.h"

enum { EVERY = 4, EVERY_CHOICES = 3, EVERY_FRONT = 8 }; /* of so many proposals one is the estimator's */
enum { EVERY_GRID = 4, FOREST_AT = 1, ESTIMATOR_AT = 3 };

typedef struct {
    HptLearner learner;
    HptSurrogate *surrogate;
    bool numeric, grid;
} Auto;

/* Ranges of numbers, all of them always there? */
static bool is_numeric(const HptCube *cube)
{
    for (size_t j = 0; j < cube->n; j++) {
        HptParamType type = hpt_space_get(cube->space, cube->param[j])->type;
        if (type == HPT_PARAM_CAT || type == HPT_PARAM_ORD)
            return false;
    }
    return !cube->conditional;
}

/* Values to choose from and no ranges of reals, most of these values in an order; all parameters always there? */
static bool is_grid(const HptCube *cube)
{
    double ordered = 0, unordered = 0;
    for (size_t j = 0; j < cube->n; j++) {
        if (cube->levels[j] == 0)
            return false;
        *(cube->category[j] ? &unordered : &ordered) += cube->levels[j];
    }
    return ordered > unordered && !cube->conditional && !is_numeric(cube);
}

static void *auto_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec,
                       GError **error)
{
    if (!hpt_settings_apply("sampler", "auto", settings, n, NULL, 0, spec, error))
        return NULL;
    Auto *mix = g_new0(Auto, 1);
    if (!hpt_learner_init(&mix->learner, search, error)) {
        g_free(mix);
        return NULL;
    }
    mix->surrogate = hpt_surrogate_new(&mix->learner.cube);
    mix->numeric = is_numeric(&mix->learner.cube);
    mix->grid = is_grid(&mix->learner.cube);
    return mix;
}

static void auto_close(void *state)
{
    Auto *mix = state;
    hpt_surrogate_free(mix->surrogate);
    hpt_learner_clear(&mix->learner);
    g_free(mix);
}

static int64_t estimator_every(const Auto *mix, const HptTold *told)
{
    if (told->n_objectives > 1)
        return mix->numeric ? EVERY_FRONT : EVERY_CHOICES;
    return mix->numeric || mix->learner.cube.conditional ? EVERY : EVERY_CHOICES;
}

/* The choice of whoever has the turn. The forest knows one objective and neither constraints nor earlier studies. */
static bool choose(Auto *mix, const HptTold *told, const HptHistory *history, int64_t rank, HptDraws *draws,
                   double *row, char **reason)
{
    bool grid = mix->grid && told->n_objectives == 1 && told->n_constraints == 0 && told->priors == NULL;
    int64_t every = estimator_every(mix, told);
    if (grid && rank % EVERY_GRID == FOREST_AT)
        return hpt_forest_choose(told, history, &hpt_forest_defaults, draws, row, reason);
    if (grid ? rank % EVERY_GRID == ESTIMATOR_AT : rank % every == 0) {
        size_t n_good = 0;
        bool found = hpt_tpe_choose(&mix->learner.cube, told, &hpt_tpe_defaults, draws, row, &n_good);
        *reason = hpt_tpe_reason(&hpt_tpe_defaults, n_good, told->n);
        return found;
    }
    HptSurrogateNote note = {0};
    int64_t turn = grid ? 0 : rank - rank / every - 1;
    bool found = hpt_surrogate_choose(mix->surrogate, told, turn, draws, row, &note);
    *reason = hpt_surrogate_reason(&note, told->n_running);
    return found;
}

static HptConfig *auto_propose(void *state, const HptHistory *history, int64_t number, int64_t rank,
                               char **reason, GError **error)
{
    Auto *mix = state;
    HptLearner *learner = &mix->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "auto");
    const HptTold *told = hpt_learner_hear(learner, history);
    if (hpt_learner_is_start(learner, told, rank))
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    bool found = choose(mix, told, history, rank, &draws, row, reason);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

const HptSamplerKind hpt_sampler_auto = {
    .name = "auto",
    .version = 19,
    .open = auto_open,
    .close = auto_close,
    .propose = auto_propose,
    .learns = true,
};
