/* A random forest with expected improvement, after SMAC: Hutter, Hoos & Leyton-Brown, LION 5, 2011, §4; as it is today:
 * Lindauer et al., "SMAC3", JMLR 23(54), 2022. The forest is that of forest.h.
 *
 * A proposal is, with the chance `random`, a random configuration; else that of the largest expected improvement, in its
 * logarithm, that is found among `candidates` random ones and by searches from the best of these and from the best
 * trials, each by steps to the best of the neighbours that differ in one parameter.
 *
 * Deviations:
 * - Values are replaced by the normal quantiles of their ranks (there by their logarithms, which negative values do not
 *   have): of trials that keep the constraints from the best on, then of the others by how far they are from that, then
 *   of the failed ones, which are all the same.
 * - Inactive parameters are part of the splits (there they are given a value).
 * - Running trials count as if they had the value that the forest expects of them (there they do not count).
 * - Of more than 2,000 trials the forest is given the 1,000 best and 1,000 of the others, evenly spaced in their order.
 * - The start is that of the samplers that learn (there it is a quarter of the budget). Configurations that were tried or
 *   are forbidden are not proposed. Of several runs of one configuration there is no racing: that is pruning's.
 */
#include "search/forest_sampler.h"

#include "search/feasible.h"
#include "search/forest.h"
#include "search/learn.h"

#include "num/elementary.h"
#include "num/normal.h"

#include <math.h>
#include <string.h>

#define LEAST_VARIANCE 1e-10
#define FAR 0.2 /* standard deviation of a step of a number, as in SMAC; of every second one it is NEAR */
#define NEAR 0.03
#define MOST_ROWS ((size_t)2000)
#define MOST_RUNNING ((size_t)200)
#define LEAST_LEAF 2
#define FEATURES 0.6
enum {
    STARTS = 5,     /* of the searches: so many trials and so many of the candidates */
    STEPS = 30,     /* of each at most */
    AROUND = 4,     /* neighbours in a number; in a category at most twice as many */
    MOST_PARAMS = 25, /* that a step looks at */
};

typedef struct {
    HptLearner learner;
    double random; /* the settings */
    HptForestChoice choice;
} Forest;

/* ---- what the forest is given ---- */

typedef struct {
    int class; /* 0: keeps the constraints, 1: does not, 2: failed */
    double value;
    size_t index;
} Place;

static int compare(const void *a, const void *b)
{
    const Place *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Finished trials, best first. Owned. */
static Place *rank_trials(const HptTold *told, const HptHistory *history)
{
    g_autofree double *violation = g_new(double, history->n + 1);
    Place *places = g_new(Place, told->n + 1);
    hpt_violations(history, violation);
    for (size_t k = 0, i = 0; k < history->n; k++) {
        if (!history->observations[k].finished)
            continue;
        int class = told->failed[i] ? 2 : violation[k] > 0 ? 1 : 0;
        places[i] = (Place){class, class == 0 ? told->y[i] : class == 1 ? violation[k] : 0, i};
        i++;
    }
    qsort(places, told->n, sizeof *places, compare);
    return places;
}

/* The normal quantiles of the places, equal ones sharing the mean of theirs. */
static void score(const Place *places, size_t n, double *y)
{
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && places[end].class == places[i].class && places[end].value <= places[i].value;)
            end++;
        double q = hpt_normal_quantile((double)(i + end) / (2 * (double)n));
        for (size_t k = i; k < end; k++)
            y[k] = q;
    }
}

typedef struct {
    double *rows, *y; /* best first, the running ones last */
    size_t n, n_finished;
} Data;

static void data_clear(Data *data)
{
    g_free(data->rows);
    g_free(data->y);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Data, data_clear)

static Data choose_data(const HptTold *told, const HptHistory *history)
{
    size_t d = told->cube->n, n = MIN(told->n, MOST_ROWS), n_best = told->n > n ? n / 2 : n;
    const double *running = NULL;
    size_t n_running = hpt_told_running(told, MOST_RUNNING, &running);
    g_autofree Place *places = rank_trials(told, history);
    g_autofree double *y = g_new(double, told->n + 1);
    score(places, told->n, y);
    Data data = {g_new(double, (n + n_running) * d + 1), g_new(double, n + n_running + 1), n, n};
    for (size_t k = 0; k < n; k++) {
        size_t place = k < n_best ? k : n_best + (k - n_best) * (told->n - n_best) / (n - n_best);
        memcpy(data.rows + k * d, told->rows + places[place].index * d, d * sizeof(double));
        data.y[k] = y[place];
    }
    memcpy(data.rows + n * d, running, n_running * d * sizeof(double));
    return data;
}

