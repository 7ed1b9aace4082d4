/* "hpt config": every configuration value in force and where it comes from. A program of its own
 * beside the tools' library, so that hpt itself does not load the database's. */
#include "config.h"

#include "tool.h"

#include "base/text.h"
#include "db/cluster.h"
#include "db/project.h"
#include "db/settings.h"

#include <stdio.h>
#include <string.h>

static char *opt_directory;

static const GOptionEntry options[] = {
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory, "look from DIR upwards", "DIR"},
    G_OPTION_ENTRY_NULL,
};

static void print_row(const char *key, const char *value, const char *source)
{
    g_autofree char *shown = hpt_text_printable(value, -1);
    g_autofree char *from = hpt_text_printable(source, -1);
    printf("%s\t%s\t%s\n", key, shown, from);
}

/* key: the environment variable if it is set, else the file's (may be NULL), else the built-in. */
static void print_setting(const char *key, const char *variable, const HptSettings *settings,
                          const char *fallback)
{
    const char *value = variable == NULL ? NULL : g_getenv(variable);
    if (value != NULL && value[0] != '\0') {
        print_row(key, value, variable);
        return;
    }
    value = settings == NULL ? NULL : hpt_settings_peek(settings, key);
    if (value != NULL) {
        g_autofree char *place = hpt_settings_place(settings, key);
        print_row(key, value, place);
        return;
    }
    print_row(key, fallback, "built in");
}

/* The DSN loses its secrets on the way to the screen. */
static bool print_dsn(const HptSettings *settings, GError **error)
{
    const char *value = g_getenv("HPT_DSN");
    g_autofree char *source = g_strdup("HPT_DSN");
    if (value == NULL || value[0] == '\0') {
        value = settings == NULL ? NULL : hpt_settings_peek(settings, "dsn");
        g_free(source);
        source = value == NULL ? g_strdup("no .hpt here or above")
                               : hpt_settings_place(settings, "dsn");
    }
    if (value == NULL || strcmp(value, "private") == 0) {
        print_row("dsn", value == NULL ? "" : value, source);
        return true;
    }
    g_autofree char *shown = hpt_dsn_public(value, NULL, error);
    if (shown == NULL) {
        g_prefix_error(error, "%s: ", source);
        return false;
    }
    print_row("dsn", shown, source);
    return true;
}

static int run(int argc, char **argv, GError **error)
{
    if (argc > 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unexpected argument '%s'", argv[0]);
        return HPT_EXIT_USAGE;
    }
    g_autofree char *folder = NULL;
    if (!hpt_project_find(opt_directory, &folder, error))
        return HPT_EXIT_TOOL;
    g_autofree char *path = folder == NULL ? NULL : g_build_filename(folder, "config", NULL);
    g_autoptr(HptSettings) project = path == NULL ? NULL : hpt_settings_read(path, error);
    if (path != NULL && project == NULL)
        return HPT_EXIT_USAGE;
    const char *base = g_getenv("XDG_CONFIG_HOME");
    g_autofree char *home = g_build_filename(g_get_home_dir(), ".config", NULL);
    g_autofree char *user_path =
        g_build_filename(base != NULL && base[0] == '/' ? base : home, "hpt", "config", NULL);
    g_autoptr(HptSettings) user = hpt_settings_read(user_path, error);
    if (user == NULL)
        return HPT_EXIT_USAGE;

    printf("key\tvalue\tsource\n");
    print_row("project", folder == NULL ? "" : folder,
              folder == NULL ? "no .hpt here or above" : "nearest .hpt");
    if (!print_dsn(project, error))
        return HPT_EXIT_USAGE;
    print_setting("idle_stop", NULL, project, "15m");
    print_setting("start_wait", NULL, project, "60s");
    g_autofree const char **safe = hpt_settings_all(user, "safe_directory");
    for (const char **value = safe; *value != NULL; value++)
        print_row("safe_directory", *value, user_path);
    print_setting("pgbin", "HPT_PGBIN", NULL, HPT_PG_BINDIR[0] ? HPT_PG_BINDIR : "found");
    print_setting("ceiling", "HPT_CEILING", NULL, "");
    bool own_pager = g_getenv("HPT_PAGER") != NULL;
    print_setting("pager", own_pager ? "HPT_PAGER" : "PAGER", NULL, "less -FRSX");
    return HPT_EXIT_OK;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-config", "[OPTION]...",
                                 "print every configuration value and where it comes from",
                                 options, run};
    return hpt_tool_main(&tool, argc, argv);
}
