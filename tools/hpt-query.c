/* hpt-query: what the record says, as tables and as SQL. */
#include "query.h"
#include "tool.h"

#include "base/number.h"
#include "db/project.h"
#include "show/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

#define DEFAULT_TIMEOUT_US (5 * 60 * INT64_C(1000000))

static gboolean opt_studies, opt_trials, opt_failures, opt_metrics, opt_workers, opt_psql, opt_importance;
static gboolean opt_expanded, opt_long, opt_all_columns, opt_all_rows, opt_best, opt_recommend, opt_pareto;
static gboolean opt_show_sql, opt_no_header, opt_null, opt_fail_empty, opt_quiet, opt_verbose;
static char *opt_study, *opt_curve, *opt_where, *opt_file, *opt_format, *opt_output, *opt_dsn;
static char *opt_directory, *opt_color, *opt_timeout, *opt_watch, *opt_top, *opt_precision;
static char **opt_columns, **opt_sort;

static const GOptionEntry options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &opt_study,
     "the study; without it the only one, or the last active one", "NAME"},
    {"studies", 0, 0, G_OPTION_ARG_NONE, &opt_studies,
     "one row per study; what hpt-query does when nothing is asked for", NULL},
    {"trials", 0, 0, G_OPTION_ARG_NONE, &opt_trials,
     "one row per trial with its metrics and parameters; implied by -s and by what concerns trials",
     NULL},
    {"failures", 0, 0, G_OPTION_ARG_NONE, &opt_failures,
     "why attempts failed or were lost, one row per cause", NULL},
    {"metrics", 0, 0, G_OPTION_ARG_NONE, &opt_metrics,
     "one row per metric: direction, bound, range, where it came from", NULL},
    {"curve", 0, 0, G_OPTION_ARG_STRING, &opt_curve,
     "the reported steps of a trial: a number, best, last, @first-failed …", "TRIAL"},
    {"workers", 0, 0, G_OPTION_ARG_NONE, &opt_workers, "the hpt-run processes of a study", NULL},
    {"importance", 0, 0, G_OPTION_ARG_NONE, &opt_importance,
     "how much of each objective's variation each parameter accounts for; -c names other metrics", NULL},
    {"where", 'w', 0, G_OPTION_ARG_STRING, &opt_where,
     "only rows for which this SQL expression over the columns is true", "EXPR"},
    {"column", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &opt_columns, "show this column; repeat for more",
     "NAME"},
    {"sort", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_sort,
     "order by this column, downwards with a - before it; repeat for ties", "[-]COLUMN"},
    {"top", 0, 0, G_OPTION_ARG_STRING, &opt_top,
     "the N best complete and feasible trials by the first objective", "N"},
    {"best", 0, 0, G_OPTION_ARG_NONE, &opt_best, "the best complete and feasible trial", NULL},
    {"recommend", 0, 0, G_OPTION_ARG_NONE, &opt_recommend,
     "the trial to prefer where values are noisy, with what a model expects of it", NULL},
    {"pareto", 0, 0, G_OPTION_ARG_NONE, &opt_pareto,
     "the feasible trials that no other beats in all objectives", NULL},
    {"expanded", 'x', 0, G_OPTION_ARG_NONE, &opt_expanded,
     "a table with a line per value instead of a line per row", NULL},
    {"long", 0, 0, G_OPTION_ARG_NONE, &opt_long, "one fact a row: trial, name, value", NULL},
    {"all-columns", 0, 0, G_OPTION_ARG_NONE, &opt_all_columns,
     "in tables, also the columns that are constant or secondary", NULL},
    {"all-rows", 0, 0, G_OPTION_ARG_NONE, &opt_all_rows,
     "in tables, also what comes after the first 200 rows", NULL},
    {"watch", 0, 0, G_OPTION_ARG_STRING, &opt_watch,
     "show it again every so many seconds, until Ctrl-C", "SEC"},
    {"show-sql", 0, 0, G_OPTION_ARG_NONE, &opt_show_sql,
     "print the SQL statement instead of running it", NULL},
    {"file", 'F', 0, G_OPTION_ARG_FILENAME, &opt_file,
     "run the SQL statement in this file; - is standard input", "FILE"},
    {"psql", 0, 0, G_OPTION_ARG_NONE, &opt_psql,
     "open psql on the record, read-only; arguments are handed on", NULL},
    {"timeout", 0, 0, G_OPTION_ARG_STRING, &opt_timeout,
     "stop a statement after this time; 5m unless given, 0 is never", "DURATION"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &opt_format,
     "table, tsv, csv, jsonl, json, md or env; table on a terminal, else tsv", "FORMAT"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &opt_output,
     "write to this file, which appears when it is complete; - is standard output", "FILE"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &opt_no_header, "no line with the column names", NULL},
    {"null", 'z', 0, G_OPTION_ARG_NONE, &opt_null, "end records with NUL instead of a line end",
     NULL},
    {"precision", 0, 0, G_OPTION_ARG_STRING, &opt_precision,
     "significant digits of reals in tables; 6 unless given, 17 shows all", "N"},
    {"color", 0, 0, G_OPTION_ARG_STRING, &opt_color, "auto, always or never", "WHEN"},
    {"fail-empty", 0, 0, G_OPTION_ARG_NONE, &opt_fail_empty, "exit with 1 if there is no row",
     NULL},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "the database, instead of the project's", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory,
     "look for the project from this folder upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no notes on standard error", NULL},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &opt_verbose,
     "say on standard error which database is asked, and what", NULL},
    G_OPTION_ENTRY_NULL,
};

