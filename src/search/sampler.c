#include "search/sampler.h"

#include "num/hash.h"
#include "search/feasible.h"
#include "search/internal.h"
#include "search/recommend.h"

#include <math.h>
#include <string.h>

struct HptSampler {
    const HptSamplerKind *kind;
    const HptSearch *search;
    char *spec;
    void *state;
    bool fixed; /* some parameters have their value already */
};

static const HptSamplerKind *const kinds[] = {
    &hpt_sampler_auto,  &hpt_sampler_cmaes, &hpt_sampler_de,    &hpt_sampler_forest,
    &hpt_sampler_gp,    &hpt_sampler_grid,  &hpt_sampler_nsga2, &hpt_sampler_nsga3,
    &hpt_sampler_random, &hpt_sampler_sobol, &hpt_sampler_tpe,
};

/* ---- the spec ---- */

const char *const *hpt_sampler_get_names(void)
{
    static const char *names[G_N_ELEMENTS(kinds) + 1];
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        names[i] = kinds[i]->name;
    return names;
}

static const HptSamplerKind *find_kind(const char *name, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    const char *near = hpt_suggest(name, hpt_sampler_get_names());
    if (near != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown sampler '%s'; did you mean '%s'?",
                    name, near);
        return NULL;
    }
    g_autoptr(GString) all = g_string_new(kinds[0]->name);
    for (size_t i = 1; i < G_N_ELEMENTS(kinds); i++)
        g_string_append_printf(all, "%s%s", i + 1 < G_N_ELEMENTS(kinds) ? ", " : " and ",
                               kinds[i]->name);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown sampler '%s'; there are %s", name,
                all->str);
    return NULL;
}

HptSampler *hpt_sampler_new(const char *spec, const HptSearch *search, GError **error)
{
    g_autofree char *name = g_strdup(spec);
    char *rest = strchr(name, ':');
    if (rest != NULL)
        *rest++ = '\0';
    const HptSamplerKind *kind = find_kind(name, error);
    if (kind == NULL)
        return NULL;
    g_autoptr(GArray) settings = hpt_settings_cut(rest, "sampler", spec, error);
    if (settings == NULL)
        return NULL;
    g_autoptr(GString) full = g_string_new(NULL);
    void *state =
        kind->open(search, (const HptSetting *)(void *)settings->data, settings->len, full, error);
    if (state == NULL)
        return NULL;
    HptSampler *sampler = g_new0(HptSampler, 1);
    sampler->kind = kind;
    sampler->search = search;
    sampler->state = state;
    sampler->fixed = hpt_space_is_fixed(search->space);
    sampler->spec = g_strconcat(name, full->len > 0 ? ":" : "", full->str, NULL);
    return sampler;
}

void hpt_sampler_free(HptSampler *sampler)
{
    if (sampler == NULL)
        return;
    sampler->kind->close(sampler->state);
    g_free(sampler->spec);
    g_free(sampler);
}

const char *hpt_sampler_get_spec(const HptSampler *sampler)
{
    return sampler->spec;
}

int hpt_sampler_get_version(const HptSampler *sampler)
{
    return sampler->kind->version;
}

bool hpt_sampler_learns(const HptSampler *sampler)
{
    return sampler->kind->learns;
}

/* ---- observations ---- */

uint64_t hpt_observation_digest(const HptObservation *observation, size_t n_objectives, size_t n_constraints)
{
    const HptConfig *config = observation->config;
    uint64_t hash = hpt_hash_word(HPT_HASH_START, (uint64_t)observation->number);
    hash = hpt_hash_word(hash, observation->finished ? observation->values != NULL ? 2 : 1 : 0);
    if (observation->values != NULL)
        hash = hpt_hash_doubles(hash, observation->values, n_objectives);
    if (observation->values != NULL && observation->constraints != NULL)
        hash = hpt_hash_doubles(hash, observation->constraints, n_constraints);
    for (size_t i = 0; i < config->n; i++) {
        const HptValue *value = &config->values[i];
        hash = hpt_hash_word(hash, value->active ? value->index + 1 : 0);
        hash = hpt_hash_doubles(hash, &value->number, 1);
    }
    return hash == 0 ? 1 : hash;
}

/* ---- proposals ---- */

void hpt_proposal_clear(HptProposal *proposal)
{
    g_clear_pointer(&proposal->config, hpt_config_free);
    g_clear_pointer(&proposal->reason, g_free);
    proposal->origin = NULL;
}

/* With values fixed there are fewer than the numbers of the study's trials reach: they come round again. */
static int64_t rank_of_fixed(const HptSampler *sampler, int64_t rank)
{
    int64_t total = sampler->kind->total(sampler->state);
    return total > 0 ? rank % total : rank;
}

bool hpt_sampler_propose(HptSampler *sampler, const HptHistory *history, int64_t number,
                         HptProposal *out, GError **error)
{
    g_assert(number >= 0);
    const HptSearch *search = sampler->search;
    bool point = (uint64_t)number < search->n_points;
    if (point && (!sampler->fixed || hpt_space_keeps(search->space, search->points[number]))) {
        out->config = hpt_config_copy(search->points[number]);
        bool prior = (uint64_t)number >= search->n_points - search->n_prior_points;
        out->origin = prior ? "prior" : number == 0 && search->default_first ? "default" : "point";
        out->reason = NULL;
        return true;
    }
    char *reason = NULL;
    int64_t rank = point ? number : number - (int64_t)search->n_points;
    if (sampler->fixed && sampler->kind->total != NULL)
        rank = rank_of_fixed(sampler, rank);
    HptConfig *config = sampler->kind->propose(sampler->state, history, number, rank, &reason, error);
    if (config == NULL)
        return false;
    out->config = config;
    out->origin = sampler->kind->name;
    out->reason = reason;
    return true;
}

int64_t hpt_sampler_best(HptSampler *sampler, const HptHistory *history)
{
    g_autofree double *beyond = g_new(double, history->n + 1);
    hpt_violations(history, beyond);
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < history->n; i++)
        if (isfinite(beyond[i]) && !isnan(history->observations[i].values[0]) &&
            (found == SIZE_MAX || beyond[i] < beyond[found] ||
             (beyond[i] <= beyond[found] &&
              history->observations[i].values[0] < history->observations[found].values[0])))
            found = i;
    if (found == SIZE_MAX)
        return -1;
    const HptObservation *best = &history->observations[found];
    bool finite = best->values[0] < (double)INFINITY; /* else samplers take it for a failed one */
    if (history->n_objectives > 1 || beyond[found] > 0 || !finite || !sampler->kind->learns)
        return best->number;
    HptRecommendation recommended;
    return hpt_recommend(sampler->search->space, history, NULL, 0, &recommended) ? recommended.number : best->number;
}

int64_t hpt_sampler_total(HptSampler *sampler)
{
    int64_t total = sampler->kind->total == NULL ? -1 : sampler->kind->total(sampler->state);
    return total < 0 ? -1 : total + (int64_t)sampler->search->n_points;
}
