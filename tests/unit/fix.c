/* Fixed parameters: every proposal has them, for every sampler, and the rest is searched as before. */
#include "tests/unit/sampler-tools.h"

#include "base/json.h"

#include <string.h>

static HptSpace *fix(const HptSpace *space, const char *values, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(values, strlen(values), NULL);
    g_assert_nonnull(object);
    return hpt_space_fix(space, object, error);
}

static void check_refused(const HptSpace *space, const char *values, const char *part)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) fixed = fix(space, values, &error);
    g_assert_null(fixed);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    g_assert_nonnull(strstr(error->message, part));
}

static void test_refusals(void)
{
    g_autoptr(HptSpace) space = hpt_space_parse(mixed, NULL);
    check_refused(space, "{\"kernal\":\"rbf\"}", "did you mean 'kernel'?");
    check_refused(space, "{\"C\":0}", "outside");
    check_refused(space, "{\"kernel\":\"sigmoid\"}", "none of");
    check_refused(space, "{\"rate\":0.01}", "step");
    check_refused(space, "{\"gamma\":0.1}", "give 'kernel' a value too");
    check_refused(space, "{\"gamma\":0.1,\"kernel\":\"linear\"}", "inactive");
}

static void test_space(void)
{
    g_autoptr(HptSpace) space = hpt_space_parse(mixed, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) fixed = fix(space, "{\"kernel\":\"rbf\",\"gamma\":\"0.1\",\"fixed\":7}", &error);
    g_assert_no_error(error);
    g_assert_true(hpt_space_is_fixed(fixed));
    g_assert_false(hpt_space_is_fixed(space));
    g_assert_cmpstr(hpt_space_get_canonical(fixed), ==, hpt_space_get_canonical(space));
    for (size_t i = 0; i < hpt_space_size(space); i++)
        g_assert_cmpstr(hpt_space_get(fixed, i)->name, ==, hpt_space_get(space, i)->name);
    g_autoptr(HptConfig) standard = hpt_space_default(fixed, NULL);
    g_assert_true(hpt_space_keeps(fixed, standard));
    g_autoptr(HptConfig) other = hpt_space_default(space, NULL);
    g_assert_false(hpt_space_keeps(fixed, other));
}

/* Results that lead towards kernel=linear, so that a proposal of rbf is one because it must be. */
static HptHistory history_of(const HptSpace *space, HptConfig **configs, HptObservation *observations, double *values,
                             size_t n)
{
    HptSearch search = {.space = space, .seed = 5};
    g_autoptr(HptSampler) sampler = sampler_of("sobol", &search);
    size_t kernel = hpt_space_find(space, "kernel");
    for (size_t i = 0; i < n; i++) {
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, NULL, (int64_t)i, &proposal, NULL));
        configs[i] = g_steal_pointer(&proposal.config);
        hpt_proposal_clear(&proposal);
        values[i] = (double)configs[i]->values[kernel].index + (double)i / 100;
        observations[i] = (HptObservation){.number = (int64_t)i, .config = configs[i], .finished = true, .values = &values[i]};
    }
    return (HptHistory){.observations = observations, .n = n, .n_objectives = 1};
}

enum { TOLD = 24, ASKED = 12 };

static void test_sampler(const void *spec)
{
    g_autoptr(HptSpace) space = hpt_space_parse(mixed, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) fixed =
        fix(space, "{\"kernel\":\"rbf\",\"gamma\":0.25,\"C\":1.5,\"rate\":0.35}", &error);
    g_assert_no_error(error);
    HptConfig *configs[TOLD + ASKED];
    HptObservation observations[TOLD + ASKED];
    double values[TOLD + ASKED];
    HptHistory history = history_of(space, configs, observations, values, TOLD);
    HptSearch search = {.space = fixed, .seed = 5};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search), twin = sampler_of(spec, &search);
    size_t gamma = hpt_space_find(space, "gamma");
    bool varies = false;
    for (int64_t number = TOLD; number < TOLD + ASKED; number++) {
        HptProposal proposal = {0}, again = {0};
        g_assert_true(hpt_sampler_propose(sampler, &history, number, &proposal, &error));
        g_assert_true(hpt_sampler_propose(twin, &history, number, &again, &error));
        g_assert_true(hpt_config_equal(proposal.config, again.config));
        g_assert_true(hpt_space_keeps(fixed, proposal.config));
        g_assert_true(hpt_space_forbidden(space, proposal.config) == SIZE_MAX);
        g_assert_cmpfloat(proposal.config->values[gamma].number, ==, 0.25);
        configs[number] = g_steal_pointer(&proposal.config);
        varies = varies || !hpt_config_equal(configs[TOLD], configs[number]);
        values[number] = 1;
        observations[history.n++] = (HptObservation){.number = number, .config = configs[number], .finished = true, .values = &values[number]};
        hpt_proposal_clear(&proposal);
        hpt_proposal_clear(&again);
    }
    g_assert_true(varies); /* the rest is searched */
    for (size_t i = 0; i < TOLD + ASKED; i++)
        hpt_config_free(configs[i]);
}

/* A point that has the values is taken, another is passed over. */
static void test_points(void)
{
    g_autoptr(HptSpace) space = hpt_space_parse("x real [0, 1]\nk categorical {a, b}\n", NULL);
    g_autoptr(HptConfig) a = hpt_space_default(space, NULL), b = hpt_config_copy(a);
    size_t k = hpt_space_find(space, "k");
    b->values[k].index = 1;
    const HptConfig *const points[] = {a, b};
    g_autoptr(HptSpace) fixed = fix(space, "{\"k\":\"b\"}", NULL);
    HptSearch search = {.space = fixed, .points = points, .n_points = 2, .default_first = true};
    g_autoptr(HptSampler) sampler = sampler_of("random", &search);
    HptProposal first = {0}, second = {0};
    g_assert_true(hpt_sampler_propose(sampler, NULL, 0, &first, NULL));
    g_assert_cmpstr(first.origin, ==, "random");
    g_assert_true(hpt_space_keeps(fixed, first.config));
    g_assert_true(hpt_sampler_propose(sampler, NULL, 1, &second, NULL));
    g_assert_cmpstr(second.origin, ==, "point");
    g_assert_true(hpt_config_equal(second.config, b));
    hpt_proposal_clear(&first);
    hpt_proposal_clear(&second);
}

/* A grid with a value fixed is small: its points come round again. */
static void test_grid(void)
{
    g_autoptr(HptSpace) space = hpt_space_parse("n integer [1, 4]\nk categorical {a, b}\n", NULL);
    g_autoptr(HptSpace) fixed = fix(space, "{\"n\":3}", NULL);
    HptSearch search = {.space = fixed};
    g_autoptr(HptSampler) sampler = sampler_of("grid", &search);
    size_t k = hpt_space_find(space, "k");
    for (int64_t number = 0; number < 7; number++) {
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, NULL, number, &proposal, NULL));
        g_assert_true(hpt_space_keeps(fixed, proposal.config));
        g_assert_cmpuint(proposal.config->values[k].index, ==, (size_t)number % 2);
        hpt_proposal_clear(&proposal);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fix/refusals", test_refusals);
    g_test_add_func("/fix/space", test_space);
    for (const char *const *name = hpt_sampler_get_names(); *name != NULL; name++) {
        g_autofree char *path = g_strconcat("/fix/sampler/", *name, NULL);
        g_test_add_data_func(path, *name, test_sampler);
    }
    g_test_add_func("/fix/points", test_points);
    g_test_add_func("/fix/grid", test_grid);
    return g_test_run();
}
