/* hpt-ask's command line: what was given, and the study that it means. */
#ifndef HPT_TOOLS_ASK_OPTIONS_H
#define HPT_TOOLS_ASK_OPTIONS_H

#include "db/project.h"
#include "study/ask.h"

/* As typed; NULL or false: not given. */
typedef struct {
    char *study, *count, *lease, *format, *sampler, *seed, *total, *space_file, *folds, *repeats, *budget, *pruner,
        *window, *wait, *db_wait, *dsn, *directory;
    char **metrics, **params, **points, **priors;
    gboolean serve, reserve_fold, ordered, no_default_trial, extend, no_header, allow_secrets, quiet;
} AskGiven;
extern AskGiven ask_given;
extern const GOptionEntry ask_options[];

typedef enum { ASK_JSONL, ASK_TSV, ASK_ENV } AskFormat;

typedef struct {
    int64_t count, total; /* total -1: not given */
    int64_t lease_us, patience_us, wait_us; /* wait 0: not given */
    int window;                             /* of an ordered study; 0: it is not ordered */
    int folds, repeats;                     /* 1: not given */
    uint64_t seed;
    AskFormat format;
} AskSettings;

/* Reads ask_given. Fails HPT_ERROR_USAGE, naming the option. */
bool ask_settings_parse(AskSettings *settings, GError **error) HPT_WARN_UNUSED;

/* NAME=VALUE arguments as an object; NULL-terminated. Fails HPT_ERROR_USAGE. */
json_t *ask_fixed_parse(char **argv, GError **error) HPT_WARN_UNUSED;

/* The study that the options name: found, made or extended, its total set. Owned. */
HptStudy *ask_study_open(const AskSettings *settings, HptDb *db, GError **error) HPT_WARN_UNUSED;

#endif
