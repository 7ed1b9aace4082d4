#include "run/servant.h"

#include "base/json.h"
#include "base/text.h"
#include "run/lines.h"
#include "run/reportline.h"
#include "run/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define READ_MAX (256 << 10)      /* bytes a stream and call */
#define LINES_READ_MAX 65536      /* of lines: about a millisecond of parsing */
#define UNSENT_MAX 65536          /* behind this we do not listen to who does not read */
#define UNREAD_MAX (2 << 20)      /* of trials that were never read */
#define SWEEP_EVERY_US 1000
#define CLOSED_WAIT_US INT64_C(1000000) /* from closing its descriptor to its end */
#define BYE_US INT64_C(2000000)
#define WANTED "{\"type\":\"ready\",\"protocol\":1} on descriptor 4"

struct HptServant {
    char **argv, **env, *directory, *marker;
    int max_restarts;

    HptChild *child; /* NULL: none */
    int out, err;    /* its streams */
    int to, from;    /* our ends of its 3 and 4 */
    int hold;        /* its end of 3: writing to a process that has gone is no signal then */
    GString *unsent;
    HptLines lines;
    bool ready;
    int deaths;         /* since a trial was last finished */
    int64_t trials;     /* finished by this process */
    int64_t dismissed_us;

    HptErrand errand;
    char *message;
    bool busy, over;    /* a trial is under way; it said done */
    bool dead;          /* the process has ended, its leftovers are being removed */
    int64_t begin_us, lines_base, closed_us, sweep_us;
    int pending;        /* reports to be answered */
    HptUsage before;
    char *failure, *last; /* of this trial; how the process ended last */
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
    servant->out = servant->err = servant->to = servant->from = servant->hold = -1;
    servant->unsent = g_string_new(NULL);
    servant->lines.max = HPT_SERVANT_LINE_MAX;
    return servant;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Everything of the process that is gone, or is to be. */
static void bury(HptServant *servant)
{
    g_clear_pointer(&servant->child, hpt_child_free);
    close_fd(&servant->out);
    close_fd(&servant->err);
    close_fd(&servant->to);
    close_fd(&servant->from);
    close_fd(&servant->hold);
    g_string_truncate(servant->unsent, 0);
    hpt_lines_clear(&servant->lines);
    servant->lines = (HptLines){.max = HPT_SERVANT_LINE_MAX};
    servant->ready = servant->dead = false;
    servant->trials = 0;
    servant->dismissed_us = 0;
}

void hpt_servant_free(HptServant *servant)
{
    if (servant == NULL)
        return;
    hpt_servant_dismiss(servant);
    while (servant->child != NULL && hpt_child_get_pidfd(servant->child) >= 0) {
        int64_t left_us = servant->dismissed_us + BYE_US - hpt_time_monotonic_us();
        char dropped[4096];
        struct pollfd fds[] = {{.fd = hpt_child_get_pidfd(servant->child), .events = POLLIN},
                               {.fd = servant->out, .events = POLLIN},
                               {.fd = servant->err, .events = POLLIN}};
        if (left_us <= 0 || poll(fds, 3, (int)(left_us / 1000 + 1)) < 0 || fds[0].revents != 0)
            break;
        for (int i = 1; i < 3; i++) /* it may say good-bye to a pipe that is full */
            if (fds[i].revents != 0 && read(fds[i].fd, dropped, sizeof dropped) == 0)
                close_fd(i == 1 ? &servant->out : &servant->err);
    }
    bury(servant);
    g_strfreev(servant->argv);
    g_strfreev(servant->env);
    g_free(servant->directory);
    g_free(servant->marker);
    g_free(servant->message);
    g_free(servant->failure);
    g_free(servant->last);
    g_string_free(servant->unsent, true);
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
    *ours = fcntl(mine, F_DUPFD_CLOEXEC, LEAST);
    *theirs = fcntl(other, F_DUPFD_CLOEXEC, LEAST);
    int saved = errno;
    close(fds[0]);
    close(fds[1]);
    errno = saved;
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
            .extra = theirs,
            .n_extra = 2,
        };
        servant->child = hpt_child_start(&child, error);
    }
    servant->hold = theirs[0];
    close_fd(&theirs[1]);
    if (servant->child == NULL) {
        bury(servant);
        return false;
    }
    servant->out = hpt_child_steal_stdout(servant->child);
    servant->err = hpt_child_steal_stderr(servant->child);
    return true;
}

