/* The files of a trial, as its tracer sees them: every kind of call, from threads and children, and
 * what cannot be seen is said. */
#include "tests/unit/trace-tools.h"

#include "run/fd.h"

#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- what the trials do ---- */

static void do_opens(void)
{
    touch("a1", O_RDONLY);
    int dir = open("sub", O_RDONLY | O_DIRECTORY);
    need(dir >= 0, "sub");
    int fd = openat(dir, "a2", O_RDONLY);
    need(fd >= 0, "a2");
    close(fd);
    struct open_how how = {.flags = O_RDONLY};
    fd = (int)syscall(SYS_openat2, dir, "a3", &how, sizeof how);
    need(fd >= 0, "a3");
    close(fd);
    touch("link", O_RDONLY); /* to a4 */
#ifdef SYS_open
    need(syscall(SYS_open, "a5", O_RDONLY) >= 0, "a5");
    need(syscall(SYS_creat, "made", 0600) >= 0, "made");
#else
    touch("a5", O_RDONLY);
    touch("made", O_WRONLY | O_CREAT);
#endif
    need(chdir("sub") == 0, "chdir");
    touch("a6", O_RDONLY);
    need(chdir("..") == 0, "chdir");
    /* Not inputs: what was not there, a folder, a device, what failed, what belongs to the kernel.
     */
    need(open("absent", O_RDONLY) < 0, "absent");
    need(open("a1", O_RDWR | O_CREAT | O_EXCL, 0600) < 0, "exclusive");
    touch(".", O_RDONLY);
    touch("/dev/null", O_RDWR);
    touch("/proc/self/maps", O_RDONLY);
    touch("odd\n\xff\x01name", O_RDONLY);
    /* Again by a descriptor's name. */
    fd = open("a7", O_PATH);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    touch(path, O_RDONLY);
    need(mmap(NULL, 1, PROT_READ, MAP_PRIVATE, open("a8", O_RDONLY), 0) != MAP_FAILED, "mmap");
    touch("a9", O_RDWR); /* and not changed */
}

/* From threads, after fork, vfork, clone3, in a session of its own, and by exec from a thread. */
static void do_others(void)
{
    pthread_t thread;
    need(pthread_create(&thread, NULL, open_one, (void *)"b1") == 0, "thread");
    pthread_join(thread, NULL);
    int done[2]; /* the daemon's, which nobody can wait for */
    need(pipe(done) == 0, "pipe");
    if (fork() == 0) {
        setsid();
        if (fork() == 0)
            touch("b2", O_RDONLY);
        else
            touch("b3", O_RDONLY);
        _exit(0);
    }
    close(done[1]);
    char none_left;
    need(read(done[0], &none_left, 1) == 0, "read");
    if (vfork() == 0) {
        int fd = open("b4", O_RDONLY);
        _exit(fd < 0);
    }
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.exit_signal = SIGCHLD};
    long cloned = syscall(SYS_clone3, &args, sizeof args);
    if (cloned < 0 && errno == ENOSYS) /* as the filter of a container says */
        cloned = fork();
    if (cloned == 0) {
        touch("b5", O_RDONLY);
        _exit(0);
    }
    pid_t pid = 0;
    char *const argv[] = {(char *)"script", NULL};
    char *const none[] = {NULL};
    need(posix_spawn(&pid, "./script", NULL, NULL, argv, none) == 0, "spawn");
    while (wait(NULL) > 0 || errno != ECHILD)
        continue;
    need(pthread_create(&thread, NULL, exec_one, (void *)"./exec-from-thread") == 0, "thread");
    pthread_join(thread, NULL);
}

static void put(const char *name, int flags, const char *text)
{
    int fd = open(name, O_WRONLY | flags, 0600);
    need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), name);
    close(fd);
}

