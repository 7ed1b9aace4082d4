#include "run/child.h"

#include "base/number.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/fd.h"
#include "run/helper.h"
#include "run/launch.h"
#include "run/orphan.h"

#define SWEEP_LIMIT_US INT64_C(10000000)
#define HARD_KILL_US INT64_C(900000)

struct HptChild {
    HptOrphanOwner
        owner; /* pid (0 when there is none), marker, start time: what orphan.c looks at */
    int pidfd, out, err; /* pidfd: of the bare command */
    HptHelper *helper;   /* NULL: bare, or back in the pool */
    const HptContain *contain;
    char *command, *directory; /* for the text of a start that failed */
    bool reaped, swept;
    bool gone;         /* the helper has said that nothing is left */
    bool deaf;         /* the helper has ended, or is about to */
    int64_t killed_us; /* when KILL was first sent; 0: not yet */
    int64_t limit_mem_bytes, limit_cpu_us;
    HptEndKind blame; /* EXITED: none */
    int64_t started_us, sweep_started_us;
    HptEnd end;
    char *step;
    bool traced;
    char *trace_limit; /* or NULL */
    HptTrace *trace;   /* at the end */
    HptTrace *marked;  /* since the last mark */
};

/* Ours are above the standard three, so that the child's dup2 never overwrites a source. */
#define LEAST_FD 3

static int open_input(const HptChildSpec *spec)
{
    int fd = spec->input == NULL ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                                 : hpt_fd_of_bytes("hpt-stdin", spec->input, spec->input_length);
    return hpt_fd_raise(fd, LEAST_FD);
}

static bool open_pipe(int *ours, int *theirs)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    *ours = hpt_fd_raise(fds[0], LEAST_FD);
    *theirs = hpt_fd_raise(fds[1], LEAST_FD);
    return *ours >= 0 && *theirs >= 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

/* What people mean by a command that cannot be run. */
static const char *exec_hint(const HptChild *child, int errnum)
{
    const char *name = child->command;
    if (strpbrk(name, " \t\n") != NULL)
        return "write the words apart, or use -S for a shell";
    bool ours = child->directory == NULL || *name == '/';
    if (errnum == ENOENT && ours && strchr(name, '/') != NULL && access(name, F_OK) == 0)
        return "the interpreter in its first line is missing";
    return NULL;
}

/* The command never ran: say why. */
static void record_fault(HptChild *child, HptStep step, int errnum)
{
    switch (step) {
    case HPT_STEP_DIRECTORY:
        child->step = g_strdup_printf("directory '%s'", child->directory);
        break;
    case HPT_STEP_EXEC:
        child->step = g_strdup_printf("exec '%s'", child->command);
        break;
    case HPT_STEP_GROUP:
        child->step = g_strdup("new process group");
        break;
    case HPT_STEP_CONTAIN:
        child->step = g_strdup("containment");
        break;
    case HPT_STEP_STREAMS:
    case HPT_STEP_NONE:
        child->step = g_strdup("standard streams");
        break;
    }
    bool exec = step == HPT_STEP_EXEC;
    child->end.kind = HPT_END_START_FAILED;
    child->end.status = !exec ? 125 : errnum == ENOENT ? 127 : 126;
    child->end.hint = exec ? exec_hint(child, errnum) : NULL;
    child->end.step = child->step;
    child->end.errnum = errnum;
    child->reaped = true;
}

/* A process that was started with SIGCHLD ignored gets no status of its children. */
static void heed_children(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
        action.sa_handler = SIG_DFL;
        sigaction(SIGCHLD, &action, NULL);
    }
}

static bool become_parent(void)
{
    static bool done;
    heed_children();
    if (!done)
        done = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
    return done;
}

