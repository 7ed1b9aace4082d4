#include "config.h"

#include "tools/run_options.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "show/terminal.h"
#include "tools/study_option.h"
#include "tools/tool.h"

#include <string.h>
#include <unistd.h>

RunGiven run_given;

const GOptionEntry run_options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &run_given.study, "name of the study (the command's base name)", "NAME"},
    {"total", 't', 0, G_OPTION_ARG_STRING, &run_given.total, "trials in all: the same line again resumes", "N"},
    {"more", 0, 0, G_OPTION_ARG_STRING, &run_given.more, "trials beyond those there are", "N"},
    {"time", 'T', 0, G_OPTION_ARG_STRING, &run_given.time, "start no trial after this time (90s, 30m, 8h)", "DURATION"},
    {"jobs", 'j', 0, G_OPTION_ARG_STRING, &run_given.jobs, "trials at a time (1)", "N"},
    {"metric", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &run_given.metrics, "NAME[:min|max|track|le=V|ge=V][:SOURCE], repeatable", "METRIC"},
    {"sampler", 0, 0, G_OPTION_ARG_STRING, &run_given.sampler, "auto, cmaes, de, forest, gp, grid, nsga2, nsga3, random, sobol, tpe (auto)", "NAME"},
    {"folds", 0, 0, G_OPTION_ARG_STRING, &run_given.folds, "run each trial on K folds, {hpt.fold} from 0", "K"},
    {"repeats", 0, 0, G_OPTION_ARG_STRING, &run_given.repeats, "run each trial R times, {hpt.repeat} from 0", "R"},
    {"reserve-fold", 0, 0, G_OPTION_ARG_NONE, &run_given.reserve_fold, "keep the last fold from the search", NULL},
    {"budget", 0, 0, G_OPTION_ARG_STRING, &run_given.budget, "rungs of {hpt.budget}, LO..HI[:ETA]", "RANGE"},
    {"pruner", 0, 0, G_OPTION_ARG_STRING, &run_given.pruner, "what stops trials early: auto, none, median, asha, race… (auto)", "NAME"},
    {"until", 0, 0, G_OPTION_ARG_STRING_ARRAY, &run_given.until, "stop when a trial has METRIC>=V (or <=V), repeatable", "GOAL"},
    {"stall", 0, 0, G_OPTION_ARG_STRING, &run_given.stall, "stop when N trials have brought no improvement", "N"},
    {"max-cpu", 0, 0, G_OPTION_ARG_STRING, &run_given.max_cpu, "stop when all trials together have used this CPU time", "DURATION"},
    {"max-wall", 0, 0, G_OPTION_ARG_STRING, &run_given.max_wall, "stop so long after the study's first worker began", "DURATION"},
    {"max-cost", 0, 0, G_OPTION_ARG_STRING, &run_given.max_cost, "stop when a metric of all trials adds up to V", "NAME=V"},
    {"prior", 0, 0, G_OPTION_ARG_STRING_ARRAY, &run_given.priors, "begin with what an earlier study found, repeatable", "STUDY"},
    {"ordered", 0, 0, G_OPTION_ARG_NONE, &run_given.ordered, "the same study with any number of workers", NULL},
    {"window", 0, 0, G_OPTION_ARG_STRING, &run_given.window, "trials of an ordered study at a time (one with -j 1, else 2 JOBS - 1)", "N"},
    {"seed", 0, 0, G_OPTION_ARG_STRING, &run_given.seed, "seed of the study (chosen at random)", "N"},
    {"space", 0, 0, G_OPTION_ARG_FILENAME, &run_given.space_file, "file of the search space, see hpt-space(5)", "FILE"},
    {"param", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &run_given.params, "one statement of the search space, repeatable", "STATEMENT"},
    {"point", 0, 0, G_OPTION_ARG_STRING_ARRAY, &run_given.points, "a configuration to try first, as JSON, repeatable", "JSON"},
    {"no-default-trial", 0, 0, G_OPTION_ARG_NONE, &run_given.no_default_trial, "do not begin with the default configuration", NULL},
    {"extend", 0, 0, G_OPTION_ARG_NONE, &run_given.extend, "let the space of an existing study be widened", NULL},
    {"shell", 'S', 0, G_OPTION_ARG_NONE, &run_given.shell, "run the command by sh -c", NULL},
    {"worker", 0, 0, G_OPTION_ARG_NONE, &run_given.worker, "the command is a persistent worker, see hpt-worker(7)", NULL},
    {"max-restarts", 0, 0, G_OPTION_ARG_STRING, &run_given.restarts, "new starts of a worker in a row without a finished trial (3)", "N"},
    {"allow-unused", 0, 0, G_OPTION_ARG_NONE, &run_given.allow_unused, "parameters need not appear in the command", NULL},
    {"stdin", 0, 0, G_OPTION_ARG_STRING, &run_given.input, "what a trial reads: null or json (null)", "WHAT"},
    {"chdir", 0, 0, G_OPTION_ARG_STRING, &run_given.chdir, "where a trial runs: caller or trial (caller)", "WHERE"},
    {"timeout", 0, 0, G_OPTION_ARG_STRING, &run_given.timeout, "end a trial after this time", "DURATION"},
    {"grace", 0, 0, G_OPTION_ARG_STRING, &run_given.grace, "between TERM and KILL (10s)", "DURATION"},
    {"limit-mem", 0, 0, G_OPTION_ARG_STRING, &run_given.limit_mem, "end a trial whose processes hold more memory", "SIZE"},
    {"limit-cpu", 0, 0, G_OPTION_ARG_STRING, &run_given.limit_cpu, "end a trial whose processes used more CPU time", "DURATION"},
    {"contain", 0, 0, G_OPTION_ARG_STRING, &run_given.contain, "auto, namespace, subreaper or cgroup (auto: the first there is)", "HOW"},
    {"cores", 0, 0, G_OPTION_ARG_STRING, &run_given.cores, "CPUs for each trial, no other's", "N"},
    {"gpus", 0, 0, G_OPTION_ARG_STRING, &run_given.gpus, "GPUs for the trials: all, a count, or names (0,1)", "LIST"},
    {"gpus-per-trial", 0, 0, G_OPTION_ARG_STRING, &run_given.gpus_per_trial, "how many of them each has for itself (1)", "N"},
    {"via", 0, 0, G_OPTION_ARG_STRING, &run_given.via, "words in front of every command, such as 'srun -n1 --exact'", "WORDS"},
    {"deterministic", 0, 0, G_OPTION_ARG_NONE, &run_given.deterministic, "one thread, fixed kernels, hash seeds, locale, time zone and addresses", NULL},
    {"trace", 0, 0, G_OPTION_ARG_STRING, &run_given.trace, "the files that trials read and write: on, preload or off (on)", "HOW"},
    {"allow-secrets", 0, 0, G_OPTION_ARG_NONE, &run_given.allow_secrets, "keep what looks like a password or a token", NULL},
    {"input", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &run_given.inputs, "files that the trials read, recorded with them (may be repeated)", "GLOB"},
    {"input-max", 0, 0, G_OPTION_ARG_STRING, &run_given.input_max, "bytes of a file that is kept; of larger ones the digest is (64M)", "SIZE"},
    {"no-code", 0, 0, G_OPTION_ARG_NONE, &run_given.no_code, "do not record the code of the trials", NULL},
    {"code-max", 0, 0, G_OPTION_ARG_STRING, &run_given.code_max, "bytes kept of the code of a trial (64M)", "SIZE"},
    {"output-cap", 0, 0, G_OPTION_ARG_STRING, &run_given.cap, "bytes kept of each output stream (16M)", "SIZE"},
    {"retry", 0, 0, G_OPTION_ARG_STRING, &run_given.retry, "trials to run again: lost, failed or none (lost)", "WHICH"},
    {"max-failures", 0, 0, G_OPTION_ARG_STRING, &run_given.failures, "stop if so many trials fail before one succeeds, 0: never (10)", "N"},
    {"print", 0, 0, G_OPTION_ARG_STRING, &run_given.print, "records on stdout: best, all or none (best)", "WHAT"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &run_given.format, "table, tsv, csv, jsonl, json, md, env (table on a terminal, else tsv)", "FMT"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &run_given.no_header, "no header line", NULL},
    {"progress", 0, 0, G_OPTION_ARG_STRING, &run_given.progress, "auto, bar, plain or none (auto: bar on a terminal)", "HOW"},
    {"color", 0, 0, G_OPTION_ARG_STRING, &run_given.color, "auto, always or never (auto)", "WHEN"},
    {"db-wait", 0, 0, G_OPTION_ARG_STRING, &run_given.db_wait, "give up if the database is away for longer (5m)", "DURATION"},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &run_given.dsn, "database, instead of that of .hpt", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &run_given.directory, "look for .hpt from here upwards", "DIR"},
    {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &run_given.dry_run, "show the first commands and run nothing", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &run_given.quiet, "no notes, no progress", NULL},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &run_given.verbose, "one line per finished trial", NULL},
    G_OPTION_ENTRY_NULL,
};

