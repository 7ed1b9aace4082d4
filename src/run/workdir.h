/* What a trial left in its directory: seen safely, then removed safely.
 *
 * The walk goes by descriptor (openat, O_NOFOLLOW, O_NONBLOCK), so nothing outside is read whatever
 * the trial swaps meanwhile, and nothing blocks. Names are bytes, not text; depth has no limit but
 * the caps.
 */
#ifndef HPT_RUN_WORKDIR_H
#define HPT_RUN_WORKDIR_H

#include "base/error.h"

#include <sys/stat.h>

#define HPT_WORKDIR_FILES_MAX 100000
#define HPT_WORKDIR_BYTES_MAX (INT64_C(1) << 32)

typedef enum {
    HPT_ENTRY_FILE,
    HPT_ENTRY_SYMLINK, /* recorded as data: its target */
    HPT_ENTRY_SPECIAL, /* FIFO, socket, device: recorded, not stored */
    HPT_ENTRY_REFUSED, /* could not be opened or read: errnum */
} HptEntryKind;

typedef struct {
    HptEntryKind kind;
    const char *path;   /* relative, any bytes but NUL, '/' between; lives for the call */
    int fd;             /* FILE: open for reading at offset 0; the walk's. Else -1 */
    struct stat stat;   /* at the time of opening; stat.st_nlink > 1 is a hard link */
    const char *target; /* SYMLINK */
    int errnum;         /* REFUSED */
} HptEntry;

/* Called for every entry but directories, names of a directory in byte order. Returns false, error
 * set, to end the walk. */
typedef bool (*HptEntryFunc)(const HptEntry *entry, void *user, GError **error);

typedef struct {
    int64_t files, bytes;     /* handed on */
    int64_t symlinks, others; /* handed on; SPECIAL and REFUSED */
    int64_t skipped;          /* entries beyond the caps, not handed on */
} HptWorkdirCount;

/* path must be a directory itself (a symlink there is refused). skip: names in its top level to
 * pass over, NULL-terminated, may be NULL. Caps: 0 means the usual. Fails HPT_ERROR_IO, or as func.
 */
bool hpt_workdir_walk(const char *path, const char *const *skip, int64_t max_files,
                      int64_t max_bytes, HptEntryFunc func, void *user, HptWorkdirCount *count,
                      GError **error) HPT_WARN_UNUSED;

/* After the content of entry->fd was read: has the file changed since it was opened (size, mtime,
 * ctime)? Then what was read is a mixture and is to be flagged. */
bool hpt_entry_changed(const HptEntry *entry);

/* Removes the directory and all in it; follows no link, crosses no mount, and makes directories
 * that the trial made unreadable readable again. A path that does not exist is fine, and a link or a
 * file in its place is removed. */
bool hpt_workdir_remove(const char *path, GError **error) HPT_WARN_UNUSED;

#endif
