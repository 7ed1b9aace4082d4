/* Makes a project: .hpt with a private server or a given one, and the schema in it. */
#include "config.h"

#include "init.h"
#include "tool.h"

#include "base/text.h"
#include "db/cluster.h"
#include "db/migrate.h"
#include "db/project.h"
#include "db/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *opt_dsn, *opt_directory, *opt_keeper;
static gboolean opt_status, opt_start, opt_stop, opt_upgrade, opt_gc, opt_dry_run, opt_quiet,
    opt_verbose;

static const GOptionEntry options[] = {
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "use this server instead of a private one",
     "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory, "work in DIR", "DIR"},
    {"status", 0, 0, G_OPTION_ARG_NONE, &opt_status, "show the state of the project's server",
     NULL},
    {"start", 0, 0, G_OPTION_ARG_NONE, &opt_start, "start the private server", NULL},
    {"stop", 0, 0, G_OPTION_ARG_NONE, &opt_stop, "stop the private server", NULL},
    {"upgrade", 0, 0, G_OPTION_ARG_NONE, &opt_upgrade, "bring the schema up to this version", NULL},
    {"gc", 0, 0, G_OPTION_ARG_NONE, &opt_gc, "remove objects that nothing in the record names", NULL},
    {"dry-run", 0, 0, G_OPTION_ARG_NONE, &opt_dry_run, "with --gc: count, remove nothing", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no notes on standard error", NULL},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &opt_verbose, "say what was done to the schema", NULL},
    {"keeper", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &opt_keeper, NULL, "FOLDER"},
    G_OPTION_ENTRY_NULL,
};

static void note(const char *text)
{
    hpt_tool_note("%s", text);
}

/* ---- signals: a project is made whole or not at all ---- */

static void hold_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

/* ---- the schema ---- */

static bool migrate(HptDb *db, GError **error)
{
    HptMigration done;
    if (!hpt_migrate(db, &done, note, error))
        return false;
    if (opt_verbose && done.after != done.before)
        hpt_tool_note("schema version %d is now %d", done.before, done.after);
    else if (opt_verbose)
        hpt_tool_note("schema version %d%s", done.after, done.views ? ", views made anew" : "");
    return true;
}

/* ---- the private server ---- */

/* Another hpt-init may be making it at this moment, and PostgreSQL wants to do that alone. */
static bool make_database(const char *folder, GError **error)
{
    g_autofree char *dsn = hpt_cluster_dsn(folder, HPT_ROLE_OWNER);
    g_autofree char *other = g_strconcat(dsn, " dbname=postgres", NULL);
    g_autoptr(HptDb) db = hpt_db_open(other, "hpt-init", error);
    for (int attempt = 0; db != NULL; attempt++) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(HptRows) rows = hpt_db_rows_text(
            db, "select from pg_catalog.pg_database where datname = 'hpt'", NULL, error);
        if (rows == NULL)
            return false;
        if (hpt_rows_count(rows) > 0 || hpt_db_exec_text(db, "create database hpt", &failure))
            return true;
        if (attempt == 100 || !hpt_db_alive(db)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        g_usleep(50000);
    }
    return false;
}

/* The roles of a private server may log in, as the owner of the project alone; whoever comes with
 * psql finds the views without a prefix. */
static const char private_settings[] =
    "select pg_catalog.pg_advisory_xact_lock(1752199284, 0);" /* the migration's */
    "alter role hpt_writer login; alter role hpt_reader login; alter role hpt_auditor login;"
    "revoke create, temporary on database hpt from public;"
    "revoke create on schema public from public;"
    /* Large objects can be written where nothing else can, even read-only before version 16. */
    "revoke execute on function pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),"
    " pg_catalog.lo_from_bytea(oid, bytea), pg_catalog.lo_put(oid, bigint, bytea),"
    " pg_catalog.lo_open(oid, integer), pg_catalog.lowrite(integer, bytea),"
    " pg_catalog.lo_truncate(integer, integer), pg_catalog.lo_truncate64(integer, bigint),"
    " pg_catalog.lo_unlink(oid) from public;"
    "alter database hpt set search_path = hpt_study, hpt, public";

/* Everything from a folder with data to a database that tools can use; repeats do no harm. */
static bool ready_private(const char *folder, GError **error)
{
    if (!hpt_cluster_start(folder, opt_verbose ? note : NULL, error) ||
        !make_database(folder, error))
        return false;
    g_autofree char *dsn = hpt_cluster_dsn(folder, HPT_ROLE_OWNER);
    g_autoptr(HptDb) db = hpt_db_open(dsn, "hpt-init", error);
    return db != NULL && migrate(db, error) && hpt_db_exec_text(db, private_settings, error);
}

static bool print_dsn(const char *dsn)
{
    return printf("%s\n", dsn) > 0;
}

/* ---- making .hpt ---- */

static bool write_file(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GError *failure = NULL;
    if (g_file_set_contents(path, text, -1, &failure))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "%s", failure->message);
    g_error_free(failure);
    return false;
}

