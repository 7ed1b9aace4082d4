/* What a proposal saw, in words and back. */
#include "study/history.h"

#include <math.h>
#include <string.h>

static HptDefinition *definition_of(const char *space_text, const char *const *metrics)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = hpt_space_parse(space_text, &error);
    g_assert_no_error(error);
    static const char *const command[] = {"./train", "{x}", NULL};
    static const uint64_t seed = 7;
    HptDefinitionInput input = {
        .command = command,
        .space = space,
        .metrics = metrics,
        .seed = &seed,
        .sampler = "tpe",
        .folds = 1,
        .repeats = 1,
        .allow_unused = true,
    };
    HptDefinition *definition = hpt_definition_new(&input, &error);
    g_assert_no_error(error);
    return definition;
}

static void add(HptPast *past, int64_t number, int turn, double x, const double *value)
{
    g_autofree char *config = g_strdup_printf("{\"x\":%g}", x);
    HptMeasured measured = {.objectives = value, .n_objectives = 1};
    hpt_past_add_one(past, number, turn, config, strlen(config), &measured);
}

static void check(HptPast *past, const HptDefinition *definition, const char *finished,
                  const char *running)
{
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(definition, &search, NULL);
    (void)hpt_past_get(past);
    g_autofree char *said = hpt_past_describe(past, sampler);
    g_autofree char *expected = g_strdup_printf("{\"finished\":\"%s\",\"running\":\"%s\",\"sampler\":\"%s\","
                                                "\"version\":%d}",
                                                finished, running, hpt_sampler_get_spec(sampler),
                                                hpt_sampler_get_version(sampler));
    g_assert_cmpstr(said, ==, expected);
}

static const char *const maximise[] = {"acc:max", NULL};

static void test_words(void)
{
    g_autoptr(HptDefinition) definition = definition_of("x real [0, 1]\n", maximise);
    g_autoptr(HptPast) past = hpt_past_new(definition);
    check(past, definition, "", "");
    double value = 0.5;
    for (int64_t number = 9; number >= 0; number--)
        if (number != 4)
            add(past, number, 1, 0.1, &value);
    check(past, definition, "0-3,5-9", "");
    add(past, 4, 0, 0.1, NULL);
    add(past, 11, 0, 0.1, NULL);
    add(past, 13, 0, 0.1, NULL);
    add(past, 14, 0, 0.1, NULL);
    check(past, definition, "0-3,5-9", "4,11,13-14");
    add(past, 6, 2, 0.1, NULL);
    add(past, 12, 1, 0.1, NULL);
    check(past, definition, "0-3,5,6.2,7-9,12", "4,11,13-14");
    add(past, 12, 0, 0.1, NULL); /* it is run again: its result is what is known */
    check(past, definition, "0-3,5,6.2,7-9,12", "4,11,13-14");
}

static void test_values(void)
{
    g_autoptr(HptDefinition) definition = definition_of("x real [0, 1]\n", maximise);
    g_autoptr(HptPast) past = hpt_past_new(definition);
    double value = 0.75;
    add(past, 3, 1, 0.25, &value);
    add(past, 1, 1, 0.5, NULL);
    add(past, 2, 0, 0.5, NULL);
    add(past, 5, 1, 3, &value);                       /* not in the space */
    hpt_past_add_one(past, 6, 1, "nonsense", 8, NULL);
    HptMeasured other = {.objectives = (double[]){1, 2}, .n_objectives = 2}; /* of another definition */
    hpt_past_add_one(past, 7, 1, "{\"x\":1}", 7, &other);
    const HptHistory *history = hpt_past_get(past);
    g_assert_cmpuint(history->n, ==, 4);
    g_assert_cmpuint(history->n_objectives, ==, 1);
    g_assert_cmpint(history->observations[0].number, ==, 1);
    g_assert_true(history->observations[0].finished && history->observations[0].values == NULL);
    g_assert_false(history->observations[1].finished);
    g_assert_cmpfloat(history->observations[2].values[0], ==, -0.75);
    g_assert_cmpfloat(history->observations[2].config->values[0].number, ==, 0.25);
    g_assert_null(history->observations[3].values);
}

