#include "tools/ask_options.h"

#include "base/text.h"
#include "record/secret.h"
#include "run/capture.h"
#include "run/trial.h"
#include "study/name.h"
#include "tools/space_option.h"
#include "tools/study_option.h"
#include "tools/tool.h"

#include <string.h>

#define MOST_COUNT 10000

AskGiven ask_given;

const GOptionEntry ask_options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &ask_given.study, "name of the study (the only one)", "NAME"},
    {"count", 'N', 0, G_OPTION_ARG_STRING, &ask_given.count, "how many trials (1)", "N"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &ask_given.format, "jsonl, tsv or env (jsonl)", "FORMAT"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &ask_given.no_header, "no line with the column names", NULL},
    {"lease", 0, 0, G_OPTION_ARG_STRING, &ask_given.lease, "how long until a trial is given out again (1h)", "DURATION"},
    {"space", 0, 0, G_OPTION_ARG_FILENAME, &ask_given.space_file, "file of the search space, see hpt-space(5): makes the study", "FILE"},
    {"param", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &ask_given.params, "one statement of the search space, repeatable: makes the study", "STATEMENT"},
    {"metric", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &ask_given.metrics, "NAME[:min|max|track|le=V|ge=V], repeatable", "METRIC"},
    {"sampler", 0, 0, G_OPTION_ARG_STRING, &ask_given.sampler, "auto, cmaes, de, forest, gp, grid, nsga2, nsga3, random, sobol, tpe (auto)", "NAME"},
    {"seed", 0, 0, G_OPTION_ARG_STRING, &ask_given.seed, "seed of the study (chosen at random)", "N"},
    {"total", 't', 0, G_OPTION_ARG_STRING, &ask_given.total, "trials in all (no end)", "N"},
    {"point", 0, 0, G_OPTION_ARG_STRING_ARRAY, &ask_given.points, "a configuration to try first, as JSON, repeatable", "JSON"},
    {"prior", 0, 0, G_OPTION_ARG_STRING_ARRAY, &ask_given.priors, "begin with what an earlier study found, repeatable", "STUDY"},
    {"folds", 0, 0, G_OPTION_ARG_STRING, &ask_given.folds, "a trial is K folds, given out one by one", "K"},
    {"repeats", 0, 0, G_OPTION_ARG_STRING, &ask_given.repeats, "a trial is R runs, or R of each fold", "R"},
    {"reserve-fold", 0, 0, G_OPTION_ARG_NONE, &ask_given.reserve_fold, "keep the last fold from the search", NULL},
    {"budget", 0, 0, G_OPTION_ARG_STRING, &ask_given.budget, "rungs of a budget, LO..HI[:ETA]", "RANGE"},
    {"pruner", 0, 0, G_OPTION_ARG_STRING, &ask_given.pruner, "what stops trials early: auto, none, median, asha, race… (auto)", "NAME"},
    {"ordered", 0, 0, G_OPTION_ARG_NONE, &ask_given.ordered, "the same study with any number of loops", NULL},
    {"window", 0, 0, G_OPTION_ARG_STRING, &ask_given.window, "trials of an ordered study at a time (one with -N 1, else 2 COUNT - 1)", "N"},
    {"no-default-trial", 0, 0, G_OPTION_ARG_NONE, &ask_given.no_default_trial, "do not begin with the default configuration", NULL},
    {"extend", 0, 0, G_OPTION_ARG_NONE, &ask_given.extend, "let the space of an existing study be widened", NULL},
    {"allow-secrets", 0, 0, G_OPTION_ARG_NONE, &ask_given.allow_secrets, "keep what looks like a password or a token", NULL},
    {"wait", 0, 0, G_OPTION_ARG_STRING, &ask_given.wait, "for a trial that may come, instead of status 1 (do not)", "DURATION"},
    {"serve", 0, 0, G_OPTION_ARG_NONE, &ask_given.serve, "answer lines of JSON on standard input", NULL},
    {"db-wait", 0, 0, G_OPTION_ARG_STRING, &ask_given.db_wait, "give up if the database is away for longer (5m)", "DURATION"},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &ask_given.dsn, "database, instead of that of .hpt", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &ask_given.directory, "look for .hpt from here upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &ask_given.quiet, "no notes", NULL},
    G_OPTION_ENTRY_NULL,
};

