/* Several objectives and constraints: what samplers make of them. */
#include "tests/unit/sampler-tools.h"

#include "search/feasible.h"
#include "search/front.h"
#include "search/told.h"

#include <math.h>
#include <string.h>

static const char *const samplers[] = {"tpe", "gp", "auto"};

enum { MOST = 64, WIDTH = 3 };

/* A search whose results are made here. */
typedef struct {
    HptObservation trials[MOST];
    double values[MOST][WIDTH], constraints[MOST][WIDTH];
    HptHistory history;
} Search;

/* Two parameters a and b, 0 to 1, become values and constraints. */
typedef void (*Function)(double a, double b, double *values, double *constraints);

static HptConfig *propose(HptSampler *sampler, const HptHistory *history, int64_t number)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    g_assert_true(hpt_sampler_propose(sampler, history, number, &proposal, &error));
    HptConfig *config = g_steal_pointer(&proposal.config);
    hpt_proposal_clear(&proposal);
    return config;
}

static const char square[] = "a real [0, 1]\nb real [0, 1]\n";

static void search_run(Search *search, const char *spec, uint64_t seed, size_t n, size_t n_objectives,
                       size_t n_constraints, Function function)
{
    g_autoptr(HptSpace) space = space_of(square);
    HptSearch of = {.space = space, .seed = seed};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &of);
    *search = (Search){.history = {search->trials, 0, n_objectives, n_constraints}};
    for (size_t i = 0; i < n; i++) {
        HptConfig *config = propose(sampler, &search->history, (int64_t)i);
        function(config->values[0].number, config->values[1].number, search->values[i], search->constraints[i]);
        search->trials[search->history.n++] = (HptObservation){
            .number = (int64_t)i,
            .config = config,
            .finished = true,
            .values = search->values[i],
            .constraints = search->constraints[i],
        };
    }
}

static void search_clear(Search *search)
{
    for (size_t i = 0; i < search->history.n; i++)
        hpt_config_free((HptConfig *)search->trials[i].config);
}

/* ---- several objectives ---- */

/* The front lies on the line between two places. */
static void two_bowls(double a, double b, double *values, double *constraints)
{
    (void)constraints;
    values[0] = (a - 0.2) * (a - 0.2) + (b - 0.3) * (b - 0.3);
    values[1] = (a - 0.8) * (a - 0.8) + (b - 0.6) * (b - 0.6);
}

/* How much of the volume below the reference is left, on average. */
static double volume_left(const char *spec)
{
    const double reference[2] = {0.5, 0.5};
    double sum = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        Search search;
        search_run(&search, spec, seed, 40, 2, 0, two_bowls);
        double points[2 * MOST];
        for (size_t i = 0; i < search.history.n; i++)
            memcpy(points + 2 * i, search.values[i], sizeof(double[2]));
        sum += 0.25 - hpt_hypervolume(points, search.history.n, 2, reference);
        search_clear(&search);
    }
    return sum / 4;
}

static void test_front(gconstpointer spec)
{
    /* On the front √y₁ + √y₂ = √0.45: below it lie 0.45² / 6. */
    double left = volume_left(spec), chance = volume_left("random"), best = 0.45 * 0.45 / 6;
    g_test_message("%g of %g, at least %g", left, chance, best);
    g_assert_cmpfloat(left, >, best);
    g_assert_cmpfloat((left - best) / (chance - best), <, strcmp(spec, "tpe") == 0 ? 0.5 : 0.2);
}

/* The same with noise of its own at each place. */
static void noisy_bowls(double a, double b, double *values, double *constraints)
{
    HptStream stream = hpt_stream(1, 0, "noise", "");
    uint64_t place = (uint64_t)(a * 1e6) * 1000 + (uint64_t)(b * 1e6);
    two_bowls(a, b, values, constraints);
    for (uint64_t k = 0; k < 2; k++)
        for (uint64_t i = 0; i < 12; i++) /* nearly normal, of deviation 0.1 */
            values[k] += 0.1 * (hpt_stream_uniform(&stream, place + 24 * k + i) - 0.5);
}

