/* hpt-replay: run a recorded trial again; is it the same, and if not, why not? */
#include "config.h"

#include "base/number.h"
#include "base/text.h"
#include "db/project.h"
#include "record/profile.h"
#include "run/workdir.h"
#include "show/terminal.h"
#include "study/name.h"
#include "study/recorded-bundle.h"
#include "study/suggest.h"
#include "tools/replay_show.h"
#include "tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static gboolean opt_suggest, opt_check, opt_no_record, opt_strict, opt_strict_files, opt_now, opt_in_place,
    opt_deterministic, opt_no_header,
    opt_quiet, opt_verbose;
static char *opt_study, *opt_fold, *opt_runs, *opt_keep, *opt_format, *opt_dsn, *opt_directory;
static char **opt_tolerances, **opt_sets;

static const GOptionEntry options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &opt_study, "the study of TRIAL", "NAME"},
    {"check", 'n', 0, G_OPTION_ARG_NONE, &opt_check,
     "only say what is there of what the trial had; run nothing", NULL},
    {"suggest", 0, 0, G_OPTION_ARG_NONE, &opt_suggest,
     "run nothing: make the proposals of TRIAL or STUDY again, and compare", NULL},
    {"fold", 0, 0, G_OPTION_ARG_STRING, &opt_fold, "only this fold of the trial", "K"},
    {"runs", 0, 0, G_OPTION_ARG_STRING, &opt_runs,
     "run it so often: how far apart runs here are is what is tolerated", "N"},
    {"tolerance", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_tolerances,
     "how far a metric, or the numbers of an output, may be off: NAME=EPS or NAME=EPS%, repeatable",
     "NAME=EPS"},
    {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_sets,
     "a variable of the environment, instead of what was recorded, repeatable", "NAME=VALUE"},
    {"current-env", 0, 0, G_OPTION_ARG_NONE, &opt_now,
     "all variables as they are here, instead of those recorded", NULL},
    {"in-place", 0, 0, G_OPTION_ARG_NONE, &opt_in_place,
     "in the project as it is, not in restored files", NULL},
    {"deterministic", 0, 0, G_OPTION_ARG_NONE, &opt_deterministic,
     "one thread, fixed kernels, seeds, locale and addresses, see hpt-run(1)", NULL},
    {"strict-env", 0, 0, G_OPTION_ARG_NONE, &opt_strict,
     "run nothing if the environment differs", NULL},
    {"strict-files", 0, 0, G_OPTION_ARG_NONE, &opt_strict_files,
     "run nothing if the trial wrote files outside the project", NULL},
    {"keep", 0, 0, G_OPTION_ARG_FILENAME, &opt_keep, "run in this new folder, and leave it there",
     "DIR"},
    {"no-record", 0, 0, G_OPTION_ARG_NONE, &opt_no_record, "only look: record nothing", NULL},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &opt_format,
     "table, tsv, csv, jsonl, json, md or env; table on a terminal, else tsv", "FORMAT"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &opt_no_header, "no line with the column names", NULL},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "the database, instead of the project's", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory,
     "look for the project from this folder upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no summary on standard error", NULL},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &opt_verbose, "checks that found nothing, too", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
    HptProject *project;
    HptDb *db;
    HptObjects objects;
    HptResources *resources;
    char *root;   /* the folder above .hpt; NULL: there is none */
    char *folder; /* where everything runs, absolute */
    int held;     /* the folder, locked for as long as we are; -1: not */
    char **sets;  /* NULL-terminated; NULL: none */
    GArray *tolerances;
    ReplayShow *show;
    cpu_set_t cpus;
    sigset_t waiting;
    int runs, fold;
} Replay;

/* ---- signals ---- */

static volatile sig_atomic_t interrupts, last_signal;

static void on_signal(int signal)
{
    last_signal = signal;
    interrupts = MIN(interrupts + 1, 3);
}

