/* Statements against a real server: what goes in comes out, and errors say what to do. */
#include "db/db.h"

#include "db-server.h"

#include <math.h>
#include <poll.h>
#include <string.h>

static char *dsn;

static HptDb *open_db(void)
{
    g_autoptr(GError) error = NULL;
    HptDb *db = hpt_db_open(dsn, "unit test", &error);
    g_assert_no_error(error);
    return db;
}

static HptRows *ask(HptDb *db, const char *sql, const HptArgs *args)
{
    g_autoptr(GError) error = NULL;
    HptRows *rows = hpt_db_rows_text(db, sql, args, &error);
    g_assert_no_error(error);
    return rows;
}

static uint64_t bits(double value)
{
    uint64_t out;
    memcpy(&out, &value, sizeof out);
    return out;
}

static bool same(const void *a, size_t a_length, const void *b, size_t b_length)
{
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

/* What an earlier hpt left has fewer arguments than the statement now. */
static void test_fill(void)
{
    g_autoptr(HptDb) db = open_db();
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int4(args, 1);
    hpt_args_fill(args, 3);
    hpt_args_fill(args, 2);
    g_assert_cmpuint(hpt_args_count(args), ==, 3);
    g_autoptr(HptRows) rows = ask(db, "select $1, $2::text is null, coalesce($3::bigint, 7)", args);
    g_assert_cmpint(hpt_rows_int4(rows, 0, 0), ==, 1);
    g_assert_true(hpt_rows_bool(rows, 0, 1));
    g_assert_cmpint(hpt_rows_int8(rows, 0, 2), ==, 7);
}

static void test_scalars(void)
{
    static const double doubles[] = {0.0,  -0.0,     0.1,      1e308, 4.9406564584124654e-324,
                                     -1.5, INFINITY, -INFINITY};
    static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(9007199254740993)};
    g_autoptr(HptDb) db = open_db();
    for (size_t i = 0; i < G_N_ELEMENTS(doubles); i++) {
        g_autoptr(HptArgs) args = hpt_args_new();
        hpt_args_float8(args, doubles[i]);
        g_autoptr(HptRows) rows = ask(db, "select $1", args);
        g_assert_cmphex(bits(hpt_rows_float8(rows, 0, 0)), ==, bits(doubles[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(integers); i++) {
        g_autoptr(HptArgs) args = hpt_args_new();
        hpt_args_int8(args, integers[i]);
        hpt_args_int4(args, (int32_t)integers[i]);
        /* The server's own idea of the number, too. */
        g_autoptr(HptRows) rows = ask(db, "select $1, $2, $1::text", args);
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, integers[i]);
        g_assert_cmpint(hpt_rows_int8(rows, 0, 0), ==, integers[i]);
        g_assert_cmpint(hpt_rows_int4(rows, 0, 1), ==, (int32_t)integers[i]);
        g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 2), ==, text);
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_bool(args, true);
    hpt_args_bool(args, false);
    hpt_args_text(args, "");
    hpt_args_text(args, "π 'quoted' \\ \n");
    hpt_args_bytea(args, "a\0b", 3);
    hpt_args_bytea(args, "", 0);
    hpt_args_json(args, "{\"b\": 1, \"a\": [null]}");
    hpt_args_uuid(args, "00112233-4455-6677-8899-aabbccddeeff");
    hpt_args_time(args, INT64_C(1700000000123456));
    hpt_args_float8(args, (double)NAN);
    g_autoptr(HptRows) rows =
        ask(db, "select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9::text, $8::text", args);
    size_t length;
    g_assert_true(hpt_rows_bool(rows, 0, 0));
    g_assert_false(hpt_rows_bool(rows, 0, 1));
    g_assert_false(hpt_rows_null(rows, 0, 2));
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 2), ==, "");
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 3), ==, "π 'quoted' \\ \n");
    const void *bytes = hpt_rows_peek_bytea(rows, 0, 4, &length);
    g_assert_true(same(bytes, length, "a\0b", 3));
    g_assert_nonnull(hpt_rows_peek_bytea(rows, 0, 5, &length));
    g_assert_cmpuint(length, ==, 0);
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 6), ==, "{\"a\": [null], \"b\": 1}");
    g_autofree char *uuid = hpt_rows_uuid(rows, 0, 7);
    g_assert_cmpstr(uuid, ==, "00112233-4455-6677-8899-aabbccddeeff");
    g_assert_cmpint(hpt_rows_time(rows, 0, 8), ==, INT64_C(1700000000123456));
    g_assert_true(isnan(hpt_rows_float8(rows, 0, 9)));
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 10), ==, "2023-11-14 22:13:20.123456+00");
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 11), ==, "00112233-4455-6677-8899-aabbccddeeff");
}

