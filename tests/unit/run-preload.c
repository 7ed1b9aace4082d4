/* The files of a trial, as a preloaded library tells them: every function, whatever the program is up to;
 * and what goes wrong with the library or its tracer is no fault of the trial. */
#include "tests/unit/trace-tools.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

/* ---- what the trials do ---- */

static void finish(FILE *file, const char *what)
{
    need(file != NULL && fclose(file) == 0, what);
}

int __open_2(const char *path, int flags); /* what _FORTIFY_SOURCE calls */
int __openat_2(int at, const char *path, int flags);

static void do_opens(void)
{
    touch("a1", O_RDONLY);
    need(open64("a2", O_RDONLY) >= 0, "a2");
    int sub = open("sub", O_RDONLY | O_DIRECTORY);
    need(sub >= 0 && openat(sub, "a3", O_RDONLY) >= 0 && openat64(sub, "a4", O_RDONLY) >= 0, "openat");
    need(__open_2("a5", O_RDONLY) >= 0 && __openat_2(sub, "a6", O_RDONLY) >= 0, "__open_2");
    finish(fopen("a7", "re"), "a7");
    finish(fopen64("a8", "rm"), "a8");
    finish(freopen("a9", "r", fopen("/dev/null", "r")), "a9");
    touch("link", O_RDONLY); /* to b1 */
    need(chdir("sub") == 0, "chdir");
    touch("b2", O_RDONLY);
    need(chdir("..") == 0, "chdir");
    int fd = open("b3", O_PATH);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    touch(path, O_RDONLY);
    touch("b4", O_RDWR); /* and not changed */
    /* No inputs; and they fail as they do without. */
    need(open("absent", O_RDONLY) < 0 && errno == ENOENT, "absent");
    need(fopen("absent", "r") == NULL && errno == ENOENT, "absent");
    need(open("a1", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST, "exclusive");
    int (*volatile undeclared)(const char *, int, ...) = open; /* which promises that it is not NULL */
    need(undeclared(NULL, O_WRONLY) < 0 && errno == EFAULT, "NULL");
    errno = ERANGE;
    touch("/dev/null", O_RDWR);
    touch("odd\n\xff\x01name", O_RDONLY);
    need(errno == ERANGE, "errno");
}

static void put(FILE *file, const char *what)
{
    need(file != NULL && fputs("new", file) >= 0, what);
    finish(file, what);
}

static void do_changes(void)
{
    put(fopen("appended", "a"), "appended");
    put(fopen("rewritten", "w"), "rewritten");
    put(fopen("updated", "r+"), "updated");
    need(creat("created", 0640) >= 0 && creat64("created2", 0640) >= 0, "creat");
    struct stat status;
    touch("mode", O_WRONLY | O_CREAT);
    need(stat("mode", &status) == 0 && (status.st_mode & 0777) == 0640, "mode");
    need(truncate("cut", 1) == 0 && truncate64("cut2", 1) == 0, "truncate");
    int here = open(".", O_RDONLY | O_DIRECTORY);
    need(rename("fresh", "replaced") == 0 && renameat(here, "r1", here, "s1") == 0, "rename");
    need(renameat2(here, "x1", here, "x2", RENAME_EXCHANGE) == 0, "exchange");
    need(unlink("gone1") == 0 && unlinkat(here, "gone2", 0) == 0 && remove("gone3") == 0, "unlink");
    need(mkdir("folder", 0700) == 0 && remove("folder") == 0, "remove");
    need(link("linked", "linked2") == 0 && linkat(here, "linked", here, "linked3", 0) == 0, "link");
    need(symlink("rewritten", "pointer") == 0 && symlinkat("cut", here, "pointer2") == 0, "symlink");
    touch("pointer", O_RDONLY);
    char first[] = "tempXXXXXX", second[] = "tempXXXXXX.csv";
    need(mkstemp(first) >= 0 && mkostemps(second, 4, O_CLOEXEC) >= 0, "mkstemp");
    need(rename(first, "temporary") == 0 && unlink(second) == 0, "temporary");
}

/* From threads, after fork, vfork, in a daemon, by spawn, by PATH, and by exec from a thread. */
static void do_others(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        need(pthread_create(&threads[i], NULL, open_one, (void *)"a1") == 0, "thread");
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    int done[2]; /* the daemon's, which nobody can wait for */
    need(pipe(done) == 0, "pipe");
    if (fork() == 0) {
        setsid();
        touch(fork() == 0 ? "a2" : "a3", O_RDONLY);
        _exit(0);
    }
    close(done[1]);
    char none_left;
    need(read(done[0], &none_left, 1) == 0, "read");
    if (vfork() == 0) {
        int fd = open("a4", O_RDONLY);
        _exit(fd < 0);
    }
    char *const argv[] = {(char *)"x", NULL};
    pid_t pid = 0;
    need(setenv("PATH", "sub:/usr/bin:/bin", 1) == 0, "setenv");
    need(posix_spawn(&pid, "./spawned", NULL, NULL, argv, environ) == 0, "spawn");
    need(posix_spawnp(&pid, "found", NULL, NULL, argv, environ) == 0, "spawnp");
    if (vfork() == 0) {
        execvp("found2", argv);
        _exit(9);
    }
    for (int status; wait(&status) > 0;)
        need(status == 0, "status");
    need(system("exec <a5") == 0, "system");
    need(pthread_create(&threads[0], NULL, exec_one, (void *)"./from-thread") == 0, "thread");
    pthread_join(threads[0], NULL);
}

/* Descriptors are what they would be without. */
static void do_closes(void)
{
    closefrom(3);
    need(open("a1", O_RDONLY) == 3 && open("a2", O_RDWR) == 4, "descriptors");
    need(fcntl(5, F_GETFD) < 0 && errno == EBADF, "left open");
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal)
{
    (void)signal;
    touch("a2", O_RDONLY);
    alarms++;
}

/* Signals meanwhile, whose handler opens files. */
static void do_signals(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {{0, 500}, {0, 500}};
    setitimer(ITIMER_REAL, &timer, NULL);
    while (alarms < 300)
        touch("a1", O_RDONLY);
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    touch("a3", O_RDONLY);
}

/* Below another root, where root may have one: its a2 is not ours. */
static void do_root(void)
{
    touch("a1", O_RDONLY);
    char name[PATH_MAX + 8];
    need(getcwd(name, PATH_MAX) != NULL && strcat(name, "/a2") != NULL, "getcwd");
    if (geteuid() != 0)
        return;
    need(chroot("sub") == 0 && chdir("/") == 0, "chroot");
    touch("a2", O_RDONLY);
    need(open(name, O_RDONLY) < 0, "another root");
    need(mkdir("/x", 0700) == 0 && rename("/a2", "/x/a2") == 0, "rename");
    _exit(0); /* sanitizers miss /proc here */
}

/* Sockets are death from here on. */
static void forbid(bool directly)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, filter};
    /* root needs no other call before it. */
    need((directly && geteuid() == 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    need((directly ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)
                   : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) == 0,
         "seccomp");
}

