/* hpt-run's command line: the option table, what was given, and what it means. */
#ifndef HPT_TOOLS_RUN_OPTIONS_H
#define HPT_TOOLS_RUN_OPTIONS_H

#include "show/format.h"
#include "study/worker.h"
#include "tools/run_show.h"

/* As typed; NULL or false: not given. */
typedef struct {
    char *study, *total, *more, *time, *jobs, *sampler, *seed, *window, *timeout, *grace, *retry, *space_file;
    char *input, *chdir, *cap, *code_max, *input_max, *failures, *restarts, *print, *format, *progress, *color, *dsn, *db_wait;
    char *directory, *folds, *repeats, *budget, *pruner, *max_cpu, *max_wall, *max_cost, *stall;
    char *contain, *limit_mem, *limit_cpu, *cores, *gpus, *gpus_per_trial, *via, *trace;
    char **metrics, **params, **points, **priors, **until, **inputs;
    gboolean ordered, reserve_fold, shell, worker, allow_unused, extend, no_default_trial, no_header, dry_run;
    gboolean quiet, verbose, allow_secrets, deterministic, no_code;
} RunGiven;
extern RunGiven run_given;
extern const GOptionEntry run_options[];

typedef struct {
    int64_t total, more; /* -1: not given */
    int64_t time_us, patience_us; /* 0: not given */
    int jobs;
    uint64_t seed;
    int window; /* of an ordered study; 0: none */
    int64_t timeout_us, grace_us, output_cap, code_max, input_max, max_failures;
    int folds, repeats;
    bool limited; /* --until, --stall, --max-… */
    int64_t max_cpu_us, max_wall_us, stall; /* 0: not given */
    int max_restarts;
    int64_t limit_mem_bytes, limit_cpu_us;
    HptContainChoice contain;
    int cores, gpus_per_trial; /* cores 0: not given */
    HptRetryTrials retry;
    RunProgress progress;
    bool print_all, print_best, stdin_json, chdir_trial;
    HptWorkerTrace trace;
    HptShow show;
} RunSettings;

/* Reads run_given. Fails HPT_ERROR_USAGE, naming the option. */
bool run_settings_parse(RunSettings *settings, GError **error) HPT_WARN_UNUSED;

/* --until, --stall, --max-cpu, --max-wall and --max-cost as the study keeps them (JSON, owned). Names
 * are those of -m. Fails HPT_ERROR_USAGE. */
char *run_limits_text(const RunSettings *settings, const HptDefinition *definition,
                      GError **error) HPT_WARN_UNUSED;

#endif
