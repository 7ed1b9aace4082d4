/* The evolutionary samplers: what they reach, what they must not depend on, and their parts. */
#include "tests/unit/sampler-tools.h"

#include "num/random.h"
#include "search/cma.h"
#include "search/pool.h"
#include "search/vary.h"

#include <math.h>
#include <string.h>

static const char *const samplers[] = {"cmaes", "de", "nsga2", "nsga3"};

/* ---- tools ---- */

static HptConfig *ask(HptSampler *sampler, const HptHistory *history, int64_t number, char **reason)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    g_assert_true(hpt_sampler_propose(sampler, history, number, &proposal, &error));
    g_assert_no_error(error);
    if (reason != NULL)
        *reason = g_steal_pointer(&proposal.reason);
    HptConfig *config = g_steal_pointer(&proposal.config);
    hpt_proposal_clear(&proposal);
    return config;
}

typedef void (*Objective)(const HptSpace *space, const HptConfig *config, double *values, double *constraint);

static double unit(const HptSpace *space, const HptConfig *config, size_t i)
{
    return hpt_param_to_unit(hpt_space_get(space, i), config->values[i]);
}

/* Steals config. constraints: 0 or 1. */
static void tell(GArray *trials, const HptSpace *space, HptConfig *config, Objective objective, size_t n_objectives,
                 size_t n_constraints)
{
    HptObservation trial = {.number = trials->len, .config = config, .finished = true};
    double *values = g_new(double, n_objectives);
    g_autofree double *constraint = g_new(double, 1);
    objective(space, config, values, constraint);
    trial.values = values;
    if (n_constraints > 0)
        trial.constraints = g_steal_pointer(&constraint);
    g_array_append_val(trials, trial);
}

static GArray *search(const char *spec, const HptSpace *space, uint64_t seed, int n, Objective objective,
                      size_t n_objectives, size_t n_constraints)
{
    HptSearch of = {.space = space, .seed = seed};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &of);
    GArray *trials = trials_new();
    for (int i = 0; i < n; i++) {
        HptHistory history = history_from(trials, n_objectives, n_constraints);
        tell(trials, space, ask(sampler, &history, i, NULL), objective, n_objectives, n_constraints);
    }
    return trials;
}

static double lowest(const char *spec, const HptSpace *space, uint64_t seed, int n, Objective objective)
{
    g_autoptr(GArray) trials = search(spec, space, seed, n, objective, 1, 0);
    double low = (double)INFINITY;
    for (guint i = 0; i < trials->len; i++)
        low = MIN(low, g_array_index(trials, HptObservation, i).values[0]);
    return low;
}

/* The middle of three seeds. */
static double middle(const char *spec, const char *text, int n, Objective objective)
{
    g_autoptr(HptSpace) space = space_of(text);
    double a = lowest(spec, space, 1, n, objective), b = lowest(spec, space, 2, n, objective);
    double c = lowest(spec, space, 3, n, objective);
    return MAX(MIN(a, b), MIN(MAX(a, b), c));
}

/* ---- objectives ---- */

static void sphere(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    (void)constraint;
    values[0] = 0;
    for (size_t i = 0; i < config->n; i++) {
        double away = unit(space, config, i) - 0.3 - 0.05 * (double)i;
        values[0] += away * away;
    }
}

/* Turned, and a thousand times as long as it is wide. */
static void ellipsoid(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    (void)constraint;
    double sum = 0, square = 0;
    for (size_t i = 0; i < config->n; i++) {
        double away = unit(space, config, i) - 0.4;
        sum += away;
        square += away * away;
    }
    values[0] = 1000 * sum * sum + square;
}

static void monotone(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    sphere(space, config, values, constraint);
    values[0] = 5e7 * values[0] * values[0] * values[0] - 3e5;
}

/* Whole numbers, an order, categories and a branch: 0 at one configuration. */
static const char mixed_integer[] = "a integer [0, 30]\nb integer [1, 400] log\nc ordinal {1, 2, 4, 8, 16}\n"
                                    "d categorical {p, q, r, s}\ne categorical {x, y}\n"
                                    "f integer [0, 9] | d in {q, r}\n";

