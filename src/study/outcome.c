#include "study/outcome.h"

#include "base/json.h"
#include "base/text.h"
#include "record/secret.h"
#include "run/workdir.h"
#include "store/batch.h"
#include "store/stream.h"
#include "study/sent.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const hpt_outcome_own_files[] = {HPT_PARAMS_FILE, NULL};

/* ---- points ---- */

#define POINTS_FULL 16384 /* a batch: half a megabyte here, one statement there */

typedef struct {
    const char *name; /* in names */
    int64_t step;
    double value;
    bool reported; /* by the trial, not read from its text */
} Point;

struct HptPoints {
    GStringChunk *names;
    GArray *points;
    GHashTable *reported; /* names that were reported */
    GHashTable *text;     /* names of which text points were sent */
    bool allow_secrets;
    int batch;            /* sent so far */
};

HptPoints *hpt_points_new(bool allow_secrets)
{
    HptPoints *points = g_new0(HptPoints, 1);
    points->allow_secrets = allow_secrets;
    points->names = g_string_chunk_new(256);
    points->points = g_array_new(false, false, sizeof(Point));
    /* Names of one chunk are unique, so that their addresses are their identity. */
    points->reported = g_hash_table_new(g_direct_hash, g_direct_equal);
    points->text = g_hash_table_new(g_direct_hash, g_direct_equal);
    return points;
}

void hpt_points_free(HptPoints *points)
{
    if (points == NULL)
        return;
    g_string_chunk_free(points->names);
    g_array_unref(points->points);
    g_hash_table_unref(points->reported);
    g_hash_table_unref(points->text);
    g_free(points);
}

void hpt_points_add(const HptPoint *point, void *user)
{
    HptPoints *points = user;
    if (!points->allow_secrets && hpt_secret_in_name(point->name))
        return;
    Point kept = {
        .name = g_string_chunk_insert_const(points->names, point->name),
        .step = point->step,
        .value = point->value,
        .reported = point->rule == HPT_RULE_REPORT,
    };
    if (kept.reported)
        g_hash_table_add(points->reported, (void *)kept.name);
    g_array_append_val(points->points, kept);
}

bool hpt_points_full(const HptPoints *points)
{
    return points->points->len >= POINTS_FULL;
}

/* Batch, names, steps, values, superseded: reports win over numbers read from text under the same
 * name, since the text repeats what was said. */
static void add_points(HptPoints *points, HptArgs *args)
{
    guint n = points == NULL ? 0 : points->points->len;
    g_autofree const char **names = g_new0(const char *, n + 1);
    g_autofree int64_t *steps = g_new0(int64_t, n + 1);
    g_autofree double *values = g_new0(double, n + 1);
    g_autoptr(GPtrArray) superseded = g_ptr_array_new();
    size_t used = 0;
    for (guint i = 0; i < n; i++) {
        const Point *point = &g_array_index(points->points, Point, i);
        bool spoken = g_hash_table_contains(points->reported, point->name);
        if (spoken && g_hash_table_remove(points->text, point->name))
            g_ptr_array_add(superseded, (void *)point->name);
        if (!point->reported && spoken)
            continue;
        if (!point->reported)
            g_hash_table_add(points->text, (void *)point->name);
        names[used] = point->name;
        steps[used] = point->step;
        values[used++] = point->value;
    }
    hpt_args_int4(args, points == NULL ? 0 : points->batch);
    hpt_args_texts(args, names, used);
    hpt_args_int8s(args, steps, NULL, used);
    hpt_args_float8s(args, values, NULL, used);
    hpt_args_texts(args, (const char *const *)superseded->pdata, superseded->len);
    if (points != NULL) {
        g_array_set_size(points->points, 0);
        points->batch++;
    }
}

HptArgs *hpt_points_take(HptPoints *points, const char *attempt_id)
{
    HptArgs *args = hpt_args_new();
    hpt_args_uuid(args, attempt_id);
    add_points(points, args);
    return args;
}

/* ---- collecting ---- */

typedef struct {
    const char *kind;
    GBytes *path;
    bool stored;
    bool batched; /* in the batch: stored when that is committed */
    HptDigest digest;
    bool cut; /* more came than is stored */
    HptDigest full_digest;
    int64_t full_size;
    bool has_mode;
    int64_t mode;
    char *target, *note;
    bool renamed;
} Artefact;

