/* Opening connections: what libpq is told, and how a failure is named. */
#include "db/internal.h"

#include <string.h>
#include <unistd.h>

/* PG* variables that choose a server or change a session. They are hidden from libpq while it
 * connects, so that a stray PGHOST cannot send an experiment to the wrong server. Those of
 * passwords, service and TLS files stay. */
static const char *const hidden[] = {
    "PGHOST",    "PGHOSTADDR",  "PGPORT",        "PGDATABASE",       "PGUSER",
    "PGSERVICE", "PGOPTIONS",   "PGAPPNAME",     "PGGEQO",           "PGTARGETSESSIONATTRS",
    "PGTZ",      "PGDATESTYLE", "PGREPLICATION", "PGCLIENTENCODING",
};

typedef struct {
    char *saved[G_N_ELEMENTS(hidden)];
} Environment;

static void environment_hide(Environment *env)
{
    for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++) {
        env->saved[i] = g_strdup(g_getenv(hidden[i]));
        g_unsetenv(hidden[i]);
    }
    /* Text that comes back must not depend on the server's settings; a pooler knows these two. */
    g_setenv("PGTZ", "UTC", true);
    g_setenv("PGDATESTYLE", "ISO", true);
}

static void environment_restore(Environment *env)
{
    for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++) {
        if (env->saved[i] == NULL)
            g_unsetenv(hidden[i]);
        else
            g_setenv(hidden[i], env->saved[i], true);
        g_clear_pointer(&env->saved[i], g_free);
    }
}

static void options_free(PQconninfoOption *options)
{
    PQconninfoFree(options);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PQconninfoOption, options_free)

static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (; options != NULL && options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
    return NULL;
}

/* Whether every host of a comma-separated list is this machine. */
static bool is_local(const char *hosts)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "::1", "", NULL};
    if (hosts == NULL)
        return true;
    g_auto(GStrv) list = g_strsplit(hosts, ",", -1);
    for (char **host = list; *host != NULL; host++)
        if (**host != '/' && **host != '@' && !g_strv_contains(local, *host))
            return false;
    return true;
}

static void add(GPtrArray *keywords, GPtrArray *values, const char *keyword, const char *value)
{
    g_ptr_array_add(keywords, g_strdup(keyword));
    g_ptr_array_add(values, g_strdup(value));
}

/* libpq's own system-wide list of authorities is not known before version 16, so a verified
 * connection takes the distribution's, unless the user has a list. */
static const char *system_authorities(void)
{
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    g_autofree char *own = g_build_filename(g_get_home_dir(), ".postgresql", "root.crt", NULL);
    if (access(own, R_OK) == 0)
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        if (access(files[i], R_OK) == 0)
            return files[i];
    return NULL;
}

/* Reads the DSN, completes it, and keeps what libpq shall be given. */
static bool prepare(HptDb *db, const char *dsn, const char *application_name, GError **error)
{
    char *reason = NULL;
    g_autoptr(PQconninfoOption) given = PQconninfoParse(dsn, &reason);
    if (given == NULL) {
        g_autofree char *line = db_one_line(reason == NULL ? "out of memory" : reason);
        PQfreemem(reason);
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "dsn is not a connection string: %s", line);
        return false;
    }
    /* What a service file adds; PQconndefaults reads it through PGSERVICE. */
    const char *service = option(given, "service");
    if (service != NULL)
        g_setenv("PGSERVICE", service, true);
    g_autoptr(PQconninfoOption) filled = PQconndefaults();
    g_unsetenv("PGSERVICE");

    g_autoptr(GPtrArray) keywords = g_ptr_array_new(), values = g_ptr_array_new();
    for (const PQconninfoOption *o = given; o->keyword != NULL; o++)
        if (o->val != NULL && o->val[0] != '\0')
            add(keywords, values, o->keyword, o->val);

    static const char *const defaults[][2] = {
        {"connect_timeout", "10"}, {"keepalives_idle", "15"},     {"keepalives_interval", "5"},
        {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++)
        if (option(given, defaults[i][0]) == NULL && option(filled, defaults[i][0]) == NULL)
            add(keywords, values, defaults[i][0], defaults[i][1]);
    add(keywords, values, "client_encoding", "UTF8");
    if (option(given, "application_name") == NULL)
        add(keywords, values, "application_name", application_name);

    const char *host = option(given, "host");
    if (host == NULL)
        host = option(given, "hostaddr");
    if (host == NULL && service != NULL)
        host = option(filled, "host");
    const char *mode = option(given, "sslmode"), *other = option(filled, "sslmode");
    bool silent = mode == NULL && (other == NULL || strcmp(other, "prefer") == 0);
    if (silent && !is_local(host)) {
        add(keywords, values, "sslmode", "verify-full");
        mode = "verify-full";
    }
    if (mode != NULL && g_str_has_prefix(mode, "verify") && option(given, "sslrootcert") == NULL &&
        option(filled, "sslrootcert") == NULL && system_authorities() != NULL)
        add(keywords, values, "sslrootcert", system_authorities());

    g_ptr_array_add(keywords, NULL);
    g_ptr_array_add(values, NULL);
    db->keywords = (char **)g_ptr_array_free(g_steal_pointer(&keywords), false);
    db->values = (char **)g_ptr_array_free(g_steal_pointer(&values), false);
    return true;
}