static void integers(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    (void)constraint;
    const HptValue *v = config->values;
    size_t a = hpt_space_find(space, "a"), b = hpt_space_find(space, "b"), c = hpt_space_find(space, "c");
    size_t d = hpt_space_find(space, "d"), e = hpt_space_find(space, "e"), f = hpt_space_find(space, "f");
    values[0] = fabs(v[a].number - 21) / 10 + fabs(log(v[b].number / 40)) + fabs((double)v[c].index - 3) +
                (v[d].index == 2 ? 0 : 1) + (v[e].index == 1 ? 0 : 1) + (v[f].active ? fabs(v[f].number - 4) / 5 : 1);
}

static void two(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    (void)constraint;
    double x = unit(space, config, 0), rest = 0;
    for (size_t i = 1; i < config->n; i++)
        rest += unit(space, config, i) / (double)(config->n - 1);
    values[0] = x;
    values[1] = (1 + 3 * rest) * (1 - sqrt(x / (1 + 3 * rest)));
}

static void three(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    (void)constraint;
    for (size_t k = 0; k < 3; k++) {
        values[k] = 0;
        for (size_t i = 0; i < config->n; i++) {
            double away = unit(space, config, i) - (i == k ? 1 : 0);
            values[k] += away * away;
        }
    }
}

/* The nearer to 0 the better, but the first two together no less than 1. */
static void bounded(const HptSpace *space, const HptConfig *config, double *values, double *constraint)
{
    values[0] = 0;
    for (size_t i = 0; i < config->n; i++)
        values[0] += unit(space, config, i) * unit(space, config, i);
    constraint[0] = 1 - unit(space, config, 0) - unit(space, config, 1);
}

/* ---- what they reach ---- */

static void test_sphere(void)
{
    static const char space[] = "a real [0, 1]\nb real [0, 1]\nc real [1e-4, 1] log\nd real [-5, 5]\n";
    double chance = middle("random", space, 200, sphere);
    g_assert_cmpfloat(middle("cmaes", space, 200, sphere), <, 1e-4);
    g_assert_cmpfloat(middle("de", space, 200, sphere), <, 2e-3);
    g_assert_cmpfloat(middle("nsga2", space, 200, sphere), <, 2e-3);
    g_assert_cmpfloat(middle("nsga3", space, 200, sphere), <, 2e-3);
    g_assert_cmpfloat(chance, >, 1e-2);
}

/* Without the covariance, or the paths, it would be far from there. */
static void test_ellipsoid(void)
{
    static const char space[] = "a real [0, 1]\nb real [0, 1]\nc real [0, 1]\nd real [0, 1]\n";
    g_assert_cmpfloat(middle("cmaes", space, 500, ellipsoid), <, 1e-4);
    g_assert_cmpfloat(middle("de", space, 500, ellipsoid), <, 0.02);
    g_assert_cmpfloat(middle("random", space, 500, ellipsoid), >, 0.1);
}

/* 2,728,000 configurations, of which one is best. */
static void test_integers(void)
{
    for (size_t s = 0; s < G_N_ELEMENTS(samplers); s++) {
        double found = middle(samplers[s], mixed_integer, 250, integers);
        g_test_message("%s: %g", samplers[s], found);
        g_assert_cmpfloat(found, <, strcmp(samplers[s], "cmaes") == 0 ? 0.3 : 0.6);
    }
    g_assert_cmpfloat(middle("random", mixed_integer, 250, integers), >, 0.8);
}

/* The area that trials dominate, below 1.5 in both. */
static double area(const GArray *trials)
{
    double sum = 0;
    for (int step = 0; step < 300; step++) { /* by strips of the first */
        double x = 1.5 * (step + 0.5) / 300, low = 1.5;
        for (guint i = 0; i < trials->len; i++) {
            const double *values = g_array_index(trials, HptObservation, i).values;
            if (values[0] <= x)
                low = MIN(low, values[1]);
        }
        sum += (1.5 - low) * 1.5 / 300;
    }
    return sum;
}

static void test_two(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0, 1]\nc real [0, 1]\nd real [0, 1]\ne real [0, 1]\n");
    enum { SEEDS = 8 }; /* of three some are lucky */
    double mean = 0, chance = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        g_autoptr(GArray) found = search(spec, space, seed, 200, two, 2, 0);
        g_autoptr(GArray) drawn = search("random", space, seed, 200, two, 2, 0);
        mean += area(found) / SEEDS;
        chance += area(drawn) / SEEDS;
    }
    double most = 1.5 * 1.5 - 1.0 / 3; /* of the front y = 1 - sqrt(x) */
    g_test_message("%s: %g of %g, random %g", (const char *)spec, mean, most, chance);
    bool nsga = g_str_has_prefix(spec, "nsga"); /* made for this */
    g_assert_cmpfloat(most - mean, <, (nsga ? 0.45 : 0.85) * (most - chance));
}

