/* What hpt-contain hands over about the files of a trial: a file in memory, read by run/trace.c.
 * Both are of one build. libc only.
 *
 *   HptTraceHead, then n_files times HptTraceItem and its path: path_bytes with the NUL that ends
 * it, filled up with NULs to a multiple of eight
 */
#ifndef HPT_RUN_TRACEFILE_H
#define HPT_RUN_TRACEFILE_H

#include <stdint.h>

/* What a trial did with a file, or-ed. */
typedef enum {
    HPT_TRACE_READ = 1,     /* opened for reading with content from before the trial: an input */
    HPT_TRACE_OWN = 2,      /* opened for reading what the trial itself had made */
    HPT_TRACE_WRITE = 4,    /* opened for writing, or cut */
    HPT_TRACE_EXEC = 8,     /* run: a program, a script, or what the kernel loads to run them; and READ or OWN */
    HPT_TRACE_CREATED = 16, /* was not there before */
    HPT_TRACE_DELETED = 32,
    HPT_TRACE_RENAMED_FROM = 64, /* is not under this name any more */
    HPT_TRACE_RENAMED_TO = 128,
} HptTraceRole;

/* Of the content before the first change. */
typedef enum {
    HPT_TRACE_NOT_KEPT, /* nothing changed it, or it is not in the folder of which changes are kept
                         */
    HPT_TRACE_KEPT,
    HPT_TRACE_TOO_LARGE,   /* it or all together */
    HPT_TRACE_KEEP_FAILED, /* could not be read, or no room */
} HptTraceKeep;

#define HPT_TRACE_KEEP_ONE_MAX (INT64_C(64) << 20)
#define HPT_TRACE_KEEP_ALL_MAX (INT64_C(256) << 20)
#define HPT_TRACE_KEEP_ALIGN                                                                       \
    4096 /* where a copy begins: what can be mapped, and shared by the file system */
#define HPT_TRACE_REASON_MAX 192

typedef struct {
    uint64_t n_files, bytes; /* all of it */
    uint32_t complete, refused;
    char reason[HPT_TRACE_REASON_MAX]; /* when not complete; any bytes */
} HptTraceHead;

typedef struct {
    uint32_t roles;  /* HptTraceRole */
    uint32_t before; /* of a persistent worker: in the trials before, and before the first */
    uint32_t mode;   /* as of stat; 0: never seen */
    uint32_t keep;   /* HptTraceKeep */
    uint64_t dev, ino;
    int64_t size, mtime_ns, ctime_ns;
    int64_t kept_at, kept_bytes; /* in the file of copies */
    uint32_t path_bytes, unused;
} HptTraceItem;

#endif
