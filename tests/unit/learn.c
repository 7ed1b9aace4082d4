/* Samplers that learn: pure, legal whatever they are told, and better than chance. */
#include "tests/unit/sampler-tools.h"

#include "base/digest.h"
#include "num/random.h"

#include <math.h>
#include <string.h>

static const char *const samplers[] = {"tpe", "gp", "auto", "cmaes", "de", "nsga2", "nsga3", "forest"};

/* ---- tools ---- */

static HptConfig *propose(HptSampler *sampler, const HptSpace *space, const HptHistory *history,
                          int64_t number)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    g_assert_true(hpt_sampler_propose(sampler, history, number, &proposal, &error));
    g_assert_no_error(error);
    return legal_config(space, &proposal);
}

/* Steals config; values NULL: failed; finished false: it runs. */
static void tell(GArray *told, HptConfig *config, bool finished, const double *values, size_t n)
{
    HptObservation observation = {
        .number = told->len,
        .config = config,
        .finished = finished,
        .values = values == NULL ? NULL : g_memdup2(values, n * sizeof *values),
    };
    g_array_append_val(told, observation);
}

/* ---- tests ---- */

static double bowl(const HptConfig *config, const HptSpace *space)
{
    double sum = 0;
    for (size_t i = 0; i < config->n; i++) {
        double u = hpt_param_to_unit(hpt_space_get(space, i), config->values[i]) - 0.3 - 0.1 * (double)i;
        sum += u * u;
    }
    return sum;
}

static double lowest(const char *spec, uint64_t seed, int n)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0.01, 100] log\nc integer [1, 30]\n");
    HptSearch search = {.space = space, .seed = seed};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autoptr(GArray) told = trials_new();
    double low = (double)INFINITY;
    for (int i = 0; i < n; i++) {
        HptHistory history = history_from(told, 1, 0);
        HptConfig *config = propose(sampler, space, &history, i);
        double value = bowl(config, space);
        low = MIN(low, value);
        tell(told, config, true, &value, 1);
    }
    return low;
}

static void test_better(gconstpointer spec)
{
    double logs = 0;
    for (uint64_t seed = 0; seed < 6; seed++)
        logs += log(lowest("random", seed, 50) / (lowest(spec, seed, 50) + 1e-12)) / 6;
    bool models = strcmp(spec, "de") != 0 && !g_str_has_prefix(spec, "nsga"); /* the others take their time */
    g_assert_cmpfloat(logs, >, log(models ? 4 : 1.5));
}

/* Two objects that were asked other things before propose the same; running trials matter. */
static void test_pure(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch search = {.space = space, .seed = 5};
    g_autoptr(HptSampler) one = sampler_of(spec, &search);
    g_autoptr(GArray) told = trials_new();
    g_autoptr(GPtrArray) proposed = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_config_free);
    for (int64_t i = 0; i < 30; i++) {
        HptHistory history = history_from(told, 1, 0);
        HptConfig *config = propose(one, space, &history, i);
        g_ptr_array_add(proposed, hpt_config_copy(config));
        double value = config->values[hpt_space_find(space, "C")].number;
        tell(told, config, true, i % 5 == 4 ? NULL : &value, 1);
    }
    g_autoptr(HptSampler) two = sampler_of(hpt_sampler_get_spec(one), &search);
    for (int64_t i = 29; i >= 0; i -= 3) {
        HptHistory history = history_from(told, 1, 0);
        history.n = (size_t)i;
        g_autoptr(HptConfig) again = propose(two, space, &history, i);
        g_assert_true(hpt_config_equal(again, proposed->pdata[i]));
    }
    g_assert_true(hpt_sampler_learns(one));
}

/* The distance between proposals made at one moment: the later know of the earlier. */
static void test_running(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("x integer [1, 40]\n");
    HptSearch search = {.space = space, .seed = 3};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autoptr(GArray) told = trials_new();
    for (int64_t i = 0; i < 30; i++) {
        HptHistory history = history_from(told, 1, 0);
        HptConfig *config = propose(sampler, space, &history, i);
        for (guint j = 0; j < told->len; j++) /* none is tried twice while there are others */
            g_assert_false(hpt_config_equal(g_array_index(told, HptObservation, j).config, config));
        double value = config->values[0].number;
        tell(told, config, i < 20, i < 20 ? &value : NULL, 1);
    }
}

