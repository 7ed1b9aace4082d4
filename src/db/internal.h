/* Shared by the files of src/db alone. */
#ifndef HPT_DB_INTERNAL_H
#define HPT_DB_INTERNAL_H

#include "db/db.h"

#include <libpq-fe.h>

struct HptArgs {
    GArray *types;   /* Oid */
    GArray *offsets; /* size_t into data; SIZE_MAX for SQL NULL */
    GArray *lengths; /* int */
    GByteArray *data;
};

struct HptRows {
    PGresult *result;
};

struct HptDb {
    PGconn *conn;
    char **keywords, **values; /* what was given to libpq, for hpt_db_reopen; NULL-terminated */
    char *dsn, *where;
    char *lost;     /* why the connection is gone, NULL while it is there */
    GQueue pending; /* Statement *, sent and not answered, oldest first */
    GQueue done;    /* Statement *, answered */
    int64_t timeout_us;
    uint64_t statements;
    bool grouping; /* between hpt_db_begin_group and hpt_db_end_group */
};

/* Type OIDs of the built-in arrays. */
enum {
    OID_NAME = 19,
    OID_CHAR = 18,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_BOOL_ARRAY = 1000,
    OID_BYTEA_ARRAY = 1001,
    OID_INT2_ARRAY = 1005,
    OID_INT4_ARRAY = 1007,
    OID_TEXT_ARRAY = 1009,
    OID_INT8_ARRAY = 1016,
    OID_FLOAT4_ARRAY = 1021,
    OID_FLOAT8_ARRAY = 1022,
    OID_VARCHAR_ARRAY = 1015,
    OID_NAME_ARRAY = 1003,
    OID_UUID_ARRAY = 2951,
    OID_JSONB_ARRAY = 3807,
};

/* The OID of a type named as in the head of a statement; 0 if it is not one of the built-in types
 * hpt reads and writes. */
Oid db_type_oid(const char *name);

/* Whether a column of this type may be read where the head of a statement says wanted. */
bool db_type_fits(Oid wanted, Oid found);

/* Sets *error from a failed result; sql (may be NULL) is the text that was sent, for the place. */
void db_error_from_result(GError **error, const PGresult *result, const char *sql);

/* text with its lines joined by "; "; owned. */
char *db_one_line(const char *text);

/* The error code that belongs to an SQLSTATE. */
HptErrorCode db_error_code(const char *sqlstate);

/* Sets *error to DB_CONNECT with SQLSTATE 08006 for a connection that is gone. */
void db_error_lost(GError **error, const HptDb *db);

/* What hpt_db_open was given; may hold a password. Borrowed. */
const char *db_peek_dsn(const HptDb *db);

/* Opens db->conn from the stored parameters. */
bool db_connect(HptDb *db, GError **error);

/* Gives up the connection: db->lost is set and all that was pending is finished as failed. */
void db_lose(HptDb *db, const char *reason);

/* Sends what args hold as parameters of text, binary in and format out. */
bool db_send_params(PGconn *conn, const char *text, const HptArgs *args, int result_format);

/* Waits until the socket is ready for libpq; deadline_us is of the monotonic clock, -1 for never.
 * False when it is over. */
bool db_wait(PGconn *conn, int64_t deadline_us);

/* The next result outside pipeline mode, waiting for it; NULL at the end, or when the connection
 * was lost (then db->lost is set). Owned. */
PGresult *db_next_result(HptDb *db, int64_t deadline_us);

/* Waits for all statements under way and leaves pipeline mode. */
bool db_leave_pipeline(HptDb *db, GError **error);

HptRows *db_rows_new(PGresult *steal);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PGresult, PQclear)

#endif