static void do_forbids(void)
{
    touch("a1", O_RDONLY);
    forbid(false);
    touch("a2", O_RDONLY);
}

static void do_forbids_directly(void)
{
    touch("a1", O_RDONLY);
    forbid(true);
    touch("a2", O_RDONLY);
}

/* What it runs then is under the filter, too, and has everything of the environment. */
static void do_forbids_and_runs(void)
{
    touch("a1", O_RDONLY);
    forbid(false);
    execl("/bin/sh", "sh", "-c", "read -r x <a2; test \"$x\" = a2 && exec cat a2 >/dev/null", NULL);
    need(false, "execl");
}

/* The tracer, our parent, stands still. */
static void do_stops(void)
{
    touch("a1", O_RDONLY);
    need(kill(getppid(), SIGSTOP) == 0, "kill");
    put(fopen("a2", "w"), "a2");
    for (int i = 0; i < 10000; i++)
        touch("a3", O_RDONLY);
    need(kill(getppid(), SIGCONT) == 0, "kill");
}

static void do_clears(void)
{
    touch("a1", O_RDONLY);
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"read -r x <a2; exit 0", NULL}, *const none[] = {NULL};
    execve("/bin/sh", argv, none);
    need(false, "execve");
}

static const Act acts[] = {
    {"opens", do_opens},     {"changes", do_changes}, {"others", do_others}, {"closes", do_closes},
    {"signals", do_signals}, {"forbids", do_forbids}, {"stops", do_stops},   {"clears", do_clears},
    {"root", do_root},       {"forbids-directly", do_forbids_directly}, {"forbids-and-runs", do_forbids_and_runs},
    {NULL, NULL},
};

/* ---- the tests ---- */

/* names: the files there are, each with its name in it; ends with NULL. */
static void begin(Bench *bench, const char *const *names)
{
    bench_begin(bench);
    bench->spec.preload = true;
    for (; *names != NULL; names++)
        give(bench, *names, *names, 0600);
}

#define ALWAYS_MISSING "preload: static programs, direct system calls and what clears LD_PRELOAD are not seen"
#define FORBIDDEN "; a program forbade itself calls (seccomp, no_new_privs): what came after may not be seen"

/* The trial ends well, and the trace is never complete. */
static const HptTrace *incomplete_for(HptRun *run, const char *reason)
{
    const HptTrace *trace = trace_of(run);
    g_assert_false(trace->complete);
    g_assert_false(trace->refused);
    g_assert_cmpstr(trace->reason, ==, reason);
    return trace;
}

