/* Unified patches in git's form, which patch(1) -p1 and git apply take.
 *
 * Lines are compared by Myers, "An O(ND) difference algorithm and its variations", Algorithmica 1,
 * 1986, forward with the trace kept, after the common beginning and end are cut off. A stretch that
 * needs more than HPT_PATCH_EDITS insertions and deletions is replaced as a whole: still a right
 * patch, though not the shortest.
 */
#ifndef HPT_SHOW_PATCH_H
#define HPT_SHOW_PATCH_H

#include "base/error.h"

#define HPT_PATCH_EDITS 2048
#define HPT_PATCH_CONTEXT 3

typedef struct {
    const char *bytes; /* NULL: there is no such file */
    size_t length;
    int mode;  /* permissions; of which git keeps whether it may be executed */
    bool link; /* bytes are the target */
} HptPatchFile;

typedef enum {
    HPT_PATCH_SAME,   /* nothing to say, nothing appended */
    HPT_PATCH_TEXT,   /* all that is needed is appended */
    HPT_PATCH_BINARY, /* a file holds NUL bytes: only "Binary files … differ" is appended */
} HptPatchResult;

/* Appends what makes b out of a. path: bytes, relative; it is quoted as git does where it must be.
 * Cost: O((n + m) × edits) in lines, memory O(n + m + edits²). */
HptPatchResult hpt_patch_append(GString *out, const char *path, const HptPatchFile *a,
                                const HptPatchFile *b);

#endif
