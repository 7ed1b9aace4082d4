/* Earlier studies: what is taken of them, that it helps where they are right and does no harm where they are wrong. */
#include "search/prior.h"

#include "num/elementary.h"
#include "search/session.h"

#include <math.h>
#include <string.h>

static json_t *json_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    json_t *json = hpt_json_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return json;
}

static HptSpace *space_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    HptSpace *space = hpt_space_parse(text, &error);
    g_assert_no_error(error);
    return space;
}

static void test_bad(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"study\":\"a\",\"rows\":[]}",
        "{\"study\":\"a\",\"direction\":\"up\",\"rows\":[]}",
        "{\"study\":\"a\",\"direction\":\"min\",\"rows\":{}}",
        "{\"study\":\"a\",\"direction\":\"min\",\"rows\":[1]}",
        "{\"study\":\"a\",\"direction\":\"min\",\"rows\":[{\"config\":[],\"value\":1}]}",
        "{\"study\":\"a\",\"direction\":\"min\",\"rows\":[{\"config\":{},\"value\":\"1\"}]}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(json_t) json = json_of(texts[i]);
        g_assert_null(hpt_prior_read(json, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) object = json_object();
    g_assert_null(hpt_priors_read(object, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
}

/* What one configuration of an earlier study becomes in the space; owned. */
static char *taken(const char *space_text, const char *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = space_of(space_text);
    g_autofree char *text =
        g_strdup_printf("{\"study\":\"a\",\"direction\":\"min\",\"rows\":[{\"config\":%s,\"value\":1}]}", config);
    g_autoptr(json_t) json = json_of(text);
    g_autoptr(HptPrior) prior = hpt_prior_read(json, &error);
    g_assert_no_error(error);
    const HptPrior *priors[] = {prior};
    g_autoptr(GPtrArray) points = hpt_prior_points(space, priors, 1, NULL, 0);
    return points->len == 0 ? g_strdup("none") : hpt_config_canonical(space, points->pdata[0]);
}

static void check_taken(const char *space, const char *config, const char *expected)
{
    g_autofree char *got = taken(space, config);
    g_assert_cmpstr(got, ==, expected);
}

static void test_legal(void)
{
    check_taken("x real [0, 1]\n", "{\"x\":0.25}", "{\"x\":0.25}");
    check_taken("x real [0, 1]\n", "{\"x\":7}", "{\"x\":1}");
    check_taken("x real [0.01, 100] log\n", "{\"x\":0.001}", "{\"x\":0.01}");
    check_taken("x integer [1, 9]\n", "{\"x\":3.7}", "{\"x\":4}");
    check_taken("x integer [1, 9]\n", "{\"x\":\"4\"}", "{\"x\":4}");
    check_taken("x integer [1, 1000] log\n", "{\"x\":12.4}", "{\"x\":12}");
    check_taken("x ordinal {1, 4, 16}\n", "{\"x\":9}", "{\"x\":4}");
    check_taken("x ordinal {1, 4, 16}\n", "{\"x\":1000}", "{\"x\":16}");
    check_taken("k categorical {a, b, c} [b]\n", "{\"k\":\"c\"}", "{\"k\":\"c\"}");
    check_taken("k categorical {a, b, c} [b]\n", "{\"k\":\"z\"}", "{\"k\":\"b\"}");
    check_taken("k categorical {a, b, c} [b]\n", "{\"k\":3}", "{\"k\":\"b\"}");
    check_taken("x real [0, 1] [0.5]\ny real [0, 1] [0.125]\n", "{\"x\":0.25,\"z\":9}", "{\"x\":0.25,\"y\":0.125}");
    check_taken("k categorical {a, b}\ng real [1, 2] [1.5]\ng | k in {b}\n", "{\"g\":2,\"k\":\"a\"}", "{\"k\":\"a\"}");
    check_taken("k categorical {a, b}\ng real [1, 2] [1.5]\ng | k in {b}\n", "{\"k\":\"b\"}", "{\"g\":1.5,\"k\":\"b\"}");
    check_taken("x integer [1, 3]\n{x=3}\n", "{\"x\":5}", "none");
}

static void test_points(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\ny real [0, 1]\nz real [0, 1]\nw real [0, 1]\n"
                                         "v real [0, 1]\n");
    g_autoptr(json_t) json = json_of(
        "[{\"study\":\"a\",\"direction\":\"max\",\"rows\":[{\"config\":{\"x\":0.1},\"value\":1},"
        "{\"config\":{\"x\":0.5},\"value\":3},{\"config\":{\"x\":0.51},\"value\":2},{\"config\":{\"x\":0.9},"
        "\"value\":null}]},{\"study\":\"b\",\"direction\":\"min\",\"rows\":[{\"config\":{\"y\":0.9},\"value\":-5}]}]");
    g_autoptr(GPtrArray) priors = hpt_priors_read(json, &error);
    g_assert_no_error(error);
    const HptPrior *const *all = (const HptPrior *const *)priors->pdata;
    g_assert_true(hpt_prior_meets(all[0], space));
    g_autoptr(GPtrArray) points = hpt_prior_points(space, all, 2, NULL, 0);
    g_assert_cmpuint(points->len, ==, 3); /* the best of each, the next of a that is elsewhere; none that failed */
    static const char *const expected[] = {"\"x\":0.5,\"y\":0.5,", "\"x\":0.5,\"y\":0.9,", "\"x\":0.1,\"y\":0.5,"};
    for (guint i = 0; i < 3; i++) {
        g_autofree char *text = hpt_config_canonical(space, points->pdata[i]);
        g_assert_nonnull(strstr(text, expected[i]));
    }
    const HptConfig *others[] = {points->pdata[0]};
    g_autoptr(GPtrArray) fewer = hpt_prior_points(space, all, 2, others, 1);
    g_assert_false(hpt_config_equal(fewer->pdata[0], points->pdata[0]));
    g_autoptr(json_t) empty = json_of("{\"study\":\"c\",\"direction\":\"min\",\"rows\":[]}");
    g_autoptr(HptPrior) nothing = hpt_prior_read(empty, &error);
    g_autoptr(GPtrArray) none = hpt_prior_points(space, (const HptPrior *[]){nothing}, 1, NULL, 0);
    g_assert_cmpuint(none->len, ==, 0);
    g_autoptr(HptSpace) foreign = space_of("q real [0, 1]\n");
    g_assert_false(hpt_prior_meets(all[0], foreign));
}

/* ---- whole searches ---- */

/* The bottom of the new study's function, and of the earlier one's. */
typedef struct {
    double x, y;
} Bottom;

static double bowl(double x, double y, Bottom at)
{
    return (x - at.x) * (x - at.x) + 2 * (y - at.y) * (y - at.y);
}

/* An earlier study on a lattice, with the values scaled; sign -1: to be maximised. */
static char *earlier(Bottom at, double scale, int sign)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "[{\"study\":\"a\",\"direction\":\"%s\",\"rows\":[", sign > 0 ? "min" : "max");
    for (int i = 0; i < 49; i++) {
        int column = i % 7, line = i / 7;
        double x = (0.5 + column) / 7, y = (0.5 + line) / 7;
        g_string_append_printf(text, "%s{\"config\":{\"x\":%.3f,\"y\":%.3f},\"value\":%.6f}", i > 0 ? "," : "", x, y,
                               sign * scale * bowl(x, y, at));
    }
    g_string_append(text, "]}]");
    return g_string_free(text, false);
}

