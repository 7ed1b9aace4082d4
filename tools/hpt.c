/* hpt NAME … is hpt-NAME …, looked for beside this program and then in PATH; and help. */
#include "config.h"

#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Every tool, as "hpt" finds it; the one-line texts are those of the manual pages. */
static const struct {
    const char *name, *text;
} tools[] = {
    {"init", "make .hpt/, start or connect the database"},
    {"run", "search: run a command many times"},
    {"report", "inside a trial: a metric in, go or stop out"},
    {"query", "tables of studies, trials and metrics; SQL"},
    {"diff", "in what trials, studies or environments differ"},
    {"replay", "run a recorded trial again: the same, or why not"},
    {"export", "take a study out: csv, jsonl, script, tar"},
    {"import", "take bundles of other projects into the record"},
    {"verify", "does the record hold together, is all there"},
    {"ask", "trials for a loop of yours"},
    {"tell", "their results, and how they do while they run"},
    {"space", "check, convert and sample a search space"},
};

/* Folder of the running program; NULL if the system does not say. Owned. */
static char *own_folder(void)
{
    g_autofree char *path = g_file_read_link("/proc/self/exe", NULL);
    return path == NULL ? NULL : g_path_get_dirname(path);
}

/* Runs PROGRAM with argv from the own folder, else from where helpers are installed, else from
 * PATH. Returns only on failure. */
static void execute(const char *program, char **argv)
{
    g_autofree char *folder = own_folder();
    if (folder != NULL) {
        g_autofree char *path = g_build_filename(folder, program, NULL);
        execv(path, argv);
        if (errno != ENOENT)
            return;
    }
    g_autofree char *helper = g_build_filename(HPT_LIBEXECDIR, program, NULL);
    execv(helper, argv);
    if (errno != ENOENT)
        return;
    /* Not by execvp: for it a folder in PATH that is closed to us is a program that may not be run. */
    g_autofree char *found = g_find_program_in_path(program);
    if (found != NULL)
        execv(found, argv);
    else
        errno = ENOENT;
}

static void set_unknown(GError **error, const char *name)
{
    const char *names[G_N_ELEMENTS(tools) + 4] = {"help", "config", "completion"};
    for (size_t i = 0; i < G_N_ELEMENTS(tools); i++)
        names[i + 3] = tools[i].name;
    const char *near = hpt_suggest(name, names);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "no tool 'hpt-%s'; did you mean '%s'?", name,
                    near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "no tool 'hpt-%s'\nhint: hpt help lists the tools", name);
}

static int run_tool(char **argv, GError **error)
{
    g_autofree char *program = g_strconcat("hpt-", argv[0], NULL);
    const char *name = argv[0];
    if (strchr(name, '/') == NULL) {
        argv[0] = program;
        execute(program, argv);
        if (errno != ENOENT) {
            hpt_error_set_errno(error, errno, "cannot run %s", program);
            return HPT_EXIT_TOOL;
        }
        argv[0] = (char *)name;
    }
    set_unknown(error, name);
    return HPT_EXIT_USAGE;
}

static int list_tools(void)
{
    printf("usage: hpt TOOL [ARGUMENT]...\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(tools); i++)
        printf("  %-12s%s\n", tools[i].name, tools[i].text);
    printf("\n  %-12s%s\n  %-12s%s\n", "config", "print the configuration in force", "completion",
           "print the completion for bash, zsh or fish");
    printf("\nhpt help TOOL shows the manual of a tool, hpt TOOL --help its options.\n");
    return HPT_EXIT_OK;
}

/* The manual page if man and the page are there, else the tool's own --help. */
static int help(char **argv, GError **error)
{
    if (argv[0] == NULL)
        return list_tools();
    g_autofree char *program =
        g_str_has_prefix(argv[0], "hpt") ? g_strdup(argv[0]) : g_strconcat("hpt-", argv[0], NULL);
    if (isatty(STDOUT_FILENO)) {
        char *man[] = {"man", program, NULL}, *where[] = {"man", "-w", program, NULL};
        int status = 0;
        if (g_spawn_sync(NULL, where, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                             G_SPAWN_STDERR_TO_DEV_NULL,
                         NULL, NULL, NULL, NULL, &status, NULL) &&
            status == 0)
            execvp("man", man);
    }
    char *self_help[] = {program, "--help", NULL};
    execute(program, self_help);
    set_unknown(error, g_str_has_prefix(program, "hpt-") ? program + 4 : program);
    return HPT_EXIT_USAGE;
}

/* Copies the completion of a shell, made when hpt was built, to stdout. */
static int completion(char **argv, GError **error)
{
    static const struct {
        const char *shell, *file;
    } files[] = {{"bash", "hpt.bash"}, {"zsh", "_hpt"}, {"fish", "hpt.fish"}};
    if (argv[0] != NULL && argv[1] != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "completion takes one shell; '%s' is one argument too many", argv[1]);
        return HPT_EXIT_USAGE;
    }
    for (size_t i = 0; argv[0] != NULL && i < G_N_ELEMENTS(files); i++) {
        if (strcmp(argv[0], files[i].shell) != 0)
            continue;
        g_autofree char *folder = own_folder();
        g_autofree char *built =
            g_build_filename(folder ? folder : ".", "completion", files[i].file, NULL);
        g_autofree char *installed =
            g_build_filename(HPT_DATADIR, "completion", files[i].file, NULL);
        g_autofree char *text = NULL;
        gsize length = 0;
        if (!g_file_get_contents(built, &text, &length, NULL) &&
            !g_file_get_contents(installed, &text, &length, error))
            return HPT_EXIT_TOOL;
        errno = 0;
        if (fwrite(text, 1, length, stdout) == length)
            return HPT_EXIT_OK;
        hpt_error_set_errno(error, errno != 0 ? errno : EIO, "standard output");
        return HPT_EXIT_TOOL;
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "completion for which shell? bash, zsh or fish\n"
                "hint: eval \"$(hpt completion bash)\"");
    return HPT_EXIT_USAGE;
}

static int run(int argc, char **argv, GError **error)
{
    if (argc == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "which tool?\nhint: hpt help lists the tools");
        return HPT_EXIT_USAGE;
    }
    if (strcmp(argv[0], "help") == 0)
        return help(argv + 1, error);
    if (strcmp(argv[0], "completion") == 0)
        return completion(argv + 1, error);
    return run_tool(argv, error);
}

int main(int argc, char **argv)
{
    static const GOptionEntry options[] = {G_OPTION_ENTRY_NULL};
    static const HptTool tool = {"hpt", "TOOL [ARGUMENT]...",
                                 "run a tool of hpt: hpt run is hpt-run; hpt help lists them",
                                 options, run};
    return hpt_tool_main(&tool, argc, argv);
}
