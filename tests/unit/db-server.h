/* A database of its own for a unit test, on the server that TEST_SERVER names. */
#ifndef HPT_TESTS_DB_SERVER_H
#define HPT_TESTS_DB_SERVER_H

#include "db/db.h"

#include <unistd.h>

/* NULL after g_test_skip when there is no server. */
static inline char *server_database(const char *name)
{
    const char *server = g_getenv("TEST_SERVER");
    if (server == NULL || server[0] == '\0') {
        g_test_skip("no TEST_SERVER");
        return NULL;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = hpt_db_open(server, "unit test", &error);
    g_assert_no_error(error);
    g_autofree char *drop = g_strdup_printf("drop database if exists %s_%d", name, getpid());
    g_autofree char *create = g_strdup_printf("create database %s_%d", name, getpid());
    g_assert_true(hpt_db_exec_text(db, drop, &error));
    g_assert_true(hpt_db_exec_text(db, create, &error));
    return g_strdup_printf("%s dbname=%s_%d", server, name, getpid());
}

static inline void server_drop(const char *name)
{
    g_autoptr(HptDb) db = hpt_db_open(g_getenv("TEST_SERVER"), "unit test", NULL);
    g_autofree char *drop =
        g_strdup_printf("drop database if exists %s_%d with (force)", name, getpid());
    g_assert_true(db != NULL && hpt_db_exec_text(db, drop, NULL));
}

#endif
