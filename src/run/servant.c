#include "run/servant.h"

#include "base/text.h"
#include "run/fd.h"
#include "run/talk.h"
#include "run/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_MAX (256 << 10) /* bytes a stream and call */
#define LINES_READ_MAX 65536 /* of lines: about a millisecond of parsing */
#define UNREAD_MAX (2 << 20) /* of trials that were never read */
#define SWEEP_EVERY_US 1000
#define CLOSED_WAIT_US INT64_C(1000000) /* from closing its descriptor to its end */
#define BYE_US INT64_C(2000000)
#define TRACE_WAIT_US INT64_C(1000000) /* for the tracer's answer, which takes a millisecond */
#define WANTED "{\"type\":\"ready\",\"protocol\":1} on descriptor 4"

struct HptServant {
    char **argv, **env, *directory, *marker;
    int max_restarts;
    const HptContain *contain;
    int64_t limit_mem_bytes;
    const cpu_set_t *cpus;
    char *below, *not_below, *spool, *limit; /* of trace_spec */
    HptTraceSpec trace_spec;
    bool traced;

    HptChild *child; /* NULL: none */
    int out, err;    /* its streams */
    int to, from;    /* our ends of its 3 and 4 */
    int hold;        /* its end of 3: writing to a process that has gone is no signal then */
    HptTalk talk;
    int deaths;     /* since a trial was last finished */
    int64_t trials; /* finished by this process */
    int64_t dismissed_us;
    char *last; /* how it ended last */

    HptErrand errand;
    char *message;
    bool busy; /* a trial is under way */
    bool dead; /* the process has ended, its leftovers are being removed */
    int64_t begin_us, closed_us, sweep_us;
    int64_t asked_us; /* for the trace of the trial that is over; 0: not yet */
    HptTrace *trace;  /* of the last trial */
    HptUsage base, before;
    HptServed served;
};

/* ---- the process ---- */

HptServant *hpt_servant_new(const HptServantSpec *spec)
{
    HptServant *servant = g_new0(HptServant, 1);
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    for (const char *const *entry = spec->env; *entry != NULL; entry++)
        g_ptr_array_add(env, g_strdup(*entry));
    g_ptr_array_add(env, g_strdup("HPT_WORKER_IN=/dev/fd/3"));
    g_ptr_array_add(env, g_strdup("HPT_WORKER_OUT=/dev/fd/4"));
    g_ptr_array_add(env, g_strdup(spec->marker));
    g_ptr_array_add(env, NULL);
    servant->env = (char **)g_ptr_array_free(g_steal_pointer(&env), false);
    servant->argv = g_strdupv((char **)spec->argv);
    servant->directory = g_strdup(spec->directory);
    servant->marker = g_strdup(spec->marker);
    servant->max_restarts = spec->max_restarts;
    servant->contain = spec->contain;
    servant->limit_mem_bytes = spec->limit_mem_bytes;
    servant->cpus = spec->cpus;
    if (spec->trace != NULL) {
        servant->traced = true;
        servant->trace_spec = (HptTraceSpec){
            .below = servant->below = g_strdup(spec->trace->below),
            .not_below = servant->not_below = g_strdup(spec->trace->not_below),
            .spool = servant->spool = g_strdup(spec->trace->spool),
            .limit = servant->limit = g_strdup(spec->trace->limit),
            .preload = spec->trace->preload,
        };
    }
    servant->out = servant->err = servant->to = servant->from = servant->hold = -1;
    hpt_talk_init(&servant->talk);
    return servant;
}

/* Everything of the process that is gone, or is to be. */
static void bury(HptServant *servant)
{
    g_clear_pointer(&servant->child, hpt_child_free);
    hpt_fd_close(&servant->out);
    hpt_fd_close(&servant->err);
    hpt_fd_close(&servant->to);
    hpt_fd_close(&servant->from);
    hpt_fd_close(&servant->hold);
    hpt_talk_restart(&servant->talk);
    servant->dead = false;
    servant->trials = 0;
    servant->dismissed_us = 0;
}

