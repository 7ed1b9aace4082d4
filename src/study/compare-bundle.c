#include "study/compare-bundle.h"

#include "config.h"

#include "base/number.h"
#include "store/bundle.h"
#include "study/compare-bundle-internal.h"
#include "study/compare-facts.h"
#include "study/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "record/"
#define TABLES_MAX ((int64_t)1 << 30) /* bytes of tables that are taken into memory */

struct HptFactsBundle {
    char *path, *name; /* name: the last part of path, for labels */
    HptTables *tables;
    GHashTable *texts;  /* table → GString */
    GHashTable *sizes;  /* hexadecimal digest of an object → int64_t * */
    GPtrArray *studies; /* names */
    int64_t room;       /* bytes of tables that may still be taken */
};

bool hpt_facts_is_bundle(const char *text, char **path, const char **inside)
{
    static const char *const endings[] = {".tar", ".tar.zst", ".tzst"};
    const char *hash = strrchr(text, '#');
    g_autofree char *before =
        hash != NULL ? g_strndup(text, (size_t)(hash - text)) : g_strdup(text);
    bool found = *text == '/' || g_str_has_prefix(text, "./") || g_str_has_prefix(text, "../");
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        found = found || g_str_has_suffix(before, endings[i]);
    if (!found)
        return false;
    *path = g_steal_pointer(&before);
    *inside = hash != NULL ? hash + 1 : NULL;
    return true;
}

/* ---- reading ---- */

static void free_text(void *data)
{
    g_string_free(data, TRUE);
}

void hpt_facts_bundle_free(HptFactsBundle *bundle)
{
    if (bundle == NULL)
        return;
    g_free(bundle->path);
    g_free(bundle->name);
    hpt_tables_free(bundle->tables);
    g_hash_table_unref(bundle->texts);
    g_hash_table_unref(bundle->sizes);
    g_ptr_array_unref(bundle->studies);
    g_free(bundle);
}

static HptBundleReader *open_reader(const char *path, int *fd, GError **error)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0 && errno == ENOENT)
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "there is no file '%s'", path);
    else if (*fd < 0)
        hpt_error_set_errno(error, errno, "%s", path);
    return *fd >= 0 ? hpt_bundle_open(*fd, path, error) : NULL;
}

/* The entry that the reader stands at, appended to out. */
static bool read_entry(HptBundleReader *reader, GString *out, GError **error)
{
    char buffer[65536];
    gssize n;
    while ((n = hpt_bundle_read(reader, buffer, sizeof buffer, error)) > 0)
        g_string_append_len(out, buffer, n);
    return n == 0;
}

static bool check_format(const HptFactsBundle *bundle, const GString *text, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(text->str, text->len, NULL);
    const char *format = json_string_value(json_object_get(object, "format"));
    if (format != NULL && strcmp(format, HPT_RECORD_FORMAT) == 0)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                "%s: the record has the form '%s', and this is %s", bundle->path,
                format != NULL ? format : "?", HPT_RECORD_FORMAT);
    return false;
}

static bool take_room(HptFactsBundle *bundle, const char *entry, int64_t bytes, GError **error)
{
    if (bytes > bundle->room) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED,
                    "%s: with %s it has more than a GiB of rows\n"
                    "hint: hpt-import takes it into a project",
                    bundle->path, entry);
        return false;
    }
    bundle->room -= bytes;
    return true;
}

/* Keeps the rows of the tables that say something here. */
static bool take_entry(HptFactsBundle *bundle, HptBundleReader *reader, const HptBundleEntry *entry,
                       bool *known, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (strcmp(entry->path, FOLDER "format.json") == 0) {
        *known = true;
        return read_entry(reader, text, error) && check_format(bundle, text, error);
    }
    if (!g_str_has_prefix(entry->path, FOLDER) || !g_str_has_suffix(entry->path, ".jsonl"))
        return true;
    g_autofree char *name = g_strndup(entry->path + strlen(FOLDER),
                                      strlen(entry->path) - strlen(FOLDER) - strlen(".jsonl"));
    if (hpt_tables_find(bundle->tables, name) == NULL || strcmp(name, "metric_chunk") == 0 ||
        strcmp(name, "observation") == 0)
        return true;
    if (!take_room(bundle, entry->path, entry->size, error))
        return false;
    if (!read_entry(reader, text, error))
        return false;
    g_hash_table_insert(bundle->texts, g_steal_pointer(&name), g_steal_pointer(&text));
    return true;
}

