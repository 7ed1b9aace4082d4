#include "study/import.h"

#include "base/json.h"
#include "base/text.h"
#include "record/code.h"
#include "record/inputs.h"
#include "study/definition.h"

#include <string.h>

#define FORMAT_PATH "record/format.json"

HptTables *hpt_import_tables(void)
{
    const HptSqlScript *view = hpt_sql_views;
    while (strcmp(view->name, "aa_bundle_table") != 0)
        view++;
    HptTables *tables = hpt_tables_new(view->text, NULL);
    g_assert(tables != NULL); /* a unit test reads the list */
    return tables;
}

typedef struct {
    const HptGate *gate;
    const HptTables *tables;
    const HptTable *table;
    GHashTable *rows; /* "TABLE\1KEY" of every row that another may name */
    json_t *last;
} Check;

static bool fault(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fault(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, text);
    return false;
}

/* ---- the files ---- */

bool hpt_import_is_kind(const char *kind)
{
    static const char *const kinds[] = {"study", "trials", "all", NULL};
    return g_strv_contains(kinds, kind);
}

static bool check_format(const HptGate *gate, GError **error)
{
    g_autofree char *kind = hpt_text_printable(hpt_gate_peek_kind(gate), -1);
    if (!hpt_import_is_kind(hpt_gate_peek_kind(gate)))
        return fault(error, "it is a bundle of '%s', not of a record", kind);
    const HptGateEntry *entry = hpt_gate_find(gate, FORMAT_PATH);
    char text[256] = "";
    if (entry == NULL)
        return fault(error, "it holds no record: " FORMAT_PATH " is missing");
    size_t length = (size_t)MIN(entry->id.size, (int64_t)sizeof text - 1);
    if (!hpt_gate_read(gate, entry, 0, text, length, error))
        return false;
    g_autoptr(json_t) format = hpt_json_parse(text, length, NULL);
    const char *name = json_string_value(json_object_get(format, "format"));
    if (g_strcmp0(name, HPT_RECORD_FORMAT) == 0)
        return true;
    g_autofree char *shown = hpt_text_printable(name != NULL ? name : "", -1);
    return fault(error, "the format of its record is '%s', and this hpt reads " HPT_RECORD_FORMAT,
                 shown);
}

static bool is_object_path(const HptGateEntry *entry)
{
    g_autofree char *path = hpt_bundle_object_path(&entry->id.digest);
    return strcmp(entry->path, path) == 0;
}

/* record/TABLE.jsonl: the table, or NULL. */
static const HptTable *table_of(const HptTables *tables, const char *path)
{
    if (!g_str_has_prefix(path, "record/") || !g_str_has_suffix(path, ".jsonl"))
        return NULL;
    g_autofree char *name = g_strndup(path + 7, strlen(path) - 13);
    return hpt_tables_find(tables, name);
}

static bool check_paths(const Check *check, GError **error)
{
    static const char *const own[] = {"README.txt", "SHA256SUMS", "ro-crate-metadata.json", FORMAT_PATH,
                                      NULL};
    for (size_t i = 0; i < hpt_gate_count(check->gate); i++) {
        const HptGateEntry *entry = hpt_gate_peek(check->gate, i);
        if (g_strv_contains(own, entry->path))
            continue;
        if (g_str_has_prefix(entry->path, "record/")) {
            if (table_of(check->tables, entry->path) == NULL)
                return fault(error, "the table '%s' is unknown: the bundle is of a newer hpt",
                             entry->path);
        } else if (!g_str_has_prefix(entry->path, "objects/")) {
            return fault(error, "the entry '%s' belongs to no record", entry->path);
        } else if (!is_object_path(entry)) {
            return fault(error, "the object '%s' has another digest than its name", entry->path);
        }
    }
    return true;
}

/* ---- the rows ---- */

static char *row_name(const char *table, const char *key)
{
    return g_strdup_printf("%s\1%s", table, key);
}

