#include "record/ask.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* errno, 0 where it was started. */
static int start(const HptAsk *ask, int out, int err, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    int errnum = posix_spawnp(pid, ask->program, &actions, &attributes, (char **)ask->argv,
                              (char **)ask->env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return errnum;
}

/* Reads both to their ends; false: time is up, or it says too much. */
static bool read_both(const HptAsk *ask, const int fds[2], GByteArray *const texts[2])
{
    struct pollfd polls[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    guint8 buffer[65536];
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        int64_t left_us = ask->until_us - hpt_time_monotonic_us();
        if (left_us <= 0)
            return false;
        int ready = poll(polls, 2, (int)(left_us / 1000) + 1);
        for (int i = 0; ready > 0 && i < 2; i++) {
            if (polls[i].fd < 0 || polls[i].revents == 0)
                continue;
            ssize_t got = read(polls[i].fd, buffer, sizeof buffer);
            if (got > 0)
                g_byte_array_append(texts[i], buffer, (guint)got);
            else if (got == 0 || errno != EINTR)
                polls[i].fd = -1;
            if (texts[i]->len > ask->output_max)
                return false;
        }
    }
    return true;
}

/* It has closed its output and has little left to do, but it need not. False: time is up. */
static bool wait_for(pid_t pid, int64_t until_us)
{
    struct pollfd polled = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
        int64_t left_us = until_us - hpt_time_monotonic_us();
        if (left_us <= 0)
            break;
        poll(&polled, 1, polled.fd < 0 ? 1 : (int)(left_us / 1000) + 1);
    }
    if (polled.fd >= 0)
        close(polled.fd);
    return info.si_pid == pid;
}

/* Its status, or -1. It is not reaped yet, so the group is its own. */
static int end(pid_t pid)
{
    int status = 0;
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void close_all(int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

HptAnswer *hpt_ask(const HptAsk *ask)
{
    HptAnswer *answer = g_new0(HptAnswer, 1);
    *answer = (HptAnswer){.status = -1, .out = g_byte_array_new(), .err = g_byte_array_new()};
    GByteArray *const texts[2] = {answer->out, answer->err};
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    pid_t pid = 0;
    answer->start_errno = pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0
                              ? errno
                              : start(ask, out[1], err[1], &pid);
    close_all((int[]){out[1], err[1]});
    if (answer->start_errno == 0) {
        answer->complete = read_both(ask, (const int[]){out[0], err[0]}, texts) &&
                           wait_for(pid, ask->until_us);
        answer->status = end(pid);
    }
    close_all((int[]){out[0], err[0]});
    for (int i = 0; i < 2; i++) {
        g_byte_array_append(texts[i], (const guint8 *)"", 1);
        g_byte_array_set_size(texts[i], texts[i]->len - 1);
    }
    return answer;
}

void hpt_answer_free(HptAnswer *answer)
{
    if (answer == NULL)
        return;
    g_byte_array_unref(answer->out);
    g_byte_array_unref(answer->err);
    g_free(answer);
}
