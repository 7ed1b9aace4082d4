#include "study/import-internal.h"

#include "base/text.h"

#include <string.h>

static bool conflict(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool conflict(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                "%s\nhint: --as=NAME imports it as another study", text);
    return false;
}

static void study_free(void *data)
{
    HptStudyPair *study = data;
    g_free(study->name);
    g_free(study->there);
    json_decref(study->row);
    json_decref(study->own);
    g_hash_table_unref(study->definitions);
    g_ptr_array_unref(study->added);
    g_free(study->seen);
    g_free(study);
}

static void trial_free(void *data)
{
    HptTrialPair *trial = data;
    g_free(trial->study);
    g_free(trial->difference);
    json_decref(trial->row);
    if (trial->lines != NULL)
        g_hash_table_unref(trial->lines);
    g_free(trial);
}

static HptStudyPair *find_study(const HptImport *import, const char *name)
{
    for (guint i = 0; name != NULL && i < import->studies->len; i++) {
        HptStudyPair *study = import->studies->pdata[i];
        if (strcmp(study->name, name) == 0)
            return study;
    }
    return NULL;
}

bool hpt_study_pair_has_news(const HptStudyPair *study)
{
    return study->own == NULL || study->added->len > 0 || study->counts.fresh > 0 ||
           study->counts.gone_on > 0;
}

bool hpt_import_wants_study(const HptImport *import, const json_t *row)
{
    const json_t *name = json_object_get(row, "study");
    const HptStudyPair *study = find_study(import, json_string_value(name));
    return name == NULL || (study != NULL && hpt_study_pair_has_news(study));
}

/* ---- names ---- */

/* The same attempt under another study's name is another row: it gets another id, always the same.
 */
static char *other_id(const char *as, const char *id)
{
    g_autofree char *text = g_strdup_printf("hpt-import/1%c%s%c%s", 1, as, 1, id);
    HptDigest digest = hpt_digest(text, strlen(text));
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(&digest, hex);
    /* Version 8 of RFC 9562: of our own making. */
    return g_strdup_printf("%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
                           hex + 18);
}

void hpt_import_rename(const HptImport *import, const HptTable *table, json_t *row)
{
    const char *as = import->options->as;
    const HptStudyPair *study = import->studies->len > 0 ? import->studies->pdata[0] : NULL;
    if (as == NULL || study == NULL || strcmp(study->there, as) == 0)
        return;
    if (strcmp(table->name, "study") == 0)
        json_object_set_new(row, "name", json_string(as));
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        const char *value = hpt_row_text(row, field->name);
        if (strcmp(field->name, "study") == 0) {
            json_object_set_new(row, "study", json_string(as));
        } else if (field->type == HPT_FIELD_UUID && value != NULL) {
            g_autofree char *id = other_id(as, value);
            json_object_set_new(row, field->name, json_string(id));
        }
    }
}

char *hpt_import_line(const HptTable *table, const json_t *row)
{
    GString *line = g_string_new(table->name);
    g_string_append_c(line, ' ');
    bool ok = hpt_json_canonical_append(line, row, NULL);
    g_assert(ok); /* it was read from a canonical text */
    return g_string_free(line, FALSE);
}

/* ---- going through rows ---- */

typedef bool (*RowFunc)(HptImport *import, const HptTable *table, json_t *row, GError **error);

typedef struct {
    HptImport *import;
    const HptTable *table;
    RowFunc func;
} Walk;

static bool walk_line(const char *line, size_t length, void *user, GError **error)
{
    const Walk *walk = user;
    g_autoptr(json_t) row = hpt_table_read(walk->table, line, length, error);
    if (row == NULL)
        return false;
    hpt_import_rename(walk->import, walk->table, row);
    return walk->func(walk->import, walk->table, row, error);
}

static bool walk_table(HptImport *import, const HptTable *table, RowFunc func, GError **error)
{
    Walk walk = {import, table, func};
    g_autofree char *path = g_strdup_printf("record/%s.jsonl", table->name);
    const HptGateEntry *entry = hpt_gate_find(import->gate, path);
    return entry == NULL || hpt_gate_lines(import->gate, entry, walk_line, &walk, error);
}

