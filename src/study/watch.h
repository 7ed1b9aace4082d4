/* The learning curve of one running trial, as its pruner wants it: rows of objectives by step, and
 * whether something is to be decided.
 *
 * Only numbers that were said on purpose count: reports, and a declared re= with a step. What is
 * merely found in text (rule text) never stops a trial.
 */
#ifndef HPT_STUDY_WATCH_H
#define HPT_STUDY_WATCH_H

#include "run/scan.h"
#include "study/plan.h"

typedef struct HptWatch HptWatch;

HptWatch *hpt_watch_new(const HptPlan *plan, int64_t trial, int part);
void hpt_watch_free(HptWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptWatch, hpt_watch_free)

/* Before the first point, of a curve that another process began: the last step that was decided. */
void hpt_watch_resume(HptWatch *watch, int64_t decided);

void hpt_watch_add(HptWatch *watch, const HptPoint *point);

/* Is there a step to decide, and none being decided? */
bool hpt_watch_is_due(const HptWatch *watch);
/* Arguments of prune_observe for it; it is being decided then. Owned. */
HptArgs *hpt_watch_observe_args(HptWatch *watch, const char *attempt_id);
/* The decision, from the rows of prune_observe. *step (may be NULL) is the step it is about. */
void hpt_watch_decide(HptWatch *watch, const HptRows *rows, HptPruneDecision *out, int64_t *step);
/* Nothing is being decided: an answer may be waited for by the trial. */
bool hpt_watch_is_idle(const HptWatch *watch);

#endif