static bool parse_size(const char *name, const char *text, int64_t *out, GError **error)
{
    if (text == NULL || hpt_size_parse(text, out, error))
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

static bool parse_numbers(RunSettings *settings, GError **error)
{
    int64_t jobs = 1, seed = 0, restarts = HPT_SERVANT_RESTARTS;
    int64_t cores = 0, gpus_per_trial = 1, window = 0;
    *settings = (RunSettings){
        .total = -1,
        .more = -1,
        .grace_us = HPT_RUN_GRACE_US,
        .output_cap = HPT_CAPTURE_CAP,
        .input_max = HPT_INPUT_MAX,
        .max_failures = 10,
    };
    if (!hpt_tool_whole("total", run_given.total, 0, INT64_C(1) << 53, &settings->total, error) ||
        !hpt_tool_whole("more", run_given.more, 0, INT64_C(1) << 53, &settings->more, error) ||
        !hpt_tool_whole("jobs", run_given.jobs, 1, 4096, &jobs, error) ||
        !hpt_tool_whole("window", run_given.window, 1, 65535, &window, error) ||
        !hpt_tool_whole("cores", run_given.cores, 1, 65536, &cores, error) ||
        !hpt_tool_whole("gpus-per-trial", run_given.gpus_per_trial, 1, 4096, &gpus_per_trial, error) ||
        !hpt_tool_whole("seed", run_given.seed, 0, (INT64_C(1) << 53) - 1, &seed, error) ||
        !hpt_tool_whole("max-failures", run_given.failures, 0, INT64_MAX, &settings->max_failures, error) ||
        !hpt_tool_whole("max-restarts", run_given.restarts, 0, 1000000, &restarts, error) ||
        !hpt_tool_span("time", run_given.time, &settings->time_us, error) ||
        !hpt_tool_span("db-wait", run_given.db_wait, &settings->patience_us, error) ||
        !hpt_tool_span("timeout", run_given.timeout, &settings->timeout_us, error) ||
        !study_option_parts(run_given.folds, run_given.repeats, &settings->folds, &settings->repeats, error) ||
        !hpt_tool_whole("stall", run_given.stall, 1, INT64_C(1) << 53, &settings->stall, error) ||
        !hpt_tool_span("max-cpu", run_given.max_cpu, &settings->max_cpu_us, error) ||
        !hpt_tool_span("max-wall", run_given.max_wall, &settings->max_wall_us, error) ||
        !hpt_tool_span("grace", run_given.grace, &settings->grace_us, error) ||
        !hpt_tool_span("limit-cpu", run_given.limit_cpu, &settings->limit_cpu_us, error) ||
        !parse_size("limit-mem", run_given.limit_mem, &settings->limit_mem_bytes, error) ||
        !parse_size("input-max", run_given.input_max, &settings->input_max, error) ||
        !parse_size("code-max", run_given.code_max, &settings->code_max, error) ||
        !parse_size("output-cap", run_given.cap, &settings->output_cap, error))
        return false;
    if (run_given.no_code && run_given.code_max != NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "--no-code and --code-max exclude each other");
        return false;
    }
    settings->limited = run_given.until != NULL || run_given.stall != NULL ||
                        run_given.max_cpu != NULL || run_given.max_wall != NULL ||
                        run_given.max_cost != NULL;
    if (run_given.gpus_per_trial != NULL && run_given.gpus == NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "--gpus-per-trial needs --gpus");
        return false;
    }
    if (settings->total >= 0 && settings->more >= 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--total and --more exclude each other");
        return false;
    }
    if (run_given.window != NULL && !run_given.ordered) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "--window needs --ordered");
        return false;
    }
    if (run_given.ordered)
        settings->window = (int)(window > 0 ? window : 2 * jobs - 1);
    settings->jobs = (int)jobs;
    settings->max_restarts = (int)restarts;
    settings->cores = (int)cores;
    settings->gpus_per_trial = (int)gpus_per_trial;
    settings->seed = (uint64_t)seed;
    return true;
}