/* More than any socket buffer, in both directions, alone and many at once. */
static void test_large(void)
{
    size_t length = 8 << 20;
    g_autoptr(HptDb) db = open_db();
    g_autofree char *text = g_malloc(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, text);
    hpt_args_bytea(args, text, length);
    g_autoptr(HptRows) rows = ask(db, "select $1, $2", args);
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 0), ==, text);
    size_t got;
    g_assert_nonnull(hpt_rows_peek_bytea(rows, 0, 1, &got));
    g_assert_cmpuint(got, ==, length);

    g_autoptr(GError) error = NULL;
    g_autoptr(HptArgs) name = hpt_args_new();
    text[1 << 20] = '\0';
    hpt_args_text(name, text);
    for (uint64_t i = 0; i < 20; i++)
        g_assert_true(hpt_db_send(db, HPT_SQL_STUDY_BY_NAME, name, i, &error));
    g_assert_true(hpt_db_drain(db, -1, &error));
    g_assert_cmpuint(hpt_db_pending(db), ==, 20);
}

static void test_nulls(void)
{
    g_autoptr(HptDb) db = open_db();
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, NULL);
    hpt_args_bytea(args, NULL, 0);
    hpt_args_json(args, NULL);
    hpt_args_uuid(args, NULL);
    hpt_args_null(args, HPT_TYPE_FLOAT8);
    hpt_args_null(args, HPT_TYPE_INT8);
    hpt_args_null(args, HPT_TYPE_INT8_ARRAY);
    g_autoptr(HptRows) rows = ask(db, "select $1, $2, $3, $4, $5, $6, $7", args);
    size_t length;
    for (size_t i = 0; i < 7; i++)
        g_assert_true(hpt_rows_null(rows, 0, i));
    g_assert_null(hpt_rows_peek_text(rows, 0, 0));
    g_assert_null(hpt_rows_peek_bytea(rows, 0, 1, &length));
    g_assert_null(hpt_rows_peek_text(rows, 0, 2));
    g_assert_null(hpt_rows_uuid(rows, 0, 3));
    g_assert_true(isnan(hpt_rows_float8(rows, 0, 4)));
    g_assert_cmpint(hpt_rows_int8(rows, 0, 5), ==, 0);
    g_assert_null(hpt_rows_int8s(rows, 0, 6, &length, NULL));
}

static void test_arrays(void)
{
    static const int64_t integers[] = {1, 0, INT64_MIN};
    static const int32_t smalls[] = {1, -2};
    static const double doubles[] = {0.1, 0.0, -0.0};
    static const bool second[] = {false, true, false}, truths[] = {true, false, true};
    static const char *const texts[] = {"a", NULL, "", "c,d\"{}"};
    const void *blobs[] = {"x\0y", NULL, ""};
    static const size_t lengths[] = {3, 0, 0};
    g_autoptr(HptDb) db = open_db();
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8s(args, integers, second, 3);
    hpt_args_float8s(args, doubles, second, 3);
    hpt_args_texts(args, texts, 4);
    hpt_args_byteas(args, blobs, lengths, 3);
    hpt_args_bools(args, truths, NULL, 3);
    hpt_args_int4s(args, smalls, NULL, 2);
    hpt_args_int8s(args, NULL, NULL, 0);
    g_autoptr(HptRows) rows =
        ask(db, "select $1, $2, $3, $4, $5, $6, $7, $1::text, $3::text, cardinality($7)", args);
    size_t count;
    g_autofree bool *nulls = NULL, *other_nulls = NULL;
    g_autofree int64_t *got_integers = hpt_rows_int8s(rows, 0, 0, &count, &nulls);
    g_assert_true(same(got_integers, count * 8, integers, sizeof integers));
    g_assert_true(same(nulls, count, second, sizeof second));
    g_autofree double *got_doubles = hpt_rows_float8s(rows, 0, 1, &count, &other_nulls);
    g_assert_cmpuint(count, ==, 3);
    g_assert_cmphex(bits(got_doubles[0]), ==, bits(0.1));
    g_assert_true(isnan(got_doubles[1]) && other_nulls[1]);
    g_assert_cmphex(bits(got_doubles[2]), ==, bits(-0.0));
    g_autoptr(GPtrArray) got_texts = hpt_rows_texts(rows, 0, 2);
    g_assert_cmpuint(got_texts->len, ==, 4);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpstr(got_texts->pdata[i], ==, texts[i]);
    g_autoptr(GPtrArray) got_blobs = hpt_rows_byteas(rows, 0, 3);
    g_assert_cmpuint(got_blobs->len, ==, 3);
    g_assert_null(got_blobs->pdata[1]);
    g_assert_cmpuint(g_bytes_get_size(got_blobs->pdata[0]), ==, 3);
    g_assert_cmpuint(g_bytes_get_size(got_blobs->pdata[2]), ==, 0);
    g_autofree bool *got_truths = hpt_rows_bools(rows, 0, 4, &count, NULL);
    g_assert_true(same(got_truths, count, truths, sizeof truths));
    g_autofree int64_t *got_smalls = hpt_rows_int8s(rows, 0, 5, &count, NULL);
    g_assert_cmpuint(count, ==, 2);
    g_assert_cmpint(got_smalls[1], ==, -2);
    g_autofree int64_t *empty = hpt_rows_int8s(rows, 0, 6, &count, NULL);
    g_assert_true(empty != NULL && count == 0);
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 7), ==, "{1,NULL,-9223372036854775808}");
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 8), ==, "{a,NULL,\"\",\"c,d\\\"{}\"}");
    g_assert_cmpint(hpt_rows_int4(rows, 0, 9), ==, 0);
}

