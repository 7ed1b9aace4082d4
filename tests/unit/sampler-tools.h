/* Shared by the tests of samplers. */
#ifndef SAMPLER_TOOLS_H
#define SAMPLER_TOOLS_H

#include "search/sampler.h"
#include "tests/unit/space-tools.h"

#include <string.h>

/* Every kind of parameter, conditions and a clause. */
static const char mixed[] = "C real [0.001, 1000] log\n"
                            "kernel categorical {linear, rbf, poly}\n"
                            "gamma real [1e-5, 10] log | kernel in {rbf, poly}\n"
                            "degree integer [2, 5] | kernel == poly\n"
                            "trees integer [10, 1000] log\n"
                            "rate real [0, 1] step=0.05\n"
                            "size ordinal {tiny, small, big}\n"
                            "fixed integer [7, 7]\n"
                            "{size == big, kernel == linear}\n";

static inline HptSampler *sampler_of(const char *spec, const HptSearch *search)
{
    g_autoptr(GError) error = NULL;
    HptSampler *sampler = hpt_sampler_new(spec, search, &error);
    g_assert_no_error(error);
    return sampler;
}

/* ---- specs ---- */

typedef struct {
    const char *spec, *text; /* the canonical one, or the message */
} SpecCase;

/* Each of these, of samplers that learn, is spelled out so; and that again is itself. */
static inline void assert_canonical(const SpecCase *cases, size_t n, const HptSearch *search)
{
    for (size_t i = 0; i < n; i++) {
        g_autoptr(HptSampler) sampler = sampler_of(cases[i].spec, search);
        g_autoptr(HptSampler) again = sampler_of(cases[i].text, search);
        g_assert_cmpstr(hpt_sampler_get_spec(sampler), ==, cases[i].text);
        g_assert_cmpstr(hpt_sampler_get_spec(again), ==, cases[i].text);
        g_assert_true(hpt_sampler_learns(sampler));
        g_assert_cmpint(hpt_sampler_total(sampler), ==, -1);
    }
}

static inline void assert_refused(const SpecCase *cases, size_t n, const HptSearch *search)
{
    for (size_t i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_sampler_new(cases[i].spec, search, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
        g_assert_cmpstr(error->message, ==, cases[i].text);
    }
}

/* ---- proposals ---- */

/* Its configuration, which is legal: no clause forbids it, and it can be read back. The rest is freed. */
static inline HptConfig *legal_config(const HptSpace *space, HptProposal *proposal)
{
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(hpt_space_forbidden(space, proposal->config), ==, SIZE_MAX);
    g_assert_true(proposal->reason == NULL || strchr(proposal->reason, '\n') == NULL);
    g_autofree char *text = hpt_config_canonical(space, proposal->config);
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), &error);
    g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, &error);
    g_assert_no_error(error);
    g_assert_true(hpt_config_equal(back, proposal->config));
    HptConfig *config = g_steal_pointer(&proposal->config);
    hpt_proposal_clear(proposal);
    return config;
}

/* ---- histories ---- */

static inline void clear_trial(void *data)
{
    HptObservation *trial = data;
    hpt_config_free((HptConfig *)trial->config);
    g_free((double *)trial->values);
    g_free((double *)trial->constraints);
}

/* Of HptObservation, which own what they point to. */
static inline GArray *trials_new(void)
{
    GArray *trials = g_array_new(false, true, sizeof(HptObservation));
    g_array_set_clear_func(trials, clear_trial);
    return trials;
}

static inline HptHistory history_from(const GArray *trials, size_t n_objectives, size_t n_constraints)
{
    return (HptHistory){(const HptObservation *)(const void *)trials->data, trials->len, n_objectives,
                        n_constraints};
}

#endif