/* All of a small space is tried before anything twice, also while nothing is known: all run, or all failed. */
static void test_small(gconstpointer spec)
{
    static const char *const small[] = {"x integer [0, 3]\n", "a categorical {p, q, r}\nn integer [1, 3]\n",
                                        "a categorical {p, q, r}\nn integer [1, 4] | a == p\n"};
    static const int64_t sizes[] = {4, 9, 6};
    for (int kind = 0; kind < 3; kind++) {
        for (size_t s = 0; s < G_N_ELEMENTS(small); s++) {
            g_autoptr(HptSpace) space = space_of(small[s]);
            HptSearch search = {.space = space, .seed = 2};
            g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
            g_autoptr(GArray) told = trials_new();
            for (int64_t i = 0; i < sizes[s]; i++) {
                HptHistory history = history_from(told, 1, 0);
                HptConfig *config = propose(sampler, space, &history, i);
                for (guint j = 0; j < told->len; j++)
                    g_assert_false(hpt_config_equal(g_array_index(told, HptObservation, j).config, config));
                double value = bowl(config, space);
                tell(told, config, kind != 0, kind == 2 ? &value : NULL, 1);
            }
        }
    }
}

/* What is proposed while 300 run, of which the oldest 40 are others with each kind. */
static HptConfig *propose_amid(const char *spec, const HptSpace *space, size_t n_objectives, int64_t number, int kind)
{
    HptSearch search = {.space = space, .seed = 4}, other = {.space = space, .seed = 5 + (uint64_t)kind};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autoptr(HptSampler) same = sampler_of("random", &search), differs = sampler_of("random", &other);
    g_autoptr(GArray) told = trials_new();
    for (int64_t i = 0; i < 320; i++) {
        HptConfig *config = propose(i >= 20 && i < 60 ? differs : same, space, NULL, i);
        double values[2] = {bowl(config, space), config->values[0].number};
        tell(told, config, i < 20, i < 20 ? values : NULL, n_objectives);
    }
    HptHistory history = history_from(told, n_objectives, 0);
    return propose(sampler, space, &history, number);
}

/* Of very many trials that run the oldest are not weighed, so that a proposal does not take minutes. */
static void test_many_running(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0.01, 100] log\n");
    for (size_t n_objectives = 1; n_objectives <= 2; n_objectives++)
        for (int64_t number = 321; number < 324; number++) { /* 320 is the turn of the estimator in auto */
            g_autoptr(HptConfig) one = propose_amid(spec, space, n_objectives, number, 0);
            g_autoptr(HptConfig) two = propose_amid(spec, space, n_objectives, number, 1);
            g_assert_true(hpt_config_equal(one, two));
        }
}

static double odd_value(const HptStream *stream, uint64_t index)
{
    static const double odd[] = {0,      -0.0,  1,   1,     1e308, -1e308, 1e-320, (double)INFINITY,
                                 -(double)INFINITY, (double)NAN, 3.5, -1e-3, 1e100};
    size_t i = (size_t)hpt_stream_below(stream, index, G_N_ELEMENTS(odd) + 5);
    return i < G_N_ELEMENTS(odd) ? odd[i] : hpt_stream_uniform(stream, index);
}

/* What the last trial is beyond two constraints. */
static void constrain(GArray *told, const HptStream *stream, uint64_t index)
{
    g_autofree double *constraints = g_new(double, 2);
    for (uint64_t k = 0; k < 2; k++)
        constraints[k] = odd_value(stream, index + k) - (k == 0 ? 0.5 : 0);
    g_array_index(told, HptObservation, told->len - 1).constraints = g_steal_pointer(&constraints);
}

/* kind 0: all sorts; 1: only failures; 2: one value; 3: only running; 4: wild numbers. Of every second seed there are
 * constraints, which now and then were not measured. */
