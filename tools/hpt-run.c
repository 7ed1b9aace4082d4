/* hpt-run: search, resume, join; supervise the trials. */
#include "config.h"

#include "base/number.h"
#include "base/text.h"
#include "record/environment.h"
#include "show/terminal.h"
#include "study/worker.h"
#include "tools/run_show.h"
#include "tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- options ---- */

static char *study_name, *total_text, *more_text, *time_text, *jobs_text, *sampler, *seed_text;
static char *timeout_text, *grace_text, *retry_text, *space_file, *stdin_text, *chdir_text;
static char *cap_text, *failures_text, *print_text, *format_text, *progress_text, *color_text;
static char *dsn, *directory;
static char **metrics, **params, **points;
static gboolean shell, allow_unused, extend, no_default_trial, no_header, dry_run, quiet, verbose;

static const GOptionEntry options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &study_name, "name of the study (the command's base name)", "NAME"},
    {"total", 't', 0, G_OPTION_ARG_STRING, &total_text, "trials in all: the same line again resumes", "N"},
    {"more", 0, 0, G_OPTION_ARG_STRING, &more_text, "trials beyond those there are", "N"},
    {"time", 'T', 0, G_OPTION_ARG_STRING, &time_text, "start no trial after this time (90s, 30m, 8h)", "DURATION"},
    {"jobs", 'j', 0, G_OPTION_ARG_STRING, &jobs_text, "trials at a time (1)", "N"},
    {"metric", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &metrics, "NAME[:min|max|track|le=V|ge=V][:SOURCE], repeatable", "METRIC"},
    {"sampler", 0, 0, G_OPTION_ARG_STRING, &sampler, "random, sobol, grid[:points=N] (random)", "NAME"},
    {"seed", 0, 0, G_OPTION_ARG_STRING, &seed_text, "seed of the study (chosen at random)", "N"},
    {"space", 0, 0, G_OPTION_ARG_FILENAME, &space_file, "file of the search space, see hpt-space(5)", "FILE"},
    {"param", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &params, "one statement of the search space, repeatable", "STATEMENT"},
    {"point", 0, 0, G_OPTION_ARG_STRING_ARRAY, &points, "a configuration to try first, as JSON, repeatable", "JSON"},
    {"no-default-trial", 0, 0, G_OPTION_ARG_NONE, &no_default_trial, "do not begin with the default configuration", NULL},
    {"extend", 0, 0, G_OPTION_ARG_NONE, &extend, "let the space of an existing study be widened", NULL},
    {"shell", 'S', 0, G_OPTION_ARG_NONE, &shell, "run the command by sh -c", NULL},
    {"allow-unused", 0, 0, G_OPTION_ARG_NONE, &allow_unused, "parameters need not appear in the command", NULL},
    {"stdin", 0, 0, G_OPTION_ARG_STRING, &stdin_text, "what a trial reads: null or json (null)", "WHAT"},
    {"chdir", 0, 0, G_OPTION_ARG_STRING, &chdir_text, "where a trial runs: caller or trial (caller)", "WHERE"},
    {"timeout", 0, 0, G_OPTION_ARG_STRING, &timeout_text, "end a trial after this time", "DURATION"},
    {"grace", 0, 0, G_OPTION_ARG_STRING, &grace_text, "between TERM and KILL (10s)", "DURATION"},
    {"output-cap", 0, 0, G_OPTION_ARG_STRING, &cap_text, "bytes kept of each output stream (16M)", "SIZE"},
    {"retry", 0, 0, G_OPTION_ARG_STRING, &retry_text, "trials to run again: lost, failed or none (lost)", "WHICH"},
    {"max-failures", 0, 0, G_OPTION_ARG_STRING, &failures_text, "stop if so many trials fail before one succeeds, 0: never (10)", "N"},
    {"print", 0, 0, G_OPTION_ARG_STRING, &print_text, "records on stdout: best, all or none (best)", "WHAT"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &format_text, "table, tsv, csv, jsonl, json, md, env (table on a terminal, else tsv)", "FMT"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &no_header, "no header line", NULL},
    {"progress", 0, 0, G_OPTION_ARG_STRING, &progress_text, "auto, bar, plain or none (auto: bar on a terminal)", "HOW"},
    {"color", 0, 0, G_OPTION_ARG_STRING, &color_text, "auto, always or never (auto)", "WHEN"},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &dsn, "database, instead of that of .hpt", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &directory, "look for .hpt from here upwards", "DIR"},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run, "show the first commands and run nothing", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "no notes, no progress", NULL},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "one line per finished trial", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
    int64_t total, more; /* -1: not given */
    int64_t time_us;     /* 0: not given */
    int jobs;
    uint64_t seed;
    int64_t timeout_us, grace_us, output_cap, max_failures;
    HptRetryTrials retry;
    RunProgress progress;
    bool print_all, print_best, stdin_json, chdir_trial;
    HptShow show;
} Settings;

