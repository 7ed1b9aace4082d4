/* Bundles: many files in one deterministic tar, each covered by a manifest, checked after writing.
 *
 * Form     tar (POSIX pax) whose entries are regular files only, owner 0:0 without names, mode
 *          0644, time 0; MANIFEST.json first, then all others by the bytes of their paths; a pax
 *          header only where ustar has no room. Optionally one zstd frame (level 3, frame
 *          checksum) around the whole.
 * Manifest canonical JSON {"entries":[{"path","sha256","size"}…],"format":"hpt-bundle/1","kind"};
 *          it names every other entry. The bundle's *identity* is the SHA-256 of the manifest, so
 *          it does not depend on compression. SHA256SUMS, itself in the manifest, lets sha256sum
 *          -c check an unpacked bundle.
 * Same input, same bytes: in any locale, time zone, umask, and for any user.
 *
 * Content is spooled to an unnamed temporary file or read from an object store while writing;
 * memory is constant per byte and about 200 bytes per entry.
 */
#ifndef HPT_STORE_BUNDLE_H
#define HPT_STORE_BUNDLE_H

#include "store/object.h"

#define HPT_BUNDLE_FORMAT "hpt-bundle/1"
#define HPT_BUNDLE_MANIFEST "MANIFEST.json"
#define HPT_BUNDLE_SUMS "SHA256SUMS"

/* ---- writing ---- */

typedef struct HptBundle HptBundle;

/* kind says what is inside ("study"). spool_dir is a folder for the unnamed temporary file. */
HptBundle *hpt_bundle_new(const char *kind, const char *spool_dir, GError **error) HPT_WARN_UNUSED;
void hpt_bundle_free(HptBundle *bundle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptBundle, hpt_bundle_free)

/* Is path fit for a bundle: relative, printable ASCII without backslash, no empty, "." or ".."
 * component, at most 4096 bytes, 255 a component? Names from outside belong into the content.
 * Fails HPT_ERROR_DATA with the reason. */
bool hpt_bundle_path_check(const char *path, GError **error) HPT_WARN_UNUSED;

/* Adds an entry. A path twice is HPT_ERROR_DATA, except that the same object may be added again. */
bool hpt_bundle_add_bytes(HptBundle *bundle, const char *path, const void *data, size_t length,
                          GError **error) HPT_WARN_UNUSED;
/* Adds an entry piece by piece: begin, any number of appends, end. One at a time. */
bool hpt_bundle_begin(HptBundle *bundle, const char *path, GError **error) HPT_WARN_UNUSED;
bool hpt_bundle_append(HptBundle *bundle, const void *data, size_t length,
                       GError **error) HPT_WARN_UNUSED;
bool hpt_bundle_end(HptBundle *bundle, GError **error) HPT_WARN_UNUSED;

/* objects/sha256/ab/cdef…: the path of an object in a bundle, uncompressed there; owned. */
char *hpt_bundle_object_path(const HptDigest *digest);
/* Adds an object of store (borrowed until the bundle is written) under that path; its size must be
 * known. Or its bytes, when they are at hand. Adding an object again does nothing. */
bool hpt_bundle_add_object(HptBundle *bundle, HptStore *store, const HptObjectId *id,
                           GError **error) HPT_WARN_UNUSED;
bool hpt_bundle_add_object_bytes(HptBundle *bundle, const void *data, size_t length,
                                 GError **error) HPT_WARN_UNUSED;

/* What an entry that was added is; false: there is none of that path. */
bool hpt_bundle_find(const HptBundle *bundle, const char *path, HptObjectId *out) HPT_WARN_UNUSED;

typedef struct {
    HptDigest identity; /* SHA-256 of the manifest */
    size_t entries;     /* manifest included */
    int64_t bytes;      /* of content, manifest included */
} HptBundleInfo;

/* Writes a file that has no name yet, reads it back, verifies it, and only then gives it its name
 * (store/newfile.h). On failure path is as before. zstd: wrap in a zstd frame.
 * Fails HPT_ERROR_INTEGRITY for a missing or damaged object or a failed read-back, _IO. */
bool hpt_bundle_write(HptBundle *bundle, const char *path, bool zstd, HptBundleInfo *info,
                      GError **error) HPT_WARN_UNUSED;

/* The same to a descriptor (a pipe): written and verified in the spool folder, then copied. */
bool hpt_bundle_write_fd(HptBundle *bundle, int fd, const char *name, bool zstd,
                         HptBundleInfo *info, GError **error) HPT_WARN_UNUSED;

/* Are these the bytes of a bundle, by how they begin? Nothing is checked. */
bool hpt_bundle_is(const void *data, size_t length);

/* ---- reading: everything is checked, nothing is written anywhere ---- */

typedef struct HptBundleReader HptBundleReader;

typedef struct {
    const char *path; /* lives until the next call */
    int64_t size;
    HptDigest digest;
} HptBundleEntry;

/* Reads from an open descriptor (borrowed; a pipe will do), tar or zstd around tar, at its current
 * offset. name is for messages. Fails HPT_ERROR_INTEGRITY with the reason: anything but regular
 * files, names hpt_bundle_path_check refuses, order or count other than the manifest's, other
 * filters or frames, manifests over 256 MiB. */
HptBundleReader *hpt_bundle_open(int fd, const char *name, GError **error) HPT_WARN_UNUSED;
void hpt_bundle_close(HptBundleReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptBundleReader, hpt_bundle_close)

/* The next entry after the manifest, skipping (and checking) what was not read of the last. *end is
 * set instead when the bundle is over, complete and canonical: its header and padding bytes are
 * what the writer makes for this content, so that no flipped bit goes unseen. */
bool hpt_bundle_next(HptBundleReader *reader, HptBundleEntry *out, bool *end,
                     GError **error) HPT_WARN_UNUSED;
/* As hpt_object_read: 0 at the end of the entry, which is reached only if its digest is right. */
gssize hpt_bundle_read(HptBundleReader *reader, void *buffer, size_t length,
                       GError **error) HPT_WARN_UNUSED;
const HptBundleInfo *hpt_bundle_get_info(const HptBundleReader *reader);
const char *hpt_bundle_get_kind(const HptBundleReader *reader);
/* Bytes taken from the descriptor so far, compressed where it is. */
int64_t hpt_bundle_get_read(const HptBundleReader *reader);

/* Reads the file through and checks everything. */
bool hpt_bundle_check(const char *path, HptBundleInfo *info, GError **error) HPT_WARN_UNUSED;

#endif
