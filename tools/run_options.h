/* hpt-run's command line: the option table, what was given, and what it means. */
#ifndef HPT_TOOLS_RUN_OPTIONS_H
#define HPT_TOOLS_RUN_OPTIONS_H

#include "show/format.h"
#include "study/worker.h"
#include "tools/run_show.h"

/* As typed; NULL or false: not given. */
typedef struct {
    char *study, *total, *more, *time, *jobs, *sampler, *seed, *timeout, *grace, *retry, *space_file;
    char *input, *chdir, *cap, *failures, *print, *format, *progress, *color, *dsn, *directory, *db_wait;
    char **metrics, **params, **points;
    gboolean shell, allow_unused, extend, no_default_trial, no_header, dry_run, quiet, verbose;
} RunGiven;
extern RunGiven run_given;
extern const GOptionEntry run_options[];

typedef struct {
    int64_t total, more; /* -1: not given */
    int64_t time_us, patience_us; /* 0: not given */
    int jobs;
    uint64_t seed;
    int64_t timeout_us, grace_us, output_cap, max_failures;
    HptRetryTrials retry;
    RunProgress progress;
    bool print_all, print_best, stdin_json, chdir_trial;
    HptShow show;
} RunSettings;

/* Reads run_given. Fails HPT_ERROR_USAGE, naming the option. */
bool run_settings_parse(RunSettings *settings, GError **error) HPT_WARN_UNUSED;

#endif