static bool parse_whole(const char *name, const char *text, int64_t least, int64_t most,
                        int64_t *out, GError **error)
{
    if (text == NULL)
        return true;
    int64_t value = 0;
    if (!hpt_integer_parse(text, &value) || value < least || value > most) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--%s takes a whole number from %" PRId64 " to %" PRId64 ", not '%s'", name,
                    least, most, text);
        return false;
    }
    *out = value;
    return true;
}

static bool parse_span(const char *name, const char *text, int64_t *out, GError **error)
{
    if (text == NULL || hpt_duration_parse(text, out, error))
        return true;
    g_prefix_error(error, "--%s: ", name);
    return false;
}

/* Sets *out to the index of text in words. */
static bool parse_choice(const char *name, const char *text, const char *const *words, int *out,
                         GError **error)
{
    if (text == NULL)
        return true;
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
    g_autofree char *list = g_strjoinv(", ", (char **)words);
    const char *near = hpt_suggest(text, words);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--%s: unknown '%s'; did you mean '%s'?",
                    name, text, near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--%s: unknown '%s'; it is one of %s", name,
                    text, list);
    return false;
}

static bool parse_numbers(Settings *settings, GError **error)
{
    int64_t jobs = 1, seed = 0;
    *settings = (Settings){
        .total = -1,
        .more = -1,
        .grace_us = HPT_RUN_GRACE_US,
        .output_cap = HPT_CAPTURE_CAP,
        .max_failures = 10,
    };
    if (!parse_whole("total", total_text, 0, INT64_C(1) << 53, &settings->total, error) ||
        !parse_whole("more", more_text, 0, INT64_C(1) << 53, &settings->more, error) ||
        !parse_whole("jobs", jobs_text, 1, 4096, &jobs, error) ||
        !parse_whole("seed", seed_text, 0, (INT64_C(1) << 53) - 1, &seed, error) ||
        !parse_whole("max-failures", failures_text, 0, INT64_MAX, &settings->max_failures, error) ||
        !parse_span("time", time_text, &settings->time_us, error) ||
        !parse_span("timeout", timeout_text, &settings->timeout_us, error) ||
        !parse_span("grace", grace_text, &settings->grace_us, error))
        return false;
    if (cap_text != NULL && !hpt_size_parse(cap_text, &settings->output_cap, error)) {
        g_prefix_error(error, "--output-cap: ");
        return false;
    }
    if (settings->total >= 0 && settings->more >= 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--total and --more exclude each other");
        return false;
    }
    settings->jobs = (int)jobs;
    settings->seed = (uint64_t)seed;
    return true;
}