/* Everything that the options say, once checked. */
typedef struct {
    QueryWant want;
    QueryPrint print;
    HptTerminal terminal;
    int64_t watch_us; /* 0: once */
    char *sql;        /* read from -F or standard input; owned */
} Request;

static void request_clear(Request *request)
{
    g_free(request->sql);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, request_clear)

static bool fail_usage(GError **error, const char *message)
{
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, message);
    return false;
}

/* ---- options ---- */

static bool read_count(const char *text, const char *option, int *out, GError **error)
{
    int64_t value = 0;
    if (text == NULL)
        return true;
    if (!hpt_integer_parse(text, &value) || value < 1 || value > 1000000000) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s=%s: not a whole number from 1 upwards",
                    option, text);
        return false;
    }
    *out = (int)value;
    return true;
}

static bool read_span(const char *text, const char *option, int64_t *out, GError **error)
{
    if (hpt_duration_parse(text, out, error))
        return true;
    g_prefix_error(error, "%s: ", option);
    return false;
}

/* Standard input or a file as one statement. */
static char *read_sql(const char *path, GError **error)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL) {
        hpt_error_set_errno(error, errno, "%s", path);
        return NULL;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[65536];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        g_string_append_len(text, buffer, (gssize)n);
    bool failed = ferror(file) != 0;
    int errnum = errno;
    if (!standard)
        fclose(file);
    const char *name = standard ? "standard input" : path;
    if (failed) {
        hpt_error_set_errno(error, errnum, "%s", name);
        return NULL;
    }
    if (!g_utf8_validate(text->str, (gssize)text->len, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: not UTF-8 text", name);
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool ranks(void)
{
    return opt_best || opt_recommend || opt_pareto || opt_top != NULL;
}

/* Which mode the options name; at most one. */
static bool choose_mode(int argc, QueryMode *mode, GError **error)
{
    const struct {
        bool set;
        QueryMode mode;
    } modes[] = {{opt_studies, QUERY_STUDIES},     {opt_trials, QUERY_TRIALS},
                 {opt_failures, QUERY_FAILURES},   {opt_metrics, QUERY_METRICS},
                 {opt_curve != NULL, QUERY_CURVE}, {opt_workers, QUERY_WORKERS},
                 {opt_importance, QUERY_IMPORTANCE},
                 {opt_file != NULL, QUERY_SQL},    {argc > 0 || opt_psql, QUERY_SQL}};
    int given = 0;
    if (opt_psql && opt_watch != NULL)
        return fail_usage(error, "--watch does not go with --psql, which has \\watch");
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
        if (modes[i].set) {
            given++;
            *mode = modes[i].mode;
        }
    if (given > 1)
        return fail_usage(error, "only one of --studies, --trials, --failures, --metrics, --curve, "
                                 "--workers, --importance, --psql, -F and SQL at a time");
    bool about_trials = ranks() || opt_long;
    bool any = about_trials || opt_study != NULL || opt_where != NULL || opt_columns != NULL ||
               opt_sort != NULL;
    if (given == 0)
        *mode = any ? QUERY_TRIALS : QUERY_STUDIES;
    if (about_trials && *mode != QUERY_TRIALS)
        return fail_usage(error, "--top, --best, --recommend, --pareto and --long go with --trials");
    if (*mode == QUERY_IMPORTANCE && opt_sort != NULL)
        return fail_usage(error, "--sort does not go with --importance, whose rows go by metric and share");
    if (*mode == QUERY_SQL && any)
        return fail_usage(error, "-s, -w, -c and --sort do not change SQL of your own\n"
                                 "hint: --show-sql prints a statement to begin with");
    return true;
}

static bool read_want(int argc, char **argv, Request *request, GError **error)
{
    QueryWant *want = &request->want;
    if (!choose_mode(argc, &want->mode, error) || !read_count(opt_top, "--top", &want->top, error))
        return false;
    if (opt_best + opt_recommend + opt_pareto + (opt_top != NULL) > 1)
        return fail_usage(error, "only one of --top, --best, --recommend and --pareto at a time");
    if (argc > 1)
        return fail_usage(error, "SQL is one argument\nhint: put it in quotes; options come first");
    if (want->mode == QUERY_SQL) {
        bool read = opt_file != NULL || strcmp(argv[0], "-") == 0;
        request->sql =
            read ? read_sql(opt_file != NULL ? opt_file : "-", error) : g_strdup(argv[0]);
        if (request->sql == NULL)
            return false;
        if (request->sql[strspn(request->sql, " \t\r\n;")] == '\0')
            return fail_usage(error, "there is no SQL statement to run");
        want->sql = request->sql;
    }
    want->study = opt_study;
    want->curve = opt_curve;
    want->where = opt_where;
    want->columns = opt_columns;
    want->sort = opt_sort;
    want->best = opt_best;
    want->recommend = opt_recommend;
    want->pareto = opt_pareto;
    want->long_form = opt_long;
    want->all_columns = opt_all_columns;
    return true;
}

static bool read_format(Request *request, HptShow *show, GError **error)
{
    bool to_terminal = request->terminal.tty && opt_output == NULL;
    show->format = to_terminal || opt_expanded ? HPT_FORMAT_TABLE : HPT_FORMAT_TSV;
    if (opt_format != NULL && !hpt_format_parse(opt_format, &show->format, error))
        return false;
    if (opt_expanded && show->format != HPT_FORMAT_TABLE)
        return fail_usage(error, "-x goes with the table format");
    show->no_header = opt_no_header;
    show->null_ends = opt_null;
    show->expanded = opt_expanded;
    show->utf8 = request->terminal.utf8;
    show->width = to_terminal ? request->terminal.width : 0;
    show->color = opt_output == NULL && request->terminal.color;
    show->hide_constant =
        request->want.mode != QUERY_SQL && (opt_columns == NULL || opt_importance) && !opt_all_columns;
    return true;
}

static bool read_print(Request *request, GError **error)
{
    QueryPrint *print = &request->print;
    HptColor color = HPT_COLOR_AUTO;
    if (opt_color != NULL && !hpt_color_parse(opt_color, &color, error))
        return false;
    request->terminal = hpt_terminal_look(STDOUT_FILENO, (const char *const *)environ, color);
    if (!read_format(request, &print->show, error) ||
        !read_count(opt_precision, "--precision", &print->show.precision, error))
        return false;
    print->timeout_us = DEFAULT_TIMEOUT_US;
    if (opt_timeout != NULL && strcmp(opt_timeout, "0") == 0)
        print->timeout_us = 0;
    else if (opt_timeout != NULL && !read_span(opt_timeout, "--timeout", &print->timeout_us, error))
        return false;
    request->want.timeout_us = print->timeout_us;
    if (opt_watch != NULL && !read_span(opt_watch, "--watch", &request->watch_us, error))
        return false;
    if (opt_watch != NULL && opt_output != NULL)
        return fail_usage(error, "--watch goes to standard output, not to a file");
    request->want.table =
        print->show.format == HPT_FORMAT_TABLE || print->show.format == HPT_FORMAT_MD;
    print->long_form = opt_long;
    bool limited = request->want.table && !opt_all_rows && !ranks();
    print->most_rows = limited ? QUERY_TABLE_ROWS : 0;
    return true;
}

/* ---- printing ---- */

typedef struct {
    HptDb *db;
    const QueryPlan *plan;
    const QueryPrint *print;
    int64_t rows;
    char *note;
} Printing;

static void printing_clear(Printing *printing)
{
    g_free(printing->note);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Printing, printing_clear)

static bool print_to_file(FILE *file, void *user, GError **error)
{
    Printing *p = user;
    return query_print(p->db, p->plan, p->print, hpt_sink_file, file, &p->rows, &p->note, error);
}

/* What was left out, and of which study this is: for people, after the data. */
static void print_notes(const Printing *p)
{
    int64_t most = (int64_t)p->print->most_rows;
    if (p->plan->study.chosen)
        hpt_tool_note("study '%s', the last active of %" G_GINT64_FORMAT
                      "; -s NAME chooses another",
                      p->plan->study.study, p->plan->study.count);
    if (p->plan->recommended != NULL)
        hpt_tool_note("%s", p->plan->recommended);
    if (p->plan->one_objective_of_several)
        hpt_tool_note("by the first of several objectives alone; --pareto takes all");
    if (p->rows < 0)
        hpt_tool_note("showing the first %" G_GINT64_FORMAT " rows; --all-rows shows all", most);
    else if (most > 0 && p->rows > most)
        hpt_tool_note("showing %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                      " rows; --all-rows shows all",
                      most, p->rows);
    if (p->note != NULL)
        hpt_tool_note("%s%s", p->note,
                      p->print->show.hide_constant ? "; --all-columns shows all" : "");
}

static bool is_long(const char *text, size_t height)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return height > 1 && lines > height - 1;
}

/* "" for none. */
static const char *get_pager(void)
{
    const char *pager = g_getenv("HPT_PAGER");
    if (pager == NULL)
        pager = g_getenv("PAGER");
    if (pager != NULL)
        return pager;
    g_autofree char *less = g_find_program_in_path("less");
    return less != NULL ? "less -FRSX" : "";
}

/* Output for a screen is text first: its length says whether a pager is wanted. */
static bool print_to_screen(const Request *request, Printing *p, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!query_print(p->db, p->plan, p->print, hpt_sink_string, text, &p->rows, &p->note, error))
        return false;
    const char *pager = get_pager();
    bool shown = false;
    if (*pager != '\0' && request->watch_us == 0 && is_long(text->str, request->terminal.height) &&
        !query_page(text->str, pager, &shown, error))
        return false;
    if (shown)
        return true;
    if (request->watch_us > 0 && request->terminal.tty)
        fputs("\033[H\033[J", stdout);
    fwrite(text->str, 1, text->len, stdout);
    return true;
}

static int print_once(const Request *request, HptDb *db, GError **error)
{
    g_autoptr(QueryPlan) plan = query_plan_new(db, &request->want, error);
    if (plan == NULL)
        return HPT_EXIT_TOOL;
    if (opt_show_sql) {
        printf("/* search_path: %s */\n%s;\n", QUERY_SEARCH_PATH, plan->sql);
        return HPT_EXIT_OK;
    }
    if (opt_verbose)
        hpt_tool_note("asking %s\n%s", hpt_db_peek_where(db), plan->sql);
    g_auto(Printing) p = {.db = db, .plan = plan, .print = &request->print};
    bool screen = opt_output == NULL &&
                  (request->watch_us > 0 || (request->terminal.tty && request->want.table));
    bool done = screen               ? print_to_screen(request, &p, error)
                : opt_output != NULL ? query_write_file(opt_output, print_to_file, &p, error)
                                     : print_to_file(stdout, &p, error);
    if (!done)
        return HPT_EXIT_TOOL;
    print_notes(&p);
    if (p.rows == 0 && (opt_best || opt_recommend)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_EXHAUSTED,
                    "study '%s': no trial%s is complete and feasible", plan->study.study,
                    opt_where != NULL ? " that -w takes" : "");
        return HPT_EXIT_NO;
    }
    return p.rows == 0 && opt_fail_empty ? HPT_EXIT_NO : HPT_EXIT_OK;
}

