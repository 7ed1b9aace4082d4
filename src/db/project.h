/* Which database a tool talks to, and where a project's files are.
 *
 * --dsn > HPT_DSN > "dsn" of the nearest .hpt/config upwards. The search stops at the boundary of
 * the file system and at the folders listed in HPT_CEILING (colon-separated). A .hpt that belongs
 * to somebody else is refused unless the user's own configuration lists it as safe_directory. PG*
 * variables never choose the server.
 */
#ifndef HPT_DB_PROJECT_H
#define HPT_DB_PROJECT_H

#include "db/db.h"

/* The least role that does the job; on a given server the DSN's user decides. */
typedef enum {
    HPT_ROLE_READER,
    HPT_ROLE_WRITER,
    HPT_ROLE_OWNER, /* hpt-init */
} HptRole;

typedef struct {
    const char *dsn;              /* --dsn or NULL */
    const char *directory;        /* -C or NULL: the current one */
    const char *application_name; /* the tool's name */
    HptRole role;
    HptNote note; /* told when a private server is started; may be NULL */
} HptProjectOptions;

typedef struct HptProject HptProject;

/* Finds the database, starts the private server if it is down, connects, and checks that schema
 * and tool fit. Fails HPT_ERROR_DB_CONNECT with a hint. */
HptProject *hpt_project_open(const HptProjectOptions *options, GError **error) HPT_WARN_UNUSED;
void hpt_project_close(HptProject *project);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptProject, hpt_project_close)

/* Where the files of the project are, whether its database is there or not; owned. Fails as hpt_project_open does. */
char *hpt_project_locate(const HptProjectOptions *options, GError **error) HPT_WARN_UNUSED;

/* The connection; borrowed, lives as long as the project. */
HptDb *hpt_project_get_db(const HptProject *project);

/* One more connection to the same place (starting the private server again if it went down). */
HptDb *hpt_project_connect(const HptProject *project, GError **error) HPT_WARN_UNUSED;

/* hpt_db_reopen of the project's connection, starting the private server again if it is down. */
bool hpt_project_reopen(HptProject *project, GError **error) HPT_WARN_UNUSED;

/* Absolute folder for objects, trials and spool: .hpt, or $XDG_DATA_HOME/hpt/<hash of DSN> for a
 * DSN without one (made when missing, mode 0700). Borrowed. */
const char *hpt_project_peek_folder(const HptProject *project);

/* The DSN in use, without passwords; borrowed. "psql DSN" works with it. */
const char *hpt_project_peek_dsn(const HptProject *project);

/* ---- for hpt-init ---- */

/* hpt_project_open without the check of the schema. */
HptProject *hpt_project_open_unchecked(const HptProjectOptions *options,
                                       GError **error) HPT_WARN_UNUSED;

/* The nearest .hpt of directory (NULL: the current one) or above; *folder is owned, NULL when there
 * is none. Fails DB_CONNECT when it belongs to somebody else. */
bool hpt_project_find(const char *directory, char **folder, GError **error) HPT_WARN_UNUSED;

/* A connection string without its secrets, in keyword form, owned; *has_password (may be NULL)
 * tells whether there were any. Fails HPT_ERROR_USAGE. */
char *hpt_dsn_public(const char *dsn, bool *has_password, GError **error) HPT_WARN_UNUSED;

#endif