void hpt_servant_free(HptServant *servant)
{
    if (servant == NULL)
        return;
    hpt_servant_dismiss(servant);
    while (servant->child != NULL && hpt_child_get_fd(servant->child) >= 0) {
        int64_t left_us = servant->dismissed_us + BYE_US - hpt_time_monotonic_us();
        char dropped[4096];
        struct pollfd fds[] = {{.fd = hpt_child_get_fd(servant->child), .events = POLLIN},
                               {.fd = servant->out, .events = POLLIN},
                               {.fd = servant->err, .events = POLLIN}};
        if (left_us <= 0 || poll(fds, 3, (int)(left_us / 1000 + 1)) < 0 || fds[0].revents != 0)
            break;
        for (int i = 1; i < 3; i++) /* it may say good-bye to a pipe that is full */
            if (fds[i].revents != 0 && read(fds[i].fd, dropped, sizeof dropped) == 0)
                hpt_fd_close(i == 1 ? &servant->out : &servant->err);
    }
    bury(servant);
    g_strfreev(servant->argv);
    g_strfreev(servant->env);
    g_free(servant->directory);
    g_free(servant->marker);
    g_free(servant->below);
    g_free(servant->not_below);
    g_free(servant->spool);
    g_free(servant->limit);
    hpt_trace_free(servant->trace);
    g_free(servant->message);
    g_free(servant->last);
    hpt_talk_clear(&servant->talk);
    g_free(servant);
}

/* Both ends above those that the child uses, ours not blocking. */
static bool open_channel(int *ours, int *theirs, bool we_write)
{
    enum { LEAST = 10 };
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    int mine = fds[we_write ? 1 : 0], other = fds[we_write ? 0 : 1];
    *ours = hpt_fd_raise(mine, LEAST);
    *theirs = hpt_fd_raise(other, LEAST);
    return *ours >= 0 && *theirs >= 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

static bool start(HptServant *servant, GError **error)
{
    int theirs[2] = {-1, -1};
    if (!open_channel(&servant->to, &theirs[0], true) ||
        !open_channel(&servant->from, &theirs[1], false)) {
        hpt_error_set_errno(error, errno, "cannot make a pipe");
    } else {
        HptChildSpec child = {
            .argv = (const char *const *)servant->argv,
            .env = (const char *const *)servant->env,
            .directory = servant->directory,
            .marker = servant->marker,
            .contain = servant->contain,
            .limit_mem_bytes = servant->limit_mem_bytes,
            .cpus = servant->cpus,
            .extra = theirs,
            .n_extra = 2,
            .trace = servant->traced ? &servant->trace_spec : NULL,
        };
        servant->child = hpt_child_start(&child, error);
    }
    servant->hold = theirs[0];
    hpt_fd_close(&theirs[1]);
    if (servant->child == NULL) {
        bury(servant);
        return false;
    }
    hpt_usage_base(hpt_child_get_pid(servant->child), &servant->base);
    servant->out = hpt_child_steal_stdout(servant->child);
    servant->err = hpt_child_steal_stderr(servant->child);
    return true;
}

/* ---- speaking ---- */

/* Writes what the pipe takes. Its end is held by us too, so this is never EPIPE. */
static void flush(HptServant *servant)
{
    while (servant->to >= 0 && servant->talk.unsent->len > 0) {
        ssize_t n = write(servant->to, servant->talk.unsent->str, servant->talk.unsent->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        g_string_erase(servant->talk.unsent, 0, n);
    }
}

void hpt_servant_dismiss(HptServant *servant)
{
    if (servant->child == NULL || servant->dismissed_us != 0)
        return;
    servant->dismissed_us = hpt_time_monotonic_us();
    hpt_talk_say(&servant->talk, "{\"type\":\"bye\"}");
    flush(servant);
    hpt_fd_close(&servant->to);
    hpt_fd_close(&servant->hold);
}

/* The worker is not to be talked with any more; the reason is the trial's. */
static void break_off(HptServant *servant, const char *reason)
{
    if (servant->talk.failure == NULL)
        servant->talk.failure = g_strdup(reason);
    hpt_child_signal(servant->child, SIGKILL);
}

/* Hands the trial over. */
static void begin(HptServant *servant, int64_t now_us)
{
    if (servant->talk.unsent->len > UNREAD_MAX) {
        break_off(servant, "the worker does not read its descriptor 3");
        return;
    }
    servant->begin_us = now_us;
    hpt_usage_begin(hpt_child_get_pid(servant->child), &servant->before);
    hpt_talk_hand_over(&servant->talk, servant->message);
    flush(servant);
}

/* ---- listening ---- */

static void read_lines(HptServant *servant, int64_t limit)
{
    char buffer[16384];
    while (servant->from >= 0 && limit > 0 && hpt_talk_listens(&servant->talk)) {
        ssize_t n = read(servant->from, buffer, MIN(sizeof buffer, (size_t)limit));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            hpt_fd_close(&servant->from);
            return;
        }
        limit -= n;
        hpt_talk_hear(&servant->talk, buffer, (size_t)n);
        if (servant->talk.failure != NULL)
            break_off(servant, servant->talk.failure);
        if ((size_t)n < sizeof buffer)
            return;
    }
}

/* What it prints belongs to the trial; numbers in it count once the trial was handed over. */
static void read_stream(HptServant *servant, int *fd, HptCapture *capture,
                        void (*scan)(HptScan *, const char *, size_t), int64_t limit)
{
    char buffer[65536];
    while (*fd >= 0 && limit > 0) {
        ssize_t n = read(*fd, buffer, MIN(sizeof buffer, (size_t)limit));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            hpt_fd_close(fd);
            return;
        }
        limit -= n;
        if (capture == NULL) {
            servant->served.stray_bytes += n;
            continue;
        }
        hpt_capture_add(capture, buffer, (size_t)n);
        if (servant->begin_us != 0)
            scan(servant->errand.scan, buffer, (size_t)n);
        if ((size_t)n < sizeof buffer)
            return;
    }
}

