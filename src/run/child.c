#include "run/child.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/orphan.h"

#define SWEEP_LIMIT_US INT64_C(2000000)

typedef enum { STEP_NONE, STEP_GROUP, STEP_DIRECTORY, STEP_STREAMS, STEP_EXEC } Step;

struct HptChild {
    HptOrphanOwner
        owner; /* pid (0 when there is none), marker, start time: what orphan.c looks at */
    int pidfd, out, err;
    bool reaped, swept;
    HptEndKind blame; /* EXITED: none */
    int64_t started_us, sweep_started_us;
    HptEnd end;
    char *step;
};

/* What the child needs between vfork and exec, all of it computed before. */
typedef struct {
    const HptChildSpec *spec;
    int in, out, err;
    pid_t parent;
} Launch;

/* Written by the child, which shares our memory until it execs. */
typedef struct {
    volatile Step step;
    volatile int errnum;
} Fault;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The child keeps those below first alone. Kernels before 5.9 have no close_range: ours are close-on-exec
 * anyway, and those that we inherited are few and low. */
static void close_others(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0U, 0U) == 0)
        return;
    for (int fd = (int)first; fd < 1024; fd++)
        close(fd);
}

/* By the bare system call: glibc keeps two signals (32, 33) to itself, which somebody above us may
 * have set to be ignored. A kernel's struct sigaction of zeros is the default on every machine. */
static void reset_signals(void)
{
    static const char defaults[128];
    for (int number = 1; number < _NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP)
            syscall(SYS_rt_sigaction, number, defaults, NULL, (size_t)((_NSIG - 1) / 8));
}

static bool place_extra(const HptChildSpec *spec)
{
    for (size_t i = 0; i < spec->n_extra; i++)
        if (dup2(spec->extra[i], 3 + (int)i) < 0)
            return false;
    return true;
}

/* Runs in the child with our memory: only system calls, no allocation, no return. */
G_GNUC_NORETURN static void enter(const Launch *launch, Fault *fault)
{
    const HptChildSpec *spec = launch->spec;
    Step step = STEP_GROUP;
    reset_signals();
    /* A trial does not outlive a killed hpt-run; what it has started may (see hpt_child_kill_marked). */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launch->parent)
        _exit(HPT_EXIT_TOOL);
    if (setpgid(0, 0) == 0) {
        step = STEP_DIRECTORY;
        if (spec->directory == NULL || chdir(spec->directory) == 0) {
            step = STEP_STREAMS;
            if (dup2(launch->in, 0) >= 0 && dup2(launch->out, 1) >= 0 &&
                dup2(launch->err, 2) >= 0 && place_extra(spec)) {
                close_others(3U + (unsigned)spec->n_extra);
                sigset_t none;
                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                step = STEP_EXEC;
                execvpe(spec->argv[0], (char *const *)spec->argv, (char *const *)spec->env);
            }
        }
    }
    fault->errnum = errno;
    fault->step = step;
    _exit(127);
}

/* All signals are blocked meanwhile, so that no handler of ours runs in the child. */
static pid_t launch_child(const Launch *launch, Fault *fault)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0)
        enter(launch, fault);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

/* A descriptor above the standard three, so that the child's dup2 never overwrites a source. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int saved = errno;
    close(fd);
    errno = saved;
    return moved;
}

static int open_input(const HptChildSpec *spec)
{
    if (spec->input == NULL)
        return above_standard(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int fd = above_standard(memfd_create("hpt-stdin", MFD_CLOEXEC));
    const char *next = spec->input;
    for (size_t left = spec->input_length; fd >= 0 && left > 0;) {
        ssize_t n = write(fd, next, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            close_fd(&fd);
            return -1;
        }
        next += n;
        left -= (size_t)n;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool open_pipe(int *ours, int *theirs)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    *ours = above_standard(fds[0]);
    *theirs = above_standard(fds[1]);
    return *ours >= 0 && *theirs >= 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

/* What people mean by a command that cannot be run. */
static const char *exec_hint(const HptChildSpec *spec, int errnum)
{
    const char *name = spec->argv[0];
    if (strpbrk(name, " \t\n") != NULL)
        return "write the words apart, or use -S for a shell";
    bool ours = spec->directory == NULL || *name == '/';
    if (errnum == ENOENT && ours && strchr(name, '/') != NULL && access(name, F_OK) == 0)
        return "the interpreter in its first line is missing";
    return NULL;
}