static const HptTrace *incomplete_of(HptRun *run)
{
    return incomplete_for(run, ALWAYS_MISSING);
}

static void check(const Bench *bench, const HptTrace *trace, const char *name, uint32_t roles, const char *before)
{
    check_roles(bench, trace, name, roles);
    check_kept(bench, trace, name, before);
}

static void check_read(const Bench *bench, const HptTrace *trace, const char *const *names)
{
    for (; *names != NULL; names++)
        check(bench, trace, *names, HPT_TRACE_READ, NULL);
}

static void test_opens(void)
{
    static const char *const names[] = {"a1", "a2", "sub/a3", "sub/a4", "a5", "sub/a6", "a7", "a8", "a9",
                                        "b1", "sub/b2", "b3", "b4", "odd\n\xff\x01name", NULL};
    Bench bench;
    begin(&bench, names);
    g_autofree char *link = g_build_filename(bench.work, "link", NULL);
    g_assert_cmpint(symlink("b1", link), ==, 0);
    g_autoptr(HptRun) run = begin_act(&bench, "opens");
    const HptTrace *trace = incomplete_of(run);
    check_read(&bench, trace, names);
    check_roles(&bench, trace, "absent", 0);
    check_files(&bench, trace, G_N_ELEMENTS(names) - 1);
    check_identity(find(&bench, trace, "a1"), 2);
    bench_end(&bench);
}

static void test_changes(void)
{
    enum { MADE = HPT_TRACE_WRITE | HPT_TRACE_CREATED, MOVED = HPT_TRACE_READ | HPT_TRACE_RENAMED_FROM };
    static const char *const names[] = {"appended", "rewritten", "updated", "cut", "cut2", "fresh", "replaced", "r1", "x1",
                                        "x2", "gone1", "gone2", "gone3", "linked", NULL};
    static const struct {
        const char *name;
        uint32_t roles;
        const char *before;
    } want[] = {
        {"appended", HPT_TRACE_WRITE, "appended"},
        {"rewritten", HPT_TRACE_WRITE | HPT_TRACE_OWN, "rewritten"},
        {"updated", HPT_TRACE_READ | HPT_TRACE_WRITE, "updated"},
        {"created", MADE, NULL},
        {"created2", MADE, NULL},
        {"mode", MADE, NULL},
        {"cut", HPT_TRACE_WRITE, "cut"},
        {"cut2", HPT_TRACE_WRITE, "cut2"},
        {"fresh", MOVED, NULL},
        {"replaced", HPT_TRACE_RENAMED_TO, "replaced"},
        {"r1", MOVED, NULL},
        {"s1", HPT_TRACE_CREATED | HPT_TRACE_RENAMED_TO, NULL},
        {"x1", MOVED | HPT_TRACE_RENAMED_TO, "x1"},
        {"x2", MOVED | HPT_TRACE_RENAMED_TO, "x2"},
        {"gone1", HPT_TRACE_DELETED, "gone1"},
        {"gone2", HPT_TRACE_DELETED, "gone2"},
        {"gone3", HPT_TRACE_DELETED, "gone3"},
        {"linked", HPT_TRACE_READ, NULL},
        {"linked2", HPT_TRACE_CREATED, NULL},
        {"linked3", HPT_TRACE_CREATED, NULL},
        {"pointer", HPT_TRACE_CREATED, NULL},
        {"pointer2", HPT_TRACE_CREATED, NULL},
        {"temporary", HPT_TRACE_CREATED | HPT_TRACE_RENAMED_TO, NULL},
    };
    Bench bench;
    begin(&bench, names);
    g_autoptr(HptRun) run = begin_act(&bench, "changes");
    const HptTrace *trace = incomplete_of(run);
    for (size_t i = 0; i < G_N_ELEMENTS(want); i++)
        check(&bench, trace, want[i].name, want[i].roles, want[i].before);
    size_t moved = 0, removed = 0;
    for (size_t i = 0; i < trace->n; i++) {
        bool temporary = g_str_has_prefix(strrchr(trace->files[i].path, '/'), "/temp");
        moved += temporary && trace->files[i].roles == (MADE | HPT_TRACE_RENAMED_FROM);
        removed += temporary && trace->files[i].roles == (MADE | HPT_TRACE_DELETED);
    }
    g_assert_cmpuint(moved, ==, 1);
    g_assert_cmpuint(removed, ==, 1);
    bench_end(&bench);
}

static void test_others(void)
{
    static const char *const names[] = {"a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", NULL};
    static const char *const scripts[] = {"spawned", "sub/found", "sub/found2", "from-thread"};
    Bench bench;
    begin(&bench, names);
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autofree char *script = g_strdup_printf("#!/bin/sh\nread -r x <b%zu\nexit 0\n", i + 1);
        give(&bench, scripts[i], script, 0700);
    }
    g_autoptr(HptRun) run = begin_act(&bench, "others");
    const HptTrace *trace = incomplete_of(run);
    check_read(&bench, trace, names);
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++)
        check(&bench, trace, scripts[i], HPT_TRACE_READ | HPT_TRACE_EXEC, NULL);
    check_run(trace, "/bin/sh");
    bench_end(&bench);
}

