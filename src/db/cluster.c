/* The tool's side of the private server: is it there, start it, stop it. */
#include "config.h"

#include "db/cluster.h"

#include "db/internal.h"
#include "db/process.h"
#include "db/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

/* The keeper gives up first, and has something to say. */
#define START_SLACK_US (INT64_C(15) * G_USEC_PER_SEC)
#define STOP_PATIENCE_US (INT64_C(60) * G_USEC_PER_SEC)

static bool data_stat(const char *folder, struct stat *info)
{
    g_autofree char *path = g_build_filename(folder, "pg", NULL);
    return stat(path, info) == 0;
}

pid_t hpt_cluster_pid(const char *folder)
{
    struct stat data;
    pid_t pid;
    char state[16];
    /* The number in the file may be that of another process by now. */
    if (!data_stat(folder, &data) || !server_read_pid(folder, &pid, state) ||
        !process_is_server(pid, &data))
        return 0;
    return pid;
}

char *hpt_cluster_dsn(const char *folder, HptRole role)
{
    static const char *const users[] = {
        [HPT_ROLE_READER] = "hpt_reader",
        [HPT_ROLE_WRITER] = "hpt_writer",
        [HPT_ROLE_OWNER] = "hpt_admin",
    };
    g_autofree char *host = server_socket_folder(folder);
    g_autoptr(GString) quoted = g_string_new(NULL);
    for (const char *p = host; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\')
            g_string_append_c(quoted, '\\');
        g_string_append_c(quoted, *p);
    }
    bool plain = strpbrk(host, " '\\") == NULL;
    return g_strdup_printf("host=%s%s%s port=5432 dbname=hpt user=%s", plain ? "" : "'",
                           quoted->str, plain ? "" : "'", users[role]);
}

char *hpt_cluster_account(const char *folder)
{
    Account account;
    if (!server_account_of(folder, &account, NULL) || account.uid == geteuid())
        return NULL;
    const struct passwd *entry = getpwuid(account.uid);
    return entry == NULL ? g_strdup_printf("uid %u", (unsigned)account.uid)
                         : g_strdup(entry->pw_name);
}

bool hpt_cluster_create(const char *folder, HptNote note, GError **error)
{
    Account account;
    if (!server_account_new(&account, error))
        return false;
    if (note != NULL)
        note("making a private PostgreSQL (about 40 MB)");
    return server_init(folder, account, error);
}

/* ---- is it there ---- */

/* Whether the server answers; an answer that says no is one too. */
static bool answers(const char *folder)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *host = server_socket_folder(folder);
    g_autofree char *path = g_build_filename(host, ".s.PGSQL.5432", NULL);
    if (access(path, F_OK) != 0)
        return false;
    g_autofree char *dsn = hpt_cluster_dsn(folder, HPT_ROLE_OWNER);
    g_autofree char *other = g_strconcat(dsn, " dbname=postgres", NULL);
    g_autoptr(HptDb) db = hpt_db_open(other, "hpt start", &failure);
    return db != NULL || hpt_db_retry_class(failure) == HPT_RETRY_NO;
}

static int open_file(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        hpt_error_set_errno(error, errno, "%s", path);
    return fd;
}

/* Whether a keeper lives; if it runs on another machine, which shares the folder, that is an error:
 * a second server on the same data would destroy them. */
static bool keeper_lives(const char *folder, bool *lives, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "keeper", NULL);
    g_autofree char *text = NULL, *boot = NULL;
    int fd = open_file(folder, "keeper", error);
    if (fd < 0)
        return false;
    *lives = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    if (!*lives || !g_file_get_contents(path, &text, NULL, NULL) ||
        !g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL))
        return true;
    g_auto(GStrv) words = g_strsplit(g_strchomp(text), " ", 3);
    if (g_strv_length(words) < 3 || strcmp(words[1], g_strchomp(boot)) == 0)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                "the private server of %s runs on another machine, '%s'\n"
                "hint: to share a study between machines use a given server: hpt-init -d DSN",
                folder, words[0]);
    return false;
}

/* ---- stopping ---- */

static void signal_all(const GArray *pids, int signal_number)
{
    for (guint i = 0; i < pids->len; i++)
        kill(g_array_index(pids, pid_t, i), signal_number);
}