/* Fills a new folder; dsn NULL makes a private server in it. */
static bool fill(const char *folder, const char *dsn, GError **error)
{
    g_autofree char *config =
        g_strdup_printf("# Settings of this project; see hpt-config(5).\ndsn = %s\n%s",
                        dsn == NULL ? "private" : dsn,
                        dsn == NULL ? "# The private server stops when idle for this long.\n"
                                      "# idle_stop = 15m\n"
                                    : "");
    return write_file(folder, ".gitignore", "*\n", error) &&
           write_file(folder, "config", config, error) && write_file(folder, "lock", "", error) &&
           (dsn != NULL || hpt_cluster_create(folder, note, error));
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Removes a tree this process made. */
static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* An initdb that was told to end may still be writing. */
static void remove_dying(const char *path)
{
    for (int i = 0; i < 100 && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0; i++)
        g_usleep(50000);
}

/* Folders that a killed hpt-init left: nobody holds their lock any more. */
static void remove_leftovers(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        if (!g_str_has_prefix(name, ".hpt.tmp-"))
            continue;
        g_autofree char *path = g_build_filename(directory, name, NULL);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat info;
        if (fd >= 0 && fstat(fd, &info) == 0 && info.st_uid == geteuid() &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_dying(path);
        if (fd >= 0)
            close(fd);
    }
}

/* A new folder beside .hpt that this process holds: locked, and still under its name. Another
 * hpt-init may have taken it for a leftover in the moment before it was locked. */
static int make_temporary(const char *directory, char **path, GError **error)
{
    for (;;) {
        g_autofree char *made = g_build_filename(directory, ".hpt.tmp-XXXXXX", NULL);
        if (mkdtemp(made) == NULL)
            break;
        int fd = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat held, named;
        if (fd >= 0 && flock(fd, LOCK_EX) == 0 && fstat(fd, &held) == 0 &&
            stat(made, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino) {
            *path = g_steal_pointer(&made);
            return fd;
        }
        int reason = errno;
        if (fd >= 0)
            close(fd);
        if (reason != ENOENT) {
            errno = reason;
            break;
        }
    }
    hpt_error_set_errno(error, errno, "cannot make %s/.hpt", directory);
    return -1;
}

/* Makes directory/.hpt beside and renames it into place. If another hpt-init was faster its work
 * stays. */
static bool make_folder(const char *directory, const char *dsn, GError **error)
{
    g_autofree char *temporary = NULL;
    g_autofree char *folder = g_build_filename(directory, ".hpt", NULL);
    remove_leftovers(directory);
    int fd = make_temporary(directory, &temporary, error);
    if (fd < 0)
        return false;
    bool filled = fill(temporary, dsn, error);
    bool renamed = filled && rename(temporary, folder) == 0;
    int reason = errno;
    if (!renamed)
        nftw(temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    close(fd);
    if (renamed) {
        sync_folder(directory);
        return true;
    }
    if (filled && (reason == ENOTEMPTY || reason == EEXIST))
        return true;
    if (filled)
        hpt_error_set_errno(error, reason, "cannot make %s", folder);
    return false;
}

/* ---- a given server ---- */

static bool check_given(const char *dsn, GError **error)
{
    bool has_password;
    g_autofree char *plain = hpt_dsn_public(dsn, &has_password, error);
    if (plain == NULL)
        return false;
    if (has_password) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "a password does not belong in a command line or in .hpt/config\n"
                    "hint: use a password file (passfile=FILE) or a service (service=NAME)");
        return false;
    }
    if (strpbrk(dsn, "\r\n") != NULL || dsn[0] == '\0' || strcmp(dsn, "private") == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "dsn '%s' cannot be kept in .hpt/config",
                    dsn);
        return false;
    }
    return true;
}

