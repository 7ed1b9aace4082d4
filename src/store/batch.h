/* Everything that a trial leaves, stored together: one pack (store/pack.h), one fsync, and one of the
 * folder.
 *
 *     batch = hpt_batch_begin(store);
 *     hpt_batch_put_fd(batch, fd, "model.bin", &id, &error) …
 *     hpt_batch_commit(batch, &error);   // now a row may name what was put
 *     hpt_batch_free(batch);             // what was not committed is gone
 *
 * Objects that are in the store are not written again; of others, only the chunks that are not
 * there, whoever stored them. A put that fails leaves the batch as it was before, and others may
 * follow. A batch is to be committed within a day, since a collector (store/gc.h) may remove then
 * what it leans on.
 */
#ifndef HPT_STORE_BATCH_H
#define HPT_STORE_BATCH_H

#include "store/object.h"

typedef struct HptBatch HptBatch;

/* Borrows store. Touches no disk. */
HptBatch *hpt_batch_begin(HptStore *store);
void hpt_batch_free(HptBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptBatch, hpt_batch_free)

/* As hpt_object_put_bytes. Cost: SHA-256 of data, and of new chunks a key and zstd. */
bool hpt_batch_put_bytes(HptBatch *batch, const void *data, size_t length, HptObjectId *out,
                         GError **error) HPT_WARN_UNUSED;

/* As hpt_object_put_fd. From 1 MiB on a second thread computes the SHA-256. Memory: 6 MiB. */
bool hpt_batch_put_fd(HptBatch *batch, int fd, const char *name, HptObjectId *out,
                      GError **error) HPT_WARN_UNUSED;

/* Everything that was put is on the disk when this returns true; if it fails nothing is. Fails
 * HPT_ERROR_IO, _PERMISSION, and HPT_ERROR_CONFLICT if a collector removed what it leans on. */
bool hpt_batch_commit(HptBatch *batch, GError **error) HPT_WARN_UNUSED;

#endif
