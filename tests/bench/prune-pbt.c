/* Population based training beside other rules at an equal cost: learners that are trained here, so
 * that a child can go on from its parent's state with another configuration.
 */
#include "tests/bench/prune-sim.h"

#include "num/elementary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORKERS = 4,
    EPOCHS = 81,
    TRIALS_MAX = 4000,
    RUNGS_MAX = 64,
    STATE_MAX = 512,
    QUADRATIC = 20,
    FEATURES = 8,
    HIDDEN = 12,
    TRAIN = 120,
    TEST = 600
};

/* What is trained. Configurations are values in the order of the space; draws are the noise of the
 * training, which is the trial's own. */
typedef struct {
    const char *name, *space;
    size_t n_state;
    void (*begin)(double *state, Draws *draws);
    double (*train)(double *state, const double *values, int epochs, Draws *draws); /* loss */
} Learner;

/* ---- stochastic gradient descent on a quadratic whose curvatures lie a thousand apart ---- */

static void quadratic_begin(double *state, Draws *draws)
{
    for (int i = 0; i < QUADRATIC; i++) {
        state[i] = sim_normal(draws);
        state[QUADRATIC + i] = 0;
    }
}

static double quadratic_train(double *state, const double *values, int epochs, Draws *draws)
{
    double *x = state, *v = state + QUADRATIC, loss = 0;
    for (int step = 0; step < 10 * epochs; step++)
        for (int i = 0; i < QUADRATIC; i++) {
            double curvature = hpt_exp(-6.9 * i / (QUADRATIC - 1));
            v[i] = values[1] * v[i] - values[0] * (curvature * x[i] + 0.3 * sim_normal(draws));
            x[i] = CLAMP(x[i] + v[i], -1e6, 1e6);
        }
    for (int i = 0; i < QUADRATIC; i++)
        loss += hpt_exp(-6.9 * i / (QUADRATIC - 1)) * x[i] * x[i] / 2;
    return hpt_log(loss);
}

/* ---- a small network ---- */

typedef struct {
    double x[TRAIN + TEST][FEATURES], y[TRAIN + TEST];
} Rows;
static Rows rows;

/* Two classes with noise in the labels of the rows to train on. */
static void network_data(void)
{
    Draws draws = sim_draws(0, "rows");
    for (int i = 0; i < TRAIN + TEST; i++) {
        double *x = rows.x[i];
        for (int j = 0; j < FEATURES; j++)
            x[j] = sim_normal(&draws);
        double margin = x[0] * x[1] + x[2] * x[2] - 1 + x[3] / 2;
        bool flip = i < TRAIN && sim_uniform(&draws) < 0.1;
        rows.y[i] = (margin > 0) != flip;
    }
}

/* Weights are HIDDEN rows of FEATURES and a bias, then HIDDEN and a bias; momentum after them. */
enum { WEIGHTS = HIDDEN * (FEATURES + 1) + HIDDEN + 1 };
G_STATIC_ASSERT(2 * WEIGHTS <= STATE_MAX);

static double forward(const double *weights, const double *x, double *hidden)
{
    const double *out = weights + HIDDEN * (FEATURES + 1);
    double sum = out[HIDDEN];
    for (int h = 0; h < HIDDEN; h++) {
        const double *w = weights + h * (FEATURES + 1);
        double in = w[FEATURES];
        for (int j = 0; j < FEATURES; j++)
            in += w[j] * x[j];
        hidden[h] = 2 / (1 + hpt_exp(CLAMP(-2 * in, -500, 500))) - 1;
        sum += out[h] * hidden[h];
    }
    return 1 / (1 + hpt_exp(CLAMP(-sum, -500, 500)));
}

static void network_begin(double *state, Draws *draws)
{
    for (int i = 0; i < WEIGHTS; i++) {
        state[i] = sim_normal(draws) / 3;
        state[WEIGHTS + i] = 0;
    }
}

static void network_step(double *state, const double *values, int row)
{
    double hidden[HIDDEN], *v = state + WEIGHTS;
    const double *x = rows.x[row], *out = state + HIDDEN * (FEATURES + 1);
    double p = forward(state, x, hidden), error = p - rows.y[row], gradient[WEIGHTS];
    for (int h = 0; h < HIDDEN; h++) {
        double *g = gradient + h * (FEATURES + 1);
        double back = error * out[h] * (1 - hidden[h] * hidden[h]);
        for (int j = 0; j < FEATURES; j++)
            g[j] = back * x[j];
        g[FEATURES] = back;
        gradient[HIDDEN * (FEATURES + 1) + h] = error * hidden[h];
    }
    gradient[WEIGHTS - 1] = error;
    for (int i = 0; i < WEIGHTS; i++) {
        v[i] = values[1] * v[i] - values[0] * (gradient[i] + values[2] * state[i]);
        state[i] = CLAMP(state[i] + v[i], -1e3, 1e3);
    }
}