/* With three objectives the trials near the plane of the three best points are many. */
static void test_three(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0, 1]\nc real [0, 1]\nd real [0, 1]\ne real [0, 1]\n");
    g_autoptr(GArray) found = search(spec, space, 5, 200, three, 3, 0);
    g_autoptr(GArray) drawn = search("random", space, 5, 200, three, 3, 0);
    double near[2] = {0};
    GArray *both[] = {found, drawn};
    for (size_t k = 0; k < 2; k++)
        for (guint i = 100; i < 200; i++) {
            const HptObservation *trial = &g_array_index(both[k], HptObservation, i);
            near[k] += unit(space, trial->config, 3) + unit(space, trial->config, 4) < 0.3 ? 1 : 0;
        }
    g_assert_cmpfloat(near[0], >, 2 * near[1]);
}

static void test_bounded(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0, 1]\nc real [0, 1]\n");
    g_autoptr(GArray) trials = search(spec, space, 4, 150, bounded, 1, 1);
    double low = (double)INFINITY;
    guint kept = 0;
    for (guint i = 0; i < trials->len; i++) {
        const HptObservation *trial = &g_array_index(trials, HptObservation, i);
        bool keeps = trial->constraints[0] <= 0;
        low = keeps ? MIN(low, trial->values[0]) : low;
        kept += i >= 100 && keeps ? 1 : 0;
    }
    g_test_message("%s: %g, %u of the last 50", (const char *)spec, low, kept);
    g_assert_cmpfloat(low, <, 0.55); /* 0.5 at (½, ½, 0) */
    g_assert_cmpuint(kept, >, 15);
}

/* ---- what they must not depend on ---- */

static void test_order_only(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb integer [1, 50]\nc real [0.01, 1] log\n");
    g_autoptr(GArray) one = search(spec, space, 9, 80, sphere, 1, 0);
    g_autoptr(GArray) other = search(spec, space, 9, 80, monotone, 1, 0);
    for (guint i = 0; i < 80; i++)
        g_assert_true(hpt_config_equal(g_array_index(one, HptObservation, i).config,
                                       g_array_index(other, HptObservation, i).config));
}

/* Four at once, which end in any order, some of them never: another object makes each proposal again from what was
 * known at the time, whatever it was asked before. */
static void test_workers(gconstpointer spec)
{
    enum { N = 90, WORKERS = 4 };
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch of = {.space = space, .seed = 21};
    g_autoptr(HptSampler) one = sampler_of(spec, &of);
    g_autoptr(GArray) trials = trials_new();
    g_autoptr(GPtrArray) saw = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    HptStream stream = hpt_stream(1, 0, "test", "workers");
    GArray *running = g_array_new(false, false, sizeof(guint));
    for (guint i = 0; i < N; i++) {
        if (running->len == WORKERS) { /* one ends */
            guint at = (guint)hpt_stream_below(&stream, i, WORKERS), k = g_array_index(running, guint, at);
            HptObservation *trial = &g_array_index(trials, HptObservation, k);
            g_array_remove_index(running, at);
            trial->finished = true;
            double *value = g_new(double, 1);
            *value = trial->config->values[hpt_space_find(space, "C")].number;
            if (k % 7 != 3)
                trial->values = value;
            else
                g_free(value);
        }
        GArray *copy = g_array_new(false, false, sizeof(HptObservation)); /* borrows from trials */
        g_array_append_vals(copy, trials->data, trials->len);
        g_ptr_array_add(saw, copy);
        HptHistory history = history_from(copy, 1, 0);
        HptObservation trial = {.number = i, .config = ask(one, &history, i, NULL)};
        g_array_append_val(trials, trial);
        if (i % 11 != 10)
            g_array_append_val(running, i);
    }
    g_array_unref(running);
    g_autoptr(HptSampler) two_objects = sampler_of(hpt_sampler_get_spec(one), &of);
    for (guint step = 0; step < N; step++) {
        guint i = (step * 37 + 11) % N;
        HptHistory history = history_from(saw->pdata[i], 1, 0);
        g_autoptr(HptConfig) again = ask(two_objects, &history, i, NULL);
        g_assert_true(hpt_config_equal(again, g_array_index(trials, HptObservation, i).config));
    }
}

