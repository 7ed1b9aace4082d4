/* Statements over one connection, all through libpq's pipeline.
 *
 * Each statement is followed by its own synchronisation point, so it is its own transaction and
 * its failure does not touch the next. A caller that wants one answer at once goes the same way
 * and waits for it; what was queued before stays queued for hpt_db_next.
 */
#include "db/internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

typedef struct {
    HptReply reply;
    const char *text;
    int64_t sent_us;
    bool waiting; /* somebody waits for this very one: do not give it to hpt_db_next */
    bool done;
    bool open;          /* of a group, and not its last */
} Statement;

static void statement_free(Statement *statement)
{
    hpt_reply_clear(&statement->reply);
    g_free(statement);
}

void hpt_reply_clear(HptReply *reply)
{
    g_clear_pointer(&reply->rows, hpt_rows_free);
    g_clear_error(&reply->error);
}

void hpt_db_close(HptDb *db)
{
    if (db == NULL)
        return;
    PQfinish(db->conn);
    g_queue_clear_full(&db->pending, (GDestroyNotify)statement_free);
    g_queue_clear_full(&db->done, (GDestroyNotify)statement_free);
    g_strfreev(db->keywords);
    g_strfreev(db->values);
    g_free(db->dsn);
    g_free(db->where);
    g_free(db->lost);
    g_free(db);
}

bool hpt_db_alive(const HptDb *db)
{
    return db->conn != NULL;
}

void hpt_db_set_timeout(HptDb *db, int64_t timeout_us)
{
    db->timeout_us = timeout_us;
}

uint64_t hpt_db_statements(const HptDb *db)
{
    return db->statements;
}

const char *hpt_db_peek_where(const HptDb *db)
{
    return db->where;
}

const char *db_peek_dsn(const HptDb *db)
{
    return db->dsn;
}

int hpt_db_server_version(const HptDb *db)
{
    return db->conn == NULL ? 0 : PQserverVersion(db->conn);
}

/* ---- waiting ---- */

bool db_wait(PGconn *conn, int64_t deadline_us)
{
    int flush = PQflush(conn);
    struct pollfd poller = {.fd = PQsocket(conn), .events = POLLIN};
    if (flush == 1)
        poller.events |= POLLOUT;
    if (flush < 0 || poller.fd < 0)
        return true; /* reading will tell what is wrong */
    for (;;) {
        int64_t left_us = deadline_us < 0 ? -1 : deadline_us - g_get_monotonic_time();
        if (deadline_us >= 0 && left_us <= 0)
            return false;
        int64_t left_ms = left_us < 0 ? -1 : MIN(left_us / 1000 + 1, INT64_C(3600000));
        int ready = poll(&poller, 1, (int)left_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
    }
}

static int64_t deadline_of(const HptDb *db, int64_t from_us)
{
    return db->timeout_us <= 0 ? -1 : from_us + db->timeout_us;
}

/* ---- the queue ---- */

static void finish_head(HptDb *db)
{
    Statement *statement = g_queue_pop_head(&db->pending);
    statement->done = true;
    if (!statement->waiting)
        g_queue_push_tail(&db->done, statement);
}

void db_lose(HptDb *db, const char *reason)
{
    if (db->conn == NULL)
        return;
    db->lost = db_one_line(reason);
    g_clear_pointer(&db->conn, PQfinish);
    while (!g_queue_is_empty(&db->pending)) {
        Statement *statement = g_queue_peek_head(&db->pending);
        g_clear_pointer(&statement->reply.rows, hpt_rows_free);
        if (statement->reply.error == NULL)
            db_error_lost(&statement->reply.error, db);
        finish_head(db);
    }
}

/* Types that come back against the head of the statement. */
static bool check_columns(const PGresult *result, HptSql sql, GError **error)
{
    const HptSqlStatement *statement = &hpt_sql_statements[sql];
    size_t found = (size_t)PQnfields(result);
    if (sql >= HPT_SQL_COUNT)
        return true;
    if (found != statement->columns) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "statement %s: %zu columns came back, not %zu",
                    statement->name, found, statement->columns);
        return false;
    }
    for (size_t i = 0; i < found; i++)
        if (!db_type_fits(db_type_oid(statement->column_types[i]), PQftype(result, (int)i))) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DB,
                        "statement %s: column '%s' has type %u, not %s", statement->name,
                        PQfname(result, (int)i), PQftype(result, (int)i),
                        statement->column_types[i]);
            return false;
        }
    return true;
}

