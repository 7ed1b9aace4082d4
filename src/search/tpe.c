/* The tree-structured Parzen estimator, joint over all parameters and over the branches of a
 * conditional space.
 *
 * Bergstra, Bardenet, Bengio, Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011; the joint
 * form after Falkner, Klein, Hutter, "BOHB", ICML 2018; a review of its parts: Watanabe,
 * arXiv:2304.11127. Symbols: l, g are the densities of the good and of the other trials.
 *
 * Deviations:
 * - A density is a mixture of products: one kernel a trial and the uniform distribution, all of one
 *   weight. A kernel says nothing (density 1) about a parameter that its trial does not have, so one
 *   mixture covers all branches of a conditional space; a candidate begins as a copy of a good trial, and
 *   so with that trial's branch.
 * - One bandwidth for all numbers, by Scott's rule in the dimension of the good trials; of values with
 *   levels the kernel's mass on the level is taken.
 * - Running trials count among the others (the constant liar of Ginsbourger et al. 2010); failed ones
 *   are worst. At most 1,000 others are used, evenly spaced by their order.
 * - Configurations that were tried or are forbidden are not proposed.
 */
#include "search/tpe.h"

#include "base/number.h"
#include "num/elementary.h"
#include "num/normal.h"
#include "search/internal.h"
#include "search/learn.h"

#include <math.h>
#include <string.h>

#define LOG_SQRT_2PI 0x1.d67f1c864beb5p-1
#define MOST_SETTING 100000
#define WIDTH 0.1 /* times (trials + 1)^(-1 / (dimension + 4)) */
#define WIDEST 0.3
#define NARROWEST 0.02
#define EDGE 8.0 /* widths beyond which a kernel is not cut off by the ends */
#define LEAST_MASS 1e-290
#define LEAST_GOOD ((size_t)2)
#define MOST_OTHERS ((size_t)1000)
#define MOST_LEVELS 1000

const HptTpeSettings hpt_tpe_defaults = {.good = 0.15, .most = 25, .candidates = 64};

/* ---- one density ---- */

typedef struct {
    const HptCube *cube;
    size_t n;            /* trials */
    const double **rows; /* n, borrowed */
    double width;        /* of the kernels of numbers */
    double **log_mass;   /* cube->n: logarithm of a kernel's density at 0, 1, … levels from its centre,
                            before it is cut off at the ends; of categories: at its own value and at the
                            others; NULL: a normal density */
    double *log_norm;    /* n · cube->n: what is added to cut it off */
} Density;

static double log_cut(double centre, double width)
{
    if (centre > EDGE * width && 1 - centre > EDGE * width)
        return 0;
    return hpt_log(hpt_normal_below((1 - centre) / width) - hpt_normal_below(-centre / width));
}

/* The mass that a kernel of a category spreads over all values: the less, the more trials there are. */
static double spread(size_t n)
{
    return MIN(0.5, 1 / sqrt((double)n + 1));
}

static double width_of(size_t n, double dimension)
{
    double exponent = -1 / (dimension + 4);
    return CLAMP(WIDTH * hpt_exp(exponent * hpt_log((double)n + 1)), NARROWEST, WIDEST);
}

static double *log_masses(double levels, double width)
{
    size_t n = (size_t)levels;
    double *table = g_new(double, n);
    for (size_t d = 0; d < n; d++) {
        double low = ((double)d - 0.5) / (levels * width), high = ((double)d + 0.5) / (levels * width);
        double mass = d == 0 ? 1 - 2 * hpt_normal_below(low)
                             : hpt_normal_below(-low) - hpt_normal_below(-high);
        table[d] = hpt_log(MAX(mass, LEAST_MASS) * levels);
    }
    return table;
}