static bool read_through(HptFactsBundle *bundle, HptBundleReader *reader, GError **error)
{
    bool end = false, known = false;
    for (;;) {
        HptBundleEntry entry;
        if (!hpt_bundle_next(reader, &entry, &end, error))
            return false;
        if (end)
            break;
        if (!take_entry(bundle, reader, &entry, &known, error))
            return false;
    }
    if (known)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s holds no record of trials", bundle->path);
    return false;
}

/* What is asked for often: names of studies, sizes of objects. */
static bool index_rows(HptFactsBundle *bundle, GError **error)
{
    HptBundleRows rows = hpt_bundle_rows(bundle, "study", NULL, -1);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL; json_decref(row))
        g_ptr_array_add(bundle->studies, g_strdup(hpt_row_text(row, "name")));
    rows = hpt_bundle_rows(bundle, "object", NULL, -1);
    for (json_t *row; problem == NULL && (row = hpt_bundle_rows_next(&rows, &problem)) != NULL;
         json_decref(row)) {
        int64_t size = hpt_row_integer(row, "size", 0);
        g_hash_table_insert(bundle->sizes, g_strdup(hpt_row_text(row, "digest")),
                            g_memdup2(&size, sizeof size));
    }
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

HptFactsBundle *hpt_facts_bundle_open(const char *path, GError **error)
{
    return hpt_facts_bundle_open_within(path, TABLES_MAX, error);
}

HptFactsBundle *hpt_facts_bundle_open_within(const char *path, int64_t room, GError **error)
{
    g_autoptr(HptFactsBundle) bundle = g_new0(HptFactsBundle, 1);
    bundle->path = g_strdup(path);
    bundle->room = room;
    bundle->name = g_path_get_basename(path);
    bundle->texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_text);
    bundle->sizes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    bundle->studies = g_ptr_array_new_with_free_func(g_free);
    bundle->tables = hpt_import_tables();
    int fd = -1;
    HptBundleReader *reader = open_reader(path, &fd, error);
    bool ok = reader != NULL && read_through(bundle, reader, error) && index_rows(bundle, error);
    hpt_bundle_close(reader);
    if (fd >= 0)
        close(fd);
    return ok ? g_steal_pointer(&bundle) : NULL;
}

/* ---- rows ---- */

HptBundleRows hpt_bundle_rows(const HptFactsBundle *bundle, const char *table, const char *study,
                              int64_t number)
{
    const GString *text = g_hash_table_lookup(bundle->texts, table);
    return (HptBundleRows){
        .table = hpt_tables_find(bundle->tables, table),
        .at = text != NULL ? text->str : NULL,
        .end = text != NULL ? text->str + text->len : NULL,
        .study = study,
        .number = number,
    };
}

/* The next line that holds needle (NULL: any); false at the end. */
static bool next_line(HptBundleRows *rows, const char *needle, const char **line, size_t *length)
{
    while (rows->at < rows->end) {
        const char *newline = memchr(rows->at, '\n', (size_t)(rows->end - rows->at));
        *line = rows->at;
        *length = (size_t)((newline != NULL ? newline : rows->end) - rows->at);
        rows->at = newline != NULL ? newline + 1 : rows->end;
        if (*length > 0 &&
            (needle == NULL || memmem(*line, *length, needle, strlen(needle)) != NULL))
            return true;
    }
    return false;
}

json_t *hpt_bundle_rows_next(HptBundleRows *rows, GError **error)
{
    g_autofree char *needle =
        rows->number >= 0 ? g_strdup_printf("\"number\":%" PRId64, rows->number) : NULL;
    const char *line;
    size_t length;
    while (next_line(rows, needle, &line, &length)) {
        json_t *row = hpt_table_read(rows->table, line, length, error);
        if (row == NULL) {
            g_prefix_error(error, FOLDER "%s.jsonl: ", rows->table->name);
            return NULL;
        }
        const char *study = hpt_row_text(row, "study");
        bool fits = rows->study == NULL || (study != NULL && strcmp(study, rows->study) == 0);
        if (fits && (rows->number < 0 || hpt_row_integer(row, "number", 0) == rows->number))
            return row;
        json_decref(row);
    }
    return NULL;
}

