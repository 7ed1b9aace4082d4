#include "db/process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t leading_number(const char *text)
{
    int64_t value = 0;
    for (; g_ascii_isdigit(*text) && value < INT64_MAX / 20; text++)
        value = value * 10 + (*text - '0');
    return value;
}

/* ---- /proc ---- */

bool process_alive(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    if (pid <= 0 || !g_file_get_contents(path, &text, NULL, NULL))
        return false;
    /* "PID (name) STATE …"; a name may hold anything, so look from the right. */
    const char *state = strrchr(text, ')');
    return state != NULL && state[1] == ' ' && state[2] != 'Z' && state[2] != 'X';
}

bool process_is_in(pid_t pid, const struct stat *where)
{
    struct stat found;
    g_autofree char *path = g_strdup_printf("/proc/%d/cwd", (int)pid);
    return process_alive(pid) && stat(path, &found) == 0 && found.st_dev == where->st_dev &&
           found.st_ino == where->st_ino;
}

bool process_is_server(pid_t pid, const struct stat *where)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
    g_autofree char *name = NULL;
    return process_is_in(pid, where) && g_file_get_contents(path, &name, NULL, NULL) &&
           (strcmp(g_strchomp(name), "postgres") == 0 || strcmp(name, "postmaster") == 0);
}

void servers_in(const struct stat *where, GArray *out)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    for (const char *name; proc != NULL && (name = g_dir_read_name(proc)) != NULL;) {
        pid_t pid = (pid_t)leading_number(name);
        if (g_ascii_isdigit(name[0]) && process_is_server(pid, where))
            g_array_append_val(out, pid);
    }
}

/* ---- becoming somebody else ---- */

/* Leaves CAP_DAC_OVERRIDE as the only capability, also across exec. Without it the account simply
 * has the rights it has. Raw system calls: this is all hpt needs of libcap. */
static void keep_passage(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    uint32_t bit = 1u << CAP_DAC_OVERRIDE;
    data[0] = (struct __user_cap_data_struct){bit, bit, bit};
    if (syscall(SYS_capset, &header, data) != 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) != 0) {
        memset(data, 0, sizeof data);
        syscall(SYS_capset, &header, data);
    }
}

const char *process_become_owner(Account account)
{
    if (geteuid() != 0 || account.uid == 0)
        return NULL;
    if (setgroups(0, NULL) != 0)
        return "setgroups";
    if (setgid(account.gid) != 0)
        return "setgid";
    return setuid(account.uid) == 0 ? NULL : "setuid";
}

const char *process_become(Account account)
{
    if (geteuid() != 0 || account.uid == 0)
        return NULL;
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (setgroups(0, NULL) != 0)
        return "setgroups";
    if (setgid(account.gid) != 0)
        return "setgid";
    if (setuid(account.uid) != 0)
        return "setuid";
    keep_passage();
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return NULL;
}

/* ---- small children ---- */

#define OUTPUT_KEPT 4096

G_NORETURN static void child_run(const char *const *argv, const char *folder, Account account,
                                 int output)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    const char *step = process_become(account);
    /* initdb must not go on filling a folder that its killed maker's successor removes. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (step == NULL && folder != NULL && chdir(folder) != 0)
        step = "chdir";
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (step == NULL) {
        execv(argv[0], (char *const *)argv);
        step = argv[0];
    }
    dprintf(1, "%s: %s", step, strerror(errno));
    _exit(127);
}

static void keep_tail(GString *text, const char *bytes, size_t length)
{
    g_string_append_len(text, bytes, (gssize)length);
    if (text->len > OUTPUT_KEPT)
        g_string_erase(text, 0, (gssize)(text->len - OUTPUT_KEPT));
}

/* Reads to the end of file; a signal of those that ask a tool to stop ends the child. */
static int follow(int fd, pid_t pid, GString *output)
{
    static const int stop[] = {SIGINT, SIGTERM, SIGHUP};
    int interrupted = 0;
    for (;;) {
        char buffer[4096];
        sigset_t pending;
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        int ready = poll(&poller, 1, 100);
        sigpending(&pending);
        for (size_t i = 0; i < G_N_ELEMENTS(stop) && interrupted == 0; i++)
            if (sigismember(&pending, stop[i]) == 1) {
                interrupted = stop[i];
                kill(-pid, SIGTERM);
            }
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0 && errno != EINTR)
            return interrupted;
        if (n > 0)
            keep_tail(output, buffer, (size_t)n);
    }
}

bool process_run(const char *const *argv, const char *folder, Account account, char **output,
                 int *interrupted, GError **error)
{
    int pipe_fds[2], status = 0;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        hpt_error_set_errno(error, errno, "pipe");
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        child_run(argv, folder, account, pipe_fds[1]);
    close(pipe_fds[1]);
    g_autoptr(GString) text = g_string_new(NULL);
    int signal_number = pid < 0 ? 0 : follow(pipe_fds[0], pid, text);
    close(pipe_fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (interrupted != NULL)
        *interrupted = signal_number;
    if (pid > 0 && status == 0 && signal_number == 0) {
        if (output != NULL)
            *output = g_strdup(g_strstrip(text->str));
        return true;
    }
    g_strdelimit(g_strstrip(text->str), "\n\t", ' ');
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "%s failed: %s", argv[0],
                pid < 0              ? g_strerror(errno)
                : signal_number != 0 ? "interrupted"
                : text->str[0] == 0  ? "no message"
                                     : text->str);
    return false;
}

/* ---- files ---- */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

bool tree_remove(const char *path, GError **error)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return true;
    hpt_error_set_errno(error, errno, "cannot remove %s", path);
    return false;
}

void pause_briefly(void)
{
    struct timespec span = {.tv_nsec = 10000000};
    nanosleep(&span, NULL);
}

bool lock_wait(int fd, int64_t deadline_us)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (g_get_monotonic_time() > deadline_us) {
            errno = EWOULDBLOCK;
            return false;
        }
        pause_briefly();
    }
    return true;
}
