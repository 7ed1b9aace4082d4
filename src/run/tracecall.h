/* What the preloaded library hpt-trace.so says to hpt-contain: a packet on a connection of its own for
 * each call, which the helper closes when it has looked. Both are of one build. libc only.
 *
 *   HptTraceCall, then its texts, each with the NUL that ends it
 */
#ifndef HPT_RUN_TRACECALL_H
#define HPT_RUN_TRACECALL_H

#include <stdint.h>

#define HPT_TRACE_LIBRARY "hpt-trace.so"
#define HPT_TRACE_VARIABLE "HPT_TRACE" /* of the environment: the abstract name of the helper's socket */
enum { HPT_TRACE_CALL_MAX = 1 << 16 }; /* bytes, texts and all; what is longer is not taken */

/* Instead of a system call's number. */
enum {
    HPT_TRACE_CALL_LOADED = -1, /* files that are mapped as libraries */
    HPT_TRACE_CALL_SEARCH = -2, /* a program that is looked for, and in which folders (PATH) */
    HPT_TRACE_CALL_MADE = -3,   /* a file that was just made under a name of libc's choice */
};

typedef struct {
    int32_t call;      /* SYS_openat, …, which take the texts as the kernel does, or one of the above */
    int32_t pid, tid;  /* of the caller, as it sees itself */
    int32_t at, to_at; /* the folders of the first and of the second text */
    uint32_t flags;
} HptTraceCall;

#endif