static double network_train(double *state, const double *values, int epochs, Draws *draws)
{
    for (int step = 0; step < TRAIN * epochs; step++)
        network_step(state, values, (int)(sim_uniform(draws) * TRAIN));
    double loss = 0, hidden[HIDDEN];
    for (int i = TRAIN; i < TRAIN + TEST; i++) {
        double p = CLAMP(forward(state, rows.x[i], hidden), 1e-12, 1 - 1e-12);
        loss -= rows.y[i] > 0 ? hpt_log(p) : hpt_log(1 - p);
    }
    return loss / TEST;
}

static const Learner learners[] = {
    {"quadratic", "lr=1e-4..1:log\nmomentum=0..0.99", 2 * QUADRATIC, quadratic_begin,
     quadratic_train},
    {"network", "lr=1e-4..1:log\nmomentum=0..0.95\nl2=1e-6..0.1:log", 2 * WEIGHTS, network_begin,
     network_train},
};

/* ---- a study ---- */

typedef struct {
    HptConfig *config;
    double *states; /* by rung */
    double values[RUNGS_MAX];
    int rung; /* that runs, or ran last */
} Member;

typedef struct {
    const Learner *learner;
    const HptSpace *space;
    const HptPruner *pruner; /* NULL: each trial trains to the end */
    const HptPruneStudy *rungs;
    int64_t run;
    Member *members;
    int n;
    HptRungResult *results;
    size_t n_results;
    double left, best; /* epochs that may still be spent */
} Training;

static HptConfig *draw_config(const Training *t, int64_t number)
{
    HptConfig *config = hpt_config_new(t->space);
    for (size_t i = 0; i < config->n; i++) {
        const HptParam *param = hpt_space_get(t->space, i);
        HptStream stream = hpt_stream((uint64_t)t->run, number, "config", param->name);
        config->values[i] = hpt_param_from_unit(param, hpt_stream_uniform(&stream, 0));
    }
    return config;
}

static double *state_of(const Training *t, const Member *member, int rung)
{
    return member->states + (size_t)rung * t->learner->n_state;
}

/* Trains member up to the budget of its rung, from the state from (NULL: the beginning). */
static void train(Training *t, int number, const double *from)
{
    Member *member = &t->members[number];
    double *state = state_of(t, member, member->rung), values[8], before = 0;
    HptStream stream = hpt_stream((uint64_t)t->run, number, "train", t->learner->name);
    Draws draws = {stream, (uint64_t)member->rung << 32};
    if (from != NULL) {
        memcpy(state, from, t->learner->n_state * sizeof *state);
        before = t->rungs->budgets[member->rung - 1];
    } else {
        t->learner->begin(state, &draws);
    }
    for (size_t i = 0; i < member->config->n; i++)
        values[i] = member->config->values[i].number;
    double epochs = t->rungs->budgets[member->rung] - before;
    t->left -= epochs;
    member->values[member->rung] = t->learner->train(state, values, (int)epochs, &draws);
}

static int begin(Training *t, HptConfig *config, int rung, const double *from)
{
    int number = t->n++;
    g_assert(number < TRIALS_MAX);
    t->members[number] = (Member){
        config, g_new(double, t->learner->n_state *(size_t)t->rungs->n_budgets), {0}, rung};
    train(t, number, from);
    return number;
}

/* What a worker that is free does: the trial, or −1. */
static int take(Training *t)
{
    if (t->left <= 0)
        return -1;
    HptPromotion promotion = {.kind = HPT_PROMOTE_NONE};
    if (t->pruner == NULL)
        return begin(t, draw_config(t, t->n), t->rungs->n_budgets - 1, NULL);
    hpt_pruner_promote(t->pruner, t->results, t->n_results, true, &promotion);
    if (promotion.kind == HPT_PROMOTE_NONE)
        return begin(t, draw_config(t, t->n), hpt_pruner_first_rung(t->pruner, t->n), NULL);
    for (size_t i = 0; i < t->n_results; i++)
        if (t->results[i].trial == promotion.replaces && t->results[i].rung == promotion.rung - 1)
            t->results[i].promoted = true;
    int parent = (int)promotion.trial;
    const double *from = state_of(t, &t->members[parent], promotion.rung - 1);
    if (promotion.kind == HPT_PROMOTE_TRIAL) {
        t->members[parent].rung = promotion.rung;
        train(t, parent, from);
        return parent;
    }
    g_autoptr(GError) error = NULL;
    HptConfig *child =
        hpt_pbt_explore(t->pruner, t->space, t->members[parent].config, t->n, &error);
    g_assert_no_error(error);
    return begin(t, child, promotion.rung, from);
}

