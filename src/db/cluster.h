/* The private server of a project: PostgreSQL in .hpt/pg, reached over a Unix socket alone.
 *
 *   .hpt/pg        data, owned by the account that runs the server
 *   .hpt/run       socket, 0700; a folder in $XDG_RUNTIME_DIR or /tmp when the path is too long
 *   .hpt/pg.log    the server's messages, at most 1 MiB and one older file
 *   .hpt/lock      flock while somebody starts or stops the server
 *   .hpt/keeper    flock for as long as a keeper lives; its text names host, boot and process
 *
 * A keeper process (hpt-init --keeper, started detached by whichever tool needs the server) is
 * the server's parent: it reaps it, bounds its log and stops it when it was idle for long. If the
 * keeper is killed the kernel tells the server to shut down, so a server never runs unkept.
 */
#ifndef HPT_DB_CLUSTER_H
#define HPT_DB_CLUSTER_H

#include "db/project.h"

#include <sys/types.h>

#define HPT_IDLE_STOP_DEFAULT_US (INT64_C(900) * 1000000)
#define HPT_START_WAIT_DEFAULT_US (INT64_C(60) * 1000000)

/* Makes folder/pg with initdb in folder (absolute). A blocked SIGINT, SIGTERM or SIGHUP that is
 * pending ends it. Fails UNSUPPORTED when there is no PostgreSQL, IO, PERMISSION. */
bool hpt_cluster_create(const char *folder, HptNote note, GError **error) HPT_WARN_UNUSED;

/* Makes sure that the server runs; waits for one that is starting or stopping. Does nothing but
 * connect once if it runs. Fails HPT_ERROR_DB_CONNECT. */
bool hpt_cluster_start(const char *folder, HptNote note, GError **error) HPT_WARN_UNUSED;

/* Stops it; done when it is down already. Sessions are ended, what was committed is kept. */
bool hpt_cluster_stop(const char *folder, GError **error) HPT_WARN_UNUSED;

/* Pid of the live server, 0 when it is down. */
pid_t hpt_cluster_pid(const char *folder);

/* Connection string for a role; owned. */
char *hpt_cluster_dsn(const char *folder, HptRole role);

/* The account the server runs under, when it is not the caller's own; owned, else NULL. */
char *hpt_cluster_account(const char *folder);

/* The keeper's main, called by hpt-init --keeper with the status pipe on descriptor 3 and the held
 * lock on 4. Does not return to the caller's code but for the exit status. */
int hpt_cluster_keep(const char *folder);

#endif
