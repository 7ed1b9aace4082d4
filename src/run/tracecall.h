/* What the preloaded library hpt-trace.so says to hpt-contain: a packet on a connection of its own for
 * each call, which the helper closes when it has looked. Both are of one build. libc only.
 *
 *   HptTraceCall, then its texts, each with the NUL that ends it
 */
#ifndef HPT_RUN_TRACECALL_H
#define HPT_RUN_TRACECALL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HPT_TRACE_LIBRARY "hpt-trace.so"
/* Of the environment: the abstract name of the helper's socket, and behind a dot how many filters of system calls the
 * helper is under. */
#define HPT_TRACE_VARIABLE "HPT_TRACE"
enum { HPT_TRACE_CALL_MAX = 1 << 16 }; /* bytes, texts and all; what is longer is not taken */

/* Instead of a system call's number. */
enum {
    HPT_TRACE_CALL_LOADED = -1, /* files that are mapped as libraries */
    HPT_TRACE_CALL_SEARCH = -2, /* a program that is looked for, and in which folders (PATH) */
    HPT_TRACE_CALL_MADE = -3,   /* a file that was just made under a name of libc's choice */
    HPT_TRACE_CALL_FORBIDS = -4, /* it is about to forbid itself calls, and says nothing more; the text is empty */
};

/* How many filters a process is under, by its /proc/PID/status; before Linux 5.9 whether it is under any. -1: not said. */
static inline long hpt_trace_filters(const char *status)
{
    static const char *const keys[] = {"\nSeccomp_filters:\t", "\nSeccomp:\t"};
    for (int i = 0; i < 2; i++) {
        const char *found = strstr(status, keys[i]);
        if (found != NULL)
            return strtol(found + strlen(keys[i]), NULL, 10);
    }
    return -1;
}

typedef struct {
    int32_t call;      /* SYS_openat, …, which take the texts as the kernel does, or one of the above */
    int32_t pid, tid;  /* of the caller, as it sees itself */
    int32_t at, to_at; /* the folders of the first and of the second text */
    uint32_t flags;
} HptTraceCall;

#endif