static bool ready_given(const char *dsn, GError **error)
{
    g_autoptr(HptDb) db = hpt_db_open(dsn, "hpt-init", error);
    return db != NULL && migrate(db, error);
}

/* ---- the four jobs ---- */

/* The dsn of a project that is there: owned, NULL with *error set if it has none. */
static char *configured_dsn(const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "config", NULL);
    g_autoptr(HptSettings) settings = hpt_settings_read(path, error);
    if (settings == NULL)
        return NULL;
    const char *dsn = hpt_settings_peek(settings, "dsn");
    if (dsn == NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s has no dsn", path);
    else if (dsn[0] == '\0')
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "%s: the DSN is empty: it would name whatever server libpq finds", path);
    return dsn == NULL || dsn[0] == '\0' ? NULL : g_strdup(dsn);
}

static bool init_existing(const char *folder, GError **error)
{
    g_autofree char *dsn = configured_dsn(folder, error);
    if (dsn == NULL)
        return false;
    if (opt_dsn != NULL && strcmp(dsn, opt_dsn) != 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "%s exists and uses another database (dsn = %s)\n"
                    "hint: edit %s/config to change it",
                    folder, dsn, folder);
        return false;
    }
    if (strcmp(dsn, "private") != 0)
        return ready_given(dsn, error) && print_dsn(dsn);
    if (!ready_private(folder, error))
        return false;
    g_autofree char *public_dsn = hpt_cluster_dsn(folder, HPT_ROLE_WRITER);
    return print_dsn(public_dsn);
}

static bool init(GError **error)
{
    struct stat info;
    g_autofree char *directory = realpath(opt_directory == NULL ? "." : opt_directory, NULL);
    if (directory == NULL) {
        hpt_error_set_errno(error, errno, "%s", opt_directory == NULL ? "." : opt_directory);
        return false;
    }
    g_autofree char *folder = g_build_filename(directory, ".hpt", NULL);
    if (opt_dsn != NULL && !check_given(opt_dsn, error))
        return false;
    bool exists = lstat(folder, &info) == 0;
    if (exists && !S_ISDIR(info.st_mode)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s is not a folder", folder);
        return false;
    }
    if (exists) {
        g_autofree char *found = NULL;
        return hpt_project_find(directory, &found, error) && init_existing(folder, error);
    }
    if (g_getenv("HPT_DSN") != NULL)
        note("HPT_DSN is set: it goes before .hpt in every tool");
    if (opt_dsn != NULL && !ready_given(opt_dsn, error))
        return false;
    if (!make_folder(directory, opt_dsn, error))
        return false;
    g_autofree char *account = opt_dsn == NULL ? hpt_cluster_account(folder) : NULL;
    if (account != NULL)
        hpt_tool_note("PostgreSQL does not run as root: its account is '%s'", account);
    return init_existing(folder, error);
}

static char *find_folder(GError **error)
{
    char *folder = NULL;
    if (hpt_project_find(opt_directory, &folder, error) && folder == NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "no .hpt here or above; run hpt-init");
    return folder;
}

static bool start_or_stop(GError **error)
{
    g_autofree char *folder = find_folder(error);
    g_autofree char *dsn = folder == NULL ? NULL : configured_dsn(folder, error);
    if (dsn == NULL)
        return false;
    if (strcmp(dsn, "private") != 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "%s uses a given server (dsn = %s), which hpt neither starts nor stops", folder,
                    dsn);
        return false;
    }
    if (opt_stop)
        return hpt_cluster_stop(folder, error);
    g_autofree char *public_dsn = hpt_cluster_dsn(folder, HPT_ROLE_WRITER);
    return hpt_cluster_start(folder, note, error) && print_dsn(public_dsn);
}

static bool upgrade(GError **error)
{
    g_autofree char *folder = find_folder(error);
    g_autofree char *dsn = folder == NULL ? NULL : configured_dsn(folder, error);
    if (dsn == NULL)
        return false;
    return strcmp(dsn, "private") == 0 ? ready_private(folder, error) : ready_given(dsn, error);
}

/* ---- --status ---- */

static int64_t tree_bytes;

static int add_size(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)path;
    (void)ftw;
    if (type == FTW_F)
        tree_bytes += (int64_t)info->st_blocks * 512;
    return 0;
}