/* Metrics with bounds come as how far they are beyond them. */
static void test_constraints(void)
{
    static const char *const metrics[] = {"ms:le=10", "acc:max", "size:min", "recall:ge=0.75", NULL};
    g_autoptr(HptDefinition) definition = definition_of("x real [0, 1]\n", metrics);
    g_autoptr(HptPast) past = hpt_past_new(definition);
    HptMeasured measured = {(double[]){0.9, 7}, (double[]){12, 1}, 2, 2};
    hpt_past_add_one(past, 0, 1, "{\"x\":1}", 7, &measured);
    measured.constraints = (double[]){10, (double)NAN};
    hpt_past_add_one(past, 1, 1, "{\"x\":1}", 7, &measured);
    measured.constraints = NULL; /* a result from before they were kept */
    hpt_past_add_one(past, 2, 1, "{\"x\":1}", 7, &measured);
    const HptHistory *history = hpt_past_get(past);
    g_assert_cmpuint(history->n_objectives, ==, 2);
    g_assert_cmpuint(history->n_constraints, ==, 2);
    const HptObservation *shown = history->observations;
    g_assert_cmpfloat(shown[0].values[0], ==, -0.9);
    g_assert_cmpfloat(shown[0].values[1], ==, 7);
    g_assert_cmpfloat(shown[0].constraints[0], ==, 2);
    g_assert_cmpfloat(shown[0].constraints[1], ==, -0.25);
    g_assert_cmpfloat(shown[1].constraints[0], ==, 0);
    g_assert_true(isnan(shown[1].constraints[1]));
    g_assert_nonnull(shown[2].values);
    g_assert_null(shown[2].constraints);
}

/* Whatever comes later, the text gives the history of then. */
static void test_recall(void)
{
    g_autoptr(HptDefinition) definition = definition_of("x real [0, 1]\n", maximise);
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(definition, &search, NULL);
    g_autoptr(HptPast) past = hpt_past_new(definition);
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) proposals = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    enum { N = 40, ASIDE = 3 };
    g_autofree double *xs = g_new(double, N);
    for (int64_t number = 0; number < N; number++) {
        HptProposal proposal = {0};
        const HptHistory *history = hpt_past_get(past);
        g_assert_true(hpt_sampler_propose(sampler, history, number, &proposal, &error));
        g_ptr_array_add(texts, hpt_past_describe(past, sampler));
        g_ptr_array_add(proposals, hpt_config_canonical(definition->space, proposal.config));
        xs[number] = proposal.config->values[0].number;
        const char *text = proposals->pdata[number];
        hpt_past_add_one(past, number, 0, text, strlen(text), NULL);
        hpt_proposal_clear(&proposal);
        int64_t ended = number - number % ASIDE; /* of each three the last ends first */
        for (int64_t other = ended; number % ASIDE == ASIDE - 1 && other <= number; other++) {
            double value = -(xs[other] - 0.3) * (xs[other] - 0.3);
            const char *config = proposals->pdata[other];
            HptMeasured measured = {.objectives = &value, .n_objectives = 1};
            hpt_past_add_one(past, other, 1, config, strlen(config), other % 7 == 0 ? NULL : &measured);
            if (other % 7 == 0 && other > 0)
                hpt_past_add_one(past, other, 2, config, strlen(config), &measured);
        }
    }
    for (int64_t number = 0; number < N; number++) {
        HptProposal proposal = {0};
        const HptHistory *history = hpt_past_recall(past, texts->pdata[number], &error);
        g_assert_no_error(error);
        g_assert_true(hpt_sampler_propose(sampler, history, number, &proposal, &error));
        g_autofree char *again = hpt_config_canonical(definition->space, proposal.config);
        g_assert_cmpstr(again, ==, proposals->pdata[number]);
        g_autofree char *text = hpt_past_describe(past, sampler);
        g_assert_cmpstr(text, ==, texts->pdata[number]);
        hpt_proposal_clear(&proposal);
    }
}