static void catch_signals(sigset_t *waiting)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        struct sigaction old;
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        sigaddset(&blocked, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN); /* errors of write instead */
    sigprocmask(SIG_BLOCK, &blocked, waiting);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sigdelset(waiting, signals[i]);
}

/* ---- what is run again ---- */

static HptPreflight *look(Replay *replay, const HptRecorded *recorded, const char *folder,
                          GError **error)
{
    HptPreflightInput input = {
        .recorded = recorded,
        .project = replay->root,
        .folder = folder,
        .environment = (const char *const *)environ,
        .sets = (const char *const *)replay->sets,
        .variables_of_now = opt_now,
        .fix_addresses = opt_deterministic,
        .cpus = &replay->cpus,
        .objects = &replay->objects,
        .in_place = opt_in_place,
    };
    return hpt_preflight_new(&input, error);
}

/* A folder of its own for each run, so that the trial's has the name it had. */
static char *make_folder(const Replay *replay, const HptRecorded *recorded, int run, GError **error)
{
    g_autofree char *folder =
        g_strdup_printf("%s/%d.%d", replay->folder, recorded->evaluation, run);
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", folder);
        return NULL;
    }
    return g_steal_pointer(&folder);
}

static void free_rerun(void *rerun)
{
    hpt_rerun_free(rerun);
}

static HptRerun *run_once(Replay *replay, const HptRecorded *recorded, const char *folder,
                          const HptPreflight *preflight, GError **error)
{
    HptRerunSpec spec = {
        .recorded = recorded,
        .definition = preflight->definition,
        .folder = folder,
        .env = (const char *const *)preflight->env,
        .resume = preflight->resume,
        .resources = replay->resources,
        .interrupts = &interrupts,
        .sigmask = &replay->waiting,
    };
    return hpt_rerun(&spec, error);
}

/* The first run has been prepared; the others, which measure the noise, are prepared like it. NULL
 * without an error: interrupted. */
static GPtrArray *run_all(Replay *replay, const HptRecorded *recorded, const char *folder,
                          const HptPreflight *preflight, GError **error)
{
    g_autoptr(GPtrArray) reruns = g_ptr_array_new_with_free_func(free_rerun);
    for (int i = 0; i < replay->runs; i++) {
        g_autofree char *own = i == 0 ? g_strdup(folder) : make_folder(replay, recorded, i + 1, error);
        g_autoptr(HptPreflight) again =
            own == NULL || i == 0 ? NULL : look(replay, recorded, own, error);
        if (own == NULL || (i > 0 && again == NULL))
            return NULL;
        HptRerun *rerun = run_once(replay, recorded, own, i == 0 ? preflight : again, error);
        if (rerun == NULL)
            return NULL;
        g_ptr_array_add(reruns, rerun);
        if (interrupts > 0)
            return NULL;
    }
    return g_steal_pointer(&reruns);
}

static char *trial_text(const HptRecorded *recorded)
{
    return recorded->part ? g_strdup_printf("trial %s/%" PRId64 ", evaluation %d", recorded->study,
                                            recorded->trial, recorded->evaluation)
                          : g_strdup_printf("trial %s/%" PRId64, recorded->study, recorded->trial);
}

static void summarise(const HptRecorded *recorded, const HptVerdicts *verdicts,
                      const GPtrArray *reruns, const GPtrArray *causes)
{
    g_autofree char *trial = trial_text(recorded);
    int64_t wall_us = 0;
    for (guint i = 0; i < reruns->len; i++)
        wall_us += ((const HptRerun *)reruns->pdata[i])->wall_us;
    g_autofree char *time = hpt_duration_text(wall_us);
    hpt_tool_note("%s: %s (%u run%s, %s)", trial, hpt_replay_verdict_name(verdicts->verdict), reruns->len,
                  reruns->len == 1 ? "" : "s", time);
    if (verdicts->verdict != HPT_REPLAY_DIFFERS)
        return;
    const HptCause *cause = causes->len > 0 ? causes->pdata[0] : NULL;
    if (cause == NULL)
        hpt_tool_note("nothing that was recorded differs; --runs=3 tells whether runs here differ "
                      "from one another");
    else
        hpt_tool_note("likeliest cause: %s: %s %s: then %s, now %s", hpt_cause_name(cause->cause),
                      cause->kind, cause->name, cause->then == NULL ? "nothing" : cause->then,
                      cause->now == NULL ? "nothing" : cause->now);
}

