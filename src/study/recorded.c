#include "study/recorded.h"

#include "record/codetext.h"
#include "study/cause.h"

#include <string.h>

/* ---- memory ---- */

static void clear_metric(void *data)
{
    HptRecordedMetric *metric = data;
    g_free(metric->name);
    g_free(metric->rule);
}

static void clear_point(void *data)
{
    HptRecordedPoint *point = data;
    g_free(point->name);
}

static void clear_output(void *data)
{
    HptRecordedOutput *output = data;
    g_free(output->kind);
    g_free(output->path);
    g_free(output->target);
    g_free(output->note);
}

static void clear_input(void *data)
{
    HptRecordedInput *input = data;
    g_free(input->path);
    g_free(input->role);
    g_free(input->state);
}

void hpt_item_free(HptItem *fact)
{
    if (fact == NULL)
        return;
    g_free(fact->kind);
    g_free(fact->name);
    g_free(fact->value);
    g_free(fact);
}

static void free_fact(void *fact)
{
    hpt_item_free(fact);
}

HptRecorded *hpt_recorded_new(void)
{
    HptRecorded *run = g_new0(HptRecorded, 1);
    run->exit_status = -1;
    run->resume_trial = run->stop_step = -1;
    run->code_changed = g_ptr_array_new_with_free_func(g_free);
    run->facts = g_ptr_array_new_with_free_func(free_fact);
    run->metrics = g_array_new(false, false, sizeof(HptRecordedMetric));
    g_array_set_clear_func(run->metrics, clear_metric);
    run->ends = g_array_new(false, false, sizeof(HptRecordedPoint));
    g_array_set_clear_func(run->ends, clear_point);
    run->outputs = g_array_new(false, false, sizeof(HptRecordedOutput));
    g_array_set_clear_func(run->outputs, clear_output);
    run->inputs = g_array_new(false, false, sizeof(HptRecordedInput));
    g_array_set_clear_func(run->inputs, clear_input);
    return run;
}

void hpt_recorded_free(HptRecorded *recorded)
{
    if (recorded == NULL)
        return;
    char *texts[] = {recorded->study, recorded->state,       recorded->config, recorded->outcome,
                     recorded->cause, recorded->environment, recorded->cores,  recorded->gpus,
                     recorded->via,   recorded->containment, recorded->host,   recorded->code,
                     recorded->code_text,  recorded->stop_rule,   recorded->stop_reason};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    hpt_definition_free(recorded->definition);
    g_clear_pointer(&recorded->argv, g_ptr_array_unref);
    g_clear_pointer(&recorded->facts, g_ptr_array_unref);
    g_clear_pointer(&recorded->metrics, g_array_unref);
    g_clear_pointer(&recorded->ends, g_array_unref);
    g_clear_pointer(&recorded->code_changed, g_ptr_array_unref);
    g_clear_pointer(&recorded->outputs, g_array_unref);
    g_clear_pointer(&recorded->inputs, g_array_unref);
    g_free(recorded);
}

static void free_recorded(void *recorded)
{
    hpt_recorded_free(recorded);
}

static int by_kind_and_name(const void *a, const void *b)
{
    const HptItem *x = *(HptItem *const *)a, *y = *(HptItem *const *)b;
    int kind = strcmp(x->kind, y->kind);
    return kind != 0 ? kind : strcmp(x->name, y->name);
}

void hpt_items_sort(GPtrArray *items)
{
    g_ptr_array_sort(items, by_kind_and_name);
}

/* A worker records of each attempt that ends where it ran and how the command ended. */
bool hpt_recorded_is_outside(const HptRecorded *recorded)
{
    if (recorded->definition != NULL && hpt_definition_is_outside(recorded->definition))
        return true;
    bool ended = g_strcmp0(recorded->outcome, "complete") == 0 || g_strcmp0(recorded->outcome, "failed") == 0;
    return ended && recorded->environment == NULL && recorded->exit_status < 0 && recorded->signal == 0;
}

const char *hpt_items_get(const GPtrArray *facts, const char *kind, const char *name)
{
    for (guint i = 0; i < facts->len; i++) {
        const HptItem *fact = facts->pdata[i];
        if (strcmp(fact->kind, kind) == 0 && strcmp(fact->name, name) == 0)
            return fact->value;
    }
    return NULL;
}

