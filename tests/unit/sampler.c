/* Samplers: pure functions of seed and number, uniform, exact grids, points first. */
#include "tests/unit/sampler-tools.h"

#include "base/number.h"

#include <string.h>

/* ---- tools ---- */

/* The canonical text of a proposal, with its origin checked; NULL if exhausted. */
static char *proposed(HptSampler *sampler, const HptSpace *space, int64_t number,
                      const char *origin)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    if (!hpt_sampler_propose(sampler, NULL, number, &proposal, &error)) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_EXHAUSTED);
        g_assert_null(proposal.config);
        return NULL;
    }
    g_assert_no_error(error);
    if (origin != NULL)
        g_assert_cmpstr(proposal.origin, ==, origin);
    g_assert_cmpuint(hpt_space_forbidden(space, proposal.config), ==, SIZE_MAX);
    char *text = hpt_config_canonical(space, proposal.config);
    hpt_proposal_clear(&proposal);
    return text;
}

/* ---- specs ---- */

static void test_spec(void)
{
    g_autoptr(HptSpace) space = space_of("C real [0, 1]\nn integer [1, 9]\nk categorical {a, b}\n");
    HptSearch search = {.space = space, .seed = 1};
    static const struct {
        const char *spec, *canonical;
    } good[] = {
        {"random", "random"},
        {"sobol", "sobol"},
        {"grid", "grid:points=10,ints=20"},
        {"grid:points=5", "grid:points=5,ints=20"},
        {"grid:n=3,C=7,ints=all", "grid:points=10,ints=all,C=7,n=3"},
        {"grid:n=all", "grid:points=10,ints=20,n=all"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(HptSampler) sampler = sampler_of(good[i].spec, &search);
        g_assert_cmpstr(hpt_sampler_get_spec(sampler), ==, good[i].canonical);
        g_assert_cmpint(hpt_sampler_get_version(sampler), ==, 1);
        g_autoptr(HptSampler) again = sampler_of(good[i].canonical, &search);
        g_assert_cmpstr(hpt_sampler_get_spec(again), ==, good[i].canonical);
    }
    static const SpecCase bad[] = {
        {"gird", "unknown sampler 'gird'; did you mean 'grid'?"},
        {"", "unknown sampler ''; there are auto, cmaes, de, forest, gp, grid, nsga2, nsga3, random, "
         "sobol and tpe"},
        {"annealing", "unknown sampler 'annealing'; there are auto, cmaes, de, forest, gp, grid, nsga2, nsga3, random, "
         "sobol and tpe"},
        {"random:points=3", "sampler 'random' has no setting 'points'"},
        {"sobol:x=1", "sampler 'sobol' has no setting 'x'"},
        {"grid:", "sampler 'grid:': a setting is written KEY=VALUE, not ''"},
        {"grid:points", "sampler 'grid:points': a setting is written KEY=VALUE, not 'points'"},
        {"grid:points=", "sampler 'grid:points=': a setting is written KEY=VALUE, not 'points='"},
        {"grid:points=3,points=4", "sampler 'grid:points=3,points=4': 'points' is set twice"},
        {"grid:points=0",
         "grid setting 'points' must be a whole number from 1 to 1000000, not '0'"},
        {"grid:ints=x",
         "grid setting 'ints' must be a whole number from 1 to 1000000 or 'all', not 'x'"},
        {"grid:C=all", "grid setting 'C' must be a whole number from 1 to 1000000, not 'all'"},
        {"grid:k=1", "grid setting 'k': a list is always taken whole"},
        {"grid:pints=3", "sampler 'grid' has no setting and the space no parameter 'pints'; "
                         "did you mean 'points'?"},
        {"grid:zebra=3", "sampler 'grid' has no setting and the space no parameter 'zebra'"},
    };
    assert_refused(bad, G_N_ELEMENTS(bad), &search);
    const char *const *names = hpt_sampler_get_names();
    for (size_t i = 0; names[i] != NULL; i++) {
        g_autoptr(HptSampler) sampler = sampler_of(names[i], &search);
        g_assert_true(g_str_has_prefix(hpt_sampler_get_spec(sampler), names[i]));
    }
}

/* ---- all samplers ---- */

static void test_pure(gconstpointer data)
{
    const char *spec = data;
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch search = {.space = space, .seed = 42};
    g_autoptr(HptSampler) ascending = sampler_of(spec, &search);
    char *texts[60];
    for (int64_t i = 0; i < 60; i++)
        texts[i] = proposed(ascending, space, i, spec);
    g_autoptr(HptSampler) jumping = sampler_of(spec, &search);
    for (int64_t i = 0; i < 60; i++) {
        int64_t number = i * 37 % 60;
        g_autofree char *text = proposed(jumping, space, number, spec);
        g_assert_cmpstr(text, ==, texts[number]);
        g_autoptr(HptSampler) fresh = sampler_of(spec, &search);
        g_autofree char *alone = proposed(fresh, space, number, spec);
        g_assert_cmpstr(alone, ==, texts[number]);
    }
    if (strcmp(spec, "grid") != 0) { /* another seed gives another study */
        HptSearch other = search;
        other.seed = 43;
        g_autoptr(HptSampler) sampler = sampler_of(spec, &other);
        g_autofree char *text = proposed(sampler, space, 0, spec);
        g_assert_cmpstr(text, !=, texts[0]);
    }
    for (size_t i = 0; i < 60; i++)
        g_free(texts[i]);
}

static void test_points(gconstpointer data)
{
    const char *spec = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = space_of("a integer [1, 4]\nb categorical {x, y}\n");
    g_autoptr(HptConfig) standard = hpt_space_default(space, &error);
    g_assert_no_error(error);
    g_autoptr(HptConfig) point = hpt_config_copy(standard);
    point->values[hpt_space_find(space, "a")].number = 4;
    const HptConfig *points[] = {standard, point};
    HptSearch plain = {.space = space, .seed = 5};
    HptSearch search = {
        .space = space, .seed = 5, .points = points, .n_points = 2, .default_first = true};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autofree char *first = proposed(sampler, space, 0, "default");
    g_autofree char *second = proposed(sampler, space, 1, "point");
    g_autofree char *standard_text = hpt_config_canonical(space, standard);
    g_assert_cmpstr(first, ==, standard_text);
    g_assert_cmpstr(second, ==, "{\"a\":4,\"b\":\"x\"}");
    g_autofree char *third = proposed(sampler, space, 2, spec);
    search.default_first = false;
    g_autofree char *again = proposed(sampler, space, 0, "point");
    g_assert_cmpstr(again, ==, standard_text);
    if (strcmp(spec, "sobol") == 0) { /* the sequence begins behind the points */
        g_autoptr(HptSampler) without = sampler_of(spec, &plain);
        g_autofree char *start = proposed(without, space, 0, spec);
        g_assert_cmpstr(third, ==, start);
    }
}

/* More parameters and a new order of the statements leave the draws of the others as they were. */
static void test_widened(gconstpointer data)
{
    const char *spec = data;
    g_autoptr(HptSpace) narrow = space_of("b real [0, 1]\nc integer [1, 100]\n");
    g_autoptr(HptSpace) wide =
        space_of("a real [0, 1]\nz categorical {p, q}\nc integer [1, 100]\nb real [0, 1]\n"
                 "k integer [3, 3]\n");
    static const char *const narrow_positions[] = {"b", "c", NULL};
    static const char *const wide_positions[] = {"b", "k", "c", "z", "a", NULL};
    HptSearch before = {.space = narrow, .positions = narrow_positions, .seed = 9};
    HptSearch after = {.space = wide, .positions = wide_positions, .seed = 9};
    g_autoptr(HptSampler) one = sampler_of(spec, &before);
    g_autoptr(HptSampler) two = sampler_of(spec, &after);
    for (int64_t i = 0; i < 200; i++) {
        HptProposal x = {0}, y = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(hpt_sampler_propose(one, NULL, i, &x, &error));
        g_assert_true(hpt_sampler_propose(two, NULL, i, &y, &error));
        g_assert_true(x.config->values[hpt_space_find(narrow, "b")].number ==
                      y.config->values[hpt_space_find(wide, "b")].number);
        g_assert_true(x.config->values[hpt_space_find(narrow, "c")].number ==
                      y.config->values[hpt_space_find(wide, "c")].number);
        hpt_proposal_clear(&x);
        hpt_proposal_clear(&y);
    }
}

static void test_known_answers(void)
{
    static const struct {
        const char *spec, *digest;
    } cases[] = {
        {"grid", "5b5f00ae85ed2bb3c68797a8dfa374706fff8f816e73791ba13c302633fa25c8"},
        {"random", "76922cff9a943d7a7e115b399e663aa26b962166f8754dbbdd3df9376969d78e"},
        {"sobol", "1ddefb24a4f5b7405849b9eb779927969f75d13775a6cf52e1076e2060714c68"},
    };
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch search = {.space = space, .seed = 2026};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(HptSampler) sampler = sampler_of(cases[i].spec, &search);
        g_autoptr(HptDigester) digester = hpt_digester_new();
        for (int64_t number = 0; number < 1000; number++) {
            g_autofree char *text = proposed(sampler, space, number, cases[i].spec);
            hpt_digester_add(digester, text, strlen(text));
        }
        char hex[HPT_DIGEST_HEX_SIZE];
        HptDigest digest = hpt_digester_get(digester);
        g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, cases[i].digest);
    }
}

