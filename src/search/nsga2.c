/* NSGA-II: the non-dominated and least crowded survive; of two the better is a parent.
 *
 * Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE Trans. Evol.
 * Comp. 6(2), 2002; constraints by its constrained domination (VI).
 *
 * Deviations:
 * - Steady state: a proposal's parents come from what survives all trials that have ended, not only those of whole
 *   generations (Durillo et al., "On the effect of the steady-state selection scheme in multi-objective genetic
 *   algorithms", EMO 2009). So no trial has to be waited for, and none is thrown away that comes late.
 * - A generation is `population` numbers; survivors are chosen once for each, in the order of numbers, and once more
 *   from those of the last, so whatever was tried counts: points, other samplers' trials.
 * - The first `population` trials are the start of the samplers that learn, and Sobol points.
 * - A proposal is one child, of crossover by chance one of the two; one that was tried before or is forbidden is made
 *   anew from other parents.
 * - Failed trials never survive. Conditional parameters: see vary.h.
 * - With one objective it is a genetic algorithm with truncation.
 */
#include "search/nsga.h"

static void survive(const Nsga *nsga, const HptPool *pool, size_t *trials, size_t n, int64_t generation,
                    double *memory)
{
    (void)nsga;
    (void)generation;
    (void)memory;
    hpt_pool_sort(pool, trials, n);
}

static const NsgaKind kind = {.name = "nsga2", .survive = survive, .by_order = true};

static void *nsga2_open(const HptSearch *search, const HptSetting *settings, size_t n, GString *spec,
                        GError **error)
{
    return nsga_open(&kind, search, settings, n, spec, error);
}

const HptSamplerKind hpt_sampler_nsga2 = {
    .name = "nsga2",
    .version = 1,
    .open = nsga2_open,
    .close = nsga_close,
    .propose = nsga_propose,
    .learns = true,
};