/* The statement that the next result belongs to: each has one. */
static Statement *first_unanswered(const HptDb *db)
{
    for (GList *link = db->pending.head; link != NULL; link = link->next) {
        Statement *statement = link->data;
        if (statement->reply.rows == NULL && statement->reply.error == NULL)
            return statement;
    }
    return NULL;
}

static void set_rolled_back(Statement *statement)
{
    g_clear_pointer(&statement->reply.rows, hpt_rows_free);
    g_set_error(&statement->reply.error, HPT_ERROR, HPT_ERROR_CONFLICT,
                "rolled back with another statement of its group (SQLSTATE 40001)");
}

/* A group is one transaction: its answers hold only once the whole of it is committed. */
static void finish_group(HptDb *db)
{
    bool failed = false, last = false;
    for (GList *link = db->pending.head; link != NULL && !last; link = link->next) {
        const Statement *statement = link->data;
        failed = failed || statement->reply.error != NULL;
        last = !statement->open;
    }
    for (last = false; !last && !g_queue_is_empty(&db->pending);) {
        Statement *statement = g_queue_peek_head(&db->pending);
        last = !statement->open;
        if (failed && statement->reply.error == NULL)
            set_rolled_back(statement);
        finish_head(db);
    }
}

static void take_result(HptDb *db, PGresult *steal)
{
    g_autoptr(PGresult) result = steal;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        finish_group(db);
        return;
    }
    Statement *statement = first_unanswered(db);
    if (statement == NULL)
        return;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (check_columns(result, statement->reply.sql, &statement->reply.error))
            statement->reply.rows = db_rows_new(g_steal_pointer(&result));
    } else if (status == PGRES_PIPELINE_ABORTED) {
        set_rolled_back(statement);
    } else {
        db_error_from_result(&statement->reply.error, result, NULL);
        if (statement->reply.sql < HPT_SQL_COUNT)
            g_prefix_error(&statement->reply.error,
                           "statement %s: ", hpt_sql_statements[statement->reply.sql].name);
    }
}

bool hpt_db_pump(HptDb *db, GError **error)
{
    if (db->conn != NULL) {
        bool read = PQflush(db->conn) >= 0 && PQconsumeInput(db->conn) == 1;
        /* NULL stands between the results of one statement and the next: two in a row is the
         * end of what there is. */
        for (int nothing = 0;
             nothing < 2 && !g_queue_is_empty(&db->pending) && !PQisBusy(db->conn);) {
            PGresult *result = PQgetResult(db->conn);
            nothing = result == NULL ? nothing + 1 : 0;
            if (result != NULL)
                take_result(db, result);
        }
        const Statement *head = g_queue_peek_head(&db->pending);
        if (!read || PQstatus(db->conn) == CONNECTION_BAD) {
            g_autofree char *reason = g_strdup(PQerrorMessage(db->conn));
            db_lose(db, reason);
        } else if (head != NULL && db->timeout_us > 0 &&
                   g_get_monotonic_time() > head->sent_us + db->timeout_us) {
            db_lose(db, "no answer in time");
        }
    }
    if (db->conn == NULL) {
        db_error_lost(error, db);
        return false;
    }
    return true;
}

/* The number and types of arguments against the head of the statement: a slip is found in the
 * first test that runs it, not by the server's guess. */