/* ---- counting configurations ---- */

/* Adds every combination of levels, inactive ones removed, that is not forbidden; the count of a
 * configuration is its share of the product, which is its weight under independent draws. */
static void enumerate(const HptSpace *space, HptConfig *config, size_t i, GHashTable *counts)
{
    if (i == hpt_space_size(space)) {
        g_autoptr(HptConfig) copy = hpt_config_copy(config);
        hpt_space_deactivate(space, copy);
        if (hpt_space_forbidden(space, copy) != SIZE_MAX)
            return;
        char *text = hpt_config_canonical(space, copy);
        uintptr_t count = (uintptr_t)g_hash_table_lookup(counts, text);
        g_hash_table_insert(counts, text, (void *)(count + 1));
        return;
    }
    const HptParam *param = hpt_space_get(space, i);
    for (uint64_t level = 0; level < hpt_param_levels(param); level++) {
        config->values[i] = hpt_param_level(param, level);
        enumerate(space, config, i + 1, counts);
    }
}

static GHashTable *all_configurations(const HptSpace *space)
{
    GHashTable *counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(HptConfig) config = hpt_config_new(space);
    enumerate(space, config, 0, counts);
    return counts;
}

static const char *const finite_spaces[] = {
    "a categorical {x, y, z}\nb integer [1, 5]\n",
    "a categorical {x, y}\nb integer [1, 4] | a == x\nc ordinal {s, m, l} | b > 2\n"
    "d categorical {on, off}\n",
    "a categorical {x, y, z}\nb integer [1, 5]\nc categorical {p, q} | a != z\n"
    "{a == x, b > 2}\n{c == q, b == 1}\n{a == z && b == 5}\n",
    "scaler categorical {none, standard, minmax}\nreduce categorical {none, pca, select}\n"
    "model categorical {svm, forest, logit}\npca_var real [0.5, 0.9] step=0.2 | reduce == pca\n"
    "k_best integer [2, 6] | reduce == select\nsvm_gamma ordinal {1, 10, 100} | model == svm\n"
    "n_trees integer [50, 55] | model == forest\n{reduce=pca, model=forest}\n"
    "{scaler == none || reduce == none}\n",
    "k integer [3, 3]\na integer [0, 1]\n",
    "",
};

