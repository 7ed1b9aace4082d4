/* Shared by the tests of samplers. */
#ifndef SAMPLER_TOOLS_H
#define SAMPLER_TOOLS_H

#include "search/sampler.h"
#include "tests/unit/space-tools.h"

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

#endif
