/* The worker: takes trials of a study, runs them in slots, records them, until there is nothing
 * left to do or it is told to stop.
 *
 * One connection, statements pipelined; a trial costs two statements and one durable commit. Any
 * statement whose fate is unknown (connection lost) is sent again: all are idempotent. While the
 * database is away running trials go on, their ends go to the spool, and no trial starts.
 */
#ifndef HPT_STUDY_WORKER_H
#define HPT_STUDY_WORKER_H

#include "db/project.h"
#include "study/slot.h"

#include <signal.h>

typedef enum { HPT_RETRY_LOST_TRIALS, HPT_RETRY_FAILED_TRIALS, HPT_RETRY_NO_TRIALS } HptRetryTrials;

/* How the files that trials use are seen: by the kernel, by a preloaded library, not. */
typedef enum { HPT_WORKER_TRACE_ON, HPT_WORKER_TRACE_PRELOAD, HPT_WORKER_TRACE_OFF } HptWorkerTrace;

typedef enum {
    HPT_WORKER_ENDED,  /* a trial has ended and is recorded */
    HPT_WORKER_NOTE,   /* something people should know: text */
    HPT_WORKER_TICK,   /* about five times a second while trials run, and at every change */
} HptWorkerEventKind;

typedef struct {
    HptWorkerEventKind kind;
    const char *text;           /* NOTE */
    const HptSlot *slot;        /* ENDED: for number, canonical, definition, run */
    const char *outcome;        /* ENDED: complete, failed, lost, cancelled */
    const char *cause;          /* ENDED */
    bool requeued;              /* ENDED: to be run again */
    bool going_on;              /* ENDED: an evaluation; others of its trial are to come */
    int64_t duration_us;        /* ENDED */
    int running;                /* trials of this worker that run now */
} HptWorkerEvent;

typedef struct {
    HptProject *project;
    HptStudy *study;
    int jobs;
    int64_t total;       /* -1: no end */
    int64_t stop_us;     /* monotonic: hand out nothing after; INT64_MAX: never */
    int64_t patience_us; /* how long the database may be away; 0: five minutes */
    int64_t end_us;      /* monotonic: our job is ended then, start nothing that would not end in time
                            (study/turn.h); INT64_MAX: never */
    int64_t max_failures; /* in a row from the start; 0: any number */
    HptRetryTrials retry;
    int max_restarts; /* of a persistent worker, in a row without a finished trial */
    bool allow_secrets; /* keep what looks like one, see record/secret.h */
    bool no_code;       /* take no snapshots of the code */
    int64_t code_max;   /* bytes of one; 0: the usual */
    const char *const *inputs; /* patterns of files that trials read, see record/declared.h; NULL: none */
    int64_t input_max;         /* bytes of a file that is kept */
    const char *const *environment; /* environ */
    const char *tool_version;
    /* How often the user said stop: 1 no new trials, 2 TERM, 3 KILL; set by a signal handler. The
     * signals are blocked and let in by sigmask while waiting. */
    const volatile sig_atomic_t *interrupts;
    const sigset_t *sigmask;
    /* Who interrupts, for the record, once interrupts is not 0: "interrupted by SIGTERM from pid 7
     * (uid 0)". Owned. NULL: not known. */
    char *(*interrupted_by)(void);
    HptWorkerTrace trace;
    HptResources *resources; /* for as many slots as jobs */
    void (*on_event)(const HptWorkerEvent *event, void *user);
    void *user;
} HptWorkerOptions;

typedef enum {
    HPT_WORKER_DONE,        /* the total is reached, or the sampler has no more */
    HPT_WORKER_TIME,        /* stop_us has passed, or nothing more ends before end_us */
    HPT_WORKER_INTERRUPTED,
    HPT_WORKER_FAILURES,    /* max_failures in a row and nothing complete yet */
} HptWorkerEnd;

/* Runs until the end, after it has delivered what lay in the spool. Fails HPT_ERROR_DB_CONNECT when
 * the database stays away for longer than patience and no trial runs any more, or when the user said
 * stop twice meanwhile: the results are in the spool then, and the message says how many;
 * HPT_ERROR_IO when trials cannot be started (no room for their folders…): what runs then is
 * interrupted and goes back to the queue if that is possible. */
bool hpt_worker_run(const HptWorkerOptions *options, HptWorkerEnd *end,
                    GError **error) HPT_WARN_UNUSED;

#endif