/* Does the past hold the same as the other? */
static void assert_same(HptPast *one, HptPast *two, size_t n)
{
    const HptHistory *a = hpt_past_get(one), *b = hpt_past_get(two);
    g_assert_cmpuint(a->n, ==, n);
    g_assert_cmpuint(b->n, ==, n);
    for (size_t i = 0; i < n; i++) {
        const HptObservation *x = &a->observations[i], *y = &b->observations[i];
        g_assert_cmpint(x->number, ==, y->number);
        g_assert_true(x->finished && y->finished && hpt_config_equal(x->config, y->config));
        g_assert_true((x->values == NULL) == (y->values == NULL));
        g_assert_true((x->constraints == NULL) == (y->constraints == NULL));
        g_assert_cmpuint(x->digest, ==, y->digest);
    }
}

static void add_any(HptPast *past, const HptSampler *sampler, const HptDefinition *definition, int64_t number)
{
    HptProposal proposal = {0};
    g_assert_true(hpt_sampler_propose((HptSampler *)sampler, NULL, number, &proposal, NULL));
    g_autofree char *text = hpt_config_canonical(definition->space, proposal.config);
    double objectives[] = {0.1 * (double)number, -1}, constraints[] = {(double)(number % 7), (double)NAN};
    HptMeasured measured = {number % 5 == 0 ? NULL : objectives, number % 3 == 0 ? NULL : constraints, 2, 2};
    hpt_past_add_one(past, number, 1, text, strlen(text), &measured);
    hpt_proposal_clear(&proposal);
}

/* A block gives the same as the rows that it was made of; it is made when it is complete, by whom it is. */
static void test_blocks(void)
{
    static const char *const metrics[] = {"acc:max", "loss:min", "ms:le=3", "mb:ge=2", NULL};
    g_autoptr(HptDefinition) definition =
        definition_of("x real [0, 1]\nk categorical {a, b, c}\nn integer [1, 9] | k == b\no ordinal {1, 2} | x > 0.5\nf integer [3, 3]\n", metrics);
    HptSearch search = {.space = definition->space, .seed = 1};
    g_autoptr(HptSampler) sampler = hpt_sampler_new("random", &search, NULL);
    g_autoptr(HptPast) past = hpt_past_new(definition), other = hpt_past_new(definition);
    int64_t block = -1;
    for (int64_t number = 0; number < 2 * HPT_PAST_BLOCK; number++) {
        if (number != 1500)
            add_any(past, sampler, definition, number);
        hpt_past_own(past, number);
    }
    g_autoptr(GBytes) first = hpt_past_pack(past, &block);
    g_assert_nonnull(first);
    g_assert_cmpint(block, ==, 0);
    hpt_past_own(past, HPT_PAST_BLOCK - 1);
    g_assert_null(hpt_past_pack(past, &block)); /* once; and 1500 is missing of the second */
    add_any(past, sampler, definition, 1500);
    hpt_past_add_one(past, 1600, 2, "{\"k\":\"a\",\"x\":0.25}", 20, NULL); /* run again: not of the block */
    g_autoptr(GBytes) second = hpt_past_pack(past, &block);
    g_assert_cmpint(block, ==, 1);
    g_assert_true(hpt_past_unpack(other, 1, g_bytes_get_data(second, NULL), g_bytes_get_size(second)));
    hpt_past_add_one(other, 1600, 2, "{\"k\":\"a\",\"x\":0.25}", 20, NULL);
    g_assert_true(hpt_past_unpack(other, 0, g_bytes_get_data(first, NULL), g_bytes_get_size(first)));
    g_assert_true(hpt_past_unpack(other, 0, g_bytes_get_data(first, NULL), g_bytes_get_size(first)));
    assert_same(past, other, 2 * (size_t)HPT_PAST_BLOCK);
}