/* ---- one run ---- */

enum {
    STATE,
    DEFINITION,
    CONFIG,
    SEED,
    ATTEMPT,
    OUTCOME,
    CAUSE,
    EXIT_STATUS,
    SIGNAL,
    ARGV,
    ENVIRONMENT,
    SLOT,
    DETAILS,
    HOST,
    STARTED,
    EVALUATION,
    RUNG,
    FOLD,
    REPEAT,
    BUDGET,
    PART_SEED,
    RESUME_TRIAL,
    RESUME_ATTEMPT,
    CODE,
    TRACE,
};

static char *copy_bytes(const HptRows *rows, size_t row, size_t column)
{
    size_t length = 0;
    const void *bytes = hpt_rows_peek_bytea(rows, row, column, &length);
    return bytes == NULL ? NULL : g_memdup2(bytes, length + 1); /* a NUL ends it */
}

static int int4_or(const HptRows *rows, size_t row, size_t column, int otherwise)
{
    return hpt_rows_null(rows, row, column) ? otherwise : hpt_rows_int4(rows, row, column);
}

static char *detail(const json_t *details, const char *name)
{
    return g_strdup(json_string_value(json_object_get(details, name)));
}

void hpt_recorded_take_details(HptRecorded *run, const json_t *details)
{
    size_t i;
    json_t *name;
    run->cores = detail(details, "cores");
    run->gpus = detail(details, "gpus");
    run->via = detail(details, "via");
    run->containment = detail(details, "containment");
    json_array_foreach(json_object_get(details, "code_changed"), i, name)
        if (json_is_string(name))
            g_ptr_array_add(run->code_changed, g_strdup(json_string_value(name)));
}

static bool read_details(HptRecorded *run, const char *text, GError **error)
{
    if (text == NULL)
        return true;
    g_autoptr(json_t) details = hpt_json_parse(text, strlen(text), error);
    if (details == NULL)
        return false;
    hpt_recorded_take_details(run, details);
    return true;
}

static void read_part(HptRecorded *run, const HptRows *rows, size_t i)
{
    run->part = !hpt_rows_null(rows, i, EVALUATION);
    if (!run->part)
        return;
    run->evaluation = hpt_rows_int4(rows, i, EVALUATION);
    run->rung = hpt_rows_int4(rows, i, RUNG);
    run->fold = hpt_rows_int4(rows, i, FOLD);
    run->repeat = hpt_rows_int4(rows, i, REPEAT);
    run->budget = hpt_rows_null(rows, i, BUDGET) ? 0 : hpt_rows_float8(rows, i, BUDGET);
    run->part_seed = hpt_rows_int8(rows, i, PART_SEED);
    if (!hpt_rows_null(rows, i, RESUME_TRIAL)) {
        run->resume_trial = hpt_rows_int8(rows, i, RESUME_TRIAL);
        run->resume_attempt = hpt_rows_int4(rows, i, RESUME_ATTEMPT);
    }
}

static HptRecorded *read_run(const HptRows *rows, size_t i, const char *study, int64_t trial,
                             GError **error)
{
    g_autoptr(HptRecorded) run = hpt_recorded_new();
    run->study = g_strdup(study);
    run->trial = trial;
    run->state = g_strdup(hpt_rows_peek_text(rows, i, STATE));
    run->attempt = int4_or(rows, i, ATTEMPT, 0);
    run->outcome = g_strdup(hpt_rows_peek_text(rows, i, OUTCOME));
    run->cause = g_strdup(hpt_rows_peek_text(rows, i, CAUSE));
    run->exit_status = int4_or(rows, i, EXIT_STATUS, -1);
    run->signal = int4_or(rows, i, SIGNAL, 0);
    run->argv = hpt_rows_byteas(rows, i, ARGV);
    run->environment = g_strdup(hpt_rows_peek_text(rows, i, ENVIRONMENT));
    run->code = g_strdup(hpt_rows_peek_text(rows, i, CODE));
    run->traced = g_strcmp0(hpt_rows_peek_text(rows, i, TRACE), "complete") == 0;
    run->slot = int4_or(rows, i, SLOT, 0);
    run->host = g_strdup(hpt_rows_peek_text(rows, i, HOST));
    run->started_us = hpt_rows_null(rows, i, STARTED) ? 0 : hpt_rows_time(rows, i, STARTED);
    run->seed = hpt_rows_null(rows, i, SEED) ? 0 : hpt_rows_int8(rows, i, SEED);
    run->config = copy_bytes(rows, i, CONFIG);
    read_part(run, rows, i);
    size_t length = 0;
    const void *canonical = hpt_rows_peek_bytea(rows, i, DEFINITION, &length);
    if (canonical != NULL) {
        run->definition = hpt_definition_parse(canonical, length, error);
        if (run->definition == NULL)
            return NULL;
    }
    if (!read_details(run, hpt_rows_peek_text(rows, i, DETAILS), error))
        return NULL;
    return g_steal_pointer(&run);
}

