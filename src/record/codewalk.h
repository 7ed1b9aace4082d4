/* Looks at every entry of a tree once; inside record only.
 *
 * By descriptor, without following a link, reading names and stats alone. Names of a folder come in the
 * order of their bytes, a folder's entries where its own name would stand.
 */
#ifndef HPT_RECORD_CODEWALK_H
#define HPT_RECORD_CODEWALK_H

#include "record/code.h"

#include <sys/stat.h>

/* What tells one state of a file from another. */
typedef struct {
    uint64_t device, inode, mode;
    int64_t size, mtime_ns, ctime_ns;
} HptStamp;
HptStamp hpt_stamp(const struct stat *info);
bool hpt_stamp_equal(const HptStamp *a, const HptStamp *b);
/* The clock that stamps files. */
int64_t hpt_stamp_now_ns(void);
/* Could a file of this stamp that was looked at then (CLOCK_REALTIME_COARSE) change without its stamp changing? */
bool hpt_stamp_is_racy(const HptStamp *stamp, int64_t looked_ns);

typedef struct {
    const char *path;   /* from the root; in the walk's memory */
    const char *reason; /* why it is not captured; static, or in the walk's memory; NULL: it can be */
    HptStamp stamp;
    guint next; /* 1 + the next entry of its folder; 0: none */
} HptSeen;

/* A folder whose names were read. */
typedef struct {
    const char *path; /* "." for the root */
    HptStamp stamp;   /* before they were */
    guint first;      /* 1 + its first entry; 0: none */
} HptWalked;

typedef struct {
    GArray *seen;       /* of HptSeen */
    GArray *folders;    /* of HptWalked */
    GPtrArray *repos;   /* char *: folders with .git in them, "." for the root */
    GStringChunk *memory;
    size_t visited;     /* names, ignored ones too */
    int64_t begun_ns;   /* when */
    bool sure;          /* every name could be looked at, on a file system that dates its folders */
} HptWalk;

/* ignored: set of paths to pass over; NULL: none. */
HptWalk *hpt_walk(int root_fd, GHashTable *ignored);
void hpt_walk_free(HptWalk *walk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptWalk, hpt_walk_free)
bool hpt_walk_equal(const HptWalk *a, const HptWalk *b);

/* Would a walk see the same, with the same names ignored? Reads no names: a folder that is dated as it was has the
 * same ones, and each is looked at. False also where that cannot be known: for folders that had just
 * changed, for what could not be looked at, and on file systems of which it is not known that they date
 * their folders (network file systems, FUSE). */
bool hpt_walk_holds(const HptWalk *walk, int root_fd);

/* Opens path below root_fd, following no link on the way; -1 with errno. */
int hpt_open_below(int root_fd, const char *path, int flags);

#endif