static json_t *say(HptSession *session, const char *line)
{
    g_autofree char *answer = hpt_session_answer(session, line, strlen(line));
    json_t *json = json_of(answer);
    g_assert_null(json_object_get(json, "error"));
    return json;
}

/* The lowest value of n trials; what was proposed is appended to all, if that is not NULL. */
static double search(const char *sampler, int seed, const char *priors, int n, Bottom at, GString *all)
{
    g_autoptr(HptSession) session = hpt_session_new(sampler);
    g_autofree char *init = g_strdup_printf("{\"op\":\"init\",\"space\":[\"x real [0, 1]\",\"y real [0, 1]\"],"
                                            "\"seed\":%d,\"priors\":%s}", seed, priors == NULL ? "[]" : priors);
    json_decref(say(session, init));
    double lowest = (double)INFINITY;
    for (int i = 0; i < n; i++) {
        g_autoptr(json_t) asked = say(session, "{\"op\":\"ask\"}");
        const json_t *config = json_object_get(asked, "config");
        double x = json_number_value(json_object_get(config, "x"));
        double value = bowl(x, json_number_value(json_object_get(config, "y")), at);
        lowest = MIN(lowest, value);
        if (all != NULL)
            g_string_append_printf(all, "%.17g ", x);
        g_autofree char *told = g_strdup_printf("{\"op\":\"tell\",\"id\":%d,\"values\":[%.17g]}", i + 1, value);
        json_decref(say(session, told));
    }
    return lowest;
}

static const char *const samplers[] = {"tpe", "gp", "auto"};
static const Bottom here = {0.31, 0.72}, near_here = {0.36, 0.68}, away = {0.85, 0.15};

