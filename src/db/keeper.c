/* The keeper: the private server's parent. See db/cluster.h. */
#include "config.h"

#include "base/number.h"
#include "db/cluster.h"
#include "db/internal.h"
#include "db/server.h"
#include "db/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_FD = 3, LOCK_FD = 4 };

#define LOG_BYTES_MOST (1 << 20)
#define POLL_MOST_US (INT64_C(30) * G_USEC_PER_SEC)

typedef struct {
    const char *folder;
    char *log_path;
    int log_fd;    /* pg.log */
    int server_fd; /* what the server prints */
    int signal_fd;
    off_t log_bytes;
    GString *tail;   /* the last of the log while starting */
    pid_t server;    /* 0 once reaped */
    int64_t idle_us; /* 0: never stop */
    HptDb *db;       /* to ask who is there */
    int64_t sessions, busy_us;
} Keeper;

G_NORETURN static void report(const char *text)
{
    /* Whoever asked may be gone; that is no concern of the server's. */
    ssize_t ignored = write(STATUS_FD, text, strlen(text));
    (void)ignored;
    _exit(strcmp(text, "ready") == 0 ? 0 : 1);
}

/* ---- the log ---- */

static void log_open(Keeper *keeper)
{
    struct stat info;
    keeper->log_fd =
        open(keeper->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    keeper->log_bytes = keeper->log_fd >= 0 && fstat(keeper->log_fd, &info) == 0 ? info.st_size : 0;
}

static void log_write(Keeper *keeper, const char *bytes, size_t length)
{
    if (keeper->log_bytes > LOG_BYTES_MOST) {
        g_autofree char *older = g_strconcat(keeper->log_path, ".1", NULL);
        close(keeper->log_fd);
        if (rename(keeper->log_path, older) != 0)
            unlink(keeper->log_path);
        log_open(keeper);
    }
    /* A full disk loses log lines, not the server. */
    if (keeper->log_fd >= 0 && write(keeper->log_fd, bytes, length) > 0)
        keeper->log_bytes += (off_t)length;
    if (keeper->tail != NULL) {
        g_string_append_len(keeper->tail, bytes, (gssize)length);
        if (keeper->tail->len > 2048)
            g_string_erase(keeper->tail, 0, (gssize)(keeper->tail->len - 2048));
    }
}

static void log_drain(Keeper *keeper)
{
    char buffer[8192];
    for (ssize_t n; (n = read(keeper->server_fd, buffer, sizeof buffer)) > 0;)
        log_write(keeper, buffer, (size_t)n);
}

/* ---- the server ---- */

static void reap(Keeper *keeper)
{
    struct signalfd_siginfo info;
    while (read(keeper->signal_fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD && keeper->server != 0)
            kill(keeper->server, SIGINT);
    /* As an init without one may have given us other orphans: reap whatever there is. */
    for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
        if (pid == keeper->server)
            keeper->server = 0;
}

/* Log and signals until something happened or the time is over. */
static void attend(Keeper *keeper, int64_t span_us)
{
    struct pollfd pollers[] = {{.fd = keeper->server_fd, .events = POLLIN},
                               {.fd = keeper->signal_fd, .events = POLLIN}};
    poll(pollers, 2, (int)MAX(span_us / 1000, 1));
    log_drain(keeper);
    reap(keeper);
    if (pollers[0].revents & (POLLHUP | POLLERR)) { /* nobody holds the log: all are gone */
        close(keeper->server_fd);
        keeper->server_fd = -1;
    }
}

static void server_child(const Keeper *keeper, const char *bindir, Account account, int output,
                         pid_t parent)
{
    sigset_t none;
    dup2(output, 1);
    dup2(output, 2);
    close(STATUS_FD);
    close(LOCK_FD);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    const char *step = server_exec(keeper->folder, bindir, account, parent);
    dprintf(2, "cannot run the server: %s: %s\n", step, strerror(errno));
    _exit(1);
}

/* The major version of the data, 0 if it cannot be read. */
static int data_version(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "pg", "PG_VERSION", NULL);
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? (int)leading_number(text) : 0;
}

/* The lines of a log that tell why a server did not start, without time and process. */
static char *why(const char *log)
{
    static const char *const usual[] = {"starting PostgreSQL", "listening on", "database system"};
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        bool dull = false;
        const char *text = strstr(*line, "] ");
        text = text == NULL ? *line : text + 2;
        for (size_t i = 0; i < G_N_ELEMENTS(usual); i++)
            dull |= strstr(text, usual[i]) != NULL && g_str_has_prefix(text, "LOG:");
        if (!dull)
            g_string_append_printf(out, "%s\n", text);
    }
    return db_one_line(out->str);
}