static int judge(Replay *replay, const HptRecorded *recorded, const HptPreflight *preflight,
                 const GPtrArray *reruns, GError **error)
{
    const char *moved = hpt_preflight_moved(preflight);
    HptVerdictInput input = {
        .recorded = recorded,
        .reruns = reruns,
        .tolerances = (const HptTolerance *)(const void *)replay->tolerances->data,
        .n_tolerances = replay->tolerances->len,
        .objects = &replay->objects,
        .project_then = moved != NULL ? preflight->restored.base_then
                                      : hpt_items_get(recorded->facts, "process", "project"),
        .project_now = moved != NULL ? moved : replay->root,
    };
    g_autoptr(HptVerdicts) verdicts = hpt_verdicts_new(&input, error);
    if (verdicts == NULL)
        return HPT_EXIT_TOOL;
    g_autoptr(GPtrArray) causes = hpt_replay_causes(
        recorded, preflight, verdicts, reruns->pdata[0], moved != NULL ? NULL : replay->root);
    if (!replay_show_results(replay->show, recorded, verdicts, causes, error))
        return HPT_EXIT_TOOL;
    summarise(recorded, verdicts, reruns, causes);
    HptReplay record = {recorded, preflight, reruns, verdicts, causes, PACKAGE_VERSION};
    g_autofree char *id = hpt_uuid_new();
    if (!opt_no_record && !hpt_replay_record(replay->db, id, &record, error))
        return HPT_EXIT_DATABASE;
    return verdicts->verdict == HPT_REPLAY_DIFFERS ? HPT_EXIT_NO : HPT_EXIT_OK;
}

/* Owned; NULL: it may be run. */
static char *why_refused(const HptPreflight *preflight)
{
    char *missing = hpt_preflight_missing(preflight);
    if (missing != NULL)
        return missing;
    if (opt_strict && hpt_preflight_differs(preflight))
        return g_strdup("the environment differs (--strict-env)");
    if (opt_strict_files && preflight->written < 0)
        return g_strdup("which files it wrote is not recorded (--strict-files)");
    if (opt_strict_files && preflight->written > 0)
        return g_strdup_printf("it wrote outside the project: %s (--strict-files)",
                               preflight->written_first);
    return NULL;
}

/* One recorded run: checked, run, judged, recorded. The exit status. */
static int replay_one(Replay *replay, const HptRecorded *recorded, GError **error)
{
    g_autofree char *folder = make_folder(replay, recorded, 1, error);
    g_autoptr(HptPreflight) preflight =
        folder == NULL ? NULL : look(replay, recorded, folder, error);
    if (preflight == NULL ||
        !replay_show_checks(replay->show, recorded, preflight, error))
        return HPT_EXIT_TOOL;
    g_autofree char *trial = trial_text(recorded);
    g_autofree char *refusal = why_refused(preflight);
    if (refusal != NULL) {
        if (replay_show_end(replay->show, error))
            g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "%s cannot be run: %s", trial, refusal);
        return HPT_EXIT_NOT_FOUND;
    }
    if (preflight->written > 0)
        hpt_tool_note("%s: %s %" PRId64 " file%s outside the project: %s%s", trial,
                      opt_check ? "it would write" : "it writes", preflight->written,
                      preflight->written == 1 ? "" : "s", preflight->written_first,
                      preflight->written == 1 ? "" : " …");
    if (opt_check)
        return HPT_EXIT_OK;
    g_autoptr(GPtrArray) reruns = run_all(replay, recorded, folder, preflight, error);
    if (interrupts > 0)
        return HPT_EXIT_SIGNAL + last_signal;
    return reruns == NULL ? HPT_EXIT_TOOL : judge(replay, recorded, preflight, reruns, error);
}

