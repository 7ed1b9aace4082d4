/* From a trial that was handed out to its command: what it is made of is read, it is proposed and started. */
#include "study/worker-internal.h"

#include "base/text.h"
#include "record/codewalk.h"
#include "study/resume.h"

#include <string.h>

/* A trial that was handed out and is not started goes back to the queue. */
void worker_give_back(Worker *worker, HptSlot *slot)
{
    HptArgs *args = hpt_slot_finish_args(slot, &worker->context, "cancelled", "not started",
                                         MAX_LOST, 1, NULL, worker->total, LEASE_S, NULL, NULL);
    slot->state = HPT_SLOT_FINISHING;
    HptPending *pending = hpt_outbox_post_end(&worker->outbox, args, slot);
    pending->outcome = g_strdup("cancelled");
    pending->cause = g_strdup("not started");
}

/* The trial cannot be run here, and the worker ends. */
void worker_abandon(Worker *worker, HptSlot *slot, GError *steal_error)
{
    worker_fail(worker, steal_error);
    worker_give_back(worker, slot);
}

/* What the trial is about to run. A persistent worker has read its code when it began. */
static void look_at_code(Worker *worker, HptSlot *slot)
{
    HptArgs *args = NULL;
    if (slot->servant == NULL || hpt_servant_get_pid(slot->servant) <= 0) {
        slot->looked_ns = hpt_stamp_now_ns();
        slot->code = hpt_codebook_look(worker->codebook, &args);
        hpt_tracked_unref(slot->tracked);
        slot->tracked = hpt_intake_track(worker->intake, hpt_codebook_peek(worker->codebook));
    }
    slot->has_code = true;
    if (args != NULL)
        hpt_outbox_post_record(&worker->outbox, HPT_SQL_CODE_PUT, args, &slot->code);
}

static void start_trial(Worker *worker, HptSlot *slot)
{
    GError *error = NULL;
    HptStudy *study = worker->options->study;
    size_t length = 0;
    const void *config = slot->given == NULL ? NULL : g_bytes_get_data(slot->given, &length);
    if (slot->given == NULL)
        slot->version = study->version;
    slot->definition = study->definition;
    if (slot->version != study->version)
        slot->definition =
            g_hash_table_lookup(study->older, GINT_TO_POINTER(slot->version));
    if (slot->definition == NULL)
        g_set_error(&error, HPT_ERROR, HPT_ERROR_CONFLICT,
                    "trial %" PRId64 " belongs to version %d of the study, which this worker does "
                    "not know\nhint: start hpt-run again",
                    slot->number, slot->version);
    bool proposed = error == NULL &&
                    hpt_slot_propose(slot, worker->sampler, worker->past, worker->plan, config, length, &error);
    if (proposed)
        look_at_code(worker, slot);
    if (!proposed || !worker_gather_begin(worker, slot, &error) ||
        !hpt_slot_start(slot, &worker->context, hpt_time_monotonic_us(), &error)) {
        worker_abandon(worker, slot, error);
        return;
    }
    slot->state = HPT_SLOT_RUNNING;
    hpt_outbox_post(&worker->outbox, HPT_SQL_TRIAL_START, hpt_slot_start_args(slot, &worker->context), slot);
}

/* At once, or when the sampler knows what is new in the record. */
void worker_propose_and_start(Worker *worker, HptSlot *slot)
{
    if (hpt_slot_needs_past(slot, worker->sampler))
        hpt_outbox_post(&worker->outbox, HPT_SQL_HISTORY_READ,
                        hpt_past_args(worker->past, worker->context.study_id), slot);
    else
        start_trial(worker, slot);
}

void worker_take_history(Worker *worker, HptSlot *slot, const HptRows *rows)
{
    worker_learn(worker, rows);
    if (worker->seen_interrupts >= 2) /* what runs was told to end before this came */
        worker_give_back(worker, slot);
    else
        start_trial(worker, slot);
}

/* The files that the trial goes on from have come. */
void worker_resume_trial(Worker *worker, HptSlot *slot, const HptRows *rows)
{
    GError *error = NULL;
    slot->resume = g_strdup_printf("%s/%" PRId64 "-%" PRId64 ".%d.resume",
                                   worker->context.trials_folder, worker->context.study_id,
                                   slot->number, slot->attempt);
    if (hpt_resume_restore(rows, worker->store, slot->resume, &error))
        start_trial(worker, slot);
    else
        worker_abandon(worker, slot, error);
}

void worker_post_files(Worker *worker, HptSlot *slot)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, worker->context.study_id);
    hpt_args_int8(args, slot->part.resume_trial);
    hpt_args_int4(args, slot->part.resume_attempt);
    hpt_outbox_post(&worker->outbox, HPT_SQL_ATTEMPT_FILES, args, slot);
}
