/* SHA-256 of files that have not changed since they were read last, kept on disk from run to run.
 *
 * A file is known by device, inode, size, mtime and ctime, to the nanosecond. That is enough while
 * nothing can give two contents the same five, so an entry is not made
 *   of a file that changed less than two seconds before it was looked at (a minute where another
 *     machine's clock decides): it may change again within the same tick
 *   on file systems whose inodes come with an image or are made up (squashfs, iso9660, erofs, FUSE, loop
 *     devices, whatever is not on the list): two images mounted in turn may have all five in common
 * and a file of another host or of another boot, where devices are numbered anew, is not read at all.
 * What it cannot see: pages that another process has mapped, has written before and writes again before the
 * kernel has put them on disk change no time.
 *
 * Form of the file, version 1: the line "hpt-digests/1 HOST BOOT", then per entry 80 bytes: device, inode,
 * size, mtime, ctime in ns, day of the last use, flags (1: holds a secret) as little-endian integers of 64,
 * 64, 64, 64, 64, 32 and 32 bits, and the digest; at last the 32 bytes of the SHA-256 of all before. Mode
 * 0600, replaced as a whole. One that is damaged, not ours or open to others is as none.
 */
#ifndef HPT_RECORD_DIGESTCACHE_H
#define HPT_RECORD_DIGESTCACHE_H

#include "base/digest.h"
#include "base/error.h"

#include <sys/stat.h>

#define HPT_DIGEST_CACHE_MAX 100000 /* entries on disk; of more the longest unused are dropped */

typedef struct {
    HptDigest digest;
    bool secret; /* it holds one, see hpt_secret_in_file */
} HptFileDigest;

typedef struct HptDigestCache HptDigestCache;

/* path: its file, NULL: in memory alone. host, boot: of this machine. Reads it if it is there. */
HptDigestCache *hpt_digest_cache_new(const char *path, const char *host, const char *boot);
void hpt_digest_cache_free(HptDigestCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptDigestCache, hpt_digest_cache_free)

/* What is known of a file that is now as info says. */
bool hpt_digest_cache_find(HptDigestCache *cache, const struct stat *info, HptFileDigest *out);

/* Keeps what was read of fd, if it may be kept. info: from before it was read, at seen_us (since 1970);
 * the caller has compared with what fstat says afterwards. */
void hpt_digest_cache_add(HptDigestCache *cache, int fd, const struct stat *info, int64_t seen_us,
                          const HptFileDigest *digest);

/* Writes it, with what others have added to the file meanwhile; nothing if nothing is new. Fails
 * HPT_ERROR_IO. */
bool hpt_digest_cache_save(HptDigestCache *cache, GError **error) HPT_WARN_UNUSED;

/* Adds the entries of such a file; false: it is damaged, or of another host or boot. For tests. */
bool hpt_digest_cache_parse(HptDigestCache *cache, const void *bytes,
                            size_t length) HPT_WARN_UNUSED;
size_t hpt_digest_cache_count(const HptDigestCache *cache);

#endif