static bool parse_words(Settings *settings, GError **error)
{
    static const char *const retries[] = {"lost", "failed", "none", NULL};
    static const char *const prints[] = {"best", "all", "none", NULL};
    static const char *const progresses[] = {"auto", "bar", "plain", "none", NULL};
    static const char *const inputs[] = {"null", "json", NULL};
    static const char *const places[] = {"caller", "trial", NULL};
    int retry = 0, print = 0, progress = 0, input = 0, place = 0;
    if (!parse_choice("retry", retry_text, retries, &retry, error) ||
        !parse_choice("print", print_text, prints, &print, error) ||
        !parse_choice("progress", progress_text, progresses, &progress, error) ||
        !parse_choice("stdin", stdin_text, inputs, &input, error) ||
        !parse_choice("chdir", chdir_text, places, &place, error))
        return false;
    settings->retry = (HptRetryTrials)retry;
    settings->print_best = print == 0;
    settings->print_all = print == 1;
    settings->stdin_json = input == 1;
    settings->chdir_trial = place == 1;
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    if (quiet || progress == 3)
        settings->progress = RUN_PROGRESS_NONE;
    else if (progress == 2 || (progress == 0 && verbose))
        settings->progress = RUN_PROGRESS_PLAIN;
    else if (progress == 1 || on_terminal)
        settings->progress = RUN_PROGRESS_BAR;
    return true;
}

static bool parse_show(Settings *settings, GError **error)
{
    HptColor color = HPT_COLOR_AUTO;
    if (color_text != NULL && !hpt_color_parse(color_text, &color, error))
        return false;
    HptTerminal terminal = hpt_terminal_look(STDOUT_FILENO, (const char *const *)environ, color);
    settings->show = (HptShow){
        .format = terminal.tty ? HPT_FORMAT_TABLE : HPT_FORMAT_TSV,
        .no_header = no_header,
        .width = terminal.width,
        .utf8 = terminal.utf8,
        .color = terminal.color,
    };
    /* Records that come one by one have no widths to be aligned to. */
    if (settings->print_all && settings->show.format == HPT_FORMAT_TABLE)
        settings->show.format = HPT_FORMAT_TSV;
    return format_text == NULL || hpt_format_parse(format_text, &settings->show.format, error);
}

/* ---- the definition on the command line ---- */

static bool add_space_file(HptSpaceBuilder *builder, GError **error)
{
    if (space_file == NULL)
        return true;
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) local = NULL;
    if (!g_file_get_contents(space_file, &text, &length, &local)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--space: %s", local->message);
        return false;
    }
    if (strlen(text) != length) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: holds a NUL byte", space_file);
        return false;
    }
    return hpt_space_builder_add_text(builder, space_file, text, error);
}

/* Is the word in front of a "--" a statement in the long spelling, such as 'C real [0, 1]' or
 * '{a=x, b=y}'? Without a "--" behind it, it is the command. */
static bool is_long_statement(char **word)
{
    if ((*word)[0] != '{' && strchr(*word, ' ') == NULL)
        return false;
    while (*word != NULL && strcmp(*word, "--") != 0)
        word++;
    return *word != NULL;
}

/* Takes the statements in front of the command; *command is what follows (may be empty). */
static HptSpace *parse_space(char **argv, char ***command, bool *given, GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    *given = space_file != NULL || params != NULL;
    if (!add_space_file(builder, error))
        return NULL;
    for (char **param = params; param != NULL && *param != NULL; param++)
        if (!hpt_space_builder_add_statement(builder, "--param", *param, error))
            return NULL;
    for (; *argv != NULL && strcmp(*argv, "--") != 0 &&
           (hpt_space_is_short(*argv) || is_long_statement(argv));
         argv++) {
        *given = true;
        if (!hpt_space_builder_add_argument(builder, hpt_tool_position(argv), *argv, error))
            return NULL;
    }
    *command = *argv != NULL && strcmp(*argv, "--") == 0 ? argv + 1 : argv;
    HptSpace *space = hpt_space_builder_end(builder, error);
    if (space != NULL)
        for (const char *const *note = hpt_space_get_notes(space); *note != NULL; note++)
            hpt_tool_note("%s", *note);
    return space;
}

/* A first word that is a plain name must be there: better said now than by every trial. */
static bool check_command(const HptDefinition *definition, GError **error)
{
    const char *word = definition->command[0];
    if (definition->shell || strchr(word, '{') != NULL)
        return true;
    GError *none = NULL;
    if (hpt_check_program(word, g_getenv("PATH"), NULL, &none))
        return true;
    g_set_error(error, HPT_ERROR, none->code, "%s%s", none->message,
                strchr(word, ' ') != NULL
                    ? "\nhint: a command line in one word is for the shell: add -S"
                    : "");
    g_error_free(none);
    return false;
}