/* Ends a server that does not become ready; what it has not written yet, the next start recovers.
 */
static void server_end(Keeper *keeper)
{
    static const int steps[] = {SIGQUIT, SIGKILL};
    for (size_t i = 0; i < G_N_ELEMENTS(steps) && keeper->server != 0; i++) {
        int64_t deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
        kill(keeper->server, steps[i]);
        while (keeper->server != 0 && g_get_monotonic_time() < deadline_us)
            attend(keeper, 10000);
    }
}

static bool server_start(Keeper *keeper, GError **error)
{
    int pipe_fds[2];
    Account account;
    g_autofree char *bindir = server_bindir(data_version(keeper->folder), error);
    if (bindir == NULL || !server_account_of(keeper->folder, &account, error) ||
        !server_socket_make(keeper->folder, account, error))
        return false;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        hpt_error_set_errno(error, errno, "pipe");
        return false;
    }
    pid_t parent = getpid();
    keeper->server = fork();
    if (keeper->server == 0)
        server_child(keeper, bindir, account, pipe_fds[1], parent);
    close(pipe_fds[1]);
    keeper->server_fd = pipe_fds[0];
    fcntl(keeper->server_fd, F_SETFL, O_NONBLOCK);
    if (keeper->server < 0) {
        keeper->server = 0;
        hpt_error_set_errno(error, errno, "fork");
        return false;
    }
    int64_t deadline_us = g_get_monotonic_time() + server_start_wait(keeper->folder);
    while (keeper->server != 0 && g_get_monotonic_time() < deadline_us) {
        pid_t pid;
        char state[16];
        attend(keeper, 10000);
        if (keeper->server != 0 && server_read_pid(keeper->folder, &pid, state) &&
            pid == keeper->server && strcmp(state, "ready") == 0)
            return true;
    }
    bool late = keeper->server != 0;
    if (late)
        server_end(keeper);
    log_drain(keeper);
    g_autofree char *words = late ? server_last_words(keeper->folder) : why(keeper->tail->str);
    const char *said = words[0] != '\0' ? words : late ? "nothing" : "it ended without a word";
    if (late)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    "not ready in time, its last words: %s (see %s)\n"
                    "hint: if it needs longer, set start_wait in %s/config",
                    said, keeper->log_path, keeper->folder);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "%s (see %s)", said, keeper->log_path);
    return false;
}

static void server_stop(Keeper *keeper)
{
    int64_t deadline_us = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    g_clear_pointer(&keeper->db, hpt_db_close);
    if (keeper->server != 0)
        kill(keeper->server, SIGINT);
    while (keeper->server != 0) {
        attend(keeper, 50000);
        if (keeper->server != 0 && g_get_monotonic_time() > deadline_us) {
            kill(keeper->server, SIGQUIT);
            deadline_us += 60 * G_USEC_PER_SEC;
        }
    }
}

/* ---- idle? ---- */

/* Other sessions now, and whether there were any since the last look. */
static bool somebody_there(Keeper *keeper)
{
    static const char query[] =
        "select (select count(*) from pg_stat_activity"
        "        where backend_type = 'client backend' and pid <> pg_backend_pid()),"
        "       (select sum(sessions)::bigint from pg_stat_database)";
    if (keeper->db == NULL || !hpt_db_alive(keeper->db)) {
        g_autofree char *dsn = hpt_cluster_dsn(keeper->folder, HPT_ROLE_OWNER);
        g_autofree char *other = g_strconcat(dsn, " dbname=postgres", NULL);
        g_clear_pointer(&keeper->db, hpt_db_close);
        keeper->db = hpt_db_open(other, "hpt keeper", NULL);
        keeper->sessions = -1;
    }
    if (keeper->db == NULL)
        return true;
    g_autoptr(HptRows) rows = hpt_db_rows_text(keeper->db, query, NULL, NULL);
    if (rows == NULL)
        return true;
    int64_t others = hpt_rows_int8(rows, 0, 0), sessions = hpt_rows_int8(rows, 0, 1);
    bool grown = keeper->sessions >= 0 && sessions != keeper->sessions;
    keeper->sessions = sessions;
    return others > 0 || grown;
}