static char *size_of(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    tree_bytes = 0;
    nftw(path, add_size, 16, FTW_PHYS);
    return g_strdup_printf("%" G_GINT64_FORMAT, tree_bytes);
}

void init_show(const char *name, const char *value)
{
    g_autofree char *safe = hpt_text_printable(value, -1);
    printf(isatty(STDOUT_FILENO) ? "%-16s%s\n" : "%s\t%s\n", name, safe);
}

static void show_database(HptDb *db)
{
    int version = hpt_db_server_version(db), schema = 0;
    g_autofree char *server = g_strdup_printf("%d.%d", version / 10000, version % 10000);
    g_autofree char *step = hpt_schema_get_version(db, &schema, NULL)
                                ? g_strdup_printf("%d", schema)
                                : g_strdup("unknown");
    g_autofree char *own = g_strdup_printf("%d", hpt_schema_version());
    init_show("version", server);
    init_show("schema", step);
    init_show("schema_known", own);
}

static int status_private(const char *folder, GError **error)
{
    pid_t pid = hpt_cluster_pid(folder);
    g_autofree char *owner_dsn = hpt_cluster_dsn(folder, HPT_ROLE_OWNER);
    g_autofree char *dsn = hpt_cluster_dsn(folder, HPT_ROLE_WRITER);
    g_autofree char *account = hpt_cluster_account(folder);
    g_autofree char *data = size_of(folder, "pg");
    g_autofree char *all = size_of(folder, ".");
    g_autoptr(HptDb) db = pid == 0 ? NULL : hpt_db_open(owner_dsn, "hpt-init", error);
    if (pid != 0 && db == NULL)
        return HPT_EXIT_DATABASE;
    init_show("server", pid == 0 ? "down" : "running");
    init_show("folder", folder);
    if (pid != 0) {
        g_autofree char *number = g_strdup_printf("%d", (int)pid);
        init_show("pid", number);
        show_database(db);
    }
    init_show("dsn", dsn);
    init_show("account", account == NULL ? g_get_user_name() : account);
    init_show("data_bytes", data);
    init_show("folder_bytes", all);
    return pid == 0 ? HPT_EXIT_NO : HPT_EXIT_OK;
}

static int status(GError **error)
{
    g_autofree char *folder = find_folder(error);
    g_autofree char *dsn = folder == NULL ? NULL : configured_dsn(folder, error);
    if (dsn == NULL)
        return HPT_EXIT_DATABASE;
    if (strcmp(dsn, "private") == 0)
        return status_private(folder, error);
    g_autoptr(HptDb) db = hpt_db_open(dsn, "hpt-init", error);
    if (db == NULL)
        return HPT_EXIT_DATABASE;
    g_autofree char *all = size_of(folder, ".");
    init_show("server", "running");
    init_show("folder", folder);
    show_database(db);
    init_show("dsn", dsn);
    init_show("folder_bytes", all);
    return HPT_EXIT_OK;
}

static int run(int argc, char **argv, GError **error)
{
    int jobs = opt_status + opt_start + opt_stop + opt_upgrade + opt_gc + (opt_dsn != NULL);
    if (opt_keeper != NULL)
        return hpt_cluster_keep(opt_keeper);
    if (argc > 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unexpected argument '%s'", argv[0]);
        return HPT_EXIT_USAGE;
    }
    if (jobs > 1) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "only one of --dsn, --status, --start, --stop, --upgrade and --gc can be given");
        return HPT_EXIT_USAGE;
    }
    if (opt_dry_run && !opt_gc) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--dry-run is for --gc");
        return HPT_EXIT_USAGE;
    }
    umask(077);
    if (opt_status)
        return status(error);
    if (opt_gc)
        return init_gc(opt_directory, opt_dry_run, error) ? HPT_EXIT_OK : HPT_EXIT_TOOL;
    hold_signals(SIG_BLOCK);
    bool fine = opt_start || opt_stop ? start_or_stop(error)
                : opt_upgrade         ? upgrade(error)
                                      : init(error);
    hold_signals(SIG_UNBLOCK);
    return fine ? HPT_EXIT_OK : HPT_EXIT_TOOL;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-init", "[OPTION]...",
                                 "make .hpt/, start or connect the database", options, run};
    return hpt_tool_main(&tool, argc, argv);
}
