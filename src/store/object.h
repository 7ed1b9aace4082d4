/* Content-addressed objects in a folder: bytes under the SHA-256 of themselves.
 *
 * Layout  DIR/sha256/ab/cdef…        the bytes themselves, or
 *         DIR/sha256/ab/cdef….zst    one zstd frame of them (level 3, frame checksum and content
 *                                    size present); the name is the digest of the bytes *inside*
 *         DIR/pack/ID.pack           the chunks and objects of a batch (store/batch.h, store/pack.h)
 *         DIR/index/                 where to find them; made again from the packs if it is lost
 *         DIR/gc/                    what a collector (store/gc.h) is about to remove; still read
 *         DIR/tmp/                   unfinished writes; hpt_store_sweep clears what a crash left
 * so for the first two "sha256sum FILE" or "zstd -dc FILE.zst | sha256sum" checks an object without hpt.
 *
 * Writing: to a temporary file on the same file system, fsync, rename, fsync of the folder. When a
 * put returns, the object is on disk: the row that names it may be committed. A failed fsync is
 * never tried again; the temporary file is removed and the put fails. Objects that exist are not
 * written again, only touched, and their size is compared. Any number of processes may put at once.
 *
 * Objects up to HPT_OBJECT_INLINE_MAX bytes belong into the database (one row, one commit, no
 * fsync of their own); hpt_object_id gives their identity.
 */
#ifndef HPT_STORE_OBJECT_H
#define HPT_STORE_OBJECT_H

#include "base/digest.h"
#include "base/error.h"

#include <sys/types.h>

#define HPT_OBJECT_INLINE_MAX 8192
#define HPT_OBJECT_COMPRESS_MIN 4096 /* smaller objects are stored as they are */

typedef struct {
    HptDigest digest; /* of the uncompressed bytes */
    int64_t size;     /* of the uncompressed bytes; -1 where a caller does not know */
} HptObjectId;

/* The identity of bytes, without storing them. */
HptObjectId hpt_object_id(const void *data, size_t length);

/* Does an object of this size belong into the database rather than into the folder? */
bool hpt_object_is_small(int64_t size);

typedef struct HptStore HptStore;

/* Opens the store in dir (".hpt/objects"), creating its folders and sweeping away what was left
 * unfinished more than a day ago. Fails HPT_ERROR_IO, _PERMISSION. */
HptStore *hpt_store_open(const char *dir, GError **error) HPT_WARN_UNUSED;
/* The same for reading alone: makes nothing and sweeps nothing. */
HptStore *hpt_store_open_reading(const char *dir, GError **error) HPT_WARN_UNUSED;
void hpt_store_close(HptStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptStore, hpt_store_close)

/* Removes temporary files whose last change is older than age_us; *removed (may be NULL) counts. */
bool hpt_store_sweep(HptStore *store, int64_t age_us, size_t *removed,
                     GError **error) HPT_WARN_UNUSED;

/* Stores bytes. Fails HPT_ERROR_IO (a full volume is named with its mount point), _PERMISSION,
 * _INTEGRITY if an object of this digest exists with another size. */
bool hpt_object_put_bytes(HptStore *store, const void *data, size_t length, HptObjectId *out,
                          GError **error) HPT_WARN_UNUSED;

/* Stores the content of an open regular file from its beginning (the offset is not used and not
 * moved), hashing while copying, in constant memory. name is for messages. Fails as above, and
 * HPT_ERROR_UNSUPPORTED for anything but a regular file, HPT_ERROR_CONFLICT if the file changed
 * while it was read. */
bool hpt_object_put_fd(HptStore *store, int fd, const char *name, HptObjectId *out,
                       GError **error) HPT_WARN_UNUSED;

/* The same for the file path below the folder dir_fd (or AT_FDCWD). The last component may not be
 * a symbolic link; a FIFO or a device is refused without being opened for reading. */
bool hpt_object_put_file(HptStore *store, int dir_fd, const char *path, HptObjectId *out,
                         GError **error) HPT_WARN_UNUSED;

/* ---- reading: always verified ---- */

typedef struct HptObjectReader HptObjectReader;

/* Opens an object; id->size may be -1. Fails HPT_ERROR_INTEGRITY "object sha256:… is missing". */
HptObjectReader *hpt_object_open(HptStore *store, const HptObjectId *id,
                                 GError **error) HPT_WARN_UNUSED;
/* Up to length bytes; 0 at the end, which is reached only if size and digest are right; -1 with
 * HPT_ERROR_INTEGRITY naming the object otherwise. Bytes given out before the end are not yet
 * proven: use them only if the end is reached. */
gssize hpt_object_read(HptObjectReader *reader, void *buffer, size_t length,
                       GError **error) HPT_WARN_UNUSED;
void hpt_object_close(HptObjectReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptObjectReader, hpt_object_close)

/* The whole object, verified, NUL-terminated, owned; HPT_ERROR_DATA if it is larger than max. */
char *hpt_object_get(HptStore *store, const HptObjectId *id, size_t max, size_t *length,
                     GError **error) HPT_WARN_UNUSED;

/* Looks at the head and the tables of every pack; each that is damaged is told. False if the function
 * says so, or with HPT_ERROR_IO. What is in the packs is checked with the objects. */
typedef bool (*HptDamageFunc)(const char *message, void *user, GError **error);
bool hpt_store_check_packs(HptStore *store, HptDamageFunc damaged, void *user,
                           GError **error) HPT_WARN_UNUSED;

/* Reads the object through and checks it. */
bool hpt_object_check(HptStore *store, const HptObjectId *id, GError **error) HPT_WARN_UNUSED;

#endif