static void read_streams(HptServant *servant, int64_t limit)
{
    read_stream(servant, &servant->out, servant->errand.out, hpt_scan_stdout, limit);
    read_stream(servant, &servant->err, servant->errand.err, hpt_scan_stderr, limit);
}

/* No more than what the pipe holds now: the process lives on and may print without end. */
static int64_t waiting(int fd)
{
    int n = 0;
    return fd >= 0 && ioctl(fd, FIONREAD, &n) == 0 ? n : 0;
}

static void drain_streams(HptServant *servant, bool drop)
{
    HptCapture *out = drop ? NULL : servant->errand.out, *err = drop ? NULL : servant->errand.err;
    read_stream(servant, &servant->out, out, hpt_scan_stdout, waiting(servant->out));
    read_stream(servant, &servant->err, err, hpt_scan_stderr, waiting(servant->err));
}

/* ---- one trial ---- */

/* Did the process end while it had nothing to do? Then the next trial gets a new one. */
static void look_after(HptServant *servant)
{
    if (servant->child == NULL || !hpt_child_reap(servant->child))
        return;
    servant->deaths++;
    bury(servant);
}

bool hpt_servant_give(HptServant *servant, const HptErrand *errand, int64_t now_us, GError **error)
{
    g_assert(!servant->busy);
    if (strlen(errand->message) >= HPT_TALK_LINE_MAX) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the parameters are longer than 1 MiB");
        return false;
    }
    look_after(servant);
    if (servant->child == NULL && servant->deaths > servant->max_restarts) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_FAILURES,
                    "the worker has ended %d times in a row without finishing a trial%s%s\n"
                    "hint: hpt-query --failures shows what it said; --max-restarts allows more",
                    servant->deaths, servant->last != NULL ? ": " : "",
                    servant->last != NULL ? servant->last : "");
        return false;
    }
    servant->served = (HptServed){.trials = servant->trials};
    g_clear_pointer(&servant->trace, hpt_trace_free);
    servant->errand = *errand;
    servant->begin_us = servant->closed_us = servant->asked_us = 0;
    if (servant->child == NULL && !start(servant, error))
        return false;
    servant->busy = true;
    g_free(servant->message);
    servant->message = g_strdup(errand->message);
    hpt_talk_about(&servant->talk, errand->trial, errand->scan, errand->report, errand->replies);
    if (servant->talk.ready) {
        drain_streams(servant, true);
        read_lines(servant, waiting(servant->from)); /* said since: not about this one */
        begin(servant, now_us);
    }
    return true;
}