struct HptOutcome {
    bool allow_secrets, renamed;
    char *withheld;
    const HptRunResult *result;
    HptPoints *points;
    HptBatch *batch; /* NULL: there is no store */
    GArray *artefacts; /* Artefact */
    GArray *objects;   /* HptSentObject */
    char *details;     /* canonical JSON or NULL */
    char *note;
};

static void clear_artefact(void *data)
{
    Artefact *artefact = data;
    g_bytes_unref(artefact->path);
    g_free(artefact->target);
    g_free(artefact->note);
}

void hpt_outcome_free(HptOutcome *outcome)
{
    if (outcome == NULL)
        return;
    hpt_batch_free(outcome->batch);
    g_array_unref(outcome->artefacts);
    g_array_unref(outcome->objects);
    g_free(outcome->details);
    g_free(outcome->note);
    g_free(outcome->withheld);
    g_free(outcome);
}

static void add_object(HptOutcome *outcome, const HptObjectId *id, const void *bytes)
{
    HptSentObject object = {
        .digest = id->digest,
        .size = id->size,
        .bytes = bytes == NULL ? NULL : g_bytes_new(bytes, (size_t)id->size),
    };
    g_array_append_val(outcome->objects, object);
}

/* Says once, for people, that something is not in the record; the record says it for each. */
static void not_stored(HptOutcome *outcome, Artefact *artefact, const GError *error)
{
    g_free(artefact->note);
    /* The first line: hints are for people, and names are bytes. */
    g_autofree char *reason =
        hpt_text_printable(error->message, (gssize)strcspn(error->message, "\n"));
    artefact->note = g_strdup_printf("not stored: %s", reason);
    /* A file that changes after its trial is the trial's own doing: the others may go on. */
    bool own = g_error_matches(error, HPT_ERROR, HPT_ERROR_CONFLICT) && !artefact->batched;
    if (outcome->note == NULL && !own)
        outcome->note = g_steal_pointer(&reason);
}

/* bytes in memory, or the content of fd. */
static void store_content(HptOutcome *outcome, Artefact *artefact, const void *bytes, int fd,
                          int64_t size, const char *name)
{
    HptObjectId id;
    g_autoptr(GError) error = NULL;
    g_autofree char *buffer = NULL;
    if (bytes == NULL && hpt_object_is_small(size)) {
        buffer = g_malloc((size_t)size + 1);
        gssize n = hpt_stream_read_at(fd, buffer, (size_t)size, 0);
        if (n != size) {
            hpt_error_set_errno(&error, n < 0 ? errno : EIO, "cannot read '%s'", name);
            not_stored(outcome, artefact, error);
            return;
        }
        bytes = buffer;
    }
    bool small = bytes != NULL && hpt_object_is_small(size);
    if (small)
        id = hpt_object_id(bytes, (size_t)size);
    else if (outcome->batch == NULL) {
        artefact->note = g_strdup("not stored: no object folder");
        return;
    } else if (bytes != NULL ? !hpt_batch_put_bytes(outcome->batch, bytes, (size_t)size, &id,
                                                    &error)
                             : !hpt_batch_put_fd(outcome->batch, fd, name, &id, &error)) {
        not_stored(outcome, artefact, error);
        return;
    }
    add_object(outcome, &id, small ? bytes : NULL);
    artefact->stored = true;
    artefact->batched = !small;
    artefact->digest = id.digest;
}

/* Everything that is not in the database goes to the disk at once, or is recorded as not stored. */
static void commit(HptOutcome *outcome)
{
    g_autoptr(GError) error = NULL;
    if (outcome->batch == NULL || hpt_batch_commit(outcome->batch, &error))
        return;
    for (guint i = outcome->objects->len; i-- > 0;)
        if (g_array_index(outcome->objects, HptSentObject, i).bytes == NULL)
            g_array_remove_index(outcome->objects, i);
    for (guint i = 0; i < outcome->artefacts->len; i++) {
        Artefact *artefact = &g_array_index(outcome->artefacts, Artefact, i);
        if (!artefact->batched)
            continue;
        gsize length;
        const char *path = g_bytes_get_data(artefact->path, &length);
        g_autoptr(GError) its = g_error_copy(error);
        g_prefix_error(&its, "%.*s: ", (int)length, path);
        artefact->stored = false;
        not_stored(outcome, artefact, its);
    }
}

static void add_note(Artefact *artefact, char *steal_note)
{
    char *before = artefact->note;
    artefact->note = before == NULL ? steal_note : g_strdup_printf("%s; %s", before, steal_note);
    if (before != NULL) {
        g_free(before);
        g_free(steal_note);
    }
}