static void test_statement_checks(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_PING, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(hpt_rows_time(rows, 0, 0), >, INT64_C(1700000000000000));
    g_assert_cmpstr(hpt_rows_peek_name(rows, 0), ==, "now");
    g_assert_cmpuint(hpt_db_statements(db), ==, 1);

    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, 1);
    g_assert_null(hpt_db_rows(db, HPT_SQL_PING, args, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB);
    g_assert_cmpstr(error->message, ==, "statement ping: 1 arguments given, not 0");
    g_clear_error(&error);
    /* Rows where none are expected. */
    g_assert_false(hpt_db_run(db, HPT_SQL_PING, NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB);
    g_clear_error(&error);
    /* The type of an argument. */
    g_assert_null(hpt_db_rows(db, HPT_SQL_STUDY_BY_NAME, args, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, "argument 1 has type 20, not text"));
}

/* Every class that callers tell apart, raised by the server itself. */
static void test_errors(void)
{
    static const struct {
        const char *sql, *state;
        HptErrorCode code;
        HptRetry retry;
    } cases[] = {
        {"select 1/0", "22012", HPT_ERROR_DATA, HPT_RETRY_NO},
        {"select * from no_such_table", "42P01", HPT_ERROR_DB, HPT_RETRY_NO},
        {"do $$ begin raise unique_violation; end $$", "23505", HPT_ERROR_CONFLICT, HPT_RETRY_NO},
        {"do $$ begin raise check_violation; end $$", "23514", HPT_ERROR_DATA, HPT_RETRY_NO},
        {"do $$ begin raise serialization_failure; end $$", "40001", HPT_ERROR_CONFLICT,
         HPT_RETRY_STATEMENT},
        {"do $$ begin raise deadlock_detected; end $$", "40P01", HPT_ERROR_CONFLICT,
         HPT_RETRY_STATEMENT},
        {"do $$ begin raise lock_not_available; end $$", "55P03", HPT_ERROR_CONFLICT,
         HPT_RETRY_STATEMENT},
        {"do $$ begin raise too_many_connections; end $$", "53300", HPT_ERROR_DB_CONNECT,
         HPT_RETRY_RECONNECT},
        {"do $$ begin raise read_only_sql_transaction; end $$", "25006", HPT_ERROR_DB_CONNECT,
         HPT_RETRY_RECONNECT},
        {"do $$ begin raise insufficient_privilege; end $$", "42501", HPT_ERROR_PERMISSION,
         HPT_RETRY_NO},
        {"do $$ begin raise no_data_found; end $$", "P0002", HPT_ERROR_NOT_FOUND, HPT_RETRY_NO},
        {"do $$ begin raise data_corrupted; end $$", "XX001", HPT_ERROR_INTEGRITY, HPT_RETRY_NO},
        {"do $$ begin raise disk_full; end $$", "53100", HPT_ERROR_DB_CONNECT,
         HPT_RETRY_RECONNECT},
    };
    g_autoptr(HptDb) db = open_db();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char state[6] = "";
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_db_rows_text(db, cases[i].sql, NULL, &error));
        g_assert_true(hpt_db_sqlstate(error, state));
        g_assert_cmpstr(state, ==, cases[i].state);
        g_assert_error(error, HPT_ERROR, (int)cases[i].code);
        g_assert_cmpint(hpt_db_retry_class(error), ==, cases[i].retry);
        /* The state survives context that is added on the way up. */
        g_prefix_error(&error, "while testing: ");
        g_assert_true(hpt_db_sqlstate(error, state));
    }
    g_autoptr(GError) plain = g_error_new_literal(HPT_ERROR, HPT_ERROR_DB, "no state");
    char state[6];
    g_assert_false(hpt_db_sqlstate(plain, state));
    g_assert_cmpint(hpt_db_retry_class(plain), ==, HPT_RETRY_NO);
}

