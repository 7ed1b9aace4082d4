/* Random search: independent uniform draws on each parameter's own scale, conditions applied, and
 * forbidden configurations drawn again; so it is uniform over the feasible set.
 *
 * Bergstra & Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012.
 */
#include "search/internal.h"

#include <string.h>

/* The draws of a trial are fixed by its number: running out of them ends the study for good. */
#define MAX_DRAWS 200000

/* ---- drawing ---- */

/* "…; they matched '{a=1}' (191200), '{b=2}' (8800)" for the three largest counts. */
static void no_room(const HptSpace *space, uint32_t *matches, GError **error)
{
    g_autoptr(GString) most = g_string_new(NULL);
    for (int i = 0; i < 3; i++) {
        size_t best = 0;
        for (size_t c = 1; c < hpt_space_n_forbidden(space); c++)
            if (matches[c] > matches[best])
                best = c;
        if (matches[best] == 0)
            break;
        g_string_append_printf(most, "%s'%s' (%u)", i > 0 ? ", " : "",
                               hpt_space_get_forbidden(space, best), matches[best]);
        matches[best] = 0;
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_NO_ROOM,
                "the forbidden clauses leave no room or too little: none of %d draws in a row was "
                "allowed; they matched %s\nhint: a space without what is forbidden, or --sampler=grid",
                MAX_DRAWS, most->str);
}

HptConfig *hpt_draw(const HptSearch *search, int64_t number, const char *purpose, int *attempts,
                    GError **error)
{
    const HptSpace *space = search->space;
    size_t n = hpt_space_size(space);
    g_autofree HptStream *streams = g_new(HptStream, n);
    for (size_t i = 0; i < n; i++)
        streams[i] = hpt_stream(search->seed, number, purpose, hpt_space_get(space, i)->name);
    g_autofree uint32_t *matches = g_new0(uint32_t, hpt_space_n_forbidden(space));
    g_autoptr(HptConfig) config = hpt_config_new(space);
    for (int attempt = 0; attempt < MAX_DRAWS; attempt++) {
        for (size_t i = 0; i < n; i++) {
            const HptParam *param = hpt_space_get(space, i);
            config->values[i] =
                param->constant ? param->fallback
                                : hpt_param_from_unit(
                                      param, hpt_stream_uniform(&streams[i], (uint64_t)attempt));
        }
        hpt_space_deactivate(space, config);
        size_t clause = hpt_space_forbidden(space, config);
        if (clause == SIZE_MAX) {
            if (attempts != NULL)
                *attempts = attempt;
            return g_steal_pointer(&config);
        }
        matches[clause]++;
    }
    no_room(space, matches, error);
    return NULL;
}

/* ---- the sampler ---- */

static void *random_open(const HptSearch *search, const HptSetting *settings, size_t n,
                         GString *spec, GError **error)
{
    return hpt_settings_apply("sampler", "random", settings, n, NULL, 0, spec, error) ? (void *)search : NULL;
}

static void random_close(void *state)
{
    (void)state; /* borrowed */
}

static HptConfig *random_propose(void *state, const HptHistory *history, int64_t number,
                                 int64_t rank, char **reason, GError **error)
{
    (void)history;
    (void)rank;
    (void)reason;
    return hpt_draw(state, number, "random", NULL, error);
}

const HptSamplerKind hpt_sampler_random = {
    .name = "random",
    .version = 1,
    .open = random_open,
    .close = random_close,
    .propose = random_propose,
};
