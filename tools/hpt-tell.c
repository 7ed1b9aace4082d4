/* hpt-tell: results of the trials that hpt-ask gave out, and reports of those that run. */
#include "base/text.h"
#include "study/ask.h"
#include "study/teller.h"
#include "tools/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gboolean opt_failed, opt_release, opt_alive, opt_quiet;
static char *opt_study, *opt_cause, *opt_lease, *opt_db_wait, *opt_dsn, *opt_directory;

static const GOptionEntry options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &opt_study, "study of trials that name none ($HPT_STUDY, else the only one)", "NAME"},
    {"failed", 0, 0, G_OPTION_ARG_NONE, &opt_failed, "the trials have failed", NULL},
    {"cause", 0, 0, G_OPTION_ARG_STRING, &opt_cause, "why, for the record", "TEXT"},
    {"release", 0, 0, G_OPTION_ARG_NONE, &opt_release, "the trials were not run: they are given out again", NULL},
    {"alive", 0, 0, G_OPTION_ARG_NONE, &opt_alive, "the trials still run: their leases last longer", NULL},
    {"lease", 0, 0, G_OPTION_ARG_STRING, &opt_lease, "how much longer (as long as it was given for)", "DURATION"},
    {"db-wait", 0, 0, G_OPTION_ARG_STRING, &opt_db_wait, "give up if the database is away for longer (5m)", "DURATION"},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "database, instead of that of .hpt", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory, "look for .hpt from here upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no notes", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
    HptTeller *teller;
    GPtrArray *notes;
    int64_t patience_us, lease_us;
    int status;    /* the worst so far */
    int64_t line;  /* of standard input; 0: arguments */
    char **header; /* of its columns; NULL: there are none */
    bool away;     /* it was said that the database is */
} Tell;

static void say_notes(Tell *tell)
{
    for (guint i = 0; i < tell->notes->len; i++)
        hpt_tool_note("%s", (const char *)tell->notes->pdata[i]);
    g_ptr_array_set_size(tell->notes, 0);
}

/* ---- one trial ---- */

static bool tell_line(Tell *tell, const HptTellLine *line, HptTellFate *told, GError **error)
{
    g_autofree char *id = NULL;
    bool fine = hpt_teller_tell(tell->teller, line, told, &id, tell->notes, error);
    say_notes(tell);
    if (fine && *told == HPT_TOLD_AGAIN)
        hpt_tool_note("%s was told of before, the same", id);
    if (fine && *told == HPT_TOLD_OVER)
        hpt_tool_note("%s is not needed any more: its trial had ended before", id);
    if (fine && *told == HPT_TOLD_SPOOLED && !tell->away)
        hpt_tool_note("the database is away, and %s go to the spool", line->report ? "reports" : "results");
    tell->away = fine && *told == HPT_TOLD_SPOOLED;
    return fine;
}

/* --release and --alive make no sense later. */
static bool give_back(Tell *tell, HptStudy *study, int64_t number, int attempt, GError **error)
{
    HptTelling telling = {.outcome = HPT_TELL_RELEASED, .number = number, .attempt = attempt};
    HptTellAnswer answer = HPT_TELL_DONE;
    if (!hpt_tell(hpt_teller_get_project(tell->teller), study, &telling, tell->patience_us, &answer, error))
        return false;
    g_autofree char *name = hpt_asked_id(study->name, number, attempt);
    if (answer == HPT_TELL_AGAIN)
        hpt_tool_note("%s was given back before", name);
    if (answer == HPT_TELL_OVER)
        hpt_tool_note("%s is not needed any more: its trial had ended before", name);
    return true;
}

/* A trial by its id, for --failed, --release and --alive. */
static bool tell_id(Tell *tell, const char *id, GError **error)
{
    g_auto(HptTellLine) line = {.failed = true, .cause = g_strdup(opt_cause)};
    if (!hpt_asked_parse(id, &line.study, &line.number, &line.attempt, error))
        return false;
    HptTellFate ignored = HPT_TOLD_RECORDED;
    if (opt_failed)
        return tell_line(tell, &line, &ignored, error);
    HptStudy *study = hpt_teller_study(tell->teller, line.study, error);
    if (study == NULL)
        return false;
    if (opt_release)
        return give_back(tell, study, line.number, line.attempt, error);
    int64_t until_us = 0;
    if (!hpt_tell_alive(hpt_teller_get_project(tell->teller), study, line.number, line.attempt, tell->lease_us,
                        tell->patience_us, &until_us, error))
        return false;
    g_autofree char *name = hpt_asked_id(study->name, line.number, line.attempt);
    g_autofree char *until = hpt_time_text(until_us);
    printf("%s\t%s\n", name, until);
    return true;
}