static void density_init(Density *density, const HptCube *cube, const double **rows, size_t n,
                         double dimension)
{
    *density = (Density){
        .cube = cube,
        .n = n,
        .rows = rows,
        .width = width_of(n, dimension),
        .log_mass = g_new0(double *, cube->n + 1),
        .log_norm = g_new0(double, n * cube->n + 1),
    };
    double epsilon = spread(n), log_peak = -LOG_SQRT_2PI - hpt_log(density->width);
    for (size_t j = 0; j < cube->n; j++) {
        double k = cube->levels[j];
        if (cube->category[j]) {
            density->log_mass[j] = g_new(double, 2);
            density->log_mass[j][0] = hpt_log(k * (1 - epsilon * (1 - 1 / k)));
            density->log_mass[j][1] = hpt_log(epsilon);
            continue;
        }
        if (cube->even[j] && k <= MOST_LEVELS)
            density->log_mass[j] = log_masses(k, density->width);
        for (size_t i = 0; i < n; i++)
            if (!isnan(rows[i][j]))
                density->log_norm[i * cube->n + j] =
                    (density->log_mass[j] == NULL ? log_peak : 0) -
                    log_cut(rows[i][j], density->width);
    }
}

static void density_clear(Density *density)
{
    for (size_t j = 0; j < density->cube->n; j++)
        g_free(density->log_mass[j]);
    g_free(density->log_mass);
    g_free(density->log_norm);
}

static double log_kernel(const Density *density, size_t i, const double *x)
{
    const HptCube *cube = density->cube;
    const double *row = density->rows[i], *log_norm = density->log_norm + i * cube->n;
    double per_width = 1 / density->width, sum = 0;
    for (size_t j = 0; j < cube->n; j++) {
        double away = x[j] - row[j];
        if (isnan(away))
            continue; /* one of them has no such parameter */
        if (cube->category[j])
            sum += density->log_mass[j][away != 0];
        else if (density->log_mass[j] != NULL)
            sum += log_norm[j] + density->log_mass[j][(size_t)(fabs(away) * cube->levels[j] + 0.5)];
        else {
            double z = away * per_width;
            sum += log_norm[j] - 0.5 * z * z;
        }
    }
    return sum;
}

/* The logarithm of the density at x; that of the uniform distribution is 0. */
static double log_density(const Density *density, const double *x)
{
    double largest = 0, sum = 1; /* the uniform component */
    for (size_t i = 0; i < density->n; i++) {
        double kernel = log_kernel(density, i, x);
        if (kernel <= largest)
            sum += hpt_exp(kernel - largest);
        else {
            sum = sum * hpt_exp(largest - kernel) + 1;
            largest = kernel;
        }
    }
    return largest + hpt_log(sum) - hpt_log((double)density->n + 1);
}

/* ---- candidates ---- */

/* A normal of that centre and width between 0 and 1. */
static double draw_kernel(HptDraws *draws, double centre, double width)
{
    double low = hpt_normal_below(-centre / width), high = hpt_normal_below((1 - centre) / width);
    double p = low + hpt_draws_uniform(draws) * (high - low);
    return CLAMP(centre + width * hpt_normal_quantile(CLAMP(p, 0x1p-60, 1 - 0x1p-53)), 0, 1);
}

/* A draw from l. False: forbidden. */
static bool draw_candidate(const Density *good, HptDraws *draws, double *row)
{
    const HptCube *cube = good->cube;
    size_t from = hpt_draws_below(draws, good->n + 1);
    double epsilon = spread(good->n);
    for (size_t j = 0; j < cube->n; j++) {
        double centre = from == good->n ? (double)NAN : good->rows[from][j];
        if (isnan(centre))
            row[j] = hpt_draws_uniform(draws);
        else if (!cube->category[j])
            row[j] = draw_kernel(draws, centre, good->width);
        else {
            double fresh = hpt_draws_uniform(draws);
            row[j] = hpt_draws_uniform(draws) < epsilon ? fresh : centre;
        }
    }
    return hpt_cube_round(cube, row);
}

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