/* Until Ctrl-C, whose default action ends the tool with the status the shell expects. A server that
 * went away is asked for once more. */
static int watch(const Request *request, HptProject *project, GError **error)
{
    for (;;) {
        g_autoptr(GError) failed = NULL;
        HptDb *db = hpt_project_get_db(project);
        int status = print_once(request, db, &failed);
        if (failed != NULL && hpt_db_retry_class(failed) == HPT_RETRY_RECONNECT) {
            if (!hpt_project_reopen(project, error))
                return HPT_EXIT_TOOL;
            continue;
        }
        if (failed != NULL && failed->code != HPT_ERROR_EXHAUSTED) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return status;
        }
        if (fflush(stdout) != 0)
            return HPT_EXIT_TOOL;
        g_usleep((gulong)request->watch_us);
        if (!request->terminal.tty)
            putchar('\n');
    }
}

/* ---- psql ---- */

/* Becomes psql; returns only when that fails, with env(1)'s status. */
static int open_psql(HptProject *project, int argc, char **argv)
{
    g_autofree char *dsn = g_strdup(hpt_project_peek_dsn(project));
    const char *before = g_getenv("PGOPTIONS");
    g_autofree char *settings =
        g_strdup_printf("%s -c search_path=%s -c default_transaction_read_only=on",
                        before != NULL ? before : "", "hpt,hpt_study,public");
    g_autoptr(GPtrArray) command = g_ptr_array_new();
    g_ptr_array_add(command, (char *)"psql");
    g_ptr_array_add(command, (char *)"-d");
    g_ptr_array_add(command, dsn);
    for (int i = 0; i < argc; i++)
        g_ptr_array_add(command, argv[i]);
    g_ptr_array_add(command, NULL);
    setenv("PGOPTIONS", settings, 1);
    setenv("PGAPPNAME", "hpt-query --psql", 1);
    execvp("psql", (char **)command->pdata);
    int errnum = errno;
    fprintf(stderr, "hpt-query: psql: %s\n", g_strerror(errnum));
    return errnum == ENOENT ? HPT_EXIT_NO_COMMAND : HPT_EXIT_NOT_EXECUTABLE;
}