static void do_changes(void)
{
    put("appended", O_APPEND, "+");
    put("truncated", O_TRUNC | O_CREAT, "new");
    touch("truncated", O_RDONLY); /* its own */
    need(truncate("cut", 1) == 0, "truncate");
    put("temporary", O_CREAT | O_EXCL, "x");
    need(unlink("temporary") == 0, "unlink");
    put("fresh", O_CREAT, "x");
    need(rename("fresh", "replaced") == 0, "rename");
    need(unlink("removed") == 0, "unlink");
    need(rename("moved", "sub/moved") == 0, "rename");
    need(rename("folder", "elsewhere") == 0, "rename");
    touch("elsewhere/inside", O_RDONLY);
    need(link("linked", "linked2") == 0, "link");
    need(symlink("a1", "pointer") == 0, "symlink");
    touch("pointer", O_RDONLY);
    need(unlink("pointer") == 0 && symlink("a2", "pointer") == 0, "symlink");
    touch("pointer", O_RDONLY); /* leads elsewhere now */
    need(renameat2(AT_FDCWD, "x1", AT_FDCWD, "x2", RENAME_EXCHANGE) == 0, "exchange");
    need(unlink("absent") < 0 && rename("absent", "a1") < 0, "absent");
    /* Nothing of these comes to be: not there, no folder, there already. */
    need(open("no/such", O_CREAT | O_WRONLY, 0600) < 0 && mkdir("a1", 0700) < 0, "failures");
    need(link("a1", "a2") < 0 && renameat2(AT_FDCWD, "a1", AT_FDCWD, "a2", RENAME_NOREPLACE) < 0,
         "failures");
    put("large", 0, "+");
}

static void do_many(void)
{
    for (int i = 0; i < 10000; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d", i);
        touch(name, i % 10 == 0 ? O_WRONLY | O_CREAT : O_RDONLY);
        touch(name, O_RDONLY);
    }
}

static void do_long(void)
{
    /* The longest that the kernel takes. */
    char path[PATH_MAX];
    need(getcwd(path, sizeof path) != NULL, "getcwd");
    size_t length = strlen(path);
    while (length + 202 < PATH_MAX) {
        path[length++] = '/';
        memset(path + length, 'd', 200);
        length += 200;
        path[length] = '\0';
        need(mkdir(path, 0700) == 0, "mkdir");
    }
    path[length++] = '/';
    memset(path + length, 'f', PATH_MAX - 1 - length);
    path[PATH_MAX - 1] = '\0';
    touch(path, O_CREAT | O_WRONLY);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal)
{
    (void)signal;
    alarms++;
}

/* Signals by thousands meanwhile: no call fails for it, none is lost, and a stop is a stop. */
static void do_signals(void)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    pid_t self_pid = getpid(), pest = fork();
    if (pest == 0) {
        for (int i = 0; i < 3000; i++)
            kill(self_pid, SIGALRM);
        _exit(0);
    }
    for (int i = 0; i < 3000; i++)
        touch(i % 2 == 0 ? "a1" : "a2", O_RDONLY);
    int status;
    need(waitpid(pest, &status, 0) == pest && status == 0, "pest");
    int go[2];
    char byte = 0;
    need(pipe(go) == 0, "pipe");
    pid_t stopped = fork();
    if (stopped == 0) {
        raise(SIGSTOP);
        touch("a3", O_RDONLY);
        need(read(go[0], &byte, 1) == 1, "read"); /* not gone before it is seen to go on */
        _exit(7);
    }
    need(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status) &&
             WSTOPSIG(status) == SIGSTOP,
         "stop");
    kill(stopped, SIGCONT);
    need(waitpid(stopped, &status, WCONTINUED) == stopped && WIFCONTINUED(status), "continue");
    need(write(go[1], &byte, 1) == 1, "write");
    need(waitpid(stopped, &status, 0) == stopped && WEXITSTATUS(status) == 7, "exit");
    need(alarms > 0, "alarms");
}

static void *change_folder(void *go_on)
{
    while (*(volatile bool *)go_on) {
        need(chdir("sub") == 0, "chdir");
        need(chdir("..") == 0, "chdir");
    }
    return NULL;
}