/* Secrets in what was printed are overwritten, so that the offsets of its numbers stay. */
static void add_stream(HptOutcome *outcome, const char *kind, const HptCaptured *captured)
{
    if (captured == NULL || captured->total == 0)
        return;
    Artefact artefact = {
        .kind = kind,
        .path = g_bytes_new(kind, strlen(kind)),
        .full_size = captured->total,
        .cut = captured->dropped > 0,
        .full_digest = captured->digest,
    };
    const void *bytes = captured->data;
    g_autofree char *masked = NULL;
    const char *secret = NULL;
    size_t secrets = 0;
    g_autoptr(GError) error = NULL;
    if (artefact.cut)
        artefact.note = g_strdup_printf("%" PRId64 " bytes left out after the first %" PRId64,
                                        captured->dropped, captured->head);
    if (outcome->allow_secrets) {
        /* as it is */
    } else if (bytes != NULL) {
        bytes = masked = g_memdup2(bytes, (size_t)captured->stored);
        secrets = hpt_secret_mask(masked, (size_t)captured->stored, &secret);
    } else if (!hpt_secret_mask_fd(captured->fd, captured->stored, &secrets, &secret, &error)) {
        not_stored(outcome, &artefact, error);
        g_array_append_val(outcome->artefacts, artefact);
        return;
    }
    if (secrets > 0)
        add_note(&artefact, g_strdup_printf("%zu secrets masked, the first: %s", secrets, secret));
    store_content(outcome, &artefact, bytes, captured->fd, captured->stored, kind);
    g_array_append_val(outcome->artefacts, artefact);
}

/* A text file with a token in it is left out: it cannot be masked and be the file that was left. */
static bool holds_secret(HptOutcome *outcome, const HptEntry *entry, Artefact *artefact)
{
    int64_t size = entry->stat.st_size;
    if (outcome->allow_secrets || size > HPT_SECRET_FILE_MAX)
        return false;
    g_autofree char *text = g_malloc((size_t)size + 1);
    ssize_t got = pread(entry->fd, text, (size_t)size, 0);
    g_autofree char *name = g_path_get_basename(entry->path);
    HptSecret secret;
    if (got <= 0 || !hpt_secret_in_file(name, text, (size_t)got, &secret))
        return false;
    add_note(artefact, g_strdup_printf("not stored: %s at byte %zu", secret.kind, secret.start));
    if (outcome->withheld == NULL) {
        g_autofree char *path = hpt_text_printable(entry->path, -1), *cut = hpt_secret_cut(path);
        outcome->withheld = g_strdup_printf("'%s' holds what looks like a secret (%s)", cut, secret.kind);
    }
    return true;
}

/* A name and a link's target are kept without it. */
static void clean_name(const HptOutcome *outcome, const HptEntry *entry, Artefact *artefact)
{
    if (outcome->allow_secrets)
        return;
    if (hpt_secret_in_name(entry->path)) {
        char *cut = hpt_secret_cut(entry->path);
        g_bytes_unref(artefact->path);
        artefact->path = g_bytes_new_take(cut, strlen(cut));
        artefact->renamed = true;
        add_note(artefact, g_strdup("a secret is cut from its name"));
    }
    if (artefact->target != NULL && hpt_secret_in_name(artefact->target)) {
        char *whole = artefact->target;
        artefact->target = hpt_secret_cut(whole);
        g_free(whole);
        add_note(artefact, g_strdup("a secret is cut from its target"));
    }
}

/* Names that are the same without their secrets, or as another file's, get a number. */
static void tell_apart(HptOutcome *outcome)
{
    g_autoptr(GHashTable) taken = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    for (guint i = 0; i < outcome->artefacts->len; i++) {
        Artefact *artefact = &g_array_index(outcome->artefacts, Artefact, i);
        if (!artefact->renamed)
            g_hash_table_add(taken, artefact->path);
    }
    /* The number only rises: as many steps as there are files, whatever their names. */
    guint n = 2;
    for (guint i = 0; i < outcome->artefacts->len; i++) {
        Artefact *artefact = &g_array_index(outcome->artefacts, Artefact, i);
        if (!artefact->renamed)
            continue;
        gsize length;
        const char *name = g_bytes_get_data(artefact->path, &length);
        g_autofree char *base = g_strndup(name, length);
        for (; g_hash_table_contains(taken, artefact->path); n++) {
            char *next = g_strdup_printf("%s~%u", base, n);
            g_bytes_unref(artefact->path);
            artefact->path = g_bytes_new_take(next, strlen(next));
        }
        g_hash_table_add(taken, artefact->path);
    }
}

