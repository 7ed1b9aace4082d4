/* How the trials of a study are made of runs, and what its pruner says: the definition's folds,
 * repeats, budget and pruner as what the database asks for and answers.
 */
#ifndef HPT_STUDY_PLAN_H
#define HPT_STUDY_PLAN_H

#include "db/db.h"
#include "study/definition.h"

typedef struct {
    const HptDefinition *definition; /* borrowed */
    HptPruneStudy study;
    HptPruner *pruner;  /* NULL: none */
    char **objectives;  /* names, in order, NULL-terminated */
    json_t *parts;      /* what trial_reserve gets; NULL: a trial is one run */
} HptPlan;

HptPlan *hpt_plan_new(const HptDefinition *definition, GError **error) HPT_WARN_UNUSED;
void hpt_plan_free(HptPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPlan, hpt_plan_free)

/* Does a worker ask for rung_results before each trial, for fold_values after each evaluation, and
 * decide about running trials? */
bool hpt_plan_by_rung(const HptPlan *plan);
bool hpt_plan_by_fold(const HptPlan *plan);
bool hpt_plan_by_step(const HptPlan *plan);

/* Argument "plan" of trial_reserve and trial_finish. promotion may be NULL. */
void hpt_plan_add(const HptPlan *plan, const HptPromotion *promotion, HptArgs *args);

/* Which trial goes on, from the rows of rung_results; total -1: no end. */
void hpt_plan_promote(const HptPlan *plan, const HptRows *rows, int64_t total, HptPromotion *out);

/* Is the trial of the rows of fold_values worth its other evaluations? *done is how many of its own
 * are done. */
void hpt_plan_fold(const HptPlan *plan, const HptRows *rows, HptPruneDecision *out, int *done);

/* Arguments of prune_decide. rows are of prune_observe (kind step), else NULL. Owned. */
HptArgs *hpt_plan_decide_args(int64_t study_id, int64_t trial, int attempt, const char *kind,
                              int64_t place, const HptPruneDecision *decision, const HptRows *rows);

/* Peers from the rows of prune_observe; owned array, its values belong to *keep. */
HptPrunePeer *hpt_plan_peers(const HptPlan *plan, const HptRows *rows, size_t *n, GPtrArray **keep);

#endif
