/* hpt-contain: the one process between hpt-run and a trial's command.
 *
 *     hpt-contain MODE [CGROUP]     started by hpt-run alone, with a socket as descriptor 3
 *
 * It starts a command, waits for it, kills, counts and collects everything that the command left
 * behind, says so, and waits for the next one. When hpt-run is gone it kills everything and ends. It
 * watches the limits of memory and CPU time, since all processes of the trial are below it. See
 * run/wire.h for the words and docs/design/containment.md for the reasons. libc only.
 */
#include "run/wire.h"
#include "tools/contain_trace.h"
#include "tools/contain_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILL_LIMIT_US INT64_C(10000000)
#define LOOK_EVERY_US INT64_C(50000)
/* Above what daemons have by themselves, so that the kernel, out of memory, takes the trial first. */
#define OOM_SCORE 300

enum { FD_IN = HPT_CONTAIN_FD + 1, FD_OUT, FD_ERR, FD_EXTRA }; /* of an order: the lowest that are free */

static struct {
    HptContainMode mode;
    const char *parent;                /* the cgroup above; NULL: not this mode */
    HptContainOrder order;
    int n_fds;                         /* of the order, from FD_IN on, its words without */
    char *words;                       /* of the order */
    char **argv;                       /* and the environment, in a mapping of their own */
    size_t argv_bytes;
    char *directory;                   /* or NULL */
    const char *folders[3];            /* of is_traced; NULL: empty */
    char cgroup[HPT_CONTAIN_PATH_MAX]; /* of this trial; empty: none */
    int cgroup_join;                   /* its cgroup.procs; -1: none */
    int statm;                         /* of ours, kept open; -1: there is none */
    pid_t command;                     /* 0: has ended */
    bool alone;                        /* hpt-run is gone */
    int64_t ended_before_us;           /* CPU time of the trials before this one */
    int64_t look_us;                   /* when the limits are looked at again */
    sigset_t waiting;                  /* everything blocked but SIGCHLD */
    HptContainReport report;
} contain = {.cgroup_join = -1};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t timeval_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

/* With files, which are closed: -1 ends them. */
static void say_with(int what, const int files[2])
{
    contain.report.what = what;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control = {.space = {0}};
    struct iovec part = {&contain.report, sizeof contain.report};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    size_t n = 0;
    while (n < 2 && files[n] >= 0)
        n++;
    if (n > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(header), files, n * sizeof(int));
    }
    (void)sendmsg(HPT_CONTAIN_FD, &message, MSG_NOSIGNAL);
    for (size_t i = 0; i < n; i++)
        close(files[i]);
}

static void say(int what)
{
    say_with(what, (const int[]){-1, -1});
}

/* What was traced, too. */
static void say_trace(int what)
{
    int files[2] = {-1, -1};
    if (contain.order.is_traced)
        files[0] = trace_hand_over(what == HPT_CONTAIN_MARK, &files[1]);
    say_with(what, files);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int saved = errno;
    close(fd);
    errno = saved;
    return written;
}

/* ---- the trial's cgroup ---- */

