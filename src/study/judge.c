#include "study/judge.h"

static HptPending *record(const HptJudge *judge, int64_t trial, int attempt, const char *kind,
                          int64_t place, const HptPruneDecision *decision, const HptRows *rows)
{
    return hpt_outbox_post(
        judge->outbox, HPT_SQL_PRUNE_DECIDE,
        hpt_plan_decide_args(judge->study_id, trial, attempt, kind, place, decision, rows), NULL);
}

void hpt_judge_promote(const HptJudge *judge, const HptRows *rows, int64_t total, HptPromotion *out)
{
    hpt_plan_promote(judge->plan, rows, total, out);
    if (out->kind != HPT_PROMOTE_NONE)
        record(judge, out->trial, 0, "rung", out->rung, &out->why, NULL);
}

void hpt_judge_ask_fold(const HptJudge *judge, const HptSlot *slot)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, judge->study_id);
    hpt_args_int8(args, slot->number);
    HptPending *pending = hpt_outbox_post(judge->outbox, HPT_SQL_FOLD_VALUES, args, NULL);
    pending->number = slot->number;
    pending->attempt = slot->attempt;
}

void hpt_judge_fold(const HptJudge *judge, const HptPending *asked, const HptRows *rows)
{
    HptPruneDecision decision;
    int done = 0;
    hpt_plan_fold(judge->plan, rows, &decision, &done);
    HptPending *pending =
        record(judge, asked->number, asked->attempt, "fold", done, &decision, NULL);
    pending->number = asked->number;
}

void hpt_judge_look_after(const HptJudge *judge, HptSlot *slot)
{
    if (slot->watch == NULL || slot->fenced || slot->pruned != NULL || hpt_run_finished(slot->run))
        return;
    bool away = hpt_outbox_is_away(judge->outbox);
    if (!away && hpt_watch_is_due(slot->watch))
        hpt_outbox_post(judge->outbox, HPT_SQL_PRUNE_OBSERVE,
                        hpt_watch_observe_args(slot->watch, slot->attempt_id), slot);
    if (hpt_run_is_asking(slot->run) && (away || hpt_watch_is_idle(slot->watch)))
        hpt_run_answer(slot->run, false);
}

void hpt_judge_step(const HptJudge *judge, HptSlot *slot, const HptRows *rows, int64_t now_us)
{
    if (slot->state != HPT_SLOT_RUNNING || slot->watch == NULL || slot->pruned != NULL ||
        hpt_run_finished(slot->run))
        return;
    HptPruneDecision decision;
    int64_t step = 0;
    hpt_watch_decide(slot->watch, rows, &decision, &step);
    record(judge, slot->number, slot->attempt, "step", step, &decision, rows);
    if (decision.stop)
        hpt_slot_prune(slot, &decision, now_us);
}