/* Without a helper: true, and perhaps a child that has already ended; else *what names the step. */
static bool start_bare(HptChild *child, const HptChildSpec *spec, const int streams[3],
                       const char **what)
{
    HptFault fault = {HPT_STEP_NONE, 0, NULL};
    *what = "cannot start a process";
    pid_t pid = hpt_launch_bare(spec, streams, &fault);
    if (pid < 0)
        return false;
    if (fault.step != HPT_STEP_NONE) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        record_fault(child, fault.step, fault.errnum);
        child->swept = true;
        return true;
    }
    child->owner.pid = pid;
    *what = "cannot watch a process (pidfd_open)";
    child->pidfd = pidfd_open(pid, 0);
    return child->pidfd >= 0;
}

/* Streams are the child's ends, which the caller closes. */
static bool start(HptChild *child, const HptChildSpec *spec, int streams[3], GError **error)
{
    const char *what = "cannot adopt orphans";
    bool ok = become_parent();
    if (ok) {
        what = "cannot open the child's standard input";
        streams[0] = open_input(spec);
        ok = streams[0] >= 0;
    }
    if (ok) {
        what = "cannot make a pipe";
        ok = open_pipe(&child->out, &streams[1]) && open_pipe(&child->err, &streams[2]);
    }
    if (ok && spec->contain != NULL) {
        child->helper = hpt_helper_begin(spec, streams, error);
        if (child->helper == NULL)
            return false;
        child->owner.pid = child->helper->pid;
        return true;
    }
    if (ok && start_bare(child, spec, streams, &what))
        return true;
    int saved = errno;
    if (saved == ENOSYS)
        g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED, "%s: %s", what, g_strerror(saved));
    else
        hpt_error_set_errno(error, saved, "%s", what);
    return false;
}

static HptChild *child_new(const HptChildSpec *spec)
{
    HptChild *child = g_new0(HptChild, 1);
    struct rusage own = {0};
    getrusage(RUSAGE_SELF, &own);
    child->end.maxrss_floor_bytes = (int64_t)own.ru_maxrss * 1024;
    child->pidfd = child->out = child->err = -1;
    child->owner.marker = g_strdup(spec->marker);
    child->owner.contained = spec->contain != NULL;
    child->contain = spec->contain;
    child->traced = spec->contain != NULL && spec->trace != NULL;
    child->trace_limit = child->traced ? g_strdup(spec->trace->limit) : NULL;
    child->command = g_strdup(spec->argv[0]);
    child->directory = g_strdup(spec->directory);
    child->limit_mem_bytes = spec->limit_mem_bytes;
    child->limit_cpu_us = spec->limit_cpu_us;
    if (spec->contain != NULL)
        child->end.containment = hpt_contain_mode_name(hpt_contain_get_mode(spec->contain));
    child->started_us = hpt_time_monotonic_us();
    return child;
}

HptChild *hpt_child_start(const HptChildSpec *spec, GError **error)
{
    g_autoptr(HptChild) child = child_new(spec);
    int streams[3] = {-1, -1, -1};
    bool ok = start(child, spec, streams, error);
    for (int i = 0; i < 3; i++)
        hpt_fd_close(&streams[i]);
    if (child->owner.pid > 0)
        hpt_orphan_enter(&child->owner);
    return ok ? g_steal_pointer(&child) : NULL;
}

pid_t hpt_child_get_pid(const HptChild *child)
{
    return child->owner.pid > 0 ? child->owner.pid : -1;
}

int hpt_child_get_fd(const HptChild *child)
{
    if (child->swept)
        return -1;
    if (child->helper != NULL)
        return child->deaf ? child->helper->pidfd : child->helper->channel;
    return child->reaped ? -1 : child->pidfd;
}

int hpt_child_steal_stdout(HptChild *child)
{
    int fd = child->out;
    child->out = -1;
    return fd;
}

int hpt_child_steal_stderr(HptChild *child)
{
    int fd = child->err;
    child->err = -1;
    return fd;
}

/* By the helper, which knows the command's number in its namespace. One that does not do it is
 * stopped or worse: the kernel then kills its namespace, and the rest becomes ours. */
static bool signal_contained(HptChild *child, int signal)
{
    unsigned char byte = (unsigned char)signal;
    bool sent = send(child->helper->channel, &byte, 1, MSG_NOSIGNAL) == 1;
    if (signal == SIGKILL) {
        int64_t now_us = hpt_time_monotonic_us();
        if (child->killed_us == 0)
            child->killed_us = now_us;
        if (!sent || now_us - child->killed_us > HARD_KILL_US)
            kill(child->owner.pid, SIGKILL);
    }
    return true;
}