/* Rows of the bundle: of one table, or of all (NULL). */
static bool walk_bundle(HptImport *import, const char *only, RowFunc func, GError **error)
{
    for (size_t i = 0; i < hpt_tables_count(import->tables); i++) {
        const HptTable *table = hpt_tables_peek(import->tables, i);
        if ((only == NULL || strcmp(only, table->name) == 0) && !walk_table(import, table, func, error))
            return false;
    }
    return true;
}

/* All rows of the bundle, in the order in which walk_here gives those that are here. */
static bool walk_bundle_as_here(HptImport *import, RowFunc func, GError **error)
{
    for (size_t i = hpt_tables_count(import->tables); i-- > 0;)
        if (!walk_table(import, hpt_tables_peek(import->tables, i), func, error))
            return false;
    return true;
}

/* Columns: table_name, line. */
static bool walk_row(const HptDbText *values, size_t count, void *user, GError **error)
{
    g_assert(count == 2);
    const Walk *walk = user;
    const HptTable *table = hpt_tables_find(walk->import->tables, values[0].text);
    g_assert(table != NULL);
    g_autoptr(json_t) row =
        hpt_table_from_wire(table, values[1].text, values[1].length, NULL, error);
    return row != NULL && walk->func(walk->import, table, row, error);
}

/* Rows that are here, of the studies of the bundle; of these trials, or of all (NULL). */
static bool walk_here(HptImport *import, const GArray *trials, RowFunc func, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < import->studies->len; i++)
        g_ptr_array_add(names, ((const HptStudyPair *)import->studies->pdata[i])->name);
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_texts(args, (const char *const *)names->pdata, names->len);
    if (trials != NULL)
        hpt_args_int8s(args, (const int64_t *)(void *)trials->data, NULL, trials->len);
    else
        hpt_args_null(args, HPT_TYPE_INT8_ARRAY);
    hpt_args_bool(args, false);
    Walk walk = {import, NULL, func};
    HptDbStream query = {.sql = hpt_sql_statements[HPT_SQL_EXPORT_RECORD].text,
                         .args = args,
                         .row = walk_row,
                         .user = &walk};
    return hpt_db_stream(import->db, &query, error);
}

/* ---- studies ---- */

static bool add_study(HptImport *import, const HptTable *table, json_t *row, GError **error)
{
    (void)table;
    if (import->options->as != NULL && import->studies->len > 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--as is for a bundle of one study, and this one has more");
        return false;
    }
    HptStudyPair *study = g_new0(HptStudyPair, 1);
    study->there = g_strdup(hpt_row_text(row, "name"));
    study->name = g_strdup(import->options->as != NULL ? import->options->as : study->there);
    json_object_set_new(row, "name", json_string(study->name));
    study->row = json_incref(row);
    study->definitions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    study->added = g_ptr_array_new_with_free_func(g_free);
    study->counts.study = study->name;
    g_ptr_array_add(import->studies, study);
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study->name);
    g_autoptr(HptRows) rows = hpt_db_row(import->db, HPT_SQL_IMPORT_SEEN, args, error);
    if (rows == NULL)
        return false;
    if (!hpt_rows_null(rows, 0, 0))
        study->seen = hpt_rows_int8s(rows, 0, 0, &study->n_seen, NULL);
    return true;
}

/* The first member in which two rows differ, as "NAME is HERE here and THERE in the bundle". */
static char *difference(const HptTable *table, const json_t *here, const json_t *there)
{
    for (guint i = 0; i < table->fields->len; i++) {
        const char *name = g_array_index(table->fields, HptField, i).name;
        const json_t *values[2] = {json_object_get(here, name), json_object_get(there, name)};
        char *shown[2];
        for (int k = 0; k < 2; k++) {
            g_autofree char *text = values[k] != NULL ? hpt_json_canonical(values[k], NULL) : NULL;
            g_autofree char *head =
                g_utf8_substring(text != NULL ? text : "absent", 0,
                                 MIN(g_utf8_strlen(text != NULL ? text : "absent", -1), 100));
            shown[k] = hpt_text_printable(head, -1);
        }
        bool same = values[0] == values[1] ||
                    (values[0] != NULL && values[1] != NULL && json_equal(values[0], values[1]));
        g_autofree char *a = shown[0], *b = shown[1];
        if (!same)
            return g_strdup_printf("%s is %s here and %s in the bundle", name, a, b);
    }
    return g_strdup("the rows differ");
}