static void test_uniform(void)
{
    for (size_t s = 0; s < G_N_ELEMENTS(finite_spaces); s++) {
        g_autoptr(HptSpace) space = space_of(finite_spaces[s]);
        g_autoptr(GHashTable) weights = all_configurations(space);
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        HptSearch search = {.space = space, .seed = 17};
        g_autoptr(HptSampler) sampler = sampler_of("random", &search);
        enum { N = 20000 };
        for (int64_t i = 0; i < N; i++) {
            char *text = proposed(sampler, space, i, "random");
            g_assert_true(g_hash_table_contains(weights, text));
            uintptr_t count = (uintptr_t)g_hash_table_lookup(seen, text);
            g_hash_table_insert(seen, text, (void *)(count + 1));
        }
        double total = 0, chi2 = 0, degrees = (double)g_hash_table_size(weights) - 1;
        GHashTableIter iter;
        void *key, *weight;
        g_hash_table_iter_init(&iter, weights);
        while (g_hash_table_iter_next(&iter, &key, &weight))
            total += (double)(uintptr_t)weight;
        g_hash_table_iter_init(&iter, weights);
        while (g_hash_table_iter_next(&iter, &key, &weight)) {
            double expected = N * (double)(uintptr_t)weight / total;
            double got = (double)(uintptr_t)g_hash_table_lookup(seen, key);
            chi2 += (got - expected) * (got - expected) / expected;
        }
        /* Mean plus 3.5 standard deviations of chi-square. */
        g_assert_cmpfloat((chi2 - degrees) * (chi2 - degrees), <=, 3.5 * 3.5 * 2 * degrees);
    }
}

