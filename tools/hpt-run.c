/* hpt-run: search, resume, join; supervise the trials. */
#include "config.h"

#include "base/number.h"
#include "base/text.h"
#include "db/timeline.h"
#include "record/declared.h"
#include "record/environment.h"
#include "record/process.h"
#include "record/profile.h"
#include "record/secret.h"
#include "show/terminal.h"
#include "study/name.h"
#include "study/recommend.h"
#include "study/turn.h"
#include "study/worker.h"
#include "tools/run_code.h"
#include "tools/run_options.h"
#include "tools/space_option.h"
#include "tools/study_option.h"
#include "tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_READ 100000 /* trials for a note at the end */

/* ---- the definition on the command line ---- */

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
    *given = run_given.space_file != NULL || run_given.params != NULL;
    if (!space_option_add(builder, run_given.space_file, run_given.params, error))
        return NULL;
    for (; *argv != NULL && strcmp(*argv, "--") != 0 &&
           (hpt_space_is_short(*argv) || is_long_statement(argv));
         argv++) {
        *given = true;
        if (!hpt_space_builder_add_argument(builder, hpt_tool_position(argv), *argv, error))
            return NULL;
    }
    *command = *argv != NULL && strcmp(*argv, "--") == 0 ? argv + 1 : argv;
    return space_option_end(builder, error);
}

/* A first word that is a plain name must be there: better said now than by every trial. */
static bool check_command(const HptDefinition *definition, GError **error)
{
    const char *word = definition->command[0];
    if (word == NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "the study's trials are run outside, by a command that is not known\n"
                            "hint: hpt-ask gives them out, hpt-tell takes their results");
        return false;
    }
    if (definition->shell || strchr(word, '{') != NULL)
        return true;
    GError *none = NULL;
    if (hpt_check_program(word, g_getenv("PATH"), NULL, &none))
        return true;
    g_set_error(error, HPT_ERROR, none->code, "%s%s", none->message,
                strchr(word, ' ') != NULL
                    ? "\nhint: a command line in one word is for the shell: add -S"
                : word[0] == '-' ? "\nhint: options stand before the first NAME=DOMAIN"
                                 : "");
    g_error_free(none);
    return false;
}

/* A worker that joins from another folder or machine, or after an import, may not have the command. */
static bool check_joined(HptDb *db, const HptStudy *study, GError **error)
{
    g_autofree char *missing = run_code_missing(db, study, run_given.directory);
    GError *problem = NULL;
    if (check_command(study->definition, &problem)) {
        if (missing != NULL)
            hpt_tool_note("%s", missing);
        return true;
    }
    if (missing != NULL)
        g_set_error(error, HPT_ERROR, problem->code, "%s\nhint: %s", problem->message, missing);
    else
        g_propagate_error(error, g_error_copy(problem));
    g_error_free(problem);
    return false;
}

static bool refuse_secret(const char *where, const char *kind, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "%s holds what looks like a secret (%s), and it would be kept in the record\n"
                "hint: give it by a variable of the environment, whose value is not kept; or, if it "
                "is none, add --allow-secrets",
                where, kind);
    return false;
}

/* What is recorded of a line is kept for ever. definition NULL: it is in the record already. */
static bool check_secrets(const HptDefinition *definition, GError **error)
{
    const char *kind = NULL;
    HptSecret secret;
    if (run_given.allow_secrets)
        return true;
    if (run_given.via != NULL && hpt_secret_find(run_given.via, strlen(run_given.via), 0, &secret))
        return refuse_secret("--via", secret.kind, error);
    if (definition == NULL)
        return true;
    int word = hpt_secret_in_argv((const char *const *)definition->command, &kind);
    if (word >= 0) {
        g_autofree char *where = g_strdup_printf("word %d of the command", word + 1);
        return refuse_secret(where, kind, error);
    }
    return !hpt_secret_find(definition->canonical, strlen(definition->canonical), 0, &secret) ||
           refuse_secret("the definition", secret.kind, error);
}

