#include "export.h"

#include "base/text.h"
#include "store/table.h"

#include <string.h>

/* https://w3id.org/ro/crate/1.1 with https://w3id.org/ro/wfrun/process/0.5: the words below are
 * theirs. A trial is an action, its parameters are what it was given, metrics and files what it
 * made.
 */
struct ExportCrate {
    GPtrArray *studies, *definitions, *trials, *attempts, *metrics, *artefacts, *objects; /* rows */
    json_t *graph;
    json_t *parts;       /* of the root */
    GHashTable *names;   /* digest → array of names of its file */
    GHashTable *sizes;   /* digest → row of the object */
    GHashTable *actions; /* number → action */
    GHashTable *numbers; /* number → row of the trial */
};

static GPtrArray *rows_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
}

ExportCrate *export_crate_new(void)
{
    ExportCrate *crate = g_new0(ExportCrate, 1);
    crate->studies = rows_new();
    crate->definitions = rows_new();
    crate->trials = rows_new();
    crate->attempts = rows_new();
    crate->metrics = rows_new();
    crate->artefacts = rows_new();
    crate->objects = rows_new();
    crate->graph = json_array();
    crate->parts = json_array();
    crate->names =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)json_decref);
    crate->sizes = g_hash_table_new(g_str_hash, g_str_equal);
    crate->actions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    crate->numbers = g_hash_table_new(g_int64_hash, g_int64_equal);
    return crate;
}

void export_crate_free(ExportCrate *crate)
{
    if (crate == NULL)
        return;
    g_hash_table_unref(crate->names);
    g_hash_table_unref(crate->sizes);
    g_hash_table_unref(crate->numbers);
    g_hash_table_unref(crate->actions);
    GPtrArray *const all[] = {crate->studies, crate->definitions, crate->trials, crate->attempts,
                              crate->metrics, crate->artefacts,   crate->objects};
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        g_ptr_array_unref(all[i]);
    json_decref(crate->graph);
    json_decref(crate->parts);
    g_free(crate);
}

void export_crate_row(ExportCrate *crate, const char *table, json_t *row)
{
    const struct {
        const char *table;
        GPtrArray *rows;
    } kept[] = {{"study", crate->studies},  {"definition", crate->definitions},
                {"trial", crate->trials},   {"attempt", crate->attempts},
                {"metric", crate->metrics}, {"artefact", crate->artefacts},
                {"object", crate->objects}};
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (strcmp(table, kept[i].table) == 0)
            g_ptr_array_add(kept[i].rows, json_incref(row));
}

/* ---- words ---- */

static json_t *reference(const char *id)
{
    return json_pack("{s:s}", "@id", id);
}

/* A new entity of the graph; borrowed. */
static json_t *entity(ExportCrate *crate, const char *id, const char *type, const char *name)
{
    json_t *made = json_pack("{s:s,s:s}", "@id", id, "@type", type);
    if (name != NULL)
        json_object_set_new(made, "name", json_string(name));
    json_array_append_new(crate->graph, made);
    return made;
}

/* #PREFIX/NAME, with what an IRI may not have escaped. */
static char *id_of(const char *prefix, const char *name)
{
    g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
    return g_strdup_printf("#%s/%s", prefix, escaped);
}

/* "2026-11-23T09:02:03.000000Z" with milliseconds and an offset, as the profile writes times. */
static char *time_of(const char *text)
{
    return g_strdup_printf("%.23s+00:00", text);
}

static json_t *list_of(json_t *owner, const char *name)
{
    json_t *list = json_object_get(owner, name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(owner, name, list);
    }
    return list;
}

/* A word of a command or a path, for people; "" for none. */
static char *shown(const json_t *bytes)
{
    const char *text = json_string_value(bytes), *hex = hpt_row_text(bytes, "hex");
    return hpt_text_printable(text != NULL ? text : hex != NULL ? hex : "", -1);
}

/* ---- entities ---- */

static void add_file(ExportCrate *crate, const char *path, const char *type, const json_t *names,
                     const HptObjectId *id)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    json_t *file = entity(crate, path, "File", NULL);
    json_object_set_new(file, "encodingFormat", json_string(type));
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, id->size);
    json_object_set_new(file, "contentSize", json_string(size));
    json_object_set_new(file, "sha256", json_string(hpt_digest_hex(&id->digest, hex)));
    json_object_set_new(file, "name", json_string(path));
    if (names != NULL) {
        json_object_set(file, "name", json_array_get(names, 0));
        if (json_array_size(names) > 1)
            json_object_set(file, "alternateName", (json_t *)(uintptr_t)names);
    }
    json_array_append_new(crate->parts, reference(path));
}

