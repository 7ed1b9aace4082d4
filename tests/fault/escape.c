/* Ways to get away from whoever started us, for tests/fault/escape.t:
 *
 *     escape WAY MARK
 *
 * leaves processes behind that stay for ever and have MARK among their words, and ends with status 0
 * once they are there. libc only.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready[2]; /* each that stays writes a byte, and the others wait for it */

static void fail(const char *what)
{
    fprintf(stderr, "escape: %s: %s\n", what, strerror(errno));
    _exit(3);
}

static void stay(void)
{
    if (write(ready[1], "x", 1) != 1)
        fail("write");
    for (;;)
        pause();
}

static void wait_for(int n)
{
    char byte;
    while (n > 0 && read(ready[0], &byte, 1) == 1)
        n--;
}

static pid_t must_fork(void)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    return pid;
}

static void ignore_all(void)
{
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

static void close_all(void)
{
    for (int fd = 0; fd < 1024; fd++)
        if (fd != ready[1])
            close(fd);
}

/* A child that is traced, and stopped by it, for as long as its tracer lives. */
static void be_traced(void)
{
    pid_t tracee = must_fork();
    if (tracee == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        stay();
    }
    if (waitpid(tracee, NULL, WUNTRACED) < 0)
        fail("waitpid");
    ptrace(PTRACE_SETOPTIONS, tracee, NULL, 0);
    stay();
}

/* A parent that is suspended in vfork: it takes no signal but KILL until its child execs. */
static void in_vfork(void)
{
    if (vfork() == 0)
        stay();
}

/* As many as may be (an ordinary user's limit), or 400: everybody starts some who start some. */
static void storm(void)
{
    setrlimit(RLIMIT_NPROC, &(struct rlimit){200, 200});
    setsid();
    for (int depth = 0; depth < 2; depth++)
        for (int i = 0; i < 20; i++)
            if (fork() == 0) {
                i = -1;
                depth++;
                if (depth >= 2)
                    break;
            }
    stay();
}

/* Every generation ends at once and leaves one behind. */
static void chain(void)
{
    if (write(ready[1], "x", 1) != 1)
        fail("write");
    for (;;) {
        if (fork() != 0)
            _exit(0);
        setsid();
    }
}

int main(int argc, char **argv)
{
    if (argc < 3 || pipe(ready) != 0)
        return 2;
    const char *way = argv[1];
    pid_t first = must_fork();
    if (first > 0) {
        wait_for(strcmp(way, "storm") == 0 ? 20 : 1);
        return 0;
    }
    if (strcmp(way, "setsid") == 0) {
        setsid();
        stay();
    } else if (strcmp(way, "double") == 0) {
        setsid();
        if (must_fork() > 0)
            _exit(0);
        stay();
    } else if (strcmp(way, "closed") == 0) {
        setsid();
        close_all();
        stay();
    } else if (strcmp(way, "deaf") == 0) {
        ignore_all();
        stay();
    } else if (strcmp(way, "stopped") == 0) {
        pid_t sleeper = must_fork();
        if (sleeper == 0) {
            setsid();
            raise(SIGSTOP);
            stay();
        }
        waitpid(sleeper, NULL, WUNTRACED);
        stay();
    } else if (strcmp(way, "traced") == 0) {
        be_traced();
    } else if (strcmp(way, "vfork") == 0) {
        in_vfork();
    } else if (strcmp(way, "storm") == 0) {
        storm();
    } else if (strcmp(way, "chain") == 0) {
        chain();
    } else if (strcmp(way, "forgetful") == 0) { /* neither name nor environment of ours */
        setsid();
        char *words[] = {argv[0], (char *)"stay", argv[2], NULL}, *nothing[] = {NULL};
        char fd[16];
        snprintf(fd, sizeof fd, "%d", ready[1]);
        prctl(PR_SET_NAME, "kworker/0:1");
        dup2(ready[1], 9);
        execve("/proc/self/exe", words, nothing);
        fail("execve");
    } else if (strcmp(way, "stay") == 0) {
        ready[1] = 9;
        stay();
    }
    fail(way);
    return 2;
}
