/* What hpt-run and its helper hpt-contain say to each other, by packets on a socket that is the
 * helper's descriptor 3. Both are of one build, so structs go as they are. libc only.
 *
 *   hpt-run → helper   one HptContainOrder for each child, with its descriptors (SCM_RIGHTS): stdin,
 *                      stdout, stderr, those that become its 3, 4 …, and a file of its words;
 *                      then packets of one byte: a signal for the command's process group, or 0: a
 *                      mark, what is traced from now on is of the next trial
 *   helper → hpt-run   HptContainReport: FAULT (the command was never run), or ENDED and then GONE,
 *                      or one packet that says both. After FAULT and after GONE without survivors it
 *                      waits for the next order; a signal that comes too late is for nobody. MARK is
 *                      the answer to a mark. With MARK and GONE of a child that is traced come the
 *                      files of run/tracefile.h (SCM_RIGHTS): the trace, and copies if there are any.
 * The end of the stream means for the helper that hpt-run is gone, and for hpt-run that the helper
 * is.
 */
#ifndef HPT_RUN_WIRE_H
#define HPT_RUN_WIRE_H

#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>

#define HPT_CONTAIN_FD 3
#define HPT_CONTAIN_PATH_MAX 4096

typedef enum {
    HPT_CONTAIN_SUBREAPER,
    HPT_CONTAIN_NAMESPACE,
    HPT_CONTAIN_CGROUP,
} HptContainMode;
#define HPT_CONTAIN_MODE_NAMES {"subreaper", "namespace", "cgroup"}

typedef enum {
    HPT_STEP_NONE,
    HPT_STEP_CONTAIN, /* of ours: the detail says which part */
    HPT_STEP_GROUP,
    HPT_STEP_DIRECTORY,
    HPT_STEP_STREAMS,
    HPT_STEP_EXEC,
} HptStep;

enum { HPT_CONTAIN_FDS_MAX = 16 };

/* The file of words holds, each with a NUL: the directory, the arguments, the environment; if it is to be
 * traced, three folders or empty words: changes below the first and not below the second are kept, in
 * the third. */
typedef struct {
    int32_t n_argv; /* 0: a question only, whether the mode can be had; no descriptors */
    int32_t n_env;
    int32_t has_directory, has_cpus, is_traced;
    int32_t is_preloaded; /* traced by a library (run/tracecall.h), not by the kernel */
    int64_t words_bytes;
    int64_t limit_mem_bytes, limit_cpu_us; /* 0: none */
    cpu_set_t cpus;
} HptContainOrder;

typedef enum {
    HPT_CONTAIN_FAULT = 1,
    HPT_CONTAIN_ENDED = 2,
    HPT_CONTAIN_GONE = 4,
    HPT_CONTAIN_MARK = 8,
} HptContainWhat;
typedef enum { HPT_LIMIT_NONE, HPT_LIMIT_MEM, HPT_LIMIT_CPU } HptLimit;

typedef struct {
    int32_t what; /* HptContainWhat, or-ed */
    /* FAULT */
    int32_t step, errnum;
    /* ENDED */
    int32_t status; /* as wait(2) gives it */
    int32_t limit;  /* that ended it */
    int64_t seen;   /* of what is limited, when it was ended: bytes or µs; 0: only the kernel knows */
    int64_t ended_us; /* CLOCK_MONOTONIC */
    int64_t floor_bytes;
    struct rusage usage; /* of the command and what it waited for */
    /* GONE */
    int64_t left_behind, orphans_user_us, orphans_system_us, orphans_maxrss_kib;
    int32_t survivors;
} HptContainReport;

#endif