/* Numbers beyond 2^53 are texts, too. */
static void append_key(GString *key, const json_t *value)
{
    if (key->len > 0)
        g_string_append_c(key, '\1');
    if (json_is_string(value))
        g_string_append(key, json_string_value(value));
    else
        g_string_append_printf(key, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

/* How other rows name this one: the values of its key; NULL: none does. */
static char *key_of(const HptTable *table, const json_t *row)
{
    static const char *const named[] = {"definition", "trial", "attempt", NULL};
    GString *key = g_string_new(NULL);
    guint keys = 0;
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        if (!field->key)
            continue;
        append_key(key, json_object_get(row, field->name));
        keys++;
    }
    return g_string_free(key, keys != 1 && !g_strv_contains(named, table->name));
}

static bool has_row(const Check *check, const char *table, const char *key)
{
    g_autofree char *name = row_name(table, key);
    return g_hash_table_contains(check->rows, name);
}

static bool need(const Check *check, const json_t *row, const char *table, const char *key,
                 GError **error)
{
    if (has_row(check, table, key))
        return true;
    g_autofree char *text = hpt_table_key_text(check->table, row);
    g_autofree char *shown = g_strdelimit(g_strdup(key), "\1", ' ');
    g_autofree char *printable = hpt_text_printable(shown, -1);
    return fault(error, "%s %s names %s '%s', which is not in the bundle", check->table->name, text,
                 table, printable);
}

/* The study, trial and attempt that a row belongs to. An attempt that is no part of the key is none
 * that must be there: decisions on rungs belong to no attempt. */
static bool check_owner(const Check *check, const json_t *row, GError **error)
{
    static const struct {
        const char *field, *table;
    } owners[] = {{"study", "study"}, {"number", "trial"}, {"attempt", "attempt"}};
    g_autoptr(GString) key = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(owners); i++) {
        const HptField *field = hpt_table_field(check->table, owners[i].field);
        const json_t *value = json_object_get(row, owners[i].field);
        if (field == NULL || (i > 0 && !field->key) ||
            strcmp(check->table->name, owners[i].table) == 0)
            break;
        append_key(key, value);
        if (i == 2 && json_integer_value(value) == 0 && strcmp(check->table->name, "pruning") == 0)
            break;
        if (!need(check, row, owners[i].table, key->str, error))
            return false;
    }
    return true;
}

