/* Bytes to and from a descriptor, plain or as one zstd frame with a checksum; inside store only.
 *
 * The descriptor is borrowed. Messages do not name the file: callers prefix them.
 */
#ifndef HPT_STORE_STREAM_H
#define HPT_STORE_STREAM_H

#include "base/error.h"

#include <sys/types.h>

#define HPT_STREAM_CHUNK ((size_t)64 * 1024)

/* Sets *error for a failed write below the folder dir: a full volume or quota is named with its
 * mount point, with a hint; anything else is the plain errno. */
void hpt_stream_write_error(GError **error, int errnum, const char *dir);

/* Writes all of data, or fails HPT_ERROR_IO; dir is for the message. */
bool hpt_stream_write_all(int fd, const void *data, size_t length, const char *dir,
                          GError **error) HPT_WARN_UNUSED;

/* pread, as much as fits: fewer bytes only at the end of the file; -1 with errno. */
gssize hpt_stream_read_at(int fd, void *out, size_t length, int64_t offset);

/* fsync, once: after a failure the kernel may have dropped the pages, so trying again would lie. */
bool hpt_stream_sync(int fd, const char *dir, GError **error) HPT_WARN_UNUSED;

typedef struct HptOut HptOut;

/* zstd: level 3, one thread, frame checksum; size, if known (not -1), goes into the frame and must
 * then be met. */
HptOut *hpt_out_new(int fd, bool zstd, int64_t size, const char *dir);
bool hpt_out_write(HptOut *out, const void *data, size_t length, GError **error) HPT_WARN_UNUSED;
bool hpt_out_end(HptOut *out, GError **error) HPT_WARN_UNUSED;
void hpt_out_free(HptOut *out);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptOut, hpt_out_free)

typedef enum { HPT_IN_PLAIN, HPT_IN_ZSTD, HPT_IN_DETECT } HptInForm;

typedef struct HptIn HptIn;

HptIn *hpt_in_new(int fd, HptInForm form);
/* Up to length bytes, 0 at the end, -1 on failure: HPT_ERROR_INTEGRITY if the frame is damaged, cut
 * short or followed by anything, HPT_ERROR_IO if reading fails. */
gssize hpt_in_read(HptIn *in, void *buffer, size_t length, GError **error) HPT_WARN_UNUSED;
/* Bytes that were read from the descriptor so far. */
int64_t hpt_in_get_read(const HptIn *in);
void hpt_in_free(HptIn *in);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptIn, hpt_in_free)

#endif
