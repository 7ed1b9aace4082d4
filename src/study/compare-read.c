#include "study/compare-read.h"

#include "base/number.h"
#include "study/compare-facts.h"
#include "study/name.h"
#include "study/study.h"

#include <string.h>

/* ---- content ---- */

typedef struct {
    HptDb *db;
    HptStore *store; /* NULL: no folder of objects */
} Source;

/* Small objects lie in the database, others in the folder, which may be another machine's. */
static char *read_content(void *data, const HptObjectId *id, size_t *length, GError **error)
{
    const Source *source = data;
    char hex[HPT_DIGEST_HEX_SIZE];
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, hpt_digest_hex(&id->digest, hex));
    g_autoptr(HptRows) rows = hpt_db_row(source->db, HPT_SQL_COMPARE_BYTES, args, error);
    if (rows == NULL)
        return NULL;
    if (!hpt_rows_null(rows, 0, 0)) {
        const void *bytes = hpt_rows_peek_bytea(rows, 0, 0, length);
        char *copy = g_malloc(*length + 1);
        memcpy(copy, bytes, *length);
        copy[*length] = '\0';
        return copy;
    }
    if (source->store == NULL)
        return NULL;
    return hpt_object_get(source->store, id, HPT_COMPARE_MAX, length, error);
}

/* ---- trials ---- */

typedef struct {
    HptDb *db;
    const char *study;
    int64_t trial;
    int attempt;               /* 0: the trial as it counts */
    HptDefinition *definition; /* NULL while it is only proposed */
    HptFacts *facts;
} Reading;

static HptArgs *trial_args(const Reading *reading, bool with_attempt)
{
    HptArgs *args = hpt_args_new();
    hpt_args_text(args, reading->study);
    hpt_args_int8(args, reading->trial);
    if (with_attempt && reading->attempt > 0)
        hpt_args_int4(args, reading->attempt);
    else if (with_attempt)
        hpt_args_null(args, HPT_TYPE_INT4);
    return args;
}

static bool add_parts(const Reading *reading, GError **error)
{
    g_autoptr(HptArgs) args = trial_args(reading, false);
    g_autoptr(HptRows) rows = hpt_db_rows(reading->db, HPT_SQL_COMPARE_PARTS, args, error);
    if (rows == NULL)
        return false;
    size_t n = hpt_rows_count(rows);
    g_autofree HptFactsPart *parts = g_new(HptFactsPart, n + 1);
    for (size_t i = 0; i < n; i++)
        parts[i] = (HptFactsPart){
            .name = hpt_rows_peek_text(rows, i, 0),
            .part = {.budget = hpt_rows_null(rows, i, 1) ? 0 : hpt_rows_float8(rows, i, 1),
                     .fold = hpt_rows_int4(rows, i, 2),
                     .repeat = hpt_rows_int4(rows, i, 3),
                     .value = hpt_rows_float8(rows, i, 4)},
        };
    hpt_facts_add_parts(reading->facts, reading->definition->folds, parts, n);
    return true;
}

static bool add_metrics(const Reading *reading, bool has_parts, GError **error)
{
    g_autoptr(HptArgs) args = trial_args(reading, true);
    g_autoptr(HptRows) rows = hpt_db_rows(reading->db, HPT_SQL_COMPARE_METRICS, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++)
        hpt_facts_add_number(reading->facts, HPT_SECTION_METRICS, "",
                             hpt_rows_peek_text(rows, i, 0), hpt_rows_float8(rows, i, 1));
    return !has_parts || reading->attempt > 0 || add_parts(reading, error);
}

static bool add_environment(HptDb *db, const char *environment, HptFacts *facts, GError **error)
{
    if (environment == NULL) {
        facts->sections &= ~HPT_SECTION_BIT(ENVIRONMENT);
        return true;
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, environment);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_COMPARE_ENVIRONMENT, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++)
        hpt_facts_add(facts, HPT_SECTION_ENVIRONMENT, hpt_rows_peek_text(rows, i, 0),
                      hpt_rows_peek_text(rows, i, 1), hpt_rows_peek_text(rows, i, 2));
    return true;
}

