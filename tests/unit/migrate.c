/* Migration on a real server: from nothing, twice, at once, by the wrong tool, after tampering. */
#include "db/migrate-internal.h"

#include "db-server.h"

#include <string.h>

static HptDb *fresh_database(char **dsn)
{
    g_autoptr(GError) error = NULL;
    *dsn = server_database("u_migrate");
    HptDb *db = hpt_db_open(*dsn, "unit test", &error);
    g_assert_no_error(error);
    return db;
}

static void exec(HptDb *db, const char *sql)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_db_exec_text(db, sql, &error));
    g_assert_no_error(error);
}

static char *value(HptDb *db, const char *sql)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptRows) rows = hpt_db_rows_text(db, sql, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(hpt_rows_count(rows), ==, 1);
    return g_strdup(hpt_rows_peek_text(rows, 0, 0));
}

static void assert_value(HptDb *db, const char *sql, const char *wanted)
{
    g_autofree char *got = value(db, sql);
    g_assert_cmpstr(got, ==, wanted);
}

static void test_whole(void)
{
    g_autofree char *dsn = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    HptMigration done;
    g_assert_false(hpt_schema_check(db, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_assert_nonnull(strstr(error->message, "holds no hpt schema\nhint: run hpt-init"));
    g_clear_error(&error);

    g_assert_true(hpt_migrate(db, &done, NULL, &error));
    g_assert_cmpint(done.before, ==, 0);
    g_assert_cmpint(done.after, ==, hpt_schema_version());
    g_assert_true(done.views);
    g_assert_true(hpt_schema_check(db, &error));
    assert_value(db,
                 "select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = 'hpt'",
                 "hpt_owner");
    assert_value(db, "select has_schema_privilege('hpt_reader', 'hpt', 'usage')::text", "true");
    assert_value(db, "select has_schema_privilege('hpt_reader', 'hpt_record', 'usage')::text",
                 "false");

    /* Again: nothing to do. */
    g_assert_true(hpt_migrate(db, &done, NULL, &error));
    g_assert_cmpint(done.before, ==, done.after);
    g_assert_false(done.views);
}

static const HptSqlScript first[] = {{1, "0001_one", "create table hpt_record.one (a int)"},
                                     {0, NULL, NULL}};
static const HptSqlScript both[] = {
    {1, "0001_one", "create table hpt_record.one (a int)"},
    {2, "0002_two", "create table hpt_record.two (a int); insert into hpt_record.two values (2)"},
    {0, NULL, NULL}};
static const HptSqlScript broken[] = {
    {1, "0001_one", "create table hpt_record.one (a int)"},
    {2, "0002_two", "create table hpt_record.two (a int);\nselect nonsense"},
    {0, NULL, NULL}};
static const HptSqlScript edited[] = {{1, "0001_one", "create table hpt_record.one (a bigint)"},
                                      {0, NULL, NULL}};
static const HptSqlScript no_views[] = {
    {0, "schema_step",
     "create schema if not exists hpt; drop view if exists hpt.schema_step;"
     "create view hpt.schema_step as select number as step from hpt_record.schema_step"},
    {0, NULL, NULL}};
static const HptSqlScript other_views[] = {
    {0, "schema_step",
     "create schema if not exists hpt; drop view if exists hpt.schema_step;"
     "create view hpt.schema_step as select number as step, 1 as more from hpt_record.schema_step"},
    {0, NULL, NULL}};

static void test_forward(void)
{
    g_autofree char *dsn = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    HptMigration done;
    g_assert_true(migrate_to(db, first, no_views, &done, NULL, &error));
    g_assert_cmpint(done.after, ==, 1);
    g_assert_false(schema_check_against(db, 2, &error));
    g_assert_nonnull(strstr(error->message, "has version 1; hpt "));
    g_assert_nonnull(strstr(error->message, "needs version 2\nhint: run hpt-init --upgrade"));
    g_clear_error(&error);
    g_assert_true(migrate_to(db, both, no_views, &done, NULL, &error));
    g_assert_cmpint(done.before, ==, 1);
    g_assert_cmpint(done.after, ==, 2);
    g_assert_true(schema_check_against(db, 2, &error));
    assert_value(db, "select a::text from hpt_record.two", "2");
    /* Views alone may change. */
    g_assert_true(migrate_to(db, both, other_views, &done, NULL, &error));
    g_assert_true(done.views);
    assert_value(db, "select min(more)::text from hpt.schema_step", "1");
}

static void test_older_tool(void)
{
    g_autofree char *dsn = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    g_assert_true(migrate_to(db, both, no_views, NULL, NULL, &error));
    exec(db, "update hpt_record.schema_step set tool_version = '9.9.9' where number = 2");
    g_assert_false(migrate_to(db, first, no_views, NULL, NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_assert_nonnull(strstr(error->message, "version 2, made by hpt 9.9.9; this is hpt "));
    g_assert_nonnull(strstr(error->message, "knows version 1\nhint: use a newer hpt"));
    g_clear_error(&error);
    g_assert_false(schema_check_against(db, 1, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
    g_assert_nonnull(strstr(error->message, "use a newer hpt"));
}

static void test_tampered(void)
{
    g_autofree char *dsn = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    g_assert_true(migrate_to(db, first, no_views, NULL, NULL, &error));
    g_assert_false(migrate_to(db, edited, no_views, NULL, NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_clear_error(&error);
    exec(db,
         "update hpt_record.schema_step set digest = set_byte(digest, 31, get_byte(digest, 31) # 1)"
         " where number = 1");
    g_assert_false(migrate_to(db, first, no_views, NULL, NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_assert_nonnull(strstr(error->message, "schema step 1 of "));
}

/* A step that fails leaves the ones before it and nothing of itself. */
static void test_broken_step(void)
{
    g_autofree char *dsn = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    HptMigration done;
    g_assert_false(migrate_to(db, broken, no_views, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "schema step 0002_two: "));
    g_assert_nonnull(strstr(error->message, "line 2, column 8"));
    g_clear_error(&error);
    assert_value(db, "select max(number)::text from hpt_record.schema_step", "1");
    assert_value(db, "select (to_regclass('hpt_record.two') is null)::text", "true");
    g_assert_true(migrate_to(db, both, no_views, &done, NULL, &error));
    g_assert_cmpint(done.after, ==, 2);
}

typedef struct {
    HptDb *db;
    GError *error;
    bool fine;
} Worker;

static gpointer work(gpointer data)
{
    Worker *worker = data;
    worker->fine = hpt_migrate(worker->db, NULL, NULL, &worker->error);
    return NULL;
}

static void test_at_once(void)
{
    g_autofree char *dsn = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    Worker workers[4] = {0};
    GThread *threads[4];
    for (size_t i = 0; i < 4; i++)
        g_assert_nonnull(workers[i].db = hpt_db_open(dsn, "unit test", NULL));
    for (size_t i = 0; i < 4; i++)
        threads[i] = g_thread_new("migrate", work, &workers[i]);
    for (size_t i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        g_assert_no_error(workers[i].error);
        g_assert_true(workers[i].fine);
        hpt_db_close(workers[i].db);
    }
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_schema_check(db, &error));
}

static unsigned notes;

static void count_note(const char *text)
{
    g_assert_nonnull(strstr(text, "may not create roles"));
    notes++;
}

/* A user who may make no roles owns the record himself. */
static void test_plain_user(void)
{
    g_autofree char *dsn = NULL, *dsn_again = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    exec(db, "drop role if exists u_plain");
    exec(db, "create role u_plain");
    exec(db, "do $$ begin execute format('grant create on database %I to u_plain',"
             " current_database()); end $$");
    exec(db, "set session authorization u_plain");
    g_assert_true(hpt_migrate(db, NULL, count_note, &error));
    g_assert_true(hpt_schema_check(db, &error));
    assert_value(db,
                 "select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = 'hpt'",
                 "u_plain");
    exec(db, "reset session authorization");
    /* The roles are there on this server, so there was nothing to tell. */
    g_assert_cmpuint(notes, ==, 0);
    hpt_db_close(g_steal_pointer(&db));
    db = fresh_database(&dsn_again);
    exec(db, "drop role u_plain");
}

/* One who may make roles shares the record with others, though he is no superuser. */
static void test_role_maker(void)
{
    g_autofree char *dsn = NULL, *dsn_again = NULL;
    g_autoptr(HptDb) db = fresh_database(&dsn);
    g_autoptr(GError) error = NULL;
    exec(db, "drop role if exists u_maker");
    exec(db, "create role u_maker createrole");
    exec(db, "do $$ begin execute format('alter database %I owner to u_maker',"
             " current_database()); end $$");
    exec(db, "set session authorization u_maker");
    /* Since PostgreSQL 16 only who made hpt_owner, or is given it, may use it. */
    bool shared = hpt_db_server_version(db) < 160000;
    g_assert_true(hpt_migrate(db, NULL, NULL, &error));
    g_assert_true(hpt_schema_check(db, &error));
    assert_value(db,
                 "select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = 'hpt'",
                 shared ? "hpt_owner" : "u_maker");
    g_assert_true(hpt_migrate(db, NULL, NULL, &error));
    exec(db, "reset session authorization");
    hpt_db_close(g_steal_pointer(&db));
    db = fresh_database(&dsn_again);
    exec(db, "drop role u_maker");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    const char *server = g_getenv("TEST_SERVER");
    if (server == NULL || server[0] == '\0') {
        g_print("1..0 # SKIP no TEST_SERVER\n");
        return 0;
    }
    g_test_add_func("/migrate/whole", test_whole);
    g_test_add_func("/migrate/forward", test_forward);
    g_test_add_func("/migrate/older-tool", test_older_tool);
    g_test_add_func("/migrate/tampered", test_tampered);
    g_test_add_func("/migrate/broken-step", test_broken_step);
    g_test_add_func("/migrate/at-once", test_at_once);
    g_test_add_func("/migrate/plain-user", test_plain_user);
    g_test_add_func("/migrate/role-maker", test_role_maker);
    int status = g_test_run();
    server_drop("u_migrate");
    return status;
}