/* Under noise, too, proposals go along the whole front, and do not repeat what is known. */
static void test_noisy(gconstpointer spec)
{
    double sum = 0;
    size_t near = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        Search search;
        search_run(&search, spec, seed, MOST, 2, 0, noisy_bowls);
        double points[2 * MOST];
        for (size_t i = 0; i < search.history.n; i++) {
            const HptValue *x = search.trials[i].config->values;
            two_bowls(x[0].number, x[1].number, points + 2 * i, NULL);
            for (size_t j = 0; j < i; j++) {
                const HptValue *y = search.trials[j].config->values;
                if (fabs(x[0].number - y[0].number) + fabs(x[1].number - y[1].number) < 0.01) {
                    near++;
                    break;
                }
            }
        }
        sum += 0.25 - hpt_hypervolume(points, search.history.n, 2, (double[]){0.5, 0.5});
        search_clear(&search);
    }
    g_test_message("%g, %zu near others", sum / 4, near);
    g_assert_cmpuint(near, <, 20);
    g_assert_cmpfloat(sum / 4, <, strcmp(spec, "tpe") == 0 ? 0.045 : 0.042);
}

/* Of many objectives and constraints time stays bounded, and nothing is proposed twice. */
static void test_many(gconstpointer spec)
{
    enum { OBJECTIVES = 12, CONSTRAINTS = 12, TRIALS = 20 };
    g_autoptr(HptSpace) space = space_of(square);
    HptSearch of = {.space = space, .seed = 1};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &of);
    HptObservation trials[TRIALS];
    double values[TRIALS][OBJECTIVES], constraints[TRIALS][CONSTRAINTS];
    HptHistory history = {trials, 0, OBJECTIVES, CONSTRAINTS};
    for (size_t i = 0; i < TRIALS; i++) {
        HptConfig *config = propose(sampler, &history, (int64_t)i);
        for (size_t j = 0; j < i; j++)
            g_assert_false(hpt_config_equal(config, trials[j].config));
        for (size_t k = 0; k < OBJECTIVES; k++)
            values[i][k] = fabs(config->values[0].number - (double)k / OBJECTIVES) + config->values[1].number;
        for (size_t k = 0; k < CONSTRAINTS; k++)
            constraints[i][k] = config->values[1].number - 0.3 - (double)k / CONSTRAINTS;
        trials[history.n++] = (HptObservation){(int64_t)i, config, true, values[i], constraints[i], 0};
    }
    for (size_t i = 0; i < TRIALS; i++)
        hpt_config_free((HptConfig *)trials[i].config);
}

/* ---- constraints ---- */

/* The lowest value that is allowed is 0.02, at (0.6, 0.4); without the constraint 0, at (0.7, 0.5). Few places by chance
 * are allowed. */
static void corner(double a, double b, double *values, double *constraints)
{
    values[0] = (a - 0.7) * (a - 0.7) + (b - 0.5) * (b - 0.5);
    constraints[0] = a + b - 1;
    constraints[1] = 0.55 - a;
}

static double best_allowed(const Search *search)
{
    double best = (double)INFINITY;
    for (size_t i = 0; i < search->history.n; i++) {
        bool kept = true;
        for (size_t k = 0; k < search->history.n_constraints; k++)
            kept = kept && search->constraints[i][k] <= 0;
        if (kept)
            best = MIN(best, search->values[i][0]);
    }
    return best;
}

static void test_kept(gconstpointer spec)
{
    double sum = 0, chance = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        Search search;
        search_run(&search, spec, seed, 40, 1, 2, corner);
        double best = best_allowed(&search);
        g_assert_cmpfloat(best, >=, 0.02);
        sum += best - 0.02;
        search_clear(&search);
        search_run(&search, "random", seed, 40, 1, 2, corner);
        chance += best_allowed(&search) - 0.02;
        search_clear(&search);
    }
    g_test_message("%g, by chance %g", sum, chance);
    g_assert_cmpfloat(sum, <, (strcmp(spec, "tpe") == 0 ? 0.2 : 0.01) * chance);
}