static bool add_code(HptDb *db, const char *code, HptFacts *facts, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, code);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_COMPARE_CODE, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0) { /* none was taken, or it is on its way */
        facts->sections &= ~HPT_SECTION_BIT(CODE);
        return true;
    }
    size_t length = 0;
    const void *canonical = hpt_rows_peek_bytea(rows, 0, 0, &length);
    return hpt_facts_add_code(facts, canonical, length, error);
}

/* Columns 14 to 16 of compare_trial.sql. */
static bool add_inputs(HptDb *db, const HptRows *trial, HptFacts *facts, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, hpt_rows_peek_text(trial, 0, 14));
    hpt_args_text(args, hpt_rows_peek_text(trial, 0, 15));
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_COMPARE_INPUTS, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_null(trial, 0, 14) ||
        hpt_rows_count(rows) < 1u + !hpt_rows_null(trial, 0, 15)) /* or on their way */
        facts->sections &= ~HPT_SECTION_BIT(INPUTS);
    hpt_facts_add(facts, HPT_SECTION_INPUTS, "", HPT_FACT_TRACE, hpt_rows_peek_text(trial, 0, 16));
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        size_t length = 0;
        const void *canonical = hpt_rows_peek_bytea(rows, i, 0, &length);
        if (!hpt_facts_add_inputs(facts, canonical, length, error))
            return false;
    }
    return true;
}

static bool add_artefacts(const Reading *reading, GError **error)
{
    g_autoptr(HptArgs) args = trial_args(reading, true);
    g_autoptr(HptRows) rows = hpt_db_rows(reading->db, HPT_SQL_COMPARE_ARTEFACTS, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        HptFactsArtefact artefact = {
            .kind = hpt_rows_peek_text(rows, i, 0),
            .path = hpt_rows_peek_text(rows, i, 1),
            .digest = hpt_rows_peek_text(rows, i, 2),
            .stored_size = hpt_rows_int8(rows, i, 3),
            .size = hpt_rows_int8(rows, i, 4),
            .full_digest = hpt_rows_peek_text(rows, i, 5),
            .mode = hpt_rows_null(rows, i, 6) ? -1 : hpt_rows_int4(rows, i, 6),
            .target = hpt_rows_peek_text(rows, i, 7),
            .note = hpt_rows_peek_text(rows, i, 8),
        };
        bool part = !hpt_rows_null(rows, i, 10) && reading->definition != NULL;
        g_autofree char *group =
            part ? hpt_facts_part_name(reading->definition, hpt_rows_float8(rows, i, 9),
                                       hpt_rows_int4(rows, i, 10), hpt_rows_int4(rows, i, 11))
                 : g_strdup("");
        hpt_facts_add_artefact(reading->facts, group, &artefact);
    }
    return true;
}

static void add_argv(HptFacts *facts, const HptRows *rows, size_t column)
{
    g_autoptr(GPtrArray) argv = hpt_rows_byteas(rows, 0, column);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; argv != NULL && i < argv->len; i++) {
        size_t length = 0;
        const char *word = g_bytes_get_data(argv->pdata[i], &length);
        g_ptr_array_add(words, g_strndup(word != NULL ? word : "", length));
    }
    hpt_facts_add_words(facts, (const char *const *)words->pdata, words->len);
}