bool hpt_child_signal(HptChild *child, int signal)
{
    if (child->reaped)
        return false;
    if (child->contain != NULL)
        return signal_contained(child, signal);
    if (kill(-child->owner.pid, signal) != 0)
        kill(child->owner.pid, signal);
    return true;
}

void hpt_child_blame(HptChild *child, HptEndKind kind)
{
    if (child->blame == HPT_END_EXITED && !child->reaped)
        child->blame = kind;
}

static int64_t timeval_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void record_usage(HptEnd *end, const struct rusage *usage)
{
    end->user_us = timeval_us(usage->ru_utime);
    end->system_us = timeval_us(usage->ru_stime);
    end->maxrss_bytes = (int64_t)usage->ru_maxrss * 1024;
    end->minor_faults = usage->ru_minflt;
    end->major_faults = usage->ru_majflt;
    end->voluntary_switches = usage->ru_nvcsw;
    end->involuntary_switches = usage->ru_nivcsw;
    end->blocks_in = usage->ru_inblock;
    end->blocks_out = usage->ru_oublock;
}

static void record_status(HptChild *child, int status)
{
    HptEnd *end = &child->end;
    if (WIFSIGNALED(status)) {
        end->kind = HPT_END_SIGNALLED;
        end->signal = WTERMSIG(status);
        end->core_dumped = WCOREDUMP(status);
        end->status = 128 + end->signal;
    } else {
        end->kind = HPT_END_EXITED;
        end->status = WEXITSTATUS(status);
    }
    if (child->blame != HPT_END_EXITED)
        end->kind = child->blame;
}

/* ---- the end of a contained child ---- */

static void record_limit(HptChild *child, const HptContainReport *report)
{
    if (report->limit == HPT_LIMIT_NONE || child->blame != HPT_END_EXITED)
        return;
    bool memory = report->limit == HPT_LIMIT_MEM;
    child->end.kind = memory ? HPT_END_MEMORY : HPT_END_CPU;
    child->end.limit = memory ? child->limit_mem_bytes : child->limit_cpu_us;
    child->end.seen = report->seen;
}

static void take_report(HptChild *child, const HptContainReport *report)
{
    HptEnd *end = &child->end;
    if ((report->what & HPT_CONTAIN_FAULT) != 0) {
        record_fault(child, (HptStep)report->step, report->errnum);
        child->gone = true;
    }
    if ((report->what & HPT_CONTAIN_ENDED) != 0) {
        end->wall_us = report->ended_us - child->started_us;
        record_usage(end, &report->usage);
        end->maxrss_floor_bytes = MIN(report->floor_bytes, end->maxrss_bytes);
        record_status(child, report->status);
        record_limit(child, report);
        child->reaped = true;
    }
    if ((report->what & HPT_CONTAIN_GONE) != 0) {
        end->left_behind = (size_t)report->left_behind;
        end->maxrss_bytes = MAX(end->maxrss_bytes, report->orphans_maxrss_kib * 1024);
        end->user_us += report->orphans_user_us;
        end->system_us += report->orphans_system_us;
        end->survivors = report->survivors != 0;
        child->gone = true;
    }
}

static void take_files(HptChild *child, int what, int fds[2])
{
    bool mark = what == HPT_CONTAIN_MARK;
    if (!child->traced || (!mark && (what & HPT_CONTAIN_GONE) == 0)) {
        hpt_fd_close(&fds[0]);
        hpt_fd_close(&fds[1]);
        return;
    }
    HptTrace **trace = mark ? &child->marked : &child->trace;
    hpt_trace_free(*trace);
    *trace = hpt_trace_take(fds[0], fds[1]);
    if (child->trace_limit != NULL)
        hpt_trace_limit(*trace, child->trace_limit);
}