static int replay_all(Replay *replay, const GPtrArray *runs, GError **error)
{
    int status = HPT_EXIT_OK;
    for (guint i = 0; i < runs->len; i++) {
        int one = replay_one(replay, runs->pdata[i], error);
        if (one > HPT_EXIT_NO)
            return one;
        status = MAX(status, one);
    }
    return replay_show_end(replay->show, error) ? status : HPT_EXIT_TOOL;
}

/* ---- the command line ---- */

/* The profile's variables, then those given by hand. */
static bool parse_sets(Replay *replay, GError **error)
{
    GPtrArray *sets = g_ptr_array_new();
    for (const char *const *set = hpt_profile_variables; opt_deterministic && *set != NULL; set++)
        g_ptr_array_add(sets, g_strdup(*set));
    bool fine = true;
    for (char **set = opt_sets; fine && set != NULL && *set != NULL; set++) {
        fine = strchr(*set, '=') != NULL && (*set)[0] != '=';
        if (fine)
            g_ptr_array_add(sets, g_strdup(*set));
        else
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--set takes NAME=VALUE, not '%s'",
                        *set);
    }
    g_ptr_array_add(sets, NULL);
    replay->sets = (char **)g_ptr_array_free(sets, false);
    return fine;
}

static void clear_tolerance(void *tolerance)
{
    hpt_tolerance_clear(tolerance);
}

static bool parse_options(Replay *replay, HptShow *show, GError **error)
{
    HptTerminal terminal =
        hpt_terminal_look(STDOUT_FILENO, (const char *const *)environ, HPT_COLOR_AUTO);
    *show = (HptShow){
        .format = terminal.tty ? HPT_FORMAT_TABLE : HPT_FORMAT_TSV,
        .no_header = opt_no_header,
        .width = terminal.tty ? terminal.width : 0,
        .utf8 = terminal.utf8,
        .color = terminal.color,
    };
    replay->tolerances = g_array_new(false, false, sizeof(HptTolerance));
    g_array_set_clear_func(replay->tolerances, clear_tolerance);
    for (char **text = opt_tolerances; text != NULL && *text != NULL; text++) {
        HptTolerance tolerance;
        if (!hpt_tolerance_parse(*text, &tolerance, error))
            return false;
        g_array_append_val(replay->tolerances, tolerance);
    }
    int64_t runs = replay->runs, fold = replay->fold;
    if (!hpt_tool_whole("runs", opt_runs, 1, 10000, &runs, error) ||
        !hpt_tool_whole("fold", opt_fold, 0, 65535, &fold, error))
        return false;
    replay->runs = (int)runs;
    replay->fold = (int)fold;
    return parse_sets(replay, error) &&
           (opt_format == NULL || hpt_format_parse(opt_format, &show->format, error));
}

/* ---- places ---- */

#define TEMPORARY "hpt-replay-" /* without a project: before the id, in TMPDIR */

/* The folder, locked (flock); -1: it is not to be had. */
static int hold(const char *folder, int how)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, how) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void remove_folder(const char *folder)
{
    g_autoptr(GError) ignored = NULL; /* what is left there costs room and nothing else */
    if (!hpt_workdir_remove(folder, &ignored))
        hpt_tool_note("%s", ignored->message);
}

/* Is it ours, and older than what a replay takes to hold its own? */
static bool may_sweep(const char *folder, bool at_once)
{
    struct stat info;
    return lstat(folder, &info) == 0 && info.st_uid == geteuid() &&
           (at_once || info.st_mtim.tv_sec + 60 < hpt_time_now_us() / G_USEC_PER_SEC);
}

