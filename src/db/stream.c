/* SQL given as text: a user's query row by row, and what tools compose. */
#include "db/internal.h"

#include <string.h>

PGresult *db_next_result(HptDb *db, int64_t deadline_us)
{
    while (db->conn != NULL && PQisBusy(db->conn)) {
        if (!db_wait(db->conn, deadline_us)) {
            db_lose(db, "no answer in time");
            return NULL;
        }
        if (PQconsumeInput(db->conn) != 1) {
            g_autofree char *reason = g_strdup(PQerrorMessage(db->conn));
            db_lose(db, reason);
        }
    }
    return db->conn == NULL ? NULL : PQgetResult(db->conn);
}

/* Reads results to the end; the first failure is the one that counts. */
static bool read_all(HptDb *db, const char *sql, GError **error)
{
    g_autoptr(GError) failure = NULL;
    for (;;) {
        g_autoptr(PGresult) result = db_next_result(db, -1);
        if (result == NULL)
            break;
        ExecStatusType status = PQresultStatus(result);
        bool fine =
            status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
        if (!fine && failure == NULL)
            db_error_from_result(&failure, result, sql);
    }
    if (failure == NULL && db->conn != NULL)
        return true;
    if (failure == NULL)
        db_error_lost(&failure, db);
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

bool hpt_db_exec_text(HptDb *db, const char *sql, GError **error)
{
    if (!db_leave_pipeline(db, error))
        return false;
    db->statements++;
    if (PQsendQuery(db->conn, sql) != 1) {
        g_autofree char *reason = g_strdup(PQerrorMessage(db->conn));
        db_lose(db, reason);
        db_error_lost(error, db);
        return false;
    }
    return read_all(db, sql, error);
}

/* Stops the running query on the server; what it still sends is read and dropped. */
static void cancel(HptDb *db)
{
    char reason[256];
    PGcancel *handle = PQgetCancel(db->conn);
    if (handle != NULL)
        PQcancel(handle, reason, sizeof reason);
    PQfreeCancel(handle);
    for (PGresult *rest = db_next_result(db, -1); rest != NULL; rest = db_next_result(db, -1))
        PQclear(rest);
}

static bool give_columns(const HptDbStream *stream, const PGresult *result, GError **error)
{
    size_t count = (size_t)PQnfields(result);
    g_autofree HptDbColumn *columns = g_new0(HptDbColumn, count + 1);
    for (size_t i = 0; i < count; i++)
        columns[i] = (HptDbColumn){PQfname(result, (int)i), PQftype(result, (int)i)};
    return stream->begin == NULL || stream->begin(columns, count, stream->user, error);
}

static bool give_rows(const HptDbStream *stream, const PGresult *result, GError **error)
{
    size_t count = (size_t)PQnfields(result);
    g_autofree HptDbText *values = g_new0(HptDbText, count + 1);
    for (int row = 0; row < PQntuples(result); row++) {
        for (size_t i = 0; i < count; i++) {
            bool is_null = PQgetisnull(result, row, (int)i) == 1;
            values[i].text = is_null ? NULL : PQgetvalue(result, row, (int)i);
            values[i].length = (size_t)PQgetlength(result, row, (int)i);
        }
        if (stream->row != NULL && !stream->row(values, count, stream->user, error))
            return false;
    }
    return true;
}

/* What is wrong with a query as its author wrote it is wrong input, not a failure of the tool. */
static void blame_author(GError *error)
{
    char state[6];
    if (error == NULL || !hpt_db_sqlstate(error, state))
        return;
    if (strcmp(state, "25006") == 0)
        error->code = HPT_ERROR_USAGE;
    else if (g_str_has_prefix(state, "42") && strcmp(state, "42501") != 0)
        error->code = HPT_ERROR_DATA;
}

static bool run_query(HptDb *db, const HptDbStream *stream, GError **error)
{
    bool begun = false;
    db->statements++;
    if (!db_send_params(db->conn, stream->sql, stream->args, 0) ||
        PQsetSingleRowMode(db->conn) != 1) {
        g_autofree char *reason = g_strdup(PQerrorMessage(db->conn));
        db_lose(db, reason);
    }
    for (;;) {
        g_autoptr(PGresult) result = db_next_result(db, -1);
        if (result == NULL)
            break;
        ExecStatusType status = PQresultStatus(result);
        bool rows = status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK;
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            db_lose(db, "closed after COPY");
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "COPY from or to the client is not possible here\nhint: use psql");
            return false;
        }
        if (!rows && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
            g_autoptr(GError) failure = NULL;
            db_error_from_result(&failure, result, stream->sql);
            blame_author(failure);
            g_propagate_error(error, g_steal_pointer(&failure));
            cancel(db);
            return false;
        }
        if ((!begun && !give_columns(stream, result, error)) ||
            (rows && !give_rows(stream, result, error))) {
            cancel(db);
            return false;
        }
        begun = true;
    }
    if (db->conn == NULL)
        db_error_lost(error, db);
    return db->conn != NULL;
}

bool hpt_db_stream(HptDb *db, const HptDbStream *stream, GError **error)
{
    g_autoptr(GString) begin = g_string_new(stream->writable ? "begin" : "begin read only");
    if (stream->search_path != NULL)
        g_string_append_printf(begin, "; set local search_path to %s", stream->search_path);
    g_string_append_printf(begin, "; set local statement_timeout to %" G_GINT64_FORMAT,
                           (stream->timeout_us + 999) / 1000);
    /* Values come as text, which a server or role may have been told to round. */
    g_string_append(begin, "; set local extra_float_digits to 1; set local bytea_output to hex");
    if (!hpt_db_exec_text(db, begin->str, error))
        return false;
    bool fine = run_query(db, stream, error);
    if (db->conn == NULL)
        return false;
    if (!fine) {
        /* The query's own error is the one to tell of. */
        if (!hpt_db_exec_text(db, "rollback", NULL))
            db_lose(db, "rollback failed");
        return false;
    }
    return hpt_db_exec_text(db, "commit", error);
}

char *hpt_db_quote_name(const char *name)
{
    g_autoptr(GString) out = g_string_new("\"");
    for (; *name != '\0'; name++) {
        if (*name == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *name);
    }
    g_string_append_c(out, '"');
    return g_strdup(out->str);
}

char *hpt_db_quote_text(const char *text)
{
    /* The E form, so that standard_conforming_strings does not matter. */
    g_autoptr(GString) out = g_string_new("E'");
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            g_string_append_c(out, *text);
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '\'');
    return g_strdup(out->str);
}