static bool parse_format(AskFormat *out, GError **error)
{
    static const char *const names[] = {"jsonl", "tsv", "env", NULL};
    const char *text = ask_given.format;
    for (int i = 0; names[i] != NULL; i++)
        if (text == NULL || strcmp(text, names[i]) == 0) {
            *out = (AskFormat)i;
            return true;
        }
    const char *near = hpt_suggest(text, names);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown format '%s'%s%s%s", text,
                near == NULL ? "; it is one of jsonl, tsv, env" : "; did you mean '", near == NULL ? "" : near,
                near == NULL ? "" : "'?");
    return false;
}

bool ask_settings_parse(AskSettings *settings, GError **error)
{
    int64_t seed = 0, window = 0;
    *settings = (AskSettings){.count = 1, .total = -1, .lease_us = HPT_ASK_LEASE_US};
    if (!hpt_tool_whole("count", ask_given.count, 1, MOST_COUNT, &settings->count, error) ||
        !hpt_tool_whole("total", ask_given.total, 0, INT64_C(1) << 53, &settings->total, error) ||
        !hpt_tool_whole("seed", ask_given.seed, 0, (INT64_C(1) << 53) - 1, &seed, error) ||
        !hpt_tool_whole("window", ask_given.window, 1, 65535, &window, error) ||
        !study_option_parts(ask_given.folds, ask_given.repeats, &settings->folds, &settings->repeats, error) ||
        !hpt_tool_span("wait", ask_given.wait, &settings->wait_us, error) ||
        !hpt_tool_span("lease", ask_given.lease, &settings->lease_us, error) ||
        !hpt_tool_span("db-wait", ask_given.db_wait, &settings->patience_us, error) ||
        !parse_format(&settings->format, error))
        return false;
    settings->seed = (uint64_t)seed;
    if (ask_given.window != NULL && !ask_given.ordered) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "--window needs --ordered");
        return false;
    }
    if (ask_given.ordered)
        settings->window = (int)(window > 0 ? window : 2 * settings->count - 1);
    if (settings->lease_us < HPT_ASK_LEASE_MIN_US || settings->lease_us > HPT_ASK_LEASE_MAX_US) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--lease is from one second to a year, not '%s'",
                    ask_given.lease);
        return false;
    }
    if (settings->format == ASK_ENV && settings->count > 1) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--format=env is for one trial: variables have one value (--count)");
        return false;
    }
    return true;
}

json_t *ask_fixed_parse(char **argv, GError **error)
{
    g_autoptr(json_t) fixed = json_object();
    for (; *argv != NULL; argv++) {
        const char *equals = strchr(*argv, '=');
        g_autofree char *name = equals == NULL ? NULL : g_strndup(*argv, (size_t)(equals - *argv));
        const char *problem = equals == NULL || equals == *argv            ? "it is no NAME=VALUE"
                              : !g_utf8_validate(*argv, -1, NULL)          ? "it is not UTF-8"
                              : json_object_get(fixed, name) != NULL       ? "the parameter has a value already"
                              : strstr(equals + 1, "..") != NULL           ? "it is a domain, not a value"
                                                                           : NULL;
        if (problem != NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "argument %d '%s': %s%s", hpt_tool_position(argv), *argv,
                        problem, strstr(problem, "domain") == NULL ? "" : "\nhint: -p makes the search space");
            return NULL;
        }
        json_object_set_new(fixed, name, json_string(equals + 1));
    }
    return g_steal_pointer(&fixed);
}

/* ---- the study ---- */

static HptSpace *parse_space(GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    return space_option_add(builder, ask_given.space_file, ask_given.params, error) ? space_option_end(builder, error)
                                                                                   : NULL;
}

/* Numbers come by hpt-tell: there is no output in which one could be looked for. */
static bool check_metrics(const HptMetrics *metrics, GError **error)
{
    for (size_t i = 0; i < hpt_metrics_size(metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(metrics, i);
        if (metric->source == HPT_SOURCE_AUTO)
            continue;
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "metric '%s': its numbers come by hpt-tell, so it has no source", metric->canonical);
        return false;
    }
    return true;
}