/* Is it the same study? What may change later is left out. */
static bool compare_study(const HptImport *import, const HptStudyPair *study, GError **error)
{
    static const char *const fixed[] = {"seed", "created_at"};
    const HptTable *table = hpt_tables_find(import->tables, "study");
    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (json_equal(json_object_get(study->own, fixed[i]),
                       json_object_get(study->row, fixed[i])))
            continue;
        g_autoptr(json_t) here = json_object(), there = json_object();
        json_object_set(here, fixed[i], json_object_get(study->own, fixed[i]));
        json_object_set(there, fixed[i], json_object_get(study->row, fixed[i]));
        g_autofree char *text = difference(table, here, there);
        g_autofree char *name = hpt_text_printable(study->name, -1);
        return conflict(error, "there is another study '%s': %s", name, text);
    }
    return true;
}

static bool add_definition(HptImport *import, const HptTable *table, json_t *row, GError **error)
{
    HptStudyPair *study = find_study(import, hpt_row_text(row, "study"));
    int64_t version = hpt_row_integer(row, "version", 0);
    g_autofree char *line = hpt_import_line(table, row);
    const char *own = g_hash_table_lookup(study->definitions, &version);
    g_autofree char *name = hpt_text_printable(study->name, -1);
    if (own == NULL) {
        GString *wire = g_string_new(NULL);
        hpt_table_to_wire(table, row, wire);
        g_ptr_array_add(study->added, g_string_free(wire, FALSE));
        study->counts.wider = study->own != NULL;
        return true;
    }
    return strcmp(own, line) == 0 ||
           conflict(error, "version %" G_GINT64_FORMAT " of the definition of '%s' is another one",
                    version, name);
}

/* ---- trials ---- */

static char *trial_key(const char *study, int64_t number)
{
    return g_strdup_printf("%s\1%" G_GINT64_FORMAT, study, number);
}

HptTrialPair *hpt_import_trial(const HptImport *import, const HptTable *table, const json_t *row)
{
    if (hpt_table_field(table, "study") == NULL || hpt_table_field(table, "number") == NULL)
        return NULL;
    const char *study = hpt_row_text(row, "study");
    int64_t number = hpt_row_integer(row, "number", 0);
    g_autofree char *key = trial_key(study, number);
    HptTrialPair *trial = g_hash_table_lookup(import->trials, key);
    if (trial == NULL) {
        trial = g_new0(HptTrialPair, 1);
        trial->study = g_strdup(study);
        trial->number = number;
        g_hash_table_insert(import->trials, g_steal_pointer(&key), trial);
    }
    return trial;
}

/* Both sides come in one order, of tables and keys, so a digest of what was and what comes says that they are the
 * same. (A sum of digests would not: whoever makes a bundle could choose rows that add up to any.) Only ids that are
 * others here may come in another order; relate sees those. */
static void add_row(HptDigest *rows, const HptTable *table, const json_t *row)
{
    g_autofree char *line = hpt_import_line(table, row);
    g_autoptr(HptDigester) digester = hpt_digester_new();
    hpt_digester_add(digester, rows->bytes, sizeof rows->bytes);
    hpt_digester_add(digester, line, strlen(line));
    *rows = hpt_digester_get(digester);
}

static bool note_there(HptImport *import, const HptTable *table, json_t *row, GError **error)
{
    (void)error;
    HptTrialPair *trial = hpt_import_trial(import, table, row);
    if (trial == NULL)
        return true;
    trial->there = true;
    add_row(&trial->there_rows, table, row);
    return true;
}

static bool note_here(HptImport *import, const HptTable *table, json_t *row, GError **error)
{
    (void)error;
    if (strcmp(table->name, "study") == 0) {
        HptStudyPair *study = find_study(import, hpt_row_text(row, "name"));
        study->own = json_incref(row);
        return true;
    }
    if (strcmp(table->name, "definition") == 0) {
        HptStudyPair *study = find_study(import, hpt_row_text(row, "study"));
        int64_t *version = g_new(int64_t, 1);
        *version = hpt_row_integer(row, "version", 0);
        g_hash_table_insert(study->definitions, version, hpt_import_line(table, row));
        return true;
    }
    HptTrialPair *trial = hpt_import_trial(import, table, row);
    if (trial == NULL)
        return true;
    trial->here = true;
    add_row(&trial->here_rows, table, row);
    return true;
}