static HptDefinition *parse_definition(const RunSettings *settings, const HptSpace *space,
                                       char **command, GError **error)
{
    HptDefinitionInput input = {
        .command = (const char *const *)command,
        .shell = run_given.shell,
        .worker = run_given.worker,
        .allow_unused = run_given.allow_unused,
        .stdin_json = settings->stdin_json,
        .chdir_trial = settings->chdir_trial,
        .no_default_trial = run_given.no_default_trial,
        .space = space,
        .metrics = (const char *const *)run_given.metrics,
        .points = (const char *const *)run_given.points,
        .sampler = run_given.sampler,
        .window = settings->window,
        .seed = run_given.seed != NULL ? &settings->seed : NULL,
        .timeout_us = settings->timeout_us,
        .grace_us = settings->grace_us,
        .output_cap = settings->output_cap,
        .folds = settings->folds,
        .repeats = settings->repeats,
        .reserve_fold = run_given.reserve_fold,
        .budget = run_given.budget,
        .pruner = run_given.pruner,
        .limit_mem_bytes = settings->limit_mem_bytes,
        .limit_cpu_us = settings->limit_cpu_us,
        .contain = settings->contain,
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

static bool print_commands(const HptDefinition *definition, const RunSettings *settings,
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
        HptSlot slot = {.number = number, .definition = definition, .stop_us = INT64_MAX};
        if (definition->n_budgets > 0)
            slot.part.budget = definition->budgets[0];
        slot.directory = g_strdup_printf(".hpt/trials/%" PRId64, number);
        bool proposed = hpt_slot_propose(&slot, trials, NULL, NULL, NULL, 0, error);
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

/* A sampler that tries every configuration once may have fewer of them than are asked for. */
static bool note_limit(const HptStudy *study, int64_t total, GError **error)
{
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(study->definition, &search, error);
    if (sampler == NULL)
        return false;
    int64_t limit = hpt_sampler_total(sampler);
    if (limit >= 0 && limit < total && !run_given.quiet)
        hpt_tool_note("study '%s' ends after %" PRId64 " trials, not %" PRId64 ": its sampler, %s, has no more",
                      study->name, limit, total, study->definition->sampler);
    return true;
}

/* How far this run goes: -t, --more, or what the study says. -1: no end. */
static bool settle_total(const RunSettings *settings, HptDb *db, HptStudy *study,
                         int64_t *total, GError **error)
{
    *total = study->total;
    if (settings->total < 0 && settings->more < 0)
        return true;
    HptStudyCounts counts;
    if (!hpt_study_counts(db, study->name, &counts, error))
        return false;
    *total = settings->total >= 0 ? settings->total : counts.trials + settings->more;
    /* A total of less than there is would only be wrong: this line has nothing to do, and says so. */
    if (*total >= counts.trials)
        return note_limit(study, *total, error) && hpt_study_set_total(db, study, *total, error);
    if (!run_given.quiet)
        hpt_tool_note("study '%s' has %" PRId64 " trials already, more than %" PRId64, study->name,
                      counts.trials, *total);
    return true;
}

/* study: NULL, it is to be made. */
static bool has_end(const RunSettings *settings, const HptDefinition *definition,
                    const HptStudy *study, GError **error)
{
    if (settings->total >= 0 || settings->more >= 0 || settings->time_us > 0 || settings->limited ||
        (study != NULL && (study->total >= 0 || study->limited)))
        return true;
    HptSearch search;
    g_autoptr(HptSampler) trials = hpt_definition_sampler(definition, &search, error);
    if (trials == NULL)
        return false;
    if (hpt_sampler_total(trials) >= 0)
        return true;
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "how long? give -t TOTAL or -T DURATION, or --until, --stall, --max-cpu, "
                        "--max-wall, --max-cost");
    return false;
}

/* What ends the study besides its total: what this line says, else what the study has. */
static bool set_limits(const RunSettings *settings, HptDb *db, HptStudy *study, GError **error)
{
    if (!settings->limited)
        return true;
    g_autofree char *limits = run_limits_text(settings, study->definition, error);
    return limits != NULL && hpt_study_set_limits(db, study, limits, error);
}

/* The study to work on: found, made, or extended. */
static HptStudy *open_study(const RunSettings *settings, HptDb *db, const char *name,
                            HptDefinition *steal_given, GError **error)
{
    g_autoptr(HptDefinition) given = steal_given;
    g_autoptr(HptStudy) study = NULL;
    StudyGiven line = {
        .sampler = run_given.sampler != NULL,
        .seed = run_given.seed != NULL,
        .pruner = run_given.pruner != NULL,
        .window = run_given.window != NULL,
        .extend = run_given.extend,
        .priors = run_given.priors,
    };
    if (given == NULL)
        study = hpt_study_open(db, name, error);
    else if (!hpt_study_find(db, name, &study, error))
        return NULL;
    else if (study == NULL) {
        int64_t total = settings->more >= 0 ? settings->more : settings->total;
        if (!has_end(settings, given, NULL, error))
            return NULL;
        study = study_option_make(db, name, total, given, &line, error);
    }
    if (study == NULL)
        return NULL;
    /* One that somebody else made at this moment is compared like any other. */
    if (given != NULL && !study_option_compare(db, study, given, &line, error))
        return NULL;
    return g_steal_pointer(&study);
}

/* ---- signals ---- */

static volatile sig_atomic_t interrupts, line_requests, last_signal, sender_pid, sender_uid;

static void on_signal(int signal, siginfo_t *info, void *context G_GNUC_UNUSED)
{
    if (signal == SIGUSR1) {
        line_requests++;
        return;
    }
    last_signal = signal;
    /* A terminal's and a kernel's have no sender. */
    sender_pid = info->si_code == SI_USER || info->si_code == SI_QUEUE ? info->si_pid : 0;
    sender_uid = (sig_atomic_t)info->si_uid;
    /* A scheduler's TERM comes once and means: end in good order, now. */
    int step = signal == SIGINT ? 1 : 2;
    interrupts = MIN(interrupts + step, 3);
}

static char *interrupted_by(void)
{
    const char *name = sigabbrev_np(last_signal);
    if (sender_pid == 0)
        return g_strdup_printf("interrupted by SIG%s", name);
    return g_strdup_printf("interrupted by SIG%s from pid %d (uid %u)", name, (int)sender_pid,
                           (unsigned)sender_uid);
}

/* Blocks the signals but while waiting; *waiting is the mask for that. */
static void catch_signals(sigset_t *waiting)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
    sigset_t blocked;
    sigemptyset(&blocked);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
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
    char *pairs[][2] = {{(char *)"-d", run_given.dsn}, {(char *)"-C", run_given.directory},
                        {(char *)"-f", run_given.format}, {(char *)"--color", run_given.color}};
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (pairs[i][1] != NULL) {
            g_ptr_array_add(argv, pairs[i][0]);
            g_ptr_array_add(argv, pairs[i][1]);
        }
    if (run_given.no_header)
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

/* The best value may be luck. Nothing is said of samplers that do not learn, as by hpt_sampler_best, and of very many
 * trials, which would all be read. */
static bool note_noise(HptDb *db, const HptStudy *study, const HptStudyCounts *counts, GError **error)
{
    if (run_given.quiet || hpt_metrics_objectives(study->definition->metrics) != 1 || counts->complete > MOST_READ)
        return true;
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(study->definition, &search, error);
    if (sampler == NULL || !hpt_sampler_learns(sampler))
        return sampler != NULL;
    HptRecommendation recommendation;
    bool found = false;
    if (!hpt_recommend_study(db, study->name, study->definition, NULL, 0, &recommendation, &found, error))
        return false;
    g_autofree char *hint = found ? hpt_recommendation_hint(&recommendation, study->definition) : NULL;
    if (hint != NULL)
        hpt_tool_note("%s; see hpt-query -s %s --recommend", hint, study->name);
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

/* Room for the descriptors of so many trials: pipes, the report FIFO, the process and the socket to
 * it, spooled output. */
static bool make_room(int jobs, GError **error)
{
    enum { EACH = 10, OURS = 64 };
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

/* What trials inherit; lives until the end. */
static const char *const *base_environment(void)
{
    static char **made;
    if (!run_given.deterministic)
        return (const char *const *)environ;
    if (made == NULL)
        made = hpt_environment_with((const char *const *)environ, hpt_profile_variables);
    return (const char *const *)made;
}

static HptResources *find_resources(const RunSettings *settings, const HptDefinition *definition,
                                    GError **error)
{
    HptResourcesInput input = {
        .jobs = settings->jobs,
        .cores = settings->cores,
        .gpus = run_given.gpus,
        .gpus_per_trial = settings->gpus_per_trial,
        .via = run_given.via,
        .environment = base_environment(),
    };
    g_autoptr(HptResources) resources = hpt_resources_new(&input, error);
    /* A way to contain that was asked for and cannot be had is better said before anything is
     * recorded. */
    if (resources == NULL || (definition != NULL &&
                              hpt_resources_contain(resources, definition->contain, error) == NULL))
        return NULL;
    return g_steal_pointer(&resources);
}

static int work(const RunSettings *settings, HptProject *project, HptStudy *study,
                HptResources *resources, int64_t total, GError **error)
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
        .quiet = run_given.quiet,
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
        .patience_us = settings->patience_us,
        .end_us = hpt_turn_job_end((const char *const *)environ, hpt_time_now_us(),
                                   hpt_time_monotonic_us()),
        .max_failures = settings->max_failures,
        .retry = settings->retry,
        .max_restarts = settings->max_restarts,
        .allow_secrets = run_given.allow_secrets,
        .no_code = run_given.no_code,
        .code_max = settings->code_max,
        .inputs = (const char *const *)run_given.inputs,
        .input_max = settings->input_max,
        .trace = settings->trace,
        .environment = base_environment(),
        .tool_version = PACKAGE_VERSION,
        .interrupts = &interrupts,
        .sigmask = &waiting,
        .interrupted_by = interrupted_by,
        .resources = resources,
        .on_event = run_show_event,
        .user = show,
    };
    HptWorkerEnd end = HPT_WORKER_DONE;
    if (!hpt_worker_run(&worker, &end, error) || !run_show_end(show, error))
        return HPT_EXIT_TOOL;
    if (run_show_reader_left(show))
        return HPT_EXIT_SIGNAL + SIGPIPE;
    g_autofree char *stopped = NULL;
    if (!hpt_study_stopped(hpt_project_get_db(project), study->name, &stopped, error))
        return HPT_EXIT_DATABASE;
    if (stopped != NULL && end == HPT_WORKER_DONE)
        hpt_tool_note("stopped: %s", stopped);
    if (end == HPT_WORKER_FAILURES)
        hpt_tool_note("stopped: %" PRId64 " trials in a row failed, and none is complete; see hpt-query -s %s --failures",
                      settings->max_failures, study->name);
    int64_t best = -1;
    double value = 0;
    HptStudyCounts counts;
    HptDb *db = hpt_project_get_db(project);
    if (!hpt_study_best(db, study, &best, &value, error) ||
        !hpt_study_counts(db, study->name, &counts, error) ||
        (settings->print_best && !note_noise(db, study, &counts, error)))
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

/* A pattern that matches nothing is a typing error, said before anything is written. */
static bool check_inputs(const HptProject *project, GError **error)
{
    if (run_given.inputs == NULL)
        return true;
    g_autofree char *folder = hpt_intake_project(hpt_project_peek_folder(project));
    g_auto(GStrv) files =
        hpt_declared_expand(folder, (const char *const *)run_given.inputs, error);
    return files != NULL;
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
                 {run_given.metrics != NULL, "-m"},
                 {run_given.points != NULL, "--point"},
                 {run_given.dry_run, "--dry-run"},
                 {run_given.seed != NULL, "--seed"},
                 {run_given.sampler != NULL, "--sampler"},
                 {run_given.priors != NULL, "--prior"},
                 {run_given.ordered, "--ordered"},
                 {run_given.timeout != NULL, "--timeout"},
                 {run_given.grace != NULL, "--grace"},
                 {run_given.cap != NULL, "--output-cap"},
                 {run_given.limit_mem != NULL, "--limit-mem"},
                 {run_given.limit_cpu != NULL, "--limit-cpu"},
                 {run_given.contain != NULL, "--contain"},
                 {run_given.chdir != NULL, "--chdir"},
                 {run_given.input != NULL, "--stdin"},
                 {run_given.shell, "--shell"},
                 {run_given.worker, "--worker"},
                 {run_given.allow_unused, "--allow-unused"},
                 {run_given.no_default_trial, "--no-default-trial"},
                 {run_given.folds != NULL, "--folds"},
                 {run_given.repeats != NULL, "--repeats"},
                 {run_given.reserve_fold, "--reserve-fold"},
                 {run_given.budget != NULL, "--budget"},
                 {run_given.pruner != NULL, "--pruner"},
                 {run_given.extend, "--extend"}};
    const char *what = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(parts) && what == NULL; i++)
        what = parts[i].given ? parts[i].what : NULL;
    if (what != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s without a command%s", what,
                    space_given ? "\nhint: hpt-run [OPTION]... NAME=DOMAIN... -- COMMAND" : "");
    else if (run_given.study == NULL)
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "no command\nhint: hpt-run [OPTION]... NAME=DOMAIN... -- COMMAND; or "
                            "hpt-run -s STUDY to join one");
    else
        return true;
    return false;
}