/* ---- grids ---- */

static void check_grid(const char *text, const HptConfig *const *points, size_t n_points)
{
    g_autoptr(HptSpace) space = space_of(text);
    g_autoptr(GHashTable) left = all_configurations(space);
    HptSearch search = {.space = space, .points = points, .n_points = n_points};
    for (size_t p = 0; p < n_points; p++) {
        g_autofree char *known = hpt_config_canonical(space, points[p]);
        g_hash_table_remove(left, known);
    }
    g_autoptr(HptSampler) sampler = sampler_of("grid:ints=all", &search);
    int64_t total = (int64_t)(n_points + g_hash_table_size(left));
    g_assert_cmpint(hpt_sampler_total(sampler), ==, total);
    for (int64_t i = (int64_t)n_points; i < total; i++) {
        g_autofree char *config = proposed(sampler, space, i, "grid");
        g_assert_nonnull(config);
        g_assert_true(g_hash_table_remove(left, config)); /* one of them, and never twice */
    }
    g_assert_cmpuint(g_hash_table_size(left), ==, 0);
    for (int64_t i = 0; i < 3; i++)
        g_assert_null(proposed(sampler, space, total + i * 1000, "grid"));
    g_autoptr(HptSampler) fresh = sampler_of("grid:ints=all", &search);
    g_assert_null(proposed(fresh, space, total, "grid")); /* exhausted without having counted */
    g_assert_cmpint(hpt_sampler_total(fresh), ==, total);
}

static void test_grid_exact(void)
{
    for (size_t s = 0; s < G_N_ELEMENTS(finite_spaces); s++) {
        check_grid(finite_spaces[s], NULL, 0);
        g_autoptr(HptSpace) space = space_of(finite_spaces[s]);
        HptSearch search = {.space = space, .seed = 3};
        g_autoptr(HptSampler) random = sampler_of("random", &search);
        HptProposal proposals[6] = {0};
        const HptConfig *points[6]; /* some of them alike */
        for (int64_t i = 0; i < 6; i++) {
            g_autoptr(GError) error = NULL;
            g_assert_true(hpt_sampler_propose(random, NULL, i % 5, &proposals[i], &error));
            points[i] = proposals[i].config;
        }
        check_grid(finite_spaces[s], points, 6);
        for (int64_t i = 0; i < 6; i++)
            hpt_proposal_clear(&proposals[i]);
    }
}