/* ---- what belongs to it ---- */

static bool read_metrics(HptDb *db, HptRecorded *run, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, run->study);
    hpt_args_int8(args, run->trial);
    if (run->part)
        hpt_args_int4(args, run->evaluation);
    else
        hpt_args_null(args, HPT_TYPE_INT4);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_METRICS, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        HptRecordedMetric metric = {
            .name = g_strdup(hpt_rows_peek_text(rows, i, 0)),
            .value = hpt_rows_float8(rows, i, 1),
            .rule = g_strdup(hpt_rows_peek_text(rows, i, 2)),
        };
        g_array_append_val(run->metrics, metric);
    }
    return true;
}

static HptArgs *attempt_args(const HptRecorded *run)
{
    HptArgs *args = hpt_args_new();
    hpt_args_text(args, run->study);
    hpt_args_int8(args, run->trial);
    hpt_args_int4(args, run->attempt);
    return args;
}

/* Where a rule stopped it. */
static bool read_stop(HptDb *db, HptRecorded *run, GError **error)
{
    if (g_strcmp0(run->outcome, "pruned") != 0)
        return true;
    g_autoptr(HptArgs) args = attempt_args(run);
    g_autoptr(HptRows) stop = hpt_db_maybe_row(db, HPT_SQL_RECORDED_STOP, args, error);
    if (stop == NULL || hpt_rows_count(stop) == 0)
        return stop != NULL;
    run->stop_step = hpt_rows_int8(stop, 0, 0);
    run->stop_rule = g_strdup(hpt_rows_peek_text(stop, 0, 1));
    run->stop_reason = g_strdup(hpt_rows_peek_text(stop, 0, 2));
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_ENDS, args, error);
    for (size_t i = 0; rows != NULL && i < hpt_rows_count(rows); i++) {
        HptRecordedPoint end = {g_strdup(hpt_rows_peek_text(rows, i, 0)), hpt_rows_int8(rows, i, 1)};
        g_array_append_val(run->ends, end);
    }
    return rows != NULL;
}

static bool read_outputs(HptDb *db, HptRecorded *run, GError **error)
{
    g_autoptr(HptArgs) args = attempt_args(run);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_OUTPUTS, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        const char *digest = hpt_rows_peek_text(rows, i, 2), *full = hpt_rows_peek_text(rows, i, 5);
        HptRecordedOutput output = {
            .kind = g_strdup(hpt_rows_peek_text(rows, i, 0)),
            .path = g_strdup(hpt_rows_peek_text(rows, i, 1)),
            .stored_size = hpt_rows_null(rows, i, 3) ? -1 : hpt_rows_int8(rows, i, 3),
            .size = hpt_rows_int8(rows, i, 4),
            .target = g_strdup(hpt_rows_peek_text(rows, i, 6)),
            .note = g_strdup(hpt_rows_peek_text(rows, i, 7)),
        };
        output.stored = digest != NULL && hpt_digest_parse(digest, &output.digest);
        output.cut = full != NULL && hpt_digest_parse(full, &output.full_digest);
        g_array_append_val(run->outputs, output);
    }
    return true;
}