/* Under the lock, so that a tool that comes now waits and then starts the server again. */
static bool stop_if_idle(Keeper *keeper)
{
    int64_t now_us = g_get_monotonic_time();
    if (somebody_there(keeper)) {
        keeper->busy_us = now_us;
        return false;
    }
    if (keeper->idle_us == 0 || now_us - keeper->busy_us < keeper->idle_us)
        return false;
    g_autofree char *path = g_build_filename(keeper->folder, "lock", NULL);
    int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool stop = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && !somebody_there(keeper);
    if (stop)
        server_stop(keeper);
    if (lock >= 0)
        close(lock);
    return stop;
}

static void keep(Keeper *keeper)
{
    g_autofree char *pid_file = g_build_filename(keeper->folder, "pg", "postmaster.pid", NULL);
    int64_t interval_us =
        keeper->idle_us == 0 ? POLL_MOST_US : CLAMP(keeper->idle_us / 4, 100000, POLL_MOST_US);
    int64_t look_us = g_get_monotonic_time();
    keeper->busy_us = look_us;
    while (keeper->server != 0) {
        int64_t now_us = g_get_monotonic_time();
        if (now_us < look_us) {
            attend(keeper, look_us - now_us);
            continue;
        }
        look_us = now_us + interval_us;
        /* The project was deleted under the server. */
        if (access(pid_file, F_OK) != 0 && errno == ENOENT)
            kill(keeper->server, SIGQUIT);
        else if (stop_if_idle(keeper))
            return;
        attend(keeper, 1000);
    }
}

/* ---- set up ---- */

static int64_t idle_stop(const char *folder)
{
    int64_t span_us;
    g_autofree char *path = g_build_filename(folder, "config", NULL);
    g_autoptr(HptSettings) settings = hpt_settings_read(path, NULL);
    const char *text = settings == NULL ? NULL : hpt_settings_peek(settings, "idle_stop");
    if (text != NULL && strcmp(text, "never") == 0)
        return 0;
    return text != NULL && hpt_duration_parse(text, &span_us, NULL) ? span_us
                                                                    : HPT_IDLE_STOP_DEFAULT_US;
}

/* The lock that tells others that a keeper lives; its descriptor stays open to the end. */
static bool claim(const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "keeper", NULL);
    g_autofree char *boot = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || ftruncate(fd, 0) != 0) {
        hpt_error_set_errno(error, errno, "%s", path);
        return false;
    }
    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL))
        boot = g_strdup("unknown");
    dprintf(fd, "%s %s %d\n", g_get_host_name(), g_strchomp(boot), (int)getpid());
    return true;
}

static int watch_signals(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int hpt_cluster_keep(const char *folder)
{
    struct stat info;
    g_autoptr(GError) error = NULL;
    if (fcntl(STATUS_FD, F_GETFD) < 0 || fcntl(LOCK_FD, F_GETFD) < 0)
        return HPT_EXIT_USAGE; /* typed by hand */
    pid_t child = fork();
    if (child != 0)
        return child < 0 ? HPT_EXIT_TOOL : HPT_EXIT_OK;
    setsid();
    umask(077);
    if (chdir("/") != 0 || stat(folder, &info) != 0)
        report("no such folder");
    /* Root in somebody's project is that somebody. */
    const char *step = process_become_owner((Account){info.st_uid, info.st_gid});
    if (step != NULL)
        report(step);
    fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC);
    fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC);

    Keeper keeper = {.folder = folder,
                     .log_path = g_build_filename(folder, "pg.log", NULL),
                     .signal_fd = watch_signals(),
                     .tail = g_string_new(NULL),
                     .idle_us = idle_stop(folder)};
    log_open(&keeper);
    if (!claim(folder, &error) || !server_start(&keeper, &error))
        report(error->message);
    ssize_t ignored = write(STATUS_FD, "ready", 5);
    (void)ignored;
    close(STATUS_FD);
    close(LOCK_FD);
    g_string_free(keeper.tail, true);
    keeper.tail = NULL;
    keep(&keeper);
    log_drain(&keeper);
    server_socket_clear(folder);
    g_clear_pointer(&keeper.db, hpt_db_close);
    g_free(keeper.log_path);
    return HPT_EXIT_OK;
}