static void do_race(void)
{
    bool go_on = true;
    pthread_t thread;
    need(pthread_create(&thread, NULL, change_folder, &go_on) == 0, "thread");
    for (int i = 0; i < 20000; i++) {
        int fd = open("a1", O_RDONLY);
        if (fd >= 0)
            close(fd);
    }
    *(volatile bool *)&go_on = false;
    pthread_join(thread, NULL);
}

static void do_ring(void)
{
    char params[120] = {0};
    syscall(SYS_io_uring_setup, 1, params);
}

static void do_root(void)
{
    (void)(chroot("/") == 0);
    touch("a1", O_RDONLY);
}

/* A system call of the 32-bit machine, where the kernel has them: its close of nothing is not asked
 * about, its open is. */
static void do_foreign(void)
{
#ifdef __x86_64__
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(5L), "b"(0L), "c"(0L), "d"(0L) : "memory");
    printf("%ld\n", result);
#endif
}

/* A debugger's work inside a trial: nobody else may be there. */
static void do_ptrace(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        char *const argv[] = {(char *)"true", NULL};
        need(syscall(SYS_ptrace, 0, 0, 0, 0) == 0, "PTRACE_TRACEME");
        execvp("true", argv);
        _exit(9);
    }
    int status;
    need(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP,
         "stop");
    need(syscall(SYS_ptrace, 7 /* PTRACE_CONT */, pid, 0, 0) == 0, "PTRACE_CONT");
    need(waitpid(pid, &status, 0) == pid && status == 0, "end");
}

static const Act acts[] = {
    {"opens", do_opens}, {"others", do_others},   {"changes", do_changes}, {"many", do_many},
    {"long", do_long},   {"signals", do_signals}, {"race", do_race},       {"ring", do_ring},
    {"root", do_root},   {"foreign", do_foreign}, {"ptrace", do_ptrace},   {NULL, NULL},
};

/* ---- the tests ---- */

static void check_complete(const HptTrace *trace)
{
    g_assert_cmpstr(trace->reason, ==, NULL);
    g_assert_true(trace->complete);
}

