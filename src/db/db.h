/* A connection to PostgreSQL, and statements with typed arguments and results.
 *
 * Statements live in sql/query, one a file, and are known by the enum HptSql made from the file
 * names when hpt is built (db/sql.h). All travel as unnamed statements of the extended protocol
 * and in binary, so doubles are exact, and nothing is tied to a session: the same code works
 * through a pooler in transaction mode.
 *
 * A statement that is lost with its connection has an unknown outcome; the statements of hpt are
 * idempotent, so the cure is hpt_db_reopen and sending it again.
 *
 * Errors carry their SQLSTATE: hpt_db_sqlstate. Codes: HPT_ERROR_DB_CONNECT (not reachable, lost,
 * refused at the door), CONFLICT (unique, serialisation, deadlock), PERMISSION, NOT_FOUND (P0002,
 * raised by a function), DATA (classes 22 and 23, but unique), INTEGRITY (XX001, XX002); the rest,
 * as a table that is not there, is HPT_ERROR_DB.
 */
#ifndef HPT_DB_DB_H
#define HPT_DB_DB_H

#include "base/error.h"
#include "db/sql.h"

typedef struct HptDb HptDb;
typedef struct HptArgs HptArgs;
typedef struct HptRows HptRows;

/* Told one line for people. */
typedef void (*HptNote)(const char *text);

/* ---- connection ---- */

/* Connects. What neither dsn nor environment say: connect_timeout 10, keepalives after 15 s every
 * 5 s three times, tcp_user_timeout 30 s, UTF8, and verified TLS unless the host is local. Which
 * server, port, database and user comes from dsn alone, never from PGHOST and its kin. Fails
 * HPT_ERROR_DB_CONNECT, naming what was tried (never a password). */
HptDb *hpt_db_open(const char *dsn, const char *application_name, GError **error) HPT_WARN_UNUSED;
void hpt_db_close(HptDb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptDb, hpt_db_close)

/* Does the DSN name several hosts, so that another server may take over? */
bool hpt_db_has_standby(const HptDb *db);

/* Connects again with the same parameters, host names resolved anew. Statements that were under
 * way come out of hpt_db_next as failed with HPT_ERROR_DB_CONNECT. */
bool hpt_db_reopen(HptDb *db, GError **error) HPT_WARN_UNUSED;

/* False once the connection is known to be lost. */
bool hpt_db_alive(const HptDb *db);

/* How long a statement may stay unanswered before the connection counts as lost; default 60 s,
 * 0 is for ever. */
void hpt_db_set_timeout(HptDb *db, int64_t timeout_us);

/* Statements sent over this HptDb so far. */
uint64_t hpt_db_statements(const HptDb *db);

/* "host:port/database as user", for messages; borrowed. */
const char *hpt_db_peek_where(const HptDb *db);

/* Version of the server, e.g. 150020; 0 when not connected. */
int hpt_db_server_version(const HptDb *db);

/* ---- arguments: appended in the order $1, $2, … ---- */

typedef enum {
    HPT_TYPE_BOOL,
    HPT_TYPE_INT4,
    HPT_TYPE_INT8,
    HPT_TYPE_FLOAT8,
    HPT_TYPE_TEXT,
    HPT_TYPE_BYTEA,
    HPT_TYPE_JSONB,
    HPT_TYPE_UUID,
    HPT_TYPE_TIME, /* timestamptz */
    HPT_TYPE_INT4_ARRAY,
    HPT_TYPE_INT8_ARRAY,
    HPT_TYPE_FLOAT8_ARRAY,
    HPT_TYPE_TEXT_ARRAY,
    HPT_TYPE_BYTEA_ARRAY,
    HPT_TYPE_BOOL_ARRAY,
    HPT_TYPE_COUNT
} HptType;

/* Values are copied. Where a pointer is NULL the argument is SQL NULL of that type. */
HptArgs *hpt_args_new(void);
void hpt_args_free(HptArgs *args);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptArgs, hpt_args_free)

void hpt_args_null(HptArgs *args, HptType type);
size_t hpt_args_count(const HptArgs *args);
/* NULLs, of whatever type the statement has there, until there are n. */
void hpt_args_fill(HptArgs *args, size_t n);
void hpt_args_bool(HptArgs *args, bool value);
void hpt_args_int4(HptArgs *args, int32_t value);
void hpt_args_int8(HptArgs *args, int64_t value);
void hpt_args_float8(HptArgs *args, double value);
void hpt_args_text(HptArgs *args, const char *value); /* UTF-8 without NUL */
void hpt_args_bytea(HptArgs *args, const void *value, size_t length);
void hpt_args_json(HptArgs *args, const char *value); /* as jsonb */
void hpt_args_uuid(HptArgs *args, const char *value); /* text form, 36 characters */
void hpt_args_time(HptArgs *args, int64_t time_us);   /* since 1970 UTC, as timestamptz */

/* Arrays. nulls (may be NULL) marks elements that are SQL NULL; in text and bytea arrays an
 * element whose pointer is NULL is SQL NULL. values NULL with count 0 is an empty array; use
 * hpt_args_null for a NULL array. */
