/* The one interface of all pruners: what was measured in, stop or go out.
 *
 * A decision is a pure function of the settings, the trial's own values and those of its peers that
 * are handed in; a pruner holds nothing else. Nothing here reads a clock, a file, the environment
 * or a socket. Values are one per objective, in the study's order, as reported; the study says
 * which are to be maximised. Several objectives are compared by non-domination (Deb et al. 2002),
 * ties by crowding, so that every rule works with them.
 *
 * Three ways to be asked, and every pruner answers one or more of them:
 *   step   a running trial has reported at a step: stop it or let it go on?
 *            median, percentile, threshold, patience, asha and hyperband (the stopping variant)
 *   rung   a worker wants work (--budget): which paused trial is worth a larger budget, or none?
 *            asha (asynchronous promotion), hyperband, pbt
 *   fold   an evaluation of a trial has ended (--folds, --repeats): are the others still worth it?
 *            race (paired with the incumbent's, for repeated looks)
 */
#ifndef HPT_PRUNE_PRUNE_H
#define HPT_PRUNE_PRUNE_H

#include "space/space.h"

/* What is fixed for the life of a study version; borrowed, must outlive the pruner. */
typedef struct {
    size_t n_objectives;  /* ≥ 1 */
    const bool *maximise; /* per objective */
    uint64_t seed;
    int evaluations;       /* folds × repeats of a trial that are run; 1: none */
    const double *budgets; /* of the rungs, ascending (hpt_rungs); NULL: no --budget */
    int n_budgets;
    int folds; /* of those evaluations, if they are folds of one split, so that their training sets
                  overlap; 0 or 1: repeats alone, or not known */
} HptPruneStudy;

typedef struct HptPruner HptPruner;

/* spec is "NAME" or "NAME:KEY=VALUE,…", several joined by "+" (a stop of any stops): auto, none,
 * median, percentile, threshold, patience, asha, hyperband, race, pbt; settings in the file of
 * each. Of several, one at most compares with peers by step, one answers by rung, and one by fold.
 * auto is settled here: asha with budgets, race with evaluations > 1, both with both, a percentile
 * that is hard to miss else; the canonical spec shows what it became, and gives the same pruner
 * when it is read again. Fails HPT_ERROR_USAGE with a suggestion. */
HptPruner *hpt_pruner_new(const char *spec, const HptPruneStudy *study,
                          GError **error) HPT_WARN_UNUSED;
void hpt_pruner_free(HptPruner *pruner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPruner, hpt_pruner_free)
const char *hpt_pruner_get_spec(const HptPruner *pruner); /* every setting spelled out */
int hpt_pruner_get_version(const HptPruner *pruner);      /* rises with that of any rule in it */
const char *const *hpt_pruner_get_names(void); /* NULL-terminated, for help and completion */

/* Which ways it answers. */
bool hpt_pruner_by_step(const HptPruner *pruner);
bool hpt_pruner_by_rung(const HptPruner *pruner);
bool hpt_pruner_by_fold(const HptPruner *pruner);

/* Why, for the record and for people. */
typedef struct {
    bool stop;
    const char *rule; /* the part of the canonical spec that decided; of the pruner */
    double value;     /* what was compared: the trial's value, rank or p-value */
    double threshold; /* with what; NaN: nothing to compare with yet */
    int64_t compared; /* peers that were looked at; by fold, pairs */
    char reason[160]; /* "0.31 at step 9 is worse than the median 0.25 of 7"; "" when it goes on,
                         but a promotion says why */
} HptPruneDecision;

/* ---- by step ---- */

/* Is there anything to decide for trial at this step? Cheap: called for every report. A worker may
 * skip a step that is due while an earlier one is still being decided, so a rung counts from its
 * step on until it is decided: previous is the last step that was decided (-1: none). */
bool hpt_pruner_is_due(const HptPruner *pruner, int64_t trial, int64_t previous, int64_t step);

/* The step under which observations are kept and compared: the rung that step has reached, or step
 * itself for rules that look at each; −1: no rung is reached, nothing is to be kept. */
int64_t hpt_pruner_level(const HptPruner *pruner, int64_t trial, int64_t step);