/* Removes what replays that were killed have left: nobody holds it. at_once: none is being made meanwhile. */
static void sweep(const char *parent, const char *prefix, bool at_once)
{
    g_autoptr(GDir) names = g_dir_open(parent, 0, NULL);
    for (const char *name; names != NULL && (name = g_dir_read_name(names)) != NULL;) {
        g_autofree char *folder = g_build_filename(parent, name, NULL);
        bool ours = g_str_has_prefix(name, prefix) &&
                    g_uuid_string_is_valid(name + strlen(prefix)) && may_sweep(folder, at_once);
        int fd = ours ? hold(folder, LOCK_EX | LOCK_NB) : -1;
        if (fd < 0)
            continue;
        remove_folder(folder);
        close(fd);
    }
}

/* Makes the folder and holds it. Where others make theirs, too, one at a time, so that none is
 * swept before it is held. */
static bool make_held(Replay *replay, const char *shared, GError **error)
{
    int turn = shared != NULL ? hold(shared, LOCK_EX) : -1;
    if (turn >= 0)
        sweep(shared, "", true);
    bool made = mkdir(replay->folder, 0700) == 0;
    if (made)
        replay->held = hold(replay->folder, LOCK_EX | LOCK_NB);
    else
        hpt_error_set_errno(error, errno, "cannot make '%s'", replay->folder);
    if (turn >= 0)
        close(turn);
    return made;
}