static void free_row(void *row)
{
    json_decref(row);
}

GPtrArray *hpt_bundle_rows_of(const HptFactsBundle *bundle, const char *table, const char *study,
                              int64_t number, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_row);
    HptBundleRows rows = hpt_bundle_rows(bundle, table, study, number);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL;)
        g_ptr_array_add(found, row);
    if (problem == NULL)
        return g_steal_pointer(&found);
    g_propagate_error(error, problem);
    return NULL;
}

/* The whole lines of text that are of the trial, onto kept; what follows the last newline stays. */
static bool keep_lines(const HptFactsBundle *bundle, GString *text, GString *kept,
                       const char *study, int64_t number, GError **error)
{
    const char *newline = memrchr(text->str, '\n', text->len);
    size_t whole = newline == NULL ? 0 : (size_t)(newline - text->str) + 1;
    HptBundleRows rows = {hpt_tables_find(bundle->tables, "metric_chunk"), text->str,
                          text->str + whole, study, number};
    GError *problem = NULL;
    for (const char *from = rows.at; rows.at < rows.end; from = rows.at) {
        json_t *row = hpt_bundle_rows_next(&rows, &problem);
        if (row == NULL)
            break;
        const char *line = memrchr(from, '\n', (size_t)(rows.at - from) - 1);
        line = line == NULL ? from : line + 1;
        g_string_append_len(kept, line, rows.at - line);
        json_decref(row);
    }
    g_string_erase(text, 0, (gssize)whole);
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

static bool read_curves(HptFactsBundle *bundle, HptBundleReader *reader, GString *kept,
                        const char *study, int64_t number, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool end = false;
    HptBundleEntry entry = {0};
    while (!end) {
        if (!hpt_bundle_next(reader, &entry, &end, error))
            return false;
        if (end || strcmp(entry.path, FOLDER "metric_chunk.jsonl") != 0)
            continue;
        char buffer[65536];
        gssize n;
        while ((n = hpt_bundle_read(reader, buffer, sizeof buffer, error)) > 0) {
            g_string_append_len(text, buffer, n);
            if (!keep_lines(bundle, text, kept, study, number, error))
                return false;
            if (text->len > (size_t)bundle->room || kept->len > (size_t)bundle->room)
                return take_room(bundle, entry.path, INT64_MAX, error);
        }
        return n == 0;
    }
    return true;
}

bool hpt_bundle_read_curves(HptFactsBundle *bundle, const char *study, int64_t number,
                            GError **error)
{
    int fd = -1;
    HptBundleReader *reader = open_reader(bundle->path, &fd, error);
    GString *kept = g_string_new(NULL);
    bool fine = reader != NULL && read_curves(bundle, reader, kept, study, number, error);
    hpt_bundle_close(reader);
    if (fd >= 0)
        close(fd);
    g_hash_table_insert(bundle->texts, g_strdup("metric_chunk"), kept);
    return fine;
}

HptDefinition *hpt_bundle_definition(const HptFactsBundle *bundle, const char *study,
                                     int64_t version, GError **error)
{
    g_autoptr(GPtrArray) rows = hpt_bundle_rows_of(bundle, "definition", study, -1, error);
    const json_t *found = NULL;
    for (guint i = 0; rows != NULL && i < rows->len; i++)
        if (version == 0 || hpt_row_integer(rows->pdata[i], "version", 0) == version)
            found = rows->pdata[i];
    if (rows != NULL && found == NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the bundle has no definition of study '%s'",
                    study);
    g_autofree char *canonical =
        found == NULL ? NULL : hpt_json_canonical(json_object_get(found, "canonical"), error);
    return canonical == NULL ? NULL : hpt_definition_parse(canonical, strlen(canonical), error);
}

char *hpt_bundle_row_path(const json_t *row, const char *name)
{
    size_t length = 0;
    g_autofree char *bytes = hpt_row_bytes(json_object_get(row, name), &length);
    return bytes != NULL ? hpt_facts_path_text(bytes, length) : NULL;
}

json_t *hpt_bundle_row_by_digest(const HptFactsBundle *bundle, const char *table,
                                 const char *digest, GError **error)
{
    HptBundleRows rows = hpt_bundle_rows(bundle, table, NULL, -1);
    const char *line;
    size_t length;
    while (next_line(&rows, digest, &line, &length)) {
        json_t *row = hpt_table_read(rows.table, line, length, error);
        if (row == NULL)
            return NULL;
        const char *found = hpt_row_text(row, "digest");
        if (found != NULL && strcmp(found, digest) == 0)
            return row;
        json_decref(row);
    }
    return NULL;
}

char *hpt_bundle_canonical(const HptFactsBundle *bundle, const char *table, const char *digest,
                           size_t *length, GError **error)
{
    g_autoptr(json_t) row =
        digest != NULL ? hpt_bundle_row_by_digest(bundle, table, digest, error) : NULL;
    return hpt_row_bytes(json_object_get(row, "canonical"), length);
}

int64_t hpt_bundle_object_size(const HptFactsBundle *bundle, const char *digest)
{
    const int64_t *size = g_hash_table_lookup(bundle->sizes, digest);
    return size != NULL ? *size : -1;
}

/* ---- content ---- */

typedef struct {
    HptFactsBundle *bundle;
    HptFacts *facts;     /* whose files these are */
    GHashTable *objects; /* path in the bundle → GString; NULL until something is asked for */
} Content;

static void content_free(void *data)
{
    Content *content = data;
    if (content->objects != NULL)
        g_hash_table_unref(content->objects);
    g_free(content);
}

/* Every file of these facts that is small enough: one pass, however many are asked for. */
static bool load_objects(Content *content, GError **error)
{
    g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < content->facts->facts->len; i++) {
        const HptFact *fact = content->facts->facts->pdata[i];
        if (fact->stored.size >= 0 && (uint64_t)fact->stored.size <= HPT_COMPARE_MAX)
            g_hash_table_add(wanted, hpt_bundle_object_path(&fact->stored.digest));
    }
    int fd = -1;
    HptBundleReader *reader = open_reader(content->bundle->path, &fd, error);
    bool ok = reader != NULL, end = false;
    while (ok && !end) {
        HptBundleEntry entry;
        ok = hpt_bundle_next(reader, &entry, &end, error);
        if (!ok || end || !g_hash_table_contains(wanted, entry.path) ||
            (uint64_t)entry.size > HPT_COMPARE_MAX) /* whatever its row says */
            continue;
        GString *bytes = g_string_new(NULL);
        g_hash_table_insert(content->objects, g_strdup(entry.path), bytes);
        ok = read_entry(reader, bytes, error);
    }
    hpt_bundle_close(reader);
    if (fd >= 0)
        close(fd);
    return ok;
}