static const char *in_cgroup(const char *file)
{
    static char path[HPT_CONTAIN_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", contain.cgroup, file);
    return path;
}

/* hpt-PID below the parent. */
static bool open_cgroup(void)
{
    int length =
        snprintf(contain.cgroup, sizeof contain.cgroup, "%s/hpt-%d", contain.parent, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof contain.cgroup) {
        errno = ENAMETOOLONG;
        contain.cgroup[0] = '\0';
        return false;
    }
    if (mkdir(contain.cgroup, 0755) != 0 && errno != EEXIST) {
        contain.cgroup[0] = '\0';
        return false;
    }
    contain.cgroup_join = open(in_cgroup("cgroup.procs"), O_WRONLY | O_CLOEXEC);
    return contain.cgroup_join >= 0 && access(in_cgroup("cgroup.kill"), W_OK) == 0;
}

static void close_cgroup(void)
{
    if (contain.cgroup_join >= 0)
        close(contain.cgroup_join);
    contain.cgroup_join = -1;
    if (contain.cgroup[0] != '\0')
        rmdir(contain.cgroup);
    contain.cgroup[0] = '\0';
}

/* ---- starting ---- */

static volatile int start_errnum, start_step;

/* Containers commonly refuse unshare, whatever it is asked for; in Linux 5.9 this does the same. */
static bool unshare_files(void)
{
    enum { UNSHARE = 1 << 1 };
    return unshare(CLONE_FILES) == 0 || syscall(SYS_close_range, ~0U, ~0U, UNSHARE) == 0;
}

/* In the child of vfork; the numbers of descriptors only go down, so none is overwritten before its
 * turn. */
static void enter(void)
{
    start_step = HPT_STEP_GROUP;
    if (setpgid(0, 0) != 0)
        return;
    start_step = HPT_STEP_CONTAIN;
    if (contain.cgroup_join >= 0 && write(contain.cgroup_join, "0", 1) != 1)
        return;
    /* What root mounts in one trial is not for the next. */
    if (contain.mode == HPT_CONTAIN_NAMESPACE && geteuid() == 0 && unshare(CLONE_NEWNS) != 0)
        return;
    if (contain.order.limit_cpu_us > 0) {
        /* Should we not be scheduled: a process that goes far beyond is ended by the kernel. */
        rlim_t seconds = (rlim_t)(contain.order.limit_cpu_us / 1000000 + 2);
        struct rlimit limit = {seconds, seconds + 1}, old;
        if (getrlimit(RLIMIT_CPU, &old) == 0 && old.rlim_max > limit.rlim_max)
            setrlimit(RLIMIT_CPU, &limit);
    }
    if (contain.order.has_cpus)
        (void)sched_setaffinity(0, sizeof contain.order.cpus, &contain.order.cpus);
    start_step = HPT_STEP_DIRECTORY;
    if (contain.directory != NULL && chdir(contain.directory) != 0)
        return;
    start_step = HPT_STEP_STREAMS;
    if (contain.order.is_traced && !contain.order.is_preloaded) {
        trace_attach((uintptr_t)environ);
        if (!unshare_files())
            return;
    }
    for (int fd = 0; fd <= 2; fd++)
        if (dup2(FD_IN + fd, fd) < 0)
            return;
    int n_extra = contain.n_fds - (FD_EXTRA - FD_IN);
    for (int i = 0; i < n_extra; i++)
        if (dup2(FD_EXTRA + i, 3 + i) < 0)
            return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    start_step = HPT_STEP_EXEC; /* all that is ours is close-on-exec */
    execvp(contain.argv[0], contain.argv);
}

static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

/* Above what an order brings; -1: cannot. */
static int open_high(const char *path)
{
    int low = open(path, O_RDONLY | O_CLOEXEC);
    int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, FD_IN + HPT_CONTAIN_FDS_MAX);
    if (low >= 0)
        close(low);
    return fd;
}