static bool choose_folder(Replay *replay, GError **error)
{
    g_autofree char *id = hpt_uuid_new();
    g_autofree char *here = g_get_current_dir();
    g_autofree char *usual =
        replay->project == NULL
            ? g_strdup_printf("%s/" TEMPORARY "%s", g_get_tmp_dir(), id)
            : g_strdup_printf("%s/replays/%s", hpt_project_peek_folder(replay->project), id);
    replay->folder = opt_keep == NULL ? g_strdup(usual)
                     : g_path_is_absolute(opt_keep) ? g_strdup(opt_keep)
                                                    : g_build_filename(here, opt_keep, NULL);
    g_autofree char *parent = g_path_get_dirname(replay->folder);
    if (opt_keep == NULL && g_mkdir_with_parents(parent, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", parent);
        return false;
    }
    if (opt_keep == NULL && replay->project == NULL)
        sweep(parent, TEMPORARY, false);
    return make_held(replay, opt_keep == NULL && replay->project != NULL ? parent : NULL, error);
}

static bool open_project(Replay *replay, GError **error)
{
    HptProjectOptions where = {
        .dsn = opt_dsn,
        .directory = opt_directory,
        .application_name = "hpt-replay",
        .role = (opt_no_record || opt_check) && !opt_suggest ? HPT_ROLE_READER : HPT_ROLE_WRITER,
    };
    replay->project = hpt_project_open(&where, error);
    if (replay->project == NULL)
        return false;
    const char *folder = hpt_project_peek_folder(replay->project);
    replay->db = replay->objects.db = hpt_project_get_db(replay->project);
    /* A DSN alone has its files elsewhere, and nothing is below them. */
    if (g_str_has_suffix(folder, "/.hpt"))
        replay->root = g_path_get_dirname(folder);
    g_autofree char *objects = g_build_filename(folder, "objects", NULL);
    if (g_file_test(objects, G_FILE_TEST_IS_DIR)) {
        replay->objects.store = hpt_store_open_reading(objects, error);
        return replay->objects.store != NULL;
    }
    return true;
}

static void clear(Replay *replay)
{
    if (replay->folder != NULL && opt_keep == NULL && chdir("/") == 0)
        remove_folder(replay->folder);
    if (replay->held >= 0)
        close(replay->held);
    replay_show_free(replay->show);
    hpt_store_close(replay->objects.store);
    hpt_resources_free(replay->resources);
    hpt_project_close(replay->project);
    g_clear_pointer(&replay->tolerances, g_array_unref);
    g_strfreev(replay->sets);
    g_free(replay->folder);
    g_free(replay->root);
}

/* ---- proposals ---- */

static void tell_suggestion(int64_t trial, HptSuggestVerdict verdict, const char *note, void *user)
{
    int64_t *counts = user;
    if (!opt_no_header && counts[0] + counts[1] + counts[2] == 0)
        puts("trial\tproposal\tnote");
    counts[verdict]++;
    g_autofree char *shown = note == NULL ? g_strdup("") : hpt_text_printable(note, -1);
    printf("%" PRId64 "\t%s\t%s\n", trial, hpt_suggest_verdict_name(verdict), shown);
}

static bool suggest_of_bundle(const char *text, int64_t *counts, bool *done, GError **error)
{
    const char *inside = NULL;
    g_autofree char *path = NULL;
    *done = text != NULL && hpt_facts_is_bundle(text, &path, &inside);
    g_autofree char *named = opt_study == NULL ? g_strdup(inside)
                                               : g_strdup_printf("%s/%s", opt_study, inside == NULL ? "" : inside);
    return !*done || hpt_suggest_check_bundle(path, named, tell_suggestion, counts, error);
}

/* text: a trial, a study, or NULL: all of the study. */
static bool suggest_of_record(Replay *replay, const char *text, int64_t *counts, GError **error)
{
    g_auto(HptTrialName) name = {.trial = -1};
    if (!open_project(replay, error))
        return false;
    g_autoptr(GError) no_trial = NULL;
    if (text == NULL || !hpt_trial_name_find(replay->db, opt_study, text, &name, &no_trial)) {
        name.trial = -1;
        bool found = hpt_study_name_find(replay->db, text != NULL ? text : opt_study, &name.study, error);
        if (!found && text != NULL && strchr(text, '/') != NULL) { /* STUDY/TRIAL: which of them is not there? */
            g_clear_error(error);
            g_propagate_error(error, g_steal_pointer(&no_trial));
        }
        if (!found)
            return false;
    }
    return hpt_suggest_check(replay->db, name.study.study, name.trial, tell_suggestion, counts, error);
}

static int suggest(Replay *replay, const char *text, GError **error)
{
    int64_t counts[HPT_SUGGEST_COUNT] = {0};
    bool done = false;
    if (!suggest_of_bundle(text, counts, &done, error) ||
        (!done && !suggest_of_record(replay, text, counts, error)))
        return (int)hpt_error_exit(*error);
    if (!opt_quiet)
        hpt_tool_note("%" PRId64 " of %" PRId64 " proposals are made again%s", counts[HPT_SUGGEST_EQUAL],
                      counts[0] + counts[1] + counts[2],
                      counts[HPT_SUGGEST_UNKNOWN] > 0 ? "; of some it cannot be said" : "");
    return counts[HPT_SUGGEST_DIFFERS] + counts[HPT_SUGGEST_UNKNOWN] == 0 ? HPT_EXIT_OK : HPT_EXIT_NO;
}

static GPtrArray *read_record(Replay *replay, const char *text, GError **error)
{
    g_auto(HptTrialName) name = {0};
    return open_project(replay, error) &&
                   hpt_trial_name_find(replay->db, opt_study, text, &name, error)
               ? hpt_recorded_read(replay->db, name.study.study, name.trial, replay->fold, error)
               : NULL;
}

/* No database: nothing is recorded, and the objects are those of the bundle. */
static GPtrArray *read_bundle(Replay *replay, const char *path, const char *inside, GError **error)
{
    g_autofree char *named = opt_study == NULL ? g_strdup(inside)
                                               : g_strdup_printf("%s/%s", opt_study,
                                                                 inside == NULL ? "" : inside);
    opt_no_record = true;
    return hpt_recorded_read_bundle(path, named, replay->fold, error);
}

static bool unpack(Replay *replay, const char *path, const GPtrArray *runs, GError **error)
{
    g_autofree char *folder = g_build_filename(replay->folder, "objects", NULL);
    replay->objects.store = hpt_store_open(folder, error);
    return replay->objects.store != NULL && hpt_recorded_unpack(path, runs, replay->objects.store, error);
}

/* A name with a slip in it would leave the tolerance without effect, and nobody would know. */
static bool check_tolerances(const Replay *replay, const GPtrArray *runs, GError **error)
{
    for (guint i = 0; i < replay->tolerances->len; i++) {
        const char *name = g_array_index(replay->tolerances, HptTolerance, i).name;
        bool known = false;
        for (guint k = 0; k < runs->len; k++)
            known = known || hpt_verdict_knows(runs->pdata[k], name);
        if (!known) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "--tolerance: the trial has no metric and no output '%s'", name);
            return false;
        }
    }
    return true;
}