static void test_opens(void)
{
    Bench bench;
    bench_begin(&bench);
    static const char *const names[] = {"a1",     "sub/a2", "sub/a3", "a4", "a5",
                                        "sub/a6", "a7",     "a8",     "a9", "odd\n\xff\x01name"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        give(&bench, names[i], "text", 0600);
    g_autofree char *link = g_build_filename(bench.work, "link", NULL);
    g_assert_cmpint(symlink("a4", link), ==, 0);
    g_autoptr(HptRun) run = begin_act(&bench, "opens");
    const HptTrace *trace = trace_of(run);
    check_complete(trace);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        check_roles(&bench, trace, names[i], HPT_TRACE_READ);
    check_roles(&bench, trace, "made", HPT_TRACE_WRITE | HPT_TRACE_CREATED);
    check_roles(&bench, trace, "absent", 0);
    check_roles(&bench, trace, "link", 0);
    check_kept(&bench, trace, "a9", NULL);
    check_files(&bench, trace, G_N_ELEMENTS(names) + 1);
    check_identity(find(&bench, trace, "a1"), 4);
    bench_end(&bench);
}

static void test_others(void)
{
    Bench bench;
    bench_begin(&bench);
    static const char *const names[] = {"b1", "b2", "b3", "b4", "b5", "b6", "b7"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        give(&bench, names[i], "text\n", 0600);
    give(&bench, "script", "#!/bin/sh\nread -r x <b6\n", 0700);
    give(&bench, "exec-from-thread", "#!/bin/sh\nread -r x <b7\n", 0700);
    g_autoptr(HptRun) run = begin_act(&bench, "others");
    const HptTrace *trace = trace_of(run);
    check_complete(trace);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        check_roles(&bench, trace, names[i], HPT_TRACE_READ);
    check_roles(&bench, trace, "script", HPT_TRACE_READ | HPT_TRACE_EXEC);
    check_roles(&bench, trace, "exec-from-thread", HPT_TRACE_READ | HPT_TRACE_EXEC);
    check_run(trace, "/bin/sh");
    bench_end(&bench);
}

static void test_changes(void)
{
    Bench bench;
    bench_begin(&bench);
    static const char *const names[] = {
        "appended", "truncated", "cut", "replaced", "removed", "moved", "folder/inside",
        "linked",   "a1",        "a2",  "x1",       "x2",      "sub/x"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        give(&bench, names[i], names[i], 0600);
    give(&bench, "large", "", 0600);
    g_autofree char *large = g_build_filename(bench.work, "large", NULL);
    g_assert_cmpint(truncate(large, HPT_TRACE_KEEP_ONE_MAX + 1), ==, 0);
    g_autoptr(HptRun) run = begin_act(&bench, "changes");
    const HptTrace *trace = trace_of(run);
    check_complete(trace);
    check_roles(&bench, trace, "appended", HPT_TRACE_WRITE);
    check_kept(&bench, trace, "appended", "appended");
    check_roles(&bench, trace, "truncated", HPT_TRACE_WRITE | HPT_TRACE_OWN);
    check_kept(&bench, trace, "truncated", "truncated");
    check_roles(&bench, trace, "cut", HPT_TRACE_WRITE);
    check_kept(&bench, trace, "cut", "cut");
    check_roles(&bench, trace, "temporary",
                HPT_TRACE_WRITE | HPT_TRACE_CREATED | HPT_TRACE_DELETED);
    check_kept(&bench, trace, "temporary", NULL);
    check_roles(&bench, trace, "fresh",
                HPT_TRACE_WRITE | HPT_TRACE_CREATED | HPT_TRACE_RENAMED_FROM);
    check_roles(&bench, trace, "replaced", HPT_TRACE_RENAMED_TO);
    check_kept(&bench, trace, "replaced", "replaced");
    check_roles(&bench, trace, "removed", HPT_TRACE_DELETED);
    check_kept(&bench, trace, "removed", "removed");
    check_roles(&bench, trace, "moved", HPT_TRACE_READ | HPT_TRACE_RENAMED_FROM);
    check_roles(&bench, trace, "sub/moved", HPT_TRACE_CREATED | HPT_TRACE_RENAMED_TO);
    check_roles(&bench, trace, "folder", HPT_TRACE_RENAMED_FROM);
    check_roles(&bench, trace, "elsewhere", HPT_TRACE_CREATED | HPT_TRACE_RENAMED_TO);
    g_assert_true(S_ISDIR(find(&bench, trace, "folder")->mode));
    check_roles(&bench, trace, "elsewhere/inside", HPT_TRACE_READ);
    check_roles(&bench, trace, "linked", HPT_TRACE_READ);
    check_roles(&bench, trace, "linked2", HPT_TRACE_CREATED);
    check_roles(&bench, trace, "pointer", HPT_TRACE_CREATED | HPT_TRACE_DELETED);
    check_roles(&bench, trace, "a1", HPT_TRACE_READ);
    check_roles(&bench, trace, "a2", HPT_TRACE_READ);
    check_roles(&bench, trace, "x1",
                HPT_TRACE_READ | HPT_TRACE_RENAMED_FROM | HPT_TRACE_RENAMED_TO);
    check_roles(&bench, trace, "x2",
                HPT_TRACE_READ | HPT_TRACE_RENAMED_FROM | HPT_TRACE_RENAMED_TO);
    check_roles(&bench, trace, "no/such", 0);
    const HptTraceFile *file = find(&bench, trace, "large");
    g_assert_nonnull(file);
    g_assert_cmpint(file->keep, ==, HPT_TRACE_TOO_LARGE);
    /* Nothing of the copies has a name. */
    g_autoptr(GDir) spool = g_dir_open(bench.lab.root, 0, NULL);
    for (const char *name; (name = g_dir_read_name(spool)) != NULL;)
        g_assert_true(strcmp(name, "work") == 0 || strcmp(name, "0") == 0);
    bench_end(&bench);
}

static void test_many(void)
{
    Bench bench;
    bench_begin(&bench);
    for (int i = 0; i < 10000; i++) {
        g_autofree char *name = g_strdup_printf("many/%d", i);
        if (i % 10 != 0)
            give(&bench, name, "", 0600);
        else if (i == 0)
            g_assert_cmpint(g_mkdir_with_parents(bench.work, 0700), ==, 0);
    }
    g_autoptr(HptRun) run = begin_act(&bench, "many");
    const HptTrace *trace = trace_of(run);
    check_complete(trace);
    for (int i = 0; i < 10000; i++) {
        g_autofree char *name = g_strdup_printf("many/%d", i);
        const HptTraceFile *file = find(&bench, trace, name);
        g_assert_nonnull(file);
        g_assert_cmpuint(file->roles, ==,
                         i % 10 == 0 ? HPT_TRACE_WRITE | HPT_TRACE_CREATED | HPT_TRACE_OWN
                                     : HPT_TRACE_READ);
    }
    bench_end(&bench);
}

static void test_long(void)
{
    Bench bench;
    bench_begin(&bench);
    g_autoptr(HptRun) run = begin_act(&bench, "long");
    const HptTrace *trace = trace_of(run);
    size_t longest = 0;
    for (size_t i = 0; i < trace->n; i++)
        longest = MAX(longest, strlen(trace->files[i].path));
    check_complete(trace);
    g_assert_cmpuint(longest, ==, PATH_MAX - 1);
    bench_end(&bench);
}

static void test_signals(void)
{
    Bench bench;
    bench_begin(&bench);
    for (int i = 1; i <= 3; i++)
        give(&bench, i == 1 ? "a1" : i == 2 ? "a2" : "a3", "", 0600);
    g_autoptr(HptRun) run = begin_act(&bench, "signals");
    const HptTrace *trace = trace_of(run);
    check_complete(trace);
    check_roles(&bench, trace, "a3", HPT_TRACE_READ);
    bench_end(&bench);
}

static void check_reason(const char *name, const char *reason)
{
    Bench bench;
    bench_begin(&bench);
    give(&bench, "a1", "", 0600);
    give(&bench, "sub/a1", "", 0600);
    g_autoptr(HptRun) run = begin_act(&bench, name);
    const HptTrace *trace = trace_of(run);
    g_assert_false(trace->complete);
    g_assert_false(trace->refused);
    g_test_message("%s", trace->reason);
    g_assert_nonnull(strstr(trace->reason, reason));
    bench_end(&bench);
}

static void test_unseen(void)
{
    check_reason("race", "changed the working directory while another opened");
    check_reason("ring", "io_uring");
    check_reason("root", "changed its root");
}

static void test_foreign(void)
{
#ifdef __x86_64__
    Bench bench;
    bench_begin(&bench);
    g_autoptr(HptRun) run = begin_act(&bench, "foreign");
    const HptRunResult *result = wait_for(run);
    g_autofree char *out = stored(result->out);
    if (result->end->signal != 0 || strcmp(out, "-38\n") == 0)
        g_test_skip("no 32-bit calls in this kernel");
    else
        g_assert_nonnull(strstr(result->trace->reason, "another machine"));
    bench_end(&bench);
#else
    g_test_skip("x86-64 only");
#endif
}

static void test_ptrace(void)
{
    Bench bench;
    bench_begin(&bench);
    g_autoptr(HptRun) run = begin_act(&bench, "ptrace");
    check_complete(trace_of(run));
    bench_end(&bench);
}

/* How a trial ends is what it is without a tracer; one after the other in a helper, nothing is
 * mixed. */
static void test_ends(void)
{
    Bench bench;
    bench_begin(&bench);
    give(&bench, "first", "", 0600);
    g_autofree char *script = g_strdup_printf("read -r x <%s/first; kill -SEGV $$", bench.work);
    g_autoptr(HptRun) signalled = start(&bench.lab, script);
    const HptRunResult *result = wait_for(signalled);
    g_assert_cmpint(result->end->kind, ==, HPT_END_SIGNALLED);
    g_assert_cmpint(result->end->signal, ==, SIGSEGV);
    check_complete(result->trace);
    check_roles(&bench, result->trace, "first", HPT_TRACE_READ);
    g_autoptr(HptRun) status = start(&bench.lab, "exit 3");
    result = wait_for(status);
    g_assert_cmpint(result->end->status, ==, 3);
    check_complete(result->trace);
    check_roles(&bench, result->trace, "first", 0);
    static const char *const absent[] = {"./no-such-program", NULL};
    g_autoptr(HptRun) none = start_argv(&bench.lab, absent);
    result = wait_for(none);
    g_assert_cmpint(result->end->kind, ==, HPT_END_START_FAILED);
    g_assert_cmpint(result->end->status, ==, 127);
    g_autoptr(HptRun) found = start(&bench.lab, "true");
    g_assert_cmpstr(wait_for(found)->failure, ==, NULL);
    bench_end(&bench);
}

/* What it leaves behind is killed, also while it calls; and a killed tracer is a lost trial. */
static void test_killed(void)
{
    Bench bench;
    bench_begin(&bench);
    g_autofree char *mark = g_strconcat(bench.work, "/marker", NULL);
    give(&bench, "marker", "", 0600);
    g_autofree char *ends = g_strdup_printf("while :; do read -r x <%s; done & "
                                            "while :; do read -r x <%s; done & exit 0",
                                            mark, mark);
    g_autoptr(HptRun) left = start(&bench.lab, ends);
    const HptRunResult *result = wait_for(left);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpuint(result->end->left_behind, ==, 2);
    g_assert_cmpuint(count_marked(mark), ==, 0);
    g_autofree char *goes_on = g_strdup_printf("cd \"$HPT_DIR\" && : >ready && "
                                               "while :; do read -r x <%s; done",
                                               mark);
    g_autofree char *ready = g_strdup_printf("%s/%d/ready", bench.lab.root, bench.lab.n);
    g_autoptr(HptRun) run = start(&bench.lab, goes_on);
    while (access(ready, F_OK) != 0)
        hpt_run_handle(run, hpt_time_monotonic_us());
    kill(hpt_run_get_pid(run), SIGKILL);
    result = wait_for(run);
    g_assert_nonnull(result->failure);
    g_assert_cmpint(result->end->signal, ==, SIGKILL);
    g_assert_false(result->trace->complete);
    g_assert_cmpuint(result->trace->n, ==, 0);
    g_assert_cmpuint(count_marked(mark), ==, 0);
    bench_end(&bench);
}

/* A program with the rights of its owner does not get them without root, and the record says so. */
static void test_set_uid(void)
{
    Bench bench;
    bench_begin(&bench);
    g_autofree char *script = g_strdup_printf("cp /bin/true %s/own && chmod u+s %s/own && %s/own", bench.work,
                                              bench.work, bench.work);
    g_autoptr(HptRun) run = start(&bench.lab, script);
    const HptTrace *trace = trace_of(run);
    if (geteuid() != 0) {
        g_assert_false(trace->complete);
        g_assert_nonnull(strstr(trace->reason, "/own' ran without the rights of its owner"));
    } else if (!trace->complete) {
        g_test_skip("root without its rights");
    }
    bench_end(&bench);
}

/* The filter that containers have by default. */
static void refuse_unshare(void)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {G_N_ELEMENTS(lines), lines};
    g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
    g_assert_cmpint(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), ==, 0);
    g_assert_cmpint(unshare(CLONE_FILES), ==, -1);
}

/* Where nobody may unshare, as in a container, trials run and are traced all the same. */
static void test_no_unshare(void)
{
    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        return;
    }
    refuse_unshare();
    g_autoptr(HptContain) own = new_containment(HPT_CONTAIN_AS_SUBREAPER, NULL); /* begun with the filter */
    containment = own;
    Bench bench;
    bench_begin(&bench);
    give(&bench, "given", "x\n", 0600);
    g_autofree char *script = g_strdup_printf("read -r x <%s/given && echo \"$x\"", bench.work);
    g_autoptr(HptRun) run = start(&bench.lab, script);
    const HptTrace *trace = trace_of(run);
    g_assert_true(trace->complete);
    check_roles(&bench, trace, "given", HPT_TRACE_READ);
    g_autofree char *out = stored(hpt_run_get_result(run)->out);
    g_assert_cmpstr(out, ==, "x\n");
    bench_end(&bench);
}

