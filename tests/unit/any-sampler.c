/* Every sampler that is registered, whatever it is told: a legal proposal or a clear error, and the same from another
 * object. Histories are of configurations that are not the sampler's own. */
#include "tests/unit/sampler-tools.h"

#include "num/random.h"

#include <math.h>
#include <string.h>

enum { MOST_VALUES = 2 };

typedef struct {
    HptSearch search;
    GArray *trials; /* of HptObservation */
    size_t n_objectives, n_constraints;
} Case;

/* ---- tools ---- */

static void case_init(Case *of, const HptSpace *space, size_t n_objectives, size_t n_constraints)
{
    *of = (Case){{.space = space, .seed = 9}, trials_new(), n_objectives, n_constraints};
}

static HptHistory history_of(const Case *of)
{
    return history_from(of->trials, of->n_objectives, of->n_constraints);
}

/* The proposal, or NULL: there is none, and why is said. */
static HptConfig *propose(HptSampler *sampler, const HptSpace *space, const HptHistory *history, int64_t number)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    if (!hpt_sampler_propose(sampler, history, number, &proposal, &error)) {
        g_assert_true(g_error_matches(error, HPT_ERROR, HPT_ERROR_NO_ROOM) ||
                      g_error_matches(error, HPT_ERROR, HPT_ERROR_EXHAUSTED));
        g_assert_null(proposal.config);
        return NULL;
    }
    g_assert_no_error(error);
    return legal_config(space, &proposal);
}

/* Is there one, and is it the same from an object that was never asked? */
static bool check(const char *name, HptSampler *sampler, const Case *of)
{
    HptHistory history = history_of(of);
    int64_t number = of->trials->len;
    g_autoptr(HptSampler) fresh = sampler_of(name, &of->search);
    g_autoptr(HptConfig) one = propose(sampler, of->search.space, &history, number);
    g_autoptr(HptConfig) two = propose(fresh, of->search.space, &history, number);
    g_assert_true((one == NULL) == (two == NULL) && (one == NULL || hpt_config_equal(one, two)));
    g_assert_cmpint(hpt_sampler_best(sampler, &history), ==, hpt_sampler_best(fresh, &history));
    return one != NULL;
}

/* A trial with the configuration that the random sampler gives that number; values NULL: failed. */
static void add(Case *of, int64_t draw, bool finished, const double *values, const double *constraints)
{
    g_autoptr(HptSampler) random = sampler_of("random", &of->search);
    HptObservation trial = {
        .number = of->trials->len,
        .config = propose(random, of->search.space, NULL, draw),
        .finished = finished,
        .values = values == NULL ? NULL : g_memdup2(values, of->n_objectives * sizeof *values),
        .constraints = constraints == NULL ? NULL : g_memdup2(constraints, of->n_constraints * sizeof *constraints),
    };
    if (trial.config == NULL)
        clear_trial(&trial);
    else
        g_array_append_val(of->trials, trial);
}

/* ---- what is told ---- */

typedef enum { ODD, FAILURES, CONSTANT, SCALES, RUNNING, SAME, LATE, INFEASIBLE, KINDS } Kind;

static double value_of(Kind kind, int64_t i, size_t k)
{
    static const double odd[] = {0, -0.0, 1e308, -1e308, 1e-320, (double)INFINITY, -(double)INFINITY, (double)NAN, 1, 2.5};
    switch (kind) {
    case ODD:
        return odd[((size_t)i + 3 * k) % G_N_ELEMENTS(odd)];
    case SCALES: /* 1e-300 to 1e300 */
        return (i % 2 == 0 ? 1 : -1) * exp(((double)(i * 37 % 41) - 20) / 20 * 690);
    case CONSTANT:
        return 7;
    default:
        return (double)(i * 7 % 11) + (double)k;
    }
}

static void fill(Case *of, Kind kind, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double values[MOST_VALUES], constraints[MOST_VALUES];
        for (size_t k = 0; k < MOST_VALUES; k++) {
            values[k] = value_of(kind, i, k);
            constraints[k] = kind == INFEASIBLE ? 1 + (double)i : i % 4 == 0 ? (double)NAN : (double)(i % 3) - 1;
        }
        bool failed = kind == FAILURES || (kind == ODD && i % 6 == 5), running = kind == RUNNING || (kind == LATE && i % 3 == 0);
        add(of, kind == SAME ? 1 : i, !running, failed || running ? NULL : values,
            of->n_constraints == 0 || failed || running ? NULL : constraints);
    }
}

/* Of what ran, all come to their ends, the last first, after the sampler was asked. */
static void end_late(Case *of)
{
    for (guint i = of->trials->len; i-- > 0;) {
        HptObservation *trial = &g_array_index(of->trials, HptObservation, i);
        double values[MOST_VALUES] = {1.0 / (i + 1), i};
        if (trial->finished)
            continue;
        trial->finished = true;
        trial->values = g_memdup2(values, of->n_objectives * sizeof *values);
    }
}

static void survive(const char *name, const HptSpace *space, Kind kind, int64_t n, size_t n_objectives, size_t n_constraints)
{
    Case of;
    case_init(&of, space, n_objectives, n_constraints);
    g_autoptr(HptSampler) sampler = sampler_of(name, &of.search);
    (void)check(name, sampler, &of); /* nothing was told */
    fill(&of, kind, n);
    (void)check(name, sampler, &of);
    if (kind == LATE) {
        end_late(&of);
        (void)check(name, sampler, &of);
    }
    g_array_unref(of.trials);
}