static HptForest *fit(const HptCube *cube, int trees, Data *data, size_t n_running, HptDraws *draws)
{
    const HptForestSettings settings = {trees, LEAST_LEAF, FEATURES};
    HptForest *model = hpt_forest_new(cube, data->rows, data->y, data->n_finished, &settings, draws, NULL);
    if (n_running == 0)
        return model;
    for (size_t i = 0; i < MIN(n_running, MOST_RUNNING); i++) {
        double variance;
        hpt_forest_predict(model, data->rows + data->n * cube->n, &data->y[data->n], &variance);
        data->n++;
    }
    hpt_forest_free(model);
    return hpt_forest_new(cube, data->rows, data->y, data->n, &settings, draws, NULL);
}

/* ---- the search for the largest expected improvement ---- */

typedef struct {
    const HptCube *cube;
    const HptTold *told;
    const HptForest *model;
    HptDraws *draws;
    double best;     /* of y */
    double *row;     /* the best that was not tried before, if found */
    double value;    /* its log expected improvement */
    bool found;
} Hunt;

/* The logarithm of the expected improvement; a row that was not tried is kept if it is the best. */
static double look(Hunt *hunt, const double *row)
{
    double mean, variance;
    hpt_forest_predict(hunt->model, row, &mean, &variance);
    double deviation = sqrt(MAX(variance, LEAST_VARIANCE));
    double value = hpt_normal_log_improvement((hunt->best - mean) / deviation, NULL) + hpt_log(deviation);
    if ((!hunt->found || value > hunt->value) && !hpt_told_has(hunt->told, row)) {
        memcpy(hunt->row, row, hunt->cube->n * sizeof *row);
        hunt->value = value;
        hunt->found = true;
    }
    return value;
}

/* Another value of parameter j, for try 0, 1 …; false: that was the last. */
static bool move(Hunt *hunt, size_t j, size_t try, double *x)
{
    const HptCube *cube = hunt->cube;
    if (cube->category[j]) {
        size_t levels = (size_t)MIN(cube->levels[j], 1e9), most = (size_t)(2 * AROUND);
        size_t now = (size_t)MIN(*x * cube->levels[j], cube->levels[j] - 1);
        if (try + 1 >= levels || try >= most)
            return false;
        size_t step = levels <= most ? try + 1 : 1 + hpt_draws_below(hunt->draws, levels - 1);
        *x = ((double)((now + step) % levels) + 0.5) / cube->levels[j];
        return true;
    }
    if (try >= AROUND)
        return false;
    double step = (try % 2 == 0 ? FAR : NEAR) * hpt_draws_normal(hunt->draws);
    if (cube->even[j])
        step = copysign(MAX(fabs(step), 1 / cube->levels[j]), step);
    double to = *x + step; /* mirrored at the ends */
    to = to < 0 ? -to : to > 1 ? 2 - to : to;
    *x = CLAMP(to, 0, 1);
    return true;
}

/* Steps from row to its best neighbour for as long as that is better. */
static void climb(Hunt *hunt, double *row, double value, double *scratch)
{
    const HptCube *cube = hunt->cube;
    size_t d = cube->n, n_params = MIN(d, (size_t)MOST_PARAMS);
    double *other = scratch, *best = scratch + d, *full = scratch + 2 * d;
    for (int step = 0; step < STEPS; step++) {
        double most = value;
        size_t first = d > n_params ? hpt_draws_below(hunt->draws, d) : 0;
        for (size_t j = 0; j < d; j++) /* what is inactive has a value in case it becomes active */
            full[j] = isnan(row[j]) ? hpt_draws_uniform(hunt->draws) : row[j];
        for (size_t k = 0; k < n_params; k++) {
            size_t j = (first + k) % d;
            double x = row[j];
            for (size_t try = 0; !isnan(row[j]) && move(hunt, j, try, &x); try++, x = row[j]) {
                memcpy(other, full, d * sizeof *other);
                other[j] = x;
                if (!hpt_cube_round(cube, other))
                    continue;
                double there = look(hunt, other);
                if (there > most) {
                    most = there;
                    memcpy(best, other, d * sizeof *best);
                }
            }
        }
        if (most <= value)
            return;
        value = most;
        memcpy(row, best, d * sizeof *row);
    }
}