static void survive(const char *spec, const char *text, uint64_t seed, int kind, size_t n_objectives,
                    int n_trials)
{
    g_autoptr(HptSpace) space = space_of(text);
    HptSearch search = {.space = space, .seed = seed};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autoptr(GArray) told = trials_new();
    HptStream stream = hpt_stream(seed, kind, "test", text);
    for (int64_t i = 0; i < n_trials; i++) {
        HptHistory history = history_from(told, n_objectives, seed % 2 == 1 ? 2 : 0);
        HptConfig *config = propose(sampler, space, &history, i);
        double values[3];
        for (size_t k = 0; k < n_objectives; k++)
            values[k] = kind == 2 ? 1 : odd_value(&stream, (uint64_t)i * 8 + k);
        uint64_t dice = hpt_stream_below(&stream, (uint64_t)i * 8 + 4, 10);
        bool running = kind == 3 || (kind == 0 && dice == 0), failed = kind == 1 || (kind == 0 && dice < 3);
        tell(told, config, !running, running || failed ? NULL : values, n_objectives);
        if (dice != 9)
            constrain(told, &stream, (uint64_t)i * 8 + 5);
    }
}

static const char *const spaces[] = {
    mixed,
    "x real [0, 1]\n",
    "x integer [3, 3]\n",
    "",
    "a categorical {x, y}\n",
    "a categorical {x, y}\nb categorical {x, y}\n{a == x}\n{b == y}\n",
    "a integer [1, 3]\nb integer [1, 3]\n{a < 3}\n{b > 1}\n",
    "n integer [1, 1000000] log\nx real [1e-300, 1e300] log\ny real [-1e308, 1e308]\n",
    "p real [0, 1]\nq real [0, 1] | p > 0.5\nr categorical {a, b, c} | q < 0.5\ns real [0, 1] | r == b\n",
};

static void test_survives(gconstpointer spec)
{
    for (size_t i = 0; i < G_N_ELEMENTS(spaces); i++)
        for (int kind = 0; kind < 5; kind++)
            survive(spec, spaces[i], i, kind, kind == 4 ? 2 : 1 + i % 3, 24);
}

/* Spaces made by chance: conditions on earlier parameters, clauses. */
static char *random_space(uint64_t seed)
{
    HptStream stream = hpt_stream(seed, 0, "test", "space");
    uint64_t at = 0;
    GString *text = g_string_new(NULL);
    int n = 1 + (int)hpt_stream_below(&stream, at++, 7);
    for (int i = 0; i < n; i++) {
        static const char *const domains[] = {"real [0, 1]", "real [0.001, 10] log", "integer [1, 5]",
                                              "integer [1, 300] log", "categorical {a, b, c}",
                                              "ordinal {1, 2, 4}", "real [0, 1] step=0.25"};
        size_t d = (size_t)hpt_stream_below(&stream, at++, G_N_ELEMENTS(domains));
        g_string_append_printf(text, "p%d %s\n", i, domains[i == 0 ? 4 : d]);
        if (i > 0 && hpt_stream_below(&stream, at++, 3) == 0)
            g_string_append_printf(text, "p%d | p0 in {a, %s}\n", i, d % 2 == 0 ? "b" : "c");
    }
    if (hpt_stream_below(&stream, at++, 2) == 0)
        g_string_append(text, "{p0 == b}\n");
    return g_string_free(text, false);
}

static void test_random_spaces(gconstpointer spec)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        g_autofree char *text = random_space(seed);
        survive(spec, text, seed, (int)(seed % 5), 1 + seed % 2, 20);
    }
}

static void test_wide(gconstpointer spec)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 500; i++)
        g_string_append_printf(text, "p%d real [0, 1]\n", i);
    survive(spec, text->str, 1, 0, 1, 16);
}

/* Proposals do not depend on the unit of the values, be it 10^-271 or 10^271, and a value that is beyond all measure does
 * not hide the others. */