/* Columns of compare_trial.sql. */
static bool add_run(Reading *reading, const HptRows *rows, GError **error)
{
    HptFacts *facts = reading->facts;
    HptFactsRun run = {
        .state = hpt_rows_peek_text(rows, 0, 0),
        .has_seed = !hpt_rows_null(rows, 0, 2),
        .seed = hpt_rows_int8(rows, 0, 2),
        .cause = hpt_rows_peek_text(rows, 0, 4),
        .has_exit_status = !hpt_rows_null(rows, 0, 5),
        .exit_status = hpt_rows_int4(rows, 0, 5),
        .has_signal = !hpt_rows_null(rows, 0, 6),
        .signal = hpt_rows_int4(rows, 0, 6),
        .has_seconds = !hpt_rows_null(rows, 0, 7),
        .seconds = hpt_rows_float8(rows, 0, 7),
        .has_max_rss = !hpt_rows_null(rows, 0, 8),
        .max_rss_bytes = hpt_rows_int8(rows, 0, 8),
        .has_parent = !hpt_rows_null(rows, 0, 12),
        .parent = hpt_rows_int8(rows, 0, 12),
    };
    hpt_facts_add_run(facts, &run);
    add_argv(facts, rows, 9);
    size_t length = 0;
    const char *config = hpt_rows_peek_bytea(rows, 0, 3, &length);
    return hpt_facts_add_config(facts, HPT_SECTION_PARAMETERS, "", config, length, error) &&
           add_environment(reading->db, hpt_rows_peek_text(rows, 0, 10), facts, error) &&
           add_code(reading->db, hpt_rows_peek_text(rows, 0, 13), facts, error) &&
           add_inputs(reading->db, rows, facts, error);
}

static bool read_trial(Reading *reading, GError **error)
{
    g_autoptr(HptArgs) args = trial_args(reading, true);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(reading->db, HPT_SQL_COMPARE_TRIAL, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "there is no %s", reading->facts->label);
        return false;
    }
    if (!hpt_rows_null(rows, 0, 1)) {
        reading->definition =
            hpt_study_definition(reading->db, reading->study, hpt_rows_int4(rows, 0, 1), error);
        if (reading->definition == NULL)
            return false;
        hpt_facts_add_limits(reading->facts, reading->definition);
    }
    bool has_parts = hpt_rows_bool(rows, 0, 11) && reading->definition != NULL;
    return add_run(reading, rows, error) && add_metrics(reading, has_parts, error) &&
           add_artefacts(reading, error);
}

HptFacts *hpt_facts_read_trial(HptDb *db, HptStore *store, const char *study, int64_t trial,
                               int attempt, GError **error)
{
    g_autofree char *label = attempt > 0
                                 ? g_strdup_printf("%s/%" PRId64 ".%d", study, trial, attempt)
                                 : g_strdup_printf("%s/%" PRId64, study, trial);
    g_autoptr(HptFacts) facts = hpt_facts_new(label, HPT_SECTIONS_TRIAL);
    Source *source = g_new0(Source, 1);
    *source = (Source){.db = db, .store = store};
    facts->study = g_strdup(study);
    facts->trial = trial;
    facts->read = read_content;
    facts->source = source;
    facts->free_source = g_free;
    Reading reading = {
        .db = db, .study = study, .trial = trial, .attempt = attempt, .facts = facts};
    bool ok = read_trial(&reading, error);
    hpt_definition_free(reading.definition);
    if (!ok)
        return NULL;
    hpt_facts_end(facts);
    return g_steal_pointer(&facts);
}

/* ---- studies ---- */

/* Columns of compare_study.sql. */
static bool add_results(HptFacts *facts, const HptRows *rows, GError **error)
{
    HptFactsResults results = {
        .has_total = !hpt_rows_null(rows, 0, 0),
        .total = hpt_rows_int8(rows, 0, 0),
        .limits = hpt_rows_peek_text(rows, 0, 1),
        .stopped = hpt_rows_peek_text(rows, 0, 2),
        .has_best = !hpt_rows_null(rows, 0, 9),
        .best = hpt_rows_int8(rows, 0, 9),
        .objective = hpt_rows_peek_text(rows, 0, 10),
        .value = hpt_rows_float8(rows, 0, 11),
    };
    for (size_t i = 0; i < HPT_FACTS_COUNTS; i++)
        results.counts[i] = hpt_rows_int8(rows, 0, 3 + i);
    results.config = hpt_rows_peek_bytea(rows, 0, 12, &results.config_length);
    return hpt_facts_add_results(facts, &results, error);
}

