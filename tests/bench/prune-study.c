/* Studies as a pruner sees them: step by step, rung by rung, fold by fold. */
#include "tests/bench/prune-sim.h"

#include <string.h>

/* How long a step of trial takes: trials overtake each other. */
static double pace(int trial)
{
    HptStream stream = hpt_stream(1, trial, "pace", "");
    return 0.5 + 1.5 * hpt_stream_uniform(&stream, 0);
}

static double last(const SimStudy *study, int trial)
{
    return study->curves[(trial + 1) * study->n_steps - 1];
}

static SimResult sum_up(const SimStudy *study, const bool *complete, double steps)
{
    SimResult result = {steps / study->n / study->n_steps, 0, -1, false};
    int best = 0;
    for (int t = 0; t < study->n; t++) {
        if (last(study, t) < last(study, best))
            best = t;
        result.complete += complete[t];
        if (complete[t] && (result.best < 0 || last(study, t) < last(study, result.best)))
            result.best = t;
    }
    result.lost = !complete[best];
    return result;
}

/* ---- by step ---- */

typedef struct {
    const HptPruner *pruner;
    const SimStudy *study;
    int *ran;       /* by trial: steps that were run */
    bool *complete; /* by trial */
    double *best;   /* n × n_steps: best up to the step */
    int64_t *steps; /* 0, 1, … */
    HptPrunePeer *peers;
} Stepped;

/* Runs the next step of trial; false: it has ended or was stopped. Steps are counted from 1. */
static bool go_on(Stepped *s, int trial)
{
    int at = s->ran[trial]++, width = s->study->n_steps;
    const double *curve = s->study->curves + trial * width;
    double *best = s->best + trial * width;
    best[at] = at > 0 ? fmin(best[at - 1], curve[at]) : curve[at];
    if (at + 1 == width) {
        s->complete[trial] = true;
        return false;
    }
    if (!hpt_pruner_is_due(s->pruner, trial, at, at + 1))
        return true;
    int64_t level = hpt_pruner_level(s->pruner, trial, at + 1);
    size_t n = 0;
    for (int t = 0; t < s->study->n; t++)
        if (t != trial && s->ran[t] >= level)
            s->peers[n++] =
                (HptPrunePeer){t, s->complete[t], s->study->curves + t * width + level - 1,
                               s->best + t * width + level - 1};
    HptPruneCurve own = {s->steps, curve, (size_t)at + 1, (size_t)at};
    HptPruneDecision decision;
    hpt_pruner_step(s->pruner, trial, &own, s->peers, n, &decision);
    return !decision.stop;
}

SimResult sim_by_step(const HptPruner *pruner, const SimStudy *study, int workers)
{
    size_t n = (size_t)study->n, cells = n * (size_t)study->n_steps;
    g_autofree int *ran = g_new0(int, n), *running = g_new(int, (size_t)workers);
    g_autofree bool *complete = g_new0(bool, n);
    g_autofree double *best = g_new0(double, cells), *until = g_new0(double, (size_t)workers);
    double now = 0;
    g_autofree int64_t *steps = g_new(int64_t, (size_t)study->n_steps);
    g_autofree HptPrunePeer *peers = g_new(HptPrunePeer, n);
    for (int i = 0; i < study->n_steps; i++)
        steps[i] = i + 1;
    Stepped s = {pruner, study, ran, complete, best, steps, peers};
    int next = 0;
    for (int w = 0; w < workers; w++)
        running[w] = -1;
    for (;;) {
        int first = -1; /* the worker whose step ends first */
        for (int w = 0; w < workers; w++) {
            if (running[w] < 0 && next < study->n) {
                running[w] = next++;
                until[w] = now + pace(running[w]);
            }
            if (running[w] >= 0 && (first < 0 || until[w] < until[first]))
                first = w;
        }
        if (first < 0)
            break;
        now = until[first];
        until[first] += pace(running[first]);
        if (!go_on(&s, running[first]))
            running[first] = -1;
    }
    double cost = 0;
    for (size_t t = 0; t < n; t++)
        cost += ran[t];
    return sum_up(study, complete, cost);
}

/* ---- by rung ---- */

