/* What a pruning rule is made of; for the files of this folder alone. */
#ifndef HPT_PRUNE_INTERNAL_H
#define HPT_PRUNE_INTERNAL_H

#include "base/setting.h"
#include "prune/prune.h"

#include <math.h>

/* A copy of a rule's state for its open to return; owned. */
void *hpt_prune_keep(const void *state, size_t size);

/* ---- rules ---- */

/* Everything that a decision by step may look at. level is hpt_pruner_level of the last step. */
typedef struct {
    const HptPruneStudy *study;
    int64_t trial;
    const HptPruneCurve *own; /* n ≥ 1 */
    const HptPrunePeer *peers;
    size_t n;
    int64_t level;
} HptPruneAsk;

/* A kind of rule. open makes its state, a single block for g_free, and appends the settings to
 * spec. A member that is NULL is a way in which the rule is never asked; a rule that has both step
 * and promote answers by rung in studies with budgets and by step in the others. */
typedef struct {
    const char *name;
    int version;
    bool peers; /* step compares with peers, so that the level is this rule's */
    void *(*open)(const HptPruneStudy *study, const HptSetting *settings, size_t n, GString *spec,
                  GError **error);
    bool (*is_due)(const void *state, int64_t trial, int64_t previous, int64_t step);
    int64_t (*level)(const void *state, int64_t trial, int64_t step);
    void (*step)(const void *state, const HptPruneAsk *ask, HptPruneDecision *out);
    int (*first_rung)(const void *state, int64_t trial);
    void (*promote)(const void *state, const HptPruneStudy *study, const HptRungResult *results,
                    size_t n, bool more, HptPromotion *out);
    int (*first_folds)(const void *state);
    void (*fold)(const void *state, const HptPruneStudy *study, const HptFoldValues *own,
                 const HptFoldValues *incumbent, HptPruneDecision *out);
} HptPruneKind;

extern const HptPruneKind hpt_prune_none, hpt_prune_median, hpt_prune_percentile,
    hpt_prune_threshold, hpt_prune_patience, hpt_prune_asha, hpt_prune_hyperband, hpt_prune_race,
    hpt_prune_pbt;

typedef struct {
    const HptPruneKind *kind;
    void *state;
    char *spec; /* its own part of the canonical spec */
    bool by_step, by_rung;
} HptPruneRule;

#define HPT_PRUNE_RULES 8

struct HptPruner {
    const HptPruneStudy *study;
    HptPruneRule rules[HPT_PRUNE_RULES];
    size_t n; /* ≥ 1 */
    char *spec;
};

/* The state of the pbt rule in pruner; NULL if there is none; and the seed of its study. */
typedef struct {
    double population, quantile, factor, resample;
} HptPbt;
const HptPbt *hpt_pruner_get_pbt(const HptPruner *pruner, uint64_t *seed);

/* Every so many steps after a warm-up: what median, percentile and threshold share. */
bool hpt_prune_interval_due(double warmup, double interval, int64_t previous, int64_t step);
int64_t hpt_prune_interval_level(double warmup, double interval, int64_t step);

/* ---- order ---- */

/* value as a number to be minimised. */
static inline double hpt_prune_cost(const HptPruneStudy *study, size_t objective, double value)
{
    return study->maximise[objective] ? -value : value;
}

/* a before b in ascending order, NaN last and equal to itself: −1, 0 or 1. */
int hpt_prune_compare(double a, double b);

/* out[i] = how many of the n rows (n × n_objectives) are strictly better than row i: by value, or
 * by front and crowding. Does not depend on the order of the rows. See rank.c for the cost. */
void hpt_prune_ranks(const HptPruneStudy *study, const double *rows, size_t n, size_t *out);

/* ---- own curve ---- */

/* The row that stands for level: the first whose step has reached it (or the last there is).
 * Several objectives: what a row lacks is taken from the latest before that has it. False: an
 * objective has no value yet, so there is nothing to compare; a single objective always has one,
 * NaN perhaps. */
bool hpt_prune_own_at(const HptPruneAsk *ask, double *out);

/* Each objective's best over all rows, NaN where it has none. */
void hpt_prune_own_best(const HptPruneAsk *ask, double *out);

/* ---- halving: what asha and hyperband share ---- */

/* Is the own value at level among the best 1/eta of the peers that keep accepts (NULL: all)? */
typedef bool (*HptPruneKeep)(const void *data, int64_t trial);
void hpt_halving_step(const HptPruneAsk *ask, double eta, double grace, HptPruneKeep keep,
                      const void *data, HptPruneDecision *out);

/* Steps min·eta^k, each rounded up and at least one more than the one before; −1 below min. */
int64_t hpt_halving_level(double min, double eta, double max, int skip, int64_t step);

/* Asynchronous promotion within each bracket; bracket NULL: all trials are in one. */
typedef int (*HptPruneBracket)(const void *data, int64_t trial);
void hpt_halving_promote(const HptPruneStudy *study, double eta, HptPruneBracket bracket,
                         const void *data, const HptRungResult *results, size_t n, bool more,
                         HptPromotion *out);

/* The rows of one rung and bracket, by rank and then trial number: the best first. */
typedef struct {
    const HptRungResult *result;
    size_t rank;
} HptRungPlace;
void hpt_rung_order(const HptPruneStudy *study, HptRungPlace *places, size_t n);

/* Did it leave a number for every objective? If not it is behind all that did, with rank n. */
bool hpt_prune_succeeded(const HptPruneStudy *study, const HptRungResult *result);

/* The factor between the first two budgets: the eta that they were made with. */
double hpt_prune_budget_eta(const HptPruneStudy *study);

/* ---- reasons ---- */

/* A decision with nothing to say: go on. */
void hpt_prune_go(HptPruneDecision *out);

/* Four digits of value, for a reason; out holds HPT_NUMBER_TEXT_SIZE bytes. */
const char *hpt_prune_text(double value, char *out);

/* "the value 0.31" or, with several objectives, "rank 4". */
void hpt_prune_subject(const HptPruneStudy *study, double value, char *out, size_t size);

#endif
