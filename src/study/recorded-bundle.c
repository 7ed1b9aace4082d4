/* What a bundle says of the runs of a trial: the same as recorded.c asks the views for. */
#include "study/recorded-bundle.h"

#include "record/code.h"
#include "record/inputs.h"
#include "store/batch.h"
#include "store/bundle.h"
#include "store/folder.h"
#include "store/stream.h"
#include "study/cause.h"
#include "study/compare-bundle-internal.h"
#include "study/compare-facts.h"
#include "study/rerun.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- rows ---- */

typedef struct {
    HptFactsBundle *bundle;
    const char *study;
    int64_t trial;
} Reading;

/* Rows of a table that belong to the attempt; owned. */
static GPtrArray *rows_of(const Reading *reading, const char *table, int64_t attempt,
                          GError **error)
{
    GPtrArray *rows =
        hpt_bundle_rows_of(reading->bundle, table, reading->study, reading->trial, error);
    for (guint i = rows == NULL ? 0 : rows->len; i > 0; i--)
        if (hpt_row_integer(rows->pdata[i - 1], "attempt", -1) != attempt)
            g_ptr_array_remove_index(rows, i - 1);
    return rows;
}

/* ---- the environment ---- */

static void add_items(HptRecorded *run, const json_t *canonical)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(canonical, "items"), i, item)
    {
        const char *value = hpt_row_text(item, "value");
        HptItem *fact = g_new0(HptItem, 1);
        fact->kind = g_strdup(hpt_row_text(item, "kind"));
        fact->name = g_strdup(hpt_row_text(item, "name"));
        fact->value = g_strdup(value != NULL ? value : hpt_row_text(item, "value_hex"));
        if (fact->kind != NULL && fact->name != NULL && fact->value != NULL)
            g_ptr_array_add(run->facts, fact);
        else
            hpt_item_free(fact);
    }
}

