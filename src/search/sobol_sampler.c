/* Quasi-random search: the points of a scrambled Sobol sequence, one dimension a parameter.
 *
 * A parameter's dimension is its place in search->positions, constants left out, so parameters that
 * are added later take later dimensions and move no others; its scrambling is keyed on study seed
 * and name. The point of a trial is its number less the leading points. Parameters beyond the last
 * dimension draw from random streams. A forbidden point is replaced by a random draw for the same
 * trial (streams of the purpose "sobol"), which spoils the balance a little and keeps every other
 * point where it is.
 */
#include "search/internal.h"

#include "num/sobol.h"

#include <string.h>

typedef struct {
    const HptSearch *search;
    size_t n;
    size_t *dimensions; /* by index in the space; SIZE_MAX for constants */
    uint64_t *keys;
} Sobol;

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Gives the next dimension to name, if it is a parameter to search that has none yet. */
static void place(Sobol *sobol, const char *name, size_t *next)
{
    size_t i = hpt_space_find(sobol->search->space, name);
    if (i == SIZE_MAX || hpt_space_get(sobol->search->space, i)->constant ||
        sobol->dimensions[i] != SIZE_MAX)
        return;
    sobol->dimensions[i] = (*next)++;
}

static void *sobol_open(const HptSearch *search, const HptSetting *settings, size_t n_settings,
                        GString *spec, GError **error)
{
    if (!hpt_settings_apply("sampler", "sobol", settings, n_settings, NULL, 0, spec, error))
        return NULL;
    Sobol *sobol = g_new0(Sobol, 1);
    size_t n = hpt_space_size(search->space), next = 0;
    sobol->search = search;
    sobol->n = n;
    sobol->dimensions = g_new(size_t, n);
    sobol->keys = g_new(uint64_t, n);
    g_autofree const char **sorted = g_new(const char *, n);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = hpt_space_get(search->space, i)->name;
        sobol->dimensions[i] = SIZE_MAX;
        HptStream stream = hpt_stream(search->seed, 0, "owen", sorted[i]);
        sobol->keys[i] = hpt_stream_bits(&stream, 0);
    }
    for (size_t i = 0; search->positions != NULL && search->positions[i] != NULL; i++)
        place(sobol, search->positions[i], &next);
    if (n > 0)
        qsort(sorted, n, sizeof *sorted, compare_names);
    for (size_t i = 0; i < n; i++) /* those without a position come last */
        place(sobol, sorted[i], &next);
    return sobol;
}

static void sobol_close(void *state)
{
    Sobol *sobol = state;
    g_free(sobol->dimensions);
    g_free(sobol->keys);
    g_free(sobol);
}

static double coordinate(const Sobol *sobol, size_t i, int64_t number, int64_t rank)
{
    if (sobol->dimensions[i] < hpt_sobol_dimensions())
        return hpt_sobol((uint64_t)rank, sobol->dimensions[i], sobol->keys[i]);
    const char *name = hpt_space_get(sobol->search->space, i)->name;
    HptStream stream = hpt_stream(sobol->search->seed, number, "sobol-beyond", name);
    return hpt_stream_uniform(&stream, 0);
}

static HptConfig *sobol_propose(void *state, const HptHistory *history, int64_t number,
                                int64_t rank, char **reason, GError **error)
{
    (void)history;
    const Sobol *sobol = state;
    const HptSpace *space = sobol->search->space;
    g_autoptr(HptConfig) config = hpt_config_new(space);
    for (size_t i = 0; i < sobol->n; i++) {
        const HptParam *param = hpt_space_get(space, i);
        config->values[i] = param->constant
                                ? param->fallback
                                : hpt_param_from_unit(param, coordinate(sobol, i, number, rank));
    }
    hpt_space_deactivate(space, config);
    size_t clause = hpt_space_forbidden(space, config);
    if (clause == SIZE_MAX)
        return g_steal_pointer(&config);
    HptConfig *drawn = hpt_draw(sobol->search, number, "sobol", NULL, error);
    if (drawn != NULL)
        *reason = g_strdup_printf("drawn at random: the Sobol point matches %s",
                                  hpt_space_get_forbidden(space, clause));
    return drawn;
}

const HptSamplerKind hpt_sampler_sobol = {
    .name = "sobol",
    .version = 1,
    .open = sobol_open,
    .close = sobol_close,
    .propose = sobol_propose,
};
