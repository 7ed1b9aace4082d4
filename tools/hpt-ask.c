/* hpt-ask: the search for loops outside: configurations out, results in (by hpt-tell, or by lines).
 */
#include "config.h"

#include "base/text.h"
#include "search/session.h"
#include "tools/ask_options.h"
#include "tools/ask_print.h"
#include "tools/ask_serve.h"
#include "tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

extern char **environ;

/* ---- --serve without a study ---- */

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

static bool answer_lines(HptSession *session, GError **error)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = 0;
    bool written = true;
    while (written && (length = getline(&line, &size, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        if (length == 0)
            continue;
        g_autofree char *answer = hpt_session_answer(session, line, (size_t)length);
        if (answer == NULL)
            break;
        written = puts(answer) != EOF && fflush(stdout) == 0;
    }
    int problem = errno;
    free(line);
    if (written && ferror(stdin) == 0)
        return true;
    hpt_error_set_errno(error, problem, written ? "standard input" : "standard output");
    return false;
}

/* Nothing is recorded: what only a study has makes no sense. */
static bool check_alone(char **argv, GError **error)
{
    const struct {
        bool given;
        const char *what;
    } parts[] = {{ask_given.space_file != NULL, "--space"}, {ask_given.params != NULL, "-p"},
                 {ask_given.metrics != NULL, "-m"},         {ask_given.points != NULL, "--point"},
                 {ask_given.seed != NULL, "--seed"},        {ask_given.total != NULL, "--total"},
                 {ask_given.lease != NULL, "--lease"},      {ask_given.no_default_trial, "--no-default-trial"},
                 {ask_given.priors != NULL, "--prior"},     {ask_given.folds != NULL, "--folds"},
                 {ask_given.repeats != NULL, "--repeats"},  {ask_given.reserve_fold, "--reserve-fold"},
                 {ask_given.budget != NULL, "--budget"},    {ask_given.pruner != NULL, "--pruner"},
                 {ask_given.ordered, "--ordered"},
                 {ask_given.extend, "--extend"}};
    if (argv[0] != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "argument %d '%s': none is taken with --serve",
                    hpt_tool_position(&argv[0]), argv[0]);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (parts[i].given && ask_given.study == NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "%s and --serve need a study (-s): without one lines say what is searched", parts[i].what);
            return false;
        }
    const char *other = ask_given.count != NULL    ? "--count"
                        : ask_given.format != NULL ? "--format"
                        : ask_given.no_header      ? "--no-header"
                        : ask_given.wait != NULL   ? "--wait"
                                                   : NULL;
    if (other != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--serve answers a line by a line: %s makes no sense", other);
    return other == NULL;
}

static int serve_alone(GError **error)
{
    const char *spec = ask_given.sampler != NULL ? ask_given.sampler : HPT_SAMPLER_DEFAULT;
    if (!check_sampler(spec, error))
        return HPT_EXIT_USAGE;
    g_autoptr(HptSession) session = hpt_session_new(spec);
    return answer_lines(session, error) ? HPT_EXIT_OK : HPT_EXIT_TOOL;
}

/* ---- trials of a study ---- */

static bool say_end(HptProject *project, const HptStudy *study, HptAskEnd end, size_t got, int64_t wanted,
                    GError **error)
{
    g_autofree char *stopped = NULL;
    if (!hpt_study_stopped(hpt_project_get_db(project), study->name, &stopped, error))
        return false;
    g_autofree char *few = got == 0 ? g_strdup("") : g_strdup_printf("%zu of %" PRId64 ": ", got, wanted);
    if (stopped != NULL)
        hpt_tool_note("%sstudy '%s' is stopped: %s", few, study->name, stopped);
    else if (end == HPT_ASK_WAIT && study->definition->window > 0)
        hpt_tool_note("%sstudy '%s' is ordered: the next trial comes when one that is given out has its result", few,
                      study->name);
    else if (end == HPT_ASK_WAIT && hpt_definition_has_parts(study->definition))
        hpt_tool_note("%sall runs of study '%s' that are settled are given out; more may come", few, study->name);
    else if (end == HPT_ASK_WAIT)
        hpt_tool_note("%sthe last trials of study '%s' are given out; one may come back", few, study->name);
    else
        hpt_tool_note("%sstudy '%s' has all its trials", few, study->name);
    return true;
}

/* A reader that left is no error worth a message. */
static int fail(GError *steal_problem, GError **error)
{
    bool left = g_error_matches(steal_problem, HPT_ERROR, HPT_ERROR_IO) &&
                g_str_has_suffix(steal_problem->message, g_strerror(EPIPE));
    g_propagate_error(left ? NULL : error, steal_problem);
    return left ? HPT_EXIT_SIGNAL + SIGPIPE : HPT_EXIT_TOOL;
}

/* What could not be printed is given back: nobody knows of it. */
static int fail_print(HptAsker *asker, const GPtrArray *asked, GError *steal_problem, GError **error)
{
    g_autoptr(GError) stuck = NULL;
    if (hpt_asker_release(asker, asked, &stuck))
        hpt_tool_note("the trials are given back");
    else
        hpt_tool_note("the trials could not be given back: %s", stuck->message);
    return fail(steal_problem, error);
}

#define POLL_LEAST_US INT64_C(50000)
#define POLL_MOST_US INT64_C(1000000)

/* At least one, if one comes within --wait. */
static GPtrArray *ask_patiently(const AskSettings *settings, HptAsker *asker, const json_t *fixed, HptAskEnd *end,
                                GError **error)
{
    int64_t until_us = hpt_time_monotonic_us() + settings->wait_us, poll_us = POLL_LEAST_US;
    for (;;) {
        g_autoptr(GPtrArray) asked = hpt_asker_ask(asker, (size_t)settings->count, fixed, end, error);
        int64_t left_us = until_us - hpt_time_monotonic_us();
        if (asked == NULL || asked->len > 0 || *end == HPT_ASK_DONE || left_us <= 0)
            return g_steal_pointer(&asked);
        g_usleep((gulong)MIN(poll_us, left_us));
        poll_us = MIN(2 * poll_us, POLL_MOST_US);
    }
}

static int give_out(const AskSettings *settings, HptProject *project, HptStudy *study, HptAsker *asker,
                    const json_t *fixed, GError **error)
{
    HptAskEnd end = HPT_ASK_ENOUGH;
    g_autoptr(GPtrArray) asked = ask_patiently(settings, asker, fixed, &end, error);
    if (asked == NULL)
        return HPT_EXIT_TOOL;
    GError *problem = NULL;
    if (asked->len > 0 && !ask_print(study, asked, settings->format, ask_given.no_header, &problem))
        return fail_print(asker, asked, problem, error);
    if (end != HPT_ASK_ENOUGH && !say_end(project, study, end, asked->len, settings->count, error))
        return HPT_EXIT_DATABASE;
    return asked->len > 0 ? HPT_EXIT_OK : HPT_EXIT_NO;
}

static int with_study(const AskSettings *settings, const json_t *fixed, GError **error)
{
    HptProjectOptions project_options = {
        .dsn = ask_given.dsn,
        .directory = ask_given.directory,
        .application_name = "hpt-ask",
        .role = HPT_ROLE_WRITER,
        .note = ask_given.quiet ? NULL : hpt_tool_note_once,
    };
    g_autoptr(HptProject) project = hpt_project_open(&project_options, error);
    g_autoptr(HptStudy) study =
        project == NULL ? NULL : ask_study_open(settings, hpt_project_get_db(project), error);
    if (study == NULL)
        return HPT_EXIT_TOOL;
    HptAskOptions options = {
        .project = project,
        .study = study,
        .lease_us = settings->lease_us,
        .patience_us = settings->patience_us,
        .tool_version = PACKAGE_VERSION,
        .environment = (const char *const *)environ,
    };
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(HptAsker) asker = hpt_asker_new(&options, notes, error);
    for (guint i = 0; i < notes->len; i++)
        hpt_tool_note("%s", (const char *)notes->pdata[i]);
    if (asker == NULL)
        return HPT_EXIT_TOOL;
    if (!ask_given.serve)
        return give_out(settings, project, study, asker, fixed, error);
    GError *problem = NULL;
    int signal_number = 0;
    if (!ask_serve(settings, project, study, asker, &signal_number, &problem))
        return fail(problem, error);
    return signal_number == 0 ? HPT_EXIT_OK : HPT_EXIT_SIGNAL + signal_number;
}

static int run(int argc G_GNUC_UNUSED, char **argv, GError **error)
{
    AskSettings settings;
    if (!ask_settings_parse(&settings, error) || (ask_given.serve && !check_alone(argv, error)))
        return HPT_EXIT_USAGE;
    if (ask_given.serve && ask_given.study == NULL)
        return serve_alone(error);
    g_autoptr(json_t) fixed = ask_fixed_parse(argv, error);
    if (fixed == NULL)
        return HPT_EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN); /* an error of write instead: what nobody reads is given back */
    return with_study(&settings, fixed, error);
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-ask",
                                 "[OPTION]... [-p STATEMENT]... [NAME=VALUE]...\n   or: hpt-ask --serve [OPTION]...",
                                 "the search for a loop outside: trials to run, told of by hpt-tell", ask_options, run};
    return hpt_tool_main(&tool, argc, argv);
}
