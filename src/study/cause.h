/* What differs between two environments, and which of it the likeliest cause of another result is.
 *
 * Ranked by what changes numbers most directly: the command, its libraries, its packages, threads and
 * BLAS kernels, the CPU, the GPU, the kernel, locale and time zone, other variables, limits, the
 * machine. Names that are another at every start (boot_id) or say only where something is are no
 * cause.
 */
#ifndef HPT_STUDY_CAUSE_H
#define HPT_STUDY_CAUSE_H

#include "study/recorded.h"

typedef enum {
    HPT_CAUSE_NOISE, /* runs here differ among themselves */
    HPT_CAUSE_INPUT,
    HPT_CAUSE_CODE,
    HPT_CAUSE_COMMAND,
    HPT_CAUSE_LIBRARY,
    HPT_CAUSE_PACKAGE,
    HPT_CAUSE_THREADS, /* and kernels of BLAS */
    HPT_CAUSE_CPU,
    HPT_CAUSE_GPU,
    HPT_CAUSE_KERNEL,
    HPT_CAUSE_LOCALE, /* and time zone */
    HPT_CAUSE_VARIABLE,
    HPT_CAUSE_LIMIT,
    HPT_CAUSE_MACHINE,
    HPT_CAUSE_NONE, /* differs and matters to nobody */
} HptCauseKind;
/* "threads and BLAS" …; static. */
const char *hpt_cause_name(HptCauseKind kind);

/* Of an item of the environment record. */
HptCauseKind hpt_cause_of(const char *kind, const char *name);

/* Is the file, absolute, where systems have theirs? */
bool hpt_cause_is_system(const char *path);

/* Of a file that is another now, by its path. */
HptCauseKind hpt_cause_of_file(const char *path, bool system);

typedef struct {
    HptCauseKind cause;
    char *kind, *name; /* of the item */
    char *then, *now;  /* NULL: it was not there, it is not */
} HptCause;
void hpt_cause_free(HptCause *difference);

/* What differs, likeliest cause first, then by kind and name; of HptCause, owned. Both lists
 * are sorted by kind and name. A variable whose value only one of them has, and the other its name alone
 * (kind hidden), is no difference. */
GPtrArray *hpt_causes_between(const GPtrArray *then, const GPtrArray *now);

GPtrArray *hpt_causes_new(void);
/* Appends one at its place. */
void hpt_causes_add(GPtrArray *list, HptCauseKind cause, const char *kind, const char *name,
                         const char *then, const char *now);

/* For the record: [{"cause":…,"item":"KIND NAME","then":…,"now":…},…], canonical, causes alone.
 * Owned. */
char *hpt_causes_json(const GPtrArray *list);

#endif