bool hpt_tpe_choose(const HptCube *cube, const HptTold *told, const HptTpeSettings *settings,
                    HptDraws *draws, double *row, size_t *n_good)
{
    size_t n = told->n + told->n_running, k = count_good(told, settings), n_others = n - k;
    g_autofree const double **rows = g_new(const double *, n + 1);
    for (size_t i = 0; i < n; i++)
        rows[i] = told->rows + (i < told->n ? told->order[i] : i) * cube->n;
    if (n_others > MOST_OTHERS) {
        for (size_t i = 0; i < MOST_OTHERS; i++)
            rows[k + i] = rows[k + i * n_others / MOST_OTHERS];
        n_others = MOST_OTHERS;
    }
    double dimension = dimension_of(cube, rows, k), best = -(double)INFINITY;
    g_autofree double *x = g_new(double, cube->n + 1);
    Density good, other;
    density_init(&good, cube, rows, k, dimension);
    density_init(&other, cube, rows + k, n_others, dimension);
    for (int c = 0; c < settings->candidates; c++) {
        if (!draw_candidate(&good, draws, x))
            continue;
        double score = log_density(&good, x) - log_density(&other, x);
        if (score > best && !hpt_told_has(told, x)) {
            best = score;
            memcpy(row, x, cube->n * sizeof *row);
        }
    }
    density_clear(&good);
    density_clear(&other);
    *n_good = k;
    return best > -(double)INFINITY;
}

char *hpt_tpe_reason(const HptTpeSettings *settings, size_t n_good, size_t n)
{
    return g_strdup_printf("best of %d drawn like the %zu best of %zu", settings->candidates, n_good, n);
}

/* ---- the sampler ---- */

static bool read_setting(HptTpeSettings *out, const HptSetting *setting, GError **error)
{
    static const char *const keys[] = {"candidates", "good", "most", NULL};
    double value = 0;
    if (!g_strv_contains(keys, setting->key)) {
        const char *near = hpt_suggest(setting->key, keys);
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "sampler 'tpe' has no setting '%s'%s%s%s",
                    setting->key, near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                    near == NULL ? "" : "'?");
        return false;
    }
    bool share = strcmp(setting->key, "good") == 0;
    if (!hpt_number_parse(setting->value, &value, NULL) || value <= 0 ||
        value > (share ? 1 : MOST_SETTING) || (!share && floor(value) < value)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "sampler 'tpe': '%s' must be %s, not '%s'", setting->key,
                    share ? "a number above 0 and up to 1" : "a whole number from 1 to 100000",
                    setting->value);
        return false;
    }
    if (share)
        out->good = value;
    else if (strcmp(setting->key, "most") == 0)
        out->most = (int)value;
    else
        out->candidates = (int)value;
    return true;
}

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
    HptTpeSettings chosen = hpt_tpe_defaults;
    for (size_t i = 0; i < n; i++)
        if (!read_setting(&chosen, &settings[i], error))
            return NULL;
    Tpe *tpe = g_new0(Tpe, 1);
    tpe->settings = chosen;
    if (!hpt_learner_init(&tpe->learner, search, error)) {
        g_free(tpe);
        return NULL;
    }
    char good[HPT_NUMBER_TEXT_SIZE];
    g_string_append_printf(spec, "good=%s,most=%d,candidates=%d",
                           hpt_number_text(chosen.good, good), chosen.most, chosen.candidates);
    return tpe;
}

static HptConfig *tpe_propose(void *state, const HptHistory *history, int64_t number, int64_t rank,
                              char **reason, GError **error)
{
    Tpe *tpe = state;
    HptLearner *learner = &tpe->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "tpe");
    const HptTold *told = hpt_learner_hear(learner, history, &draws);
    if (hpt_learner_is_start(learner, told, rank))
        return hpt_learner_start(learner, number, rank, reason, error);
    g_autofree double *row = g_new(double, learner->cube.n + 1);
    size_t n_good = 0;
    bool found =
        hpt_tpe_choose(&learner->cube, told, &tpe->settings, &draws, row, &n_good);
    *reason = hpt_tpe_reason(&tpe->settings, n_good, told->n);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

const HptSamplerKind hpt_sampler_tpe = {
    .name = "tpe",
    .version = 3,
    .open = tpe_open,
    .close = tpe_close,
    .propose = tpe_propose,
    .learns = true,
};
