/* Simulations behind docs/design/pruning.md: how often a rule stops what it should not, and what it
 * saves. Everything is drawn from the project's own streams, so a run prints the same figures
 * anywhere.
 *
 *   prune-sim race RUNS          the level and power of race over all looks
 *   prune-sim curves RUNS        made-up learning curves: lost best trials and saved cost
 *   prune-sim data FOLDER RUNS   measured tables, where they are
 *   prune-sim pbt RUNS           pbt beside other rules, at equal cost, on learners trained here
 */
#include "tests/bench/prune-sim.h"

#include "base/number.h"
#include "num/elementary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Draws sim_draws(int64_t run, const char *purpose)
{
    return (Draws){hpt_stream(20261124, run, purpose, ""), 0};
}

double sim_uniform(Draws *draws)
{
    return hpt_stream_uniform(&draws->stream, draws->index++);
}

int sim_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Marsaglia's polar method. */
double sim_normal(Draws *draws)
{
    for (;;) {
        double x = 2 * sim_uniform(draws) - 1, y = 2 * sim_uniform(draws) - 1, r = x * x + y * y;
        if (r > 0 && r < 1)
            return x * sqrt(-2 * hpt_log(r) / r);
    }
}

HptPruner *sim_pruner(const char *spec, const HptPruneStudy *study)
{
    g_autoptr(GError) error = NULL;
    HptPruner *pruner = hpt_pruner_new(spec, study, &error);
    if (pruner == NULL) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
    return pruner;
}

static int count(const char *text)
{
    int64_t runs;
    if (!hpt_integer_parse(text, &runs) || runs < 1 || runs > 10000000) {
        fprintf(stderr, "RUNS is a whole number from 1 to 10000000, not '%s'\n", text);
        exit(2);
    }
    return (int)runs;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "race") == 0)
        sim_race(count(argv[2]));
    else if (argc == 3 && strcmp(argv[1], "curves") == 0)
        sim_curves(count(argv[2]));
    else if (argc == 4 && strcmp(argv[1], "data") == 0)
        sim_data(argv[2], count(argv[3]));
    else if (argc == 3 && strcmp(argv[1], "pbt") == 0)
        sim_pbt(count(argv[2]));
    else
        return fprintf(stderr, "usage: prune-sim race RUNS | curves RUNS | data FOLDER RUNS | "
                               "pbt RUNS\n"), 2;
    return 0;
}
