/* The files that a trial read, wrote, ran, made and removed: what its tracer saw.
 *
 * The tracer is hpt-contain; docs/design/tracing.md says how it sees and what it cannot see. A file
 * is here once, by the name that the kernel gives it (absolute, without symbolic links but the last
 * part where the link itself was the object), at the time of its first use. Directories are here
 * only if they were renamed; devices, FIFOs, sockets, /proc and /sys never. What was looked for and
 * not found is not here.
 *
 * dev, ino, mode, size and times are those at first use, before the trial could change the file; of
 * one that the trial made, those of just after. The file may have changed since: compare with a
 * stat of your own.
 *
 * content is what was in a file in the folder of which changes are kept, before the trial changed,
 * replaced or removed it. It lives as long as the trace, has no name on any disk, and so needs no
 * cleaning up.
 */
#ifndef HPT_RUN_TRACE_H
#define HPT_RUN_TRACE_H

#include "base/error.h"
#include "run/tracefile.h"

typedef struct {
    const char *path; /* any bytes but NUL */
    uint32_t roles;   /* HptTraceRole, of this trial */
    uint32_t before;  /* a persistent worker's: of its start and its trials before; else 0 */
    uint32_t mode; /* 0: made and gone again before it could be looked at; dev … ctime are 0 then */
    uint64_t dev, ino;
    int64_t size, mtime_ns, ctime_ns;
    HptTraceKeep keep;
    const void *content; /* KEPT: content_bytes of it */
    size_t content_bytes;
} HptTraceFile;

typedef struct {
    bool complete;
    bool refused;              /* nothing was traced: the system does not allow it here */
    const char *reason;        /* what may be missing, one line, UTF-8; NULL when complete */
    const HptTraceFile *files; /* in byte order of path */
    size_t n;
    bool shared; /* a persistent worker's: files with before hold what this trial may use, too */
} HptTrace;

/* From the helper's files, which it takes: fd (-1: it sent none) and, if there are copies, kept
 * (else -1). Never NULL: what cannot be read is a trace that is not complete. */
HptTrace *hpt_trace_take(int fd, int kept);
/* Says that something is missing; the first reason counts. */
void hpt_trace_limit(HptTrace *trace, const char *reason);
void hpt_trace_free(HptTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTrace, hpt_trace_free)

/* How many have one of these roles. */
size_t hpt_trace_count(const HptTrace *trace, uint32_t roles);

#endif