/* The values that a grid gives one parameter, in its order, blank-separated. */
static char *grid_values(const char *statement, const char *spec)
{
    g_autoptr(HptSpace) space = space_of(statement);
    HptSearch search = {.space = space};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    GString *values = g_string_new(NULL);
    HptProposal proposal = {0};
    for (int64_t i = 0; hpt_sampler_propose(sampler, NULL, i, &proposal, NULL); i++) {
        g_autofree char *text =
            hpt_param_value_text(hpt_space_get(space, 0), proposal.config->values[0]);
        g_string_append_printf(values, "%s%s", i > 0 ? " " : "", text);
        hpt_proposal_clear(&proposal);
    }
    return g_string_free(values, FALSE);
}

static void test_grid_values(void)
{
    static const struct {
        const char *statement, *spec, *values;
    } cases[] = {
        {"C real [0.001, 1000] log\n", "grid:points=7", "0.001 0.01 0.1 1 10 100 1000"},
        {"x real [0, 1]\n", "grid:points=11", "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1"},
        {"x real [-1, 2]\n", "grid:x=4", "-1 0 1 2"},
        {"x real [0, 1]\n", "grid:points=2", "0 1"},
        {"x real [0, 1]\n", "grid:points=1", "0.5"},
        {"x real [0, 1] step=0.25\n", "grid:points=2", "0 0.25 0.5 0.75 1"},
        {"x real [0, 1] step=0.25\n", "grid:x=2", "0 1"},
        {"x real [0, 1] step=0.25\n", "grid:x=3", "0 0.5 1"},
        {"n integer [1, 9]\n", "grid:points=3", "1 2 3 4 5 6 7 8 9"},
        {"n integer [1, 9]\n", "grid:n=3", "1 5 9"},
        {"n integer [1, 9]\n", "grid:points=3,ints=8", "1 5 9"},
        {"n integer [0, 100]\n", "grid", "0 11 22 33 44 56 67 78 89 100"},
        {"n integer [1, 1000] log\n", "grid:points=4", "1 10 100 1000"},
        {"n integer [1, 12] log\n", "grid:n=10", "1 2 3 4 5 6 7 8 9 12"},
        {"n integer [1, 9007199254740992] log\n", "grid:points=3", "1 94906266 9007199254740992"},
        {"n integer [1, 51] step=10\n", "grid:points=2", "1 11 21 31 41 51"},
        {"n integer [1, 3]\n", "grid:n=99", "1 2 3"},
        {"n integer [1, 25]\n", "grid:n=all",
         "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25"},
        {"k categorical {b, a}\n", "grid:points=1", "b a"},
        {"x real [1, 1.0000000000000004]\n", "grid:points=9",
         "1 1.0000000000000002 1.0000000000000004"},
        {"x real [-1.7e308, 1.7e308]\n", "grid:points=3", "-1.7e+308 0 1.7e+308"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *values = grid_values(cases[i].statement, cases[i].spec);
        g_assert_cmpstr(values, ==, cases[i].values);
    }
}

/* Sizes far beyond what can be walked, with points taken out. */
static void test_grid_large(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 12; i++)
        g_string_append_printf(text, "p%02d real [0, 1]\n", i);
    g_autoptr(HptSpace) space = space_of(text->str);
    g_autoptr(HptConfig) point = hpt_config_new(space);
    for (size_t i = 0; i < 12; i++)
        point->values[i] = (HptValue){.active = true, .number = i == 11 ? 1.0 / 9 : 0};
    const HptConfig *points[] = {point}; /* 1/9 is a grid point only when rounded to 12 digits */
    HptSearch search = {.space = space, .points = points, .n_points = 1};
    g_autoptr(HptSampler) sampler = sampler_of("grid", &search);
    g_assert_cmpint(hpt_sampler_total(sampler), ==, INT64_C(1000000000001));
    point->values[11].number = 0.111111111111;
    g_autoptr(HptSampler) without = sampler_of("grid", &search);
    g_assert_cmpint(hpt_sampler_total(without), ==, INT64_C(1000000000000));
    HptProposal proposal = {0};
    g_assert_true(hpt_sampler_propose(without, NULL, 2, &proposal, &error));
    g_assert_true(proposal.config->values[11].number == 0.222222222222); /* 1/9 was left out */
    hpt_proposal_clear(&proposal);
    g_assert_true(hpt_sampler_propose(without, NULL, 999999999999, &proposal, &error));
    for (size_t i = 0; i < 12; i++)
        g_assert_true(proposal.config->values[i].number == 1);
    hpt_proposal_clear(&proposal);
    g_assert_null(proposed(without, space, 1000000000000, NULL));
    for (int i = 12; i < 30; i++)
        g_string_append_printf(text, "p%02d real [0, 1]\n", i);
    g_autoptr(HptSpace) endless = space_of(text->str);
    HptSearch far = {.space = endless};
    g_autoptr(HptSampler) beyond = sampler_of("grid", &far);
    g_assert_cmpint(hpt_sampler_total(beyond), ==, -1);
    g_autofree char *last = proposed(beyond, endless, INT64_MAX - 1, "grid");
    g_assert_nonnull(last);
    g_string_append(text, "{p00 > 2}\n{p01 == 0.5, p02 < 0.1}\n");
    g_autoptr(HptSpace) walked = space_of(text->str); /* too many steps to count */
    HptSearch slow = {.space = walked};
    g_autoptr(HptSampler) counted = sampler_of("grid", &slow);
    g_assert_cmpint(hpt_sampler_total(counted), ==, -1);
    g_autofree char *some = proposed(counted, walked, 1000, "grid");
    g_assert_nonnull(some);
}