static bool add_entry(const HptEntry *entry, void *user, GError **error G_GNUC_UNUSED)
{
    HptOutcome *outcome = user;
    Artefact artefact = {
        .kind = "file",
        .path = g_bytes_new(entry->path, strlen(entry->path)),
        .has_mode = true,
        .mode = entry->stat.st_mode & 07777,
        .full_size = entry->stat.st_size,
    };
    switch (entry->kind) {
    case HPT_ENTRY_FILE:
        if (holds_secret(outcome, entry, &artefact))
            break;
        store_content(outcome, &artefact, NULL, entry->fd, entry->stat.st_size, entry->path);
        if (artefact.stored && hpt_entry_changed(entry))
            artefact.note = g_strdup("changed while it was read");
        break;
    case HPT_ENTRY_SYMLINK:
        artefact.kind = "link";
        artefact.target = g_strdup(entry->target);
        break;
    case HPT_ENTRY_SPECIAL:
        artefact.kind = "special";
        artefact.note = g_strdup(S_ISFIFO(entry->stat.st_mode)   ? "FIFO, not stored"
                                 : S_ISSOCK(entry->stat.st_mode) ? "socket, not stored"
                                                                 : "device, not stored");
        break;
    case HPT_ENTRY_REFUSED:
        artefact.note = g_strdup_printf("not stored: %s", g_strerror(entry->errnum));
        break;
    }
    clean_name(outcome, entry, &artefact);
    outcome->renamed |= artefact.renamed;
    g_array_append_val(outcome->artefacts, artefact);
    return true;
}

static void count(json_t *details, const char *name, int64_t value)
{
    if (value != 0)
        json_object_set_new(details, name, json_integer(value));
}

static void state(json_t *details, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_new(details, name, json_string(text));
}

/* What is known of the files that it used, and what is not. */
static json_t *trace_details(const HptOutcome *outcome, const HptTrace *trace)
{
    json_t *details = json_object();
    if (trace == NULL) {
        state(details, "state", "off");
        return details;
    }
    state(details, "state", trace->complete ? "complete" : "incomplete");
    if (!trace->complete) {
        g_autofree char *reason = outcome->allow_secrets ? g_strdup(trace->reason)
                                                         : hpt_secret_cut(trace->reason);
        state(details, "reason", reason);
    }
    if (trace->shared)
        json_object_set_new(details, "shared", json_true());
    json_object_set_new(details, "files", json_integer((json_int_t)trace->n));
    count(details, "read", (int64_t)hpt_trace_count(trace, HPT_TRACE_READ));
    count(details, "written", (int64_t)hpt_trace_count(trace, HPT_TRACE_WRITE));
    int64_t kept = 0;
    for (size_t i = 0; i < trace->n; i++)
        kept += trace->files[i].keep == HPT_TRACE_KEPT;
    count(details, "kept", kept);
    return details;
}

#define CHANGED_MAX 100 /* names */

static void changed_details(json_t *details, const GPtrArray *names)
{
    if (names == NULL || names->len == 0)
        return;
    json_t *list = json_array();
    for (guint i = 0; i < MIN(names->len, CHANGED_MAX); i++) {
        g_autofree char *name = g_utf8_make_valid(names->pdata[i], -1);
        json_array_append_new(list, json_string(name));
    }
    json_object_set_new(details, "code_changed", list);
    count(details, "code_changed_more", (int64_t)names->len - (int64_t)json_array_size(list));
}

