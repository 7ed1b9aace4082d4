/* Which files of a tree its code snapshot does not have because git ignores them: the settings and data that a
 * commit with all its changes would still lack. */
#ifndef HPT_STUDY_TRACKED_H
#define HPT_STUDY_TRACKED_H

#include "record/code.h"

typedef struct HptTracked HptTracked;
/* directory: where the command runs, absolute. */
HptTracked *hpt_tracked_new(const char *directory);
void hpt_tracked_free(HptTracked *tracked);

/* The snapshot that counts from now on. Costs nothing while it is the same. */
void hpt_tracked_set(HptTracked *tracked, const HptCode *code);

/* Is the file, by its absolute path, in the tree and ignored by git? Not what hpt passes over by itself (.git, .hpt,
 * __pycache__), nor what stands in the snapshot as missing; nothing where git was not asked. */
bool hpt_tracked_ignores(const HptTracked *tracked, const char *path);

#endif
