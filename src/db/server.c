#include "config.h"

#include "db/server.h"

#include "base/digest.h"
#include "base/number.h"
#include "db/cluster.h"
#include "db/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#define ADMIN "hpt_admin"

/* ---- where the programs are ---- */

static int major_of(const char *bindir)
{
    g_autofree char *postgres = g_build_filename(bindir, "postgres", NULL);
    const char *argv[] = {postgres, "-V", NULL};
    g_autofree char *output = NULL;
    if (access(postgres, X_OK) != 0 ||
        !process_run(argv, NULL, (Account){0, 0}, &output, NULL, NULL))
        return 0;
    /* "postgres (PostgreSQL) 15.20 (Debian …)" */
    const char *number = strstr(output, ") ");
    return number == NULL ? 0 : (int)leading_number(number + 2);
}

static int newest_first(gconstpointer a, gconstpointer b)
{
    const char *const *x = a, *const *y = b;
    size_t prefix = strlen("/usr/lib/postgresql/");
    return (int)(leading_number(*y + prefix) - leading_number(*x + prefix));
}

static GPtrArray *candidates(void)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    const char *chosen = g_getenv("HPT_PGBIN");
    if (chosen != NULL && chosen[0] != '\0') {
        g_ptr_array_add(list, g_strdup(chosen));
        return list; /* who says where wants no other */
    }
    if (HPT_PG_BINDIR[0] != '\0')
        g_ptr_array_add(list, g_strdup(HPT_PG_BINDIR));
    g_autofree char *pg_config = g_find_program_in_path("pg_config");
    if (pg_config != NULL) {
        const char *argv[] = {pg_config, "--bindir", NULL};
        char *output = NULL;
        if (process_run(argv, NULL, (Account){0, 0}, &output, NULL, NULL))
            g_ptr_array_add(list, output);
    }
    glob_t found = {0};
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0) {
        g_autoptr(GPtrArray) installed = g_ptr_array_new();
        for (size_t i = 0; i < found.gl_pathc; i++)
            g_ptr_array_add(installed, found.gl_pathv[i]);
        g_ptr_array_sort(installed, newest_first);
        for (guint i = 0; i < installed->len; i++)
            g_ptr_array_add(list, g_strdup(installed->pdata[i]));
    }
    globfree(&found);
    g_autofree char *initdb = g_find_program_in_path("initdb");
    if (initdb != NULL)
        g_ptr_array_add(list, g_path_get_dirname(initdb));
    return list;
}

char *server_bindir(int major, GError **error)
{
    g_autoptr(GPtrArray) list = candidates();
    g_autoptr(GString) seen = g_string_new(NULL);
    for (guint i = 0; i < list->len; i++) {
        const char *bindir = list->pdata[i];
        g_autofree char *initdb = g_build_filename(bindir, "initdb", NULL);
        int version = access(initdb, X_OK) == 0 ? major_of(bindir) : 0;
        if (version != 0 && (major == 0 || version == major))
            return g_strdup(bindir);
        if (version != 0)
            g_string_append_printf(seen, "%s%s", seen->len > 0 ? ", " : "; found only ", bindir);
    }
    g_autofree char *wanted = major == 0 ? g_strdup("") : g_strdup_printf(" of version %d", major);
    g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED,
                "no PostgreSQL server%s is installed here%s\n"
                "hint: install the package 'postgresql', set HPT_PGBIN to the folder of initdb, or "
                "use a given server with hpt-init -d DSN",
                wanted, seen->str);
    return NULL;
}

/* ---- accounts ---- */

bool server_account_new(Account *account, GError **error)
{
    static const char *const names[] = {"postgres", "nobody"};
    if (geteuid() != 0) {
        *account = (Account){geteuid(), getegid()};
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const struct passwd *entry = getpwnam(names[i]);
        if (entry != NULL && entry->pw_uid != 0) {
            *account = (Account){entry->pw_uid, entry->pw_gid};
            return true;
        }
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED,
                "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody'");
    return false;
}

bool server_account_of(const char *folder, Account *account, GError **error)
{
    struct stat data;
    g_autofree char *path = g_build_filename(folder, "pg", NULL);
    if (stat(path, &data) != 0) {
        hpt_error_set_errno(error, errno, "%s", path);
        return false;
    }
    *account = (Account){data.st_uid, data.st_gid};
    return true;
}

/* ---- initdb ---- */

