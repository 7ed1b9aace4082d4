#include "show/format.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "show/table.h"
#include "show/value.h"

#include <errno.h>
#include <string.h>

const char *const hpt_format_names[] = {"table", "tsv", "csv", "jsonl", "json", "md", "env", NULL};

struct HptWriter {
    HptShow show;
    HptColumn *columns; /* names are copies */
    char **keys;        /* names made unique for json, fit for a shell for env; printable for -x */
    size_t n;
    HptSink sink;
    void *user;
    GString *line; /* what goes to the sink next */
    size_t count;
    bool begun;
    HptTable *table; /* table, not expanded */
};

bool hpt_format_parse(const char *name, HptFormat *out, GError **error)
{
    for (int i = 0; hpt_format_names[i] != NULL; i++)
        if (strcmp(name, hpt_format_names[i]) == 0) {
            *out = (HptFormat)i;
            return true;
        }
    const char *near = hpt_suggest(name, hpt_format_names);
    g_autofree char *hint = near != NULL ? g_strdup_printf("; did you mean '%s'?", near) : NULL;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown format '%s'%s", name,
                hint != NULL ? hint : " (table, tsv, csv, jsonl, json, md or env)");
    return false;
}

bool hpt_sink_file(void *user, const char *bytes, size_t length, GError **error)
{
    errno = 0;
    if (fwrite(bytes, 1, length, user) == length)
        return true;
    hpt_error_set_errno(error, errno != 0 ? errno : EIO, "%s",
                        user == stdout ? "standard output" : "writing the output");
    return false;
}

bool hpt_sink_string(void *user, const char *bytes, size_t length, GError **error)
{
    (void)error;
    g_string_append_len(user, bytes, (gssize)length);
    return true;
}

/* ---- tsv ---- */

static void append_tsv(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        static const char plain[] = "\b\f\n\r\t\v\\", letters[] = "bfnrtv\\";
        const char *found = strchr(plain, *text);
        if (found != NULL)
            g_string_append_c(out, '\\');
        g_string_append_c(out, found != NULL ? letters[found - plain] : *text);
    }
}

static void end_record(HptWriter *writer, const char *line_end)
{
    if (writer->show.null_ends)
        g_string_append_c(writer->line, '\0');
    else
        g_string_append(writer->line, line_end);
}

static void tsv_header(HptWriter *writer)
{
    if (writer->show.no_header)
        return;
    for (size_t i = 0; i < writer->n; i++) {
        if (i > 0)
            g_string_append_c(writer->line, '\t');
        append_tsv(writer->line, writer->columns[i].name);
    }
    end_record(writer, "\n");
}

static void tsv_row(HptWriter *writer, const char *const *values)
{
    for (size_t i = 0; i < writer->n; i++) {
        if (i > 0)
            g_string_append_c(writer->line, '\t');
        if (values[i] == NULL) {
            g_string_append(writer->line, "\\N");
            continue;
        }
        g_autofree char *data = hpt_show_data(writer->columns[i].type, values[i]);
        append_tsv(writer->line, data);
    }
    end_record(writer, "\n");
}

/* ---- csv ---- */

/* A spreadsheet runs a cell that begins so; numbers must stay numbers. */
static bool needs_guard(const char *text)
{
    return *text != '\0' && strchr("=+-@\t\r", *text) != NULL &&
           !hpt_number_parse(text, &(double){0}, NULL);
}

