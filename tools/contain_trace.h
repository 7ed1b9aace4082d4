/* The tracer: answers the system calls that the filter sends, after it has noted which files they
 * are about. For hpt-contain; libc only; there is one. docs/design/tracing.md says why so.
 *
 *     trace_begin(…);                then in the new process, which shares our descriptors:
 *         trace_attach(free_env)     just before exec; what it calls from then on waits for us
 *     trace_started(argv0, …);       what was run
 *     poll trace_get_fd; trace_serve when it is readable
 *     fd = trace_hand_over(goes_on, &kept);
 */
#ifndef HPT_TOOLS_CONTAIN_TRACE_H
#define HPT_TOOLS_CONTAIN_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Folders as of files_begin. preload: by a library that is loaded before others (contain_preload.h);
 * nothing is to be attached then, and the environment changes. */
void trace_begin(const char *below, const char *not_below, const char *spool, bool preload);

/* free_env is the environment of the one execve that is not sent. No allocation. What goes wrong is
 * noted: the command then runs untraced. */
void trace_attach(uintptr_t free_env);

/* The command of this process: argv[0] was looked for in path (of its environment, may be NULL)
 * unless it has a slash, from directory (NULL: ours). */
void trace_started(pid_t pid, const char *program, const char *directory, const char *path);

/* -1: nothing is traced, or nobody is left. */
int trace_get_fd(void);
/* All who were traced have ended: there is nothing to poll any more. */
void trace_deserted(void);
/* One call. */
void trace_serve(void);

/* What was seen, as of files_write. goes_on: what is seen from now on is of the next trial. Else
 * all is forgotten, and what may still be alive is not answered any more. */
int trace_hand_over(bool goes_on, int *kept);

#endif