static bool read_environment(HptDb *db, HptRecorded *run, GError **error)
{
    if (run->environment == NULL)
        return true;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, run->environment);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_ENVIRONMENT, args, error);
    for (size_t i = 0; rows != NULL && i < hpt_rows_count(rows); i++) {
        HptItem *fact = g_new0(HptItem, 1);
        fact->kind = g_strdup(hpt_rows_peek_text(rows, i, 0));
        fact->name = g_strdup(hpt_rows_peek_text(rows, i, 1));
        fact->value = g_strdup(hpt_rows_peek_text(rows, i, 2));
        g_ptr_array_add(run->facts, fact);
    }
    return rows != NULL;
}

static bool read_inputs(HptDb *db, HptRecorded *run, GError **error)
{
    g_autoptr(HptArgs) args = attempt_args(run);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_INPUTS, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        const char *digest = hpt_rows_peek_text(rows, i, 3);
        HptRecordedInput input = {
            .path = g_strdup(hpt_rows_peek_text(rows, i, 0)),
            .role = g_strdup(hpt_rows_peek_text(rows, i, 1)),
            .state = g_strdup(hpt_rows_peek_text(rows, i, 2)),
            .size = hpt_rows_null(rows, i, 4) ? -1 : hpt_rows_int8(rows, i, 4),
            .system = hpt_rows_bool(rows, i, 5) && hpt_cause_is_system(hpt_rows_peek_text(rows, i, 0)),
        };
        input.has_digest = digest != NULL && hpt_digest_parse(digest, &input.digest);
        if (hpt_code_unescape(input.path))
            g_array_append_val(run->inputs, input);
        else
            clear_input(&input);
    }
    return true;
}

static bool read_code(HptDb *db, HptRecorded *run, GError **error)
{
    if (run->code == NULL)
        return true;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, run->code);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_RECORDED_CODE, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) > 0) {
        const void *text = hpt_rows_peek_bytea(rows, 0, 0, &run->code_length);
        run->code_text = g_memdup2(text, run->code_length + 1);
    }
    return true;
}

GPtrArray *hpt_recorded_read(HptDb *db, const char *study, int64_t trial, int fold, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    hpt_args_int8(args, trial);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_RUNS, args, error);
    if (rows == NULL)
        return NULL;
    g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(free_recorded);
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        HptRecorded *run = read_run(rows, i, study, trial, error);
        if (run == NULL)
            return NULL;
        g_ptr_array_add(runs, run);
        if (fold >= 0 && (!run->part || run->fold != fold))
            g_ptr_array_remove_index(runs, runs->len - 1);
        else if (!read_metrics(db, run, error) || !read_stop(db, run, error) ||
                 !read_outputs(db, run, error) ||
                 !read_environment(db, run, error) || !read_code(db, run, error) ||
                 !read_inputs(db, run, error))
            return NULL;
    }
    if (runs->len == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "trial %" PRId64 " of study '%s' has no fold %d",
                    trial, study, fold);
        return NULL;
    }
    return g_steal_pointer(&runs);
}

/* ---- objects ---- */

char *hpt_objects_get(const HptObjects *objects, const HptDigest *digest, int64_t size, size_t max,
                      size_t *length, GError **error)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, hpt_digest_hex(digest, hex));
    g_autoptr(HptRows) rows =
        objects->db == NULL
            ? NULL
            : hpt_db_maybe_row(objects->db, HPT_SQL_RECORDED_OBJECT, args, error);
    if (rows == NULL && objects->db != NULL)
        return NULL;
    const char *bytes =
        rows == NULL || hpt_rows_count(rows) == 0 ? NULL : hpt_rows_peek_bytea(rows, 0, 0, length);
    if (bytes != NULL && *length <= max) {
        HptDigest found = hpt_digest(bytes, *length);
        if (memcmp(&found, digest, sizeof found) == 0)
            return g_memdup2(bytes, *length + 1); /* a NUL ends it */
    }
    HptObjectId id = {*digest, size};
    if (bytes == NULL && objects->store != NULL)
        return hpt_object_get(objects->store, &id, max, length, error);
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "object sha256:%s is %s", hex,
                bytes == NULL ? "missing" : "damaged or too large");
    return NULL;
}