/* What ran a trial that was given out is not known. */
static bool check_inside(const HptRecorded *recorded, GError **error)
{
    if (!hpt_recorded_is_outside(recorded))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                "trial %s/%" PRId64 " cannot be run again: hpt-ask gave it out, and what ran it is not recorded\n"
                "hint: its proposal can be made again: hpt-replay --suggest %s/%" PRId64,
                recorded->study, recorded->trial, recorded->study, recorded->trial);
    return false;
}

static int work(Replay *replay, const char *text, const HptShow *format, GError **error)
{
    const char *inside = NULL;
    g_autofree char *path = NULL;
    g_autoptr(GPtrArray) runs = hpt_facts_is_bundle(text, &path, &inside)
                                    ? read_bundle(replay, path, inside, error)
                                    : read_record(replay, text, error);
    if (runs == NULL)
        return HPT_EXIT_NOT_FOUND;
    if (!check_inside(runs->pdata[0], error))
        return HPT_EXIT_NOT_FOUND;
    if (!check_tolerances(replay, runs, error))
        return HPT_EXIT_USAGE;
    HptResourcesInput needs = {.jobs = 1, .environment = (const char *const *)environ};
    replay->resources = hpt_resources_new(&needs, error);
    if (replay->resources == NULL || !choose_folder(replay, error) ||
        (path != NULL && !unpack(replay, path, runs, error)))
        return HPT_EXIT_TOOL;
    const HptRecorded *first = runs->pdata[0];
    ReplayShowOptions look_of = {*format, first->part, opt_verbose || opt_check};
    replay->show = replay_show_new(&look_of);
    if (sched_getaffinity(0, sizeof replay->cpus, &replay->cpus) != 0) {
        hpt_error_set_errno(error, errno, "cannot ask for the CPUs of this process");
        return HPT_EXIT_TOOL;
    }
    catch_signals(&replay->waiting);
    return replay_all(replay, runs, error);
}

static int run(int argc, char **argv, GError **error)
{
    HptShow format;
    Replay replay = {.runs = 1, .fold = -1, .held = -1};
    if (opt_suggest && argc <= 1) {
        int suggested = suggest(&replay, argc == 0 ? NULL : argv[0], error);
        clear(&replay);
        return suggested;
    }
    if (argc == 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "which trial? give its number, STUDY/NUMBER, best or last");
        return HPT_EXIT_USAGE;
    }
    if (argc > 1) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "argument %d '%s': one trial at a time",
                    hpt_tool_position(argv + 1), argv[1]);
        return HPT_EXIT_USAGE;
    }
    int status = parse_options(&replay, &format, error) ? work(&replay, argv[0], &format, error)
                                                        : HPT_EXIT_USAGE;
    clear(&replay);
    return status;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-replay", "[OPTION]... TRIAL|BUNDLE#TRIAL",
                                 "run a recorded trial again: is it the same, and if not, why not?",
                                 options, run};
    return hpt_tool_main(&tool, argc, argv);
}