static int run(int argc G_GNUC_UNUSED, char **argv, GError **error)
{
    RunSettings settings;
    char **command = NULL;
    bool space_given = false;
    if (!run_settings_parse(&settings, error))
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
    if (!check_secrets(definition, error))
        return HPT_EXIT_USAGE;
    if (run_given.dry_run && run_given.priors != NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--dry-run and --prior exclude each other: what is proposed depends on the record");
        return HPT_EXIT_USAGE;
    }
    if (run_given.dry_run)
        return print_commands(definition, &settings, error) ? HPT_EXIT_OK : HPT_EXIT_USAGE;

    g_autofree char *name = run_given.study != NULL
                                ? g_strdup(run_given.study)
                                : hpt_template_study_name((const char *const *)command);
    if (!hpt_study_name_check(name, error) || !make_room(settings.jobs, error))
        return HPT_EXIT_USAGE;
    if (run_given.deterministic && !hpt_process_fix_addresses())
        hpt_tool_note("--deterministic: this kernel gives every process other addresses");
    g_autoptr(HptResources) resources = find_resources(&settings, definition, error);
    if (resources == NULL)
        return HPT_EXIT_USAGE;
    HptProjectOptions project_options = {
        .dsn = run_given.dsn,
        .directory = run_given.directory,
        .application_name = "hpt-run",
        .role = HPT_ROLE_WRITER,
        .note = run_given.quiet ? NULL : hpt_tool_note_once,
    };
    g_autoptr(HptProject) project = hpt_project_open(&project_options, error);
    if (project == NULL)
        return HPT_EXIT_DATABASE;
    if (!check_inputs(project, error))
        return HPT_EXIT_USAGE;
    HptDb *db = hpt_project_get_db(project);
    /* Said before the first statement that a standby would refuse in its own words. */
    HptTimeline timeline;
    g_autoptr(GError) standby = NULL;
    if (!hpt_timeline_read(db, &timeline, &standby) &&
        hpt_db_retry_class(standby) == HPT_RETRY_RECONNECT) {
        g_propagate_error(error, g_steal_pointer(&standby));
        return HPT_EXIT_DATABASE;
    }
    g_autoptr(HptStudy) study =
        open_study(&settings, db, name, g_steal_pointer(&definition), error);
    int64_t total = -1;
    if (study != NULL && run_given.restarts != NULL && !study->definition->worker) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "--max-restarts without --worker");
        return HPT_EXIT_USAGE;
    }
    if (study != NULL && run_given.gpus != NULL && study->definition->worker) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--gpus and --worker exclude each other: the process lives longer than a "
                            "trial holds its GPUs");
        return HPT_EXIT_USAGE;
    }
    if (study == NULL || !check_joined(db, study, error) || !has_end(&settings, study->definition, study, error))
        return HPT_EXIT_USAGE;
    if (hpt_resources_contain(resources, study->definition->contain, error) == NULL)
        return HPT_EXIT_USAGE;
    if (!settle_total(&settings, db, study, &total, error) ||
        !set_limits(&settings, db, study, error))
        return HPT_EXIT_TOOL;
    return work(&settings, project, study, resources, total, error);
}

static const HptTool tool = {
    .name = "hpt-run",
    .usage = "[OPTION]... [NAME=DOMAIN]... [--] COMMAND [ARG]...\n   or: hpt-run [OPTION]... -s STUDY",
    .summary = "search: run a command with many configurations and record every trial; the same line "
               "again resumes",
    .options = run_options,
    .run = run,
};

int main(int argc, char **argv)
{
    return hpt_tool_main(&tool, argc, argv);
}