static HptDefinition *parse_definition(const AskSettings *settings, GError **error)
{
    g_autoptr(HptSpace) space = parse_space(error);
    if (space == NULL)
        return NULL;
    HptDefinitionInput input = {
        .no_default_trial = ask_given.no_default_trial,
        .space = space,
        .metrics = (const char *const *)ask_given.metrics,
        .points = (const char *const *)ask_given.points,
        .sampler = ask_given.sampler,
        .window = settings->window,
        .seed = ask_given.seed != NULL ? &settings->seed : NULL,
        .grace_us = HPT_RUN_GRACE_US,
        .output_cap = HPT_CAPTURE_CAP,
        .folds = settings->folds,
        .repeats = settings->repeats,
        .reserve_fold = ask_given.reserve_fold,
        .budget = ask_given.budget,
        .pruner = ask_given.pruner,
        .contain = HPT_CONTAIN_AUTO,
    };
    if (ask_given.metrics == NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "a search space without -m: what is told of its trials?");
        return NULL;
    }
    g_autoptr(HptDefinition) definition = hpt_definition_new(&input, error);
    HptSecret secret;
    if (definition == NULL || !check_metrics(definition->metrics, error))
        return NULL;
    if (!ask_given.allow_secrets &&
        hpt_secret_find(definition->canonical, strlen(definition->canonical), 0, &secret)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "the definition holds what looks like a secret (%s), and it would be kept in the record\n"
                    "hint: if it is none, add --allow-secrets",
                    secret.kind);
        return NULL;
    }
    return g_steal_pointer(&definition);
}

/* One that somebody else made at this moment is compared like any other. */
static HptStudy *make_study(const AskSettings *settings, HptDb *db, GError **error)
{
    g_autoptr(HptStudy) study = NULL;
    StudyGiven line = {
        .sampler = ask_given.sampler != NULL,
        .seed = ask_given.seed != NULL,
        .pruner = ask_given.pruner != NULL,
        .window = ask_given.window != NULL,
        .extend = ask_given.extend,
        .priors = ask_given.priors,
    };
    if (ask_given.study == NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "a search space makes a study, which needs a name: -s NAME");
        return NULL;
    }
    g_autoptr(HptDefinition) given =
        hpt_study_name_check(ask_given.study, error) ? parse_definition(settings, error) : NULL;
    if (given == NULL || !hpt_study_find(db, ask_given.study, &study, error))
        return NULL;
    if (study == NULL)
        study = study_option_make(db, ask_given.study, settings->total, given, &line, error);
    return study != NULL && study_option_compare(db, study, given, &line, error) ? g_steal_pointer(&study) : NULL;
}

/* Without a search space the study is there already. */
static bool check_alone(GError **error)
{
    const struct {
        bool given;
        const char *what;
    } parts[] = {{ask_given.metrics != NULL, "-m"},
                 {ask_given.sampler != NULL, "--sampler"},
                 {ask_given.seed != NULL, "--seed"},
                 {ask_given.points != NULL, "--point"},
                 {ask_given.priors != NULL, "--prior"},
                 {ask_given.folds != NULL, "--folds"},
                 {ask_given.repeats != NULL, "--repeats"},
                 {ask_given.reserve_fold, "--reserve-fold"},
                 {ask_given.budget != NULL, "--budget"},
                 {ask_given.pruner != NULL, "--pruner"},
                 {ask_given.ordered, "--ordered"},
                 {ask_given.no_default_trial, "--no-default-trial"},
                 {ask_given.extend, "--extend"}};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (parts[i].given) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "%s without a search space\nhint: -p or --space, with which a study is made", parts[i].what);
            return false;
        }
    return true;
}

/* What is asked for is recorded: with several studies none is guessed. */
static HptStudy *find_study(HptDb *db, GError **error)
{
    g_auto(HptStudyName) name = {0};
    if (ask_given.study != NULL)
        return hpt_study_open(db, ask_given.study, error);
    if (!hpt_study_name_find(db, NULL, &name, error))
        return NULL;
    if (name.chosen) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "which study? there are %" PRId64 "\nhint: -s NAME", name.count);
        return NULL;
    }
    return hpt_study_open(db, name.study, error);
}

static bool settle_total(const AskSettings *settings, HptDb *db, HptStudy *study, GError **error)
{
    HptStudyCounts counts;
    if (settings->total < 0 || settings->total == study->total)
        return true;
    if (!hpt_study_counts(db, study->name, &counts, error))
        return false;
    if (settings->total >= counts.trials)
        return hpt_study_set_total(db, study, settings->total, error);
    hpt_tool_note("study '%s' has %" PRId64 " trials already, more than %" PRId64, study->name, counts.trials,
                  settings->total);
    return true;
}

HptStudy *ask_study_open(const AskSettings *settings, HptDb *db, GError **error)
{
    bool made = ask_given.space_file != NULL || ask_given.params != NULL;
    if (!made && !check_alone(error))
        return NULL;
    g_autoptr(HptStudy) study = made ? make_study(settings, db, error) : find_study(db, error);
    if (study == NULL || !settle_total(settings, db, study, error))
        return NULL;
    return g_steal_pointer(&study);
}