/* What is no block of this definition is refused, and nothing of it is taken. */
static void test_bad_blocks(void)
{
    g_autoptr(HptDefinition) definition = definition_of("n integer [1, 9]\nx real [0, 1]\nk categorical {a, b} | x > 0.5\n", maximise);
    HptSearch search = {.space = definition->space, .seed = 1};
    g_autoptr(HptSampler) sampler = hpt_sampler_new("random", &search, NULL);
    g_autoptr(HptPast) past = hpt_past_new(definition), other = hpt_past_new(definition);
    int64_t block = -1;
    for (int64_t number = 0; number < HPT_PAST_BLOCK; number++)
        add_any(past, sampler, definition, number);
    hpt_past_own(past, HPT_PAST_BLOCK - 1);
    g_autoptr(GBytes) body = hpt_past_pack(past, &block);
    size_t length = 0;
    g_autofree uint8_t *bytes = g_bytes_unref_to_data(g_bytes_ref(body), &length);
    const double bad[] = {-0.5, 2, (double)INFINITY, (double)NAN};
    size_t x = length - 2 * (size_t)HPT_PAST_BLOCK * sizeof(double); /* the column of x, which is always there */
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree uint8_t *changed = g_memdup2(bytes, length);
        memcpy(changed + x + 8 * i, &bad[i], sizeof bad[i]);
        g_assert_false(hpt_past_unpack(other, 0, changed, length));
        memcpy(changed + x, bytes + x, length - x);
        double index = i < 2 ? 0.5 : 2;
        memcpy(changed + length - 8, &index, sizeof index);
        g_assert_false(hpt_past_unpack(other, 0, changed, length));
    }
    const double half = 2.5; /* for n, which is whole */
    g_autofree uint8_t *changed = g_memdup2(bytes, length);
    memcpy(changed + x - 8 * (size_t)HPT_PAST_BLOCK, &half, sizeof half);
    g_assert_false(hpt_past_unpack(other, 0, changed, length));
    for (size_t i = 0; i < 16; i++) { /* k is there where it must not be, and the other way round */
        double k;
        size_t at = length - 8 * ((size_t)HPT_PAST_BLOCK - i);
        memcpy(changed, bytes, length);
        memcpy(&k, bytes + at, sizeof k);
        k = isnan(k) ? 0 : (double)NAN;
        memcpy(changed + at, &k, sizeof k);
        g_assert_false(hpt_past_unpack(other, 0, changed, length));
    }
    for (size_t i = 0; i < 16; i++) {
        bytes[i] ^= 4;
        g_assert_false(hpt_past_unpack(other, 0, bytes, length));
        bytes[i] ^= 4;
    }
    g_assert_false(hpt_past_unpack(other, 0, bytes, length - 1));
    g_assert_false(hpt_past_unpack(other, 0, bytes, 0));
    g_assert_false(hpt_past_unpack(other, -1, bytes, length));
    g_assert_cmpuint(hpt_past_get(other)->n, ==, 0);
    g_assert_true(hpt_past_unpack(other, 0, bytes, length));
}