/* A fiftieth of the square is allowed, far from where the value is low and from the middle. */
static void hidden(double a, double b, double *values, double *constraints)
{
    values[0] = a * a + b * b;
    constraints[0] = hypot(a - 0.85, b - 0.2) - 0.08;
}

static void test_hidden(gconstpointer spec)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        Search search;
        search_run(&search, spec, seed, 50, 1, 1, hidden);
        g_assert_true(isfinite(best_allowed(&search)));
        search_clear(&search);
    }
}

/* Both at once: of the front only what is allowed counts. */
static void allowed_bowls(double a, double b, double *values, double *constraints)
{
    two_bowls(a, b, values, constraints);
    constraints[0] = fabs(a - 0.5) - 0.1;
}

static void test_both(gconstpointer spec)
{
    Search search;
    search_run(&search, spec, 2, 50, 2, 1, allowed_bowls);
    size_t kept = 0;
    for (size_t i = 25; i < 50; i++)
        kept += search.constraints[i][0] <= 0;
    g_test_message("%zu of 25", kept);
    g_assert_cmpuint(kept, >=, strcmp(spec, "tpe") == 0 ? 10 : 15); /* by chance a fifth */
    search_clear(&search);
}

/* What is asked before, of other histories, changes nothing. */
static void test_pure(gconstpointer spec)
{
    Search search;
    search_run(&search, spec, 7, 30, 2, 1, allowed_bowls);
    g_autoptr(HptSpace) space = space_of(square);
    HptSearch of = {.space = space, .seed = 7};
    g_autoptr(HptSampler) other = sampler_of(spec, &of);
    for (size_t i = 29; i > 0; i -= 3) {
        HptHistory history = search.history;
        history.n = i % 2 == 0 ? i : 29;
        history.n_objectives = i % 4 == 0 ? 1 : 2;
        g_autoptr(HptConfig) ignored = propose(other, &history, (int64_t)i);
        history = search.history;
        history.n = i;
        g_autoptr(HptConfig) again = propose(other, &history, (int64_t)i);
        g_assert_true(hpt_config_equal(again, search.trials[i].config));
        if (i == 2)
            break;
    }
    search_clear(&search);
}

/* What is alike in all trials says nothing, wherever it lies: one of two objectives, or one of two constraints, which
 * is as good as left out. */
typedef enum { OBJECTIVE, CONSTRAINT, LEFT_OUT } Alike;

static HptConfig *propose_alike(const char *spec, const Search *search, Alike which, double level)
{
    g_autoptr(HptSpace) space = space_of(square);
    HptSearch of = {.space = space, .seed = 5};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &of);
    Search like = *search;
    like.history.observations = like.trials;
    like.history.n_objectives = which == OBJECTIVE ? 2 : 1;
    like.history.n_constraints = which == CONSTRAINT ? 2 : which == LEFT_OUT ? 1 : 0;
    for (size_t i = 0; i < like.history.n; i++) {
        like.trials[i].values = like.values[i];
        like.trials[i].constraints = like.constraints[i];
        if (which == CONSTRAINT)
            like.constraints[i][1] = level;
        else
            like.values[i][1] = level;
    }
    return propose(sampler, &like.history, (int64_t)like.history.n);
}

static void never_allowed(double a, double b, double *values, double *constraints)
{
    two_bowls(a, b, values, constraints);
    constraints[0] = 0.1 + values[0];
}

