/* The tree-structured Parzen estimator, joint over all parameters and over the branches of a
 * conditional space.
 *
 * Bergstra, Bardenet, Bengio, Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011; the joint
 * form after Falkner, Klein, Hutter, "BOHB", ICML 2018; a review of its parts: Watanabe,
 * arXiv:2304.11127. Symbols: l, g are the densities of the good and of the other trials.
 *
 * Deviations:
 * - A density is a mixture of products: one kernel a trial and the uniform distribution, all of one
 *   weight (parzen.h says which). A kernel says nothing (density 1) about a parameter that its trial does not have, so one
 *   mixture covers all branches of a conditional space; a candidate begins as a copy of a good trial, and
 *   so with that trial's branch.
 * - One bandwidth for all numbers, by Scott's rule in the dimension of the good trials; of values with
 *   levels the kernel's mass on the level is taken.
 * - Running trials count among the others (the constant liar of Ginsbourger et al. 2010); failed ones
 *   are worst. At most 1,000 others are used, evenly spaced by their order.
 * - Of several objectives the good trials are those of the first ranks by domination, of the rank that is cut those that
 *   lie apart (after Ozaki et al. 2020, "Multiobjective tree-structured Parzen estimator", who take those of the
 *   largest hypervolume and weigh them by it). With constraints those that break them come last, the more they do
 *   the later: there is no density of its own for each constraint (Watanabe, Hutter 2023, "c-TPE", arXiv:2211.14411).
 * - Configurations that were tried or are forbidden are not proposed.
 */
#include "search/tpe.h"

#include "search/internal.h"
#include "search/learn.h"
#include "search/parzen.h"
#include "search/prior.h"

#include <math.h>
#include <string.h>

#define LEAST_GOOD ((size_t)2)
#define MOST_OTHERS ((size_t)1000)

const HptTpeSettings hpt_tpe_defaults = {.good = 0.15, .most = 25, .candidates = 64};

/* How many parameters the good trials have, on average. */
static double dimension_of(const HptCube *cube, const double **rows, size_t n)
{
    size_t active = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < cube->n; j++)
            active += isnan(rows[i][j]) ? 0 : 1;
    return MAX(1, (double)active / (double)n);
}

static size_t count_good(const HptTold *told, const HptTpeSettings *settings)
{
    double share = ceil(settings->good * (double)told->n);
    size_t n = (size_t)MIN(share, (double)settings->most);
    return CLAMP(n, LEAST_GOOD, told->n_valued);
}

/* The row of the i-th trial by its order; those that run come last. */
static const double *row_at(const HptCube *cube, const HptTold *told, size_t i)
{
    return told->rows + (i < told->n ? told->order[i] : i) * cube->n;
}

/* The rows of good trials, and those of at most MOST_OTHERS others, evenly spaced by their order. */
static const double **choose_rows(const HptCube *cube, const HptTold *told, size_t n_good, size_t *n_others)
{
    size_t all = told->n + told->n_running - n_good, n = MIN(all, MOST_OTHERS);
    const double **rows = g_new(const double *, n_good + n + 1);
    for (size_t i = 0; i < n_good; i++)
        rows[i] = row_at(cube, told, i);
    for (size_t i = 0; i < n; i++)
        rows[n_good + i] = row_at(cube, told, n_good + (n < all ? i * all / n : i));
    *n_others = n;
    return rows;
}

bool hpt_tpe_choose(const HptCube *cube, const HptTold *told, const HptTpeSettings *settings,
                    HptDraws *draws, double *row, size_t *n_good)
{
    size_t k = count_good(told, settings), n_others = 0;
    g_autofree const double **rows = choose_rows(cube, told, k, &n_others);
    double dimension = dimension_of(cube, rows, k), best = -(double)INFINITY;
    g_autofree double *x = g_new(double, cube->n + 1);
    g_autoptr(HptParzen) good = hpt_parzen_new(cube, rows, k, dimension);
    g_autoptr(HptParzen) other = hpt_parzen_new(cube, rows + k, n_others, dimension);
    for (int c = 0; c < settings->candidates; c++) {
        bool earlier = told->priors != NULL && hpt_draws_uniform(draws) < hpt_priors_share(told->priors);
        if (earlier ? !hpt_priors_draw(told->priors, draws, x) : !hpt_parzen_draw(good, draws, x))
            continue;
        double score = hpt_parzen_log_density(good, x) - hpt_parzen_log_density(other, x);
        if (told->priors != NULL)
            score += hpt_priors_tilt(told->priors, x);
        if (score > best && !hpt_told_has(told, x)) {
            best = score;
            memcpy(row, x, cube->n * sizeof *row);
        }
    }
    *n_good = k;
    return best > -(double)INFINITY;
}

char *hpt_tpe_reason(const HptTpeSettings *settings, size_t n_good, size_t n)
{
    return g_strdup_printf("best of %d drawn like the %zu best of %zu", settings->candidates, n_good, n);
}

/* ---- the sampler ---- */

typedef struct {
    HptLearner learner;
    HptTpeSettings settings;
} Tpe;

static void tpe_close(void *state)
{
    Tpe *tpe = state;
    hpt_learner_clear(&tpe->learner);
    g_free(tpe);
}

static void *tpe_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec,
                      GError **error)
{
    double good = hpt_tpe_defaults.good, most = hpt_tpe_defaults.most, candidates = hpt_tpe_defaults.candidates;
    const HptSettingRule known[] = {
        {"good", &good, 0, 1, false, false, NULL},
        {"most", &most, 1, 100000, true, false, NULL},
        {"candidates", &candidates, 1, 100000, true, false, NULL},
    };
    if (!hpt_settings_apply("sampler", "tpe", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    if (!(good > 0)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "sampler 'tpe': 'good' must be above 0, not '0'");
        return NULL;
    }
    Tpe *tpe = g_new0(Tpe, 1);
    tpe->settings = (HptTpeSettings){good, (int)most, (int)candidates};
    if (!hpt_learner_init(&tpe->learner, search, error)) {
        g_free(tpe);
        return NULL;
    }
    return tpe;
}

static HptConfig *tpe_propose(void *state, const HptHistory *history, int64_t number, int64_t rank,
                              char **reason, GError **error)
{
    Tpe *tpe = state;
    HptLearner *learner = &tpe->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "tpe");
    const HptTold *told = hpt_learner_hear(learner, history);
    if (hpt_learner_is_start(learner, told, rank))
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    size_t n_good = 0;
    bool found =
        hpt_tpe_choose(&learner->cube, told, &tpe->settings, &draws, row, &n_good);
    *reason = hpt_tpe_reason(&tpe->settings, n_good, told->n);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

const HptSamplerKind hpt_sampler_tpe = {
    .name = "tpe",
    .version = 11,
    .open = tpe_open,
    .close = tpe_close,
    .propose = tpe_propose,
    .learns = true,
};