/* The files of a code snapshot. */
static bool check_snapshot(const Check *check, const HptField *field, const json_t *row, GError **error)
{
    const char *text = hpt_row_text(row, field->name);
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(text, text == NULL ? 0 : strlen(text), error);
    g_autoptr(GError) failure = NULL;
    HptCodeEntry entry;
    char hex[HPT_DIGEST_HEX_SIZE];
    if (reader == NULL)
        return false;
    while (hpt_code_next(reader, &entry, &failure))
        if (entry.kind == HPT_CODE_FILE &&
            !need(check, row, field->refers, hpt_digest_hex(&entry.digest, hex), error))
            return false;
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* The files of an input set that are kept. */
static bool check_inputs(const Check *check, const HptField *field, const json_t *row, GError **error)
{
    const char *text = hpt_row_text(row, field->name);
    g_autoptr(HptInputs) inputs = hpt_inputs_parse(text, text == NULL ? 0 : strlen(text), error);
    char hex[HPT_DIGEST_HEX_SIZE];
    for (size_t i = 0; inputs != NULL && i < inputs->n; i++)
        if (inputs->files[i].state == HPT_INPUT_STORED &&
            !need(check, row, field->refers, hpt_digest_hex(&inputs->files[i].digest, hex), error))
            return false;
    return inputs != NULL;
}

/* What fields with > name. */
static bool check_references(const Check *check, const json_t *row, GError **error)
{
    for (guint i = 0; i < check->table->fields->len; i++) {
        const HptField *field = &g_array_index(check->table->fields, HptField, i);
        const json_t *value = json_object_get(row, field->name);
        if (field->refers == NULL || value == NULL)
            continue;
        if (field->type == HPT_FIELD_BYTES) {
            bool set = strcmp(check->table->name, "input_set") == 0;
            if (set ? !check_inputs(check, field, row, error)
                    : !check_snapshot(check, field, row, error))
                return false;
            continue;
        }
        if (json_is_string(value) && field->type != HPT_FIELD_CANONICAL) {
            if (!need(check, row, field->refers, json_string_value(value), error))
                return false;
            continue;
        }
        const char *part;
        json_t *digest;
        json_object_foreach(json_object_get(value, "parts"), part, digest)
        {
            const char *text = json_string_value(digest);
            if (!need(check, row, field->refers, text != NULL ? text : "", error))
                return false;
        }
    }
    return true;
}

static bool check_study(const json_t *row, GError **error)
{
    const char *name = hpt_row_text(row, "name");
    int64_t seed = hpt_row_integer(row, "seed", 0);
    if (g_utf8_strlen(name, -1) < 1 || g_utf8_strlen(name, -1) > 200)
        return fault(error, "the name of a study has 1 to 200 characters");
    for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return fault(error, "the name of a study has a control character");
    return seed >= 0 || fault(error, "the seed of a study is negative");
}

static bool check_trial(const Check *check, const json_t *row, GError **error)
{
    static const char *const ended[] = {"complete", "pruned", "failed", "lost", "cancelled", NULL};
    const char *study = hpt_row_text(row, "study");
    const char *state = hpt_row_text(row, "state");
    g_autofree char *key = hpt_table_key_text(check->table, row);
    if (strcmp(state, "running") == 0 || strcmp(state, "waiting") == 0)
        return fault(error, "trial %s has not ended, but is %s: it cannot be imported", key, state);
    if (!g_strv_contains(ended, state))
        return fault(error, "trial %s has the unknown state '%s'", key, state);
    if (hpt_row_integer(row, "number", 0) < 0 || hpt_row_integer(row, "attempt", 0) < 1)
        return fault(error, "trial %s: numbers begin with 0, attempts with 1", key);
    const json_t *definition = json_object_get(row, "definition");
    if (definition == NULL)
        return true;
    g_autofree char *version =
        g_strdup_printf("%s\1%" JSON_INTEGER_FORMAT, study, json_integer_value(definition));
    return need(check, row, "definition", version, error);
}

static bool check_attempt(const Check *check, const json_t *row, GError **error)
{
    g_autofree char *key = hpt_table_key_text(check->table, row);
    return (json_object_get(row, "outcome") != NULL && json_object_get(row, "ended_at") != NULL) ||
           fault(error, "attempt %s has not ended", key);
}

/* An object's bytes must be there, and as many. */
static bool check_object(const Check *check, const json_t *row, GError **error)
{
    HptDigest digest;
    const char *hex = hpt_row_text(row, "digest");
    bool ok = hpt_digest_parse(hex, &digest);
    g_assert(ok);
    g_autofree char *path = hpt_bundle_object_path(&digest);
    const HptGateEntry *entry = hpt_gate_find(check->gate, path);
    if (entry != NULL && entry->id.size == hpt_row_integer(row, "size", 0))
        return true;
    if (entry != NULL)
        return fault(error, "object sha256:%s has another size than its row says", hex);
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "object sha256:%s is missing\nhint: a bundle made with --with cannot be imported",
                hex);
    return false;
}

/* What a study is must be understood before it is taken: everything that opens it begins with this. */
static bool check_definition(const Check *check, const json_t *row, GError **error)
{
    g_autofree char *key = hpt_table_key_text(check->table, row);
    g_autofree char *canonical = hpt_json_canonical(json_object_get(row, "canonical"), error);
    g_autoptr(HptDefinition) definition =
        canonical != NULL ? hpt_definition_parse(canonical, strlen(canonical), error) : NULL;
    if (definition == NULL)
        g_prefix_error(error, "definition %s: ", key);
    return definition != NULL;
}

