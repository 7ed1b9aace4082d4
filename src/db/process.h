/* Looking at processes through /proc, and small child processes. For src/db alone. */
#ifndef HPT_DB_PROCESS_H
#define HPT_DB_PROCESS_H

#include "base/error.h"

#include <sys/stat.h>
#include <sys/types.h>

/* The whole number that text begins with, 0 if with none: "15.20 (Debian)" is 15. */
int64_t leading_number(const char *text);

/* Whether the process exists and is more than a zombie. */
bool process_alive(pid_t pid);

/* Whether its current folder is the one that where describes (by device and inode). */
bool process_is_in(pid_t pid, const struct stat *where);

/* The same, and it is PostgreSQL: a shell that somebody left there is none. */
bool process_is_server(pid_t pid, const struct stat *where);

/* Live processes of PostgreSQL whose current folder is where; appends pid_t to out. */
void servers_in(const struct stat *where, GArray *out);

/* Accounts: who a child shall become. uid 0 or the own one means no change. */
typedef struct {
    uid_t uid;
    gid_t gid;
} Account;

/* In a child: become the account for good, keeping only the right to pass folders that are closed
 * to it (CAP_DAC_OVERRIDE, ambient) where the kernel allows that. Names the failed step; 0 is
 * success. Async-signal-safe. */
const char *process_become(Account account);

/* The same without keeping anything. */
const char *process_become_owner(Account account);

/* Runs a program to its end, its stdin empty, its output and errors together in *output (cut to the
 * last 4 KiB). folder (may be NULL) is where it runs. An interrupting signal that is pending ends
 * it: the signal's number is in *interrupted, which is otherwise 0. Fails if it could not be run or
 * its status is not 0. */
bool process_run(const char *const *argv, const char *folder, Account account, char **output,
                 int *interrupted, GError **error) HPT_WARN_UNUSED;

/* Removes a tree; what is not there is no failure. */
bool tree_remove(const char *path, GError **error) HPT_WARN_UNUSED;

/* flock(LOCK_EX) tried until deadline_us of the monotonic clock; false and errno when over. */
bool lock_wait(int fd, int64_t deadline_us);

/* A pause of at most 10 ms between two looks at something that no event tells of. */
void pause_briefly(void);

#endif
