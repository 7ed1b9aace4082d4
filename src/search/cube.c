#include "search/cube.h"

#include "num/normal.h"

#include <math.h>

enum { MAX_DRAWS = 300 };

void hpt_cube_init(HptCube *cube, const HptSpace *space)
{
    size_t n = hpt_space_size(space);
    *cube = (HptCube){
        .space = space,
        .param = g_new(size_t, n),
        .levels = g_new(double, n),
        .category = g_new(bool, n),
        .even = g_new(bool, n),
        .scratch = hpt_config_new(space),
    };
    for (size_t i = 0; i < n; i++) {
        const HptParam *param = hpt_space_get(space, i);
        if (param->constant)
            continue;
        cube->param[cube->n] = i;
        cube->levels[cube->n] = (double)hpt_param_levels(param);
        cube->category[cube->n] = param->type == HPT_PARAM_CAT;
        cube->even[cube->n] = cube->levels[cube->n] > 0 && !hpt_param_is_log(param);
        cube->conditional = cube->conditional || param->conditional;
        cube->n++;
    }
}

void hpt_cube_clear(HptCube *cube)
{
    g_free(cube->param);
    g_free(cube->levels);
    g_free(cube->category);
    g_free(cube->even);
    hpt_config_free(cube->scratch);
    *cube = (HptCube){0};
}

/* ---- random numbers ---- */

HptDraws hpt_draws(uint64_t seed, int64_t number, const char *purpose)
{
    return (HptDraws){.stream = hpt_stream(seed, number, purpose, "")};
}

double hpt_draws_uniform(HptDraws *draws)
{
    return hpt_stream_uniform(&draws->stream, draws->next++);
}

double hpt_draws_normal(HptDraws *draws)
{
    return hpt_normal_quantile(hpt_draws_uniform(draws) + 0x1p-54);
}

size_t hpt_draws_below(HptDraws *draws, size_t bound)
{
    return (size_t)hpt_stream_below(&draws->stream, draws->next++, bound);
}

/* ---- rows ---- */

void hpt_cube_encode(const HptCube *cube, const HptConfig *config, double *row)
{
    for (size_t j = 0; j < cube->n; j++) {
        const HptValue value = config->values[cube->param[j]];
        row[j] = value.active
                     ? hpt_param_to_unit(hpt_space_get(cube->space, cube->param[j]), value)
                     : (double)NAN;
    }
}

/* The configuration of a row into config; NaN: anything, for it is inactive. */
static void decode(const HptCube *cube, const double *row, HptConfig *config)
{
    for (size_t i = 0, j = 0; i < config->n; i++) {
        const HptParam *param = hpt_space_get(cube->space, i);
        if (j < cube->n && cube->param[j] == i) {
            config->values[i] =
                isnan(row[j]) ? param->fallback : hpt_param_from_unit(param, row[j]);
            j++;
        } else
            config->values[i] = param->fallback;
    }
    hpt_space_deactivate(cube->space, config);
}

bool hpt_cube_round(const HptCube *cube, double *row)
{
    for (size_t j = 0; j < cube->n; j++)
        row[j] = CLAMP(row[j], 0, 1);
    decode(cube, row, cube->scratch);
    for (size_t j = 0; j < cube->n; j++) {
        const HptValue value = cube->scratch->values[cube->param[j]];
        if (!value.active)
            row[j] = (double)NAN;
        else if (cube->levels[j] > 0 || hpt_space_get(cube->space, cube->param[j])->fixed)
            row[j] = hpt_param_to_unit(hpt_space_get(cube->space, cube->param[j]), value);
    }
    return hpt_space_forbidden(cube->space, cube->scratch) == SIZE_MAX;
}

bool hpt_cube_draw(const HptCube *cube, HptDraws *draws, double *row)
{
    for (int attempt = 0; attempt < MAX_DRAWS; attempt++) {
        for (size_t j = 0; j < cube->n; j++)
            row[j] = hpt_draws_uniform(draws);
        if (hpt_cube_round(cube, row))
            return true;
    }
    return false;
}

void hpt_cube_settle(const HptCube *cube, const double *row, double *out)
{
    decode(cube, row, cube->scratch);
    hpt_cube_encode(cube, cube->scratch, out);
}

HptConfig *hpt_cube_config(const HptCube *cube, const double *row)
{
    HptConfig *config = hpt_config_new(cube->space);
    decode(cube, row, config);
    return config;
}

/* Do two rows mean the same configuration? */
static bool is_same(const HptCube *cube, const double *a, const double *b)
{
    for (size_t j = 0; j < cube->n; j++)
        if (a[j] != b[j] && !(isnan(a[j]) && isnan(b[j])))
            return false;
    return true;
}

bool hpt_cube_among(const HptCube *cube, const double *row, const double *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_same(cube, row, rows + i * cube->n))
            return true;
    return false;
}
