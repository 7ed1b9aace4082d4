#include "config.h"

#include "db/project.h"

#include "base/digest.h"
#include "base/number.h"
#include "db/cluster.h"
#include "db/internal.h"
#include "db/migrate.h"
#include "db/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct HptProject {
    HptDb *db;
    char *folder, *dsn, *application_name;
    bool private_server;
    HptNote note;
};

/* ---- a DSN without secrets ---- */

static void append_option(GString *out, const char *keyword, const char *value)
{
    g_string_append_printf(out, "%s%s='", out->len > 0 ? " " : "", keyword);
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *value);
    }
    g_string_append_c(out, '\'');
}

char *hpt_dsn_public(const char *dsn, bool *has_password, GError **error)
{
    char *reason = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &reason);
    if (options == NULL) {
        g_autofree char *line = db_one_line(reason == NULL ? "out of memory" : reason);
        PQfreemem(reason);
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "dsn is not a connection string: %s", line);
        return NULL;
    }
    bool secret = false;
    g_autoptr(GString) out = g_string_new(NULL);
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val == NULL || o->val[0] == '\0')
            continue;
        /* libpq marks what is shown as stars, and sslpassword is one of them. */
        if (o->dispchar[0] == '*')
            secret = true;
        else
            append_option(out, o->keyword, o->val);
    }
    PQconninfoFree(options);
    if (has_password != NULL)
        *has_password = secret;
    return g_strdup(out->str);
}

/* ---- .hpt upwards ---- */

static char *user_settings_path(void)
{
    const char *base = g_getenv("XDG_CONFIG_HOME");
    return base != NULL && base[0] == '/'
               ? g_build_filename(base, "hpt", "config", NULL)
               : g_build_filename(g_get_home_dir(), ".config", "hpt", "config", NULL);
}

/* Root by sudo is also the user who typed it. */
static bool is_ours(uid_t owner)
{
    const char *text = g_getenv("SUDO_UID");
    int64_t sudo = -1;
    return owner == geteuid() ||
           (geteuid() == 0 && text != NULL && hpt_integer_parse(text, &sudo) && sudo >= 0 &&
            owner == (uid_t)sudo);
}

/* The owner of .hpt says which server gets our data and which commands are run: it must be us, or
 * a folder we said is safe. That holds for root above all. */
static bool check_owner(const char *folder, GError **error)
{
    struct stat info;
    if (stat(folder, &info) != 0) {
        hpt_error_set_errno(error, errno, "%s", folder);
        return false;
    }
    if (is_ours(info.st_uid))
        return true;
    g_autofree char *path = user_settings_path();
    g_autofree char *project = g_path_get_dirname(folder);
    g_autoptr(HptSettings) settings = hpt_settings_read(path, error);
    if (settings == NULL)
        return false;
    g_autofree const char **safe = hpt_settings_all(settings, "safe_directory");
    if (g_strv_contains(safe, project) || g_strv_contains(safe, folder))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                "%s belongs to another user (uid %u), so it is not used\n"
                "hint: if you trust it, add the line 'safe_directory = %s' to %s",
                folder, (unsigned)info.st_uid, project, path);
    return false;
}

static bool is_ceiling(const char *folder)
{
    const char *list = g_getenv("HPT_CEILING");
    g_auto(GStrv) ceilings = g_strsplit(list == NULL ? "" : list, ":", -1);
    for (char **ceiling = ceilings; *ceiling != NULL; ceiling++) {
        g_autofree char *real = (*ceiling)[0] == '/' ? realpath(*ceiling, NULL) : NULL;
        if (real != NULL && strcmp(real, folder) == 0)
            return true;
    }
    return false;
}