static const char *type_of_name(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".txt", "text/plain"},        {".log", "text/plain"},     {".csv", "text/csv"},
                 {".json", "application/json"}, {".html", "text/html"},     {".png", "image/png"},
                 {".svg", "image/svg+xml"},     {".pdf", "application/pdf"}};
    if (strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0)
        return "text/plain";
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(name, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

/* What the study ran, its parameters and metrics. */
static void add_command(ExportCrate *crate)
{
    const json_t *definition = crate->definitions->pdata[crate->definitions->len - 1];
    const json_t *body = json_object_get(definition, "canonical");
    g_autofree char *version =
        g_strdup_printf("%" G_GINT64_FORMAT, hpt_row_integer(definition, "version", 0));
    g_autoptr(GString) words = g_string_new(NULL);
    const json_t *command = json_object_get(body, "command");
    for (size_t i = 0; i < json_array_size(command); i++) {
        g_autofree char *word = shown(json_array_get(command, i));
        g_string_append_printf(words, "%s%s", i > 0 ? " " : "", word);
    }
    bool outside = json_array_size(command) == 0;
    g_autofree char *first = shown(json_array_get(command, 0));
    json_t *tool = entity(crate, "#command", "SoftwareApplication", outside ? "a loop outside hpt" : first);
    json_object_set_new(tool, "description", json_string(outside ? "asked for trials and told of them" : words->str));
    json_object_set_new(tool, "softwareVersion", json_string(version));
    static const struct {
        const char *list, *prefix, *member;
    } kinds[] = {{"parameters", "parameter", "input"}, {"metrics", "metric", "output"}};
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        const json_t *list = json_object_get(body, kinds[k].list);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *item = json_array_get(list, i);
            const char *name = hpt_row_text(item, "name"), *type = hpt_row_text(item, "type");
            if (name == NULL) /* imported: nobody has read this definition yet */
                continue;
            g_autofree char *id = id_of(kinds[k].prefix, name);
            json_t *formal = entity(crate, id, "FormalParameter", name);
            json_object_set_new(formal, "additionalType",
                                json_string(k == 1 || g_strcmp0(type, "real") == 0 ? "Float"
                                            : g_strcmp0(type, "integer") == 0      ? "Integer"
                                                                                   : "Text"));
            json_array_append_new(list_of(tool, kinds[k].member), reference(id));
        }
    }
}

static json_t *action_of(const ExportCrate *crate, const json_t *row)
{
    int64_t number = hpt_row_integer(row, "number", 0);
    return g_hash_table_lookup(crate->actions, &number);
}

/* Is the row one of the attempt that counts? */
static bool counts(const ExportCrate *crate, const json_t *row)
{
    int64_t number = hpt_row_integer(row, "number", 0);
    const json_t *trial = g_hash_table_lookup(crate->numbers, &number);
    return hpt_row_integer(trial, "attempt", 0) == hpt_row_integer(row, "attempt", 0);
}

/* A value that an action was given or made. */
static void add_value(ExportCrate *crate, json_t *action, const char *kind, const char *member,
                      const char *name, json_t *value)
{
    g_autofree char *prefix = g_strdup_printf("%s/%s", hpt_row_text(action, "@id") + 1, kind);
    g_autofree char *id = id_of(prefix, name), *formal = id_of(kind, name);
    json_t *made = entity(crate, id, "PropertyValue", name);
    json_object_set(made, "value", value);
    json_object_set_new(made, "exampleOfWork", reference(formal));
    json_array_append_new(list_of(action, member), reference(id));
}

