/* Any space, any history, any sampler: a legal proposal or an error, and the same from an object that is asked for
 * the first time as from one that saw the history grow.
 *
 * The input's first byte chooses the sampler out of all there are, the second the numbers of objectives and
 * constraints, the third the seed; then come statements of a space up to a NUL, then four bytes a trial: which
 * configuration of those drawn at random it has (so that some are the same), how it ended, what its values are, and
 * how far its number is from the one before. Trials that run may end late. */
#include "search/sampler.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_TRIALS = 24, MOST_VALUES = 3, MOST_PARAMS = 12, HEAD = 3, RECORD = 4 };
enum { ENDED = 3, NO_CONSTRAINTS = 4, ASKED = 8, DIGESTED = 16, LATE = 32 };

typedef struct {
    HptSearch search;
    HptSampler *sampler;
    HptObservation trials[MOST_TRIALS];
    double values[MOST_TRIALS][MOST_VALUES], constraints[MOST_TRIALS][MOST_VALUES];
    HptHistory history;
    int asked;
} Case;

static double value_of(uint8_t byte)
{
    static const double odd[] = {0, -0.0, 1e308, -1e308, 1e-320, (double)INFINITY, -(double)INFINITY, (double)NAN};
    return byte < G_N_ELEMENTS(odd) ? odd[byte] : byte < 240 ? byte / 16 : ldexp(byte, 4 * (byte - 200));
}

static HptConfig *propose(HptSampler *sampler, const HptSpace *space, const HptHistory *history, int64_t number)
{
    g_autoptr(GError) error = NULL;
    HptProposal proposal = {0};
    if (!hpt_sampler_propose(sampler, history, number, &proposal, &error)) {
        g_assert(error != NULL && error->message[0] != '\0' && proposal.config == NULL);
        return NULL;
    }
    g_assert(error == NULL);
    HptConfig *config = g_steal_pointer(&proposal.config);
    hpt_proposal_clear(&proposal);
    g_assert(hpt_space_forbidden(space, config) == SIZE_MAX);
    g_autofree char *text = hpt_config_canonical(space, config);
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), NULL);
    g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, NULL);
    g_assert(back != NULL && hpt_config_equal(back, config));
    return config;
}

static int64_t next_number(const HptHistory *history)
{
    return history->n == 0 ? 0 : history->observations[history->n - 1].number + 1;
}

static void ask(Case *of, uint8_t how)
{
    if (!(how & ASKED) || of->asked == 2) /* processes take long */
        return;
    of->asked++;
    hpt_config_free(propose(of->sampler, of->search.space, &of->history, next_number(&of->history)));
}

/* The trial's end, or that it runs. */
static void end(Case *of, size_t i, uint8_t how, bool late)
{
    HptObservation *trial = &of->trials[i];
    trial->finished = (how & ENDED) != 0 || (late && (how & LATE));
    trial->values = (how & ENDED) > 1 || (late && (how & LATE)) ? of->values[i] : NULL;
    trial->constraints = of->history.n_constraints == 0 || (how & NO_CONSTRAINTS) ? NULL : of->constraints[i];
    trial->digest = !(how & DIGESTED) ? 0
                                      : hpt_observation_digest(trial, of->history.n_objectives, of->history.n_constraints);
}

/* False: the space has hardly a legal point, and looking for one takes long. */
static bool add(Case *of, HptSampler *random, const uint8_t *record)
{
    size_t i = of->history.n;
    HptConfig *config = propose(random, of->search.space, NULL, record[0]);
    if (config == NULL)
        return false;
    for (size_t k = 0; k < MOST_VALUES; k++) {
        of->values[i][k] = value_of((uint8_t)(record[2] + 37 * k * record[1]));
        of->constraints[i][k] = value_of((uint8_t)(record[2] * 3 + 11 * k)) - 4;
    }
    of->trials[i] = (HptObservation){.number = next_number(&of->history) + record[3] % 3, .config = config};
    end(of, i, record[1], false);
    of->history.n++;
    ask(of, record[1]);
    return true;
}

static void check(Case *of, const char *name, const uint8_t *records)
{
    const HptSpace *space = of->search.space;
    for (size_t i = 0; i < of->history.n; i++)
        end(of, i, records[RECORD * i + 1], true);
    int64_t number = next_number(&of->history);
    g_autoptr(HptSampler) fresh = hpt_sampler_new(name, &of->search, NULL);
    g_assert(hpt_sampler_best(of->sampler, &of->history) == hpt_sampler_best(fresh, &of->history));
    g_autoptr(HptConfig) one = propose(of->sampler, space, &of->history, number);
    g_autoptr(HptConfig) two = propose(fresh, space, &of->history, number);
    g_assert((one == NULL) == (two == NULL) && (one == NULL || hpt_config_equal(one, two)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size <= HEAD ? NULL : memchr(data + HEAD, '\0', size - HEAD);
    if (nul == NULL)
        return 0;
    g_autoptr(HptSpace) space = hpt_space_parse((const char *)data + HEAD, NULL);
    if (space == NULL || hpt_space_size(space) > MOST_PARAMS)
        return 0;
    const char *const *names = hpt_sampler_get_names();
    const char *name = names[data[0] % g_strv_length((char **)names)];
    Case of = {.search = {.space = space, .seed = data[2]}};
    of.history = (HptHistory){of.trials, 0, 1 + data[1] % MOST_VALUES, data[1] / 4 % (MOST_VALUES + 1)};
    of.sampler = hpt_sampler_new(name, &of.search, NULL);
    g_autoptr(HptSampler) random = hpt_sampler_new("random", &of.search, NULL);
    g_assert(random != NULL);
    const uint8_t *records = nul + 1;
    size_t n = (size_t)(data + size - records) / RECORD;
    for (size_t i = 0; of.sampler != NULL && i < MIN(n, (size_t)MOST_TRIALS); i++)
        if (!add(&of, random, records + RECORD * i))
            break;
    if (of.sampler != NULL)
        check(&of, name, records);
    hpt_sampler_free(of.sampler);
    for (size_t i = 0; i < of.history.n; i++)
        hpt_config_free((HptConfig *)of.trials[i].config);
    return 0;
}