/* What we hold, which Linux counts as the command's peak: it begins in our memory. */
static int64_t resident_bytes(void)
{
    char text[128];
    ssize_t n = pread(contain.statm, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    char *next = text;
    (void)strtoll(next, &next, 10);
    return strtoll(next, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void raise_oom_score(void)
{
    char text[16];
    if (read_text("/proc/self/oom_score_adj", text, sizeof text) &&
        strtol(text, NULL, 10) < OOM_SCORE) {
        snprintf(text, sizeof text, "%d", OOM_SCORE);
        (void)write_text("/proc/self/oom_score_adj", text);
    }
}

/* What the order brought; whoever is at the other end of a pipe then sees the command's end. */
static void drop_order(void)
{
    for (int i = 0; i < contain.n_fds; i++)
        close(FD_IN + i);
    contain.n_fds = 0;
    free(contain.words);
    if (contain.argv != NULL)
        munmap(contain.argv, contain.argv_bytes);
    contain.words = NULL;
    contain.argv = NULL;
    static char *nothing[] = {NULL};
    environ = nothing;
}

static int enter_traced(void *unused)
{
    (void)unused;
    enter();
    start_errnum = errno;
    _exit(127);
}

/* Its end of the tracer is made in the child, and we have it because we share descriptors until then. */
static pid_t clone_traced(void)
{
    enum { STACK_SIZE = 64 << 10 };
    static _Alignas(64) char stack[STACK_SIZE];
    return clone(enter_traced, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, NULL);
}

static bool start(void)
{
    start_errnum = 0;
    contain.report.floor_bytes = resident_bytes();
    const HptContainOrder *order = &contain.order;
    if (order->is_traced) {
        for (int i = 0; i < 3; i++)
            if (contain.folders[i][0] == '\0')
                contain.folders[i] = NULL;
        trace_begin(contain.folders[0], contain.folders[1], contain.folders[2], order->is_preloaded);
    }
    pid_t pid = order->is_traced && !order->is_preloaded ? clone_traced() : vfork();
    if (pid == 0) {
        enter();
        start_errnum = errno;
        _exit(127);
    }
    if (pid < 0) {
        contain.report.step = HPT_STEP_CONTAIN;
        contain.report.errnum = errno;
        return false;
    }
    if (start_errnum != 0) {
        contain.report.step = start_step;
        contain.report.errnum = start_errnum;
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        return false;
    }
    contain.command = pid;
    if (contain.order.is_traced)
        trace_started(pid, contain.argv[0], contain.directory, getenv("PATH"));
    return true;
}

/* ---- the end ---- */

/* Takes every status there is. True: no child is left. Of what we have killed, killed counts. */
static bool collect(int64_t *killed)
{
    for (;;) {
        int status = 0;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return pid < 0;
        if (pid == contain.command) {
            contain.command = 0;
            contain.report.ended_us = now_us();
            contain.report.status = status;
            contain.report.usage = usage;
            continue;
        }
        if (usage.ru_maxrss > contain.report.orphans_maxrss_kib)
            contain.report.orphans_maxrss_kib = usage.ru_maxrss;
        contain.report.orphans_user_us += timeval_us(usage.ru_utime);
        contain.report.orphans_system_us += timeval_us(usage.ru_stime);
        if (killed != NULL && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            ++*killed;
    }
}

static void kill_all(void)
{
    if (contain.mode == HPT_CONTAIN_NAMESPACE) {
        kill(-1, SIGKILL);
        return;
    }
    if (contain.command > 0) {
        kill(-contain.command, SIGKILL);
        kill(contain.command, SIGKILL);
    }
    if (contain.cgroup[0] != '\0')
        (void)write_text(in_cgroup("cgroup.kill"), "1");
    tree_kill_children();
}

/* Nothing of the trial is alive after it, or ten seconds have passed: on a busy machine the dying wait for their turn, too. */
static void kill_rest(void)
{
    int64_t limit_us = now_us() + KILL_LIMIT_US;
    do {
        kill_all();
        if (collect(&contain.report.left_behind))
            return;
        struct timespec moment = {.tv_nsec = 1000000};
        (void)ppoll(NULL, 0, &moment, &contain.waiting);
    } while (now_us() < limit_us);
    contain.report.survivors = !collect(&contain.report.left_behind);
}

/* ---- while it runs ---- */

/* A signal for the command, or the end of hpt-run. */
static void hear(void)
{
    unsigned char signal = 0;
    ssize_t n = recv(HPT_CONTAIN_FD, &signal, 1, MSG_DONTWAIT);
    if (n == 1 && signal == 0) {
        say_trace(HPT_CONTAIN_MARK);
    } else if (n == 1 && contain.command > 0) {
        if (getpgid(contain.command) != contain.command)
            kill(contain.command, signal); /* it has changed its group */
        kill(-contain.command, signal);
    } else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        contain.alone = true;
    }
}

static bool has_limits(void)
{
    return contain.order.limit_mem_bytes > 0 || contain.order.limit_cpu_us > 0;
}

static void over(HptLimit limit, int64_t seen)
{
    contain.report.limit = (int32_t)limit;
    contain.report.seen = seen;
    kill_all();
}

static void check_limits(void)
{
    int64_t begun_us = now_us();
    if (!has_limits() || contain.report.limit != HPT_LIMIT_NONE || begun_us < contain.look_us)
        return;
    const HptContainOrder *order = &contain.order;
    TreeUse use = tree_measure(contain.mode == HPT_CONTAIN_NAMESPACE, contain.cgroup);
    use.cpu_us -= contain.ended_before_us;
    if (order->limit_cpu_us > 0 && use.cpu_us > order->limit_cpu_us) {
        over(HPT_LIMIT_CPU, use.cpu_us);
        return;
    }
    if (order->limit_mem_bytes > 0 && use.rss_bytes > order->limit_mem_bytes) {
        /* Pages that processes share were counted once for each. This is dearer, and exact. */
        int64_t bytes = tree_proportional_bytes(contain.mode == HPT_CONTAIN_NAMESPACE, contain.cgroup);
        if (bytes > order->limit_mem_bytes) {
            over(HPT_LIMIT_MEM, bytes);
            return;
        }
    }
    /* Looking takes a twentieth of the time at most. */
    int64_t done_us = now_us(), rest_us = 20 * (done_us - begun_us);
    contain.look_us = done_us + (rest_us > LOOK_EVERY_US ? rest_us : LOOK_EVERY_US);
}

/* Calls of traced processes come by thousands: then the rest is looked at only now and then. True:
 * there was one. */
static bool serve(const struct pollfd *calls)
{
    static unsigned served;
    if ((calls->revents & POLLIN) == 0) {
        if (calls->revents != 0)
            trace_deserted(); /* else it would be said again and again */
        return false;
    }
    trace_serve();
    return ++served % 64 != 0;
}

/* Until the command has ended or hpt-run is gone. */
static void watch(void)
{
    for (bool busy = false;;) {
        if (!busy)
            (void)collect(NULL);
        if (contain.command == 0 || contain.alone)
            return;
        struct pollfd fds[2] = {{.fd = HPT_CONTAIN_FD, .events = POLLIN},
                                {.fd = trace_get_fd(), .events = POLLIN}};
        struct timespec moment = {.tv_nsec = (long)LOOK_EVERY_US * 1000};
        int n = ppoll(fds, 2, has_limits() ? &moment : NULL, &contain.waiting);
        if (n > 0 && fds[0].revents != 0)
            hear();
        busy = n > 0 && serve(&fds[1]);
        if (!busy)
            check_limits();
    }
}

/* True: nothing is left, and another can be started. */
static bool finish(void)
{
    /* The kernel's own limit: the same cause. */
    if (contain.order.limit_cpu_us > 0 && contain.report.limit == HPT_LIMIT_NONE &&
        WIFSIGNALED(contain.report.status) && WTERMSIG(contain.report.status) == SIGXCPU) {
        contain.report.limit = HPT_LIMIT_CPU;
        contain.report.seen = timeval_us(contain.report.usage.ru_utime) +
                              timeval_us(contain.report.usage.ru_stime);
    }
    int what = HPT_CONTAIN_ENDED | HPT_CONTAIN_GONE;
    if (!collect(NULL)) {
        if (!contain.alone)
            say(HPT_CONTAIN_ENDED);
        what = HPT_CONTAIN_GONE;
        kill_rest();
    }
    close_cgroup();
    say_trace(what);
    return !contain.alone && !contain.report.survivors;
}

/* ---- orders ---- */

static void on_child(int signal)
{
    (void)signal; /* ppoll returns: that is all it is for */
}

/* False: hpt-run is gone. */
static bool take_order(void)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(HPT_CONTAIN_FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {&contain.order, sizeof contain.order};
    struct msghdr message;
    ssize_t n;
    do { /* a signal for one that has ended is a byte */
        message = (struct msghdr){.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof control};
        n = recvmsg(HPT_CONTAIN_FD, &message, MSG_CMSG_CLOEXEC);
    } while (n == 1 || (n < 0 && errno == EINTR));
    if (n != (ssize_t)sizeof contain.order)
        return false;
    contain.report = (HptContainReport){0};
    contain.look_us = 0;
    contain.ended_before_us = tree_ended_us();
    const struct cmsghdr *got = CMSG_FIRSTHDR(&message);
    contain.n_fds = got == NULL ? 0 : (int)((got->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    return true;
}

/* Zeros, at an address that no other program will have something at: the tracer knows the command's own
 * start by that of its environment. */
static void *map_somewhere(size_t bytes)
{
    uint64_t random = 0;
    (void)getrandom(&random, sizeof random, GRND_NONBLOCK);
    uintptr_t wish = (uintptr_t)((random >> 18) & ~UINT64_C(4095));
    void *map = mmap((void *)wish, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map == MAP_FAILED ? NULL : map;
}

/* The words of the order out of its last descriptor; false: errno. */
static bool read_words(void)
{
    const HptContainOrder *order = &contain.order;
    int fd = FD_IN + --contain.n_fds;
    size_t size = (size_t)order->words_bytes, have = 0;
    contain.words = malloc(size + 1);
    contain.argv_bytes = ((size_t)order->n_argv + (size_t)order->n_env + 2) * sizeof(char *);
    contain.argv = map_somewhere(contain.argv_bytes);
    bool ok = contain.words != NULL && contain.argv != NULL;
    while (ok && have < size) {
        ssize_t n = pread(fd, contain.words + have, size - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0;
        have += ok ? (size_t)n : 0;
    }
    close(fd);
    if (!ok)
        return false;
    char *next = contain.words;
    contain.directory = order->has_directory ? next : NULL;
    if (order->has_directory)
        next += strlen(next) + 1;
    environ = contain.argv + order->n_argv + 1;
    for (int i = 0; i < order->n_argv + order->n_env; i++, next += strlen(next) + 1)
        contain.argv[i < order->n_argv ? i : i + 1] = next;
    for (int i = 0; order->is_traced && i < 3; i++, next += strlen(next) + 1)
        contain.folders[i] = next;
    return true;
}

/* Everything before the start; false: the report says why not. */
static bool prepare(void)
{
    contain.report.step = HPT_STEP_CONTAIN;
    errno = EMFILE; /* fewer descriptors than were sent */
    if ((contain.order.n_argv > 0 && (contain.n_fds < FD_EXTRA - FD_IN + 1 || !read_words())) ||
        (contain.parent != NULL && !open_cgroup())) {
        contain.report.errnum = errno;
        return false;
    }
    return true;
}

/* Tries what is not tried yet: whether a process may go into the cgroup. */
static bool probe(void)
{
    if (contain.cgroup_join < 0)
        return true;
    pid_t pid = fork();
    if (pid == 0)
        _exit(write(contain.cgroup_join, "0", 1) == 1 ? 0 : errno & 0x7f);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    contain.report.errnum = pid < 0 ? errno : WEXITSTATUS(status);
    return contain.report.errnum == 0;
}

/* True: the next order may come. */
static bool obey(void)
{
    bool question = contain.order.n_argv == 0;
    bool begun = prepare() && (question ? probe() : start());
    drop_order();
    if (!begun || question) {
        close_cgroup();
        say_trace(begun ? HPT_CONTAIN_GONE : HPT_CONTAIN_FAULT);
        return true;
    }
    watch();
    return finish();
}

static bool parse(int argc, char **argv)
{
    static const char *const modes[] = HPT_CONTAIN_MODE_NAMES;
    struct stat status;
    if (argc < 2 || argc > 3 || fstat(HPT_CONTAIN_FD, &status) != 0 ||
        !S_ISSOCK(status.st_mode) || fcntl(HPT_CONTAIN_FD, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    contain.parent = argv[2];
    for (int mode = HPT_CONTAIN_SUBREAPER; mode <= HPT_CONTAIN_CGROUP; mode++)
        if (strcmp(argv[1], modes[mode]) == 0) {
            contain.mode = (HptContainMode)mode;
            return (mode == HPT_CONTAIN_CGROUP) == (argc == 3);
        }
    return false;
}

int main(int argc, char **argv)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    contain.waiting = all;
    sigdelset(&contain.waiting, SIGCHLD);
    struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
    if (!parse(argc, argv)) {
        fputs("hpt-contain: only hpt-run starts this\n", stderr);
        return 2;
    }
    if (contain.mode != HPT_CONTAIN_NAMESPACE)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    contain.statm = open_high("/proc/self/statm");
    raise_oom_score(); /* ours too: the trial's end is ours, and the kernel takes the larger one */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the trial has our user: it may not trace us */
    while (take_order() && obey())
        continue;
    _exit(0);
}