static void project_note(const char *text)
{
    hpt_tool_note("%s", text);
}

static int run(int argc, char **argv, GError **error)
{
    g_auto(Request) request = {0};
    if (opt_output != NULL && strcmp(opt_output, "-") == 0)
        g_clear_pointer(&opt_output, g_free);
    if (opt_psql ? !choose_mode(0, &request.want.mode, error)
                 : !read_want(argc, argv, &request, error) || !read_print(&request, error))
        return HPT_EXIT_USAGE;
    const HptProjectOptions project_options = {
        .dsn = opt_dsn,
        .directory = opt_directory,
        .application_name = "hpt-query",
        .role = HPT_ROLE_READER,
        .note = project_note,
    };
    g_autoptr(HptProject) project = hpt_project_open(&project_options, error);
    if (project == NULL)
        return HPT_EXIT_DATABASE;
    if (opt_psql)
        return open_psql(project, argc, argv);
    HptDb *db = hpt_project_get_db(project);
    /* The server's own limit speaks first; this one notices a server that does not answer at all.
     */
    hpt_db_set_timeout(
        db, request.print.timeout_us > 0 ? request.print.timeout_us + 30 * INT64_C(1000000) : 0);
    return request.watch_us > 0 ? watch(&request, project, error) : print_once(&request, db, error);
}

static const HptTool tool = {"hpt-query", "[OPTION]... [SQL | -]",
                             "show studies, trials and metrics, or the answer to any SQL query",
                             options, run};

int main(int argc, char **argv)
{
    return hpt_tool_main(&tool, argc, argv);
}
