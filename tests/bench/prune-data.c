/* Measured tables: pruning beside no pruning, on random search.
 *
 * xgb_diabetes.txt: cross-validated error by configuration (648) and boosting rounds (8, 16 … 256),
 * rounds fastest: a budget. mlp_kc1_repeats.txt: 30,000 configurations, five repeats a row: folds.
 */
#include "tests/bench/prune-sim.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

static double *read_table(const char *folder, const char *name, size_t want)
{
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        printf("%s is not there: skipped\n", name);
        return NULL;
    }
    g_autofree double *values = g_new(double, want);
    size_t n = 0;
    for (char *word = strtok(text, " \n"); word != NULL && n < want; word = strtok(NULL, " \n"))
        if (!hpt_number_parse(word, &values[n], NULL)) {
            printf("%s: '%s' is no number\n", name, word);
            return NULL;
        } else {
            n++;
        }
    return n == want ? g_steal_pointer(&values) : NULL;
}

typedef struct {
    double regret, at_cost, plain, cost, lost;
} Sums;

/* Adds a run: result's value, the plain search's, and the plain search's for the same cost. */
static void add(Sums *sums, const SimResult *result, const double *ends, int n, double best)
{
    double plain = (double)INFINITY, same = (double)INFINITY;
    int affordable = MAX(1, (int)(result->cost * n + 0.5));
    for (int t = 0; t < n; t++) {
        plain = fmin(plain, ends[t]);
        if (t < affordable)
            same = fmin(same, ends[t]);
    }
    sums->regret += ends[result->best] - best;
    sums->plain += plain - best;
    sums->at_cost += same - best;
    sums->cost += result->cost;
    sums->lost += result->lost;
}

static void say(const char *task, const char *spec, const char *how, const Sums *sums, int runs)
{
    printf("%-14s %-34s %-9s cost %.3f lost %.3f regret %.5f; no pruning %.5f, at that cost %.5f\n",
           task, spec, how, sums->cost / runs, sums->lost / runs, sums->regret / runs,
           sums->plain / runs, sums->at_cost / runs);
}

enum { TRIALS = 100, ROUNDS = 32, LEVELS = 6, CONFIGS = 648 };

/* Steps of 8 rounds; between the measured levels the value of the level before stands. */
static void boosted(const double *table, const char *spec, const char *budget, int workers,
                    int runs)
{
    static const bool minimise[] = {false};
    HptPruneStudy rungs = {.n_objectives = 1, .maximise = minimise, .seed = 1, .evaluations = 1};
    g_autofree char *canonical = NULL;
    g_autofree double *budgets = NULL;
    if (budget != NULL)
        rungs.budgets = budgets = hpt_rungs_parse(budget, &rungs.n_budgets, &canonical, NULL);
    g_autoptr(HptPruner) pruner = sim_pruner(spec, &rungs);
    double best = table[LEVELS - 1];
    for (int c = 0; c < CONFIGS; c++)
        best = fmin(best, table[c * LEVELS + LEVELS - 1]);
    Sums sums = {0};
    for (int run = 0; run < runs; run++) {
        Draws draws = sim_draws(run, "boosted");
        double curves[TRIALS * ROUNDS], ends[TRIALS];
        for (int t = 0; t < TRIALS; t++) {
            const double *row = table + (int)(sim_uniform(&draws) * CONFIGS) * LEVELS;
            for (int s = 0, level = 0; s < ROUNDS; s++) {
                level += s + 1 >= 2 << level;
                curves[t * ROUNDS + s] = row[level];
            }
            ends[t] = curves[(t + 1) * ROUNDS - 1];
        }
        SimStudy study = {TRIALS, ROUNDS, curves};
        SimResult result = budget != NULL ? sim_by_rung(pruner, &rungs, &study, workers)
                                          : sim_by_step(pruner, &study, workers);
        add(&sums, &result, ends, TRIALS, best);
    }
    g_autofree char *how = g_strdup_printf("%s/%d", budget != NULL ? budget : "step", workers);
    say("xgb_diabetes", spec, how, &sums, runs);
}

static void repeated(const double *table, const char *spec, int runs)
{
    enum { K = 5, N = 30000 };
    static const bool minimise[] = {false};
    HptPruneStudy folds = {.n_objectives = 1, .maximise = minimise, .seed = 1, .evaluations = K};
    g_autoptr(HptPruner) pruner = sim_pruner(spec, &folds);
    double best = (double)INFINITY;
    for (int c = 0; c < N; c++) {
        const double *row = table + c * K;
        best = fmin(best, (row[0] + row[1] + row[2] + row[3] + row[4]) / K);
    }
    Sums sums = {0};
    for (int run = 0; run < runs; run++) {
        Draws draws = sim_draws(run, "repeated");
        double values[TRIALS * K], ends[TRIALS];
        for (int t = 0; t < TRIALS; t++) {
            const double *row = table + (int)(sim_uniform(&draws) * N) * K;
            memcpy(values + t * K, row, K * sizeof *row);
            ends[t] = (row[0] + row[1] + row[2] + row[3] + row[4]) / K;
        }
        SimStudy study = {TRIALS, K, values};
        SimResult result = sim_by_fold(pruner, &study);
        add(&sums, &result, ends, TRIALS, best);
    }
    say("mlp_kc1", spec, "repeats", &sums, runs);
}

void sim_data(const char *folder, int runs)
{
    g_autofree double *boost = read_table(folder, "xgb_diabetes.txt", CONFIGS * LEVELS);
    if (boost != NULL) {
        for (int workers = 1; workers <= 8; workers += 7) {
            boosted(boost, "auto", "1..32:2", workers, runs);
            boosted(boost, "auto", "4..32:2", workers, runs);
            boosted(boost, "asha", "1..32:2", workers, runs);
            boosted(boost, "asha", "4..32:2", workers, runs);
            boosted(boost, "hyperband", "1..32:2", workers, runs);
            boosted(boost, "hyperband", "4..32:2", workers, runs);
            boosted(boost, "auto", NULL, workers, runs);
            boosted(boost, "median", NULL, workers, runs);
            boosted(boost, "median:startup=10,warmup=10", NULL, workers, runs);
            boosted(boost, "asha:max=32,eta=2", NULL, workers, runs);
            boosted(boost, "hyperband:max=32,eta=2", NULL, workers, runs);
        }
    }
    g_autofree double *repeats = read_table(folder, "mlp_kc1_repeats.txt", 150000);
    if (repeats != NULL) {
        repeated(repeats, "race", runs);
        repeated(repeats, "race:first=2", runs);
    }
}