/* ---- speaking ---- */

/* Writes what the pipe takes. Its end is held by us too, so this is never EPIPE. */
static void flush(HptServant *servant)
{
    while (servant->to >= 0 && servant->unsent->len > 0) {
        ssize_t n = write(servant->to, servant->unsent->str, servant->unsent->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        g_string_erase(servant->unsent, 0, n);
    }
}

static void say(HptServant *servant, const char *line)
{
    g_string_append(servant->unsent, line);
    g_string_append_c(servant->unsent, '\n');
}

static void say_go(HptServant *servant, int64_t trial, bool stop)
{
    g_string_append_printf(servant->unsent,
                           "{\"continue\":%s,\"trial\":%" PRId64 ",\"type\":\"go\"}\n",
                           stop ? "false" : "true", trial);
}

void hpt_servant_dismiss(HptServant *servant)
{
    if (servant->child == NULL || servant->dismissed_us != 0)
        return;
    servant->dismissed_us = hpt_time_monotonic_us();
    say(servant, "{\"type\":\"bye\"}");
    flush(servant);
    close_fd(&servant->to);
    close_fd(&servant->hold);
}

/* Hands the trial over. */
static void begin(HptServant *servant, int64_t now_us)
{
    if (servant->unsent->len > UNREAD_MAX) {
        servant->failure = g_strdup("the worker does not read its descriptor 3");
        hpt_child_signal(servant->child, SIGKILL);
        return;
    }
    servant->begin_us = now_us;
    hpt_usage_begin(hpt_child_get_pid(servant->child), &servant->before);
    say(servant, servant->message);
    flush(servant);
}

/* ---- listening ---- */

/* The worker is not to be talked with any more; the reason is the trial's. */
static void break_off(HptServant *servant, char *steal_reason)
{
    if (servant->failure == NULL)
        servant->failure = steal_reason;
    else
        g_free(steal_reason);
    hpt_child_signal(servant->child, SIGKILL);
}

static void answer_report(HptServant *servant, bool has_step)
{
    bool stop = false, wait = hpt_replies_must_wait(servant->errand.replies, &stop);
    if (wait && (has_step || servant->pending > 0))
        servant->pending++;
    else
        say_go(servant, servant->errand.trial, stop);
}

static char *on_report(HptServant *servant, const HptReportLine *line, const char *text,
                       size_t length, int64_t offset)
{
    char *reason = NULL;
    if (line->problem != NULL)
        reason = g_strdup(line->problem);
    else if (!line->has_metrics)
        reason = g_strdup("no 'metrics'");
    else
        hpt_report_line_metrics(line, text, length, offset, servant->errand.scan);
    answer_report(servant, line->has_step && reason == NULL);
    return reason;
}

/* Whatever else is wrong with the line, the trial is over by it. */
static void on_done(HptServant *servant, const HptReportLine *line, const char *text, size_t length,
                    int64_t offset)
{
    HptScan *scan = servant->errand.scan;
    servant->over = true;
    if (line->problem != NULL) {
        g_autofree char *reason = g_strdup_printf("the worker's 'done': %s", line->problem);
        hpt_scan_fail(scan, reason);
        return;
    }
    hpt_report_line_metrics(line, text, length, offset, scan);
    if (g_strcmp0(line->state, "failed") == 0) {
        hpt_scan_fail(scan, line->fail != NULL ? line->fail : "the worker said failed, not why");
    } else if (g_strcmp0(line->state, "pruned") == 0) {
        servant->served.pruned = true;
    } else if (line->state != NULL && strcmp(line->state, "complete") != 0) {
        g_autofree char *shown = hpt_text_printable(line->state, -1);
        g_autofree char *reason = g_strdup_printf("the worker's 'done': unknown state '%.100s'; it is "
                                                  "complete, pruned or failed", shown);
        hpt_scan_fail(scan, reason);
    }
}

static char *on_ready(HptServant *servant, const HptReportLine *line)
{
    if (servant->ready)
        return g_strdup("'ready' twice");
    if (line->has_protocol && line->protocol != 1) {
        break_off(servant, g_strdup_printf("the worker speaks protocol %" PRId64 "; this is 1",
                                           line->protocol));
        return NULL;
    }
    servant->ready = true;
    begin(servant, hpt_time_monotonic_us());
    return NULL;
}

/* What is wrong with a line, owned, or NULL. */
static char *on_message(HptServant *servant, const HptReportLine *line, const char *text,
                        size_t length, int64_t offset)
{
    bool report = g_strcmp0(line->type, "report") == 0, done = g_strcmp0(line->type, "done") == 0;
    if (line->type == NULL)
        return g_strdup("no 'type'");
    if (strcmp(line->type, "ready") == 0)
        return on_ready(servant, line);
    if (!report && !done) {
        g_autofree char *shown = hpt_text_printable(line->type, -1);
        return g_strdup_printf("unknown type '%.100s'", shown);
    }
    if (servant->begin_us == 0)
        return g_strdup("before 'ready'");
    if (line->has_trial && line->trial != servant->errand.trial) {
        if (report)
            say_go(servant, line->trial, true); /* it waits: nobody wants to know more of that one */
        return g_strdup_printf("about trial %" PRId64 ", not %" PRId64, line->trial,
                               servant->errand.trial);
    }
    if (servant->over)
        return g_strdup("after 'done'");
    if (report)
        return on_report(servant, line, text, length, offset);
    on_done(servant, line, text, length, offset);
    return NULL;
}

static void on_line(const char *text, size_t length, int64_t offset, bool cut, void *user)
{
    HptServant *servant = user;
    if (hpt_line_is_blank(text, length) && !cut && memchr(text, '\0', length) == NULL)
        return;
    g_autofree char *reason = NULL;
    HptReportLine line = {0};
    if (cut)
        reason = g_strdup("longer than 1 MiB");
    else if (hpt_report_line_read(&line, HPT_LINE_WORKER, text, length, &reason))
        reason = on_message(servant, &line, text, length, offset - servant->lines_base);
    hpt_report_line_clear(&line);
    hpt_report_count(servant->errand.report, reason, text, length);
}

/* Who does not read, or reports without waiting for answers, is not listened to for a while. */
static bool listens(const HptServant *servant)
{
    return servant->unsent->len < UNSENT_MAX && servant->pending < HPT_REPLIES_MAX;
}

static void read_lines(HptServant *servant, int64_t limit)
{
    char buffer[16384];
    while (servant->from >= 0 && limit > 0 && listens(servant)) {
        ssize_t n = read(servant->from, buffer, MIN(sizeof buffer, (size_t)limit));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_fd(&servant->from);
            return;
        }
        limit -= n;
        hpt_report_add_bytes(servant->errand.report, n);
        hpt_lines_add(&servant->lines, buffer, (size_t)n, false, on_line, servant);
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
            close_fd(fd);
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
    if (strlen(errand->message) >= HPT_SERVANT_LINE_MAX) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the parameters are longer than 1 MiB");
        return false;
    }
    look_after(servant);
    if (servant->child == NULL && servant->deaths > servant->max_restarts) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "the worker has ended %d times in a row without finishing a trial%s%s\n"
                    "hint: hpt-query --failures shows what it said; --max-restarts allows more",
                    servant->deaths, servant->last != NULL ? ": " : "",
                    servant->last != NULL ? servant->last : "");
        return false;
    }
    g_clear_pointer(&servant->failure, g_free);
    servant->served = (HptServed){.trials = servant->trials};
    servant->errand = *errand;
    servant->over = false;
    servant->begin_us = servant->closed_us = 0;
    servant->pending = 0;
    if (servant->child == NULL && !start(servant, error))
        return false;
    servant->busy = true;
    g_free(servant->message);
    servant->message = g_strdup(errand->message);
    servant->lines_base = servant->lines.total;
    if (servant->ready) {
        drain_streams(servant, true);
        begin(servant, now_us);
    }
    return true;
}