static void test_limit(void)
{
    Bench bench;
    bench_begin(&bench);
    bench.spec.limit = "elsewhere";
    g_autoptr(HptRun) run = start(&bench.lab, "true");
    const HptTrace *trace = trace_of(run);
    g_assert_false(trace->complete);
    g_assert_cmpstr(trace->reason, ==, "elsewhere");
    bench_end(&bench);
}

/* Somebody else's files: whatever they hold, nothing is believed that is not in them. */
static void test_damaged(void)
{
    Bench bench;
    bench_begin(&bench);
    give(&bench, "appended", "before", 0600);
    struct {
        HptTraceHead head;
        HptTraceItem item;
        char path[16];
    } good = {
        .head = {.n_files = 1, .bytes = sizeof good, .complete = 1},
        .item = {.roles = HPT_TRACE_READ,
                 .keep = HPT_TRACE_KEPT,
                 .kept_bytes = 3,
                 .path_bytes = 10},
        .path = "/some/one",
    };
    char bytes[sizeof good];
    for (size_t change = 0; change < 8 * sizeof good + 1; change++) {
        memcpy(bytes, &good, sizeof good);
        if (change > 0)
            bytes[(change - 1) / 8] ^= (char)(1 << ((change - 1) % 8));
        g_autoptr(HptTrace) trace = hpt_trace_take(hpt_fd_of_bytes("trace", bytes, sizeof bytes),
                                                   hpt_fd_of_bytes("kept", "old", 3));
        g_assert_true(change > 0 || (trace->complete && trace->n == 1));
        for (size_t i = 0; i < trace->n; i++) {
            g_assert_cmpuint(strlen(trace->files[i].path), <, sizeof good.path);
            if (trace->files[i].keep == HPT_TRACE_KEPT)
                g_assert_cmpuint(trace->files[i].content_bytes, <=, 3);
        }
    }
    for (size_t length = 0; length < sizeof good; length++) {
        g_autoptr(HptTrace) trace = hpt_trace_take(hpt_fd_of_bytes("trace", &good, length), -1);
        g_assert_false(trace->complete);
        g_assert_cmpuint(trace->n, ==, 0);
    }
    bench_end(&bench);
}

