/* The parts of the worker: its state, the loop (worker.c), its beginning and end (worker-begin.c). */
#ifndef HPT_STUDY_WORKER_INTERNAL_H
#define HPT_STUDY_WORKER_INTERNAL_H

#include "record/environment.h"
#include "study/codebook.h"
#include "study/identity.h"
#include "study/judge.h"
#include "study/turn.h"
#include "study/worker.h"

enum {
    LEASE_S = 60,
    MAX_LOST = 3, /* times a trial may be lost before it counts as lost for good */
};
#define RENEW_US (INT64_C(20) * 1000000)

typedef struct {
    const HptWorkerOptions *options;
    HptDb *db;
    HptOutbox outbox;
    HptIdentity *identity;
    HptEnvironment *environment;
    HptStore *store;
    HptCodebook *codebook;
    HptIntake *intake;
    bool intake_told; /* that an input could not be kept */
    HptSampler *sampler;
    HptSearch search;
    HptPast *past; /* NULL: the sampler needs none */
    HptSlotContext context;
    HptTraceSpec trace;
    char *traced_below, *traced_not_below; /* of trace */
    HptPlan *plan;
    HptJudge judge;
    char *place; /* the project's folder, see hpt_intake_project */
    char *trials_folder;
    char **base_env;
    HptSlot *slots;
    int64_t total;
    bool done, no_more; /* the study is over; hand out nothing more */
    int64_t answers, over; /* reservations answered; which was the first of those that said "done"
                              since the last that did not, or 0 */
    bool withheld_told;   /* that a file with a secret in it is not stored */
    bool untraced_told;   /* that trials cannot be traced here */
    bool changed_told;    /* that code was changed under a trial */
    HptWorkerEnd end;
    GError *fatal;
    GError *storage; /* the first thing that could not be stored; told at the end */
    int seen_interrupts;
    char *interrupted; /* why what runs is stopped; NULL: it is not */
    bool gpus_awaited; /* told */
    int64_t poll_us, renew_us, tick_us; /* monotonic: when due */
    int64_t idle_us; /* since when there was nothing to take; 0: there was */
    bool reap_wanted;
    HptTurn turn;
    int64_t failures_in_row;
    bool any_complete;
} Worker;

void worker_note(Worker *worker, const char *text);
void worker_note_all(Worker *worker, const GPtrArray *notes);
/* The first fatal error ends the worker: nothing new starts, what runs is stopped. */
void worker_fail(Worker *worker, GError *steal_error);
/* Lines about trials that are declared lost, and their folders removed. */
void worker_tell_reaped(Worker *worker, const HptRows *reaped);
/* Times a trial may be lost. */
int worker_max_lost(const Worker *worker);

/* A trial that was handed out (worker-start.c): asks for the files that it goes on from, starts it with them;
 * asks for what its sampler is to know, if anything, and starts it. Or it goes back to the queue, and the worker
 * ends where it cannot be run here. */
void worker_post_files(Worker *worker, HptSlot *slot);
void worker_resume_trial(Worker *worker, HptSlot *slot, const HptRows *rows);
void worker_propose_and_start(Worker *worker, HptSlot *slot);
void worker_take_history(Worker *worker, HptSlot *slot, const HptRows *rows);
void worker_give_back(Worker *worker, HptSlot *slot);
void worker_abandon(Worker *worker, HptSlot *slot, GError *steal_error);

/* Takes in what is new in the record, and what this worker has begun itself since the rows were read. */
void worker_learn(Worker *worker, const HptRows *rows);

/* The files of a trial (worker-inputs.c): which are declared, before its command begins; looked at, a few
 * milliseconds at a time, after it has ended: false, there is more to do; sent, before its end. */
bool worker_gather_begin(Worker *worker, HptSlot *slot, GError **error) HPT_WARN_UNUSED;
bool worker_gather(Worker *worker, HptSlot *slot);
void worker_gather_end(Worker *worker, HptSlot *slot);

/* Everything before the first trial and after the last. */
bool worker_begin(Worker *worker, GError **error) HPT_WARN_UNUSED;
void worker_finish(Worker *worker);

#endif