static void test_alike(gconstpointer spec)
{
    for (size_t n = 13; n < 60; n += 15) {
        Search search;
        search_run(&search, "random", n, n, 2, 1, never_allowed);
        for (Alike which = OBJECTIVE; which < LEFT_OUT; which++) {
            g_autoptr(HptConfig) zero = propose_alike(spec, &search, which == CONSTRAINT ? LEFT_OUT : which, 0);
            g_autoptr(HptConfig) little = propose_alike(spec, &search, which, 0.1);
            g_autoptr(HptConfig) much = propose_alike(spec, &search, which, 1000.3);
            g_assert_true(hpt_config_equal(zero, little) && hpt_config_equal(zero, much));
        }
        search_clear(&search);
    }
}

static void test_beyond(void)
{
    const double nan = (double)NAN, infinity = (double)INFINITY;
    const double constraints[6][2] = {{0, -1}, {2, -infinity}, {1, 1e-320}, {nan, -1}, {infinity, -1}, {nan, nan}};
    const bool failed[6] = {false, false, false, false, false, true};
    double out[6];
    hpt_feasible_beyond(&constraints[0][0], failed, 6, 2, out);
    g_assert_cmpfloat(out[0], ==, 0);
    g_assert_cmpfloat(out[1], ==, 1);
    g_assert_cmpfloat(out[2], ==, 1.5);
    g_assert_cmpfloat(out[3], ==, 1);
    g_assert_cmpfloat(out[4], ==, 1);
    g_assert_true(isinf(out[5]));
    hpt_feasible_beyond(NULL, failed, 6, 0, out);
    g_assert_true(out[4] == 0 && isinf(out[5]));
    /* Broken by however little: not 0. */
    const double little[2] = {1e-320, 1e300};
    hpt_feasible_beyond(little, failed, 2, 1, out);
    g_assert_cmpfloat(out[0], >, 0);
}

/* The order of a history. */
static void test_order(void)
{
    g_autoptr(HptSpace) space = space_of(square);
    g_autoptr(HptConfig) config = hpt_space_default(space, NULL);
    static const double values[7][2] = {{1, 9}, {9, 1}, {2, 8}, {5, 5}, {9, 9}, {0, 0}, {1, 1}};
    static const double over[7] = {0, -1, -1, 0, -1, 2, 1}, none = (double)NAN;
    HptObservation trials[8] = {{0}};
    for (size_t i = 0; i < 8; i++)
        trials[i] = (HptObservation){(int64_t)i, config, true, values[i % 7], i < 7 ? &over[i] : &none, 0};
    trials[7].values = NULL;
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autoptr(HptTold) told = hpt_told_new(&cube);
    hpt_told_hear(told, &(HptHistory){trials, 8, 2, 1});
    /* The ends of the front, what is most apart, the rest of it; dominated; by violation; failed. */
    static const size_t order[8] = {0, 1, 3, 2, 4, 6, 5, 7};
    for (size_t i = 0; i < 8; i++)
        g_assert_cmpuint(told->order[i], ==, order[i]);
    g_assert_cmpuint(told->n_feasible, ==, 5);
    g_assert_cmpuint(told->n_front, ==, 4);
    hpt_told_hear(told, &(HptHistory){trials, 8, 1, 1});
    static const size_t by_first[8] = {0, 2, 3, 1, 4, 6, 5, 7};
    for (size_t i = 0; i < 8; i++)
        g_assert_cmpuint(told->order[i], ==, by_first[i]);
    hpt_cube_clear(&cube);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const struct {
        const char *name;
        void (*run)(gconstpointer);
    } tests[] = {
        {"front", test_front},   {"noisy", test_noisy}, {"many", test_many}, {"kept", test_kept},
        {"hidden", test_hidden}, {"both", test_both}, {"pure", test_pure},
        {"alike", test_alike},
    };
    for (size_t s = 0; s < G_N_ELEMENTS(samplers); s++)
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/goal/%s/%s", samplers[s], tests[i].name);
            g_test_add_data_func(path, samplers[s], tests[i].run);
        }
    g_test_add_func("/goal/beyond", test_beyond);
    g_test_add_func("/goal/order", test_order);
    return g_test_run();
}
