#include "export.h"

void export_trials(const Export *export, HptArgs *args)
{
    if (export->trials != NULL)
        hpt_args_int8s(args, (const int64_t *)(void *)export->trials->data, NULL,
                       export->trials->len);
    else
        hpt_args_null(args, HPT_TYPE_INT8_ARRAY);
}

/* A statement on its way to a writer. */
typedef struct {
    const HptShow *show;
    const char *const *json;
    HptSink sink;
    void *user;
    HptWriter *writer;
    const char **values;
} Stream;

static bool begin(const HptDbColumn *columns, size_t count, void *user, GError **error)
{
    (void)error;
    Stream *stream = user;
    g_autofree HptColumn *shown = g_new0(HptColumn, count);
    for (size_t i = 0; i < count; i++) {
        shown[i] =
            (HptColumn){.name = columns[i].name, .type = hpt_column_type_of_oid(columns[i].type)};
        if (stream->json != NULL && g_strv_contains(stream->json, columns[i].name))
            shown[i].type = HPT_COLUMN_JSON;
    }
    stream->writer = hpt_writer_new(stream->show, shown, count, stream->sink, stream->user);
    stream->values = g_new0(const char *, count + 1);
    return true;
}

static bool row(const HptDbText *values, size_t count, void *user, GError **error)
{
    Stream *stream = user;
    for (size_t i = 0; i < count; i++)
        stream->values[i] = values[i].text;
    return hpt_writer_add(stream->writer, stream->values, error);
}

bool export_stream(const Export *export, const char *sql, const HptArgs *args, const HptShow *show,
                   const char *const *json, HptSink sink, void *user, GError **error)
{
    Stream stream = {.show = show, .json = json, .sink = sink, .user = user};
    HptDbStream query = {.sql = sql, .args = args, .begin = begin, .row = row, .user = &stream};
    bool ok = hpt_db_stream(export->db, &query, error);
    ok = ok && hpt_writer_end(stream.writer, NULL, error);
    hpt_writer_free(stream.writer);
    g_free(stream.values);
    return ok;
}

bool export_rows(const Export *export, HptFormat format, HptSink sink, void *user, GError **error)
{
    g_autofree char *view = hpt_db_quote_name(export->study.view);
    g_autofree char *sql =
        g_strdup_printf("select * from hpt_study.%s"
                        " where $1::bigint[] is null or trial = any ($1) order by trial",
                        view);
    g_autoptr(HptArgs) args = hpt_args_new();
    export_trials(export, args);
    HptShow show = {.format = format, .no_header = export->no_header, .no_guard = export->no_guard};
    return export_stream(export, sql, args, &show, NULL, sink, user, error);
}