/* ---- parts ---- */

static void test_fronts(void)
{
    static const double values[][2] = {{1, 5}, {2, 3}, {4, 1}, {2, 4}, {5, 5}, {1, 5}, {3, 2}, {0, 0}};
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    g_autoptr(HptConfig) config = hpt_space_default(space, NULL);
    HptObservation trials[8] = {0};
    for (int i = 0; i < 8; i++)
        trials[i] = (HptObservation){.number = i, .config = config, .finished = true, .values = values[i]};
    trials[7].values = NULL; /* failed */
    HptHistory history = {trials, 8, 2, 0};
    HptCube cube;
    hpt_cube_init(&cube, space);
    HptPool *pool = hpt_pool_new(&cube);
    g_assert_cmpint(hpt_pool_hear(pool, &history), ==, 0);
    g_assert_cmpint(hpt_pool_hear(pool, &history), ==, INT64_MAX);
    size_t all[] = {0, 1, 2, 3, 4, 5, 6, 7}, rank[8];
    hpt_pool_ranks(pool, all, 8, rank);
    static const size_t ranks[] = {0, 0, 0, 1, 2, 0, 0, 3};
    g_assert_true(memcmp(rank, ranks, sizeof ranks) == 0);
    size_t order[] = {7, 6, 5, 4, 3, 2, 1, 0};
    hpt_pool_sort(pool, order, 8);
    static const size_t sorted[] = {0, 2, 5, 1, 6, 3, 4, 7}; /* the ends, then the less crowded */
    g_assert_true(memcmp(order, sorted, sizeof sorted) == 0);
    trials[2].values = NULL;
    g_assert_cmpint(hpt_pool_hear(pool, &history), ==, 2);
    history.n = 6;
    g_assert_cmpint(hpt_pool_hear(pool, &history), ==, 6);
    hpt_pool_free(pool);
    hpt_cube_clear(&cube);
}

/* Children are legal, between and near their parents, and carry whole categories. */
static void test_vary(void)
{
    g_autoptr(HptSpace) space = space_of(mixed);
    HptCube cube;
    hpt_cube_init(&cube, space);
    HptDraws draws = hpt_draws(3, 0, "test");
    HptVariation variation = {0.9, 5, 1, 10}, none = {0, 5, 0, 10};
    double a[8], b[8], child[8];
    int moved = 0;
    g_assert_cmpuint(cube.n, <=, 8);
    for (int i = 0; i < 2000; i++) {
        g_assert_true(hpt_cube_draw(&cube, &draws, a) && hpt_cube_draw(&cube, &draws, b));
        if (hpt_vary(&cube, &variation, a, b, &draws, child)) {
            g_autoptr(HptConfig) config = hpt_cube_config(&cube, child);
            g_assert_cmpuint(hpt_space_forbidden(space, config), ==, SIZE_MAX);
        }
        for (size_t j = 0; j < cube.n; j++)
            moved += !isnan(child[j]) && child[j] != a[j] && child[j] != b[j];
        g_assert_true(hpt_vary(&cube, &none, a, b, &draws, child));
        g_assert_true(hpt_cube_among(&cube, child, a, 1));
    }
    g_assert_cmpint(moved, >, 2000);
    hpt_cube_clear(&cube);
}