/* ---- errors: one line tells nothing of the next ---- */

/* The worst is kept: the database takes something not, bad input, unknown trials, refusals. */
static int rank_of(int status)
{
    static const int order[] = {HPT_EXIT_OK, HPT_EXIT_NO, HPT_EXIT_NOT_FOUND, HPT_EXIT_USAGE, HPT_EXIT_TOOL};
    for (int i = 0; i < (int)G_N_ELEMENTS(order); i++)
        if (order[i] == status)
            return i;
    return rank_of(HPT_EXIT_TOOL);
}

/* Says what was wrong with one trial; false: it is of a kind that ends everything, and in *error. */
static bool go_on(Tell *tell, GError *steal_problem, GError **error)
{
    g_autoptr(GError) problem = steal_problem;
    int status = g_error_matches(problem, HPT_ERROR, HPT_ERROR_CONFLICT) ? HPT_EXIT_NO : (int)hpt_error_exit(problem);
    if (tell->line > 0)
        g_prefix_error(&problem, "line %" PRId64 ": ", tell->line);
    if (status == HPT_EXIT_DATABASE) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    hpt_tool_complain("%s", problem->message);
    tell->status = rank_of(status) > rank_of(tell->status) ? status : tell->status;
    return true;
}

/* ---- standard input ---- */

/* Each report has an answer, whatever becomes of it: its reader may wait for that. The trial is called as in the line. */
static void answer(const HptTellLine *line, bool json, const HptTellFate *told, const GError *problem)
{
    g_autofree char *id = line->study != NULL  ? hpt_asked_id(line->study, line->number, line->attempt)
                          : line->attempt == 1 ? g_strdup_printf("%" PRId64, line->number)
                                               : g_strdup_printf("%" PRId64 ".%d", line->number, line->attempt);
    bool known = line->attempt > 0, stop = told != NULL && *told == HPT_TOLD_STOP;
    if (!json) {
        printf("%s\t%" PRId64 "\t%s\n", known ? id : "\\N", line->step, told == NULL ? "refused" : stop ? "stop" : "go");
    } else {
        g_autofree char *message = told != NULL ? NULL : g_utf8_make_valid(problem->message, -1);
        g_autoptr(json_t) object = json_pack("{s:s*, s:s*, s:I}", "id", known ? id : NULL, "error", message, "step",
                                             (json_int_t)line->step);
        if (told != NULL)
            json_object_set_new(object, "stop", json_boolean(stop));
        g_autofree char *text = hpt_json_canonical(object, NULL);
        printf("%s\n", text);
    }
    fflush(stdout);
}

static bool take_line(Tell *tell, char *text, size_t length, GError **error)
{
    tell->line++;
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        text[--length] = '\0';
    if (strspn(text, " \t") == length)
        return true;
    /* Each run of a command may bring the header again. */
    char **header = hpt_tell_header(text);
    if (header != NULL) {
        g_strfreev(tell->header);
        tell->header = header;
        return true;
    }
    g_auto(HptTellLine) line = {0};
    GError *problem = NULL;
    HptTellFate told = HPT_TOLD_RECORDED;
    bool fine = hpt_tell_line_read(tell->header, text, length, &line, &problem) && tell_line(tell, &line, &told, &problem);
    if (line.report)
        answer(&line, *text == '{' && tell->header == NULL, fine ? &told : NULL, problem);
    return fine || go_on(tell, problem, error);
}

static bool take_input(Tell *tell, GError **error)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t length = 0;
    bool fine = true;
    while (fine && (length = getline(&text, &size, stdin)) >= 0)
        fine = take_line(tell, text, (size_t)length, error);
    free(text);
    if (fine && ferror(stdin)) {
        hpt_error_set_errno(error, errno, "standard input");
        return false;
    }
    return fine;
}

/* ---- the command line ---- */