/* ---- no room ---- */

/* One configuration in 3,000 is allowed: every trial must find it, as a trial that does not find it
 * never will. */
static void test_little_room(gconstpointer data)
{
    g_autoptr(HptSpace) space = space_of("a integer [1, 60]\nb integer [1, 50]\n"
                                         "{a != 42}\n{b != 17}\n");
    HptSearch search = {.space = space, .seed = 1};
    g_autoptr(HptSampler) sampler = sampler_of(data, &search);
    size_t a = hpt_space_find(space, "a"), b = hpt_space_find(space, "b");
    for (int64_t number = 0; number < 200; number++) {
        HptProposal proposal = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(hpt_sampler_propose(sampler, NULL, number, &proposal, &error));
        g_assert_true(proposal.config->values[a].number == 42);
        g_assert_true(proposal.config->values[b].number == 17);
        hpt_proposal_clear(&proposal);
    }
}

static void test_no_room(gconstpointer data)
{
    g_autoptr(HptSpace) space = space_of("a categorical {x, y, z}\nb real [0, 1]\nc real [0, 1]\n"
                                         "{a == x}\n{a == y}\n{b >= 0.1}\n{c < 2}\n");
    HptSearch search = {.space = space, .seed = 1};
    g_autoptr(HptSampler) sampler = sampler_of(data, &search);
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    g_assert_false(hpt_sampler_propose(sampler, NULL, 0, &proposal, &error));
    if (strcmp(data, "grid") == 0) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_NO_ROOM);
        g_assert_true(g_str_has_prefix(error->message, "the forbidden clauses leave no configuration of the grid\nhint: "));
        g_assert_cmpint(hpt_sampler_total(sampler), ==, 0);
        return;
    }
    g_assert_error(error, HPT_ERROR, HPT_ERROR_NO_ROOM);
    g_assert_true(g_str_has_prefix(error->message,
                                   "the forbidden clauses leave no room or too little: "
                                   "none of 200000 draws"));
    g_assert_nonnull(strstr(error->message, hpt_space_get_forbidden(space, 0)));
    g_assert_nonnull(strstr(error->message, hpt_space_get_forbidden(space, 1)));
    g_assert_nonnull(strstr(error->message, hpt_space_get_forbidden(space, 2)));
    g_assert_null(strstr(error->message, hpt_space_get_forbidden(space, 3)));
    g_assert_null(proposal.config);
}

