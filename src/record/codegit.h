/* What git says of a work tree; inside record only.
 *
 * git is run for four things, none of which looks into files of the work tree: the branch and HEAD, the
 * paths that are ignored, the tree of HEAD, the URL of the remote. So no filter or textconv is ever wanted;
 * fsmonitor, hooks and pagers are switched off, no object is fetched (a partial clone has transports
 * that run programs), no protocol is allowed, nothing is written (no index refreshed, no lock), and
 * nothing is asked. The variables GIT_* of the caller are left out. A repository that git refuses, as one
 * that belongs to somebody else, stays refused. Together they may take HPT_GIT_TIME_US.
 */
#ifndef HPT_RECORD_CODEGIT_H
#define HPT_RECORD_CODEGIT_H

#include "base/error.h"

#define HPT_GIT_TIME_US (INT64_C(10) * 1000000)

typedef struct {
    char *head, *branch, *remote; /* NULL: none; remote without secrets */
    char *note;                   /* why git said nothing; then only the path counts */
    GHashTable *files;            /* path → HptGitFile, of HEAD; paths from the work tree's root */
    GPtrArray *ignored;           /* char *: paths from there, folders without the slash */
    bool timed_out;
} HptGit;

typedef struct {
    int mode;     /* 0100644, 0100755, 0120000; 0160000 for another repository */
    char oid[65]; /* hexadecimal; SHA-1 or SHA-256 */
} HptGitFile;

/* root: absolute, holds .git. Never fails: see note. Owned. */
HptGit *hpt_git_read(const char *root, const char *const *variables);
/* Of a repository that is not asked. */
HptGit *hpt_git_unknown(const char *note);
void hpt_git_free(HptGit *git);

/* What all this depends on besides the work tree (HEAD, its branch, index, configuration), as text to be
 * compared: unless it or the names in the tree have changed, git would say the same. Owned. */
char *hpt_git_stamp(const char *root);

/* The nearest folder of directory or above it that holds .git, on one file system and not above a folder of
 * GIT_CEILING_DIRECTORIES; owned; NULL: none. */
char *hpt_git_find(const char *directory, const char *const *variables);

/* The name that git gives these bytes; out has 65 bytes. sha256: the repository's names are 64 digits long. */
void hpt_git_blob(const void *bytes, size_t length, bool sha256, char *out);

#endif