static bool read_environment(const Reading *reading, HptRecorded *run, GError **error)
{
    GError *problem = NULL;
    if (run->environment == NULL)
        return true;
    g_autoptr(json_t) row =
        hpt_bundle_row_by_digest(reading->bundle, "environment", run->environment, &problem);
    const json_t *canonical = json_object_get(row, "canonical");
    add_items(run, canonical);
    const char *name;
    json_t *part;
    json_object_foreach(json_object_get(canonical, "parts"), name, part)
    {
        if (problem != NULL || json_string_value(part) == NULL)
            continue;
        g_autoptr(json_t) found = hpt_bundle_row_by_digest(reading->bundle, "environment_part",
                                                           json_string_value(part), &problem);
        add_items(run, json_object_get(found, "canonical"));
    }
    hpt_items_sort(run->facts);
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

/* ---- metrics, outputs, code, inputs ---- */

static int by_metric(const void *a, const void *b)
{
    return strcmp(((const HptRecordedMetric *)a)->name, ((const HptRecordedMetric *)b)->name);
}

static bool read_metrics(const Reading *reading, HptRecorded *run, GError **error)
{
    g_autoptr(GPtrArray) rows =
        rows_of(reading, run->part ? "evaluation_metric" : "metric", run->attempt, error);
    for (guint i = 0; rows != NULL && i < rows->len; i++) {
        const json_t *row = rows->pdata[i];
        HptRecordedMetric metric = {g_strdup(hpt_row_text(row, "name")),
                                    g_strdup(hpt_row_text(row, "rule")),
                                    hpt_row_real(row, "value")};
        g_array_append_val(run->metrics, metric);
    }
    g_array_sort(run->metrics, by_metric);
    return rows != NULL;
}

static HptRecordedPoint *find_end(HptRecorded *run, const char *name)
{
    for (guint i = 0; i < run->ends->len; i++)
        if (strcmp(g_array_index(run->ends, HptRecordedPoint, i).name, name) == 0)
            return &g_array_index(run->ends, HptRecordedPoint, i);
    HptRecordedPoint end = {.name = g_strdup(name)};
    g_array_append_val(run->ends, end);
    return &g_array_index(run->ends, HptRecordedPoint, run->ends->len - 1);
}

/* Where its curves end: rows ascend by name and chunk. */
static bool read_ends(const Reading *reading, HptRecorded *run, GError **error)
{
    if (!hpt_bundle_read_curves(reading->bundle, reading->study, reading->trial, error))
        return false;
    g_autoptr(GPtrArray) rows = rows_of(reading, "metric_chunk", run->attempt, error);
    for (guint i = 0; rows != NULL && i < rows->len; i++) {
        const json_t *steps = json_object_get(rows->pdata[i], "steps");
        const json_t *values = json_object_get(rows->pdata[i], "vals");
        size_t n = json_array_size(steps);
        if (n == 0 || json_array_size(values) != n)
            continue;
        HptRecordedPoint *end = find_end(run, hpt_row_text(rows->pdata[i], "name"));
        end->step = json_integer_value(json_array_get(steps, n - 1));
    }
    return rows != NULL;
}

/* Where a rule stopped it. */
static bool read_stop(const Reading *reading, HptRecorded *run, GError **error)
{
    if (g_strcmp0(run->outcome, "pruned") != 0)
        return true;
    g_autoptr(GPtrArray) rows = rows_of(reading, "pruning", run->attempt, error);
    for (guint i = 0; rows != NULL && i < rows->len && run->stop_step < 0; i++) {
        const json_t *row = rows->pdata[i];
        const char *rule = hpt_row_text(row, "rule"), *reason = hpt_row_text(row, "reason");
        if (g_strcmp0(hpt_row_text(row, "kind"), "step") != 0 ||
            !json_is_true(json_object_get(row, "stop")))
            continue;
        run->stop_step = hpt_row_integer(row, "place", 0);
        run->stop_rule = g_strdup(rule != NULL ? rule : "");
        run->stop_reason = g_strdup(reason != NULL ? reason : "");
    }
    return rows != NULL && (run->stop_step < 0 || read_ends(reading, run, error));
}

static bool read_outputs(const Reading *reading, HptRecorded *run, GError **error)
{
    g_autoptr(GPtrArray) rows = rows_of(reading, "artefact", run->attempt, error);
    for (guint i = 0; rows != NULL && i < rows->len; i++) {
        const json_t *row = rows->pdata[i];
        const char *digest = hpt_row_text(row, "digest"), *full = hpt_row_text(row, "full_digest");
        HptRecordedOutput output = {
            .kind = g_strdup(hpt_row_text(row, "kind")),
            .path = hpt_bundle_row_path(row, "path"),
            .stored_size = digest == NULL ? -1 : hpt_bundle_object_size(reading->bundle, digest),
            .size = hpt_row_integer(row, "full_size", 0),
            .target = hpt_bundle_row_path(row, "target"),
            .note = g_strdup(hpt_row_text(row, "note")),
        };
        output.stored = digest != NULL && hpt_digest_parse(digest, &output.digest);
        output.cut = full != NULL && hpt_digest_parse(full, &output.full_digest);
        g_array_append_val(run->outputs, output);
    }
    return rows != NULL;
}

static bool read_inputs(const Reading *reading, HptRecorded *run, const char *digest, bool common,
                        GError **error)
{
    GError *problem = NULL;
    size_t length = 0;
    g_autofree char *canonical =
        hpt_bundle_canonical(reading->bundle, "input_set", digest, &length, &problem);
    g_autoptr(HptInputs) inputs =
        canonical == NULL ? NULL : hpt_inputs_parse(canonical, length, &problem);
    for (size_t i = 0; inputs != NULL && i < inputs->n; i++) {
        const HptInputFile *file = &inputs->files[i];
        HptRecordedInput input = {
            .path = g_strdup(file->path),
            .role = g_strdup(hpt_input_role_name(file->role)),
            .state = g_strdup(hpt_input_state_name(file->state)),
            .has_digest = hpt_input_state_has_digest(file->state),
            .system = common && hpt_cause_is_system(file->path),
            .digest = file->digest,
            .size = file->size,
        };
        g_array_append_val(run->inputs, input);
    }
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

/* ---- one run ---- */

static void read_attempt(HptRecorded *run, const json_t *attempt)
{
    size_t i;
    json_t *word;
    run->outcome = g_strdup(hpt_row_text(attempt, "outcome"));
    run->cause = g_strdup(hpt_row_text(attempt, "cause"));
    run->exit_status = (int)hpt_row_integer(attempt, "exit_status", -1);
    run->signal = (int)hpt_row_integer(attempt, "signal", 0);
    run->slot = (int)hpt_row_integer(attempt, "slot", 0);
    run->environment = g_strdup(hpt_row_text(attempt, "environment"));
    run->code = g_strdup(hpt_row_text(attempt, "code"));
    run->traced = g_strcmp0(hpt_row_text(attempt, "trace"), "complete") == 0;
    run->argv = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    json_array_foreach(json_object_get(attempt, "argv"), i, word)
    {
        size_t length = 0;
        char *bytes = hpt_row_bytes(word, &length);
        if (bytes != NULL)
            g_ptr_array_add(run->argv, g_bytes_new_take(bytes, length));
    }
    hpt_recorded_take_details(run, json_object_get(attempt, "details"));
}

static void read_part(HptRecorded *run, const json_t *part)
{
    run->part = true;
    run->evaluation = (int)hpt_row_integer(part, "evaluation", 0);
    run->rung = (int)hpt_row_integer(part, "rung", 0);
    run->fold = (int)hpt_row_integer(part, "fold", 0);
    run->repeat = (int)hpt_row_integer(part, "repeat", 0);
    run->budget = hpt_row_has(part, "budget") ? hpt_row_real(part, "budget") : 0;
    run->part_seed = hpt_row_integer(part, "seed", 0);
    run->resume_trial = hpt_row_integer(part, "resume_number", -1);
    run->resume_attempt = (int)hpt_row_integer(part, "resume_attempt", 0);
}

/* part NULL: the trial is one run. */
static HptRecorded *read_run(const Reading *reading, const json_t *trial, const json_t *part,
                             GError **error)
{
    g_autoptr(HptRecorded) run = hpt_recorded_new();
    run->study = g_strdup(reading->study);
    run->trial = reading->trial;
    run->state = g_strdup(hpt_row_text(part != NULL ? part : trial, "state"));
    run->seed = hpt_row_integer(trial, "seed", 0);
    run->attempt = (int)hpt_row_integer(part != NULL ? part : trial, "attempt", 0);
    if (part != NULL)
        read_part(run, part);
    if (hpt_row_has(trial, "config")) {
        run->config = hpt_json_canonical(json_object_get(trial, "config"), error);
        run->definition =
            run->config == NULL
                ? NULL
                : hpt_bundle_definition(reading->bundle, reading->study,
                                        hpt_row_integer(trial, "definition", 0), error);
        if (run->definition == NULL)
            return NULL;
    }
    g_autoptr(GPtrArray) attempts = rows_of(reading, "attempt", run->attempt, error);
    if (attempts == NULL)
        return NULL;
    if (attempts->len == 0)
        return g_steal_pointer(&run);
    const json_t *attempt = attempts->pdata[0];
    GError *problem = NULL;
    read_attempt(run, attempt);
    run->code_text =
        hpt_bundle_canonical(reading->bundle, "code", run->code, &run->code_length, &problem);
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return NULL;
    }
    bool fine = read_metrics(reading, run, error) && read_stop(reading, run, error) &&
                read_outputs(reading, run, error) &&
                read_environment(reading, run, error) &&
                read_inputs(reading, run, hpt_row_text(attempt, "inputs"), false, error) &&
                read_inputs(reading, run, hpt_row_text(attempt, "common_inputs"), true, error);
    return fine ? g_steal_pointer(&run) : NULL;
}

static void free_recorded(void *recorded)
{
    hpt_recorded_free(recorded);
}

static GPtrArray *read_runs(const Reading *reading, int fold, GError **error)
{
    g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(free_recorded);
    g_autoptr(GPtrArray) trials =
        hpt_bundle_rows_of(reading->bundle, "trial", reading->study, reading->trial, error);
    g_autoptr(GPtrArray) parts = trials == NULL
                                     ? NULL
                                     : hpt_bundle_rows_of(reading->bundle, "evaluation",
                                                          reading->study, reading->trial, error);
    if (parts == NULL)
        return NULL;
    for (guint i = 0; trials->len > 0 && i < MAX(parts->len, 1); i++) {
        const json_t *part = parts->len == 0 ? NULL : parts->pdata[i];
        if (fold >= 0 && (part == NULL || hpt_row_integer(part, "fold", -1) != fold))
            continue;
        HptRecorded *run = read_run(reading, trials->pdata[0], part, error);
        if (run == NULL)
            return NULL;
        g_ptr_array_add(runs, run);
    }
    if (runs->len > 0)
        return g_steal_pointer(&runs);
    g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                "the bundle has no such run of trial %" PRId64 " of study '%s'", reading->trial,
                reading->study);
    return NULL;
}

