/* A code snapshot, asked about files that a trial used: which of its tree it does not have because git ignores them
 * (the settings and data that a commit with all its changes would still lack), and which were others when they were
 * used.
 */
#ifndef HPT_STUDY_TRACKED_H
#define HPT_STUDY_TRACKED_H

#include "record/code.h"

typedef struct HptTracked HptTracked;

/* directory: where the command runs, absolute. It has as many owners as were counted. */
HptTracked *hpt_tracked_new(const char *directory, const HptCode *code);
HptTracked *hpt_tracked_ref(HptTracked *tracked);
void hpt_tracked_unref(HptTracked *tracked);

/* Is it the snapshot of that digest? */
bool hpt_tracked_is(const HptTracked *tracked, const HptDigest *code);

/* Is the file, by its absolute path, in the tree and ignored by git? Not what hpt passes over by itself (.git, .hpt,
 * __pycache__), nor what stands in the snapshot as missing; nothing where git was not asked. */
bool hpt_tracked_ignores(const HptTracked *tracked, const char *path);

/* The file's name in the tree, if the snapshot has it; borrowed from path. *digest: what it held. NULL: it has not. */
const char *hpt_tracked_find(const HptTracked *tracked, const char *path, const HptDigest **digest);

#endif
