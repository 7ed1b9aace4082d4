/* The files of a trial as its tracer has seen them: a table by name, copies of what is changed, and
 * the file that is handed over. For hpt-contain; libc only; there is one.
 *
 * A name is an absolute path as a program gave it; several names may lead to one file. Whoever asks
 * about a name has resolved it once, and until files_forget_names the answer is from the table.
 */
#ifndef HPT_TOOLS_CONTAIN_FILES_H
#define HPT_TOOLS_CONTAIN_FILES_H

#include "run/tracefile.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

typedef struct File {
    char *path; /* what the kernel calls it */
    HptTraceItem item;
    bool ours;   /* its content is of the trial's making */
    bool looked; /* what it needs to be run has been looked at */
    bool away;   /* removed or renamed: to be looked for again */
    bool modest; /* opened for writing, and not yet known to be changed */
    unsigned unsettled; /* what may have been done with it and was not looked at yet */
} File;

/* Empty. Changes below below, but not below not_below, are kept, in a file without a name in the
 * folder spool; NULL: nowhere. */
void files_begin(const char *below, const char *not_below, const char *spool);

/* The first reason counts. refused: nothing at all was traced. */
void files_incomplete(bool refused, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One more reason, behind those that were said; each once. */
void files_incomplete_too(const char *reason);

/* What a name leads to: true and *file (NULL: nothing that counts), or false: resolve it. */
bool files_find(const char *name, File **file);
/* From now on it leads there. */
void files_enter(const char *name, File *file);
/* A symbolic link or a folder has changed: every name is to be resolved again. */
void files_forget_names(void);

/* The file with this path, made at need; NULL: no memory, and the trace is not complete. */
File *files_get(const char *path);

/* One that the trial itself has put out of the way was there before it, and stays the one to compare
 * with. */
bool files_was_before(const File *file);

/* A folder has another name, which nothing had: what the trial made in it goes along. */
void files_move_below(const char *from, const char *to);
/* What it is now; counts the first time, and again after files_mark or renewal. */
void files_identify(File *file, const struct stat *status);
/* Before its content goes: fd is any descriptor of it. */
void files_keep(File *file, int fd);
/* All that is kept; and of what was kept from there on it is not sure that it was before. */
int64_t files_kept_bytes(void);
void files_doubt(int64_t from);

/* A file in memory as run/tracefile.h has it, -1: errno; *kept the file of copies, or -1. Both are
 * the caller's. The table stays. */
int files_write(int *kept);
/* What was done so far was done before. */
void files_mark(void);
void files_end(void);

#endif