static void add_trial(ExportCrate *crate, const json_t *trial, const char *agent)
{
    int64_t *number = g_new(int64_t, 1);
    *number = hpt_row_integer(trial, "number", 0);
    const char *state = hpt_row_text(trial, "state"), *cause = hpt_row_text(trial, "cause");
    g_autofree char *id = g_strdup_printf("#trial/%" G_GINT64_FORMAT, *number);
    g_autofree char *name =
        g_strdup_printf("trial %" G_GINT64_FORMAT " of %s", *number, hpt_row_text(trial, "study"));
    json_t *action = entity(crate, id, "CreateAction", name);
    bool done = strcmp(state, "complete") == 0 || strcmp(state, "pruned") == 0;
    g_hash_table_insert(crate->actions, number, action);
    g_hash_table_insert(crate->numbers, number, (void *)(uintptr_t)trial);
    json_object_set_new(action, "instrument", reference("#command"));
    json_object_set_new(action, "actionStatus",
                        json_string(done ? "http://schema.org/CompletedActionStatus"
                                         : "http://schema.org/FailedActionStatus"));
    if (!done)
        json_object_set_new(action, "error", json_string(cause != NULL ? cause : state));
    if (agent != NULL)
        json_object_set_new(action, "agent", reference("#agent"));
    const json_t *config = json_object_get(trial, "config");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        add_value(crate, action, "parameter", "object", key, value);
    }
}

/* From the first attempt's begin to the last one's end; the command is that which counts in the
 * end, and so is its reason if the trial has none of its own. */
static void add_attempt(ExportCrate *crate, const json_t *attempt)
{
    json_t *action = action_of(crate, attempt);
    const char *start = hpt_row_text(attempt, "started_at"), *end = hpt_row_text(attempt, "ended_at");
    g_autofree char *from = time_of(start), *to = end != NULL ? time_of(end) : NULL;
    const char *begun = hpt_row_text(action, "startTime"), *ended = hpt_row_text(action, "endTime");
    if (begun == NULL || strcmp(from, begun) < 0)
        json_object_set_new(action, "startTime", json_string(from));
    if (to != NULL && (ended == NULL || strcmp(to, ended) > 0))
        json_object_set_new(action, "endTime", json_string(to));
    if (!counts(crate, attempt))
        return;
    g_autoptr(GString) words = g_string_new("ran");
    const json_t *argv = json_object_get(attempt, "argv");
    for (size_t i = 0; i < json_array_size(argv); i++) {
        g_autofree char *word = shown(json_array_get(argv, i));
        g_autofree char *quoted = hpt_text_shell_quote(word);
        g_string_append_printf(words, " %s", quoted);
    }
    json_object_set_new(action, "description",
                        json_string(json_array_size(argv) > 0 ? words->str : "run outside hpt"));
    const char *cause = hpt_row_text(attempt, "cause");
    if (json_object_get(action, "error") != NULL && cause != NULL)
        json_object_set_new(action, "error", json_string(cause));
}

static void add_artefact(ExportCrate *crate, const json_t *artefact)
{
    json_t *action = action_of(crate, artefact);
    const char *digest = hpt_row_text(artefact, "digest");
    if (digest == NULL || !g_hash_table_contains(crate->sizes, digest))
        return;
    json_t *names = g_hash_table_lookup(crate->names, digest);
    if (names == NULL) {
        names = json_array();
        g_hash_table_insert(crate->names, (void *)(uintptr_t)digest, names);
    }
    g_autofree char *name = shown(json_object_get(artefact, "path"));
    bool known = false;
    for (size_t i = 0; i < json_array_size(names); i++)
        known = known || strcmp(json_string_value(json_array_get(names, i)), name) == 0;
    if (!known)
        json_array_append_new(names, json_string(name));
    HptDigest id;
    bool ok = hpt_digest_parse(digest, &id);
    g_assert(ok);
    g_autofree char *path = hpt_bundle_object_path(&id);
    g_autoptr(json_t) to = reference(path);
    json_t *results = list_of(action, "result");
    for (size_t i = 0; i < json_array_size(results); i++)
        if (json_equal(json_array_get(results, i), to))
            return;
    json_array_append(results, to);
}

static void add_objects(ExportCrate *crate)
{
    for (guint i = 0; i < crate->objects->len; i++) {
        const json_t *row = crate->objects->pdata[i];
        const char *digest = hpt_row_text(row, "digest");
        const json_t *names = g_hash_table_lookup(crate->names, digest);
        HptObjectId id = {.size = hpt_row_integer(row, "size", 0)};
        bool ok = hpt_digest_parse(digest, &id.digest);
        g_assert(ok);
        g_autofree char *path = hpt_bundle_object_path(&id.digest);
        const char *name = names != NULL ? json_string_value(json_array_get(names, 0)) : "";
        if (g_hash_table_contains(crate->sizes, digest))
            add_file(crate, path, type_of_name(name), names, &id);
    }
}

