/* A study's pruner at work: asks the database what it has to compare, decides, records the decision.
 * Answers come back through the worker, which hands them in.
 */
#ifndef HPT_STUDY_JUDGE_H
#define HPT_STUDY_JUDGE_H

#include "study/outbox.h"

/* All borrowed. */
typedef struct {
    const HptPlan *plan;
    HptOutbox *outbox;
    int64_t study_id;
} HptJudge;

/* From the rows of rung_results: which trial goes on, if any. total -1: no end. */
void hpt_judge_promote(const HptJudge *judge, const HptRows *rows, int64_t total, HptPromotion *out);

/* An evaluation of slot's trial is done and others are to come: are they worth it? Answered by the
 * rows of fold_values, which decide it; the answer to that (prune_decide) says whether the trial has
 * ended, with number and cause in the pending statement. */
void hpt_judge_ask_fold(const HptJudge *judge, const HptSlot *slot);
void hpt_judge_fold(const HptJudge *judge, const HptPending *asked, const HptRows *rows);

/* Once a round for each running trial: asks about a step that is due, answers a trial that waits when
 * nothing is. A trial does not wait for a database that is away. */
void hpt_judge_look_after(const HptJudge *judge, HptSlot *slot);
/* From the rows of prune_observe. */
void hpt_judge_step(const HptJudge *judge, HptSlot *slot, const HptRows *rows, int64_t now_us);

#endif