typedef struct {
    int trial, rung;
    double until;
} Job;

typedef struct {
    const HptPruner *pruner;
    const HptPruneStudy *rungs;
    const SimStudy *study;
    HptRungResult *results;
    size_t n_results;
    int begun;
    double cost;
} Runged;

/* What a worker that is free at time now does; false: nothing. */
static bool take(Runged *r, double now, Job *job)
{
    HptPromotion promotion;
    bool more = r->begun < r->study->n;
    hpt_pruner_promote(r->pruner, r->results, r->n_results, more, &promotion);
    double from = 0;
    if (promotion.kind == HPT_PROMOTE_TRIAL) {
        *job = (Job){(int)promotion.trial, promotion.rung, 0};
        from = r->rungs->budgets[promotion.rung - 1];
        for (size_t i = 0; i < r->n_results; i++)
            if (r->results[i].trial == promotion.trial && r->results[i].rung == promotion.rung - 1)
                r->results[i].promoted = true;
    } else if (more) {
        *job = (Job){r->begun, hpt_pruner_first_rung(r->pruner, r->begun), 0};
        r->begun++;
    } else {
        return false;
    }
    double length = r->rungs->budgets[job->rung] - from;
    job->until = now + length * pace(job->trial);
    r->cost += length;
    return true;
}

static void end(Runged *r, const Job *job, bool *complete)
{
    const double *curve = r->study->curves + job->trial * r->study->n_steps;
    r->results[r->n_results++] = (HptRungResult){job->trial, job->rung, false,
                                                 curve + (int)r->rungs->budgets[job->rung] - 1};
    complete[job->trial] |= job->rung + 1 == r->rungs->n_budgets;
}

SimResult sim_by_rung(const HptPruner *pruner, const HptPruneStudy *rungs, const SimStudy *study,
                      int workers)
{
    size_t n = (size_t)study->n;
    g_autofree bool *complete = g_new0(bool, n);
    g_autofree HptRungResult *results = g_new(HptRungResult, n * (size_t)rungs->n_budgets);
    g_autofree Job *jobs = g_new0(Job, (size_t)workers);
    Runged r = {pruner, rungs, study, results, 0, 0, 0};
    for (int w = 0; w < workers; w++)
        jobs[w].until = -1; /* free */
    for (double now = 0;;) {
        int first = -1;
        for (int w = 0; w < workers; w++)
            if (jobs[w].until >= 0 || take(&r, now, &jobs[w]))
                if (first < 0 || jobs[w].until < jobs[first].until)
                    first = w;
        if (first < 0)
            break;
        now = jobs[first].until;
        end(&r, &jobs[first], complete);
        jobs[first].until = -1;
    }
    return sum_up(study, complete, r.cost);
}

/* ---- by fold ---- */

static double mean(const double *values, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += values[i];
    return sum / n;
}

SimResult sim_by_fold(const HptPruner *pruner, const SimStudy *study)
{
    int k = study->n_steps, best = 0, incumbent = -1, first = hpt_pruner_first_folds(pruner);
    g_autofree double *values = g_new(double, (size_t)k);
    SimResult result = {0, 0, -1, false};
    bool best_complete = false;
    for (int t = 0; t < study->n; t++) {
        const double *all = study->curves + t * k;
        bool stop = false;
        int ran = 0;
        for (int i = 0; i < k; i++)
            values[i] = (double)NAN;
        while (ran < k && !stop) {
            values[ran] = all[ran];
            ran++;
            HptFoldValues own = {t, values}, other = {incumbent, study->curves + incumbent * k};
            HptPruneDecision decision;
            hpt_pruner_fold(pruner, &own, incumbent >= 0 ? &other : NULL, &decision);
            stop = ran >= first && decision.stop;
        }
        result.cost += (double)ran / study->n / k;
        if (mean(all, k) < mean(study->curves + best * k, k) || t == 0) {
            best = t;
            best_complete = !stop;
        }
        if (stop)
            continue;
        result.complete++;
        if (incumbent < 0 || mean(all, k) < mean(study->curves + incumbent * k, k))
            incumbent = t;
    }
    result.best = incumbent;
    result.lost = !best_complete;
    return result;
}