/* Small, safe and quiet. The server is for one project on one machine; trials need the memory. */
static const char settings[] =
    "\n# hpt's private server. What is here may be changed; hpt keeps it.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 100\n"
    "shared_buffers = 32MB\n"
    "maintenance_work_mem = 32MB\n"
    "wal_level = minimal\n"
    "max_wal_senders = 0\n"
    "wal_compression = on\n"
    "max_wal_size = 256MB\n"
    "min_wal_size = 32MB\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    "jit = off\n"
    "huge_pages = off\n"
    "max_parallel_workers_per_gather = 0\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "lc_messages = 'C'\n"
    "logging_collector = off\n"
    "log_checkpoints = off\n"
    "log_line_prefix = '%m [%p] '\n"
    "log_min_error_statement = panic\n";

static bool append(const char *path, const char *text, GError **error)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    bool fine = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    if (!fine)
        hpt_error_set_errno(error, errno, "%s", path);
    if (fd >= 0)
        close(fd);
    return fine;
}

/* initdb's own folder must be the account's, and closed to others. */
static bool make_owned(const char *path, Account account, GError **error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        hpt_error_set_errno(error, errno, "cannot make %s", path);
        return false;
    }
    if (geteuid() == 0 && lchown(path, account.uid, account.gid) != 0) {
        hpt_error_set_errno(error, errno, "cannot give %s to the server's account", path);
        return false;
    }
    return true;
}

bool server_init(const char *folder, Account account, GError **error)
{
    g_autofree char *bindir = server_bindir(0, error);
    g_autofree char *data = g_build_filename(folder, "pg", NULL);
    if (bindir == NULL || !make_owned(data, account, error))
        return false;
    g_autofree char *initdb = g_build_filename(bindir, "initdb", NULL);
    locale_t utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    const char *locale = utf8 == (locale_t)0 ? "--locale=C" : "--locale=C.UTF-8";
    if (utf8 != (locale_t)0)
        freelocale(utf8);
    const char *argv[] = {initdb, "-D",   data,   "-U",          ADMIN,
                          "-E",   "UTF8", locale, "--auth=peer", "--no-instructions",
                          NULL};
    if (!process_run(argv, folder, account, NULL, NULL, error))
        return false;
    g_autofree char *conf = g_build_filename(data, "postgresql.conf", NULL);
    return append(conf, settings, error);
}

/* ---- the socket ---- */

/* The longest folder that leaves room for the socket's name. */
static bool fits(const char *socket_folder)
{
    static const struct sockaddr_un address;
    /* libpq reads "host" as a comma-separated list. */
    return strlen(socket_folder) + strlen("/.s.PGSQL.5432") < sizeof address.sun_path &&
           strchr(socket_folder, ',') == NULL;
}

static char *hash_of(const char *folder)
{
    HptDigest digest = hpt_digest(folder, strlen(folder));
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(&digest, hex);
    return g_strndup(hex, 20);
}

char *server_socket_folder(const char *folder)
{
    g_autofree char *inside = g_build_filename(folder, "run", NULL);
    if (fits(inside))
        return g_steal_pointer(&inside);
    /* The note holds the hash of this folder's path, so that of a copied project does not count. */
    g_autofree char *hash = hash_of(folder);
    g_autofree char *note = g_build_filename(folder, "socket", NULL);
    g_autofree char *text = NULL;
    if (g_file_get_contents(note, &text, NULL, NULL) && g_str_has_suffix(g_strchomp(text), hash) &&
        fits(text))
        return g_steal_pointer(&text);
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    struct stat info;
    if (runtime != NULL && runtime[0] == '/' && stat(runtime, &info) == 0 &&
        info.st_uid == geteuid() && access(runtime, W_OK | X_OK) == 0) {
        g_autofree char *path = g_strdup_printf("%s/hpt-%s", runtime, hash);
        if (fits(path))
            return g_steal_pointer(&path);
    }
    return g_strdup_printf("/tmp/hpt-%u-%s", (unsigned)geteuid(), hash);
}

bool server_socket_make(const char *folder, Account account, GError **error)
{
    g_autofree char *path = server_socket_folder(folder);
    g_autofree char *inside = g_build_filename(folder, "run", NULL);
    struct stat info;
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        hpt_error_set_errno(error, errno, "cannot make %s for the socket", path);
        return false;
    }
    /* In /tmp anybody may have been there first: trust only a folder that is ours. */
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) ||
        (info.st_uid != geteuid() && info.st_uid != account.uid)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_PERMISSION,
                    "%s, the folder for the socket, belongs to somebody else", path);
        return false;
    }
    if (!make_owned(path, account, error))
        return false;
    if (chmod(path, 0700) != 0) {
        hpt_error_set_errno(error, errno, "%s", path);
        return false;
    }
    if (strcmp(path, inside) == 0)
        return true;
    g_autofree char *note = g_build_filename(folder, "socket", NULL);
    g_autofree char *text = g_strdup_printf("%s\n", path);
    GError *failure = NULL;
    if (g_file_set_contents(note, text, -1, &failure))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "%s", failure->message);
    g_error_free(failure);
    return false;
}

