/* A persistent worker: a process that lives on from trial to trial and is spoken to in JSON lines,
 * so that what it loads at its start is loaded once. hpt-worker(7) is the protocol. Its life:
 *
 *   servant = hpt_servant_new(&spec);        nothing is started yet
 *   for each trial: hpt_servant_give, then poll hpt_servant_fds and call hpt_servant_handle until
 *   that is true; then hpt_servant_get_end
 *   hpt_servant_dismiss, hpt_servant_free
 * It is started by the first trial given to it and again by the next after it has died. Between
 * trials nobody reads it: what it prints then is read, counted and dropped when the next one begins.
 *
 * A trial sees this through HptRun (run/trial.h), which holds streams, metrics, limits and verdict;
 * run/talk.h understands the lines.
 */
#ifndef HPT_RUN_SERVANT_H
#define HPT_RUN_SERVANT_H

#include "run/capture.h"
#include "run/child.h"
#include "run/report.h"

#include <poll.h>

#define HPT_SERVANT_FDS 5
#define HPT_SERVANT_READY_US INT64_C(300000000) /* to say "ready", where no timeout is given */
#define HPT_SERVANT_RESTARTS 3

/* Copied. */
typedef struct {
    const char *const *argv;
    const char *const *env; /* the whole environment; descriptors and marker are added */
    const char *directory;  /* NULL: ours */
    const char *marker;     /* an entry "NAME=…" that no other process of ours has */
    int max_restarts;       /* in a row without a finished trial */
    const HptContain *contain;             /* as of a child; outlives the servant */
    int64_t limit_mem_bytes;               /* of the process and all below it; 0: none */
    const cpu_set_t *cpus;                 /* as of a child; outlives the servant */
    const HptTraceSpec *trace;             /* as of a child */
} HptServantSpec;

typedef struct HptServant HptServant;
HptServant *hpt_servant_new(const HptServantSpec *spec);
/* Says bye and waits for nothing. */
void hpt_servant_dismiss(HptServant *servant);
/* Kills what is still there two seconds after the bye. */
void hpt_servant_free(HptServant *servant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptServant, hpt_servant_free)

/* One trial for it; all borrowed until the end but message. */
typedef struct {
    int64_t trial;
    const char *message; /* the line, {"type":"trial",…}, without its newline; copied */
    HptScan *scan;
    HptReport *report; /* where lines are counted: made by hpt_report_new */
    HptReplies *replies;
    HptCapture *out, *err;
} HptErrand;

/* Fails HPT_ERROR_DATA if the message is too long, HPT_ERROR_USAGE once the process has ended too
 * often, and as hpt_child_start. */
bool hpt_servant_give(HptServant *servant, const HptErrand *errand, int64_t now_us,
                      GError **error) HPT_WARN_UNUSED;

size_t hpt_servant_fds(const HptServant *servant, struct pollfd fds[HPT_SERVANT_FDS]);
int64_t hpt_servant_deadline(const HptServant *servant);
/* True once the trial has ended: it said done, or the process is gone with all it had started. */
bool hpt_servant_handle(HptServant *servant, int64_t now_us) HPT_WARN_UNUSED;

/* When the trial was handed over, monotonic; 0: the process is not ready yet. */
int64_t hpt_servant_get_begin(const HptServant *servant);
/* To the process group; kind (TIMEOUT, STOPPED) is how the end will be named. */
void hpt_servant_signal(HptServant *servant, HptEndKind kind, int signal);
/* Reports that wait for an answer, and the answer. */
bool hpt_servant_is_asking(const HptServant *servant);
void hpt_servant_answer(HptServant *servant, bool stop);
/* Gives the trial up: the process is killed. */
void hpt_servant_abort(HptServant *servant);
pid_t hpt_servant_get_pid(const HptServant *servant);

typedef struct {
    HptEnd end;           /* usage: what the process used more since the trial was handed over */
    const char *failure;  /* the process broke the protocol or never began; NULL: see end */
    bool pruned;          /* it said that it stopped early */
    int64_t trials;       /* that this process had finished before */
    const HptTrace *trace; /* NULL: not traced; until the next trial is given */
    int64_t stray_bytes;  /* printed between the trial before and this one, dropped */
} HptServed;
const HptServed *hpt_servant_get_end(const HptServant *servant);

#endif
