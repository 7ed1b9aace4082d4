/* What calls may have done with files: they are seen when they begin, so it is looked at later. For
 * contain_note.c.
 *
 * Soon enough: before the same thread calls again, before anybody does something to the same file,
 * and at the end. A file that the trial made is taken for its own from there on; one that was there
 * before the trial stays that, whatever is made in its place. */
#ifndef HPT_TOOLS_CONTAIN_LATER_H
#define HPT_TOOLS_CONTAIN_LATER_H

#include "tools/contain_files.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum { LATER_MADE, LATER_REMOVED, LATER_MOVED } LaterWhat;

typedef struct {
    pid_t tid;
    LaterWhat what;
    File *file, *to;   /* to: MOVED */
    uint64_t dev, ino; /* of file; not of MADE */
    bool ours;         /* what is made or moved is the trial's own */
    bool writes;       /* MADE */
    bool fresh;        /* MOVED: nothing had the new name */
    bool folder;       /* MOVED: a folder */
} Later;

void later_begin(void);
void later_end(void);

void later(Later one);

/* All of thread tid has been done, or has failed; 0: of all threads. */
void later_settle(pid_t tid);

/* What has been done to this file; NULL: to any. The rest stays. */
void later_settle_file(const File *file);

#endif
