/* What a sampler is made of; for the files of this folder alone. */
#ifndef HPT_SEARCH_INTERNAL_H
#define HPT_SEARCH_INTERNAL_H

#include "base/setting.h"
#include "num/random.h"
#include "search/sampler.h"

/* A kind of sampler. open makes its state from the settings and appends every setting, given or
 * not, to spec ("points=10,C=7"); propose is asked only for trials after the leading points, by
 * rank from 0, and for total likewise: how many ranks there are, or -1. */
typedef struct {
    const char *name;
    int version;
    void *(*open)(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec,
                  GError **error);
    void (*close)(void *state);
    HptConfig *(*propose)(void *state, const HptHistory *history, int64_t number, int64_t rank,
                          char **reason, GError **error);
    int64_t (*total)(void *state); /* NULL: there is no end */
    bool learns; /* proposals depend on the history */
} HptSamplerKind;

extern const HptSamplerKind hpt_sampler_random, hpt_sampler_sobol, hpt_sampler_grid,
    hpt_sampler_tpe, hpt_sampler_gp, hpt_sampler_auto, hpt_sampler_nsga2, hpt_sampler_nsga3,
    hpt_sampler_de, hpt_sampler_cmaes, hpt_sampler_forest;

/* The configuration of attempt 0, 1, … that no clause forbids: parameter p is drawn from the stream
 * (seed, number, purpose, p) at the index of the attempt, whatever the others are. *attempts (may
 * be NULL) is how many failed. Fails HPT_ERROR_NO_ROOM. */
HptConfig *hpt_draw(const HptSearch *search, int64_t number, const char *purpose, int *attempts,
                    GError **error) HPT_WARN_UNUSED;

#endif