size_t hpt_servant_fds(const HptServant *servant, struct pollfd fds[HPT_SERVANT_FDS])
{
    if (!servant->busy || servant->dead || servant->child == NULL)
        return 0;
    struct pollfd all[HPT_SERVANT_FDS] = {
        {.fd = hpt_child_get_fd(servant->child), .events = POLLIN},
        {.fd = servant->out, .events = POLLIN},
        {.fd = servant->err, .events = POLLIN},
        {.fd = hpt_talk_listens(&servant->talk) ? servant->from : -1, .events = POLLIN},
        {.fd = servant->talk.unsent->len > 0 ? servant->to : -1, .events = POLLOUT},
    };
    size_t n = 0;
    for (size_t i = 0; i < HPT_SERVANT_FDS; i++)
        if (all[i].fd >= 0)
            fds[n++] = all[i];
    return n;
}

int64_t hpt_servant_deadline(const HptServant *servant)
{
    if (servant->dead)
        return servant->sweep_us;
    if (servant->busy && hpt_child_get_fd(servant->child) < 0)
        return 0; /* it could not be started */
    if (servant->asked_us != 0)
        return servant->asked_us + TRACE_WAIT_US;
    return servant->closed_us != 0 ? servant->closed_us + CLOSED_WAIT_US : INT64_MAX;
}

/* What the files of the trial that is over were; false: to be waited for. */
static bool take_trace(HptServant *servant, int64_t now_us)
{
    if (!servant->traced)
        return true;
    if (servant->asked_us == 0) {
        servant->asked_us = now_us;
        hpt_child_ask_trace(servant->child);
    }
    servant->trace = hpt_child_take_trace(servant->child);
    if (servant->trace == NULL && now_us < servant->asked_us + TRACE_WAIT_US)
        return false;
    if (servant->trace == NULL)
        servant->trace = hpt_trace_take(-1, -1);
    return true;
}

/* The process has ended with the trial. */
static void take_last_trace(HptServant *servant)
{
    if (servant->traced && servant->trace == NULL)
        servant->trace = hpt_child_steal_trace(servant->child);
    servant->served.trace = servant->trace;
}

/* The process lives on: what it used meanwhile. */
static void end_well(HptServant *servant)
{
    int64_t end_us = servant->asked_us != 0 ? servant->asked_us : hpt_time_monotonic_us();
    servant->served.trace = servant->trace;
    drain_streams(servant, false);
    HptEnd *end = &servant->served.end;
    *end = (HptEnd){.kind = HPT_END_EXITED};
    servant->served.pruned = servant->talk.pruned;
    if (servant->dead) {
        take_last_trace(servant);
        *end = *hpt_child_get_end(servant->child);
        hpt_usage_subtract(&servant->before, &servant->base, end);
        *end = (HptEnd){
            .kind = HPT_END_EXITED,
            .user_us = end->user_us,
            .system_us = end->system_us,
            .maxrss_bytes = end->maxrss_bytes,
        };
        bury(servant);
    } else {
        hpt_usage_end(hpt_child_get_pid(servant->child), &servant->before, end);
    }
    end->wall_us = end_us - servant->begin_us;
    servant->trials += servant->child != NULL;
    servant->deaths = 0;
    servant->busy = false;
}

/* Why a process that has ended by itself should not have. */
static void describe_death(HptServant *servant, const HptEnd *end)
{
    g_autofree char *text = hpt_end_text(end);
    if (servant->talk.failure != NULL || end->kind == HPT_END_STOPPED ||
        end->kind == HPT_END_START_FAILED)
        return;
    if (servant->begin_us == 0)
        servant->talk.failure =
            end->kind == HPT_END_TIMEOUT
                ? g_strdup("the worker did not say " WANTED " in time")
                : g_strdup_printf("the worker ended (%s) before it said " WANTED, text);
    else if (end->kind == HPT_END_EXITED)
        servant->talk.failure = g_strdup_printf("the worker ended (%s) before it said 'done'", text);
}

