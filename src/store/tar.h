/* The one form in which bundles write tar, over libarchive; inside store only.
 *
 * libarchive 3.6 needs care to give the same bytes everywhere: paths are ASCII (others come out
 * differently in other locales, or, under hdrcharset=BINARY, with a header before every entry of
 * which GNU tar complains), go through the plain setter (the _utf8 one crashes in the C locale),
 * every field is set, and any status but ARCHIVE_OK is a failure.
 */
#ifndef HPT_STORE_TAR_H
#define HPT_STORE_TAR_H

#include "base/error.h"

typedef bool (*HptTarSink)(void *user, const void *data, size_t length, GError **error);

typedef struct HptTar HptTar;

HptTar *hpt_tar_new(HptTarSink sink, void *user);
void hpt_tar_free(HptTar *tar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTar, hpt_tar_free)

/* Begins a regular file of exactly size bytes, which hpt_tar_data must then be given. */
bool hpt_tar_entry(HptTar *tar, const char *path, int64_t size, GError **error) HPT_WARN_UNUSED;
bool hpt_tar_data(HptTar *tar, const void *data, size_t length, GError **error) HPT_WARN_UNUSED;
bool hpt_tar_end(HptTar *tar, GError **error) HPT_WARN_UNUSED;

#endif