/* Ends what is left of a server: first the polite way, then what PostgreSQL recovers from. */
static bool end_servers(const char *folder, GError **error)
{
    static const struct {
        int signal_number;
        int64_t patience_us;
    } steps[] = {{SIGINT, 2 * STOP_PATIENCE_US},
                 {SIGQUIT, 10 * G_USEC_PER_SEC},
                 {SIGKILL, 10 * G_USEC_PER_SEC}};
    struct stat data;
    if (!data_stat(folder, &data))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GArray) pids = g_array_new(false, false, sizeof(pid_t));
        pid_t postmaster = hpt_cluster_pid(folder);
        int64_t deadline_us = g_get_monotonic_time() + steps[i].patience_us;
        servers_in(&data, pids);
        if (pids->len == 0)
            return true;
        if (steps[i].signal_number == SIGINT && postmaster != 0)
            kill(postmaster, SIGINT);
        else if (steps[i].signal_number == SIGINT) /* without it they soon end by themselves */
            deadline_us = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
        else
            signal_all(pids, steps[i].signal_number);
        while (g_get_monotonic_time() < deadline_us) {
            g_array_set_size(pids, 0);
            servers_in(&data, pids);
            if (pids->len == 0)
                return true;
            pause_briefly();
        }
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "the private server of %s does not stop",
                folder);
    return false;
}

static bool wait_for_keeper(const char *folder, int64_t patience_us, GError **error)
{
    int fd = open_file(folder, "keeper", error);
    bool gone = fd >= 0 && lock_wait(fd, g_get_monotonic_time() + patience_us);
    if (fd >= 0 && !gone)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "the keeper of %s does not end",
                    folder);
    if (fd >= 0)
        close(fd);
    return gone;
}

/* Whoever holds it starts the server, or stops it. */
static int take_lock(const char *folder, GError **error)
{
    int64_t patience_us = MAX(server_start_wait(folder) + START_SLACK_US, STOP_PATIENCE_US);
    int fd = open_file(folder, "lock", error);
    if (fd < 0 || lock_wait(fd, g_get_monotonic_time() + patience_us))
        return fd;
    int reason = errno;
    close(fd);
    if (reason == EWOULDBLOCK) {
        g_autofree char *words = server_last_words(folder);
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    "another process starts or stops the private server of %s, too long; "
                    "the server's last words: %s",
                    folder, words[0] == '\0' ? "none" : words);
    } else
        hpt_error_set_errno(error, reason, "cannot lock %s/lock", folder);
    return -1;
}

bool hpt_cluster_stop(const char *folder, GError **error)
{
    bool lives;
    int lock = take_lock(folder, error);
    if (lock < 0)
        return false;
    bool fine = keeper_lives(folder, &lives, error) && end_servers(folder, error) &&
                wait_for_keeper(folder, STOP_PATIENCE_US, error);
    close(lock);
    return fine;
}

/* ---- starting ---- */

/* hpt-init lies beside the tool that runs; where it was built, beside nothing but the tests. */
static char *find_keeper(GError **error)
{
    const char *chosen = g_getenv("HPT_BINDIR");
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *beside = self == NULL ? NULL : g_path_get_dirname(self);
    const char *folders[] = {chosen, beside, HPT_BINDIR};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (folders[i] == NULL || folders[i][0] != '/')
            continue;
        g_autofree char *path = g_build_filename(folders[i], "hpt-init", NULL);
        if (access(path, X_OK) == 0)
            return g_steal_pointer(&path);
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                "cannot start the private server: hpt-init is not beside this program\n"
                "hint: set HPT_BINDIR to its folder");
    return NULL;
}

/* The caller's settings for psql and its language do not concern the server. */
static char **server_environment(void)
{
    static const char *const dropped[] = {"PG", "LC_", "LANG", "TZ=", "HPT_DSN"};
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    g_auto(GStrv) all = g_get_environ();
    for (char **item = all; *item != NULL; item++) {
        bool drop = false;
        for (size_t i = 0; i < G_N_ELEMENTS(dropped); i++)
            drop |= g_str_has_prefix(*item, dropped[i]);
        if (!drop)
            g_ptr_array_add(kept, g_strdup(*item));
    }
    /* Whoever adopts it (hpt-run does, for its trials' sake) is to leave it alone. */
    g_ptr_array_add(kept, g_strdup("HPT_KEEP=1"));
    g_ptr_array_add(kept, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&kept), false);
}