/* Where it ran, and what is out of the ordinary. */
static void make_details(HptOutcome *outcome, const HptRunPlace *place, int64_t skipped,
                         const char *walk_problem)
{
    const HptRunResult *result = outcome->result;
    g_autoptr(json_t) details = json_object();
    state(details, "cores", place->cores);
    state(details, "gpus", place->gpus);
    state(details, "via", place->via);
    changed_details(details, place->code_changed);
    if (result != NULL && result->end != NULL)
        state(details, "containment", result->end->containment);
    if (result != NULL && result->end != NULL) {
        count(details, "processes_left_behind", (int64_t)result->end->left_behind);
        if (result->end->survivors)
            json_object_set_new(details, "survivors", json_true());
        if (result->end->core_dumped)
            json_object_set_new(details, "core_dumped", json_true());
    }
    if (result != NULL && result->end != NULL && result->end->kind != HPT_END_START_FAILED)
        json_object_set_new(details, "trace", trace_details(outcome, result->trace));
    if (result != NULL && result->out != NULL) {
        count(details, "stdout_dropped_bytes", result->out->dropped);
        count(details, "stderr_dropped_bytes", result->err->dropped);
    }
    if (result != NULL && result->metrics != NULL) {
        count(details, "points_dropped", result->metrics->points_dropped);
        count(details, "metric_names_dropped", result->metrics->names_dropped);
    }
    if (result != NULL && result->reports != NULL) {
        count(details, "report_lines_bad", result->reports->bad_lines);
        count(details, "report_bytes_cut", result->reports->cut_bytes);
        count(details, "report_bytes_late", result->reports->late_bytes);
        if (result->reports->events != NULL && result->reports->events[0] != NULL) {
            json_t *events = json_array();
            for (char **event = result->reports->events; *event != NULL; event++) {
                g_autofree char *clean =
                    outcome->allow_secrets ? g_strdup(*event) : hpt_secret_cut(*event);
                json_array_append_new(events, json_string(clean));
            }
            json_object_set_new(details, "report_events", events);
        }
    }
    if (result != NULL && result->served != NULL) {
        json_object_set_new(details, "persistent_worker", json_true());
        json_object_set_new(details, "persistent_worker_trials",
                            json_integer(result->served->trials));
        count(details, "persistent_worker_stray_bytes", result->served->stray_bytes);
    }
    count(details, "files_skipped", skipped);
    if (walk_problem != NULL)
        json_object_set_new(details, "files_problem", json_string(walk_problem));
    if (json_object_size(details) > 0)
        outcome->details = hpt_json_canonical(details, NULL);
}

HptOutcome *hpt_outcome_collect(const HptRunResult *result, HptPoints *points,
                                const HptRunPlace *place, HptStore *store, const char *directory,
                                bool allow_secrets, char **note)
{
    HptOutcome *outcome = g_new0(HptOutcome, 1);
    outcome->allow_secrets = allow_secrets;
    outcome->result = result;
    outcome->points = points;
    outcome->batch = store == NULL ? NULL : hpt_batch_begin(store);
    outcome->artefacts = g_array_new(false, false, sizeof(Artefact));
    g_array_set_clear_func(outcome->artefacts, clear_artefact);
    outcome->objects = g_array_new(false, false, sizeof(HptSentObject));
    g_array_set_clear_func(outcome->objects, hpt_sent_object_clear);
    if (result == NULL)
        return outcome;

    add_stream(outcome, "stdout", result->out);
    add_stream(outcome, "stderr", result->err);
    HptWorkdirCount counted = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *problem = NULL;
    struct stat folder;
    bool there = lstat(directory, &folder) == 0;
    /* Its own doing, and nothing is kept from the record: the others may go on. */
    if (!there && errno == ENOENT)
        problem = g_strdup("the trial removed its folder");
    else if (there && !S_ISDIR(folder.st_mode))
        problem = g_strdup("the trial put something else in the place of its folder");
    else if (!hpt_workdir_walk(directory, hpt_outcome_own_files, 0, 0, add_entry, outcome, &counted,
                          &error)) {
        problem = hpt_text_printable(error->message, -1);
        if (outcome->note == NULL)
            outcome->note = g_strdup(error->message);
    }
    if (outcome->renamed)
        tell_apart(outcome);
    commit(outcome);
    make_details(outcome, place, counted.skipped, problem);
    if (note != NULL)
        *note = g_strdup(outcome->note);
    return outcome;
}

const char *hpt_outcome_peek_withheld(const HptOutcome *outcome)
{
    return outcome->withheld;
}

/* ---- as arguments ---- */

void hpt_outcome_add_usage(const HptOutcome *outcome, HptArgs *args)
{
    const HptEnd *end = outcome->result == NULL ? NULL : outcome->result->end;
    if (end == NULL) {
        hpt_args_null(args, HPT_TYPE_INT4);
        hpt_args_null(args, HPT_TYPE_INT4);
        for (int i = 0; i < 4; i++)
            hpt_args_null(args, HPT_TYPE_INT8);
        hpt_args_null(args, HPT_TYPE_JSONB);
        return;
    }
    if (end->signal == 0)
        hpt_args_int4(args, end->status);
    else
        hpt_args_null(args, HPT_TYPE_INT4);
    if (end->signal != 0)
        hpt_args_int4(args, end->signal);
    else
        hpt_args_null(args, HPT_TYPE_INT4);
    hpt_args_int8(args, end->wall_us);
    hpt_args_int8(args, end->user_us);
    hpt_args_int8(args, end->system_us);
    hpt_args_int8(args, end->maxrss_bytes);
    if (outcome->details == NULL)
        hpt_args_null(args, HPT_TYPE_JSONB);
    else
        hpt_args_json(args, outcome->details);
}

