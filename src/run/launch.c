#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    const HptLaunch *launch;
    HptFault *fault;
    const char **argv; /* with the helper in front */
    pid_t parent;
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
 * or for a seed would meet: so ours begin where the machine's are. Without the kernel's help (it is
 * optional) they stay small. */
static void move_pids(const char *outer)
{
    (void)write_text("/proc/sys/kernel/ns_last_pid", outer);
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

static void enter_streams(const Entry *entry)
{
    const HptLaunch *launch = entry->launch;
    const char *directory = launch->spec->directory;
    if (setpgid(0, 0) != 0)
        stop_at(entry, HPT_STEP_GROUP);
    if (directory != NULL && chdir(directory) != 0)
        stop_at(entry, HPT_STEP_DIRECTORY);
    if (dup2(launch->in, 0) < 0 || dup2(launch->out, 1) < 0 || dup2(launch->err, 2) < 0)
        stop_at(entry, HPT_STEP_STREAMS);
    if (launch->spec->cpus != NULL)
        (void)sched_setaffinity(0, sizeof *launch->spec->cpus, launch->spec->cpus);
}

/* The descriptors that are the child's, from first on. */
static void place_extra(const Entry *entry, int first)
{
    const HptChildSpec *spec = entry->launch->spec;
    for (size_t i = 0; i < spec->n_extra; i++)
        if (dup2(spec->extra[i], first + (int)i) < 0)
            stop_at(entry, HPT_STEP_STREAMS);
}

/* Both run in the child with our memory: only system calls, no allocation, no return. */
G_GNUC_NORETURN static void enter_bare(const Entry *entry)
{
    const HptChildSpec *spec = entry->launch->spec;
    reset_signals();
    /* A trial does not outlive a killed hpt-run; what it has started may (see
     * hpt_child_kill_marked). */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != entry->parent)
        _exit(HPT_EXIT_TOOL);
    enter_streams(entry);
    place_extra(entry, 3);
    close_from(3U + (unsigned)spec->n_extra);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(spec->argv[0], (char *const *)spec->argv, (char *const *)spec->env);
    stop_at(entry, HPT_STEP_EXEC);
}

/* Signals stay blocked: the helper lets in what it wants. */
static int enter_contained(void *user)
{
    const Entry *entry = user;
    const HptChildSpec *spec = entry->launch->spec;
    bool namespace = hpt_contain_get_mode(spec->contain) == HPT_CONTAIN_NAMESPACE;
    reset_signals();
    if (namespace) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* and with PID 1 go all the others */
        entry->fault->detail = settle_namespace(spec->contain);
        if (entry->fault->detail != NULL)
            stop_at(entry, HPT_STEP_CONTAIN);
    }
    enter_streams(entry);
    /* The sources of 0 to 2 may be overwritten now. */
    bool placed = entry->launch->channel == HPT_CONTAIN_FD
                      ? fcntl(HPT_CONTAIN_FD, F_SETFD, 0) == 0
                      : dup2(entry->launch->channel, HPT_CONTAIN_FD) >= 0;
    if (!placed)
        stop_at(entry, HPT_STEP_STREAMS);
    place_extra(entry, HPT_CONTAIN_FD + 1);
    close_from(HPT_CONTAIN_FD + 1U + (unsigned)spec->n_extra);
    execve(hpt_contain_peek_helper(spec->contain), (char *const *)entry->argv,
           (char *const *)spec->env);
    if (errno == E2BIG)
        stop_at(entry, HPT_STEP_EXEC); /* what the command would have said, one word earlier */
    entry->fault->detail = "helper";
    stop_at(entry, HPT_STEP_CONTAIN);
}

static pid_t launch_bare(const Entry *entry)
{
    pid_t pid = vfork();
    if (pid == 0)
        enter_bare(entry);
    return pid;
}

static pid_t launch_contained(Entry *entry)
{
    enum { STACK_SIZE = 64 << 10 };
    static _Alignas(64) char stack[STACK_SIZE];
    const HptChildSpec *spec = entry->launch->spec;
    int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    if (hpt_contain_get_mode(spec->contain) == HPT_CONTAIN_NAMESPACE)
        flags |= CLONE_NEWPID | CLONE_NEWNS |
                 (hpt_contain_peek_uid_map(spec->contain) != NULL ? CLONE_NEWUSER : 0);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, (gpointer) "hpt-contain");
    for (const char *const *word = spec->argv; *word != NULL; word++)
        g_ptr_array_add(argv, (gpointer)*word);
    g_ptr_array_add(argv, NULL);
    entry->argv = (const char **)argv->pdata;
    return clone(enter_contained, stack + STACK_SIZE, flags, entry);
}

/* All signals are blocked meanwhile, so that no handler of ours runs in the child. */
pid_t hpt_launch(const HptLaunch *launch, HptFault *fault)
{
    Entry entry = {.launch = launch, .fault = fault, .parent = getpid()};
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = launch->spec->contain != NULL ? launch_contained(&entry) : launch_bare(&entry);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

bool hpt_launch_order(int channel, const HptChildSpec *spec, bool probe)
{
    const HptContain *contain = spec->contain;
    HptContainOrder order = {
        .mode = (int32_t)hpt_contain_get_mode(contain),
        .probe = probe,
        .extra = (int32_t)spec->n_extra,
        .limit_mem_bytes = spec->limit_mem_bytes,
        .limit_cpu_us = spec->limit_cpu_us,
    };
    const char *cgroup = hpt_contain_peek_cgroup(contain);
    struct iovec parts[] = {
        {&order, sizeof order},
        {(void *)cgroup, cgroup == NULL ? 0 : strlen(cgroup)},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = G_N_ELEMENTS(parts)};
    return sendmsg(channel, &message, MSG_NOSIGNAL) >= 0;
}