/* However long one level is the best, another is drawn now and then; and what is narrow says so. */
static void test_margin(void)
{
    g_autoptr(HptSpace) space = space_of("a integer [0, 9]\nb integer [1, 1000] log\nc categorical {x, y, z}\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autoptr(HptCma) cma = hpt_cma_new(&cube);
    double mean[] = {0.5, 0.5, 0.5}, points[8 * 3], row[3];
    HptDraws draws = hpt_draws(7, 0, "test");
    hpt_cma_begin(cma, mean, 0.3, 8);
    int others = 0, narrow = 0;
    for (int g = 0; g < 300; g++) {
        struct {
            double value;
            int i;
        } order[8], swap;
        const double *ranked[8];
        bool drawn[8];
        for (int i = 0; i < 8; i++) {
            hpt_cma_draw(cma, &draws, points + 3 * i);
            g_assert_true(hpt_cma_round(cma, points + 3 * i, row));
            order[i].value = fabs(row[0] - 0.45) + fabs(row[1] - 0.3) + (points[3 * i + 2] == 1 ? 0 : 0.1);
            order[i].i = i;
            drawn[i] = true;
            others += g >= 200 && row[0] != 0.45;
            for (int k = i; k > 0 && order[k].value < order[k - 1].value; k--) {
                swap = order[k];
                order[k] = order[k - 1];
                order[k - 1] = swap;
            }
        }
        for (int i = 0; i < 8; i++)
            ranked[i] = points + 3 * order[i].i;
        hpt_cma_update(cma, ranked, drawn, 8, 8);
        narrow += g >= 200 && hpt_cma_is_narrow(cma);
        g_assert_true(g >= 5 || !hpt_cma_is_narrow(cma));
    }
    g_test_message("%d of 800 draws left the level", others);
    g_assert_cmpint(others, >, 10); /* the margin is 1/24 */
    g_assert_cmpint(others, <, 200);
    g_assert_cmpint(narrow, >, 0);
    hpt_cube_clear(&cube);
}

/* A point is moved into the record and no farther. */
static void test_fit(void)
{
    g_autoptr(HptSpace) space = space_of("a integer [0, 9]\nb integer [1, 1000] log\nc categorical {x, y, z}\n"
                                         "d real [0, 1] | c in {x}\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autoptr(HptCma) cma = hpt_cma_new(&cube);
    HptDraws draws = hpt_draws(8, 0, "test");
    double mean[4] = {0.5, 0.5, 0.5, 0.5}, point[4], row[4], back[4];
    hpt_cma_begin(cma, mean, 0.4, 8);
    for (int i = 0; i < 500; i++) {
        g_assert_true(hpt_cube_draw(&cube, &draws, row));
        hpt_cma_draw(cma, &draws, point);
        hpt_cma_fit(cma, row, point);
        for (size_t j = 0; j < 4; j++) /* the ends of a level belong to either side */
            if (!cube.category[j] && cube.levels[j] > 0)
                point[j] = 0.999 * point[j] + 0.001 * (isnan(row[j]) ? point[j] : row[j]);
        g_assert_true(hpt_cma_round(cma, point, back));
        g_assert_true(hpt_cube_among(&cube, back, row, 1));
        double same[4];
        memcpy(same, point, sizeof same);
        hpt_cma_fit(cma, row, point);
        g_assert_true(memcmp(same, point, sizeof same) == 0);
    }
    hpt_cube_clear(&cube);
}

/* What was found before `from` is where it begins. */
static void test_warm(void)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0, 1]\nc real [0, 1]\nd categorical {p, q, r, s}\n");
    HptSearch of = {.space = space, .seed = 2};
    g_autoptr(GArray) trials = search("random", space, 2, 200, sphere, 1, 0);
    g_autoptr(HptSampler) warm = sampler_of("cmaes:from=200", &of), cold = sampler_of("cmaes", &of);
    HptHistory history = history_from(trials, 1, 0), early = history;
    early.n = 0;
    double sum = 0, all = 0;
    for (int64_t i = 200; i < 230; i++) {
        double value = 0;
        g_autoptr(HptConfig) config = ask(warm, &history, i, NULL);
        sphere(space, config, &value, NULL);
        sum += value;
        sphere(space, g_array_index(trials, HptObservation, (guint)i - 100).config, &value, NULL);
        all += value;
    }
    g_assert_cmpfloat(sum, <, all / 2);
    g_autoptr(HptConfig) first = ask(warm, &early, 0, NULL), same = ask(cold, &early, 0, NULL);
    g_assert_true(hpt_config_equal(first, same)); /* before that, the start */
}

/* One number is narrow soon; then a run begins elsewhere, and it is said. */
static void test_restarts(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptSearch of = {.space = space, .seed = 6};
    static const char *const specs[] = {"cmaes:restarts=none", "cmaes:restarts=ipop", "cmaes:restarts=bipop"};
    for (size_t s = 0; s < 3; s++) {
        g_autoptr(HptSampler) sampler = sampler_of(specs[s], &of);
        g_autoptr(GArray) trials = trials_new();
        bool second = false, larger = false, other = false;
        for (int i = 0; i < 500; i++) {
            HptHistory history = history_from(trials, 1, 0);
            g_autofree char *reason = NULL;
            tell(trials, space, ask(sampler, &history, i, &reason), sphere, 1, 0);
            second = second || strstr(reason, "run 2,") != NULL;
            larger = larger || strstr(reason, ", 8 a generation") != NULL;
            other = other || (strstr(reason, "run 3,") != NULL && strstr(reason, ", 4 a generation") != NULL);
        }
        g_assert_true(second == (s > 0) && larger == (s > 0));
        g_assert_true(other == (s == 2)); /* of a small one */
    }
}