static void test_scales(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0.01, 100] log\nc integer [1, 30]\n");
    HptSearch search = {.space = space, .seed = 4};
    for (size_t n_objectives = 1; n_objectives <= 2; n_objectives++) {
        g_autoptr(GPtrArray) plain = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_config_free);
        for (int unit = 0; unit < 3; unit++) {
            g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
            g_autoptr(GArray) told = trials_new();
            for (int i = 0; i < 24; i++) {
                HptHistory history = history_from(told, n_objectives, 0);
                HptConfig *config = propose(sampler, space, &history, i);
                if (unit == 0)
                    g_ptr_array_add(plain, hpt_config_copy(config));
                else
                    g_assert_true(hpt_config_equal(config, plain->pdata[i]));
                double value = bowl(config, space), values[2] = {value, config->values[2].number - value};
                for (int k = 0; k < 2; k++)
                    values[k] = ldexp(values[k], (unit == 1) * 900 - (unit == 2) * 900);
                tell(told, config, true, values, n_objectives);
            }
        }
    }
}

static void test_diverged(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("a real [0, 1]\nb real [0.01, 100] log\nc integer [1, 30]\n");
    HptSearch search = {.space = space, .seed = 4};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    for (size_t n_objectives = 1; n_objectives <= 2; n_objectives++) {
        g_autoptr(GArray) told = trials_new();
        double low = (double)INFINITY, start = 0;
        for (int i = 0; i < 40; i++) {
            HptHistory history = history_from(told, n_objectives, 0);
            HptConfig *config = propose(sampler, space, &history, i);
            double value = bowl(config, space), values[2] = {i == 2 ? 1e300 : value, i == 2 ? 1e300 : 2 * value};
            low = MIN(low, value);
            start = i < 10 ? low : start;
            tell(told, config, true, values, n_objectives);
        }
        g_assert_cmpfloat(low, <, 0.2 * start);
    }
}

/* A known answer: the same for gcc and clang at every level. */
static void test_digest(gconstpointer spec)
{
    static const char *const known[] = {
        "tpe", "77b2adaa09cae1ea7d5c4da8e4bf37f177a04eb0c3380a31a5d9ca449e575f2b",
        "gp", "1e65925338b91ce4f4d093a14ab0f3a794e483b6e54ac223876206b30c71c6d8",
        "forest", "2c990e14e358289525427664e4f3fad58c8d9e3f99b2091aaaad19e640a9e709",
        "auto", "ebc193e2d4e89c65cf9b95c14efb23d00c6d5ecb709a9785947aad9440bf5ad8",
        "cmaes", "1901495eb74858dcd99dcbc963caa27867a37aa28e3cca798ac9352e724b15fc",
        "de", "4004b3892255219fa9e23c515c00f3a1af7b981859779d950329da0ac8f5a2f8",
        "nsga2", "2ee32bdcda5f91c3480c845d7b0a2c5d44e82edbdbac475dc40f429edba82515",
        "nsga3", "d0d5d3c9c6228cdc8769e81b6e1d1366d8441dfba84c98a7e699f72fbdbfb7d8",
    };
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch search = {.space = space, .seed = 11};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autoptr(GArray) told = trials_new();
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (int64_t i = 0; i < 60; i++) {
        HptHistory history = history_from(told, 1, 0);
        HptConfig *config = propose(sampler, space, &history, i);
        g_autofree char *line = hpt_config_canonical(space, config);
        hpt_digester_add(digester, line, strlen(line));
        const HptValue gamma = config->values[hpt_space_find(space, "gamma")];
        double value = fabs(config->values[hpt_space_find(space, "rate")].number - 0.35) +
                       (gamma.active ? fabs(gamma.number - 0.01) : 1);
        tell(told, config, i % 9 != 8, i % 9 == 8 || i % 13 == 7 ? NULL : &value, 1);
    }
    HptDigest digest = hpt_digester_get(digester);
    char hex[HPT_DIGEST_HEX_SIZE];
    for (size_t i = 0; i < G_N_ELEMENTS(known); i += 2)
        if (strcmp(known[i], spec) == 0)
            g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, known[i + 1]);
}

/* More results than a chain of fits has, and than a process is given: who was there from the beginning and who is new
 * propose the same, which is known. */