static void test_closes(void)
{
    static const char *const names[] = {"a1", "a2", NULL};
    Bench bench;
    begin(&bench, names);
    g_autoptr(HptRun) run = begin_act(&bench, "closes");
    check_read(&bench, incomplete_of(run), names);
    bench_end(&bench);
}

static void test_signals(void)
{
    static const char *const names[] = {"a1", "a2", "a3", NULL};
    Bench bench;
    begin(&bench, names);
    g_autoptr(HptRun) run = begin_act(&bench, "signals");
    check_read(&bench, incomplete_of(run), names);
    bench_end(&bench);
}

/* What is not seen, and is no harm: only a1 is there. */
static void check_first(const char *name, const char *reason)
{
    static const char *const names[] = {"a1", "a2", "sub/a2", NULL};
    Bench bench;
    begin(&bench, names);
    g_autoptr(HptRun) run = begin_act(&bench, name);
    const HptTrace *trace = incomplete_for(run, reason);
    check(&bench, trace, "a1", HPT_TRACE_READ, NULL);
    check_roles(&bench, trace, "a2", 0);
    check_roles(&bench, trace, "sub/a2", 0);
    g_assert_null(find_path(trace, "/a2"));
    bench_end(&bench);
}

static void test_unseen(void)
{
    check_first("forbids", ALWAYS_MISSING FORBIDDEN);
    check_first("forbids-directly", ALWAYS_MISSING FORBIDDEN);
    check_first("forbids-and-runs", ALWAYS_MISSING FORBIDDEN);
    check_first("clears", ALWAYS_MISSING);
    check_first("root", ALWAYS_MISSING);
}

/* The first call that it does not answer is the last, and what it was about has happened when it looks. */
static void test_stopped(void)
{
    static const char *const names[] = {"a1", "a2", "a3", NULL};
    if (hpt_contain_get_mode(containment) == HPT_CONTAIN_NAMESPACE) {
        g_test_skip("the first of a namespace cannot be stopped from within");
        return;
    }
    Bench bench;
    begin(&bench, names);
    int64_t begun_us = hpt_time_monotonic_us();
    g_autoptr(HptRun) run = begin_act(&bench, "stops");
    const HptTrace *trace = incomplete_of(run);
    check(&bench, trace, "a1", HPT_TRACE_READ, NULL);
    check_roles(&bench, trace, "a2", 0);
    check_roles(&bench, trace, "a3", 0);
    g_assert_cmpint(hpt_time_monotonic_us() - begun_us, <, 1000 * INT64_C(2000000));
    bench_end(&bench);
}

/* One after the other in a helper, nothing is mixed; and a user's own library is still loaded. */
static void test_next(void)
{
    static const char *const names[] = {"a1", "a2", NULL};
    static const char *const own[] = {"LD_PRELOAD=libm.so.6", NULL};
    Bench bench;
    begin(&bench, names);
    g_autoptr(HptRun) run = begin_act(&bench, "closes");
    check_read(&bench, incomplete_of(run), names);
    bench.lab.env = own;
    g_autoptr(HptRun) second = start(&bench.lab, "echo $LD_PRELOAD && grep -c libm.so /proc/$$/maps >&2");
    const HptRunResult *result = wait_for(second);
    g_autofree char *out = stored(result->out), *err = stored(result->err);
    g_assert_true(g_str_has_suffix(out, "/hpt-trace.so:libm.so.6\n"));
    g_assert_cmpstr(err, !=, "0\n");
    check_roles(&bench, result->trace, "a1", 0);
    bench.spec.preload = false;
    bench.lab.env = NULL;
    bench.lab.trace = NULL;
    g_autoptr(HptRun) third = start(&bench.lab, "echo \"$LD_PRELOAD$HPT_TRACE\"");
    g_autofree char *bare = stored(wait_for(third)->out);
    g_assert_cmpstr(bare, ==, "\n");
    bench_end(&bench);
}

int main(int argc, char **argv)
{
    static const TrialTest tests[] = {
        {"opens", test_opens, CONTAINED},     {"changes", test_changes, CONTAINED}, {"others", test_others, CONTAINED},
        {"closes", test_closes, CONTAINED},   {"signals", test_signals, CONTAINED}, {"unseen", test_unseen, CONTAINED},
        {"stopped", test_stopped, CONTAINED}, {"next", test_next, CONTAINED},       {NULL, NULL, ALWAYS},
    };
    return act_or_test(argc, argv, acts, tests);
}