static bool parse_words(RunSettings *settings, GError **error)
{
    static const char *const retries[] = {"lost", "failed", "none", NULL};
    static const char *const prints[] = {"best", "all", "none", NULL};
    static const char *const progresses[] = {"auto", "bar", "plain", "none", NULL};
    static const char *const inputs[] = {"null", "json", NULL};
    static const char *const places[] = {"caller", "trial", NULL};
    static const char *const traces[] = {"on", "preload", "off", NULL}; /* as HptWorkerTrace */
    int retry = 0, print = 0, progress = 0, input = 0, place = 0, contain = 0, trace = 0;
    if (!parse_choice("retry", run_given.retry, retries, &retry, error) ||
        !parse_choice("print", run_given.print, prints, &print, error) ||
        !parse_choice("progress", run_given.progress, progresses, &progress, error) ||
        !parse_choice("contain", run_given.contain, hpt_contain_words, &contain, error) ||
        !parse_choice("trace", run_given.trace, traces, &trace, error) ||
        !parse_choice("stdin", run_given.input, inputs, &input, error) ||
        !parse_choice("chdir", run_given.chdir, places, &place, error))
        return false;
    settings->retry = (HptRetryTrials)retry;
    settings->print_best = print == 0;
    settings->print_all = print == 1;
    settings->contain = (HptContainChoice)contain;
    settings->stdin_json = input == 1;
    settings->chdir_trial = place == 1;
    settings->trace = (HptWorkerTrace)trace;
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    if (run_given.quiet || progress == 3)
        settings->progress = RUN_PROGRESS_NONE;
    else if (progress == 2 || (progress == 0 && run_given.verbose))
        settings->progress = RUN_PROGRESS_PLAIN;
    else if (progress == 1 || on_terminal)
        settings->progress = RUN_PROGRESS_BAR;
    return true;
}