static void test_long(gconstpointer spec)
{
    static const char *const known[] = {
        "gp", "098090d88dbacd4129f979d5709ec620797ab70df24af66a1dd35389454fef6c",
        "auto", "dd1edc6ce91d04c0157ff07af148a1e79a642894b11504bbecfa0f72cd7a7b2c",
    };
    static const size_t counts[] = {100, 127, 128, 129, 135, 136, 137, 200, 255, 256, 257, 400, 450};
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch search = {.space = space, .seed = 4};
    g_autoptr(HptSampler) random = sampler_of("random", &search);
    g_autoptr(HptSampler) old = sampler_of(spec, &search);
    g_autoptr(GArray) told = trials_new();
    for (int64_t i = 0; i < 450; i++) {
        HptConfig *config = propose(random, space, NULL, i);
        double value = bowl(config, space);
        tell(told, config, true, i % 9 == 8 ? NULL : &value, 1);
    }
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (size_t k = 0; k < G_N_ELEMENTS(counts); k++) {
        HptHistory history = history_from(told, 1, 0);
        history.n = counts[k];
        g_autoptr(HptSampler) new = sampler_of(spec, &search);
        g_autoptr(HptConfig) one = propose(old, space, &history, (int64_t)history.n);
        g_autoptr(HptConfig) two = propose(new, space, &history, (int64_t)history.n);
        g_assert_true(hpt_config_equal(one, two));
        g_autofree char *line = hpt_config_canonical(space, one);
        hpt_digester_add(digester, line, strlen(line));
    }
    HptDigest digest = hpt_digester_get(digester);
    char hex[HPT_DIGEST_HEX_SIZE];
    for (size_t i = 0; i < G_N_ELEMENTS(known); i += 2)
        if (strcmp(known[i], spec) == 0)
            g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, known[i + 1]);
}

/* Where the default is forbidden the start is Sobol points, each once. */
static void test_no_default(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("k categorical {a, b}\nx real [0, 1]\n{k == a, x > 0.4}\n");
    g_assert_null(hpt_space_default(space, NULL));
    HptSearch search = {.space = space, .seed = 1};
    g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
    g_autoptr(HptConfig) first = propose(sampler, space, NULL, 0);
    g_autoptr(HptConfig) second = propose(sampler, space, NULL, 1);
    g_assert_false(hpt_config_equal(first, second));
}

/* A bowl around 0.3, and a lucky draw far from it: with noise it is not to be preferred. */
static void test_noise(gconstpointer spec)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    for (int noisy = 0; noisy < 2; noisy++) {
        HptSearch search = {.space = space, .seed = 2};
        g_autoptr(HptSampler) sampler = sampler_of(spec, &search);
        g_autoptr(GArray) told = trials_new();
        HptStream stream = hpt_stream(3, noisy, "test", "noise");
        for (uint64_t i = 0; i < 60; i++) {
            HptConfig *config = hpt_config_new(space);
            double x = i == 40 ? 0.9 : ((double)i + 0.5) / 60, sign = hpt_stream_uniform(&stream, i) - 0.5;
            config->values[0] = hpt_param_from_unit(hpt_space_get(space, 0), x);
            double value = 10 * (x - 0.3) * (x - 0.3) + noisy * (i == 40 ? -3.9 : 2 * sign);
            tell(told, config, true, &value, 1);
        }
        HptHistory history = history_from(told, 1, 0);
        int64_t best = hpt_sampler_best(sampler, &history);
        g_assert_cmpint(best, >=, noisy ? 10 : 17);
        g_assert_cmpint(best, <=, noisy ? 26 : 18);
    }
}

/* The two processes take turns; and where one branch of a conditional space is far worse, some proposals still
 * look there. */