static HptDefinition *parse_definition(const Settings *settings, const HptSpace *space,
                                       char **command, GError **error)
{
    HptDefinitionInput input = {
        .command = (const char *const *)command,
        .shell = shell,
        .allow_unused = allow_unused,
        .stdin_json = settings->stdin_json,
        .chdir_trial = settings->chdir_trial,
        .no_default_trial = no_default_trial,
        .space = space,
        .metrics = (const char *const *)metrics,
        .points = (const char *const *)points,
        .sampler = sampler,
        .seed = seed_text != NULL ? &settings->seed : NULL,
        .timeout_us = settings->timeout_us,
        .grace_us = settings->grace_us,
        .output_cap = settings->output_cap,
    };
    g_autoptr(HptDefinition) definition = hpt_definition_new(&input, error);
    if (definition == NULL || !check_command(definition, error))
        return NULL;
    if (hpt_space_size(space) + hpt_metrics_size(definition->metrics) > HPT_WIDE_COLUMNS)
        hpt_tool_note("the study's own view shows the first %d metrics and parameters; all are in "
                      "hpt.metric and hpt.param",
                      HPT_WIDE_COLUMNS);
    const char *remark = hpt_template_get_note(definition->template);
    if (remark != NULL)
        hpt_tool_note("%s", remark);
    if (hpt_metrics_objectives(definition->metrics) == 0)
        hpt_tool_note("no -m to minimise or maximise: every trial that ends with status 0 is as "
                      "good as any");
    return g_steal_pointer(&definition);
}

/* ---- --dry-run ---- */

static bool print_commands(const HptDefinition *definition, const Settings *settings,
                           GError **error)
{
    enum { SHOWN = 3 };
    HptSearch search;
    g_autoptr(HptSampler) trials = hpt_definition_sampler(definition, &search, error);
    if (trials == NULL)
        return false;
    int64_t n = settings->total >= 0 ? MIN(settings->total, SHOWN) : SHOWN;
    if (hpt_sampler_total(trials) >= 0)
        n = MIN(n, hpt_sampler_total(trials));
    for (int64_t number = 0; number < n; number++) {
        HptSlot slot = {.number = number, .definition = definition};
        slot.directory = g_strdup_printf(".hpt/trials/%" PRId64, number);
        bool proposed = hpt_slot_propose(&slot, trials, NULL, 0, error);
        g_auto(GStrv) argv = proposed ? hpt_slot_expand(&slot, error) : NULL;
        g_clear_pointer(&slot.directory, g_free);
        hpt_slot_clear(&slot);
        if (argv == NULL)
            return false;
        for (char **word = argv; *word != NULL; word++) {
            g_autofree char *quoted = hpt_text_shell_quote(*word);
            printf("%s%s", quoted, word[1] != NULL ? " " : "\n");
        }
    }
    return true;
}

/* ---- the study ---- */

static bool compare(HptDb *db, HptStudy *study, HptDefinition *steal_given, GError **error)
{
    g_autoptr(HptDefinition) given = steal_given;
    bool extendable = false;
    g_autofree char *difference =
        hpt_definition_difference(study->definition, given, sampler != NULL, seed_text != NULL,
                                  &extendable);
    if (difference == NULL)
        return true;
    if (extend && extendable) {
        HptDefinition *next = hpt_definition_extend(study->definition, given, error);
        return next != NULL && hpt_study_extend(db, study, next, error);
    }
    g_strchomp(difference);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "study '%s' is there already and differs:\n%s\nhint: %sgive this one another name "
                "with -s NEWNAME",
                study->name, difference,
                extendable ? "--extend makes it a new version of the study; or " : "");
    return false;
}

/* How far this run goes: -t, --more, or what the study says. -1: no end. */
static bool settle_total(const Settings *settings, HptDb *db, const HptStudy *study,
                         int64_t *total, GError **error)
{
    *total = settings->total >= 0 ? settings->total : study->total;
    if (settings->more < 0)
        return true;
    HptStudyCounts counts;
    if (!hpt_study_counts(db, study->name, &counts, error))
        return false;
    *total = counts.trials + settings->more;
    return true;
}