HptFacts *hpt_facts_read_study(HptDb *db, const char *study, GError **error)
{
    g_autofree char *label = g_strconcat(study, "/", NULL);
    g_autoptr(HptFacts) facts = hpt_facts_new(label, HPT_SECTIONS_STUDY);
    facts->study = g_strdup(study);
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_COMPARE_STUDY, args, error);
    if (rows == NULL)
        return NULL;
    g_autoptr(HptDefinition) definition = hpt_study_definition(db, study, 0, error);
    if (definition == NULL)
        return NULL;
    hpt_facts_add_definition(facts, definition);
    if (!add_results(facts, rows, error))
        return NULL;
    hpt_facts_end(facts);
    return g_steal_pointer(&facts);
}

/* ---- environments ---- */

HptFacts *hpt_facts_read_environment(HptDb *db, const char *hex, GError **error)
{
    g_autofree char *prefix = g_ascii_strdown(hex, -1);
    size_t digits = strspn(prefix, "0123456789abcdef");
    if (digits < 4 || digits > 64 || prefix[digits] != '\0') {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "'env:%s': an environment is named by 4 to 64 hexadecimal digits", hex);
        return NULL;
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, prefix);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_ENVIRONMENT_FIND, args, error);
    if (rows == NULL)
        return NULL;
    if (hpt_rows_count(rows) != 1) {
        bool none = hpt_rows_count(rows) == 0;
        g_set_error(error, HPT_ERROR, none ? HPT_ERROR_NOT_FOUND : HPT_ERROR_USAGE,
                    none ? "there is no environment '%s'"
                         : "'%s' fits several environments\nhint: give more digits",
                    prefix);
        return NULL;
    }
    const char *digest = hpt_rows_peek_text(rows, 0, 0);
    g_autofree char *label = g_strdup_printf("env:%.12s", digest);
    g_autoptr(HptFacts) facts = hpt_facts_new(label, HPT_SECTIONS_ENVIRONMENT);
    if (!add_environment(db, digest, facts, error))
        return NULL;
    hpt_facts_end(facts);
    return g_steal_pointer(&facts);
}

/* ---- operands ---- */

/* "17.2": the attempt at its end, and *trial the text before; 0: there is none. */
static int attempt_of(const char *text, char **trial)
{
    const char *slash = strrchr(text, '/'), *form = slash != NULL ? slash + 1 : text;
    size_t digits = strspn(form, "0123456789");
    int64_t attempt = 0;
    if (digits == 0 || form[digits] != '.' || !g_ascii_isdigit(form[digits + 1]) ||
        !hpt_integer_parse(form + digits + 1, &attempt) || attempt < 1 || attempt > INT_MAX)
        return 0;
    *trial = g_strndup(text, (size_t)(form - text) + digits);
    return (int)attempt;
}

HptFacts *hpt_facts_read(HptDb *db, HptStore *store, const char *study, const char *text,
                         GError **error)
{
    if (g_str_has_prefix(text, "env:"))
        return hpt_facts_read_environment(db, text + strlen("env:"), error);
    if (g_str_has_suffix(text, "/")) {
        g_autofree char *name = g_strndup(text, strlen(text) - 1);
        g_auto(HptStudyName) found = {0};
        return hpt_study_name_find(db, name, &found, error)
                   ? hpt_facts_read_study(db, found.study, error)
                   : NULL;
    }
    g_autofree char *before = NULL;
    int attempt = attempt_of(text, &before);
    g_auto(HptTrialName) name = {0};
    if (!hpt_trial_name_find(db, study, before != NULL ? before : text, &name, error))
        return NULL;
    return hpt_facts_read_trial(db, store, name.study.study, name.trial, attempt, error);
}