/* "host:port/database as user" of a connection, also of one that failed. */
static char *where(PGconn *conn)
{
    g_autoptr(PQconninfoOption) used = PQconninfo(conn);
    const char *host = option(used, "host"), *port = option(used, "port");
    const char *user = option(used, "user"), *database = option(used, "dbname");
    if (host == NULL)
        host = option(used, "hostaddr");
    if (host == NULL)
        host = PQhost(conn);
    return g_strdup_printf("%s:%s/%s as %s", host == NULL ? "local socket" : host,
                           port == NULL ? "5432" : port,
                           database != NULL ? database
                           : user != NULL   ? user
                                            : "?",
                           user == NULL ? "?" : user);
}

/* libpq gives no SQLSTATE for a refused connection. What may get better by waiting is told from
 * what will not by the words libpq and the server use. */
static const char *failure_state(const char *text)
{
    /* Names in quotes are the user's: a path may hold any word. */
    g_autofree char *message = g_strdup(text);
    char *out = message;
    bool quoted = false;
    for (const char *p = text; *p != '\0'; p++) {
        quoted ^= *p == '"';
        if (!quoted)
            *out++ = *p;
    }
    *out = '\0';
    static const struct {
        const char *words, *state;
    } known[] = {
        {"starting up", "57P03"},
        {"shutting down", "57P03"},
        {"recovery mode", "57P03"},
        {"not yet accepting", "57P03"},
        {"too many clients", "53300"},
        {"too many connections", "53300"},
        {"no more connections", "53300"},
        {"connection slots", "53300"},
        {"read-only", "25006"},
        {"password", "28P01"},
        {"certificate", "28000"},
        {"authentication", "28000"},
        {"SSL", "28000"},
        {"does not exist", "3D000"},
        {"definition of service", "28000"},
        {"FATAL:", "28000"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (strstr(message, known[i].words) != NULL)
            return known[i].state;
    return "08001";
}

bool db_connect(HptDb *db, GError **error)
{
    Environment env;
    environment_hide(&env);
    PGconn *conn =
        PQconnectdbParams((const char *const *)db->keywords, (const char *const *)db->values, 0);
    environment_restore(&env);
    g_free(db->where);
    db->where = where(conn);
    if (PQstatus(conn) == CONNECTION_OK && PQsetnonblocking(conn, 1) == 0) {
        db->conn = conn;
        g_clear_pointer(&db->lost, g_free);
        return true;
    }
    g_autofree char *reason = db_one_line(PQerrorMessage(conn));
    PQfinish(conn);
    const char *state = failure_state(reason);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "cannot connect to %s: %s (SQLSTATE %s)%s",
                db->where, reason, state,
                strstr(reason, "root certificate") != NULL
                    ? "\nhint: give the server's authority as sslrootcert=FILE in the dsn"
                    : "");
    return false;
}

/* Notices ("table does not exist, skipping") are for psql users; a library does not print. */
static void drop_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

HptDb *hpt_db_open(const char *dsn, const char *application_name, GError **error)
{
    Environment env;
    g_autoptr(HptDb) db = g_new0(HptDb, 1);
    g_queue_init(&db->pending);
    g_queue_init(&db->done);
    db->dsn = g_strdup(dsn);
    db->timeout_us = 60 * G_USEC_PER_SEC;
    environment_hide(&env);
    bool ready = prepare(db, dsn, application_name, error);
    environment_restore(&env);
    if (!ready || !db_connect(db, error))
        return NULL;
    PQsetNoticeReceiver(db->conn, drop_notice, NULL);
    return g_steal_pointer(&db);
}

bool hpt_db_reopen(HptDb *db, GError **error)
{
    if (db->conn != NULL)
        db_lose(db, "opened again");
    if (!db_connect(db, error))
        return false;
    PQsetNoticeReceiver(db->conn, drop_notice, NULL);
    return true;
}

bool hpt_db_has_standby(const HptDb *db)
{
    for (size_t i = 0; db->keywords[i] != NULL; i++)
        if (g_str_has_prefix(db->keywords[i], "host") && strchr(db->values[i], ',') != NULL)
            return true;
    return false;
}