static bool has_end(const Settings *settings, const HptDefinition *definition, int64_t total,
                    GError **error)
{
    if (total >= 0 || settings->total >= 0 || settings->more >= 0 || settings->time_us > 0)
        return true;
    HptSearch search;
    g_autoptr(HptSampler) trials = hpt_definition_sampler(definition, &search, error);
    if (trials == NULL)
        return false;
    if (hpt_sampler_total(trials) >= 0)
        return true;
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "how long? give -t TOTAL or -T DURATION");
    return false;
}

/* The study to work on: found, made, or extended. */
static HptStudy *open_study(const Settings *settings, HptDb *db, const char *name,
                            HptDefinition *steal_given, GError **error)
{
    g_autoptr(HptDefinition) given = steal_given;
    g_autoptr(HptStudy) study = NULL;
    if (given == NULL)
        study = hpt_study_open(db, name, error);
    else if (!hpt_study_find(db, name, &study, error))
        return NULL;
    else if (study == NULL) {
        int64_t total = settings->more >= 0 ? settings->more : settings->total;
        if (!has_end(settings, given, total, error))
            return NULL;
        g_autoptr(HptDefinition) copy =
            hpt_definition_parse(given->canonical, strlen(given->canonical), error);
        if (copy == NULL)
            return NULL;
        study = hpt_study_create(db, name, total, g_steal_pointer(&copy), error);
    }
    if (study == NULL)
        return NULL;
    /* One that somebody else made at this moment is compared like any other. */
    if (given != NULL && !compare(db, study, g_steal_pointer(&given), error))
        return NULL;
    return g_steal_pointer(&study);
}

/* ---- signals ---- */

static volatile sig_atomic_t interrupts, line_requests, last_signal;

static void on_signal(int signal)
{
    last_signal = signal;
    if (signal == SIGUSR1) {
        line_requests++;
        return;
    }
    /* A scheduler's TERM comes once and means: end in good order, now. */
    int step = signal == SIGINT ? 1 : 2;
    interrupts = MIN(interrupts + step, 3);
}

/* Blocks the signals but while waiting; *waiting is the mask for that. */
static void catch_signals(sigset_t *waiting)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1};
    sigset_t blocked;
    sigemptyset(&blocked);
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        struct sigaction old;
        /* nohup and background jobs of sh ignore them: that stays so. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        sigaddset(&blocked, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    /* Errors of write instead: trials get their defaults back. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigprocmask(SIG_BLOCK, &blocked, waiting);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sigdelset(waiting, signals[i]);
}

/* ---- the end ---- */

/* The best trial as hpt-query shows it: one place decides how. */
static bool print_best(const HptStudy *study, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    size_t objectives = hpt_metrics_objectives(study->definition->metrics);
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self == NULL ? g_strdup(HPT_BINDIR) : g_path_get_dirname(self);
    g_autofree char *program = g_build_filename(folder, "hpt-query", NULL);
    g_ptr_array_add(argv, program);
    g_ptr_array_add(argv, (char *)"-q");
    g_ptr_array_add(argv, (char *)"-s");
    g_ptr_array_add(argv, study->name);
    g_ptr_array_add(argv, (char *)(objectives > 1 ? "--pareto" : "--best"));
    char *pairs[][2] = {{(char *)"-d", dsn}, {(char *)"-C", directory},
                        {(char *)"-f", format_text}, {(char *)"--color", color_text}};
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (pairs[i][1] != NULL) {
            g_ptr_array_add(argv, pairs[i][0]);
            g_ptr_array_add(argv, pairs[i][1]);
        }
    if (no_header)
        g_ptr_array_add(argv, (char *)"-H");
    g_ptr_array_add(argv, NULL);
    pid_t pid = 0;
    int status = 0;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int errnum = posix_spawn(&pid, program, NULL, &attributes, (char **)argv->pdata, environ);
    posix_spawnattr_destroy(&attributes);
    if (errnum != 0) {
        hpt_error_set_errno(error, errnum, "cannot run '%s'", program);
        return false;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) > HPT_EXIT_NO) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "hpt-query could not print the best trial");
        return false;
    }
    return true;
}

