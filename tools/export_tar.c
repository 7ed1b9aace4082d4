#include "export.h"

#include "config.h"

#include "base/text.h"
#include "record/code.h"
#include "record/inputs.h"
#include "store/table.h"
#include "study/import.h"

#include <string.h>

static const char readme[] =
    "This is a record of hyperparameter searches, made by hpt-export.\n"
    "\n"
    "To check it, unpack it into an empty folder and run\n"
    "\n"
    "    sha256sum -c SHA256SUMS\n"
    "    sha256sum MANIFEST.json\n"
    "\n"
    "The first compares every file with its digest. The second prints the identity of the bundle:\n"
    "whoever has it from a source they trust knows that nothing was changed, added or left out, "
    "as\n"
    "MANIFEST.json names every other file (SHA256SUMS too) with its size and SHA-256.\n"
    "hpt-import takes it into another project, or checks it without one (--check).\n"
    "\n"
    "record/TABLE.jsonl   the rows of a table, a JSON object a line, columns that are NULL left "
    "out:\n"
    "                     study, definition, trial, attempt, metric and so on\n"
    "ro-crate-metadata.json  the same for programs that read RO-Crate, if it was asked for\n"
    "objects/sha256/…     the bytes of files and output streams, named by their SHA-256: the "
    "first\n"
    "                     two digits are the folder; digest in record/artefact.jsonl names them, "
    "and the\n"
    "                     files of a code snapshot: the fields of canonical in record/code.jsonl are "
    "kind,\n"
    "                     state, mode, size, SHA-256, path, text\n"
    "\n"
    "canonical in definition and environment, and config in trial, are the JSON that was hashed: "
    "written\n"
    "without blanks, as RFC 8785 says, its SHA-256 is the hash that hpt shows.\n"
    "Bytes that are not UTF-8 are {\"hex\":\"…\"}. Whole numbers beyond 2^53 are strings, as are "
    "NaN,\n"
    "Infinity and -0. Times are in UTC. Numbers are the shortest text that reads back to the same "
    "double.\n";

typedef struct {
    const Export *export;
    HptBundle *bundle;
    HptStore **store;
    HptTables *tables;
    const HptTable *table; /* whose file is being written */
    GHashTable *wanted;    /* digests of objects, as text */
    GString *objects;      /* rows of objects, while their bytes are added */
    ExportCrate *crate;    /* or NULL */
    GPtrArray *paths;      /* of tables */
} Job;

static bool damaged(const char *digest, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "object sha256:%s in the database is damaged: its bytes have another digest",
                digest);
    return false;
}

static bool add_stored(const Job *job, const HptObjectId *id, GError **error)
{
    if (*job->store == NULL)
        *job->store = hpt_store_open(job->export->objects, error);
    if (*job->store == NULL)
        return false;
    g_autoptr(GError) missing = NULL;
    if (hpt_bundle_add_object(job->bundle, *job->store, id, &missing))
        return true;
    g_set_error(error, missing->domain, missing->code,
                "%s\nhint: trials of another machine keep theirs in its own folder; "
                "--with=none leaves objects out",
                missing->message);
    return false;
}

/* content: in hexadecimal, if the database has it. */
static bool add_object(const Job *job, const json_t *row, const char *content, GError **error)
{
    const char *digest = hpt_row_text(row, "digest");
    HptObjectId id = {.size = hpt_row_integer(row, "size", 0)};
    if (!hpt_digest_parse(digest, &id.digest))
        return damaged(digest, error);
    if (content == NULL)
        return add_stored(job, &id, error);
    size_t length = 0;
    g_autofree char *bytes = hpt_text_unhex(content, &length);
    HptDigest found = hpt_digest(bytes, bytes != NULL ? length : 0);
    if (bytes == NULL || memcmp(&found, &id.digest, sizeof found) != 0)
        return damaged(digest, error);
    return hpt_bundle_add_object_bytes(job->bundle, bytes, length, error);
}

/* The files of a snapshot. */
static bool want_code(const Job *job, const json_t *row, GError **error)
{
    const char *text = hpt_row_text(row, "canonical");
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(text, text == NULL ? 0 : strlen(text), error);
    g_autoptr(GError) failure = NULL;
    HptCodeEntry entry;
    char hex[HPT_DIGEST_HEX_SIZE];
    while (reader != NULL && hpt_code_next(reader, &entry, &failure))
        if (entry.kind == HPT_CODE_FILE)
            g_hash_table_add(job->wanted, g_strdup(hpt_digest_hex(&entry.digest, hex)));
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    else if (reader != NULL)
        return true;
    g_prefix_error(error, "in the database: ");
    return false;
}

/* The files of an input set that are kept. */
static bool want_inputs(const Job *job, const json_t *row, GError **error)
{
    const char *text = hpt_row_text(row, "canonical");
    g_autoptr(HptInputs) inputs = hpt_inputs_parse(text, text == NULL ? 0 : strlen(text), error);
    char hex[HPT_DIGEST_HEX_SIZE];
    if (inputs == NULL) {
        g_prefix_error(error, "in the database: ");
        return false;
    }
    for (size_t i = 0; i < inputs->n; i++)
        if (inputs->files[i].state == HPT_INPUT_STORED)
            g_hash_table_add(job->wanted, g_strdup(hpt_digest_hex(&inputs->files[i].digest, hex)));
    return true;
}