void hpt_args_bools(HptArgs *args, const bool *values, const bool *nulls, size_t count);
void hpt_args_int4s(HptArgs *args, const int32_t *values, const bool *nulls, size_t count);
void hpt_args_int8s(HptArgs *args, const int64_t *values, const bool *nulls, size_t count);
void hpt_args_float8s(HptArgs *args, const double *values, const bool *nulls, size_t count);
void hpt_args_texts(HptArgs *args, const char *const *values, size_t count);
void hpt_args_byteas(HptArgs *args, const void *const *values, const size_t *lengths, size_t count);

/* Arguments as bytes, for a file: appended to out, and read back. args_parse fails HPT_ERROR_DATA;
 * whether they are those of a statement is checked when they are sent. */
void hpt_args_append_to(const HptArgs *args, GByteArray *out);
HptArgs *hpt_args_parse(const void *data, size_t length, GError **error) HPT_WARN_UNUSED;
/* A copy in which argument i (0 is $1) is SQL NULL. */
HptArgs *hpt_args_copy_without(const HptArgs *args, size_t i);

/* ---- one statement at a time ---- */

/* Each is one statement and its own transaction. The number of arguments must be the statement's;
 * number and types of the columns that come back are checked against the statement's header. A
 * serialisation failure or deadlock (rolled back, so nothing happened) is tried again a few times.
 * args may be NULL when the statement has none. */

/* Runs it; a statement that returns rows is an error. */
bool hpt_db_run(HptDb *db, HptSql sql, const HptArgs *args, GError **error) HPT_WARN_UNUSED;
/* Exactly one row, else HPT_ERROR_DB. */
HptRows *hpt_db_row(HptDb *db, HptSql sql, const HptArgs *args, GError **error) HPT_WARN_UNUSED;
/* One row or none: hpt_rows_count() is 0 or 1; more is HPT_ERROR_DB. */
HptRows *hpt_db_maybe_row(HptDb *db, HptSql sql, const HptArgs *args,
                          GError **error) HPT_WARN_UNUSED;
/* Any number of rows. */
HptRows *hpt_db_rows(HptDb *db, HptSql sql, const HptArgs *args, GError **error) HPT_WARN_UNUSED;

/* ---- rows ---- */

void hpt_rows_free(HptRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptRows, hpt_rows_free)

size_t hpt_rows_count(const HptRows *rows);
size_t hpt_rows_columns(const HptRows *rows);
const char *hpt_rows_peek_name(const HptRows *rows, size_t column);
bool hpt_rows_null(const HptRows *rows, size_t row, size_t column);

/* A value of another type than asked for is a bug and aborts (types were checked against the
 * statement's header). A NULL reads as false, 0, NaN (float8), NULL. int8 reads int2 and int4 too,
 * float8 reads float4, text reads name, json and jsonb and char types. Pointers are borrowed from
 * rows and NUL-terminated. */
bool hpt_rows_bool(const HptRows *rows, size_t row, size_t column);
int32_t hpt_rows_int4(const HptRows *rows, size_t row, size_t column);
int64_t hpt_rows_int8(const HptRows *rows, size_t row, size_t column);
double hpt_rows_float8(const HptRows *rows, size_t row, size_t column);
const char *hpt_rows_peek_text(const HptRows *rows, size_t row, size_t column);
const void *hpt_rows_peek_bytea(const HptRows *rows, size_t row, size_t column, size_t *length);
int64_t hpt_rows_time(const HptRows *rows, size_t row, size_t column); /* µs since 1970 UTC */
char *hpt_rows_uuid(const HptRows *rows, size_t row, size_t column);   /* owned */

/* Arrays, owned. *nulls (may be NULL) receives an owned mask; without it a NULL element reads as
 * false, 0 or NaN. The result is never NULL but for a NULL array. Elements of the GPtrArrays are
 * char * and GBytes *, NULL where SQL NULL; they are freed with the array. */
bool *hpt_rows_bools(const HptRows *rows, size_t row, size_t column, size_t *count, bool **nulls);
int64_t *hpt_rows_int8s(const HptRows *rows, size_t row, size_t column, size_t *count,
                        bool **nulls);
double *hpt_rows_float8s(const HptRows *rows, size_t row, size_t column, size_t *count,
                         bool **nulls);
GPtrArray *hpt_rows_texts(const HptRows *rows, size_t row, size_t column);
GPtrArray *hpt_rows_byteas(const HptRows *rows, size_t row, size_t column);

/* ---- pipeline: many statements under way ---- */

/* Queues a statement; each is its own transaction and the failure of one leaves the others alone.
 * Never blocks. Fails HPT_ERROR_DB_CONNECT if the connection is lost: nothing was queued. */
bool hpt_db_send(HptDb *db, HptSql sql, const HptArgs *args, uint64_t tag,
                 GError **error) HPT_WARN_UNUSED;

