/* Shared by the parts of the pruning simulation. */
#ifndef PRUNE_SIM_H
#define PRUNE_SIM_H

#include "num/random.h"
#include "prune/prune.h"

#include <math.h>

/* Draws one after the other from one address of the project's streams. */
typedef struct {
    HptStream stream;
    uint64_t index;
} Draws;

Draws sim_draws(int64_t run, const char *purpose);
double sim_uniform(Draws *draws);
double sim_normal(Draws *draws);

/* Orders doubles, for qsort. */
int sim_by_value(const void *a, const void *b);

HptPruner *sim_pruner(const char *spec, const HptPruneStudy *study);

/* A study of n trials, each a curve of n_steps values to be minimised, the last being its result.
 */
typedef struct {
    int n, n_steps;
    const double *curves; /* n × n_steps */
} SimStudy;

/* What a pruner made of it. */
typedef struct {
    double cost;  /* steps that were run over n × n_steps */
    int complete; /* trials that reached the last step */
    int best;     /* of the complete the one with the least last value; −1: none */
    bool lost;    /* the trial with the least last value of all did not reach it */
} SimResult;

/* Trials begin in order on the workers; a step takes from half to twice its usual time, by trial.
 */
SimResult sim_by_step(const HptPruner *pruner, const SimStudy *study, int workers);
/* By rung: budgets are steps; a job runs the steps that its budget is more than the last. */
SimResult sim_by_rung(const HptPruner *pruner, const HptPruneStudy *rungs, const SimStudy *study,
                      int workers);
/* Trials one after the other; curves are evaluations, and the mean is the result. */
SimResult sim_by_fold(const HptPruner *pruner, const SimStudy *study);

void sim_race(int runs);
void sim_curves(int runs);
void sim_data(const char *folder, int runs);
void sim_pbt(int runs);

#endif
