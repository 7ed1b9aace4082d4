/* hpt-ask: the search for programs of others: configurations out, results in.
 */
#include "tool.h"

#include "search/sampler.h"
#include "search/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static gboolean serve;
static gchar *sampler;

static const GOptionEntry options[] = {
    {"serve", 0, 0, G_OPTION_ARG_NONE, &serve, "answer lines of JSON on standard input", NULL},
    {"sampler", 0, 0, G_OPTION_ARG_STRING, &sampler, "auto, cmaes, de, forest, gp, grid, nsga2, nsga3, random, sobol, tpe (random)",
     "NAME"},
    G_OPTION_ENTRY_NULL,
};

/* An unknown name is found before anything is served. */
static bool check_sampler(const char *spec, GError **error)
{
    g_autoptr(HptSpace) space = hpt_space_parse("x integer [0, 1]\n", error);
    HptSearch search = {.space = space};
    g_autoptr(GError) wrong = NULL;
    g_autoptr(HptSampler) tried = space == NULL ? NULL : hpt_sampler_new(spec, &search, &wrong);
    /* A setting for a parameter may be right for the space that comes. */
    if (tried != NULL || strchr(spec, ':') != NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&wrong));
    return false;
}

static int answer_lines(HptSession *session, GError **error)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = 0;
    while ((length = getline(&line, &size, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        if (length == 0)
            continue;
        g_autofree char *answer = hpt_session_answer(session, line, (size_t)length);
        if (answer == NULL || puts(answer) == EOF || fflush(stdout) != 0)
            break;
    }
    free(line);
    if (ferror(stdin)) {
        hpt_error_set_errno(error, errno, "standard input");
        return HPT_EXIT_TOOL;
    }
    return HPT_EXIT_OK;
}

static int run(int argc G_GNUC_UNUSED, char **argv, GError **error)
{
    if (argv[0] != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "argument %d '%s': none is taken",
                    hpt_tool_position(&argv[0]), argv[0]);
        return HPT_EXIT_USAGE;
    }
    if (!serve) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--serve is needed\nhint: searches with a command are run by hpt-run");
        return HPT_EXIT_USAGE;
    }
    const char *spec = sampler != NULL ? sampler : "random";
    if (!check_sampler(spec, error))
        return HPT_EXIT_USAGE;
    g_autoptr(HptSession) session = hpt_session_new(spec);
    return answer_lines(session, error);
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-ask", "--serve [OPTION]...",
                                 "the search for a program of yours", options, run};
    return hpt_tool_main(&tool, argc, argv);
}