/* A failure in the middle touches nobody else, and answers come in order with their tags. */
static void test_pipeline(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, "no such study");
    for (uint64_t i = 0; i < 300; i++)
        g_assert_true(i % 3 == 1 ? hpt_db_send(db, HPT_SQL_STUDY_BY_NAME, args, i, &error)
                                 : hpt_db_send(db, HPT_SQL_PING, NULL, i, &error));
    /* One in the midst that somebody waits for does not disturb the queue. */
    g_autoptr(HptRows) now = hpt_db_row(db, HPT_SQL_PING, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(hpt_db_drain(db, -1, &error));
    g_assert_cmpuint(hpt_db_pending(db), ==, 300);
    for (uint64_t i = 0; i < 300; i++) {
        g_auto(HptReply) reply = {0};
        g_assert_true(hpt_db_next(db, &reply));
        g_assert_cmpuint(reply.tag, ==, i);
        /* This database has no schema. */
        g_assert_true((i % 3 == 1) == (reply.error != NULL));
        g_assert_true((reply.error == NULL) == (reply.rows != NULL));
    }
    g_auto(HptReply) none = {0};
    g_assert_false(hpt_db_next(db, &none));
    /* And text can be run afterwards: the pipeline is left. */
    g_assert_true(hpt_db_exec_text(db, "select 1; select 2", &error));
}

/* A group is one transaction: one time for all, and all or nothing. */
static void test_group(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    hpt_db_begin_group(db);
    for (uint64_t i = 0; i < 3; i++)
        g_assert_true(hpt_db_send(db, HPT_SQL_PING, NULL, i, &error));
    hpt_db_end_group(db);
    g_assert_true(hpt_db_send(db, HPT_SQL_PING, NULL, 3, &error));
    g_assert_true(hpt_db_drain(db, -1, &error));
    int64_t times[4];
    for (uint64_t i = 0; i < 4; i++) {
        g_auto(HptReply) reply = {0};
        g_assert_true(hpt_db_next(db, &reply));
        g_assert_cmpuint(reply.tag, ==, i);
        g_assert_no_error(reply.error);
        times[i] = hpt_rows_time(reply.rows, 0, 0);
    }
    g_assert_true(times[0] == times[1] && times[1] == times[2]);
    g_assert_true(times[2] < times[3]);

    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, "no such study");
    hpt_db_begin_group(db);
    g_assert_true(hpt_db_send(db, HPT_SQL_PING, NULL, 0, &error));
    g_assert_true(hpt_db_send(db, HPT_SQL_STUDY_BY_NAME, args, 1, &error)); /* no schema: fails */
    g_assert_true(hpt_db_send(db, HPT_SQL_PING, NULL, 2, &error));
    hpt_db_end_group(db);
    g_assert_true(hpt_db_drain(db, -1, &error));
    for (uint64_t i = 0; i < 3; i++) {
        g_auto(HptReply) reply = {0};
        g_assert_true(hpt_db_next(db, &reply));
        g_assert_null(reply.rows);
        g_assert_cmpint(hpt_db_retry_class(reply.error), ==,
                        i == 1 ? HPT_RETRY_NO : HPT_RETRY_STATEMENT);
    }
}

