/* Before a recorded run is run again: what is there of what it had, and what differs.
 *
 * hpt_preflight_new also makes this process what hpt-run was then, as far as it may: working
 * directory, umask, soft limits, CPUs, addresses. That holds until the next one.
 */
#ifndef HPT_STUDY_PREFLIGHT_H
#define HPT_STUDY_PREFLIGHT_H

#include "record/software.h"
#include "run/gpus.h"
#include "study/cause.h"
#include "study/restore.h"

#include <sched.h>

typedef enum {
    HPT_CHECK_SAME,
    HPT_CHECK_DIFFERS,
    HPT_CHECK_MISSING, /* so that it cannot be run */
    HPT_CHECK_UNKNOWN, /* the record does not say */
} HptCheckState;
const char *hpt_check_name(HptCheckState state);

typedef struct {
    const char *what; /* trial, command line, command, directory, environment …; static */
    char *item;       /* of it, or NULL */
    HptCheckState state;
    char *then, *now, *note; /* for people; NULL: none */
} HptCheck;

/* All borrowed, but for the time of the call alone. */
typedef struct {
    const HptRecorded *recorded;
    const char *project; /* the folder that relative directories are below; NULL: as recorded */
    const char *folder;  /* where the trial's folder will be made; checkpoints are restored there */
    const char *const *environment; /* environ */
    const char *const *sets;        /* "NAME=VALUE": instead of what is recorded; may be NULL */
    bool variables_of_now;          /* all variables as they are in environment */
    bool fix_addresses;
    bool in_place; /* in the project as it is, with its code and inputs of now */
    const cpu_set_t *cpus; /* that we may use, when the tool began */
    const HptObjects *objects;
} HptPreflightInput;

typedef struct {
    GArray *checks; /* of HptCheck */
    HptEnvironment *environment;
    GPtrArray *differences; /* of the environment, of HptCause, likeliest cause first */
    char **variables;       /* as hpt-run had them: what the environment says */
    char **env;             /* of the command: with those of --cores and GPUs, without hpt's own */
    char *resume;           /* the folder of a restored checkpoint, or NULL */
    HptRestored restored;   /* base NULL: it runs in the project as it is */
    bool placed; /* what is restored is seen under its name of then, see run/place.h */
    HptDefinition *definition; /* with the folders of now; NULL: as recorded */
    GPtrArray *code;        /* of HptCause: files that will be used and are others */
    GArray *software;       /* of HptSoftwareFile: the files outside the project, as they are now */
    int64_t written; /* files outside the project that the trial wrote, and so will again; -1: not known */
    char *written_first;    /* one of them, fit for a terminal */
    HptGpus *gpus;          /* held as long as this lives; NULL: none */
} HptPreflight;

void hpt_preflight_free(HptPreflight *preflight);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPreflight, hpt_preflight_free)

/* Fails for faults of ours and of the database; what is missing is a check. */
HptPreflight *hpt_preflight_new(const HptPreflightInput *input, GError **error) HPT_WARN_UNUSED;

/* "command line, command ./train": what is missing, with a hint if there is one, owned; NULL: it
 * can be run. */
char *hpt_preflight_missing(const HptPreflight *preflight);
/* The folder that stands for what had the name restored.base_then, where names have changed; else
 * NULL. Borrowed. */
const char *hpt_preflight_moved(const HptPreflight *preflight);
/* Does the environment differ in what may change a result? */
bool hpt_preflight_differs(const HptPreflight *preflight);

#endif