static void hear_helper(HptChild *child)
{
    /* After the last word of one that goes on there is nothing to hear. */
    while (!child->deaf && (!child->gone || child->end.survivors)) {
        HptContainReport report;
        int fds[2];
        int heard = hpt_helper_hear(child->helper, &report, fds);
        if (heard == 0)
            return;
        if (heard < 0) {
            hpt_fd_close(&fds[0]);
            hpt_fd_close(&fds[1]);
            child->deaf = true;
            return;
        }
        take_report(child, &report);
        take_files(child, report.what, fds);
    }
}

/* Somebody killed the helper, or we did: its end is all that is known of the command's. */
static void record_lost(HptChild *child)
{
    child->owner.contained = false; /* its orphans are ours from now on */
    (void)hpt_orphan_sweep(&child->owner, &child->end);
    child->end.wall_us = hpt_time_monotonic_us() - child->started_us;
    child->end.kind = child->blame != HPT_END_EXITED ? child->blame : HPT_END_SIGNALLED;
    child->end.signal = SIGKILL;
    child->end.status = 128 + SIGKILL;
    child->reaped = true;
}

static bool helper_ended(const HptChild *child)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child->owner.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

static bool reap_contained(HptChild *child)
{
    hear_helper(child);
    if (!child->reaped && (!child->deaf || !helper_ended(child)))
        return false;
    if (!child->reaped)
        record_lost(child);
    child->sweep_started_us = hpt_time_monotonic_us();
    return true;
}

/* Nothing is left and the helper can be used again; or it has ended, and if it could not do its work
 * we have done it. */
static bool sweep_contained(HptChild *child)
{
    hear_helper(child);
    if (child->gone && !child->end.survivors) {
        hpt_helper_give_back(child->contain, child->helper);
        child->helper = NULL;
        return true;
    }
    bool late = hpt_time_monotonic_us() - child->sweep_started_us > 2 * SWEEP_LIMIT_US;
    if (!child->owner.waited)
        child->owner.waited = wait4(child->owner.pid, NULL, WNOHANG, NULL) > 0;
    if (!child->owner.waited && !late)
        return false;
    if (!child->gone && hpt_contain_get_mode(child->contain) == HPT_CONTAIN_CGROUP)
        hpt_contain_clear_cgroup(hpt_contain_peek_cgroup(child->contain), child->owner.pid);
    if (!child->gone && !late && !hpt_orphan_sweep(&child->owner, &child->end))
        return false;
    child->end.survivors = child->end.survivors || late;
    return true;
}

/* ---- the end ---- */

bool hpt_child_reap(HptChild *child)
{
    if (child->reaped)
        return true;
    if (child->contain != NULL)
        return reap_contained(child);
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)child->owner.pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return false;
    child->sweep_started_us = hpt_time_monotonic_us();
    child->end.wall_us = child->sweep_started_us - child->started_us;
    /* First the leftovers: while the zombie holds its number, the group is surely ours. */
    (void)hpt_orphan_sweep(&child->owner, &child->end);
    kill(-child->owner.pid, SIGKILL);
    int status = 0;
    struct rusage usage = {0};
    HptEnd before = child->end;
    while (wait4(child->owner.pid, &status, 0, &usage) < 0 && errno == EINTR)
        continue;
    record_usage(&child->end, &usage);
    child->end.user_us += before.user_us;
    child->end.system_us += before.system_us;
    record_status(child, status);
    child->reaped = true;
    return true;
}

bool hpt_child_sweep(HptChild *child)
{
    if (child->swept || child->owner.pid <= 0)
        return true;
    if (!child->reaped)
        return false;
    if (child->contain != NULL) {
        if (!sweep_contained(child))
            return false;
    } else if (!hpt_orphan_sweep(&child->owner, &child->end)) {
        if (hpt_time_monotonic_us() - child->sweep_started_us < SWEEP_LIMIT_US)
            return false;
        child->end.survivors = true;
    }
    child->swept = true;
    hpt_orphan_leave(&child->owner);
    return true;
}