/* The crate itself, with the newest time in it: a crate of the same record is the same. */
static void add_root(ExportCrate *crate, const char *agent)
{
    const json_t *study = crate->studies->pdata[0];
    const char *name = hpt_row_text(study, "name");
    g_autofree char *date = time_of(hpt_row_text(study, "created_at"));
    json_t *actions = json_array();
    for (guint i = 0; i < crate->trials->len; i++) {
        const json_t *action = action_of(crate, crate->trials->pdata[i]);
        const char *end = hpt_row_text(action, "endTime");
        json_array_append_new(actions, reference(hpt_row_text(action, "@id")));
        if (end != NULL && strcmp(end, date) > 0) {
            g_free(date);
            date = g_strdup(end);
        }
    }
    json_t *about = entity(crate, "ro-crate-metadata.json", "CreativeWork", NULL);
    json_object_set_new(about, "about", reference("./"));
    json_object_set_new(about, "conformsTo", reference("https://w3id.org/ro/crate/1.1"));
    json_t *root = entity(crate, "./", "Dataset", name);
    g_autofree char *text = g_strdup_printf(
        "%u trials of the hyperparameter search %s, recorded by hpt", crate->trials->len, name);
    json_object_set_new(root, "description", json_string(text));
    json_object_set_new(root, "datePublished", json_string(date));
    json_object_set_new(root, "license", reference("#license"));
    json_object_set_new(root, "conformsTo", reference("https://w3id.org/ro/wfrun/process/0.5"));
    json_object_set(root, "hasPart", crate->parts);
    json_object_set_new(root, "mentions", actions);
    json_t *license = entity(crate, "#license", "CreativeWork", "no license was recorded");
    json_object_set_new(license, "description",
                        json_string("Whoever made this crate says what may be done with it."));
    json_t *profile =
        entity(crate, "https://w3id.org/ro/wfrun/process/0.5", "CreativeWork", "Process Run Crate");
    json_object_set_new(profile, "version", json_string("0.5"));
    if (agent != NULL) {
        entity(crate, "#agent", "Person", agent);
        json_object_set_new(root, "author", reference("#agent"));
    }
}

static int by_id(const void *a, const void *b)
{
    return strcmp(hpt_row_text(*(json_t *const *)a, "@id"), hpt_row_text(*(json_t *const *)b, "@id"));
}

char *export_crate_text(ExportCrate *crate, const HptBundle *bundle, const char *const *files,
                        GHashTable *objects, const char *agent, GError **error)
{
    for (guint i = 0; i < crate->objects->len; i++) {
        json_t *row = crate->objects->pdata[i];
        if (g_hash_table_contains(objects, hpt_row_text(row, "digest")))
            g_hash_table_insert(crate->sizes, (void *)(uintptr_t)hpt_row_text(row, "digest"), row);
    }
    add_command(crate);
    for (guint i = 0; i < crate->trials->len; i++)
        add_trial(crate, crate->trials->pdata[i], agent);
    for (guint i = 0; i < crate->attempts->len; i++)
        add_attempt(crate, crate->attempts->pdata[i]);
    for (guint i = 0; i < crate->metrics->len; i++) {
        const json_t *metric = crate->metrics->pdata[i];
        if (counts(crate, metric))
            add_value(crate, action_of(crate, metric), "metric", "result", hpt_row_text(metric, "name"),
                      json_object_get(metric, "value"));
    }
    for (guint i = 0; i < crate->artefacts->len; i++)
        add_artefact(crate, crate->artefacts->pdata[i]);
    add_objects(crate);
    for (; *files != NULL; files++) {
        HptObjectId id;
        bool table = g_str_has_suffix(*files, ".jsonl");
        if (hpt_bundle_find(bundle, *files, &id))
            add_file(crate, *files, table ? "application/x-ndjson" : type_of_name(*files), NULL,
                     &id);
    }
    add_root(crate, agent);
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    for (size_t i = 0; i < json_array_size(crate->graph); i++)
        g_ptr_array_add(sorted, json_array_get(crate->graph, i));
    g_ptr_array_sort(sorted, by_id);
    g_autoptr(json_t) whole =
        json_pack("{s:[s,s],s:[]}", "@context", "https://w3id.org/ro/crate/1.1/context",
                  "https://w3id.org/ro/terms/workflow-run/context", "@graph");
    for (guint i = 0; i < sorted->len; i++)
        json_array_append(json_object_get(whole, "@graph"), sorted->pdata[i]);
    return hpt_json_canonical(whole, error);
}
