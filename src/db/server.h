/* PostgreSQL's own programs: where they are, how they are run. For src/db alone. */
#ifndef HPT_DB_SERVER_H
#define HPT_DB_SERVER_H

#include "db/process.h"

/* The folder with initdb and postgres: HPT_PGBIN, --with-pg-bindir, pg_config --bindir, the newest
 * of /usr/lib/postgresql, PATH. major 0 takes the first, else the first of that major version.
 * Fails UNSUPPORTED. Owned. */
char *server_bindir(int major, GError **error) HPT_WARN_UNUSED;

/* The account that a new server gets: the caller's, or for root "postgres", else "nobody". */
bool server_account_new(Account *account, GError **error) HPT_WARN_UNUSED;

/* The account of a server that exists: the owner of its data. */
bool server_account_of(const char *folder, Account *account, GError **error) HPT_WARN_UNUSED;

/* initdb into folder/pg, with hpt's settings. */
bool server_init(const char *folder, Account account, GError **error) HPT_WARN_UNUSED;

/* Where the socket lies, as clients name it; folder/run or a short path. Owned. */
char *server_socket_folder(const char *folder);

/* Makes the socket's folder, private to the account, and remembers it when it is not folder/run. */
bool server_socket_make(const char *folder, Account account, GError **error) HPT_WARN_UNUSED;

/* Removes the socket's folder, if it is outside and empty. */
void server_socket_clear(const char *folder);

/* In a child: become the account and turn into the server. Returns only on failure, with the step
 * that failed and errno. */
const char *server_exec(const char *folder, const char *bindir, Account account, pid_t keeper);

/* State in postmaster.pid: "ready", "starting", "stopping", … and the pid; false without one. */
bool server_read_pid(const char *folder, pid_t *pid, char state[16]);

/* How long a start may take: start_wait of folder/config. */
int64_t server_start_wait(const char *folder);

/* The last line of the server's log, "" without one. Owned. */
char *server_last_words(const char *folder);

#endif