static bool check_one(const Check *check, const json_t *row, GError **error)
{
    static const struct {
        const char *table;
        bool (*check)(const Check *, const json_t *, GError **);
    } checks[] = {{"definition", check_definition}, {"trial", check_trial}, {"attempt", check_attempt},
                  {"object", check_object}};
    if ((strcmp(check->table->name, "study") == 0 && !check_study(row, error)) ||
        !check_owner(check, row, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++)
        if (strcmp(check->table->name, checks[i].table) == 0 && !checks[i].check(check, row, error))
            return false;
    return check_references(check, row, error);
}

static bool check_line(const char *line, size_t length, void *user, GError **error)
{
    Check *check = user;
    g_autoptr(json_t) row = hpt_table_read(check->table, line, length, error);
    if (row == NULL)
        return false;
    g_autofree char *text = hpt_table_key_text(check->table, row);
    int order = check->last != NULL ? hpt_table_compare(check->table, check->last, row) : -1;
    if (order == 0)
        return fault(error, "%s %s is there twice", check->table->name, text);
    if (order > 0)
        return fault(error, "%s %s is not in the order of its key", check->table->name, text);
    if (!check_one(check, row, error))
        return false;
    g_autofree char *key = key_of(check->table, row);
    if (key != NULL)
        g_hash_table_add(check->rows, row_name(check->table->name, key));
    json_decref(check->last);
    check->last = g_steal_pointer(&row);
    return true;
}

/* The attempt that counts; its row comes after the trial's. */
static bool check_newest(const char *line, size_t length, void *user, GError **error)
{
    const Check *check = user;
    g_autoptr(json_t) row = hpt_table_read(check->table, line, length, error);
    if (row == NULL)
        return false;
    static const char *const names[] = {"study", "number", "attempt"};
    g_autoptr(GString) key = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        append_key(key, json_object_get(row, names[i]));
    return need(check, row, "attempt", key->str, error);
}

static bool check_definitions(const char *line, size_t length, void *user, GError **error)
{
    const Check *check = user;
    g_autoptr(json_t) row = hpt_table_read(check->table, line, length, error);
    if (row == NULL)
        return false;
    const char *name = hpt_row_text(row, "name");
    g_autofree char *first = g_strdup_printf("%s\1%d", name, 1);
    return need(check, row, "definition", first, error);
}

static bool each_line(Check *check, const char *table, HptGateLine line, GError **error)
{
    g_autofree char *path = g_strdup_printf("record/%s.jsonl", table);
    const HptGateEntry *entry = hpt_gate_find(check->gate, path);
    check->table = hpt_tables_find(check->tables, table);
    return entry == NULL || hpt_gate_lines(check->gate, entry, line, check, error);
}

static bool check_objects(const Check *check, GError **error)
{
    for (size_t i = 0; i < hpt_gate_count(check->gate); i++) {
        const HptGateEntry *entry = hpt_gate_peek(check->gate, i);
        char hex[HPT_DIGEST_HEX_SIZE];
        if (g_str_has_prefix(entry->path, "objects/") &&
            !has_row(check, "object", hpt_digest_hex(&entry->id.digest, hex)))
            return fault(error, "no row names the object '%s'", entry->path);
    }
    return true;
}

bool hpt_import_check(const HptGate *gate, void *user, GError **error)
{
    Check check = {.gate = gate, .tables = user};
    check.rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = check_format(gate, error) && check_paths(&check, error);
    for (size_t i = 0; ok && i < hpt_tables_count(check.tables); i++) {
        ok = each_line(&check, hpt_tables_peek(check.tables, i)->name, check_line, error);
        g_clear_pointer(&check.last, json_decref);
    }
    ok = ok && each_line(&check, "trial", check_newest, error) &&
         each_line(&check, "study", check_definitions, error) && check_objects(&check, error);
    g_hash_table_unref(check.rows);
    return ok;
}