/* The keeper gets the status pipe as 3 and the held lock as 4 and nothing else of the caller. */
static int spawn_keeper(const char *program, const char *folder, int status, int lock)
{
    pid_t pid;
    sigset_t all, none;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    g_auto(GStrv) environment = server_environment();
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "--keeper",
                    (char *)(uintptr_t)folder, NULL};
    /* Above 4, so that one dup2 does not overwrite what the next one copies. */
    int high_status = fcntl(status, F_DUPFD_CLOEXEC, 10);
    int high_lock = fcntl(lock, F_DUPFD_CLOEXEC, 10);
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, 0, 1);
    posix_spawn_file_actions_adddup2(&actions, 0, 2);
    posix_spawn_file_actions_adddup2(&actions, high_status, 3);
    posix_spawn_file_actions_adddup2(&actions, high_lock, 4);
    posix_spawn_file_actions_addclosefrom_np(&actions, 5);
    int failure = posix_spawn(&pid, program, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(high_status);
    close(high_lock);
    /* It forks away from us at once. */
    while (failure == 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return failure;
}

/* Starts a keeper and hears from it how it went. */
static bool start_kept(const char *folder, int lock, GError **error)
{
    int pipe_fds[2];
    char buffer[4096];
    size_t length = 0;
    g_autofree char *program = find_keeper(error);
    if (program == NULL)
        return false;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        hpt_error_set_errno(error, errno, "pipe");
        return false;
    }
    int failure = spawn_keeper(program, folder, pipe_fds[1], lock);
    close(pipe_fds[1]);
    int64_t deadline_us = g_get_monotonic_time() + server_start_wait(folder) + START_SLACK_US;
    for (bool more = failure == 0; more;) {
        struct pollfd poller = {.fd = pipe_fds[0], .events = POLLIN};
        int64_t left_us = deadline_us - g_get_monotonic_time();
        int ready = poll(&poller, 1, (int)CLAMP(left_us / 1000, 0, INT_MAX));
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready <= 0 ? 0 : read(pipe_fds[0], buffer + length, sizeof buffer - 1 - length);
        more = n > 0 || (n < 0 && errno == EINTR);
        length += n > 0 ? (size_t)n : 0;
    }
    bool late = g_get_monotonic_time() >= deadline_us;
    close(pipe_fds[0]);
    buffer[length] = '\0';
    if (strcmp(buffer, "ready") == 0)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "cannot start the private server: %s",
                failure != 0  ? g_strerror(failure)
                : late        ? "its keeper says nothing"
                : length == 0 ? "its keeper died"
                              : buffer);
    return false;
}

/* What a server that was killed left behind. PostgreSQL itself only asks whether the number in such
 * a file is some process, which may be a zombie or a stranger; we know that there is no server. */
static void remove_stale(const char *folder)
{
    g_autofree char *host = server_socket_folder(folder);
    g_autofree char *pid = g_build_filename(folder, "pg", "postmaster.pid", NULL);
    g_autofree char *socket = g_build_filename(host, ".s.PGSQL.5432", NULL);
    g_autofree char *lock = g_build_filename(host, ".s.PGSQL.5432.lock", NULL);
    unlink(pid);
    unlink(socket);
    unlink(lock);
}

static bool socket_missing(const char *folder)
{
    g_autofree char *host = server_socket_folder(folder);
    g_autofree char *path = g_build_filename(host, ".s.PGSQL.5432", NULL);
    return access(path, F_OK) != 0;
}

/* With the lock held nobody else starts or stops; a keeper that lives is about to do either, or
 * keeps a server whose socket somebody cleaned away. */
static bool start_locked(const char *folder, int lock, HptNote note, GError **error)
{
    int64_t deadline_us = g_get_monotonic_time() + server_start_wait(folder) + START_SLACK_US;
    while (g_get_monotonic_time() < deadline_us) {
        pid_t pid;
        char state[16];
        bool lives;
        if (answers(folder))
            return true;
        if (!keeper_lives(folder, &lives, error))
            return false;
        if (!lives) {
            if (!end_servers(folder, error))
                return false;
            remove_stale(folder);
            if (note != NULL)
                note("starting the private PostgreSQL");
            return start_kept(folder, lock, error);
        }
        if (server_read_pid(folder, &pid, state) && strcmp(state, "ready") == 0 &&
            socket_missing(folder) && !end_servers(folder, error))
            return false;
        pause_briefly();
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "the private server of %s does not answer",
                folder);
    return false;
}

bool hpt_cluster_start(const char *folder, HptNote note, GError **error)
{
    if (answers(folder))
        return true;
    int lock = take_lock(folder, error);
    if (lock < 0)
        return false;
    bool fine = start_locked(folder, lock, note, error);
    close(lock);
    return fine;
}
