/* A recorded run, run again: the same command under the same supervision, in a folder of its own.
 *
 * What it leaves is not recorded: it is measured, hashed and kept for comparison. Pruners do not
 * decide again: a trial that asks whether to go on is told to go on, or to stop where it was stopped.
 */
#ifndef HPT_STUDY_RERUN_H
#define HPT_STUDY_RERUN_H

#include "study/recorded.h"
#include "study/resources.h"

#include <signal.h>

typedef struct {
    char *kind, *path; /* as in HptRecordedOutput */
    int64_t size;      /* of all bytes; -1: could not be read */
    HptDigest digest;  /* of all bytes */
    HptDigest masked;  /* streams: of what a trial would have stored, secrets masked */
    char *text;        /* streams: that, NUL-terminated, if it is not too long; else NULL */
    size_t length;
    char *file;   /* files: where it is */
    char *target; /* links, as path */
} HptRerunOutput;

typedef struct {
    char *outcome, *cause;   /* complete, failed, lost, cancelled */
    int exit_status, signal; /* -1, 0: none */
    int64_t wall_us, user_us, system_us, maxrss_bytes;
    int64_t started_us, ended_us; /* since 1970 */
    char **argv;
    GArray *metrics; /* of HptRecordedMetric, by name */
    GArray *outputs; /* of HptRerunOutput */
    GPtrArray *reads;   /* of char *: files that it read or ran, absolute, bytes; NULL: not traced */
    GHashTable *index; /* "KIND PATH" → position in outputs */
    bool cut_short;    /* by a signal, as a rule once did: see study/halt.h */
} HptRerun;

void hpt_rerun_free(HptRerun *rerun);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptRerun, hpt_rerun_free)

/* NULL: there is none. Borrowed. */
const HptRerunOutput *hpt_rerun_find(const HptRerun *rerun, const char *kind, const char *path);

/* All borrowed. */
typedef struct {
    const HptRecorded *recorded;
    const HptDefinition *definition; /* NULL: as recorded */
    const char *folder;     /* absolute, exists: the trial's own is made in it and stays */
    const char *const *env; /* of the command, without what is the trial's own */
    const char *resume;     /* the restored files it goes on from; NULL: none */
    HptResources *resources;
    /* As in HptWorkerOptions: 1 and 2 send TERM, 3 KILL. */
    const volatile sig_atomic_t *interrupts;
    const sigset_t *sigmask;
} HptRerunSpec;

/* Runs it to its end in our own working directory. Fails for faults of ours only, as
 * hpt_slot_start. */
HptRerun *hpt_rerun(const HptRerunSpec *spec, GError **error) HPT_WARN_UNUSED;

/* The words of the command as they would be run with its folder in folder; owned. */
char **hpt_rerun_words(const HptRecorded *recorded, const char *folder, const char *resume,
                       GError **error) HPT_WARN_UNUSED;

/* Are words those of the record, up to the place of the trial's folder (which is in folder now)? */
bool hpt_rerun_same_words(const HptRecorded *recorded, char **words, const char *folder);

#define HPT_RERUN_TEXT_MAX (64 << 20) /* bytes of an output that are compared as text */

#endif