static char *read_content(void *data, const HptObjectId *id, size_t *length, GError **error)
{
    Content *content = data;
    if (content->objects == NULL) {
        content->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_text);
        if (!load_objects(content, error))
            return NULL;
    }
    g_autofree char *path = hpt_bundle_object_path(&id->digest);
    const GString *bytes = g_hash_table_lookup(content->objects, path);
    if (bytes == NULL)
        return NULL;
    *length = bytes->len;
    return g_memdup2(bytes->str, bytes->len + 1);
}

void hpt_bundle_set_content(HptFactsBundle *bundle, HptFacts *facts)
{
    Content *content = g_new0(Content, 1);
    *content = (Content){.bundle = bundle, .facts = facts};
    facts->read = read_content;
    facts->source = content;
    facts->free_source = content_free;
}

/* ---- what is behind the # ---- */

static bool fail_usage(const HptFactsBundle *bundle, const char *inside, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "'%s' does not name a trial of %s\n"
                "hint: in a bundle a trial is a number, STUDY/NUMBER, best, best~1, last or "
                "NUMBER.ATTEMPT",
                inside, bundle->path);
    return false;
}

static bool fail_no_trial(const HptFactsBundle *bundle, const char *inside, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "%s has no trial '%s'", bundle->path,
                inside);
    return false;
}