/* The trial's own objective values, a row a reported step, oldest first. */
typedef struct {
    const int64_t *steps; /* ascending, ≥ 0 */
    const double *values; /* n × n_objectives, row-major; NaN where none was reported */
    size_t n;
    size_t n_decided; /* leading rows, up to the last step that was decided; 0: none. Of several
                         rules each decides only what is due since then. */
} HptPruneCurve;

/* A trial that has been observed at the same level. */
typedef struct {
    int64_t trial;
    bool complete;        /* has ended as complete */
    const double *values; /* n_objectives at that level */
    const double *best;   /* n_objectives: best up to that level, each by itself */
} HptPrunePeer;

/* own has at least a row; its first row that has reached the level stands for it. peers are all
 * other trials that were observed at hpt_pruner_level, in any order, a trial once. With one
 * objective NaN is worse than any number; with several a value that is missing is the latest before
 * it. Cost O(n log n); with three or more objectives O(n²) up to 4,096 peers and O(n) beyond. */
void hpt_pruner_step(const HptPruner *pruner, int64_t trial, const HptPruneCurve *own,
                     const HptPrunePeer *peers, size_t n, HptPruneDecision *out);

/* ---- by rung ---- */

/* Budgets lo, lo·eta, lo·eta² … , hi (the last step may be shorter): owned array, *n of them.
 * text is LO..HI[:ETA], eta 3 unless given. Between whole ends all are rounded to whole numbers,
 * else to 12 digits; at most 64. Fails HPT_ERROR_USAGE. */
double *hpt_rungs_parse(const char *text, int *n, char **canonical, GError **error) HPT_WARN_UNUSED;

/* Where trial begins: 0, or with hyperband the first rung of its bracket. */
int hpt_pruner_first_rung(const HptPruner *pruner, int64_t trial);

/* A trial that has ended a rung. */
typedef struct {
    int64_t trial;
    int rung;
    bool promoted;        /* has gone on to the next, ended or running */
    const double *values; /* n_objectives; NULL: failed */
} HptRungResult;

typedef enum {
    HPT_PROMOTE_NONE,  /* nobody: start a new trial */
    HPT_PROMOTE_TRIAL, /* trial goes on with rung */
    HPT_PROMOTE_CHILD, /* pbt: a new trial, made from trial, begins at rung with its checkpoint */
} HptPromotionKind;

typedef struct {
    HptPromotionKind kind;
    int64_t trial;
    int rung;
    int64_t replaces; /* CHILD: the trial whose place it takes, which goes no further: from now on
                         its row of rung − 1 is handed in as promoted; TRIAL: trial; NONE: −1 */
    HptPruneDecision why;
} HptPromotion;

/* results holds, for every trial, a row for each rung it has ended, in any order (pbt: a child's
 * first row is that of the rung it began at; NaN among values is a failure). more: may new trials
 * be started (false: the total is reached)? Deterministic; the best of the highest rung first. With
 * more false, NONE means that the study is over when nothing runs. */
void hpt_pruner_promote(const HptPruner *pruner, const HptRungResult *results, size_t n, bool more,
                        HptPromotion *out);

/* pbt: the child's configuration, explored from its parent's (perturbed or drawn anew by parameter;
 * legal values only, conditions and clauses kept). A pure function of seed, number and parent. */
HptConfig *hpt_pbt_explore(const HptPruner *pruner, const HptSpace *space, const HptConfig *parent,
                           int64_t number, GError **error) HPT_WARN_UNUSED;

/* ---- by fold ---- */

/* One trial's values by evaluation, the index being (repeat × folds + fold): NaN where none is. */
typedef struct {
    int64_t trial;
    const double *values; /* evaluations × n_objectives, row-major */
} HptFoldValues;

/* How many evaluations to start with, and how many more a go releases (race: 1 after first). */
int hpt_pruner_first_folds(const HptPruner *pruner);

/* Is trial still worth it beside the incumbent (the best complete trial), on the evaluations that
 * both have? incumbent NULL: none yet, go. The test allows for the looks before: its chance to stop
 * a trial that is as good as the incumbent stays below alpha over all looks. */
void hpt_pruner_fold(const HptPruner *pruner, const HptFoldValues *own,
                     const HptFoldValues *incumbent, HptPruneDecision *out);

#endif