void server_socket_clear(const char *folder)
{
    g_autofree char *path = server_socket_folder(folder);
    g_autofree char *inside = g_build_filename(folder, "run", NULL);
    if (strcmp(path, inside) != 0)
        rmdir(path);
}

/* ---- the server ---- */

/* Who may come as whom: the caller and the owner of .hpt, and nobody else. */
static const char *write_access(const char *folder, const char *caller)
{
    static const char *const roles[] = {ADMIN, "hpt_writer", "hpt_reader", "hpt_auditor"};
    struct stat info;
    g_autoptr(GString) ident = g_string_new("# Made by hpt at each start.\n");
    g_autofree char *hba_path = g_build_filename(folder, "pg", "pg_hba.conf", NULL);
    g_autofree char *ident_path = g_build_filename(folder, "pg", "pg_ident.conf", NULL);
    const struct passwd *entry = stat(folder, &info) == 0 ? getpwuid(info.st_uid) : NULL;
    g_autofree char *owner = g_strdup(entry == NULL ? caller : entry->pw_name);
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        g_string_append_printf(ident, "hpt \"%s\" %s\n", owner, roles[i]);
        if (strcmp(owner, caller) != 0)
            g_string_append_printf(ident, "hpt \"%s\" %s\n", caller, roles[i]);
        if (strcmp(owner, "root") != 0 && strcmp(caller, "root") != 0)
            g_string_append_printf(ident, "hpt root %s\n", roles[i]);
    }
    if (!g_file_set_contents(hba_path, "# Made by hpt at each start.\nlocal all all peer map=hpt\n",
                             -1, NULL))
        return "writing pg_hba.conf";
    return g_file_set_contents(ident_path, ident->str, -1, NULL) ? NULL : "writing pg_ident.conf";
}

const char *server_exec(const char *folder, const char *bindir, Account account, pid_t keeper)
{
    g_autofree char *socket_folder = server_socket_folder(folder);
    g_autofree char *inside = g_build_filename(folder, "run", NULL);
    g_autofree char *postgres = g_build_filename(bindir, "postgres", NULL);
    g_autofree char *data = g_build_filename(folder, "pg", NULL);
    /* The server runs in its data folder, so the usual place has a name without odd characters. */
    g_autofree char *sockets =
        g_strdup_printf("unix_socket_directories=%s",
                        strcmp(socket_folder, inside) == 0 ? "../run" : socket_folder);
    const struct passwd *entry = getpwuid(geteuid());
    g_autofree char *caller = g_strdup(entry == NULL ? "root" : entry->pw_name);
    const char *step = process_become(account);
    if (step != NULL)
        return step;
    step = write_access(folder, caller);
    if (step != NULL)
        return step;
    /* Set after the change of account, which clears it. */
    prctl(PR_SET_PDEATHSIG, SIGINT);
    if (getppid() != keeper)
        return "keeper gone";
    /* A server that cannot recover would try for ever; the next tool that comes starts it again. */
    const char *argv[] = {postgres,
                          "-D",
                          data,
                          "-p",
                          "5432",
                          "-c",
                          sockets,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "restart_after_crash=off",
                          NULL};
    execv(postgres, (char *const *)argv);
    return "postgres";
}

bool server_read_pid(const char *folder, pid_t *pid, char state[16])
{
    g_autofree char *path = g_build_filename(folder, "pg", "postmaster.pid", NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint count = g_strv_length(lines);
    *pid = count > 0 ? (pid_t)leading_number(lines[0]) : 0;
    g_strlcpy(state, count > 7 ? g_strstrip(lines[7]) : "", 16);
    return *pid > 0;
}

int64_t server_start_wait(const char *folder)
{
    int64_t span_us;
    g_autofree char *path = g_build_filename(folder, "config", NULL);
    g_autoptr(HptSettings) chosen = hpt_settings_read(path, NULL);
    const char *text = chosen == NULL ? NULL : hpt_settings_peek(chosen, "start_wait");
    return text != NULL && hpt_duration_parse(text, &span_us, NULL) ? span_us
                                                                    : HPT_START_WAIT_DEFAULT_US;
}

char *server_last_words(const char *folder)
{
    char buffer[2048];
    g_autofree char *path = g_build_filename(folder, "pg.log", NULL);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return g_strdup("");
    if (fseek(file, -(long)(sizeof buffer - 1), SEEK_END) != 0)
        rewind(file);
    buffer[fread(buffer, 1, sizeof buffer - 1, file)] = '\0';
    fclose(file);
    g_strchomp(buffer);
    const char *line = strrchr(buffer, '\n');
    return g_strdup(line == NULL ? buffer : line + 1);
}
