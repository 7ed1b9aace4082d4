/* Made-up learning curves: how often the trial that would have been best is stopped, what a study
 * loses by it, and what it costs.
 */
#include "tests/bench/prune-sim.h"

#include "num/elementary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIALS = 60, STEPS = 81 };

/* A kind of curve: end + height · step^−power + noise. In "crossing" the better ends learn slowly,
 * so that early order and final order disagree. */
typedef struct {
    const char *name;
    double noise;
    bool crossing;
} Family;

static void draw(const Family *family, Draws *draws, double *curves)
{
    for (int t = 0; t < TRIALS; t++) {
        double quality = sim_uniform(draws), end = 0.1 + 0.6 * quality;
        double power = 0.3 + 0.9 * (family->crossing ? (quality + sim_uniform(draws)) / 2
                                                     : sim_uniform(draws));
        double height = 0.2 + 0.8 * sim_uniform(draws);
        for (int s = 0; s < STEPS; s++)
            curves[t * STEPS + s] =
                end + height * hpt_exp(-power * hpt_log(s + 1)) + family->noise * sim_normal(draws);
    }
}

/* The result's regret: 0 for the best of the study, 1 for the median. */
static double regret(const SimStudy *study, int best)
{
    double ends[TRIALS];
    for (int t = 0; t < TRIALS; t++)
        ends[t] = study->curves[(t + 1) * STEPS - 1];
    double value = best >= 0 ? ends[best] : (double)INFINITY;
    qsort(ends, TRIALS, sizeof *ends, sim_by_value);
    return best >= 0 ? (value - ends[0]) / (ends[TRIALS / 2] - ends[0]) : 1;
}

/* The best of so many whole trials as that cost is enough for, in order. */
static int first_best(const SimStudy *study, double cost)
{
    int best = 0, affordable = (int)(cost * TRIALS + 0.5);
    for (int t = 1; t < MIN(affordable, TRIALS); t++)
        if (study->curves[(t + 1) * STEPS - 1] < study->curves[(best + 1) * STEPS - 1])
            best = t;
    return best;
}

static void row(const Family *family, const char *spec, const char *budget, int workers, int runs)
{
    static const bool minimise[] = {false};
    HptPruneStudy rungs = {.n_objectives = 1, .maximise = minimise, .seed = 1, .evaluations = 1};
    g_autofree double *budgets = NULL;
    g_autofree char *canonical = NULL;
    if (budget != NULL)
        rungs.budgets = budgets = hpt_rungs_parse(budget, &rungs.n_budgets, &canonical, NULL);
    g_autoptr(HptPruner) pruner = sim_pruner(spec, &rungs);
    double curves[TRIALS * STEPS], cost = 0, loss = 0, plain = 0;
    int lost = 0;
    for (int run = 0; run < runs; run++) {
        Draws draws = sim_draws(run, family->name);
        draw(family, &draws, curves);
        SimStudy study = {TRIALS, STEPS, curves};
        SimResult result = budget != NULL ? sim_by_rung(pruner, &rungs, &study, workers)
                                          : sim_by_step(pruner, &study, workers);
        cost += result.cost;
        lost += result.lost;
        loss += regret(&study, result.best);
        plain += regret(&study, first_best(&study, result.cost));
    }
    printf("%-9s %-32s %-7s %d  %.4f  %.3f  %.4f  %.4f\n", family->name, spec,
           budget != NULL ? budget : "step", workers, (double)lost / runs, cost / runs, loss / runs,
           plain / runs);
}

void sim_curves(int runs)
{
    static const Family families[] = {
        {"smooth", 0.0, false}, {"noisy", 0.02, false}, {"crossing", 0.02, true}};
    static const char *const steps[] = {"auto",
                                        "median",
                                        "median:startup=10,warmup=10",
                                        "percentile",
                                        "asha:max=81",
                                        "asha:max=81,min=9",
                                        "hyperband:max=81",
                                        "patience:patience=5,delta=0.005"};
    static const char *const rungs[] = {"auto", "asha", "hyperband"};
    static const char *const budgets[] = {"1..81:3", "3..81:3", "9..81:3"};
    printf(
        "curves    pruner, how, workers; best trial lost, cost, regret, regret without pruning at "
        "that cost\n");
    for (size_t f = 0; f < G_N_ELEMENTS(families); f++)
        for (int workers = 1; workers <= 8; workers += 7) {
            for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
                row(&families[f], steps[i], NULL, workers, runs);
            for (size_t i = 0; i < G_N_ELEMENTS(rungs); i++)
                for (size_t b = 0; b < G_N_ELEMENTS(budgets); b++)
                    row(&families[f], rungs[i], budgets[b], workers, runs);
        }
}