/* ---- trials that differ ---- */

/* Rows of an attempt, once it has ended, and decisions are never changed: a trial goes on by adding
 * some. Its own row, its evaluations and what pruners saw of it change as it goes on. */
static bool is_changed(const HptTable *table)
{
    static const char *const changed[] = {"trial", "evaluation", "observation", NULL};
    return g_strv_contains(changed, table->name);
}

static bool keep_line(HptImport *import, const HptTable *table, json_t *row, GError **error)
{
    (void)error;
    HptTrialPair *trial = hpt_import_trial(import, table, row);
    if (trial != NULL && trial->lines != NULL)
        g_hash_table_insert(trial->lines, hpt_import_line(table, row), json_incref(row));
    return true;
}

/* A row that is not here: what stands in its place? */
static char *describe(const HptTrialPair *trial, const HptTable *table, const json_t *row)
{
    g_autofree char *prefix = g_strdup_printf("%s ", table->name);
    g_autofree char *key = hpt_table_key_text(table, row);
    GHashTableIter iter;
    void *line, *own;
    g_hash_table_iter_init(&iter, trial->lines);
    while (g_hash_table_iter_next(&iter, &line, &own))
        if (g_str_has_prefix(line, prefix) && hpt_table_compare(table, own, row) == 0) {
            g_autofree char *text = difference(table, own, row);
            return g_strdup_printf("%s %s: %s", table->name, key, text);
        }
    return g_strdup_printf("%s %s is only in the bundle", table->name, key);
}

/* A row of the bundle, of a trial that differs: is it here? */
static bool match_line(HptImport *import, const HptTable *table, json_t *row, GError **error)
{
    (void)error;
    HptTrialPair *trial = hpt_import_trial(import, table, row);
    if (trial == NULL || trial->lines == NULL)
        return true;
    g_autofree char *line = hpt_import_line(table, row);
    bool found = g_hash_table_contains(trial->lines, line);
    if (strcmp(table->name, "trial") == 0)
        trial->row = json_incref(row);
    trial->matched += found;
    if (!is_changed(table)) {
        trial->common += found;
        trial->only_there += !found;
    }
    if (!found && trial->difference == NULL)
        trial->difference = describe(trial, table, row);
    return true;
}

/* May the trial's row become that of the bundle? What it is stays; how far it is changes. */
static bool may_go_on(const HptTable *table, const json_t *own, const json_t *row)
{
    static const char *const moving[] = {"state", "attempt", "rung", "cause", NULL};
    for (guint i = 0; i < table->fields->len; i++) {
        const char *name = g_array_index(table->fields, HptField, i).name;
        const json_t *a = json_object_get(own, name), *b = json_object_get(row, name);
        if (a != b && !json_equal(a, b) && !g_strv_contains(moving, name))
            return false;
    }
    return true;
}

/* Compares the rows: who has all of the other's, and more? */
static bool relate(const HptImport *import, HptTrialPair *trial, GError **error)
{
    if (trial->difference == NULL && trial->matched == g_hash_table_size(trial->lines)) {
        trial->relation = HPT_TRIAL_SAME;
        return true;
    }
    int64_t here = 0;
    const json_t *own = NULL;
    GHashTableIter iter;
    void *line, *row;
    g_hash_table_iter_init(&iter, trial->lines);
    while (g_hash_table_iter_next(&iter, &line, &row)) {
        g_autofree char *name = g_strndup(line, strcspn(line, " "));
        here += !is_changed(hpt_tables_find(import->tables, name));
        if (strcmp(name, "trial") == 0)
            own = row;
    }
    int64_t only_here = here - trial->common;
    const char *state = hpt_row_text(own, "state");
    int64_t attempt = hpt_row_integer(own, "attempt", 0);
    int64_t attempt_there = hpt_row_integer(trial->row, "attempt", 0);
    bool open = g_strcmp0(state, "running") == 0 || g_strcmp0(state, "waiting") == 0;
    bool moves = own != NULL && trial->row != NULL &&
                 may_go_on(hpt_tables_find(import->tables, "trial"), own, trial->row);
    if (moves && trial->only_there == 0 && attempt >= attempt_there && (only_here > 0 || open)) {
        trial->relation = HPT_TRIAL_FURTHER;
        return true;
    }
    if (moves && only_here == 0 && trial->only_there > 0 && attempt <= attempt_there && !open) {
        trial->relation = HPT_TRIAL_GOES_ON;
        return true;
    }
    g_autofree char *name = hpt_text_printable(trial->study, -1);
    return conflict(error, "trial %" G_GINT64_FORMAT " of '%s' is another one: %s", trial->number,
                    name,
                    trial->difference != NULL ? trial->difference : "there are other rows here");
}