static void append_csv(GString *out, const char *text, bool guard)
{
    bool guarded = guard && needs_guard(text);
    if (*text != '\0' && strpbrk(text, ",\"\r\n") == NULL) {
        g_string_append(out, guarded ? "'" : "");
        g_string_append(out, text);
        return;
    }
    g_string_append(out, guarded ? "\"'" : "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

static void csv_header(HptWriter *writer)
{
    if (writer->show.no_header)
        return;
    for (size_t i = 0; i < writer->n; i++) {
        if (i > 0)
            g_string_append_c(writer->line, ',');
        append_csv(writer->line, writer->columns[i].name, !writer->show.no_guard);
    }
    end_record(writer, "\r\n");
}

static void csv_row(HptWriter *writer, const char *const *values)
{
    for (size_t i = 0; i < writer->n; i++) {
        if (i > 0)
            g_string_append_c(writer->line, ',');
        if (values[i] == NULL)
            continue;
        HptColumnType type = writer->columns[i].type;
        g_autofree char *data = hpt_show_data(type, values[i]);
        append_csv(writer->line, data, !writer->show.no_guard && !hpt_show_is_number(type));
    }
    end_record(writer, "\r\n");
}

/* ---- json, jsonl ---- */

static void append_object(HptWriter *writer, const char *const *values)
{
    for (size_t i = 0; i < writer->n; i++) {
        g_string_append_c(writer->line, i == 0 ? '{' : ',');
        hpt_json_append_string(writer->line, writer->keys[i]);
        g_string_append_c(writer->line, ':');
        hpt_show_append_json(writer->line, writer->columns[i].type, values[i]);
    }
    g_string_append_c(writer->line, '}');
}

static void jsonl_row(HptWriter *writer, const char *const *values)
{
    append_object(writer, values);
    end_record(writer, "\n");
}

static void json_header(HptWriter *writer)
{
    g_string_append_c(writer->line, '[');
}

static void json_row(HptWriter *writer, const char *const *values)
{
    g_string_append(writer->line, writer->count > 0 ? ",\n" : "\n");
    append_object(writer, values);
}

static void json_footer(HptWriter *writer)
{
    g_string_append(writer->line, writer->count > 0 ? "\n]\n" : "]\n");
}

/* ---- md ---- */

static void append_md(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            g_string_append(out, "&lt;");
        else if (*text == '&')
            g_string_append(out, "&amp;");
        else if (strchr("\\|*_`[]", *text) != NULL)
            g_string_append_printf(out, "\\%c", *text);
        else
            g_string_append_c(out, *text);
    }
}

static void md_header(HptWriter *writer)
{
    if (writer->show.no_header)
        return;
    for (size_t i = 0; i < writer->n; i++) {
        g_autofree char *name = hpt_text_printable(writer->columns[i].name, -1);
        g_string_append(writer->line, i == 0 ? "| " : " | ");
        append_md(writer->line, name);
    }
    g_string_append(writer->line, " |\n|");
    for (size_t i = 0; i < writer->n; i++)
        g_string_append(writer->line,
                        hpt_show_is_number(writer->columns[i].type) ? " ---: |" : " --- |");
    g_string_append_c(writer->line, '\n');
}

static void md_row(HptWriter *writer, const char *const *values)
{
    for (size_t i = 0; i < writer->n; i++) {
        g_string_append(writer->line, i == 0 ? "| " : " | ");
        if (values[i] == NULL)
            continue;
        g_autofree char *cell = hpt_table_cell(&writer->show, writer->columns[i].type, values[i]);
        append_md(writer->line, cell);
    }
    g_string_append(writer->line, " |\n");
}

/* ---- env ---- */

static void env_row(HptWriter *writer, const char *const *values)
{
    if (writer->count > 0)
        end_record(writer, "\n");
    for (size_t i = 0; i < writer->n; i++) {
        if (values[i] == NULL) {
            g_string_append_printf(writer->line, "unset %s", writer->keys[i]);
        } else {
            g_autofree char *data = hpt_show_data(writer->columns[i].type, values[i]);
            g_autofree char *quoted = hpt_text_shell_quote(data);
            g_string_append_printf(writer->line, "%s=%s", writer->keys[i], quoted);
        }
        end_record(writer, "\n");
    }
}

/* ---- table ---- */

static void table_row(HptWriter *writer, const char *const *values)
{
    if (writer->table != NULL) {
        hpt_table_add(writer->table, values);
        return;
    }
    size_t widest = 0;
    for (size_t i = 0; i < writer->n; i++)
        widest = MAX(widest, hpt_text_width(writer->keys[i]));
    g_autofree char *title = g_strdup_printf("-[ %zu ]", writer->count + 1);
    g_string_append_printf(writer->line, "%s%s", writer->show.color ? "\033[1m" : "", title);
    for (size_t w = strlen(title); w < MAX(widest + 2, 24); w++)
        g_string_append_c(writer->line, '-');
    g_string_append(writer->line, writer->show.color ? "\033[0m\n" : "\n");
    for (size_t i = 0; i < writer->n; i++) {
        g_autofree char *cell = hpt_table_cell(&writer->show, writer->columns[i].type, values[i]);
        int pad = (int)(widest - hpt_text_width(writer->keys[i])) + 2;
        g_string_append_printf(writer->line, "%s%*s%s\n", writer->keys[i], pad, "", cell);
    }
}

/* ---- the writer ---- */

static const struct {
    void (*header)(HptWriter *writer);
    void (*row)(HptWriter *writer, const char *const *values);
    void (*footer)(HptWriter *writer);
} writers[] = {
    [HPT_FORMAT_TABLE] = {NULL, table_row, NULL},
    [HPT_FORMAT_TSV] = {tsv_header, tsv_row, NULL},
    [HPT_FORMAT_CSV] = {csv_header, csv_row, NULL},
    [HPT_FORMAT_JSONL] = {NULL, jsonl_row, NULL},
    [HPT_FORMAT_JSON] = {json_header, json_row, json_footer},
    [HPT_FORMAT_MD] = {md_header, md_row, NULL},
    [HPT_FORMAT_ENV] = {NULL, env_row, NULL},
};

static char *make_key(HptFormat format, const char *name)
{
    if (format == HPT_FORMAT_TABLE)
        return hpt_text_printable(name, -1);
    if (format != HPT_FORMAT_ENV)
        return g_utf8_make_valid(name, -1);
    GString *key = g_string_new(g_ascii_isdigit(*name) || *name == '\0' ? "_" : "");
    for (; *name != '\0'; name++)
        g_string_append_c(key, g_ascii_isalnum(*name) ? *name : '_');
    return g_string_free(key, FALSE);
}

/* Two columns of one name would hide each other in an object: the second becomes NAME_2. */
static void make_keys(HptWriter *writer, HptFormat format)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    writer->keys = g_new0(char *, writer->n + 1);
    for (size_t i = 0; i < writer->n; i++) {
        g_autofree char *key = make_key(format, writer->columns[i].name);
        writer->keys[i] = g_strdup(key);
        for (unsigned k = 2;
             format != HPT_FORMAT_TABLE && g_hash_table_contains(seen, writer->keys[i]); k++) {
            g_free(writer->keys[i]);
            writer->keys[i] = g_strdup_printf("%s_%u", key, k);
        }
        g_hash_table_add(seen, writer->keys[i]);
    }
}