size_t hpt_servant_fds(const HptServant *servant, struct pollfd fds[HPT_SERVANT_FDS])
{
    if (!servant->busy || servant->dead || servant->child == NULL)
        return 0;
    struct pollfd all[HPT_SERVANT_FDS] = {
        {.fd = hpt_child_get_pidfd(servant->child), .events = POLLIN},
        {.fd = servant->out, .events = POLLIN},
        {.fd = servant->err, .events = POLLIN},
        {.fd = listens(servant) ? servant->from : -1, .events = POLLIN},
        {.fd = servant->unsent->len > 0 ? servant->to : -1, .events = POLLOUT},
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
    if (servant->busy && hpt_child_get_pidfd(servant->child) < 0)
        return 0; /* it could not be started */
    return servant->closed_us != 0 ? servant->closed_us + CLOSED_WAIT_US : INT64_MAX;
}

/* The process lives on: what it used meanwhile. */
static void end_well(HptServant *servant)
{
    drain_streams(servant, false);
    HptEnd *end = &servant->served.end;
    *end = (HptEnd){.kind = HPT_END_EXITED};
    if (servant->dead) {
        *end = *hpt_child_get_end(servant->child);
        hpt_usage_subtract(&servant->before, end);
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
    end->wall_us = hpt_time_monotonic_us() - servant->begin_us;
    servant->trials += servant->child != NULL;
    servant->deaths = 0;
    servant->busy = false;
}

/* Why a process that has ended by itself should not have. */
static void describe_death(HptServant *servant, const HptEnd *end)
{
    g_autofree char *text = hpt_end_text(end);
    if (servant->failure != NULL || end->kind == HPT_END_STOPPED ||
        end->kind == HPT_END_START_FAILED)
        return;
    if (servant->begin_us == 0)
        servant->failure =
            end->kind == HPT_END_TIMEOUT
                ? g_strdup("the worker did not say " WANTED " in time")
                : g_strdup_printf("the worker ended (%s) before it said " WANTED, text);
    else if (end->kind == HPT_END_EXITED)
        servant->failure = g_strdup_printf("the worker ended (%s) before it said 'done'", text);
}

static void end_badly(HptServant *servant)
{
    HptEnd *end = &servant->served.end;
    *end = *hpt_child_get_end(servant->child);
    bool began = servant->begin_us != 0, ours = servant->failure != NULL;
    if (began) {
        end->wall_us = hpt_time_monotonic_us() - servant->begin_us;
        hpt_usage_subtract(&servant->before, end);
    }
    describe_death(servant, end);
    if (ours && end->kind == HPT_END_SIGNALLED)
        end->kind = HPT_END_EXITED; /* our signal: its fault, not somebody else's */
    if (end->kind != HPT_END_STOPPED && !(began && end->kind == HPT_END_TIMEOUT))
        servant->deaths++;
    /* What tells of the start that failed is the child's. */
    if (end->kind == HPT_END_START_FAILED) {
        servant->failure = hpt_end_text(end);
        end->step = "worker";
        end->hint = NULL;
    }
    g_free(servant->last);
    servant->last = servant->failure != NULL ? g_strdup(servant->failure) : hpt_end_text(end);
    servant->served.failure = servant->failure;
    bury(servant);
    servant->busy = false;
}

/* Did the process end without having read a byte of the trial? Then it is not that trial's fault:
 * it was ending while the trial was handed over, and another one gets it. */
static bool start_again(HptServant *servant)
{
    const HptEnd *end = hpt_child_get_end(servant->child);
    bool unread = waiting(servant->hold) + (int64_t)servant->unsent->len >
                  (int64_t)strlen(servant->message);
    if (servant->begin_us == 0 || !unread || servant->failure != NULL ||
        end->kind == HPT_END_TIMEOUT || end->kind == HPT_END_STOPPED ||
        servant->deaths >= servant->max_restarts)
        return false;
    g_free(servant->last);
    servant->last = hpt_end_text(end);
    servant->deaths++;
    bury(servant);
    servant->served = (HptServed){0};
    servant->begin_us = servant->closed_us = servant->lines_base = 0;
    g_autoptr(GError) error = NULL;
    if (!start(servant, &error)) {
        servant->failure = g_strdup(error->message);
        servant->served = (HptServed){.end = {.kind = HPT_END_EXITED, .status = HPT_EXIT_TOOL},
                                      .failure = servant->failure};
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
        flush(servant);
        if (servant->over) {
            end_well(servant);
            return true;
        }
        if (servant->from < 0 && servant->closed_us == 0)
            servant->closed_us = now_us;
        if (!hpt_child_reap(servant->child)) {
            if (servant->closed_us != 0 && now_us >= servant->closed_us + CLOSED_WAIT_US) {
                break_off(servant, g_strdup("the worker closed its descriptor 4"));
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
    if (servant->over) { /* said with its last breath */
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
    if (servant->failure == NULL)
        hpt_child_blame(servant->child, kind);
    hpt_child_signal(servant->child, signal);
}

bool hpt_servant_is_asking(const HptServant *servant)
{
    return servant->busy && !servant->dead && servant->pending > 0;
}

void hpt_servant_answer(HptServant *servant, bool stop)
{
    for (; servant->pending > 0; servant->pending--)
        say_go(servant, servant->errand.trial, stop);
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