/* ---- tests ---- */

static const char *const spaces[] = {
    mixed,
    "x integer [3, 3]\n",
    "",
    "a categorical {x, y}\n",
    "a categorical {x, y}\nb categorical {x, y}\n{a == x}\n{b == y}\n",
    "a categorical {x, y}\n{a == x}\n{a == y}\n",
    "a integer [1, 3]\nb integer [1, 3]\n{a < 3}\n{b > 1}\n",
    "n integer [1, 1000000] log\nx real [1e-300, 1e300] log\ny real [-1e308, 1e308]\n",
    "p real [0, 1]\nq real [0, 1] | p > 0.5\nr categorical {a, b, c} | q < 0.5\ns real [0, 1] | r == b\n",
};

static void test_told(gconstpointer name)
{
    for (size_t s = 0; s < G_N_ELEMENTS(spaces); s++)
        for (Kind kind = 0; kind < KINDS; kind++) {
            g_autoptr(HptSpace) space = space_of(spaces[s]);
            survive(name, space, kind, 13, 1 + (s + kind) % 2, kind == INFEASIBLE ? 1 : (s + kind) % 3);
        }
}

/* Clauses that leave one point: it is found, or there is an error that says so. */
static void test_one_point(gconstpointer name)
{
    g_autoptr(HptSpace) space = space_of(spaces[4]);
    Case of;
    case_init(&of, space, 1, 0);
    g_autoptr(HptSampler) sampler = sampler_of(name, &of.search);
    HptHistory history = history_of(&of);
    g_autoptr(HptConfig) config = propose(sampler, space, &history, 0);
    g_assert_nonnull(config);
    g_assert_cmpuint(config->values[0].index, ==, 1);
    g_assert_cmpuint(config->values[1].index, ==, 0);
    fill(&of, ODD, 12); /* tried twelve times: it is proposed again, or a grid has ended */
    g_assert_true(check(name, sampler, &of) || strcmp(name, "grid") == 0);
    g_array_unref(of.trials);
}

/* The best has a value, be it infinite. */
static void test_infinite(gconstpointer name)
{
    g_autoptr(HptSpace) space = space_of(mixed);
    Case of;
    case_init(&of, space, 1, 0);
    g_autoptr(HptSampler) sampler = sampler_of(name, &of.search);
    const double infinite = (double)INFINITY;
    add(&of, 0, true, NULL, NULL);
    HptHistory history = history_of(&of);
    g_assert_cmpint(hpt_sampler_best(sampler, &history), ==, -1);
    add(&of, 1, true, &infinite, NULL);
    history = history_of(&of);
    g_assert_cmpint(hpt_sampler_best(sampler, &history), ==, 1);
    g_array_unref(of.trials);
}

static void test_wide(gconstpointer name)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 500; i++)
        g_string_append_printf(text, "p%d %s\n", i, i % 2 == 0 ? "real [0, 1]" : "categorical {a, b, c}");
    g_autoptr(HptSpace) space = space_of(text->str);
    survive(name, space, SCALES, 12, 1, 0);
}

static void test_long(gconstpointer name)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\nn integer [1, 100] log\nk categorical {a, b, c}\n");
    survive(name, space, INFEASIBLE, 1500, 1, 1);
}

/* Spaces made by chance, as they come. */
static void test_random_spaces(gconstpointer name)
{
    for (uint64_t seed = 0; seed < 24; seed++) {
        HptStream stream = hpt_stream(seed, 0, "test", "space");
        uint64_t at = 0;
        g_autoptr(GString) text = g_string_new("p0 categorical {a, b, c}\n");
        int n = 1 + (int)hpt_stream_below(&stream, at++, 7);
        for (int i = 1; i < n; i++) {
            static const char *const domains[] = {"real [0, 1]", "real [0.001, 10] log", "integer [1, 5]",
                                                  "integer [1, 300] log", "categorical {a, b, c}",
                                                  "ordinal {1, 2, 4}", "real [0, 1] step=0.25", "integer [4, 4]"};
            size_t d = (size_t)hpt_stream_below(&stream, at++, G_N_ELEMENTS(domains));
            g_string_append_printf(text, "p%d %s\n", i, domains[d]);
            if (hpt_stream_below(&stream, at++, 3) == 0)
                g_string_append_printf(text, "p%d | p0 in {a, %s}\n", i, d % 2 == 0 ? "b" : "c");
        }
        if (hpt_stream_below(&stream, at++, 2) == 0)
            g_string_append(text, "{p0 == b}\n");
        g_autoptr(HptSpace) space = space_of(text->str);
        survive(name, space, (Kind)(seed % KINDS), 12 + (int64_t)seed % 3, 1 + seed % 2, seed % 3);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const struct {
        const char *name;
        void (*run)(gconstpointer);
    } tests[] = {
        {"told", test_told}, {"one-point", test_one_point}, {"wide", test_wide},
        {"long", test_long}, {"random-spaces", test_random_spaces}, {"infinite", test_infinite},
    };
    for (const char *const *name = hpt_sampler_get_names(); *name != NULL; name++)
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/any-sampler/%s/%s", *name, tests[i].name);
            g_test_add_data_func(path, *name, tests[i].run);
        }
    return g_test_run();
}
