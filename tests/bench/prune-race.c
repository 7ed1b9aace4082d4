/* race: its level under the null over all looks, its power, and what a whole study loses by it. */
#include "tests/bench/prune-sim.h"

#include <stdio.h>
#include <string.h>

#define MAX_K 64

typedef double (*Noise)(Draws *draws);

static double heavy(Draws *draws) /* t with 3 degrees of freedom, variance 1 */
{
    double x = sim_normal(draws), a = sim_normal(draws), b = sim_normal(draws),
           c = sim_normal(draws);
    return x / sqrt(a * a + b * b + c * c);
}

static double skewed(Draws *draws) /* χ² with 2 degrees less 2, over 2 */
{
    double a = sim_normal(draws), b = sim_normal(draws);
    return (a * a + b * b) / 2 - 1;
}

static double left(Draws *draws)
{
    return -skewed(draws);
}

static double two(Draws *draws) /* either of two values */
{
    return sim_uniform(draws) < 0.5 ? -1 : 1;
}

static double coarse(Draws *draws) /* a metric in steps of one standard deviation */
{
    return floor(sim_normal(draws) + 0.5);
}

/* Differences of mean effect whose pairs of folds correlate by rho; how many evaluations a trial
 * gets, K if it is not stopped. */
static int one_race(const HptPruner *pruner, int k, double rho, double effect, Noise noise,
                    Draws *draws)
{
    double own[MAX_K], incumbent[MAX_K];
    double shared = noise(draws);
    int first = hpt_pruner_first_folds(pruner);
    for (int i = 0; i < k; i++) {
        own[i] = (double)NAN;
        incumbent[i] = 0;
    }
    for (int i = 0; i < k; i++) {
        own[i] = effect + sqrt(rho) * shared + sqrt(1 - rho) * noise(draws);
        HptPruneDecision decision;
        HptFoldValues a = {1, own}, b = {0, incumbent};
        hpt_pruner_fold(pruner, &a, &b, &decision);
        if (i + 1 >= first && decision.stop)
            return i + 1;
    }
    return k;
}

static void row(const char *spec, int k, bool folds, double rho, const char *name, Noise noise,
                int runs)
{
    static const bool minimise[] = {false};
    HptPruneStudy study = {1, minimise, 1, k, NULL, 0, folds ? k : 0};
    g_autoptr(HptPruner) pruner = sim_pruner(spec, &study);
    static const double effects[] = {0, 0.5, 1, 2, 3, 4, 6, 8};
    printf("%-26s K=%-3d rho=%.2f %-7s", spec, k, rho, name);
    for (size_t e = 0; e < G_N_ELEMENTS(effects); e++) {
        int stopped = 0;
        int64_t used = 0;
        for (int run = 0; run < runs; run++) {
            Draws draws = sim_draws(run, name);
            int n = one_race(pruner, k, rho, effects[e], noise, &draws);
            stopped += n < k;
            used += n;
        }
        printf(e == 0 ? "  %.4f |" : " %.2f/%.2f", (double)stopped / runs, (double)used / runs / k);
    }
    printf("\n");
}

/* Whole studies: trials with folds of common difficulty; quality spread tau in fold noise. */
static void whole(const char *spec, int k, double tau, int runs)
{
    static const bool minimise[] = {false};
    HptPruneStudy study = {1, minimise, 1, k, NULL, 0, k};
    g_autoptr(HptPruner) pruner = sim_pruner(spec, &study);
    enum { N = 50 };
    double values[N * MAX_K], cost = 0;
    int lost = 0;
    for (int run = 0; run < runs; run++) {
        Draws draws = sim_draws(run, "study");
        double fold[MAX_K], rho = 1.0 / k;
        for (int i = 0; i < k; i++)
            fold[i] = sim_normal(&draws);
        for (int t = 0; t < N; t++) {
            double quality = tau * sim_normal(&draws) + sqrt(rho) * sim_normal(&draws);
            for (int i = 0; i < k; i++)
                values[t * k + i] = fold[i] + quality + sqrt(1 - rho) * sim_normal(&draws);
        }
        SimStudy sim = {N, k, values};
        SimResult result = sim_by_fold(pruner, &sim);
        cost += result.cost;
        lost += result.lost;
    }
    printf("%-26s K=%-3d spread %.0f: best trial lost %.4f, cost %.3f\n", spec, k, tau,
           (double)lost / runs, cost / runs);
}

void sim_race(int runs)
{
    static const struct {
        const char *name;
        Noise noise;
    } noises[] = {{"normal", sim_normal}, {"heavy", heavy},   {"skewed", skewed},
                  {"left", left},         {"coarse", coarse}, {"two", two}};
    static const int ks[] = {5, 10, 20, 50};
    printf("stopped under the null | stopped/evaluations used at effects 0.5 1 2 3 4 6 8\n");
    for (size_t n = 0; n < G_N_ELEMENTS(noises); n++)
        for (size_t k = 0; k < G_N_ELEMENTS(ks); k++) {
            row("race", ks[k], false, 0, noises[n].name, noises[n].noise, runs);
            row("race", ks[k], true, 1.0 / ks[k], noises[n].name, noises[n].noise, runs);
        }
    row("race:first=2", 5, true, 0.2, "normal", sim_normal, runs);
    row("race:first=2", 10, true, 0.1, "normal", sim_normal, runs);
    row("race:first=5", 10, true, 0.1, "normal", sim_normal, runs);
    row("race:overlap=0", 5, true, 0.2, "normal", sim_normal, runs);
    row("race:overlap=0", 10, true, 0.1, "normal", sim_normal, runs);
    for (size_t k = 0; k < 3; k++)
        for (double tau = 0; tau <= 9; tau = tau > 0 ? tau * 3 : 1)
            whole("race", ks[k], tau, MIN(runs, 2000));
}
