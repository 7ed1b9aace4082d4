#include "config.h"

#include "db/migrate-internal.h"

#include "base/digest.h"
#include "db/internal.h"

#include <string.h>

/* One lock for everybody who changes the schema of this database: "hpt" and a number. */
#define LOCK "select pg_catalog.pg_advisory_xact_lock(1752199284, 0)"

/* The steps are a parameter here so that tests can try a database that is ahead or tampered with.
 */

static bool digest_fits(const HptSqlScript *script, const void *stored, size_t length)
{
    HptDigest own = hpt_digest(script->text, strlen(script->text));
    return length == sizeof own.bytes && memcmp(own.bytes, stored, length) == 0;
}

static int last_number(const HptSqlScript *steps)
{
    int last = 0;
    for (; steps->name != NULL; steps++)
        last = steps->number;
    return last;
}

int hpt_schema_version(void)
{
    return last_number(hpt_sql_steps);
}

/* What must be there before the first step: its own record. */
static const char bookkeeping[] =
    "create schema if not exists hpt_record;"
    "create table if not exists hpt_record.schema_step ("
    "    number       integer primary key," /* 0 stands for the views */
    "    name         text not null,"
    "    digest       bytea not null,"
    "    applied_at   timestamptz not null default clock_timestamp(),"
    "    tool_version text not null"
    ")";

static bool is_true(HptDb *db, const char *sql, bool *answer, GError **error)
{
    g_autoptr(HptRows) rows = hpt_db_rows_text(db, sql, NULL, error);
    if (rows == NULL)
        return false;
    *answer = hpt_rows_count(rows) == 1 && hpt_rows_bool(rows, 0, 0);
    return true;
}

/* ---- roles ---- */

/* Missing roles are made if the user may; else everything is the user's own. */
static bool make_roles(HptDb *db, HptNote note, GError **error)
{
    static const char *const roles[] = {"hpt_owner", "hpt_writer", "hpt_reader", "hpt_auditor"};
    bool may, has_all;
    if (!is_true(db,
                 "select count(*) = 4 from pg_catalog.pg_roles"
                 " where rolname in ('hpt_owner', 'hpt_writer', 'hpt_reader', 'hpt_auditor')",
                 &has_all, error) ||
        !is_true(db,
                 "select rolsuper or rolcreaterole from pg_catalog.pg_roles"
                 " where rolname = current_user",
                 &may, error))
        return false;
    if (has_all)
        return true;
    if (!may) {
        if (note != NULL)
            note("this user may not create roles: the record belongs to the user alone "
                 "(hpt_owner, hpt_writer, hpt_reader and hpt_auditor are missing)");
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        /* Roles belong to the whole server: another database may make them at this moment. */
        g_autofree char *sql = g_strdup_printf(
            "do $$ begin create role %s nologin;"
            " exception when duplicate_object or unique_violation then null; end $$",
            roles[i]);
        if (!hpt_db_exec_text(db, sql, error))
            return false;
    }
    return true;
}

/* In a transaction: become the owner of the record. Who that is was decided when it was made. */
static bool become_owner(HptDb *db, GError **error)
{
    /* The role may be there without being ours to take, and ours without the right to make schemas;
     * then the user stays who he is. */
    static const char try_owner[] =
        "do $$ begin"
        " execute format('grant create on database %I to hpt_owner', current_database());"
        " begin"
        "   set local role hpt_owner;"
        " exception when insufficient_privilege then"
        "   execute format('grant hpt_owner to %I', current_user);"
        "   set local role hpt_owner;"
        " end;"
        " if not pg_catalog.has_database_privilege(current_database(), 'create') then"
        "   raise insufficient_privilege;"
        " end if;"
        " exception when insufficient_privilege or undefined_object"
        "   or invalid_parameter_value then null;"
        " end $$";
    g_autoptr(HptRows) rows = hpt_db_rows_text(
        db,
        "select pg_catalog.pg_get_userbyid(nspowner)::text,"
        "       pg_catalog.pg_get_userbyid(nspowner) = current_user"
        " from pg_catalog.pg_namespace where nspname = 'hpt_record'",
        NULL, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0)
        return hpt_db_exec_text(db, try_owner, error);
    if (hpt_rows_bool(rows, 0, 1))
        return true;
    const char *owner = hpt_rows_peek_text(rows, 0, 0);
    g_autofree char *name = hpt_db_quote_name(owner);
    g_autofree char *sql = g_strdup_printf("set local role %s", name);
    if (hpt_db_exec_text(db, sql, error))
        return true;
    g_prefix_error(error, "the schema hpt_record belongs to %s: ", owner);
    return false;
}

/* ---- the recorded steps ---- */

/* Compares what is recorded with what this tool knows; *version is the last recorded step and
 * *views_fit whether the views are the tool's. */
static bool compare(HptDb *db, const HptSqlScript *steps, const HptDigest *views, int *version,
                    bool *views_fit, GError **error)
{
    g_autoptr(HptRows) rows = hpt_db_rows_text(
        db, "select number, name, digest, tool_version from hpt_record.schema_step order by number",
        NULL, error);
    if (rows == NULL)
        return false;
    int last = last_number(steps), found = 0;
    *views_fit = false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        int number = hpt_rows_int4(rows, i, 0);
        size_t length;
        const void *digest = hpt_rows_peek_bytea(rows, i, 2, &length);
        const HptSqlScript *step = steps;
        found = MAX(found, number);
        if (number == 0) {
            *views_fit = length == sizeof views->bytes && memcmp(digest, views->bytes, length) == 0;
            continue;
        }
        if (number > last) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                        "the schema of %s has version %d, made by hpt %s; this is hpt %s, which "
                        "knows version %d\nhint: use a newer hpt",
                        hpt_db_peek_where(db), hpt_rows_int4(rows, hpt_rows_count(rows) - 1, 0),
                        hpt_rows_peek_text(rows, hpt_rows_count(rows) - 1, 3), PACKAGE_VERSION,
                        last);
            return false;
        }
        while (step->name != NULL && step->number != number)
            step++;
        if (step->name == NULL || !digest_fits(step, digest, length)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                        "schema step %d of %s, '%s', is not the one this tool knows", number,
                        hpt_db_peek_where(db), hpt_rows_peek_text(rows, i, 1));
            return false;
        }
    }
    *version = found;
    return true;
}