static void test_poll(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    g_auto(HptReply) reply = {0};
    g_assert_true(hpt_db_send(db, HPT_SQL_PING, NULL, 7, &error));
    while (!hpt_db_next(db, &reply)) {
        struct pollfd poller = {.fd = hpt_db_fd(db), .events = hpt_db_events(db)};
        g_assert_cmpint(poll(&poller, 1, 10000), ==, 1);
        g_assert_true(hpt_db_pump(db, &error));
    }
    g_assert_cmpuint(reply.tag, ==, 7);
}

static void kill_backend(HptDb *victim)
{
    g_autoptr(HptRows) pid = ask(victim, "select pg_backend_pid()", NULL);
    g_autoptr(HptDb) other = open_db();
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int4(args, hpt_rows_int4(pid, 0, 0));
    /* Waits until it is gone. */
    g_autoptr(HptRows) done = ask(other, "select pg_terminate_backend($1, 10000)", args);
    g_assert_true(hpt_rows_bool(done, 0, 0));
}

static void test_lost(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    kill_backend(db);
    g_assert_null(hpt_db_rows(db, HPT_SQL_PING, NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_assert_cmpint(hpt_db_retry_class(error), ==, HPT_RETRY_RECONNECT);
    g_assert_false(hpt_db_alive(db));
    g_assert_cmpint(hpt_db_fd(db), ==, -1);
    g_clear_error(&error);
    g_assert_false(hpt_db_send(db, HPT_SQL_PING, NULL, 1, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_clear_error(&error);
    g_assert_true(hpt_db_reopen(db, &error));
    g_assert_true(hpt_db_alive(db));
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_PING, NULL, &error);
    g_assert_no_error(error);
}

/* What was under way is given back, each with its tag. */
static void test_lost_pipeline(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db(), locker = open_db();
    g_autoptr(HptRows) pid = ask(db, "select pg_backend_pid()", NULL);
    g_assert_true(hpt_db_exec_text(
        locker, "create schema hpt; create table hpt.schema_step (step integer)", &error));
    g_assert_true(hpt_db_exec_text(locker, "begin", &error));
    g_assert_true(hpt_db_exec_text(locker, "lock table hpt.schema_step", &error));
    /* The first waits for the lock, the others behind it. */
    for (uint64_t i = 0; i < 5; i++)
        g_assert_true(hpt_db_send(db, HPT_SQL_SCHEMA_VERSION, NULL, i, &error));
    g_assert_true(hpt_db_pump(db, &error));
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int4(args, hpt_rows_int4(pid, 0, 0));
    g_autoptr(HptRows) gone = ask(locker, "select pg_terminate_backend($1, 10000)", args);
    g_assert_true(hpt_db_exec_text(locker, "rollback; drop schema hpt cascade", &error));
    g_assert_false(hpt_db_drain(db, 10 * G_USEC_PER_SEC, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    for (uint64_t i = 0; i < 5; i++) {
        g_auto(HptReply) reply = {0};
        g_assert_true(hpt_db_next(db, &reply));
        g_assert_cmpuint(reply.tag, ==, i);
        g_assert_error(reply.error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
        g_assert_cmpint(hpt_db_retry_class(reply.error), ==, HPT_RETRY_RECONNECT);
    }
    g_assert_cmpuint(hpt_db_pending(db), ==, 0);
}

static void test_deadline(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    hpt_db_set_timeout(db, 100000);
    g_assert_null(hpt_db_rows_text(db, "select pg_sleep(60)", NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_assert_false(hpt_db_alive(db));
}

typedef struct {
    size_t begun, rows, stop_after;
    int64_t sum;
    uint32_t type;
    bool null_seen;
} Counter;

static bool count_begin(const HptDbColumn *columns, size_t count, void *user, GError **error)
{
    Counter *counter = user;
    (void)error;
    counter->begun++;
    counter->type = count > 0 ? columns[0].type : 0;
    return true;
}

static bool count_row(const HptDbText *values, size_t count, void *user, GError **error)
{
    Counter *counter = user;
    counter->rows++;
    for (size_t i = 0; i < count; i++)
        counter->null_seen |= values[i].text == NULL;
    counter->sum += values[0].text == NULL ? 0 : (int64_t)values[0].length;
    if (counter->stop_after == 0 || counter->rows < counter->stop_after)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "enough");
    return false;
}

static void test_stream(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    Counter counter = {0};
    HptDbStream stream = {.sql = "select g::bigint, null from generate_series(1, 100000) g",
                          .begin = count_begin,
                          .row = count_row,
                          .user = &counter};
    g_assert_true(hpt_db_stream(db, &stream, &error));
    g_assert_cmpuint(counter.rows, ==, 100000);
    g_assert_cmpuint(counter.begun, ==, 1);
    g_assert_cmpuint(counter.type, ==, HPT_OID_INT8);
    g_assert_true(counter.null_seen);

    counter = (Counter){.stop_after = 5};
    stream.sql = "select generate_series(1, 1000000000)";
    g_assert_false(hpt_db_stream(db, &stream, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);
    g_assert_cmpuint(counter.rows, ==, 5);
    g_clear_error(&error);

    /* No rows still has columns; and the connection is as good as new. */
    counter = (Counter){0};
    stream.sql = "select 'x'::text where false";
    g_assert_true(hpt_db_stream(db, &stream, &error));
    g_assert_cmpuint(counter.begun, ==, 1);
    g_assert_cmpuint(counter.type, ==, HPT_OID_TEXT);
    g_assert_cmpuint(counter.rows, ==, 0);
}

static void test_stream_refusals(void)
{
    static const struct {
        const char *sql, *words;
        HptErrorCode code;
    } cases[] = {
        {"create table t (a int)", "read-only", HPT_ERROR_USAGE},
        {"select 1; select 2", "multiple commands", HPT_ERROR_DATA},
        {"select\n  nonsense", "line 2, column 3", HPT_ERROR_DATA},
        {"selec 1", "line 1, column 1", HPT_ERROR_DATA},
        {"select 1/0", "division by zero", HPT_ERROR_DATA},
        {"select pg_sleep(60)", "statement timeout", HPT_ERROR_DB},
        {"copy (select 1) to stdout", "psql", HPT_ERROR_USAGE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(HptDb) db = open_db();
        bool hangs = strstr(cases[i].sql, "pg_sleep") != NULL;
        HptDbStream stream = {.sql = cases[i].sql, .timeout_us = hangs ? 200000 : 60000000};
        g_assert_false(hpt_db_stream(db, &stream, &error));
        g_assert_error(error, HPT_ERROR, (int)cases[i].code);
        g_assert_nonnull(strstr(error->message, cases[i].words));
        if (hpt_db_alive(db)) {
            g_clear_error(&error);
            g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_PING, NULL, &error);
            g_assert_no_error(error);
        }
    }
}

static void test_stream_path(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    Counter counter = {0};
    g_assert_true(hpt_db_exec_text(db,
                                   "create schema s; create table s.t (a int);"
                                   " insert into s.t values (1)",
                                   &error));
    HptDbStream stream = {.sql = "select a from t",
                          .search_path = "s",
                          .begin = count_begin,
                          .row = count_row,
                          .user = &counter};
    g_assert_true(hpt_db_stream(db, &stream, &error));
    g_assert_cmpuint(counter.rows, ==, 1);
    /* Only for that transaction. */
    g_assert_null(hpt_db_rows_text(db, "select a from t", NULL, &error));
}

static void test_refused(void)
{
    static const struct {
        const char *dsn, *words;
        HptRetry retry;
    } cases[] = {
        {"host=/nonexistent dbname=x user=y", "/nonexistent:5432/x as y", HPT_RETRY_RECONNECT},
        {"host=127.0.0.1 port=1 dbname=x user=y password=hunter2", "127.0.0.1:1/x as y",
         HPT_RETRY_RECONNECT},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_db_open(cases[i].dsn, "unit test", &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
        g_assert_nonnull(strstr(error->message, cases[i].words));
        g_assert_null(strstr(error->message, "hunter2"));
        g_assert_null(strchr(error->message, '\n'));
        g_assert_cmpint(hpt_db_retry_class(error), ==, cases[i].retry);
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_db_open("hosst=x", "unit test", &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    g_clear_error(&error);
    g_autofree char *other =
        dsn == NULL ? NULL : g_strconcat(dsn, " dbname=no_such_database", NULL);
    if (other == NULL)
        return;
    g_assert_null(hpt_db_open(other, "unit test", &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_assert_cmpint(hpt_db_retry_class(error), ==, HPT_RETRY_NO);
}

/* Variables of libpq neither choose the server nor change the session; they are there again. */
static void test_environment(void)
{
    g_setenv("PGHOST", "/nonexistent", true);
    g_setenv("PGPORT", "1", true);
    g_setenv("PGDATABASE", "wrong", true);
    g_setenv("PGUSER", "wrong", true);
    g_setenv("PGSERVICE", "wrong", true);
    g_setenv("PGOPTIONS", "-c work_mem=99MB", true);
    g_setenv("PGTZ", "America/New_York", true);
    g_autoptr(HptDb) db = open_db();
    g_autoptr(HptRows) rows =
        ask(db,
            "select current_setting('work_mem'), current_setting('timezone'),"
            " current_setting('application_name'), current_setting('client_encoding')",
            NULL);
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 0), !=, "99MB");
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 1), ==, "UTC");
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 2), ==, "unit test");
    g_assert_cmpstr(hpt_rows_peek_text(rows, 0, 3), ==, "UTF8");
    g_assert_cmpstr(g_getenv("PGHOST"), ==, "/nonexistent");
    g_assert_cmpstr(g_getenv("PGTZ"), ==, "America/New_York");
    g_assert_null(g_getenv("PGDATESTYLE"));
    g_unsetenv("PGHOST");
    g_unsetenv("PGPORT");
    g_unsetenv("PGDATABASE");
    g_unsetenv("PGUSER");
    g_unsetenv("PGSERVICE");
    g_unsetenv("PGOPTIONS");
    g_unsetenv("PGTZ");
}

static void test_retry_statement(void)
{
    /* Fails twice, then succeeds: a sequence keeps what a rolled back transaction undid. */
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = open_db();
    g_assert_true(
        hpt_db_exec_text(db,
                         "create sequence tries;"
                         "create function flaky() returns bigint language plpgsql as $$"
                         " begin if nextval('tries') < 3 then raise serialization_failure; end if;"
                         " return currval('tries'); end $$",
                         &error));
    g_autoptr(HptRows) rows = hpt_db_rows_text(db, "select flaky()", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(hpt_rows_int8(rows, 0, 0), ==, 3);
}

static void test_backoff(void)
{
    HptBackoff backoff = {0};
    int64_t least = INT64_MAX, most = 0, last = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t wait = hpt_backoff_next_us(&backoff);
        g_assert_cmpint(wait, >=, 200000);
        g_assert_cmpint(wait, <=, MAX(last * 3, 400000));
        least = MIN(least, wait);
        most = MAX(most, wait);
        last = wait;
    }
    g_assert_cmpint(most, <=, 30000000);
    g_assert_cmpint(most, >, 5000000);
    g_assert_cmpint(least, <, 5000000);
}

static void test_quote(void)
{
    g_autofree char *name = hpt_db_quote_name("a\"b");
    g_autofree char *text = hpt_db_quote_text("it's \\ x");
    g_assert_cmpstr(name, ==, "\"a\"\"b\"");
    g_assert_cmpstr(text, ==, "E'it''s \\\\ x'");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/db/backoff", test_backoff);
    g_test_add_func("/db/quote", test_quote);
    g_test_add_func("/db/refused", test_refused);
    const char *server = g_getenv("TEST_SERVER");
    bool there = server != NULL && server[0] != '\0';
    dsn = there ? server_database("u_db") : NULL;
    if (there) {
        g_test_add_func("/db/scalars", test_scalars);
        g_test_add_func("/db/large", test_large);
        g_test_add_func("/db/fill", test_fill);
        g_test_add_func("/db/nulls", test_nulls);
        g_test_add_func("/db/arrays", test_arrays);
        g_test_add_func("/db/statement-checks", test_statement_checks);
        g_test_add_func("/db/errors", test_errors);
        g_test_add_func("/db/pipeline", test_pipeline);
        g_test_add_func("/db/group", test_group);
        g_test_add_func("/db/poll", test_poll);
        g_test_add_func("/db/lost", test_lost);
        g_test_add_func("/db/lost-pipeline", test_lost_pipeline);
        g_test_add_func("/db/deadline", test_deadline);
        g_test_add_func("/db/stream", test_stream);
        g_test_add_func("/db/stream-refusals", test_stream_refusals);
        g_test_add_func("/db/stream-path", test_stream_path);
        g_test_add_func("/db/environment", test_environment);
        g_test_add_func("/db/retry-statement", test_retry_statement);
    }
    int status = g_test_run();
    if (there)
        server_drop("u_db");
    g_free(dsn);
    return status;
}