static bool check_args(HptSql sql, const HptArgs *args, GError **error)
{
    const HptSqlStatement *statement = &hpt_sql_statements[sql];
    size_t given = args == NULL ? 0 : args->types->len;
    if (given != statement->params) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "statement %s: %zu arguments given, not %zu",
                    statement->name, given, statement->params);
        return false;
    }
    for (size_t i = 0; i < given; i++) {
        Oid wanted = db_type_oid(statement->param_types[i]);
        Oid type = g_array_index(args->types, Oid, i);
        if (!db_type_fits(type, wanted) && wanted != 0) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DB,
                        "statement %s: argument %zu has type %u, not %s", statement->name, i + 1,
                        type, statement->param_types[i]);
            return false;
        }
    }
    return true;
}

static Statement *enqueue(HptDb *db, HptSql sql, const char *text, const HptArgs *args,
                          GError **error)
{
    if (sql < HPT_SQL_COUNT && !check_args(sql, args, error))
        return NULL;
    if (db->conn == NULL) {
        db_error_lost(error, db);
        return NULL;
    }
    if (PQpipelineStatus(db->conn) == PQ_PIPELINE_OFF && PQenterPipelineMode(db->conn) != 1) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "a result is still being read");
        return NULL;
    }
    if (!db_send_params(db->conn, text, args, 1) ||
        (!db->grouping && PQpipelineSync(db->conn) != 1)) {
        g_autofree char *reason = g_strdup(PQerrorMessage(db->conn));
        db_lose(db, reason);
        db_error_lost(error, db);
        return NULL;
    }
    Statement *statement = g_new0(Statement, 1);
    statement->reply.sql = sql;
    statement->text = text;
    statement->sent_us = g_get_monotonic_time();
    statement->open = db->grouping;
    g_queue_push_tail(&db->pending, statement);
    db->statements++;
    return statement;
}

bool hpt_db_send(HptDb *db, HptSql sql, const HptArgs *args, uint64_t tag, GError **error)
{
    Statement *statement = enqueue(db, sql, hpt_sql_statements[sql].text, args, error);
    if (statement == NULL)
        return false;
    statement->reply.tag = tag;
    return true;
}

void hpt_db_begin_group(HptDb *db)
{
    db->grouping = true;
}

void hpt_db_end_group(HptDb *db)
{
    db->grouping = false;
    Statement *last = g_queue_peek_tail(&db->pending);
    if (db->conn == NULL || last == NULL || !last->open)
        return;
    last->open = false;
    if (PQpipelineSync(db->conn) != 1) {
        g_autofree char *reason = g_strdup(PQerrorMessage(db->conn));
        db_lose(db, reason);
    }
}

int hpt_db_fd(const HptDb *db)
{
    return db->conn == NULL ? -1 : PQsocket(db->conn);
}

short hpt_db_events(const HptDb *db)
{
    return db->conn != NULL && PQflush(db->conn) == 1 ? POLLIN | POLLOUT : POLLIN;
}

bool hpt_db_drain(HptDb *db, int64_t timeout_us, GError **error)
{
    int64_t deadline_us = timeout_us < 0 ? -1 : g_get_monotonic_time() + timeout_us;
    while (!g_queue_is_empty(&db->pending)) {
        const Statement *head = g_queue_peek_head(&db->pending);
        int64_t own_us = deadline_of(db, head->sent_us);
        bool shorter = deadline_us >= 0 && (own_us < 0 || deadline_us < own_us);
        bool ready = db_wait(db->conn, shorter ? deadline_us : own_us);
        if (!hpt_db_pump(db, error))
            return false;
        if (!ready && !g_queue_is_empty(&db->pending)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                        "%s: no answer in time (SQLSTATE 08006)", db->where);
            return false;
        }
    }
    return true;
}

bool hpt_db_next(HptDb *db, HptReply *reply)
{
    g_autofree Statement *statement = g_queue_pop_head(&db->done);
    if (statement == NULL)
        return false;
    *reply = statement->reply;
    return true;
}

