/* The configuration of a pbt child: its parent's, each parameter drawn anew with chance `resample`,
 * else moved a little.
 *
 * Jaderberg et al. 2017, §4.1.2 ("perturb" by 0.8 or 1.2, "resample"). Deviations:
 *   - A number is multiplied or divided by `factor`, either with chance 1/2, if its domain is
 *     positive; else it moves up or down by (factor − 1) / 2 of its width, as nothing leads away
 *     from 0 by multiplication. It is kept in the domain and on its steps, and moves by at least
 *     one step. An ordinal moves to a neighbour. A categorical stays unless it is drawn anew.
 *   - A parameter that the parent did not have is drawn; one whose condition fails is left out; a
 *     forbidden configuration is explored again from the parent. If a thousand are forbidden the
 *     child has its parent's configuration.
 * The draws of a parameter are those of the stream (seed, number, "pbt", name), two an attempt.
 */
#include "prune/internal.h"

#include "num/random.h"

#define ATTEMPTS 1000

/* Moves a value that has a next and a previous one; up and down are the same step beyond an end. */
static HptValue move_level(const HptParam *param, HptValue from, double to, bool up)
{
    double step = param->step > 0 ? param->step : 1;
    double last = (double)(param->levels - 1);
    double was = floor((from.number - param->low) / step + 0.5);
    double level = floor((to - param->low) / step + 0.5);
    if (up ? level <= was : level >= was)
        level = up ? was + 1 : was - 1;
    level = MAX(0, MIN(last, level));
    return hpt_param_level(param, (uint64_t)level);
}

static HptValue move_number(const HptParam *param, HptValue from, double factor, bool up)
{
    if (factor <= 1)
        return from;
    double to = from.number;
    if (param->low > 0)
        to = up ? to * factor : to / factor;
    else
        to += (up ? 1 : -1) * (factor - 1) * (param->high / 2 - param->low / 2);
    to = MAX(param->low, MIN(param->high, to));
    if (param->levels > 0)
        return move_level(param, from, to, up);
    return (HptValue){.active = true, .number = to + 0.0};
}

static HptValue explore(const HptPbt *pbt, const HptParam *param, HptValue from,
                        const HptStream *stream, uint64_t attempt)
{
    double u = hpt_stream_uniform(stream, 2 * attempt);
    if (param->constant)
        return param->fallback;
    if (!from.active || u < pbt->resample)
        return hpt_param_from_unit(param, hpt_stream_uniform(stream, 2 * attempt + 1));
    bool up = hpt_stream_below(stream, 2 * attempt + 1, 2) == 1;
    switch (param->type) {
    case HPT_PARAM_CAT:
        break;
    case HPT_PARAM_ORD:
        if (up && from.index + 1 < param->n_values)
            from.index++;
        else if (!up && from.index > 0)
            from.index--;
        break;
    case HPT_PARAM_REAL:
    case HPT_PARAM_INT:
        return move_number(param, from, pbt->factor, up);
    }
    return from;
}

HptConfig *hpt_pbt_explore(const HptPruner *pruner, const HptSpace *space, const HptConfig *parent,
                           int64_t number, GError **error)
{
    uint64_t seed;
    const HptPbt *pbt = hpt_pruner_get_pbt(pruner, &seed);
    g_assert(pbt != NULL && parent->n == hpt_space_size(space));
    size_t n = parent->n;
    g_autofree HptStream *streams = g_new(HptStream, n);
    for (size_t i = 0; i < n; i++)
        streams[i] = hpt_stream(seed, number, "pbt", hpt_space_get(space, i)->name);
    g_autoptr(HptConfig) child = hpt_config_new(space);
    for (uint64_t attempt = 0; attempt <= ATTEMPTS; attempt++) {
        for (size_t i = 0; i < n; i++)
            child->values[i] = attempt == ATTEMPTS
                                   ? parent->values[i]
                                   : explore(pbt, hpt_space_get(space, i), parent->values[i],
                                             &streams[i], attempt);
        hpt_space_deactivate(space, child);
        if (hpt_space_forbidden(space, child) == SIZE_MAX)
            return g_steal_pointer(&child);
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_NO_ROOM,
                "trial %" PRId64
                ": its parent's configuration is forbidden, and so were %d explored "
                "from it",
                number, ATTEMPTS);
    return NULL;
}
