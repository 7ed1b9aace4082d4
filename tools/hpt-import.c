/* hpt-import: a bundle into this project's record, or a bundle checked. */
#include "tool.h"

#include "base/number.h"
#include "base/text.h"
#include "db/project.h"
#include "study/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *opt_as, *opt_limit, *opt_dsn, *opt_directory;
static gboolean opt_check, opt_dry_run, opt_quiet;

static const GOptionEntry options[] = {
    {"as", 0, 0, G_OPTION_ARG_STRING, &opt_as,
     "import the only study of the bundle under this name", "NAME"},
    {"check", 'c', 0, G_OPTION_ARG_NONE, &opt_check, "check the bundles only; needs no database",
     NULL},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &opt_dry_run,
     "say what would be imported, and change nothing", NULL},
    {"limit", 0, 0, G_OPTION_ARG_STRING, &opt_limit,
     "refuse a bundle whose content is larger than this (64G)", "SIZE"},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "the database, instead of the project's", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory,
     "look for the project from this folder upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no notes on standard error", NULL},
    G_OPTION_ENTRY_NULL,
};

static bool choose_limits(HptGateLimits *limits, GError **error)
{
    *limits = hpt_gate_limits();
    if (opt_limit == NULL || hpt_size_parse(opt_limit, &limits->bytes, error))
        return true;
    g_prefix_error(error, "--limit=%s: ", opt_limit);
    (*error)->code = HPT_ERROR_USAGE;
    return false;
}

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Through the gate, whose quarantine lies in dir. */
static HptGate *open_gate(const char *path, const char *dir, const HptGateLimits *limits,
                          HptTables *tables, GError **error)
{
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open %s", path);
        return NULL;
    }
    HptGate *gate = hpt_gate_open(fd, name_of(path), dir, limits, hpt_import_check, tables, error);
    if (!input)
        close(fd);
    return gate;
}

static void tell_checked(const char *path, const HptGate *gate)
{
    const HptBundleInfo *info = hpt_gate_get_info(gate);
    char hex[HPT_DIGEST_HEX_SIZE];
    if (!opt_quiet)
        hpt_tool_note("%s: %zu files, %" G_GINT64_FORMAT " bytes, whole; identity sha256:%s",
                      name_of(path), info->entries, info->bytes,
                      hpt_digest_hex(&info->identity, hex));
}

static void tell_imported(const char *path, const GArray *imported)
{
    if (!hpt_imported_any(imported))
        hpt_tool_note("%s: nothing new", name_of(path));
    for (guint i = 0; i < imported->len; i++) {
        const HptImported *study = &g_array_index(imported, HptImported, i);
        if (study->is_new || study->fresh > 0 || study->gone_on > 0 || study->wider)
            hpt_tool_note("%s: study '%s'%s: trials that are new %" G_GINT64_FORMAT
                          ", went on %" G_GINT64_FORMAT ", were here %" G_GINT64_FORMAT,
                          name_of(path), study->study, study->is_new ? ", new" : "", study->fresh,
                          study->gone_on, study->same);
    }
}

static bool check_all(char **paths, const HptGateLimits *limits, HptTables *tables, GError **error)
{
    for (; *paths != NULL; paths++) {
        g_autoptr(HptGate) gate = open_gate(*paths, g_get_tmp_dir(), limits, tables, error);
        if (gate == NULL)
            return false;
        tell_checked(*paths, gate);
    }
    return true;
}

/* The quarantine lies beside the objects, so that both are on one volume. */
static bool import_all(char **paths, const HptGateLimits *limits, HptTables *tables, GError **error)
{
    HptProjectOptions where = {.dsn = opt_dsn,
                               .directory = opt_directory,
                               .application_name = "hpt-import",
                               .role = HPT_ROLE_WRITER};
    g_autofree char *folder = NULL;
    if (opt_dsn == NULL && !hpt_project_find(opt_directory, &folder, error))
        return false;
    for (; *paths != NULL; paths++) {
        g_autoptr(HptGate) gate =
            open_gate(*paths, folder != NULL ? folder : g_get_tmp_dir(), limits, tables, error);
        if (gate == NULL)
            return false;
        g_autoptr(HptProject) project = hpt_project_open(&where, error);
        if (project == NULL)
            return false;
        g_autofree char *objects =
            g_build_filename(hpt_project_peek_folder(project), "objects", NULL);
        HptImportOptions how = {.as = opt_as, .objects = objects, .dry_run = opt_dry_run};
        g_autoptr(GArray) imported =
            hpt_import(hpt_project_get_db(project), gate, tables, &how, error);
        if (imported == NULL) {
            g_prefix_error(error, "%s: ", name_of(*paths));
            return false;
        }
        if (!opt_quiet)
            tell_imported(*paths, imported);
    }
    return true;
}

/* Before the first is imported: it may be an option that came too late. */
static bool check_names(char **paths, GError **error)
{
    for (; *paths != NULL; paths++)
        if ((*paths)[0] == '-' && (*paths)[1] != '\0' && !g_file_test(*paths, G_FILE_TEST_EXISTS)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "there is no file '%s'", *paths);
            return false;
        }
    return true;
}

static int run(int argc, char **argv, GError **error)
{
    HptGateLimits limits;
    if (argc == 0 || (opt_check && (opt_as != NULL || opt_dry_run))) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s",
                    argc == 0 ? "which bundle? - is standard input"
                              : "--check imports nothing: leave --as and --dry-run out");
        return HPT_EXIT_TOOL;
    }
    if (opt_as != NULL && argc > 1) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--as is for one bundle");
        return HPT_EXIT_TOOL;
    }
    if (!check_names(argv, error) || !choose_limits(&limits, error))
        return HPT_EXIT_TOOL;
    g_autoptr(HptTables) tables = hpt_import_tables();
    bool ok = opt_check ? check_all(argv, &limits, tables, error)
                        : import_all(argv, &limits, tables, error);
    return ok ? HPT_EXIT_OK : HPT_EXIT_TOOL;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-import", "[OPTION]... FILE...",
                                 "take bundles of other projects into the record", options, run};
    return hpt_tool_main(&tool, argc, argv);
}