/* ---- objects ---- */

static void want(GHashTable *wanted, const HptDigest *digest)
{
    g_hash_table_add(wanted, g_memdup2(digest, sizeof *digest));
}

/* A snapshot that is none is for whoever restores it to complain of. */
static void want_code(GHashTable *wanted, const HptRecorded *run)
{
    if (run->code_text == NULL)
        return;
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(run->code_text, run->code_length, NULL);
    for (HptCodeEntry entry; reader != NULL && hpt_code_next(reader, &entry, NULL);)
        if (entry.kind == HPT_CODE_FILE)
            want(wanted, &entry.digest);
}

/* Of HptDigest: the objects of these runs. Owned. */
static GHashTable *wanted_of(const GPtrArray *runs)
{
    GHashTable *wanted = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    for (guint i = 0; i < runs->len; i++) {
        const HptRecorded *run = runs->pdata[i];
        want_code(wanted, run);
        for (guint k = 0; k < run->inputs->len; k++) {
            const HptRecordedInput *input = &g_array_index(run->inputs, HptRecordedInput, k);
            if (input->has_digest)
                want(wanted, &input->digest);
        }
        for (guint k = 0; k < run->outputs->len; k++) {
            const HptRecordedOutput *output = &g_array_index(run->outputs, HptRecordedOutput, k);
            if (output->stored && output->stored_size <= HPT_RERUN_TEXT_MAX)
                want(wanted, &output->digest);
        }
    }
    return wanted;
}

