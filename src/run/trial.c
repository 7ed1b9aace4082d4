#include "run/trial.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX (256 << 10) /* bytes a stream and call, so that no run holds up another */
#define SWEEP_EVERY_US 1000
#define KILL_AGAIN_US 1000000

typedef enum { STATE_RUNNING, STATE_SWEEPING, STATE_FINISHED } State;

typedef struct {
    int fd;
    HptCapture *capture;
    void (*scan)(HptScan *, const char *, size_t);
} Stream;

struct HptRun {
    State state;
    HptChild *child;     /* a process of its own, or */
    HptServant *servant; /* who runs it */
    HptScan *scan;
    HptReport *report;
    HptReplies *replies;
    Stream streams[2];
    int directory; /* of the trial, for file= metrics */
    const HptMetrics *metrics;
    int64_t timeout_at, kill_at, sweep_at; /* INT64_MAX: never */
    int64_t grace_us, timeout_us;
    HptRunResult result;
    HptTrace *trace;
    char *failure;
};

/* The trial's environment: base, its own, and the two that only we know. Borrowed strings but the
 * last two. */
static GPtrArray *join_env(const HptRunSpec *spec, char *dir, char *report)
{
    static char pruning[] = "HPT_PRUNING=1";
    GPtrArray *env = g_ptr_array_new();
    for (const char *const *entry = spec->base_env; *entry != NULL; entry++)
        g_ptr_array_add(env, (gpointer)*entry);
    for (const char *const *entry = spec->env; entry != NULL && *entry != NULL; entry++)
        g_ptr_array_add(env, (gpointer)*entry);
    g_ptr_array_add(env, dir);
    g_ptr_array_add(env, report);
    if (spec->answers)
        g_ptr_array_add(env, pruning);
    g_ptr_array_add(env, NULL);
    return env;
}

static bool start_child(HptRun *run, const HptRunSpec *spec, const char *fifo, GError **error)
{
    g_autofree char *dir = g_strconcat("HPT_DIR=", spec->trial_dir, NULL);
    g_autofree char *report = g_strconcat("HPT_REPORT=", fifo, NULL);
    g_autoptr(GPtrArray) env = join_env(spec, dir, report);
    HptChildSpec child = {
        .argv = spec->argv,
        .env = (const char *const *)env->pdata,
        .directory = spec->directory,
        .input = spec->input,
        .input_length = spec->input_length,
        .contain = spec->contain,
        .limit_mem_bytes = spec->limit_mem_bytes,
        .limit_cpu_us = spec->limit_cpu_us,
        .cpus = spec->cpus,
        .marker = dir,
        .trace = spec->trace,
    };
    run->child = hpt_child_start(&child, error);
    return run->child != NULL;
}