static bool parse_show(RunSettings *settings, GError **error)
{
    HptColor color = HPT_COLOR_AUTO;
    if (run_given.color != NULL && !hpt_color_parse(run_given.color, &color, error))
        return false;
    HptTerminal terminal = hpt_terminal_look(STDOUT_FILENO, (const char *const *)environ, color);
    settings->show = (HptShow){
        .format = terminal.tty ? HPT_FORMAT_TABLE : HPT_FORMAT_TSV,
        .no_header = run_given.no_header,
        .width = terminal.width,
        .utf8 = terminal.utf8,
        .color = terminal.color,
    };
    /* Records that come one by one have no widths to be aligned to. */
    if (settings->print_all && settings->show.format == HPT_FORMAT_TABLE)
        settings->show.format = HPT_FORMAT_TSV;
    return run_given.format == NULL || hpt_format_parse(run_given.format, &settings->show.format, error);
}

bool run_settings_parse(RunSettings *settings, GError **error)
{
    return parse_numbers(settings, error) && parse_words(settings, error) &&
           parse_show(settings, error);
}

/* ---- what ends a study ---- */

/* The metric of -m whose name is the first length bytes of text; NULL: there is none. */
static const HptMetric *find_metric(const HptDefinition *definition, const char *option,
                                    const char *text, size_t length, GError **error)
{
    g_autofree char *name = g_strndup(text, length);
    g_strstrip(name);
    size_t i = hpt_metrics_find(definition->metrics, name);
    if (i != SIZE_MAX)
        return hpt_metrics_get(definition->metrics, i);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (size_t k = 0; k < hpt_metrics_size(definition->metrics); k++)
        g_strv_builder_add(builder, hpt_metrics_get(definition->metrics, k)->name);
    g_auto(GStrv) names = g_strv_builder_end(builder);
    const char *near = hpt_suggest(name, (const char *const *)names);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s '%s': there is no metric '%s'%s%s%s", option,
                text, name, near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                near == NULL ? "\nhint: name it with -m" : "'?");
    return NULL;
}