static bool record(HptDb *db, int number, const char *name, const HptDigest *digest, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int4(args, number);
    hpt_args_text(args, name);
    hpt_args_bytea(args, digest->bytes, sizeof digest->bytes);
    hpt_args_text(args, PACKAGE_VERSION);
    g_autoptr(HptRows) rows =
        hpt_db_rows_text(db,
                         "insert into hpt_record.schema_step (number, name, digest, tool_version)"
                         " values ($1, $2, $3, $4) on conflict (number) do update"
                         " set digest = excluded.digest, applied_at = clock_timestamp(),"
                         "     tool_version = excluded.tool_version",
                         args, error);
    return rows != NULL;
}

static bool run_script(HptDb *db, const char *kind, const HptSqlScript *script, GError **error)
{
    if (hpt_db_exec_text(db, script->text, error))
        return true;
    g_prefix_error(error, "%s %s: ", kind, script->name);
    return false;
}

static HptDigest digest_of_all(const HptSqlScript *scripts)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (; scripts->name != NULL; scripts++) {
        hpt_digester_add(digester, scripts->name, strlen(scripts->name) + 1);
        hpt_digester_add(digester, scripts->text, strlen(scripts->text) + 1);
    }
    return hpt_digester_get(digester);
}

typedef struct {
    const HptSqlScript *steps, *views;
    HptDigest views_digest;
    HptMigration *result;
    bool applied; /* a step was applied by us: the views' grants must follow */
    bool done;
} Migration;

/* One transaction: the next step, or the views, or nothing because all is there. */
static bool advance(HptDb *db, Migration *migration, GError **error)
{
    int version;
    bool views_fit;
    if (!hpt_db_exec_text(db, LOCK, error) || !become_owner(db, error) ||
        !hpt_db_exec_text(db, bookkeeping, error) ||
        !compare(db, migration->steps, &migration->views_digest, &version, &views_fit, error))
        return false;
    if (migration->result->before < 0)
        migration->result->before = version;
    const HptSqlScript *step = migration->steps;
    while (step->name != NULL && step->number <= version)
        step++;
    if (step->name != NULL) {
        HptDigest digest = hpt_digest(step->text, strlen(step->text));
        migration->applied = true;
        migration->result->after = step->number;
        return run_script(db, "schema step", step, error) &&
               record(db, step->number, step->name, &digest, error);
    }
    migration->done = true;
    migration->result->after = version;
    if (views_fit && !migration->applied)
        return true;
    migration->result->views = true;
    for (const HptSqlScript *view = migration->views; view->name != NULL; view++)
        if (!run_script(db, "view", view, error))
            return false;
    return record(db, 0, "views", &migration->views_digest, error);
}

bool migrate_to(HptDb *db, const HptSqlScript *steps, const HptSqlScript *views,
                HptMigration *result, HptNote note, GError **error)
{
    HptMigration outcome = {.before = -1};
    Migration migration = {steps, views, digest_of_all(views), &outcome, false, false};
    if (!make_roles(db, note, error))
        return false;
    while (!migration.done) {
        if (!hpt_db_exec_text(db, "begin", error))
            return false;
        if (!advance(db, &migration, error)) {
            if (hpt_db_alive(db) && !hpt_db_exec_text(db, "rollback", NULL))
                db_lose(db, "rollback failed");
            return false;
        }
        if (!hpt_db_exec_text(db, "commit", error))
            return false;
    }
    if (result != NULL)
        *result = outcome;
    return true;
}

bool hpt_migrate(HptDb *db, HptMigration *result, HptNote note, GError **error)
{
    return migrate_to(db, hpt_sql_steps, hpt_sql_views, result, note, error);
}

/* ---- the check of ordinary tools ---- */

bool hpt_schema_get_version(HptDb *db, int *version, GError **error)
{
    char state[6];
    g_autoptr(GError) failure = NULL;
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_SCHEMA_VERSION, NULL, &failure);
    if (rows != NULL) {
        *version = hpt_rows_int4(rows, 0, 0);
        return true;
    }
    /* No such table, no such schema. */
    if (hpt_db_sqlstate(failure, state) &&
        (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)) {
        *version = 0;
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

bool schema_check_against(HptDb *db, int own, GError **error)
{
    int version;
    if (!hpt_schema_get_version(db, &version, error))
        return false;
    if (version == own)
        return true;
    if (version == 0)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    "%s holds no hpt schema\nhint: run hpt-init", hpt_db_peek_where(db));
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    "the schema of %s has version %d; hpt %s needs version %d\nhint: %s",
                    hpt_db_peek_where(db), version, PACKAGE_VERSION, own,
                    version < own ? "run hpt-init --upgrade" : "use a newer hpt");
    return false;
}

bool hpt_schema_check(HptDb *db, GError **error)
{
    return schema_check_against(db, hpt_schema_version(), error);
}