static bool take_arguments(Tell *tell, char **argv, GError **error)
{
    GError *problem = NULL;
    if (!opt_failed && !opt_release && !opt_alive) {
        g_auto(HptTellLine) line = {0};
        HptTellFate told = HPT_TOLD_RECORDED;
        bool fine = hpt_tell_line_from_words((const char *const *)argv, &line, &problem) &&
                    tell_line(tell, &line, &told, &problem);
        if (fine && told == HPT_TOLD_STOP)
            tell->status = HPT_EXIT_STOP;
        return fine || go_on(tell, problem, error);
    }
    for (; *argv != NULL; argv++)
        if (!tell_id(tell, *argv, &problem) && !go_on(tell, g_steal_pointer(&problem), error))
            return false;
    return true;
}

/* Before the first is told of, which cannot be taken back: the rest may be an option that came too late. */
static bool check_ids(char **ids, GError **error)
{
    for (; *ids != NULL; ids++) {
        g_autofree char *study = NULL;
        int64_t number = 0;
        int attempt = 0;
        if (!hpt_asked_parse(*ids, &study, &number, &attempt, error))
            return false;
    }
    return true;
}

static bool check_use(char **argv, Tell *tell, GError **error)
{
    const char *wrong = opt_failed + opt_release + opt_alive > 1 ? "--failed, --release and --alive exclude each other"
                        : opt_cause != NULL && !opt_failed       ? "--cause without --failed"
                        : opt_lease != NULL && !opt_alive        ? "--lease without --alive"
                        : opt_study != NULL && !g_utf8_validate(opt_study, -1, NULL)  ? "--study is not UTF-8"
                        : argv[0] == NULL && (opt_failed || opt_release || opt_alive) ? "which trials?"
                        : opt_cause != NULL && !g_utf8_validate(opt_cause, -1, NULL)  ? "--cause is not UTF-8"
                                                                                      : NULL;
    if (wrong != NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, wrong);
        return false;
    }
    if (!hpt_tool_span("lease", opt_lease, &tell->lease_us, error) ||
        !hpt_tool_span("db-wait", opt_db_wait, &tell->patience_us, error))
        return false;
    if (opt_lease != NULL && (tell->lease_us < HPT_ASK_LEASE_MIN_US || tell->lease_us > HPT_ASK_LEASE_MAX_US)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--lease is from one second to a year, not '%s'", opt_lease);
        return false;
    }
    return (!opt_failed && !opt_release && !opt_alive) || check_ids(argv, error);
}

static int run(int argc G_GNUC_UNUSED, char **argv, GError **error)
{
    Tell tell = {.status = HPT_EXIT_OK};
    if (!check_use(argv, &tell, error))
        return HPT_EXIT_USAGE;
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    const char *variable = g_getenv("HPT_STUDY");
    HptTellerOptions teller_options = {
        .open = {.dsn = opt_dsn,
                 .directory = opt_directory,
                 .application_name = "hpt-tell",
                 .role = HPT_ROLE_WRITER,
                 .note = opt_quiet ? NULL : hpt_tool_note_once},
        .study = opt_study != NULL ? opt_study : variable != NULL && *variable != '\0' ? variable : NULL,
        .patience_us = tell.patience_us,
    };
    g_autoptr(HptTeller) teller = hpt_teller_new(&teller_options, notes, error);
    if (teller == NULL)
        return HPT_EXIT_TOOL;
    tell.teller = teller;
    tell.notes = notes;
    say_notes(&tell);
    bool fine = argv[0] != NULL ? take_arguments(&tell, argv, error) : take_input(&tell, error);
    g_strfreev(tell.header);
    size_t refused = 0;
    if (fine && tell.status == HPT_EXIT_USAGE && hpt_teller_owed(teller) == 0)
        return tell.status;
    if (!fine || !hpt_teller_end(teller, &refused, notes, error))
        return HPT_EXIT_TOOL;
    say_notes(&tell);
    return refused > 0 && tell.status == HPT_EXIT_OK ? HPT_EXIT_NO : tell.status;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-tell",
                                 "[OPTION]... ID [step=N] NAME=VALUE...\n   or: hpt-tell [OPTION]... --failed|--release|--alive ID...\n"
                                 "   or: hpt-tell [OPTION]... <RESULTS",
                                 "the results and reports of trials that hpt-ask gave out", options, run};
    return hpt_tool_main(&tool, argc, argv);
}