static void test_turns(void)
{
    g_autoptr(HptSpace) space =
        space_of("k categorical {a, b}\nx real [0, 1] | k == a\ny real [0, 1] | k == b\n");
    HptSearch search = {.space = space, .seed = 7};
    g_autoptr(HptSampler) sampler = sampler_of("gp", &search);
    g_autoptr(GArray) told = trials_new();
    size_t k = hpt_space_find(space, "k");
    for (int64_t i = 0; i < 12; i++) {
        HptHistory history = history_from(told, 1, 0);
        HptConfig *config = propose(sampler, space, &history, i);
        double value = config->values[k].index == 0 ? (double)i / 100 : 5;
        tell(told, config, true, &value, 1);
    }
    HptHistory history = history_from(told, 1, 0);
    int drawn = 0, worse = 0;
    for (int64_t i = 12; i < 112; i++) {
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, &history, i, &proposal, NULL));
        g_assert_true((strstr(proposal.reason, "rough") != NULL) == (i % 2 == 0));
        g_assert_true((strstr(proposal.reason, "smooth") != NULL) == (i % 2 == 1));
        drawn += strstr(proposal.reason, "in a branch that was drawn") != NULL;
        worse += proposal.config->values[k].index == 1;
        hpt_proposal_clear(&proposal);
    }
    g_assert_cmpint(drawn, >=, 10);
    g_assert_cmpint(drawn, <=, 30);
    g_assert_cmpint(worse, >=, 4);
    g_assert_cmpint(worse, <=, 50);
}

/* How many of 40 proposals of auto on that space, for so many objectives and constraints, are the forest's, the
 * estimator's, the rough process's and the smooth one's. */
static void count_members(const char *text, size_t n_objectives, size_t n_constraints, int *count)
{
    static const char *const words[4] = {"trees", "drawn like", "rough", "smooth"};
    g_autoptr(HptSpace) space = space_of(text);
    HptSearch search = {.space = space, .seed = 5};
    g_autoptr(HptSampler) sampler = sampler_of("auto", &search);
    g_autoptr(GArray) told = trials_new();
    HptStream stream = hpt_stream(1, 0, "values", "");
    memset(count, 0, 4 * sizeof *count);
    for (int64_t i = 0; i < 52; i++) {
        HptHistory history = history_from(told, n_objectives, n_constraints);
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, &history, i, &proposal, NULL));
        for (int k = 0; k < 4 && i >= 12; k++)
            count[k] += strstr(proposal.reason, words[k]) != NULL;
        if (i < 12) {
            double values[2] = {hpt_stream_uniform(&stream, 3 * (uint64_t)i),
                                hpt_stream_uniform(&stream, 3 * (uint64_t)i + 1)};
            tell(told, g_steal_pointer(&proposal.config), true, values, n_objectives);
            if (n_constraints > 0)
                constrain(told, &stream, 3 * (uint64_t)i + 2);
        }
        hpt_proposal_clear(&proposal);
    }
}

/* On a grid the forest has turns and the smooth process none; nowhere else, nor where there is more to reach. */
static void test_members(void)
{
    static const char grid[] = "a ordinal {1, 2, 3, 4, 5, 6}\nb integer [1, 20]\nk categorical {x, y, z}\n";
    static const char *const others[] = {
        "a real [0, 1]\nb integer [1, 20]\nk categorical {x, y, z}\n",
        "a integer [1, 20]\nb integer [1, 20]\n",
        "a categorical {1, 2, 3, 4, 5, 6}\nb integer [1, 8]\nk categorical {x, y, z}\n",
        "a ordinal {1, 2, 3, 4, 5, 6}\nb integer [1, 20]\nc integer [1, 9] | k in {x, y}\nk categorical {x, y, z}\n",
    };
    int count[4];
    count_members(grid, 1, 0, count);
    g_assert_cmpint(count[0], ==, 10);
    g_assert_cmpint(count[1], ==, 10);
    g_assert_cmpint(count[2], ==, 20);
    g_assert_cmpint(count[3], ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        count_members(others[i], 1, 0, count);
        g_assert_cmpint(count[0], ==, 0);
        g_assert_cmpint(count[1], >=, 10);
        g_assert_cmpint(count[3], >=, 13);
    }
    count_members(grid, 2, 0, count);
    g_assert_cmpint(count[0], ==, 0);
    g_assert_cmpint(count[1], ==, 14);
    count_members(others[1], 2, 0, count); /* of numbers alone the estimator has fewer where there are several objectives */
    g_assert_cmpint(count[1], ==, 5);
    count_members(grid, 1, 1, count);
    g_assert_cmpint(count[0], ==, 0);
}