/* A forbidden Sobol point says so and is drawn again, the same each time; others stay. */
static void test_sobol_forbidden(void)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0, 1]\n{a < 0.5, b < 0.5}\n");
    g_autoptr(HptSpace) open = space_of("a real [0, 1]\nb real [0, 1]\n");
    HptSearch search = {.space = space, .seed = 1}, free_search = {.space = open, .seed = 1};
    g_autoptr(HptSampler) sampler = sampler_of("sobol", &search);
    g_autoptr(HptSampler) free_sampler = sampler_of("sobol", &free_search);
    int redrawn = 0;
    for (int64_t i = 0; i < 64; i++) {
        g_autoptr(GError) error = NULL;
        HptProposal x = {0}, y = {0};
        g_assert_true(hpt_sampler_propose(sampler, NULL, i, &x, &error));
        g_assert_true(hpt_sampler_propose(free_sampler, NULL, i, &y, &error));
        bool forbidden = y.config->values[0].number < 0.5 && y.config->values[1].number < 0.5;
        g_assert_true((x.reason != NULL) == forbidden);
        g_assert_true(forbidden || hpt_config_equal(x.config, y.config));
        redrawn += forbidden;
        hpt_proposal_clear(&x);
        hpt_proposal_clear(&y);
    }
    g_assert_cmpint(redrawn, ==, 16); /* the points are balanced: a quarter of them */
}

/* Sobol points are balanced over lists too, and go on beyond the dimensions of the table. */
static void test_sobol_balance(void)
{
    g_autoptr(GString) text = g_string_new("a00 categorical {p, q, r, s}\n");
    for (int i = 1; i < 150; i++)
        g_string_append_printf(text, "x%03d real [0, 1]\n", i);
    g_autoptr(HptSpace) space = space_of(text->str);
    HptSearch search = {.space = space, .seed = 8};
    g_autoptr(HptSampler) sampler = sampler_of("sobol", &search);
    size_t list = hpt_space_find(space, "a00");
    int counts[4] = {0}, halves[150] = {0};
    for (int64_t i = 0; i < 64; i++) {
        g_autoptr(GError) error = NULL;
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, NULL, i, &proposal, &error));
        for (size_t p = 0; p < 150; p++)
            if (p == list)
                counts[proposal.config->values[p].index]++;
            else
                halves[p] += proposal.config->values[p].number < 0.5;
        hpt_proposal_clear(&proposal);
    }
    for (size_t i = 0; i < 4; i++)
        g_assert_cmpint(counts[i], ==, 16);
    int balanced = 0;
    for (size_t p = 0; p < 150; p++)
        balanced += halves[p] == 32;
    g_assert_cmpint(balanced, >=, 100);
    g_assert_cmpint(balanced, <, 130); /* those beyond are random and miss by chance */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sampler/spec", test_spec);
    g_test_add_data_func("/sampler/pure/grid", "grid", test_pure);
    g_test_add_data_func("/sampler/pure/random", "random", test_pure);
    g_test_add_data_func("/sampler/pure/sobol", "sobol", test_pure);
    g_test_add_data_func("/sampler/points/grid", "grid", test_points);
    g_test_add_data_func("/sampler/points/random", "random", test_points);
    g_test_add_data_func("/sampler/points/sobol", "sobol", test_points);
    g_test_add_data_func("/sampler/widened/random", "random", test_widened);
    g_test_add_data_func("/sampler/widened/sobol", "sobol", test_widened);
    g_test_add_func("/sampler/known-answers", test_known_answers);
    g_test_add_func("/sampler/uniform", test_uniform);
    g_test_add_func("/sampler/grid/exact", test_grid_exact);
    g_test_add_func("/sampler/grid/values", test_grid_values);
    g_test_add_func("/sampler/grid/large", test_grid_large);
    g_test_add_data_func("/sampler/little-room/random", "random", test_little_room);
    g_test_add_data_func("/sampler/little-room/sobol", "sobol", test_little_room);
    g_test_add_data_func("/sampler/no-room/grid", "grid", test_no_room);
    g_test_add_data_func("/sampler/no-room/random", "random", test_no_room);
    g_test_add_data_func("/sampler/no-room/sobol", "sobol", test_no_room);
    g_test_add_func("/sampler/sobol/forbidden", test_sobol_forbidden);
    g_test_add_func("/sampler/sobol/balance", test_sobol_balance);
    return g_test_run();
}