/* Some kernels and containers let nobody, and those who are traced like this already cannot be once more. */
static bool can_trace(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct sock_filter line = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog filter = {1, &line};
        _exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
              syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter) < 0);
    }
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
    bool acts_here = argc == 4 && strcmp(argv[1], "--act") == 0; /* it is traced */
    if (!acts_here && !can_trace()) {
        puts("1..0 # SKIP processes cannot be traced here");
        return 0;
    }
    static const TrialTest tests[] = {
        {"opens", test_opens, CONTAINED},     {"others", test_others, CONTAINED},
        {"changes", test_changes, CONTAINED}, {"many", test_many, CONTAINED},
        {"long", test_long, CONTAINED},       {"signals", test_signals, CONTAINED},
        {"unseen", test_unseen, CONTAINED},   {"foreign", test_foreign, CONTAINED},
        {"ptrace", test_ptrace, CONTAINED},   {"ends", test_ends, CONTAINED},
        {"killed", test_killed, CONTAINED},   {"limit", test_limit, CONTAINED},
        {"set-uid", test_set_uid, CONTAINED}, {"no-unshare", test_no_unshare, BARE},
        {"damaged", test_damaged, BARE},      {NULL, NULL, ALWAYS},
    };
    return act_or_test(argc, argv, acts, tests);
}
