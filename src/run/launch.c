#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    const HptChildSpec *spec; /* bare */
    int streams[3];
    pid_t parent;
    const HptContain *contain; /* the helper */
    const char *argv[4];
    int channel;
    HptFault *fault;
} Entry;

/* Kernels before 5.9 have no close_range: ours are close-on-exec anyway, and those that we inherited
 * are few and low. */
static void close_from(unsigned first)
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

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = strlen(text);
    bool written = write(fd, text, length) == (ssize_t)length;
    int saved = errno;
    close(fd);
    errno = saved;
    return written;
}

/* The numbers of a namespace begin at 1, and programs that take their own number for a name in /tmp
 * or for a seed would meet: so each begins somewhere else, neighbours far apart. Without the
 * kernel's help (it is optional) they stay small. */
static void move_pids(const char *outer)
{
    char text[24] = "";
    int fd = open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    uint32_t highest = n > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0, number = 0;
    for (; *outer >= '0' && *outer <= '9'; outer++)
        number = number * 10 + (uint32_t)(*outer - '0');
    enum { FIRST = 300 }; /* where the kernel begins again when it has come to the end */
    if (highest <= 2 * FIRST)
        return;
    number = FIRST + (uint32_t)(((uint64_t)(number * UINT32_C(2654435769)) * (highest - FIRST)) >> 32);
    char *digit = text + sizeof text - 1;
    *digit = '\0';
    do
        *--digit = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    (void)write_text("/proc/sys/kernel/ns_last_pid", digit);
}

/* In the new namespaces: the user's own number is all that is mapped, mounts do not get out, and
 * /proc shows what is inside. Returns what was refused, or NULL. */
static const char *settle_namespace(const HptContain *contain)
{
    const char *uid_map = hpt_contain_peek_uid_map(contain);
    if (uid_map != NULL) {
        if (!write_text("/proc/self/uid_map", uid_map) ||
            (!write_text("/proc/self/setgroups", "deny") && errno != ENOENT) ||
            !write_text("/proc/self/gid_map", hpt_contain_peek_gid_map(contain)))
            return "user namespace";
    }
    char outer[24];
    ssize_t length = readlink("/proc/self", outer, sizeof outer - 1);
    /* A user namespace has only a slave of the mounts anyway. */
    if (uid_map == NULL && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 &&
        mount(NULL, "/proc", NULL, MS_SLAVE, NULL) != 0)
        return "mount namespace";
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return "mount of /proc";
    if (length > 0) {
        outer[length] = '\0';
        move_pids(outer);
    }
    return NULL;
}

G_GNUC_NORETURN static void stop_at(const Entry *entry, HptStep step)
{
    entry->fault->errnum = errno;
    entry->fault->step = step;
    _exit(127);
}

/* Both run in the child with our memory: only system calls, no allocation, no return. */
G_GNUC_NORETURN static void enter_bare(const Entry *entry)
{
    const HptChildSpec *spec = entry->spec;
    reset_signals();
    /* A trial does not outlive a killed hpt-run; what it has started may (see
     * hpt_child_kill_marked). */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != entry->parent)
        _exit(HPT_EXIT_TOOL);
    if (setpgid(0, 0) != 0)
        stop_at(entry, HPT_STEP_GROUP);
    if (spec->directory != NULL && chdir(spec->directory) != 0)
        stop_at(entry, HPT_STEP_DIRECTORY);
    for (int fd = 0; fd <= 2; fd++)
        if (dup2(entry->streams[fd], fd) < 0)
            stop_at(entry, HPT_STEP_STREAMS);
    if (spec->cpus != NULL)
        (void)sched_setaffinity(0, sizeof *spec->cpus, spec->cpus);
    for (size_t i = 0; i < spec->n_extra; i++)
        if (dup2(spec->extra[i], 3 + (int)i) < 0)
            stop_at(entry, HPT_STEP_STREAMS);
    close_from(3U + (unsigned)spec->n_extra);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(spec->argv[0], (char *const *)spec->argv, (char *const *)spec->env);
    stop_at(entry, HPT_STEP_EXEC);
}

/* Signals stay blocked: the helper lets in what it wants. */
static int enter_helper(void *user)
{
    static char *const no_environment[] = {NULL};
    const Entry *entry = user;
    reset_signals();
    if (hpt_contain_get_mode(entry->contain) == HPT_CONTAIN_NAMESPACE) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* and with PID 1 go all the others */
        entry->fault->detail = settle_namespace(entry->contain);
        if (entry->fault->detail != NULL)
            stop_at(entry, HPT_STEP_CONTAIN);
    }
    entry->fault->detail = "helper";
    bool placed = setpgid(0, 0) == 0;
    for (int fd = 0; fd <= 2; fd++)
        placed = placed && dup2(entry->streams[fd], fd) >= 0;
    /* The sources of 0 to 2 may be overwritten now. */
    placed = placed && (entry->channel == HPT_CONTAIN_FD
                            ? fcntl(HPT_CONTAIN_FD, F_SETFD, 0) == 0
                            : dup2(entry->channel, HPT_CONTAIN_FD) >= 0);
    if (placed) {
        close_from(HPT_CONTAIN_FD + 1U);
        execve(hpt_contain_peek_helper(entry->contain), (char *const *)entry->argv, no_environment);
    }
    stop_at(entry, HPT_STEP_CONTAIN);
}

static pid_t clone_bare(Entry *entry)
{
    pid_t pid = vfork();
    if (pid == 0)
        enter_bare(entry);
    return pid;
}

static pid_t clone_helper(Entry *entry)
{
    enum { STACK_SIZE = 64 << 10 };
    static _Alignas(64) char stack[STACK_SIZE];
    int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    if (hpt_contain_get_mode(entry->contain) == HPT_CONTAIN_NAMESPACE)
        flags |= CLONE_NEWPID | CLONE_NEWNS |
                 (hpt_contain_peek_uid_map(entry->contain) != NULL ? CLONE_NEWUSER : 0);
    return clone(enter_helper, stack + STACK_SIZE, flags, entry);
}

/* All signals are blocked meanwhile, so that no handler of ours runs in the child. */
static pid_t launch(pid_t (*how)(Entry *), Entry *entry)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = how(entry);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

pid_t hpt_launch_bare(const HptChildSpec *spec, const int streams[3], HptFault *fault)
{
    Entry entry = {.spec = spec,
                   .streams = {streams[0], streams[1], streams[2]},
                   .parent = getpid(),
                   .fault = fault};
    return launch(clone_bare, &entry);
}

pid_t hpt_launch_helper(const HptContain *contain, int null, int channel, HptFault *fault)
{
    Entry entry = {
        .contain = contain,
        .streams = {null, null, null},
        .argv = {"hpt-contain", hpt_contain_mode_name(hpt_contain_get_mode(contain)),
                 hpt_contain_peek_cgroup(contain), NULL},
        .channel = channel,
        .fault = fault,
    };
    return launch(clone_helper, &entry);
}