static void end_badly(HptServant *servant)
{
    HptEnd *end = &servant->served.end;
    *end = *hpt_child_get_end(servant->child);
    bool began = servant->begin_us != 0, ours = servant->talk.failure != NULL;
    if (began) {
        end->wall_us = hpt_time_monotonic_us() - servant->begin_us;
        hpt_usage_subtract(&servant->before, &servant->base, end);
    }
    describe_death(servant, end);
    if (ours && end->kind == HPT_END_SIGNALLED)
        end->kind = HPT_END_EXITED; /* our signal: its fault, not somebody else's */
    if (end->kind != HPT_END_STOPPED && !(began && end->kind == HPT_END_TIMEOUT))
        servant->deaths++;
    /* What tells of the start that failed is the child's. */
    if (end->kind == HPT_END_START_FAILED) {
        servant->talk.failure = hpt_end_text(end);
        end->step = "worker";
        end->hint = NULL;
    }
    g_free(servant->last);
    servant->last = servant->talk.failure != NULL ? g_strdup(servant->talk.failure) : hpt_end_text(end);
    servant->served.failure = servant->talk.failure;
    servant->served.pruned = false;
    take_last_trace(servant);
    bury(servant);
    servant->busy = false;
}

/* Did the process end without having read a byte of the trial? Then it is not that trial's fault:
 * it was ending while the trial was handed over, and another one gets it. */
static bool start_again(HptServant *servant)
{
    const HptEnd *end = hpt_child_get_end(servant->child);
    bool unread = waiting(servant->hold) + (int64_t)servant->talk.unsent->len >
                  (int64_t)strlen(servant->message);
    if (servant->begin_us == 0 || !unread || servant->talk.failure != NULL ||
        end->kind == HPT_END_TIMEOUT || end->kind == HPT_END_STOPPED ||
        servant->deaths >= servant->max_restarts)
        return false;
    g_free(servant->last);
    servant->last = hpt_end_text(end);
    servant->deaths++;
    bury(servant);
    servant->served = (HptServed){0};
    servant->begin_us = servant->closed_us = 0;
    g_autoptr(GError) error = NULL;
    if (!start(servant, &error)) {
        servant->talk.failure = g_strdup(error->message);
        servant->served = (HptServed){.end = {.kind = HPT_END_EXITED, .status = HPT_EXIT_TOOL},
                                      .failure = servant->talk.failure};
        servant->busy = false;
    }
    return true;
}

bool hpt_servant_handle(HptServant *servant, int64_t now_us)
{
    if (!servant->busy)
        return true;
    if (!servant->dead) {
        flush(servant);
        read_streams(servant, READ_MAX);
        read_lines(servant, LINES_READ_MAX);
        if (servant->talk.ready && servant->begin_us == 0 && servant->talk.failure == NULL)
            begin(servant, hpt_time_monotonic_us());
        flush(servant);
        if (servant->talk.over && take_trace(servant, now_us)) {
            end_well(servant);
            return true;
        }
        if (servant->from < 0 && servant->closed_us == 0)
            servant->closed_us = now_us;
        if (!hpt_child_reap(servant->child)) {
            if (servant->closed_us != 0 && now_us >= servant->closed_us + CLOSED_WAIT_US) {
                break_off(servant, "the worker closed its descriptor 4");
                servant->closed_us = INT64_MAX - CLOSED_WAIT_US;
            }
            return false;
        }
        read_lines(servant, waiting(servant->from));
        servant->dead = true;
    }
    if (!hpt_child_sweep(servant->child)) {
        servant->sweep_us = now_us + SWEEP_EVERY_US;
        return false;
    }
    if (servant->talk.over) { /* said with its last breath */
        end_well(servant);
    } else {
        drain_streams(servant, false);
        if (start_again(servant))
            return !servant->busy;
        end_badly(servant);
    }
    return true;
}

int64_t hpt_servant_get_begin(const HptServant *servant)
{
    return servant->begin_us;
}

void hpt_servant_signal(HptServant *servant, HptEndKind kind, int signal)
{
    if (servant->child == NULL)
        return;
    if (servant->talk.failure == NULL)
        hpt_child_blame(servant->child, kind);
    hpt_child_signal(servant->child, signal);
}

bool hpt_servant_is_asking(const HptServant *servant)
{
    return servant->busy && !servant->dead && servant->talk.pending > 0;
}

void hpt_servant_answer(HptServant *servant, bool stop)
{
    hpt_talk_answer(&servant->talk, stop);
    flush(servant);
}

void hpt_servant_abort(HptServant *servant)
{
    if (!servant->busy)
        return;
    bury(servant);
    servant->busy = false;
}

pid_t hpt_servant_get_pid(const HptServant *servant)
{
    return servant->child == NULL ? -1 : hpt_child_get_pid(servant->child);
}

const HptServed *hpt_servant_get_end(const HptServant *servant)
{
    return &servant->served;
}