bool hpt_project_find(const char *directory, char **folder, GError **error)
{
    struct stat start, info;
    g_autofree char *at = realpath(directory == NULL ? "." : directory, NULL);
    if (at == NULL || stat(at, &start) != 0) {
        hpt_error_set_errno(error, errno, "%s", directory == NULL ? "." : directory);
        if (directory != NULL && error != NULL) /* given by the user: wrong use */
            (*error)->code = HPT_ERROR_USAGE;
        return false;
    }
    while (stat(at, &info) == 0 && info.st_dev == start.st_dev) {
        g_autofree char *candidate = g_build_filename(at, ".hpt", NULL);
        struct stat found;
        if (lstat(candidate, &found) == 0 && S_ISDIR(found.st_mode)) {
            if (!check_owner(candidate, error))
                return false;
            *folder = g_steal_pointer(&candidate);
            return true;
        }
        if (is_ceiling(at) || strcmp(at, "/") == 0)
            break;
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
    *folder = NULL;
    return true;
}

/* ---- where files go without a .hpt ---- */

static char *data_folder(const char *public_dsn, GError **error)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digest(public_dsn, strlen(public_dsn));
    hpt_digest_hex(&digest, hex);
    hex[20] = '\0';
    const char *base = g_getenv("XDG_DATA_HOME");
    g_autofree char *path =
        base != NULL && base[0] == '/'
            ? g_build_filename(base, "hpt", hex, NULL)
            : g_build_filename(g_get_home_dir(), ".local", "share", "hpt", hex, NULL);
    if (g_mkdir_with_parents(path, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make %s", path);
        return NULL;
    }
    return g_steal_pointer(&path);
}

/* Sets folder, dsn and private_server. */
static bool locate(HptProject *project, const HptProjectOptions *options, char **dsn,
                   GError **error)
{
    const char *given = options->dsn, *variable = g_getenv("HPT_DSN");
    bool has_password = false;
    if (given == NULL && variable != NULL && variable[0] != '\0')
        given = variable;
    if (given != NULL && given[0] == '\0') {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "the DSN is empty: it would name whatever server libpq finds");
        return false;
    }
    if (given != NULL) {
        project->dsn = hpt_dsn_public(given, &has_password, error);
        if (project->dsn == NULL)
            return false;
        if (has_password && given == options->dsn) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "a password on the command line is seen by everybody on this machine\n"
                        "hint: use a password file (passfile=FILE) or a service (service=NAME)");
            return false;
        }
        project->folder = data_folder(project->dsn, error);
        *dsn = g_strdup(given);
        return project->folder != NULL;
    }
    if (!hpt_project_find(options->directory, &project->folder, error))
        return false;
    if (project->folder == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "no .hpt here or above; run hpt-init");
        return false;
    }
    g_autofree char *path = g_build_filename(project->folder, "config", NULL);
    g_autoptr(HptSettings) settings = hpt_settings_read(path, error);
    if (settings == NULL)
        return false;
    const char *configured = hpt_settings_peek(settings, "dsn");
    if (configured == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "%s has no dsn\nhint: run hpt-init",
                    path);
        return false;
    }
    if (configured[0] == '\0') {
        g_autofree char *place = hpt_settings_place(settings, "dsn");
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "%s: the DSN is empty: it would name whatever server libpq finds", place);
        return false;
    }
    project->private_server = strcmp(configured, "private") == 0;
    *dsn = project->private_server ? hpt_cluster_dsn(project->folder, options->role)
                                   : g_strdup(configured);
    project->dsn = hpt_dsn_public(*dsn, NULL, error);
    if (project->dsn == NULL) {
        g_autofree char *place = hpt_settings_place(settings, "dsn");
        g_prefix_error(error, "%s: ", place);
    }
    return project->dsn != NULL;
}

char *hpt_project_locate(const HptProjectOptions *options, GError **error)
{
    g_autoptr(HptProject) project = g_new0(HptProject, 1);
    g_autofree char *dsn = NULL;
    return locate(project, options, &dsn, error) ? g_steal_pointer(&project->folder) : NULL;
}

/* ---- opening ---- */

/* Connects; a private server that is down, or going down just now, is started. */
static HptDb *reach(const HptProject *project, const char *dsn, GError **error)
{
    for (int attempt = 0;; attempt++) {
        g_autoptr(GError) failure = NULL;
        HptDb *db = hpt_db_open(dsn, project->application_name, &failure);
        if (db != NULL)
            return db;
        if (!project->private_server || attempt == 5 ||
            hpt_db_retry_class(failure) != HPT_RETRY_RECONNECT) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
        if (!hpt_cluster_start(project->folder, project->note, error))
            return NULL;
    }
}

HptProject *hpt_project_open_unchecked(const HptProjectOptions *options, GError **error)
{
    g_autoptr(HptProject) project = g_new0(HptProject, 1);
    g_autofree char *dsn = NULL;
    project->application_name = g_strdup(options->application_name);
    project->note = options->note;
    if (!locate(project, options, &dsn, error))
        return NULL;
    project->db = reach(project, dsn, error);
    return project->db == NULL ? NULL : g_steal_pointer(&project);
}

HptProject *hpt_project_open(const HptProjectOptions *options, GError **error)
{
    g_autoptr(HptProject) project = hpt_project_open_unchecked(options, error);
    if (project == NULL)
        return NULL;
    for (int attempt = 0;; attempt++) {
        g_autoptr(GError) failure = NULL;
        if (hpt_schema_check(project->db, &failure))
            return g_steal_pointer(&project);
        /* It stopped for idleness in the moment we came. */
        bool again = project->private_server && attempt < 5 &&
                     hpt_db_retry_class(failure) == HPT_RETRY_RECONNECT;
        if (!again) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
        if (!hpt_project_reopen(project, error))
            return NULL;
    }
}

void hpt_project_close(HptProject *project)
{
    if (project == NULL)
        return;
    hpt_db_close(project->db);
    g_free(project->folder);
    g_free(project->dsn);
    g_free(project->application_name);
    g_free(project);
}

HptDb *hpt_project_get_db(const HptProject *project)
{
    return project->db;
}

HptDb *hpt_project_connect(const HptProject *project, GError **error)
{
    return reach(project, db_peek_dsn(project->db), error);
}

bool hpt_project_reopen(HptProject *project, GError **error)
{
    for (int attempt = 0;; attempt++) {
        g_autoptr(GError) failure = NULL;
        if (hpt_db_reopen(project->db, &failure))
            return true;
        if (!project->private_server || attempt == 5 ||
            hpt_db_retry_class(failure) != HPT_RETRY_RECONNECT) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (!hpt_cluster_start(project->folder, project->note, error))
            return false;
    }
}

const char *hpt_project_peek_folder(const HptProject *project)
{
    return project->folder;
}

const char *hpt_project_peek_dsn(const HptProject *project)
{
    return project->dsn;
}