/* What both kinds have: the directory, the streams, the metrics. */
static HptRun *run_new(const HptRunSpec *spec, GError **error)
{
    g_autoptr(HptRun) run = g_new0(HptRun, 1);
    run->streams[0].fd = run->streams[1].fd = -1;
    run->timeout_at = run->kill_at = run->sweep_at = INT64_MAX;
    run->grace_us = spec->grace_us;
    run->metrics = spec->metrics;
    run->directory = open(spec->trial_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (run->directory < 0) {
        hpt_error_set_errno(error, errno, "cannot open the trial's directory '%s'",
                            spec->trial_dir);
        return NULL;
    }
    g_autofree char *parent = g_path_get_dirname(spec->trial_dir);
    const char *spool = spec->spool != NULL ? spec->spool : parent;
    int64_t cap = spec->output_cap < 0 ? HPT_CAPTURE_CAP : spec->output_cap;
    run->scan = hpt_scan_new(spec->metrics, spec->on_point, spec->user);
    run->streams[0].capture = hpt_capture_new(spool, cap);
    run->streams[1].capture = hpt_capture_new(spool, cap);
    run->streams[0].scan = hpt_scan_stdout;
    run->streams[1].scan = hpt_scan_stderr;
    run->replies = hpt_replies_new(run->directory, spec->answers);
    return g_steal_pointer(&run);
}

static bool start_own(HptRun *run, const HptRunSpec *spec, GError **error)
{
    g_autofree char *fifo = g_strconcat(spec->trial_dir, "/" HPT_RUN_REPORT_NAME, NULL);
    run->report = hpt_report_open(fifo, run->scan, error);
    if (run->report == NULL)
        return false;
    hpt_report_set_replies(run->report, run->replies);
    if (!start_child(run, spec, fifo, error))
        return false;
    run->streams[0].fd = hpt_child_steal_stdout(run->child);
    run->streams[1].fd = hpt_child_steal_stderr(run->child);
    int64_t now = hpt_time_monotonic_us();
    if (spec->timeout_us > 0)
        run->timeout_at = now + spec->timeout_us;
    if (hpt_child_get_fd(run->child) < 0)
        hpt_run_handle(run, now);
    return true;
}

/* The trial's time counts from when the worker gets it; before that it has as long to be ready. */
static void watch_time(HptRun *run, int64_t now_us)
{
    int64_t begin_us = hpt_servant_get_begin(run->servant);
    if (begin_us == 0)
        run->timeout_at = now_us + (run->timeout_us > 0 ? run->timeout_us : HPT_SERVANT_READY_US);
    else
        run->timeout_at = run->timeout_us > 0 ? begin_us + run->timeout_us : INT64_MAX;
}

static bool start_served(HptRun *run, const HptRunSpec *spec, GError **error)
{
    run->report = hpt_report_new(run->scan);
    run->timeout_us = spec->timeout_us;
    HptErrand errand = {
        .trial = spec->trial,
        .message = spec->message,
        .scan = run->scan,
        .report = run->report,
        .replies = run->replies,
        .out = run->streams[0].capture,
        .err = run->streams[1].capture,
    };
    int64_t now = hpt_time_monotonic_us();
    if (!hpt_servant_give(spec->servant, &errand, now, error))
        return false;
    run->servant = spec->servant;
    watch_time(run, now);
    if (hpt_servant_get_pid(run->servant) < 0)
        hpt_run_handle(run, now);
    return true;
}

HptRun *hpt_run_start(const HptRunSpec *spec, GError **error)
{
    g_autoptr(HptRun) run = run_new(spec, error);
    if (run == NULL ||
        !(spec->servant != NULL ? start_served(run, spec, error) : start_own(run, spec, error)))
        return NULL;
    return g_steal_pointer(&run);
}

static void close_stream(Stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

void hpt_run_free(HptRun *run)
{
    if (run == NULL)
        return;
    if (run->servant != NULL && run->state != STATE_FINISHED)
        hpt_servant_abort(run->servant);
    hpt_child_free(run->child);
    hpt_report_free(run->report);
    hpt_replies_free(run->replies);
    for (int i = 0; i < 2; i++) {
        close_stream(&run->streams[i]);
        hpt_capture_free(run->streams[i].capture);
    }
    hpt_scan_free(run->scan);
    if (run->directory >= 0)
        close(run->directory);
    hpt_trace_free(run->trace);
    g_free(run->failure);
    g_free(run);
}

size_t hpt_run_fds(const HptRun *run, struct pollfd fds[HPT_RUN_FDS])
{
    if (run->state == STATE_FINISHED)
        return 0;
    if (run->servant != NULL)
        return hpt_servant_fds(run->servant, fds);
    if (run->state == STATE_SWEEPING) {
        *fds = (struct pollfd){.fd = hpt_child_get_fd(run->child), .events = POLLIN};
        return fds->fd >= 0;
    }
    struct pollfd *next = fds;
    int all[] = {hpt_child_get_fd(run->child), run->streams[0].fd, run->streams[1].fd,
                            hpt_report_get_fd(run->report)};
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        if (all[i] >= 0)
            *next++ = (struct pollfd){.fd = all[i], .events = POLLIN};
    return (size_t)(next - fds);
}

int64_t hpt_run_deadline(const HptRun *run)
{
    if (run->state == STATE_FINISHED)
        return INT64_MAX;
    int64_t other = run->servant != NULL ? hpt_servant_deadline(run->servant) : run->sweep_at;
    return MIN(MIN(run->timeout_at, run->kill_at), other);
}

/* Takes up to limit bytes; closes the stream at its end. */
static void read_stream(HptRun *run, Stream *stream, int64_t limit)
{
    char buffer[65536];
    while (stream->fd >= 0 && limit > 0) {
        ssize_t n = read(stream->fd, buffer, MIN(sizeof buffer, (size_t)limit));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_stream(stream);
            return;
        }
        limit -= n;
        hpt_capture_add(stream->capture, buffer, (size_t)n);
        stream->scan(run->scan, buffer, (size_t)n);
        if ((size_t)n < sizeof buffer)
            return; /* empty for now: spare the read that would say so */
    }
}

/* Everybody who could write is dead: what a pipe holds is all that there will be. Should somebody
 * survive, a pipe's capacity is still all that was written before. */
static void drain_stream(HptRun *run, Stream *stream)
{
    for (int64_t left = stream->fd < 0 ? 0 : MAX(fcntl(stream->fd, F_GETPIPE_SZ), 65536);
         stream->fd >= 0 && left > 0;) {
        int64_t step = MIN(left, 65536);
        struct pollfd fd = {.fd = stream->fd, .events = POLLIN};
        if (poll(&fd, 1, 0) <= 0)
            break;
        read_stream(run, stream, step);
        left -= step;
    }
    close_stream(stream);
}

static bool has_exit_metric(const HptRun *run)
{
    for (size_t i = 0; i < hpt_metrics_size(run->metrics); i++)
        if (hpt_metrics_get(run->metrics, i)->source == HPT_SOURCE_EXIT)
            return true;
    return false;
}

/* The status of a command whose exit is itself measured says nothing against it. */
static char *describe_failure(const HptRun *run, bool reported)
{
    const HptEnd *end = run->result.end;
    const char *problem = run->result.metrics->problem;
    if (run->result.served != NULL && run->result.served->failure != NULL)
        return g_strdup(run->result.served->failure);
    bool ended_well = end->kind == HPT_END_EXITED && (end->status == 0 || has_exit_metric(run));
    g_autofree char *text = hpt_end_text(end);
    if (ended_well)
        return g_strdup(problem);
    if (reported)
        return g_strdup_printf("%s (%s)", problem, text);
    return g_steal_pointer(&text);
}

static void finish(HptRun *run)
{
    HptRunResult *result = &run->result;
    if (run->servant != NULL) {
        result->served = hpt_servant_get_end(run->servant);
        result->end = &result->served->end;
        result->trace = result->served->trace;
    } else {
        for (int i = 0; i < 2; i++)
            drain_stream(run, &run->streams[i]);
        result->end = hpt_child_get_end(run->child);
        result->trace = run->trace = hpt_child_steal_trace(run->child);
    }
    result->out = hpt_capture_end(run->streams[0].capture);
    result->err = hpt_capture_end(run->streams[1].capture);
    result->reports = hpt_report_end(run->report);
    hpt_replies_end(run->replies);
    bool whole = result->out->dropped == 0 && result->out->data != NULL;
    bool reported = hpt_scan_has_failed(run->scan);
    result->metrics = hpt_scan_end(run->scan, result->end, whole ? result->out->data : NULL,
                                   whole ? (size_t)result->out->stored : 0, run->directory);
    run->failure = describe_failure(run, reported);
    result->failure = run->failure;
    run->state = STATE_FINISHED;
}

static void send_signal(HptRun *run, HptEndKind kind, int signal)
{
    if (run->servant != NULL) {
        hpt_servant_signal(run->servant, kind, signal);
        return;
    }
    hpt_child_blame(run->child, kind);
    hpt_child_signal(run->child, signal);
}

static void end_by(HptRun *run, HptEndKind kind, int signal, int64_t now_us)
{
    send_signal(run, kind, signal);
    if (signal == SIGKILL) {
        run->kill_at = now_us + KILL_AGAIN_US;
    } else {
        send_signal(run, kind, SIGCONT); /* a stopped process takes no other signal */
        if (run->kill_at == INT64_MAX)
            run->kill_at = now_us + run->grace_us;
    }
}

static void check_time(HptRun *run, int64_t now_us)
{
    if (now_us >= run->timeout_at) {
        run->timeout_at = INT64_MAX;
        end_by(run, HPT_END_TIMEOUT, run->grace_us > 0 ? SIGTERM : SIGKILL, now_us);
    }
    if (now_us >= run->kill_at) {
        run->kill_at = now_us + KILL_AGAIN_US;
        send_signal(run, HPT_END_STOPPED, SIGKILL); /* the first blame counts */
    }
}

static void handle_served(HptRun *run, int64_t now_us)
{
    int64_t begin_us = hpt_servant_get_begin(run->servant);
    if (hpt_servant_handle(run->servant, now_us)) {
        finish(run);
        return;
    }
    if (begin_us != hpt_servant_get_begin(run->servant) && run->kill_at == INT64_MAX)
        watch_time(run, now_us);
    check_time(run, now_us);
}

void hpt_run_handle(HptRun *run, int64_t now_us)
{
    if (run->state == STATE_FINISHED)
        return;
    if (run->servant != NULL) {
        handle_served(run, now_us);
        return;
    }
    for (int i = 0; i < 2; i++)
        read_stream(run, &run->streams[i], READ_MAX);
    hpt_report_read(run->report);
    if (run->state == STATE_RUNNING) {
        if (!hpt_child_reap(run->child)) {
            check_time(run, now_us);
            return;
        }
        hpt_report_close(run->report);
        run->state = STATE_SWEEPING;
        run->timeout_at = run->kill_at = INT64_MAX;
    }
    if (hpt_child_sweep(run->child))
        finish(run);
    else
        run->sweep_at = now_us + SWEEP_EVERY_US;
}

void hpt_run_stop(HptRun *run, int signal, int64_t now_us)
{
    if (run->state == STATE_RUNNING)
        end_by(run, HPT_END_STOPPED, signal, now_us);
}

bool hpt_run_is_asking(const HptRun *run)
{
    return run->state == STATE_RUNNING &&
           (hpt_replies_waiting(run->replies) ||
            (run->servant != NULL && hpt_servant_is_asking(run->servant)));
}

void hpt_run_answer(HptRun *run, bool stop)
{
    hpt_replies_answer(run->replies, stop);
    if (run->servant != NULL && run->state == STATE_RUNNING)
        hpt_servant_answer(run->servant, stop);
}

bool hpt_run_finished(const HptRun *run)
{
    return run->state == STATE_FINISHED;
}

const HptRunResult *hpt_run_get_result(const HptRun *run)
{
    return run->state == STATE_FINISHED ? &run->result : NULL;
}

pid_t hpt_run_get_pid(const HptRun *run)
{
    return run->servant != NULL ? hpt_servant_get_pid(run->servant)
                                : hpt_child_get_pid(run->child);
}