/* The random candidates; the best of them into starts, best first. Gives how many. */
static size_t scatter(Hunt *hunt, int candidates, double *starts, double *values)
{
    size_t d = hunt->cube->n, n = 0;
    double *row = starts + STARTS * d;
    for (int c = 0; c < candidates; c++) {
        if (!hpt_cube_draw(hunt->cube, hunt->draws, row))
            continue;
        double value = look(hunt, row);
        if (n == STARTS && value <= values[n - 1])
            continue;
        size_t at = n < STARTS ? n++ : n - 1;
        for (; at > 0 && values[at - 1] < value; at--) {
            values[at] = values[at - 1];
            memcpy(starts + at * d, starts + (at - 1) * d, d * sizeof *starts);
        }
        values[at] = value;
        memcpy(starts + at * d, row, d * sizeof *starts);
    }
    return n;
}

static bool hunt_down(Hunt *hunt, const Data *data, int candidates)
{
    size_t d = hunt->cube->n;
    g_autofree double *starts = g_new(double, (STARTS + 1) * d), *scratch = g_new(double, 3 * d);
    double values[STARTS];
    size_t n = scatter(hunt, candidates, starts, values);
    for (size_t i = 0; i < n; i++)
        climb(hunt, starts + i * d, values[i], scratch);
    for (size_t i = 0; i < MIN(data->n_finished, (size_t)STARTS); i++) {
        memcpy(starts, data->rows + i * d, d * sizeof *starts);
        climb(hunt, starts, look(hunt, starts), scratch);
    }
    return hunt->found;
}

const HptForestChoice hpt_forest_defaults = {.trees = 20, .candidates = 1000};

bool hpt_forest_choose(const HptTold *told, const HptHistory *history, const HptForestChoice *choice, HptDraws *draws,
                       double *row, char **reason)
{
    const HptCube *cube = told->cube;
    g_auto(Data) data = choose_data(told, history);
    g_autoptr(HptForest) model = fit(cube, choice->trees, &data, told->n_running, draws);
    Hunt hunt = {.cube = cube, .told = told, .model = model, .draws = draws, .best = data.y[0], .row = row};
    bool found = hunt_down(&hunt, &data, choice->candidates);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "expected improvement by %d trees on %zu trials", choice->trees, data.n_finished);
    if (told->n_running > 0)
        g_string_append_printf(text, " and %zu running", data.n - data.n_finished);
    *reason = g_string_free(g_steal_pointer(&text), false);
    return found;
}

/* ---- the sampler ---- */

static void forest_close(void *state)
{
    Forest *forest = state;
    hpt_learner_clear(&forest->learner);
    g_free(forest);
}

static void *forest_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec, GError **error)
{
    double random = 0.1, trees = hpt_forest_defaults.trees, candidates = hpt_forest_defaults.candidates;
    const HptSettingRule known[] = {
        {"random", &random, 0, 1, false, false, NULL},
        {"trees", &trees, 1, 1000, true, false, NULL},
        {"candidates", &candidates, 1, 100000, true, false, NULL},
    };
    if (!hpt_settings_apply("sampler", "forest", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    Forest *forest = g_new0(Forest, 1);
    if (!hpt_learner_init(&forest->learner, search, error)) {
        g_free(forest);
        return NULL;
    }
    forest->random = random;
    forest->choice = (HptForestChoice){(int)trees, (int)candidates};
    return forest;
}

static HptConfig *forest_propose(void *state, const HptHistory *history, int64_t number, int64_t rank, char **reason,
                                 GError **error)
{
    Forest *forest = state;
    HptLearner *learner = &forest->learner;
    HptDraws draws = hpt_draws(learner->search->seed, number, "forest");
    const HptTold *told = hpt_learner_hear(learner, history);
    if (hpt_learner_is_start(learner, told, rank))
        return hpt_learner_start(learner, told, number, rank, &draws, reason, error);
    size_t d = learner->cube.n;
    g_autofree double *row = g_new(double, d + 1);
    if (d == 0 || hpt_draws_uniform(&draws) < forest->random) {
        bool drawn = d > 0 && hpt_cube_draw(&learner->cube, &draws, row);
        *reason = g_strdup("a random configuration, as some always are");
        return hpt_learner_take(learner, told, number, drawn ? row : NULL, &draws, reason, error);
    }
    bool found = hpt_forest_choose(told, history, &forest->choice, &draws, row, reason);
    return hpt_learner_take(learner, told, number, found ? row : NULL, &draws, reason, error);
}

const HptSamplerKind hpt_sampler_forest = {
    .name = "forest",
    .version = 4,
    .open = forest_open,
    .close = forest_close,
    .propose = forest_propose,
    .learns = true,
};