/* The entry that the reader stands at, by way of the file fd: it need not fit into memory. */
static bool take_object(HptBundleReader *reader, const HptBundleEntry *entry, HptBatch *batch,
                        const char *dir, int fd, GError **error)
{
    char buffer[65536];
    gssize n;
    HptObjectId id;
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        hpt_error_set_errno(error, errno, "emptying a temporary file");
        return false;
    }
    while ((n = hpt_bundle_read(reader, buffer, sizeof buffer, error)) > 0)
        if (!hpt_stream_write_all(fd, buffer, (size_t)n, dir, error))
            return false;
    return n == 0 && hpt_batch_put_fd(batch, fd, entry->path, &id, error);
}

static bool take_objects(HptBundleReader *reader, GHashTable *wanted, HptStore *store, int fd, GError **error)
{
    g_autoptr(HptBatch) batch = hpt_batch_begin(store);
    HptBundleEntry entry;
    for (bool end = false; !end;) {
        if (!hpt_bundle_next(reader, &entry, &end, error))
            return false;
        if (!end && g_str_has_prefix(entry.path, "objects/sha256/") && g_hash_table_contains(wanted, &entry.digest) &&
            !take_object(reader, &entry, batch, store->dir, fd, error))
            return false;
    }
    return hpt_batch_commit(batch, error);
}

bool hpt_recorded_unpack(const char *path, const GPtrArray *runs, HptStore *store, GError **error)
{
    g_autoptr(GHashTable) wanted = wanted_of(runs);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "%s", path);
        return false;
    }
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, path, error);
    int spare = reader != NULL ? hpt_store_unnamed_file(store->dir, error) : -1;
    bool fine = spare >= 0 && take_objects(reader, wanted, store, spare, error);
    if (spare >= 0)
        close(spare);
    close(fd);
    return fine;
}

/* The number of a study's only trial; -1 if it has several or *error is set. */
static int64_t only_trial(const HptFactsBundle *bundle, const char *study, GError **error)
{
    g_autoptr(GPtrArray) trials = hpt_bundle_rows_of(bundle, "trial", study, -1, error);
    return trials != NULL && trials->len == 1 ? hpt_row_integer(trials->pdata[0], "number", -1) : -1;
}

GPtrArray *hpt_recorded_read_bundle(const char *path, const char *inside, int fold, GError **error)
{
    g_autoptr(HptFactsBundle) bundle = hpt_facts_bundle_open(path, error);
    g_autoptr(HptFacts) facts =
        bundle == NULL ? NULL : hpt_facts_bundle_read(bundle, inside, error);
    if (facts == NULL)
        return NULL;
    g_autoptr(GError) failed = NULL;
    int64_t trial = facts->trial >= 0 ? facts->trial : only_trial(bundle, facts->study, &failed);
    if (failed != NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    if (trial < 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "%s: which trial?\nhint: %s#NUMBER or %s#best", path, path, path);
        return NULL;
    }
    Reading reading = {bundle, facts->study, trial};
    return read_runs(&reading, fold, error);
}