static int exit_status(HptWorkerEnd end)
{
    switch (end) {
    case HPT_WORKER_INTERRUPTED:
        return HPT_EXIT_SIGNAL + (last_signal == 0 ? SIGINT : (int)last_signal);
    case HPT_WORKER_FAILURES:
        return HPT_EXIT_FAILURES;
    case HPT_WORKER_DONE:
    case HPT_WORKER_TIME:
        break;
    }
    return HPT_EXIT_OK;
}

/* Room for the descriptors of so many trials: pipes, the report FIFO, the process, spooled output. */
static bool make_room(int jobs, GError **error)
{
    enum { EACH = 8, OURS = 64 };
    rlim_t wanted = (rlim_t)jobs * EACH + OURS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return true;
    if (limit.rlim_max < wanted) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--jobs=%d needs %d open files, and %d are allowed here\n"
                    "hint: fewer jobs, or a larger ulimit -n",
                    jobs, (int)wanted, (int)limit.rlim_max);
        return false;
    }
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    return true;
}

static void start_note(const char *text)
{
    hpt_tool_note("%s", text);
}

static int work(const Settings *settings, HptProject *project, HptStudy *study, int64_t total,
                GError **error)
{
    sigset_t waiting;
    catch_signals(&waiting);
    RunShowOptions show_options = {
        .project = project,
        .study = study,
        .total = total,
        .jobs = settings->jobs,
        .progress = settings->progress,
        .print_all = settings->print_all,
        .quiet = quiet,
        .format = settings->show,
        .interrupts = &interrupts,
        .requested = &line_requests,
    };
    g_autoptr(RunShow) show = run_show_new(&show_options);
    HptWorkerOptions worker = {
        .project = project,
        .study = study,
        .jobs = settings->jobs,
        .total = total,
        .stop_us = settings->time_us > 0 ? hpt_time_monotonic_us() + settings->time_us : INT64_MAX,
        .max_failures = settings->max_failures,
        .retry = settings->retry,
        .environment = (const char *const *)environ,
        .tool_version = PACKAGE_VERSION,
        .interrupts = &interrupts,
        .sigmask = &waiting,
        .on_event = run_show_event,
        .user = show,
    };
    HptWorkerEnd end = HPT_WORKER_DONE;
    if (!hpt_worker_run(&worker, &end, error) || !run_show_end(show, error))
        return HPT_EXIT_TOOL;
    if (run_show_reader_left(show))
        return HPT_EXIT_SIGNAL + SIGPIPE;
    if (end == HPT_WORKER_FAILURES)
        hpt_tool_note("stopped: the first %" PRId64 " trials failed; see hpt-query -s %s --failures",
                      settings->max_failures, study->name);
    int64_t best = -1;
    double value = 0;
    HptStudyCounts counts;
    HptDb *db = hpt_project_get_db(project);
    if (!hpt_study_best(db, study, &best, &value, error) ||
        !hpt_study_counts(db, study->name, &counts, error))
        return HPT_EXIT_DATABASE;
    fflush(stdout);
    if (settings->print_best && best >= 0 && !print_best(study, error))
        return HPT_EXIT_TOOL;
    if (counts.complete == 0 && counts.failed + counts.lost > 0 && exit_status(end) == HPT_EXIT_OK) {
        hpt_tool_note("no trial is complete; see hpt-query -s %s --failures", study->name);
        return HPT_EXIT_NO;
    }
    return exit_status(end);
}

/* The record is text, and a name is shown in every message. */
static bool check_name(const char *name, GError **error)
{
    const char *wrong = NULL;
    if (name[0] == '\0')
        wrong = "is empty";
    else if (!g_utf8_validate(name, -1, NULL))
        wrong = "is not UTF-8";
    else if (g_utf8_strlen(name, -1) > 200)
        wrong = "is longer than 200 characters";
    for (const char *c = name; wrong == NULL && *c != '\0'; c++)
        if (g_ascii_iscntrl(*c))
            wrong = "holds a control character";
    if (wrong == NULL)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "the study's name %s\nhint: give it another one with -s NAME", wrong);
    return false;
}

