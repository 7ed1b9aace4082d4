/* The files of then, in a fresh folder: the code that a trial ran and the inputs that it read, each
 * at its place relative to the project.
 *
 * What is restored is the outer one of two that may lie in one another: the tree of the code and
 * the project, at FOLDER/its whole name, so that "../data" leads to where it led: files outside
 * that were read are links there. Files come from the record; one whose digest alone was recorded
 * comes from the project as it is now, if it is still the same. Links are made last, and nothing is
 * written through one: whatever the record says, nothing outside the fresh folder is written.
 */
#ifndef HPT_STUDY_RESTORE_H
#define HPT_STUDY_RESTORE_H

#include "study/recorded.h"

/* Which file it is about, and what became of it. */
typedef enum {
    HPT_RESTORE_DONE,    /* it is there */
    HPT_RESTORE_TAKEN,   /* not captured then: as it is in the project now */
    HPT_RESTORE_CHANGED, /* another when the trial read it than in the snapshot: as it was read */
    HPT_RESTORE_UNREAD,  /* not captured then, not to be had, and not read by the trial */
    HPT_RESTORE_MISSING, /* it cannot be had; why says the reason */
} HptRestoreState;
typedef void (*HptRestoreFunc)(const char *what, const char *path, HptRestoreState state,
                               const char *why, void *user);

typedef struct {
    const HptRecorded *recorded; /* with code */
    const HptObjects *objects;
    const char *project; /* the project as it is now: where uncaptured files are looked for; may be
                            NULL */
    const char *folder;  /* fresh, absolute, exists */
    HptRestoreFunc func; /* called for what is not simply done */
    void *user;
} HptRestoreSpec;

typedef struct {
    char *base, *base_then; /* the fresh folder, and what it stands for */
    char *directory;        /* where the command runs */
    bool whole; /* base stands for the project, and nothing else of then lies in it */
    int64_t files, bytes;
} HptRestored;
void hpt_restored_clear(HptRestored *restored);

/* Fails HPT_ERROR_IO, HPT_ERROR_DATA for a snapshot that is none, and as hpt_objects_get does for a
 * database that is away; an object that is missing or damaged is for func. *out must be clear. */
bool hpt_restore(const HptRestoreSpec *spec, HptRestored *out, GError **error) HPT_WARN_UNUSED;

/* text with every mention of the folder then replaced by now, where it is one: before "/", ":" or
 * the end, or another character that does not belong to a name. Owned. */
char *hpt_restore_path(const char *text, const char *then, const char *now);

/* The definition with every mention of a folder in its words replaced. Owned. */
HptDefinition *hpt_restore_definition(const HptDefinition *definition, const char *then,
                                      const char *now, GError **error) HPT_WARN_UNUSED;

#endif
