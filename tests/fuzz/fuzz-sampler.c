/* Any space, any history, each sampler that learns: a legal proposal or an error, the same the second
 * time.
 *
 * The input's first byte chooses the sampler, the second the number of objectives and, with its upper two bits, of constraints; then come statements of a
 * space up to a NUL, then two bytes a trial: how it ended and what its values are. */
#include "search/sampler.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_TRIALS = 20, MOST_OBJECTIVES = 3, MOST_CONSTRAINTS = 3, MOST_PARAMS = 12 };

static double value_of(uint8_t byte)
{
    static const double odd[] = {0, -0.0, 1e308, -1e308, 1e-320, (double)INFINITY, -(double)INFINITY, (double)NAN};
    return byte < G_N_ELEMENTS(odd) ? odd[byte] : byte < 240 ? byte / 16 : ldexp(byte, byte - 200);
}

static HptConfig *propose(HptSampler *sampler, const HptSpace *space, const HptHistory *history,
                          int64_t number)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    if (!hpt_sampler_propose(sampler, history, number, &proposal, &error)) {
        g_assert(error != NULL && proposal.config == NULL);
        return NULL;
    }
    HptConfig *config = g_steal_pointer(&proposal.config);
    g_assert(hpt_space_forbidden(space, config) == SIZE_MAX);
    g_autofree char *text = hpt_config_canonical(space, config);
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), NULL);
    g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, NULL);
    g_assert(back != NULL && hpt_config_equal(back, config));
    hpt_proposal_clear(&proposal);
    return config;
}

/* Both have the same history; the second is asked once, at the end. */
static void search(const HptSpace *space, const char *spec, size_t n_objectives, size_t n_constraints,
                   const uint8_t *data, size_t size)
{
    HptSearch of = {.space = space, .seed = size};
    g_autoptr(HptSampler) one = hpt_sampler_new(spec, &of, NULL), two = hpt_sampler_new(spec, &of, NULL);
    HptObservation told[MOST_TRIALS + 1] = {{0}};
    HptHistory history = {told, 0, n_objectives, n_constraints};
    double constraints[MOST_TRIALS][MOST_CONSTRAINTS];
    for (; history.n < MOST_TRIALS && 2 * history.n + 1 < size; history.n++) {
        HptObservation *trial = &told[history.n];
        trial->number = (int64_t)history.n;
        trial->config = propose(one, space, &history, trial->number);
        if (trial->config == NULL)
            break;
        uint8_t how = data[2 * history.n], what = data[2 * history.n + 1];
        trial->finished = how % 4 != 0;
        trial->constraints = how / 4 % 8 == 0 ? NULL : constraints[history.n];
        for (size_t k = 0; k < n_constraints; k++)
            constraints[history.n][k] = value_of((uint8_t)(how + 91 * k * what)) - 7;
        double *values = g_new(double, n_objectives);
        for (size_t k = 0; k < n_objectives; k++)
            values[k] = value_of((uint8_t)(what + 37 * k * how));
        if (how % 4 > 1)
            trial->values = values;
        else
            g_free(values);
    }
    g_assert(hpt_sampler_best(one, &history) == hpt_sampler_best(two, &history));
    g_autoptr(HptConfig) last = propose(one, space, &history, (int64_t)history.n);
    g_autoptr(HptConfig) again = propose(two, space, &history, (int64_t)history.n);
    g_assert((last == NULL) == (again == NULL) && (last == NULL || hpt_config_equal(last, again)));
    for (size_t i = 0; i < history.n; i++) {
        hpt_config_free((HptConfig *)told[i].config);
        g_free((double *)told[i].values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const specs[] = {"tpe", "tpe:good=1,most=3,candidates=2", "gp", "auto", "cmaes",
                                        "cmaes:population=4,sigma=1,restarts=ipop", "nsga2:population=4",
                                        "nsga3:population=5", "de:population=4", "forest:trees=2,candidates=3"};
    const uint8_t *end = size < 3 ? NULL : memchr(data + 2, '\0', size - 2);
    if (end == NULL)
        return 0;
    g_autoptr(HptSpace) space = hpt_space_parse((const char *)data + 2, NULL);
    if (space == NULL || hpt_space_size(space) > MOST_PARAMS)
        return 0;
    search(space, specs[data[0] % G_N_ELEMENTS(specs)], 1 + data[1] % MOST_OBJECTIVES, data[1] >> 6, end + 1,
           size - (size_t)(end + 1 - data));
    return 0;
}
