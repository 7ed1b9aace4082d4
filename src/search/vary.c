#include "search/vary.h"

#include "num/elementary.h"

#include <math.h>

/* One of the two children of low < high, by chance, within [0, 1]. */
static double crossed(double low, double high, double eta, HptDraws *draws)
{
    double u = hpt_draws_uniform(draws);
    bool upper = hpt_draws_uniform(draws) < 0.5;
    double room = upper ? 1 - high : low, width = high - low;
    double beta = 1 + 2 * room / width, alpha = 2 - hpt_pow(beta, -(eta + 1));
    double share = u * alpha;
    double spread = hpt_pow(share <= 1 ? share : 1 / (2 - share), 1 / (eta + 1));
    double child = 0.5 * (low + high + (upper ? spread : -spread) * width);
    return CLAMP(child, 0, 1);
}

static double step(double x, double eta, HptDraws *draws)
{
    double u = hpt_draws_uniform(draws), root = 1 / (eta + 1);
    if (u < 0.5)
        return hpt_pow(2 * u + (1 - 2 * u) * hpt_pow(1 - x, eta + 1), root) - 1;
    return 1 - hpt_pow(2 * (1 - u) + (2 * u - 1) * hpt_pow(x, eta + 1), root);
}

static double mutated(const HptCube *cube, size_t j, double x, double eta, HptDraws *draws)
{
    double k = cube->levels[j];
    if (cube->category[j]) { /* any of the others */
        double other = x + (1 + (double)hpt_draws_below(draws, (size_t)k - 1)) / k;
        return other < 1 ? other : other - 1;
    }
    double away = step(x, eta, draws);
    if (cube->even[j])
        away = copysign(MAX(fabs(away), 1 / k), away);
    return x + away;
}

bool hpt_vary(const HptCube *cube, const HptVariation *variation, const double *a, const double *b,
              HptDraws *draws, double *out)
{
    bool cross = hpt_draws_uniform(draws) < variation->crossover;
    size_t active = 0;
    for (size_t j = 0; j < cube->n; j++) {
        double x = a[j], y = cross ? b[j] : a[j];
        bool second = hpt_draws_uniform(draws) < 0.5;
        if (isnan(x) || isnan(y))
            out[j] = isnan(x) ? y : x;
        else if (cube->category[j] || x == y)
            out[j] = second ? y : x;
        else
            out[j] = second ? crossed(MIN(x, y), MAX(x, y), variation->crossover_eta, draws) : x;
        active += isnan(out[j]) ? 0 : 1;
    }
    double rate = variation->mutation / (double)MAX(active, 1);
    for (size_t j = 0; j < cube->n; j++) {
        bool moves = hpt_draws_uniform(draws) < rate;
        if (isnan(out[j]))
            out[j] = hpt_draws_uniform(draws);
        else if (moves)
            out[j] = mutated(cube, j, out[j], variation->mutation_eta, draws);
    }
    return hpt_cube_round(cube, out);
}