static char *source_text(const HptFound *found)
{
    if (found->rule == HPT_RULE_MEASURED)
        return g_strdup("usage");
    if (found->place == HPT_PLACE_FILE && found->metric != NULL && found->metric->path != NULL)
        return g_strdup_printf("file:%s", found->metric->path);
    return g_strdup(hpt_place_name(found->place));
}

static void add_metrics(const HptOutcome *outcome, HptArgs *args)
{
    const HptScanned *scanned = outcome->result == NULL ? NULL : outcome->result->metrics;
    size_t n = scanned == NULL ? 0 : scanned->n, used = 0;
    g_autofree const char **names = g_new0(const char *, n + 1);
    g_autofree const char **rules = g_new0(const char *, n + 1);
    g_auto(GStrv) sources = g_new0(char *, n + 1);
    g_autofree double *values = g_new0(double, n + 1);
    g_autofree int64_t *offsets = g_new0(int64_t, n + 1);
    g_autofree bool *measured = g_new0(bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        const HptFound *found = &scanned->found[i];
        if (!found->found || (!outcome->allow_secrets && hpt_secret_in_name(found->name)))
            continue;
        names[used] = found->name;
        rules[used] = hpt_rule_name(found->rule);
        sources[used] = source_text(found);
        values[used] = found->value;
        offsets[used] = found->offset;
        measured[used] = found->rule == HPT_RULE_MEASURED;
        used++;
    }
    hpt_args_texts(args, names, used);
    hpt_args_float8s(args, values, NULL, used);
    hpt_args_texts(args, rules, used);
    hpt_args_texts(args, (const char *const *)sources, used);
    hpt_args_int8s(args, offsets, measured, used);
}

static void add_artefacts(const HptOutcome *outcome, HptArgs *args)
{
    guint n = outcome->artefacts->len;
    g_autofree const char **kinds = g_new0(const char *, n + 1);
    g_autofree const char **notes = g_new0(const char *, n + 1);
    g_autofree const void **paths = g_new0(const void *, n + 1);
    g_autofree const void **digests = g_new0(const void *, n + 1);
    g_autofree const void **full = g_new0(const void *, n + 1);
    g_autofree const void **targets = g_new0(const void *, n + 1);
    g_autofree size_t *path_lengths = g_new0(size_t, n + 1);
    g_autofree size_t *digest_lengths = g_new0(size_t, n + 1);
    g_autofree size_t *target_lengths = g_new0(size_t, n + 1);
    g_autofree int64_t *sizes = g_new0(int64_t, n + 1);
    g_autofree int64_t *modes = g_new0(int64_t, n + 1);
    g_autofree bool *no_mode = g_new0(bool, n + 1);
    for (guint i = 0; i < n; i++) {
        const Artefact *artefact = &g_array_index(outcome->artefacts, Artefact, i);
        kinds[i] = artefact->kind;
        notes[i] = artefact->note;
        paths[i] = g_bytes_get_data(artefact->path, &path_lengths[i]);
        digest_lengths[i] = HPT_DIGEST_SIZE;
        digests[i] = artefact->stored ? artefact->digest.bytes : NULL;
        full[i] = artefact->cut ? artefact->full_digest.bytes : NULL;
        sizes[i] = artefact->full_size;
        modes[i] = artefact->mode;
        no_mode[i] = !artefact->has_mode;
        targets[i] = artefact->target;
        target_lengths[i] = artefact->target == NULL ? 0 : strlen(artefact->target);
    }
    hpt_args_texts(args, kinds, n);
    hpt_args_byteas(args, paths, path_lengths, n);
    hpt_args_byteas(args, digests, digest_lengths, n);
    hpt_args_byteas(args, full, digest_lengths, n);
    hpt_args_int8s(args, sizes, NULL, n);
    hpt_args_int8s(args, modes, no_mode, n);
    hpt_args_byteas(args, targets, target_lengths, n);
    hpt_args_texts(args, notes, n);
}

void hpt_outcome_add_results(const HptOutcome *outcome, HptArgs *args)
{
    add_metrics(outcome, args);
    add_points(outcome->points, args);
    hpt_args_objects(args, (const HptSentObject *)(void *)outcome->objects->data, outcome->objects->len);
    add_artefacts(outcome, args);
}