HptWriter *hpt_writer_new(const HptShow *show, const HptColumn *columns, size_t n, HptSink sink,
                          void *user)
{
    HptWriter *writer = g_new0(HptWriter, 1);
    writer->show = *show;
    writer->n = n;
    writer->sink = sink;
    writer->user = user;
    writer->line = g_string_new(NULL);
    writer->columns = g_new0(HptColumn, n);
    for (size_t i = 0; i < n; i++) {
        writer->columns[i] = columns[i];
        writer->columns[i].name = g_strdup(columns[i].name);
    }
    make_keys(writer, show->format);
    if (show->format == HPT_FORMAT_TABLE && !show->expanded)
        writer->table = hpt_table_new(show, columns, n);
    return writer;
}

void hpt_writer_free(HptWriter *writer)
{
    if (writer == NULL)
        return;
    for (size_t i = 0; i < writer->n; i++)
        g_free((char *)writer->columns[i].name);
    g_free(writer->columns);
    g_strfreev(writer->keys);
    g_string_free(writer->line, TRUE);
    hpt_table_free(writer->table);
    g_free(writer);
}

static void begin(HptWriter *writer)
{
    if (!writer->begun && writers[writer->show.format].header != NULL)
        writers[writer->show.format].header(writer);
    writer->begun = true;
}

static bool flush(HptWriter *writer, GError **error)
{
    bool ok = writer->line->len == 0 ||
              writer->sink(writer->user, writer->line->str, writer->line->len, error);
    g_string_truncate(writer->line, 0);
    return ok;
}

bool hpt_writer_add(HptWriter *writer, const char *const *values, GError **error)
{
    begin(writer);
    writers[writer->show.format].row(writer, values);
    writer->count++;
    return flush(writer, error);
}

bool hpt_writer_end(HptWriter *writer, char **note, GError **error)
{
    begin(writer);
    if (writers[writer->show.format].footer != NULL)
        writers[writer->show.format].footer(writer);
    g_autofree char *said = NULL;
    if (writer->table != NULL) {
        g_autofree char *text = hpt_table_text(writer->table, &said);
        g_string_append(writer->line, text);
    }
    if (!flush(writer, error))
        return false;
    if (note != NULL)
        *note = g_steal_pointer(&said);
    return true;
}

size_t hpt_writer_count(const HptWriter *writer)
{
    return writer->count;
}