/* The logarithm of the lowest value, on average over seeds; how much nearer than a ten thousandth does not matter. */
static double average(const char *sampler, const char *priors, int n, int seeds)
{
    double sum = 0;
    for (int seed = 0; seed < seeds; seed++)
        sum += hpt_log(search(sampler, seed, priors, n, here, NULL) + 1e-4) / seeds;
    return sum;
}

/* Only the order of the earlier values counts: another scale and direction make the same study. */
static void test_ranks(void)
{
    g_autofree char *plain = earlier(near_here, 1, 1), *large = earlier(near_here, 1000, 1);
    g_autofree char *gain = earlier(near_here, 10, -1);
    for (size_t i = 0; i < G_N_ELEMENTS(samplers); i++) {
        g_autoptr(GString) a = g_string_new(NULL), b = g_string_new(NULL), c = g_string_new(NULL);
        g_autoptr(GString) none = g_string_new(NULL);
        (void)search(samplers[i], 1, plain, 25, here, a);
        (void)search(samplers[i], 1, large, 25, here, b);
        (void)search(samplers[i], 1, gain, 25, here, c);
        (void)search(samplers[i], 1, NULL, 25, here, none);
        g_assert_cmpstr(a->str, ==, b->str);
        g_assert_cmpstr(a->str, ==, c->str);
        g_assert_cmpstr(a->str, !=, none->str);
    }
}

/* Of several objectives earlier studies say nothing, whatever was asked before. */
static void test_pure(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\ny real [0, 1]\n");
    g_autofree char *text = earlier(here, 1, 1);
    g_autoptr(json_t) json = json_of(text);
    g_autoptr(GPtrArray) priors = hpt_priors_read(json, &error);
    HptSearch of = {.space = space, .priors = (const HptPrior *const *)priors->pdata, .n_priors = priors->len};
    g_autoptr(GPtrArray) points = hpt_prior_points(space, of.priors, of.n_priors, NULL, 0);
    of.points = (const HptConfig *const *)points->pdata;
    of.n_points = of.n_prior_points = points->len;
    g_assert_cmpuint(points->len, ==, 2);
    static const double values[4][2] = {{1, 2}, {2, 1}, {3, 1}, {1, 3}};
    HptObservation trials[4];
    for (size_t i = 0; i < 4; i++)
        trials[i] = (HptObservation){.number = (int64_t)i, .config = points->pdata[i % 2], .finished = true, .values = values[i]};
    for (size_t i = 0; i < G_N_ELEMENTS(samplers); i++) {
        HptProposal proposals[2] = {{0}};
        for (int used = 0; used < 2; used++) {
            g_autoptr(HptSampler) sampler = hpt_sampler_new(samplers[i], &of, &error);
            if (used == 1)
                g_assert_true(hpt_sampler_propose(sampler, &(HptHistory){trials, 4, 1, 0}, 4, &proposals[1], NULL));
            hpt_proposal_clear(&proposals[1]);
            g_assert_true(hpt_sampler_propose(sampler, &(HptHistory){trials, 4, 2, 0}, 4, &proposals[used], NULL));
        }
        g_assert_true(hpt_config_equal(proposals[0].config, proposals[1].config));
        hpt_proposal_clear(&proposals[0]);
        hpt_proposal_clear(&proposals[1]);
    }
}

static void test_right(void)
{
    g_autofree char *priors = earlier(near_here, 1, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(samplers); i++) {
        double with = average(samplers[i], priors, 6, 8), without = average(samplers[i], NULL, 6, 8);
        g_test_message("%s: lowest of 6: e^%.2f with the earlier study, e^%.2f without", samplers[i], with, without);
        g_assert_cmpfloat(with, <, without - 0.5);
    }
}

/* Its best is the worst here. After 30 trials nothing is left of that. */
static void test_wrong(void)
{
    g_autofree char *upside_down = earlier(here, -1, 1), *elsewhere = earlier(away, 1, 1);
    const char *const misleading[] = {upside_down, elsewhere};
    for (size_t i = 0; i < G_N_ELEMENTS(samplers); i++) {
        double without = average(samplers[i], NULL, 30, 12);
        for (size_t k = 0; k < 2; k++) {
            double with = average(samplers[i], misleading[k], 30, 12);
            g_test_message("%s: lowest of 30: e^%.2f with a misleading study, e^%.2f without", samplers[i], with,
                           without);
            g_assert_cmpfloat(with, <, without + 0.5);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prior/bad", test_bad);
    g_test_add_func("/prior/legal", test_legal);
    g_test_add_func("/prior/points", test_points);
    g_test_add_func("/prior/ranks", test_ranks);
    g_test_add_func("/prior/pure", test_pure);
    g_test_add_func("/prior/right", test_right);
    g_test_add_func("/prior/wrong", test_wrong);
    return g_test_run();
}
