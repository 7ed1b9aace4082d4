/* A running trial, a process of its own or one turn of a persistent worker: captured streams, reports and metrics in one object for a ppoll loop.
 *
 *     run = hpt_run_start(&spec, &error);
 *     loop: n = hpt_run_fds(run, fds);              up to HPT_RUN_FDS, of every run
 *           timeout from the least hpt_run_deadline
 *           ppoll
 *           hpt_run_handle(run, now_us);            of every run with an event or a past deadline
 *           if (hpt_run_finished(run)) … hpt_run_get_result(run) … hpt_run_free(run)
 * Nothing blocks and no call does more than about a millisecond's work, so one run cannot hold up
 * another. The monotonic clock is handed in.
 */
#ifndef HPT_RUN_TRIAL_H
#define HPT_RUN_TRIAL_H

#include "run/capture.h"
#include "run/child.h"
#include "run/report.h"
#include "run/scan.h"
#include "run/servant.h"

#define HPT_RUN_FDS 5
#define HPT_RUN_REPORT_NAME ".hpt-report" /* the FIFO in the trial's directory, gone at the end */
#define HPT_RUN_GRACE_US INT64_C(10000000)

/* Everything but metrics and user is borrowed for the time of the call. */
typedef struct {
    const char *const *argv;
    const char *const *base_env; /* hpt_child_environment, made once */
    const char *const *env;      /* this trial's HPT_* entries; HPT_DIR and HPT_REPORT are added */
    const char *directory;       /* working directory; NULL: ours */
    const char *trial_dir;       /* $HPT_DIR: absolute, exists, this run's alone */
    const char *spool;           /* folder for long output; NULL: trial_dir's parent */
    const void *input;           /* stdin; NULL: /dev/null */
    size_t input_length;
    const HptMetrics *metrics; /* outlives the run */
    int64_t timeout_us;        /* 0: none */
    int64_t grace_us;          /* between TERM and KILL; 0: at once */
    const HptContain *contain; /* outlives the run; NULL: bare, see run/child.h */
    int64_t limit_mem_bytes, limit_cpu_us; /* of all processes; 0: none */
    const cpu_set_t *cpus;                 /* NULL: where we may run */
    const HptTraceSpec *trace; /* NULL: not traced */
    int64_t output_cap;        /* bytes a stream; < 0: HPT_CAPTURE_CAP */
    bool answers; /* somebody decides (hpt_run_answer): HPT_PRUNING=1 is added to the environment;
                     false: every question is answered with go at once */
    HptPointFunc on_point; /* may be NULL */
    /* A persistent worker runs it; outlives the run. argv, base_env, env, directory and input are its
     * own then, and message, the line that hands the trial over, says the rest. */
    HptServant *servant;
    int64_t trial;
    const char *message;
    void *user;
} HptRunSpec;

typedef struct {
    const HptEnd *end;
    const HptCaptured *out, *err; /* standard output and error */
    const HptScanned *metrics;
    const HptReported *reports;
    /* What the trial is: complete when NULL. Else one line for the record and for people: how the
     * command ended if not with status 0 (any status will do where it is a metric, -m x:exit), or
     * what is wrong with its metrics. */
    const char *failure;
    const HptTrace *trace;   /* NULL: not traced */
    const HptServed *served; /* by a persistent worker; NULL: a process of its own */
} HptRunResult;

typedef struct HptRun HptRun;

/* Fails for faults of ours only; a command that cannot be started gives a run that has finished, or
 * will at once. */
HptRun *hpt_run_start(const HptRunSpec *spec, GError **error) HPT_WARN_UNUSED;
void hpt_run_free(HptRun *run); /* a run that goes on is killed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptRun, hpt_run_free)

/* What to poll for; returns how many. May change with every handle. */
size_t hpt_run_fds(const HptRun *run, struct pollfd fds[HPT_RUN_FDS]);
/* When to call handle even without an event, in monotonic µs; INT64_MAX: never. */
int64_t hpt_run_deadline(const HptRun *run);
/* Does what is due; harmless at any time. */
void hpt_run_handle(HptRun *run, int64_t now_us);

/* Interrupts: sends signal (TERM, KILL…) to the process group. The end is then STOPPED. A TERM is
 * followed by KILL after the grace. */
void hpt_run_stop(HptRun *run, int signal, int64_t now_us);

/* Somebody waits for the answer to a report with a step (hpt-report, or a persistent worker's
 * report line). The points of that report have gone to on_point before. */
bool hpt_run_is_asking(const HptRun *run);
/* Answers all that wait: go on or stop. A stop is the answer to every later question too. Without
 * anybody waiting nothing else happens. */
void hpt_run_answer(HptRun *run, bool stop);

bool hpt_run_finished(const HptRun *run);
/* Once finished; belongs to run. */
const HptRunResult *hpt_run_get_result(const HptRun *run);
pid_t hpt_run_get_pid(const HptRun *run);

#endif
