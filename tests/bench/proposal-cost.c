/* The CPU time of proposals: of a search with so many results behind it, told one by one as they come.
 *
 * proposal-cost SAMPLER RESULTS PARAMETERS PROPOSALS [NOISE [OBJECTIVES [CONSTRAINTS]]] prints, separated by tabs: the sampler, results, parameters,
 * milliseconds of the first proposal, of each of the next (mean), of the longest of them, and the largest memory in
 * MiB. Half of the parameters are on a log scale; results come from random configurations, and the value is a
 * sum of squares, around another centre for each objective, to which NOISE (0) times a uniform number is added; a constraint keeps
 * one parameter below 0.7. Numbers are hpt's own, so that every run makes the same proposals. */
#include "num/random.h"
#include "search/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double noise;
static size_t n_objectives = 1, n_constraints;
static HptStream noises;

static double unit(const HptSpace *space, const HptConfig *config, size_t j)
{
    return hpt_param_to_unit(hpt_space_get(space, j), config->values[j]);
}

static double value_of(const HptSpace *space, const HptConfig *config, uint64_t number, size_t objective)
{
    double sum = noise * hpt_stream_uniform(&noises, number);
    for (size_t j = 0; j < config->n; j++) {
        double u = unit(space, config, j) - (0.4 + 0.2 * (double)objective);
        sum += u * u;
    }
    return sum;
}

static void tell(GArray *told, const HptSpace *space, HptConfig *config)
{
    double *value = g_new(double, n_objectives), *constraint = g_new(double, n_constraints + 1);
    for (size_t k = 0; k < n_objectives; k++)
        value[k] = value_of(space, config, told->len, k);
    for (size_t c = 0; c < n_constraints; c++)
        constraint[c] = unit(space, config, c % config->n) - 0.7;
    HptObservation trial = {.number = told->len, .config = config, .finished = true, .values = value, .constraints = constraint};
    trial.digest = hpt_observation_digest(&trial, n_objectives, n_constraints);
    g_array_append_val(told, trial);
}

static HptSpace *make_space(int parameters)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int j = 0; j < parameters; j++)
        g_string_append_printf(text, j % 2 == 0 ? "p%d real [0, 1]\n" : "p%d real [0.001, 10] log\n", j);
    return hpt_space_parse(text->str, NULL);
}

/* The proposal that comes next, told; its CPU time. */
static double propose(HptSampler *sampler, GArray *told, const HptSpace *space)
{
    HptHistory history = {.observations = (const HptObservation *)(const void *)told->data, .n = told->len,
                          .n_objectives = n_objectives, .n_constraints = n_constraints};
    HptProposal proposal = {0};
    g_autoptr(GError) error = NULL;
    double before = cpu_ms();
    if (!hpt_sampler_propose(sampler, &history, told->len, &proposal, &error))
        g_error("%s", error->message);
    double took = cpu_ms() - before;
    tell(told, space, g_steal_pointer(&proposal.config));
    hpt_proposal_clear(&proposal);
    return took;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: proposal-cost SAMPLER RESULTS PARAMETERS PROPOSALS [NOISE [OBJECTIVES [CONSTRAINTS]]]\n");
        return 2;
    }
    int results = atoi(argv[2]), parameters = atoi(argv[3]), proposals = atoi(argv[4]);
    noise = argc > 5 ? atof(argv[5]) : 0;
    n_objectives = argc > 6 ? (size_t)atoi(argv[6]) : 1;
    n_constraints = argc > 7 ? (size_t)atoi(argv[7]) : 0;
    noises = hpt_stream(1, 0, "noise", "");
    g_autoptr(HptSpace) space = make_space(parameters);
    HptSearch search = {.space = space, .seed = 1};
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSampler) random = hpt_sampler_new("random", &search, NULL);
    g_autoptr(HptSampler) sampler = hpt_sampler_new(argv[1], &search, &error);
    if (sampler == NULL) {
        fprintf(stderr, "proposal-cost: %s\n", error->message);
        return 2;
    }
    GArray *told = g_array_new(false, false, sizeof(HptObservation));
    for (int i = 0; i < results; i++) {
        HptProposal proposal = {0};
        if (hpt_sampler_propose(random, NULL, i, &proposal, NULL))
            tell(told, space, g_steal_pointer(&proposal.config));
        hpt_proposal_clear(&proposal);
    }
    double first = propose(sampler, told, space), sum = 0, longest = 0;
    for (int i = 0; i < proposals; i++) {
        double took = propose(sampler, told, space);
        sum += took;
        longest = MAX(longest, took);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%s\t%d\t%d\t%.3f\t%.3f\t%.3f\t%.1f\n", argv[1], results, parameters, first, sum / MAX(proposals, 1), longest,
           (double)usage.ru_maxrss / 1024);
    return 0;
}