/* What is sent between the two is one transaction: one commit for all. If one of them fails none has
 * happened: the others are answered with a conflict (SQLSTATE 40001, HPT_RETRY_STATEMENT). */
void hpt_db_begin_group(HptDb *db);
void hpt_db_end_group(HptDb *db);

/* To poll: the socket (changes with hpt_db_reopen; -1 when lost) and the events wanted. */
int hpt_db_fd(const HptDb *db);
short hpt_db_events(const HptDb *db);

/* Writes and reads what can be without blocking. On HPT_ERROR_DB_CONNECT all statements under way
 * are finished as failed, and hpt_db_next gives them out. */
bool hpt_db_pump(HptDb *db, GError **error) HPT_WARN_UNUSED;

/* Pumps until all that was sent is answered, or timeout_us (-1: the db's own timeout) is over, or
 * the connection is lost (HPT_ERROR_DB_CONNECT). */
bool hpt_db_drain(HptDb *db, int64_t timeout_us, GError **error) HPT_WARN_UNUSED;

/* One finished statement: rows or error is set. */
typedef struct {
    uint64_t tag;
    HptSql sql;
    HptRows *rows;
    GError *error;
} HptReply;
void hpt_reply_clear(HptReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptReply, hpt_reply_clear)

/* Takes the oldest finished statement, in the order sent, into *reply (which must be clear); false
 * when none is finished. Does no I/O. */
bool hpt_db_next(HptDb *db, HptReply *reply) HPT_WARN_UNUSED;

/* Sent but not yet taken by hpt_db_next. */
size_t hpt_db_pending(const HptDb *db);

/* ---- SQL as text: a user's query, and what tools compose ---- */

typedef struct {
    const char *name;
    uint32_t type; /* OID of pg_type, see HPT_OID_… below */
} HptDbColumn;

typedef struct {
    const char *text; /* PostgreSQL's text form, NUL-terminated; NULL is SQL NULL */
    size_t length;
} HptDbText;

enum { /* the types that output formats treat by kind; fixed in PostgreSQL's catalogue */
       HPT_OID_BOOL = 16,
       HPT_OID_BYTEA = 17,
       HPT_OID_INT8 = 20,
       HPT_OID_INT2 = 21,
       HPT_OID_INT4 = 23,
       HPT_OID_TEXT = 25,
       HPT_OID_JSON = 114,
       HPT_OID_FLOAT4 = 700,
       HPT_OID_FLOAT8 = 701,
       HPT_OID_TIMESTAMPTZ = 1184,
       HPT_OID_NUMERIC = 1700,
       HPT_OID_UUID = 2950,
       HPT_OID_JSONB = 3802,
};

typedef struct {
    const char *sql;         /* one statement */
    const char *search_path; /* e.g. "hpt_study, hpt"; NULL leaves it */
    int64_t timeout_us;      /* statement_timeout on the server; 0 none */
    bool writable;           /* default is a read-only transaction */
    const HptArgs *args;     /* $1 …; may be NULL */
    /* Called once before the first row, also when there are none; may be NULL. */
    bool (*begin)(const HptDbColumn *columns, size_t count, void *user, GError **error);
    /* Called for each row; values are borrowed for the call. False stops the query: the error it
     * set is returned. */
    bool (*row)(const HptDbText *values, size_t count, void *user, GError **error);
    void *user;
} HptDbStream;

/* Runs a statement in its own transaction, row by row in constant memory. An error of the server
 * in sql has the code HPT_ERROR_DATA if the statement is wrong in itself (class 42, 22), with the
 * position as "line L, column C". */
bool hpt_db_stream(HptDb *db, const HptDbStream *stream, GError **error) HPT_WARN_UNUSED;

/* Runs SQL composed by a tool, several statements allowed (one transaction unless it says
 * otherwise); results are dropped. For migration, and for tests. */
bool hpt_db_exec_text(HptDb *db, const char *sql, GError **error) HPT_WARN_UNUSED;

/* One statement given as text, results as hpt_db_rows gives them, types unchecked. */
HptRows *hpt_db_rows_text(HptDb *db, const char *sql, const HptArgs *args,
                          GError **error) HPT_WARN_UNUSED;

/* name quoted as an SQL identifier, text as a literal; owned. */
char *hpt_db_quote_name(const char *name);
char *hpt_db_quote_text(const char *text);

/* ---- errors and trying again ---- */

/* The SQLSTATE in an error's message, copied to out (6 bytes); false if it has none. */
bool hpt_db_sqlstate(const GError *error, char *out);

typedef enum {
    HPT_RETRY_NO,        /* will fail again */
    HPT_RETRY_STATEMENT, /* rolled back by a conflict: send it again */
    HPT_RETRY_RECONNECT, /* hpt_db_reopen first: lost, or a server that cannot write now (full, standby) */
} HptRetry;
HptRetry hpt_db_retry_class(const GError *error);

/* Waiting times with decorrelated jitter from 0.2 s to 30 s; zero-initialise. */
typedef struct {
    int64_t last_us;
} HptBackoff;
int64_t hpt_backoff_next_us(HptBackoff *backoff);

#endif