/* Without another run a number that is settled long since gets so narrow, against its margin, that C has to be kept
 * from losing its way. */
static void test_long(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\nn integer [0, 9]\nk categorical {a, b}\n");
    HptSearch of = {.space = space, .seed = 6};
    g_autoptr(HptSampler) sampler = sampler_of("cmaes:restarts=none", &of);
    g_autoptr(GArray) trials = trials_new();
    for (int i = 0; i < 3600; i++) {
        HptHistory history = history_from(trials, 1, 0);
        g_autofree char *reason = NULL;
        tell(trials, space, ask(sampler, &history, i, &reason), sphere, 1, 0);
        g_assert_null(strstr(reason, "NaN"));
    }
}

/* Many numbers: C is diagonal, and it still gets somewhere, in bounded time. */
static void test_many(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 150; i++)
        g_string_append_printf(text, "p%d real [0, 1]\n", i);
    g_autoptr(HptSpace) space = space_of(text->str);
    g_autoptr(GArray) trials = search("cmaes:sigma=0.1", space, 1, 400, ellipsoid, 1, 0);
    double first = (double)INFINITY, last = first;
    for (guint i = 0; i < 400; i++) {
        double value = g_array_index(trials, HptObservation, i).values[0];
        *(i < 40 ? &first : &last) = MIN(i < 40 ? first : last, value);
    }
    g_assert_cmpfloat(last, <, first / 2);
}

static void test_settings(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptSearch of = {.space = space};
    static const SpecCase good[] = {
        {"cmaes", "cmaes:population=0,sigma=0,restarts=bipop,from=0"},
        {"cmaes:from=50,restarts=none", "cmaes:population=0,sigma=0,restarts=none,from=50"},
        {"de", "de:population=12,best=0.2"},
        {"nsga2", "nsga2:population=10,crossover=0.9,mutation=1"},
        {"nsga3:population=28", "nsga3:population=28,crossover=0.9,mutation=1"},
    };
    assert_canonical(good, G_N_ELEMENTS(good), &of);
    static const SpecCase bad[] = {
        {"cmaes:sigm=1", "sampler 'cmaes' has no setting 'sigm'; did you mean 'sigma'?"},
        {"cmaes:population=1", "sampler 'cmaes': 'population' must be 0 or at least 2, not '1'"},
        {"cmaes:sigma=2", "sampler 'cmaes': 'sigma' must be a number from 0 to 1, not '2'"},
        {"cmaes:restarts=yes", "sampler 'cmaes': 'restarts' must be one of none, ipop, bipop, not 'yes'"},
        {"nsga2:population=3", "sampler 'nsga2': 'population' must be a whole number from 4 to 10000, not '3'"},
        {"nsga3:x=3", "sampler 'nsga3' has no setting 'x'"},
        {"de:population=4.5", "sampler 'de': 'population' must be a whole number from 4 to 10000, not '4.5'"},
    };
    assert_refused(bad, G_N_ELEMENTS(bad), &of);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const struct {
        const char *name;
        void (*run)(gconstpointer);
    } tests[] = {
        {"two", test_two},   {"three", test_three},           {"bounded", test_bounded},
        {"order-only", test_order_only}, {"workers", test_workers},
    };
    for (size_t s = 0; s < G_N_ELEMENTS(samplers); s++)
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/evolve/%s/%s", samplers[s], tests[i].name);
            g_test_add_data_func(path, samplers[s], tests[i].run);
        }
    g_test_add_func("/evolve/sphere", test_sphere);
    g_test_add_func("/evolve/ellipsoid", test_ellipsoid);
    g_test_add_func("/evolve/integers", test_integers);
    g_test_add_func("/evolve/fronts", test_fronts);
    g_test_add_func("/evolve/vary", test_vary);
    g_test_add_func("/evolve/margin", test_margin);
    g_test_add_func("/evolve/fit", test_fit);
    g_test_add_func("/evolve/warm", test_warm);
    g_test_add_func("/evolve/restarts", test_restarts);
    g_test_add_func("/evolve/long", test_long);
    g_test_add_func("/evolve/many", test_many);
    g_test_add_func("/evolve/settings", test_settings);
    return g_test_run();
}