size_t hpt_db_pending(const HptDb *db)
{
    return db->pending.length + db->done.length;
}

bool db_leave_pipeline(HptDb *db, GError **error)
{
    if (!hpt_db_drain(db, -1, error))
        return false;
    if (db->conn == NULL) {
        db_error_lost(error, db);
        return false;
    }
    if (PQpipelineStatus(db->conn) == PQ_PIPELINE_OFF)
        return true;
    /* libpq may still hold the NULL that ends the last statement. */
    for (PGresult *rest = PQgetResult(db->conn); rest != NULL; rest = PQgetResult(db->conn))
        PQclear(rest);
    if (PQexitPipelineMode(db->conn) == 1)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "cannot leave pipeline mode: %s",
                PQerrorMessage(db->conn));
    return false;
}

/* ---- one at a time ---- */

static HptRows *run_once(HptDb *db, HptSql sql, const char *text, const HptArgs *args,
                         GError **error)
{
    Statement *statement = enqueue(db, sql, text, args, error);
    if (statement == NULL)
        return NULL;
    statement->waiting = true;
    while (!statement->done) {
        const Statement *head = g_queue_peek_head(&db->pending);
        bool ready = db_wait(db->conn, deadline_of(db, head->sent_us));
        /* A lost connection finishes the statement too, with the reason in its reply. */
        if (!hpt_db_pump(db, NULL))
            break;
        if (!ready && !statement->done)
            db_lose(db, "no answer in time");
    }
    HptRows *rows = g_steal_pointer(&statement->reply.rows);
    if (rows == NULL)
        g_propagate_error(error, g_steal_pointer(&statement->reply.error));
    statement_free(statement);
    return rows;
}

static HptRows *run_text(HptDb *db, HptSql sql, const char *text, const HptArgs *args,
                         GError **error)
{
    for (int attempt = 0;; attempt++) {
        g_autoptr(GError) failure = NULL;
        HptRows *rows = run_once(db, sql, text, args, &failure);
        if (rows != NULL)
            return rows;
        /* The other transaction has what it wanted by now, so a few times are enough. */
        if (attempt == 10 || hpt_db_retry_class(failure) != HPT_RETRY_STATEMENT) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
        g_usleep((gulong)(1000 * (attempt + 1)));
    }
}

HptRows *hpt_db_rows(HptDb *db, HptSql sql, const HptArgs *args, GError **error)
{
    return run_text(db, sql, hpt_sql_statements[sql].text, args, error);
}

HptRows *hpt_db_rows_text(HptDb *db, const char *sql, const HptArgs *args, GError **error)
{
    return run_text(db, HPT_SQL_COUNT, sql, args, error);
}

/* Fails unless the number of rows is between the bounds. */
static HptRows *bounded(HptRows *steal, HptSql sql, size_t least, size_t most, GError **error)
{
    g_autoptr(HptRows) rows = steal;
    if (rows == NULL)
        return NULL;
    size_t count = hpt_rows_count(rows);
    if (count >= least && count <= most)
        return g_steal_pointer(&rows);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "statement %s: %zu rows came back, not %s",
                hpt_sql_statements[sql].name, count,
                most == 0    ? "none"
                : least == 1 ? "one"
                             : "at most one");
    return NULL;
}

bool hpt_db_run(HptDb *db, HptSql sql, const HptArgs *args, GError **error)
{
    g_autoptr(HptRows) rows = bounded(hpt_db_rows(db, sql, args, error), sql, 0, 0, error);
    return rows != NULL;
}

HptRows *hpt_db_row(HptDb *db, HptSql sql, const HptArgs *args, GError **error)
{
    return bounded(hpt_db_rows(db, sql, args, error), sql, 1, 1, error);
}

HptRows *hpt_db_maybe_row(HptDb *db, HptSql sql, const HptArgs *args, GError **error)
{
    return bounded(hpt_db_rows(db, sql, args, error), sql, 0, 1, error);
}