static void add_goal(json_t *goals, const char *name, const char *op, double value)
{
    json_array_append_new(goals, json_pack("{s:s, s:s, s:f}", "name", name, "op", op, "value", value));
}

static bool read_goal(json_t *goals, const HptDefinition *definition, const char *text, GError **error)
{
    const char *at = strpbrk(text, "<>");
    double value = 0;
    if (at == NULL || at[1] != '=' || !hpt_number_parse(at + 2 + strspn(at + 2, " "), &value, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--until '%s': a goal is METRIC>=VALUE or METRIC<=VALUE", text);
        return false;
    }
    const HptMetric *metric = find_metric(definition, "--until", text, (size_t)(at - text), error);
    if (metric == NULL)
        return false;
    add_goal(goals, metric->name, *at == '<' ? "le" : "ge", value);
    return true;
}

/* A trial that breaks a constraint reaches no goal. */
static bool add_goals(json_t *limits, const HptDefinition *definition, GError **error)
{
    if (run_given.until == NULL)
        return true;
    json_t *goals = json_array();
    json_object_set_new(limits, "until", goals);
    for (char **text = run_given.until; *text != NULL; text++)
        if (!read_goal(goals, definition, *text, error))
            return false;
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(definition->metrics, i);
        if (hpt_metric_is_constraint(metric))
            add_goal(goals, metric->name, hpt_metric_direction_name(metric->direction), metric->bound);
    }
    return true;
}

static bool add_cost(json_t *limits, const HptDefinition *definition, GError **error)
{
    if (run_given.max_cost == NULL)
        return true;
    const char *at = strrchr(run_given.max_cost, '=');
    double value = 0;
    if (at == NULL || !hpt_number_parse(at + 1, &value, NULL) || !(value > 0)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--max-cost '%s': it is NAME=VALUE, with a value above 0", run_given.max_cost);
        return false;
    }
    const HptMetric *metric = find_metric(definition, "--max-cost", run_given.max_cost,
                                          (size_t)(at - run_given.max_cost), error);
    if (metric == NULL)
        return false;
    json_object_set_new(limits, "cost", json_pack("{s:s, s:f}", "name", metric->name, "max", value));
    return true;
}

static void add_whole(json_t *limits, const char *key, int64_t value)
{
    if (value > 0)
        json_object_set_new(limits, key, json_integer(value));
}

char *run_limits_text(const RunSettings *settings, const HptDefinition *definition, GError **error)
{
    g_autoptr(json_t) limits = json_object();
    add_whole(limits, "cpu_us", settings->max_cpu_us);
    add_whole(limits, "wall_us", settings->max_wall_us);
    add_whole(limits, "stall", settings->stall);
    if (!add_goals(limits, definition, error) || !add_cost(limits, definition, error))
        return NULL;
    return hpt_json_canonical(limits, error);
}