static bool check_use(char **command, bool space_given, GError **error)
{
    if (command[0] != NULL)
        return true;
    /* All that makes a study, which a study that is joined has already. */
    const struct {
        bool given;
        const char *what;
    } parts[] = {{space_given, "a search space"},
                 {metrics != NULL, "-m"},
                 {points != NULL, "--point"},
                 {dry_run, "--dry-run"},
                 {seed_text != NULL, "--seed"},
                 {sampler != NULL, "--sampler"},
                 {timeout_text != NULL, "--timeout"},
                 {grace_text != NULL, "--grace"},
                 {cap_text != NULL, "--output-cap"},
                 {chdir_text != NULL, "--chdir"},
                 {stdin_text != NULL, "--stdin"},
                 {shell, "--shell"},
                 {allow_unused, "--allow-unused"},
                 {no_default_trial, "--no-default-trial"},
                 {extend, "--extend"}};
    const char *what = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(parts) && what == NULL; i++)
        what = parts[i].given ? parts[i].what : NULL;
    if (what != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s without a command%s", what,
                    space_given ? "\nhint: hpt-run [OPTION]... NAME=DOMAIN... -- COMMAND" : "");
    else if (study_name == NULL)
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "no command\nhint: hpt-run [OPTION]... NAME=DOMAIN... -- COMMAND; or "
                            "hpt-run -s STUDY to join one");
    else
        return true;
    return false;
}

static int run(int argc G_GNUC_UNUSED, char **argv, GError **error)
{
    Settings settings;
    char **command = NULL;
    bool space_given = false;
    if (!parse_numbers(&settings, error) || !parse_words(&settings, error) ||
        !parse_show(&settings, error))
        return HPT_EXIT_USAGE;
    g_autoptr(HptSpace) space = parse_space(argv, &command, &space_given, error);
    if (space == NULL || !check_use(command, space_given, error))
        return HPT_EXIT_USAGE;
    g_autoptr(HptDefinition) definition = NULL;
    if (command[0] != NULL) {
        definition = parse_definition(&settings, space, command, error);
        if (definition == NULL)
            return HPT_EXIT_USAGE;
    }
    if (dry_run)
        return print_commands(definition, &settings, error) ? HPT_EXIT_OK : HPT_EXIT_USAGE;

    g_autofree char *name = study_name != NULL
                                ? g_strdup(study_name)
                                : hpt_template_study_name((const char *const *)command);
    if (!check_name(name, error) || !make_room(settings.jobs, error))
        return HPT_EXIT_USAGE;
    HptProjectOptions project_options = {
        .dsn = dsn,
        .directory = directory,
        .application_name = "hpt-run",
        .role = HPT_ROLE_WRITER,
        .note = quiet ? NULL : start_note,
    };
    g_autoptr(HptProject) project = hpt_project_open(&project_options, error);
    if (project == NULL)
        return HPT_EXIT_DATABASE;
    HptDb *db = hpt_project_get_db(project);
    g_autoptr(HptStudy) study =
        open_study(&settings, db, name, g_steal_pointer(&definition), error);
    int64_t total = -1;
    /* A worker that joins from another folder or machine may not have the command. */
    if (study == NULL || !check_command(study->definition, error) || !settle_total(&settings, db, study, &total, error) ||
        !has_end(&settings, study->definition, total, error))
        return HPT_EXIT_USAGE;
    bool raised = settings.total >= 0 || settings.more >= 0;
    if (raised && !hpt_study_set_total(db, study, total, error))
        return HPT_EXIT_TOOL;
    return work(&settings, project, study, total, error);
}

static const HptTool tool = {
    .name = "hpt-run",
    .usage = "[OPTION]... [NAME=DOMAIN]... [--] COMMAND [ARG]...\n   or: hpt-run [OPTION]... -s STUDY",
    .summary = "search: run a command with many configurations and record every trial; the same line "
               "again resumes",
    .options = options,
    .run = run,
};

int main(int argc, char **argv)
{
    return hpt_tool_main(&tool, argc, argv);
}