static int by_trial(const void *a, const void *b)
{
    const HptTrialPair *const *x = a, *const *y = b;
    int order = strcmp((*x)->study, (*y)->study);
    return order != 0 ? order : ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static bool relate_all(HptImport *import, GError **error)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GPtrArray) differ = g_ptr_array_new();
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, import->trials);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        HptTrialPair *trial = value;
        bool same = memcmp(&trial->here_rows, &trial->there_rows, sizeof trial->here_rows) == 0;
        trial->relation = trial->here ? HPT_TRIAL_SAME : HPT_TRIAL_FRESH;
        if (!trial->here || !trial->there || same)
            continue;
        trial->lines =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
        g_array_append_val(numbers, trial->number);
        g_ptr_array_add(differ, trial);
    }
    if (differ->len == 0)
        return true;
    /* In order, so that the first difference is the same every time. */
    g_ptr_array_sort(differ, by_trial);
    if (!walk_here(import, numbers, keep_line, error) ||
        !walk_bundle(import, NULL, match_line, error))
        return false;
    for (guint i = 0; i < differ->len; i++)
        if (!relate(import, differ->pdata[i], error))
            return false;
    return true;
}

/* ---- all of it ---- */

static void count_trials(HptImport *import)
{
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, import->trials);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const HptTrialPair *trial = value;
        HptStudyPair *study = find_study(import, trial->study);
        if (!trial->there)
            continue;
        study->counts.fresh += trial->relation == HPT_TRIAL_FRESH;
        study->counts.gone_on += trial->relation == HPT_TRIAL_GOES_ON;
        study->counts.same +=
            trial->relation == HPT_TRIAL_SAME || trial->relation == HPT_TRIAL_FURTHER;
    }
}

/* Finds out how what is in the bundle relates to what is here. */
static bool compare(HptImport *import, GError **error)
{
    if (!walk_bundle(import, "study", add_study, error) ||
        !walk_here(import, NULL, note_here, error))
        return false;
    for (guint i = 0; i < import->studies->len; i++) {
        HptStudyPair *study = import->studies->pdata[i];
        study->counts.is_new = study->own == NULL;
        if (study->own != NULL && !compare_study(import, study, error))
            return false;
    }
    if (!walk_bundle(import, "definition", add_definition, error) ||
        !walk_bundle_as_here(import, note_there, error) || !relate_all(import, error))
        return false;
    count_trials(import);
    return true;
}

static void imported_clear(void *data)
{
    g_free(((HptImported *)data)->study);
}

GArray *hpt_import(HptDb *db, const HptGate *gate, const HptTables *tables,
                   const HptImportOptions *options, GError **error)
{
    HptImport import = {.db = db, .gate = gate, .tables = tables, .options = options};
    import.studies = g_ptr_array_new_with_free_func(study_free);
    import.trials = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, trial_free);
    bool ok = compare(&import, error);
    bool news = false;
    for (guint i = 0; ok && i < import.studies->len; i++)
        news = news || hpt_study_pair_has_news(import.studies->pdata[i]);
    if (ok && news && !options->dry_run)
        ok = hpt_import_send(&import, error);
    GArray *result = NULL;
    if (ok) {
        result = g_array_new(FALSE, FALSE, sizeof(HptImported));
        g_array_set_clear_func(result, imported_clear);
        for (guint i = 0; i < import.studies->len; i++) {
            HptImported counts = ((const HptStudyPair *)import.studies->pdata[i])->counts;
            counts.study = g_strdup(counts.study);
            g_array_append_val(result, counts);
        }
    }
    g_ptr_array_unref(import.studies);
    g_hash_table_unref(import.trials);
    return result;
}

bool hpt_imported_any(const GArray *imported)
{
    for (guint i = 0; i < imported->len; i++) {
        const HptImported *study = &g_array_index(imported, HptImported, i);
        if (study->is_new || study->fresh > 0 || study->gone_on > 0 || study->wider)
            return true;
    }
    return false;
}