/* The helper kills everything and ends, or is killed. */
static void end_helper(HptChild *child)
{
    if (child->helper == NULL)
        return;
    hpt_helper_free(child->helper, child->owner.waited);
    child->helper = NULL;
    child->deaf = child->owner.waited = true;
}

void hpt_child_free(HptChild *child)
{
    if (child == NULL)
        return;
    if (child->owner.pid > 0 && !child->reaped && child->contain != NULL) {
        end_helper(child);
        record_lost(child);
    } else if (child->owner.pid > 0 && !child->reaped) {
        hpt_child_signal(child, SIGKILL);
        kill(child->owner.pid, SIGKILL); /* should it have changed its group */
        siginfo_t info;
        while (waitid(P_PID, (id_t)child->owner.pid, &info, WEXITED | WNOWAIT) < 0 &&
               errno == EINTR)
            continue;
        (void)hpt_child_reap(child);
    }
    while (!hpt_child_sweep(child))
        poll(NULL, 0, 1);
    end_helper(child);
    hpt_fd_close(&child->pidfd);
    hpt_fd_close(&child->out);
    hpt_fd_close(&child->err);
    hpt_orphan_leave(&child->owner);
    g_free(child->command);
    g_free(child->directory);
    g_free(child->owner.marker);
    g_free(child->step);
    g_free(child->trace_limit);
    hpt_trace_free(child->trace);
    hpt_trace_free(child->marked);
    g_free(child);
}

const HptEnd *hpt_child_get_end(const HptChild *child)
{
    return &child->end;
}

HptTrace *hpt_child_steal_trace(HptChild *child)
{
    /* A tracer that was killed has taken its knowledge with it. */
    if (child->traced && child->trace == NULL)
        child->trace = hpt_trace_take(-1, -1);
    child->traced = false;
    return g_steal_pointer(&child->trace);
}

void hpt_child_ask_trace(HptChild *child)
{
    static const unsigned char mark = 0;
    if (child->helper != NULL && child->traced && !child->deaf)
        (void)send(child->helper->channel, &mark, 1, MSG_NOSIGNAL);
}

HptTrace *hpt_child_take_trace(HptChild *child)
{
    if (child->helper != NULL && child->marked == NULL)
        hear_helper(child);
    return g_steal_pointer(&child->marked);
}

char *hpt_end_text(const HptEnd *end)
{
    switch (end->kind) {
    case HPT_END_EXITED:
        return g_strdup_printf("exit status %d", end->status);
    case HPT_END_SIGNALLED: {
        const char *name = sigabbrev_np(end->signal);
        return g_strdup_printf("signal %d%s%s%s%s", end->signal, name != NULL ? " (SIG" : "",
                               name != NULL ? name : "", name != NULL ? ")" : "",
                               end->core_dumped ? ", core dumped" : "");
    }
    case HPT_END_TIMEOUT:
        return g_strdup("timeout");
    case HPT_END_STOPPED:
        return g_strdup("stopped");
    case HPT_END_MEMORY: {
        g_autofree char *limit = hpt_size_text(end->limit);
        g_autofree char *seen = hpt_size_text(end->seen);
        return g_strdup_printf("memory limit %s exceeded (%s)", limit, seen);
    }
    case HPT_END_CPU: {
        char limit[HPT_NUMBER_TEXT_SIZE];
        return g_strdup_printf("CPU limit %ss exceeded",
                               hpt_number_text((double)end->limit / 1e6, limit));
    }
    case HPT_END_START_FAILED:
        return g_strdup_printf("%s: %s%s%s", end->step, g_strerror(end->errnum),
                               end->hint != NULL ? "; " : "", end->hint != NULL ? end->hint : "");
    }
    return g_strdup("unknown end");
}

char **hpt_child_environment(const char *const *inherited)
{
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    for (; *inherited != NULL; inherited++) {
        bool database = g_str_has_prefix(*inherited, "PG") && g_ascii_isupper((*inherited)[2]);
        if (!database && !g_str_has_prefix(*inherited, "HPT_"))
            g_ptr_array_add(kept, g_strdup(*inherited));
    }
    g_ptr_array_add(kept, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&kept), FALSE);
}
