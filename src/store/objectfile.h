/* Objects as files of their own, and files to be stored: what single puts and batches share; inside
 * store only. */
#ifndef HPT_STORE_OBJECTFILE_H
#define HPT_STORE_OBJECTFILE_H

#include "store/folder.h"

#include <sys/stat.h>

/* Is the object there already as a file of its own? *found says so; one of another size is
 * HPT_ERROR_INTEGRITY. It is touched, so that a collector sees that it is wanted; one that cannot be
 * is not found. */
bool hpt_object_find_file(HptStore *store, const HptObjectId *id, bool *found,
                          GError **error) HPT_WARN_UNUSED;

/* Waits until the names in the object's folder are on the disk, whoever made them. */
bool hpt_object_sync_folder(HptStore *store, const HptDigest *digest, GError **error) HPT_WARN_UNUSED;

/* fstat of a file to be stored; anything but a regular file is HPT_ERROR_UNSUPPORTED. */
bool hpt_object_examine(int fd, struct stat *info, GError **error) HPT_WARN_UNUSED;
/* Is the file still what it was? Else HPT_ERROR_CONFLICT. */
bool hpt_object_unchanged(int fd, const struct stat *before, GError **error) HPT_WARN_UNUSED;
void hpt_object_set_changed(GError **error);

#endif