static void test_settings(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    HptSearch search = {.space = space};
    static const SpecCase good[] = {
        {"tpe", "tpe:good=0.15,most=25,candidates=64"},
        {"gp", "gp"},
        {"auto", "auto"},
        {"forest", "forest:random=0.1,trees=20,candidates=1000"},
        {"forest:trees=3,candidates=9,random=0", "forest:random=0,trees=3,candidates=9"},
        {"tpe:candidates=7,good=0.25", "tpe:good=0.25,most=25,candidates=7"},
        {"tpe:most=100000", "tpe:good=0.15,most=100000,candidates=64"},
    };
    assert_canonical(good, G_N_ELEMENTS(good), &search);
    static const SpecCase bad[] = {
        {"gp:x=1", "sampler 'gp' has no setting 'x'"},
        {"auto:x=1", "sampler 'auto' has no setting 'x'"},
        {"forest:tree=1", "sampler 'forest' has no setting 'tree'; did you mean 'trees'?"},
        {"forest:random=1.5", "sampler 'forest': 'random' must be a number from 0 to 1, not '1.5'"},
        {"forest:trees=0", "sampler 'forest': 'trees' must be a whole number from 1 to 1000, not '0'"},
        {"forest:candidates=0.5", "sampler 'forest': 'candidates' must be a whole number from 1 to 100000, not '0.5'"},
        {"tpe:god=1", "sampler 'tpe' has no setting 'god'; did you mean 'good'?"},
        {"tpe:good=0", "sampler 'tpe': 'good' must be above 0, not '0'"},
        {"tpe:good=1.5", "sampler 'tpe': 'good' must be a number from 0 to 1, not '1.5'"},
        {"tpe:most=2.5", "sampler 'tpe': 'most' must be a whole number from 1 to 100000, not '2.5'"},
        {"tpe:candidates=x", "sampler 'tpe': 'candidates' must be a whole number from 1 to 100000, not 'x'"},
    };
    assert_refused(bad, G_N_ELEMENTS(bad), &search);
}

/* The best values break a constraint: what keeps it is preferred. */
static void test_forest_constraint(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\ny real [0, 1]\n");
    HptSearch search = {.space = space, .seed = 3};
    g_autoptr(HptSampler) sampler = sampler_of("forest:random=0", &search);
    g_autoptr(GArray) told = trials_new();
    int kept = 0;
    for (int i = 0; i < 40; i++) {
        HptHistory history = history_from(told, 1, 1);
        HptConfig *config = propose(sampler, space, &history, i);
        double x = config->values[0].number;
        tell(told, config, true, &x, 1);
        double beyond = 0.5 - x;
        g_array_index(told, HptObservation, i).constraints = g_memdup2(&beyond, sizeof beyond);
        kept += i >= 10 && x >= 0.5 && x < 0.7;
    }
    g_assert_cmpint(kept, >=, 15);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const struct {
        const char *name;
        void (*run)(gconstpointer);
    } tests[] = {
        {"better", test_better},         {"pure", test_pure},
        {"running", test_running},       {"survives", test_survives},
        {"random-spaces", test_random_spaces}, {"wide", test_wide},
        {"digest", test_digest},         {"no-default", test_no_default},
        {"scales", test_scales},         {"long", test_long},
        {"small", test_small},
    };
    for (size_t s = 0; s < G_N_ELEMENTS(samplers); s++)
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/learn/%s/%s", samplers[s], tests[i].name);
            g_test_add_data_func(path, samplers[s], tests[i].run);
        }
    g_test_add_func("/learn/forest/constraint", test_forest_constraint);
    g_test_add_data_func("/learn/auto/noise", "auto", test_noise);
    g_test_add_data_func("/learn/tpe/noise", "tpe", test_noise);
    g_test_add_data_func("/learn/gp/diverged", "gp", test_diverged);
    g_test_add_data_func("/learn/auto/diverged", "auto", test_diverged);
    g_test_add_data_func("/learn/gp/many-running", "gp", test_many_running);
    g_test_add_data_func("/learn/auto/many-running", "auto", test_many_running);
    g_test_add_data_func("/learn/forest/many-running", "forest", test_many_running);
    g_test_add_func("/learn/gp/turns", test_turns);
    g_test_add_func("/learn/auto/members", test_members);
    g_test_add_func("/learn/settings", test_settings);
    return g_test_run();
}