/* The main process never ran: collect it and say why. */
static void record_fault(HptChild *child, const HptChildSpec *spec, pid_t pid, const Fault *fault)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    switch (fault->step) {
    case STEP_DIRECTORY:
        child->step = g_strdup_printf("directory '%s'", spec->directory);
        break;
    case STEP_EXEC:
        child->step = g_strdup_printf("exec '%s'", spec->argv[0]);
        break;
    case STEP_GROUP:
        child->step = g_strdup("new process group");
        break;
    case STEP_STREAMS:
    case STEP_NONE:
        child->step = g_strdup("standard streams");
        break;
    }
    bool exec = fault->step == STEP_EXEC;
    child->end.kind = HPT_END_START_FAILED;
    child->end.status = !exec ? 125 : fault->errnum == ENOENT ? 127 : 126;
    child->end.hint = exec ? exec_hint(spec, fault->errnum) : NULL;
    child->end.step = child->step;
    child->end.errnum = fault->errnum;
    child->reaped = child->swept = true;
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

/* Everything of a start that can fail with a descriptor; false: errno, *what names the step. */
static bool start(HptChild *child, const HptChildSpec *spec, Launch *launch, const char **what)
{
    *what = "cannot adopt orphans";
    if (!become_parent())
        return false;
    *what = "cannot open the child's standard input";
    launch->in = open_input(spec);
    if (launch->in < 0)
        return false;
    *what = "cannot make a pipe";
    if (!open_pipe(&child->out, &launch->out) || !open_pipe(&child->err, &launch->err))
        return false;
    Fault fault = {STEP_NONE, 0};
    *what = "cannot start a process";
    pid_t pid = launch_child(launch, &fault);
    if (pid < 0)
        return false;
    if (fault.step != STEP_NONE) {
        record_fault(child, spec, pid, &fault);
        return true;
    }
    child->owner.pid = pid;
    *what = "cannot watch a process (pidfd_open)";
    child->pidfd = pidfd_open(pid, 0);
    return child->pidfd >= 0;
}

HptChild *hpt_child_start(const HptChildSpec *spec, GError **error)
{
    g_autoptr(HptChild) child = g_new0(HptChild, 1);
    struct rusage own = {0};
    getrusage(RUSAGE_SELF, &own);
    child->end.maxrss_floor_bytes = (int64_t)own.ru_maxrss * 1024;
    child->pidfd = child->out = child->err = -1;
    child->owner.marker = g_strdup(spec->marker);
    child->started_us = hpt_time_monotonic_us();
    Launch launch = {spec, -1, -1, -1, getpid()};
    const char *what = NULL;
    bool ok = start(child, spec, &launch, &what);
    int saved = errno;
    close_fd(&launch.in);
    close_fd(&launch.out);
    close_fd(&launch.err);
    if (child->owner.pid > 0)
        hpt_orphan_enter(&child->owner);
    if (!ok) {
        if (saved == ENOSYS) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED, "%s: %s", what, g_strerror(saved));
            return NULL;
        }
        hpt_error_set_errno(error, saved, "%s", what);
        return NULL;
    }
    return g_steal_pointer(&child);
}

void hpt_child_free(HptChild *child)
{
    if (child == NULL)
        return;
    if (child->owner.pid > 0 && !child->reaped) {
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
    close_fd(&child->pidfd);
    close_fd(&child->out);
    close_fd(&child->err);
    hpt_orphan_leave(&child->owner);
    g_free(child->owner.marker);
    g_free(child->step);
    g_free(child);
}

pid_t hpt_child_get_pid(const HptChild *child)
{
    return child->owner.pid > 0 ? child->owner.pid : -1;
}

int hpt_child_get_pidfd(const HptChild *child)
{
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

bool hpt_child_signal(HptChild *child, int signal)
{
    if (child->reaped)
        return false;
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

bool hpt_child_reap(HptChild *child)
{
    if (child->reaped)
        return true;
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
    if (!hpt_orphan_sweep(&child->owner, &child->end)) {
        if (hpt_time_monotonic_us() - child->sweep_started_us < SWEEP_LIMIT_US)
            return false;
        child->end.survivors = true;
    }
    child->swept = true;
    hpt_orphan_leave(&child->owner);
    return true;
}

const HptEnd *hpt_child_get_end(const HptChild *child)
{
    return &child->end;
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