/* The study: named (length 0: not), or the only one. */
static const char *find_study(const HptFactsBundle *bundle, const char *name, size_t length,
                              GError **error)
{
    g_autofree char *wanted = g_strndup(name, length);
    if (length == 0 && bundle->studies->len == 1)
        return bundle->studies->pdata[0];
    for (guint i = 0; length > 0 && i < bundle->studies->len; i++)
        if (strcmp(bundle->studies->pdata[i], wanted) == 0)
            return bundle->studies->pdata[i];
    if (length > 0)
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "%s has no study '%s'", bundle->path,
                    wanted);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "%s has %u studies\nhint: %s#STUDY/ or %s#STUDY/NUMBER", bundle->path,
                    bundle->studies->len, bundle->name, bundle->name);
    return NULL;
}

/* "best", "best~2": true with *back. */
static bool counted(const char *text, const char *word, int64_t *back)
{
    size_t length = strlen(word);
    if (strncmp(text, word, length) != 0)
        return false;
    *back = 0;
    return text[length] == '\0' || (text[length] == '~' && g_ascii_isdigit(text[length + 1]) &&
                                    hpt_integer_parse(text + length + 1, back));
}

static bool find_best(const HptFactsBundle *bundle, const char *study, int64_t back,
                      const char *form, int64_t *trial, GError **error)
{
    g_autofree char *objective = NULL;
    g_autoptr(GArray) ranking = hpt_bundle_ranking(bundle, study, &objective, error);
    if (ranking == NULL)
        return false;
    if (back >= ranking->len)
        return fail_no_trial(bundle, form, error);
    *trial = g_array_index(ranking, HptBundleRank, back).trial;
    return true;
}

static bool find_last(const HptFactsBundle *bundle, const char *study, int64_t back,
                      const char *form, int64_t *trial, GError **error)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
    HptBundleRows rows = hpt_bundle_rows(bundle, "trial", study, -1);
    GError *problem = NULL;
    for (json_t *row; (row = hpt_bundle_rows_next(&rows, &problem)) != NULL; json_decref(row)) {
        int64_t number = hpt_row_integer(row, "number", 0);
        g_array_append_val(numbers, number);
    }
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    if (back >= numbers->len)
        return fail_no_trial(bundle, form, error);
    *trial = g_array_index(numbers, int64_t, numbers->len - 1 - (guint)back);
    return true;
}

static bool find_trial(const HptFactsBundle *bundle, const char *study, const char *form,
                       int64_t *trial, int *attempt, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(form, ".", 2);
    int64_t number = 0;
    *attempt = 0;
    if (counted(form, "best", &number))
        return find_best(bundle, study, number, form, trial, error);
    if (counted(form, "last", &number))
        return find_last(bundle, study, number, form, trial, error);
    if (parts[0] == NULL || !g_ascii_isdigit(*form) || !hpt_integer_parse(parts[0], trial))
        return fail_usage(bundle, form, error);
    if (parts[1] == NULL)
        return true;
    if (!g_ascii_isdigit(*parts[1]) || !hpt_integer_parse(parts[1], &number) || number < 1 ||
        number > INT_MAX)
        return fail_usage(bundle, form, error);
    *attempt = (int)number;
    return true;
}

HptFacts *hpt_facts_bundle_read(HptFactsBundle *bundle, const char *inside, GError **error)
{
    const char *slash = inside != NULL ? strrchr(inside, '/') : NULL;
    const char *form = slash != NULL ? slash + 1 : inside != NULL ? inside : "";
    const char *study =
        find_study(bundle, inside, slash != NULL ? (size_t)(slash - inside) : 0, error);
    if (study == NULL)
        return NULL;
    g_autofree char *prefix = bundle->studies->len > 1
                                  ? g_strconcat(bundle->name, "#", study, "/", NULL)
                                  : g_strconcat(bundle->name, "#", NULL);
    if (*form == '\0') {
        g_autofree char *label =
            bundle->studies->len > 1 ? g_strdup(prefix) : g_strdup(bundle->name);
        return hpt_bundle_study_facts(bundle, study, label, error);
    }
    int64_t trial = 0;
    int attempt = 0;
    if (!find_trial(bundle, study, form, &trial, &attempt, error))
        return NULL;
    g_autofree char *label = attempt > 0
                                 ? g_strdup_printf("%s%" PRId64 ".%d", prefix, trial, attempt)
                                 : g_strdup_printf("%s%" PRId64, prefix, trial);
    return hpt_bundle_trial_facts(bundle, study, trial, attempt, label, error);
}