static void test_bad(void)
{
    g_autoptr(HptDefinition) definition = definition_of("x real [0, 1]\n", maximise);
    g_autoptr(HptPast) past = hpt_past_new(definition);
    add(past, 0, 1, 0.5, NULL);
    static const struct {
        const char *text;
        HptErrorCode code;
    } bad[] = {
        {"{}", HPT_ERROR_DATA},
        {"[", HPT_ERROR_DATA},
        {"{\"finished\":\"0-\",\"running\":\"\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"1-0\",\"running\":\"\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"0.0\",\"running\":\"\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"-1\",\"running\":\"\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"0,0\",\"running\":\"\"}", HPT_ERROR_DATA}, /* numbers ascend */
        {"{\"finished\":\"0-0,0-0\",\"running\":\"\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"0 \",\"running\":\"\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"\",\"running\":\"0.1\"}", HPT_ERROR_DATA},
        {"{\"finished\":\"1\",\"running\":\"\"}", HPT_ERROR_NOT_FOUND},
        {"{\"finished\":\"0.2\",\"running\":\"\"}", HPT_ERROR_NOT_FOUND},
        {"{\"finished\":\"\",\"running\":\"0-99999999999\"}", HPT_ERROR_NOT_FOUND},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_past_recall(past, bad[i].text, &error));
        g_assert_error(error, HPT_ERROR, (int)bad[i].code);
    }
}

/* A copy of definition by which the study is ordered. */
static HptDefinition *ordered_of(const HptDefinition *definition, int window)
{
    HptDefinition *copy = hpt_definition_parse(definition->canonical, strlen(definition->canonical), NULL);
    copy->window = window;
    return copy;
}

static void test_ordered(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDefinition) plain = definition_of("x real [0, 1]\n", maximise);
    g_autoptr(HptDefinition) definition = ordered_of(plain, 2);
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(definition, &search, NULL);
    g_autoptr(HptPast) all = hpt_past_new(definition), late = hpt_past_new(definition);
    double value = 0.25;
    for (int64_t number = 0; number < 12; number++) {
        const HptHistory *history = hpt_past_get_ordered(all, sampler, number, &error);
        g_assert_no_error(error);
        g_assert_cmpint((int64_t)history->n, ==, number);
        for (int64_t i = 0; i < number; i++)
            g_assert_true(history->observations[i].finished == (i <= number - 2));
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, history, number, &proposal, &error));
        g_autofree char *config = hpt_config_canonical(definition->space, proposal.config);
        value += number % 3 == 0 ? 0.125 : -0.0625;
        HptMeasured first = {.objectives = &value, .n_objectives = 1};
        HptMeasured second = {.objectives = &(double){99}, .n_objectives = 1}; /* does not count */
        hpt_past_add_one(all, number, 1, config, strlen(config), number == 5 ? NULL : &first);
        hpt_past_add_one(all, number, 2, config, strlen(config), &second);
        /* Of the last three no configuration is known here; trial 5 was lost before it had any. */
        if (number < 9)
            hpt_past_add_one(late, number, 1, number == 5 ? NULL : config, strlen(config),
                             number == 5 ? NULL : &first);
        hpt_proposal_clear(&proposal);
    }
    const HptHistory *history = hpt_past_get_ordered(late, sampler, 10, &error);
    g_assert_no_error(error);
    const HptHistory *known = hpt_past_get_ordered(all, sampler, 10, &error);
    for (size_t i = 0; i < 10; i++) {
        const HptObservation *a = &history->observations[i], *b = &known->observations[i];
        g_assert_true(hpt_config_equal(a->config, b->config) && a->finished == b->finished);
        g_assert_true((a->values == NULL && b->values == NULL) || a->values[0] == b->values[0]);
    }
    g_autofree char *said = hpt_past_describe(late, sampler);
    g_assert_true(g_str_has_prefix(said, "{\"finished\":\"0-8\",\"running\":\"9\","));
    g_assert_null(hpt_past_get_ordered(late, sampler, 12, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/history/words", test_words);
    g_test_add_func("/history/values", test_values);
    g_test_add_func("/history/constraints", test_constraints);
    g_test_add_func("/history/recall", test_recall);
    g_test_add_func("/history/ordered", test_ordered);
    g_test_add_func("/history/bad", test_bad);
    g_test_add_func("/history/blocks", test_blocks);
    g_test_add_func("/history/bad-blocks", test_bad_blocks);
    return g_test_run();
}