/* Rows come after those that name them, so it is known by then which objects are wanted. */
static void want_objects(const Job *job, const json_t *row)
{
    const char *kind = hpt_row_text(row, "kind");
    if (strcmp(job->table->name, "artefact") == 0 &&
        !(strcmp(kind, "file") == 0 ? job->export->artefacts : job->export->logs))
        return;
    for (guint i = 0; i < job->table->fields->len; i++) {
        const HptField *field = &g_array_index(job->table->fields, HptField, i);
        const char *digest = hpt_row_text(row, field->name);
        if (g_strcmp0(field->refers, "object") == 0 && digest != NULL)
            g_hash_table_add(job->wanted, g_strdup(digest));
    }
}

static bool is_objects(const char *table)
{
    return strcmp(table, "object") == 0;
}

static char *table_path(const char *name)
{
    return g_strdup_printf("record/%s.jsonl", name);
}

static bool end_table(Job *job, GError **error)
{
    if (job->table == NULL)
        return true;
    g_autofree char *path = table_path(job->table->name);
    return is_objects(job->table->name) ? hpt_bundle_add_bytes(job->bundle, path, job->objects->str,
                                                               job->objects->len, error)
                                        : hpt_bundle_end(job->bundle, error);
}

/* A bundle is given one file after the other. Rows of objects are kept until all of their bytes are
 * in it. */
static bool begin_table(Job *job, const char *name, GError **error)
{
    g_autofree char *path = table_path(name);
    if (!end_table(job, error))
        return false;
    job->table = hpt_tables_find(job->tables, name);
    g_assert(job->table != NULL);
    g_ptr_array_add(job->paths, g_strdup(path));
    return is_objects(name) || hpt_bundle_begin(job->bundle, path, error);
}

/* Columns: table_name, line. */
static bool record_row(const HptDbText *values, size_t count, void *user, GError **error)
{
    g_assert(count == 2);
    Job *job = user;
    const char *name = values[0].text;
    if ((g_str_has_prefix(name, "environment") && !job->export->environments) ||
        (strcmp(name, "code") == 0 && !job->export->code) ||
        (strcmp(name, "input_set") == 0 && !job->export->inputs))
        return true;
    if ((job->table == NULL || strcmp(job->table->name, name) != 0) &&
        !begin_table(job, name, error))
        return false;
    g_autofree char *content = NULL;
    g_autoptr(json_t) row =
        hpt_table_from_wire(job->table, values[1].text, values[1].length, &content, error);
    g_autoptr(GString) line = g_string_new(NULL);
    if (row == NULL || !hpt_json_canonical_append(line, row, error))
        return false;
    if ((strcmp(name, "code") == 0 && !want_code(job, row, error)) ||
        (strcmp(name, "input_set") == 0 && !want_inputs(job, row, error)))
        return false;
    want_objects(job, row);
    if (job->crate != NULL)
        export_crate_row(job->crate, name, row);
    g_string_append_c(line, '\n');
    if (!is_objects(name))
        return hpt_bundle_append(job->bundle, line->str, line->len, error);
    g_string_append_len(job->objects, line->str, (gssize)line->len);
    return !g_hash_table_contains(job->wanted, hpt_row_text(row, "digest")) ||
           add_object(job, row, content, error);
}

static bool add_crate(const Job *job, GError **error)
{
    g_ptr_array_add(job->paths, g_strdup("README.txt"));
    g_ptr_array_add(job->paths, g_strdup("record/format.json"));
    g_ptr_array_add(job->paths, NULL);
    g_autofree char *text =
        export_crate_text(job->crate, job->bundle, (const char *const *)job->paths->pdata,
                          job->wanted, job->export->agent, error);
    return text != NULL &&
           hpt_bundle_add_bytes(job->bundle, "ro-crate-metadata.json", text, strlen(text), error);
}

static bool fill(Job *job, GError **error)
{
    static const char format[] = "{\"format\":\"" HPT_RECORD_FORMAT "\"}\n";
    const Export *export = job->export;
    const char *study = export->study.study;
    g_autoptr(HptArgs) args = hpt_args_new();
    if (study != NULL)
        hpt_args_texts(args, &study, 1);
    else
        hpt_args_null(args, HPT_TYPE_TEXT_ARRAY);
    export_trials(export, args);
    hpt_args_bool(args, export->trials == NULL);
    HptDbStream query = {.sql = hpt_sql_statements[HPT_SQL_EXPORT_RECORD].text,
                         .args = args,
                         .row = record_row,
                         .user = job};
    return hpt_bundle_add_bytes(job->bundle, "README.txt", readme, strlen(readme), error) &&
           hpt_bundle_add_bytes(job->bundle, "record/format.json", format, strlen(format), error) &&
           hpt_db_stream(export->db, &query, error) && end_table(job, error) &&
           (job->crate == NULL || add_crate(job, error));
}

HptBundle *export_bundle(const Export *export, const char *spool_dir, HptStore **store,
                         GError **error)
{
    const char *kind = export->study.study == NULL ? "all"
                       : export->trials == NULL    ? "study"
                                                   : "trials";
    g_autoptr(HptBundle) bundle = hpt_bundle_new(kind, spool_dir, error);
    g_autoptr(HptTables) tables = hpt_import_tables();
    g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GString) objects = g_string_new(NULL);
    g_autoptr(ExportCrate) crate = export->crate ? export_crate_new() : NULL;
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    Job job = {.export = export,
               .crate = crate,
               .paths = paths,
               .bundle = bundle,
               .store = store,
               .tables = tables,
               .wanted = wanted,
               .objects = objects};
    if (bundle == NULL || !fill(&job, error))
        return NULL;
    return g_steal_pointer(&bundle);
}