static void end(Training *t, int number)
{
    Member *member = &t->members[number];
    t->results[t->n_results++] =
        (HptRungResult){number, member->rung, false, &member->values[member->rung]};
    t->best = fmin(t->best, member->values[member->rung]);
}

/* The best of the models that were trained, to whatever rung, with epochs to spend. */
static double study(const Learner *learner, const char *spec, const char *budget, double epochs,
                    int64_t run)
{
    static const bool minimise[] = {false};
    g_autofree char *canonical = NULL;
    HptPruneStudy rungs = {
        .n_objectives = 1, .maximise = minimise, .seed = (uint64_t)run, .evaluations = 1};
    g_autoptr(GError) error = NULL;
    g_autofree double *budgets = hpt_rungs_parse(budget, &rungs.n_budgets, &canonical, &error);
    g_assert_no_error(error);
    rungs.budgets = budgets;
    g_autoptr(HptSpace) space = hpt_space_parse(learner->space, &error);
    g_assert_no_error(error);
    g_autoptr(HptPruner) pruner = spec != NULL ? sim_pruner(spec, &rungs) : NULL;
    g_autofree Member *members = g_new0(Member, TRIALS_MAX);
    g_autofree HptRungResult *results = g_new(HptRungResult, TRIALS_MAX * (size_t)rungs.n_budgets);
    Training t = {learner, space, pruner, &rungs,          run, members, 0,
                  results, 0,     epochs, (double)INFINITY};
    int running[WORKERS];
    double until[WORKERS], now = 0;
    for (int w = 0; w < WORKERS; w++)
        running[w] = -1;
    for (;;) {
        int first = -1;
        for (int w = 0; w < WORKERS; w++) {
            if (running[w] < 0) {
                double left = t.left;
                running[w] = take(&t);
                until[w] = now + left - t.left;
            }
            if (running[w] >= 0 && (first < 0 || until[w] < until[first]))
                first = w;
        }
        if (first < 0)
            break;
        now = until[first];
        end(&t, running[first]);
        running[first] = -1;
    }
    for (int i = 0; i < t.n; i++) {
        hpt_config_free(members[i].config);
        g_free(members[i].states);
    }
    return t.best;
}

void sim_pbt(int runs)
{
    static const struct {
        const char *spec, *budget;
    } rules[] = {{NULL, "1..81:81"},   {"asha", "1..81:3"},
                 {"auto", "3..81:3"},  {"hyperband", "1..81:3"},
                 {"pbt", "1..81:3"},   {"pbt", "3..81:1.5"},
                 {"pbt", "3..81:1.2"}, {"pbt:population=20", "3..81:1.2"}};
    static const int wholes[] = {10, 40};
    g_autofree double *values = g_new(double, (size_t)runs), *plain = g_new(double, (size_t)runs);
    network_data();
    printf("pbt       rule, rungs, epochs of so many whole trials; median loss of the best, share "
           "of studies better than without a rule\n");
    for (size_t l = 0; l < G_N_ELEMENTS(learners); l++)
        for (size_t b = 0; b < G_N_ELEMENTS(wholes); b++)
            for (size_t r = 0; r < G_N_ELEMENTS(rules); r++) {
                int better = 0;
                for (int run = 0; run < runs; run++) {
                    values[run] = study(&learners[l], rules[r].spec, rules[r].budget,
                                        EPOCHS * wholes[b], run + 1);
                    if (rules[r].spec == NULL)
                        plain[run] = values[run];
                    better += values[run] < plain[run];
                }
                qsort(values, (size_t)runs, sizeof *values, sim_by_value);
                printf("%-9s %-18s %-9s %2d  %8.4f  %.2f\n", learners[l].name,
                       rules[r].spec != NULL ? rules[r].spec : "none", rules[r].budget, wholes[b],
                       values[runs / 2], (double)better / runs);
                fflush(stdout);
            }
}
