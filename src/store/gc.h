/* Removing the objects of a store that nothing names any more.
 *
 * What may go is told by a function that marks what stays: it is asked twice, before anything is
 * moved and again after that. In between what is to go lies in DIR/gc, where readers still find it
 * and writers do not, so that whoever wants it meanwhile writes it anew. Whoever wanted it before has
 * touched it, and what was touched within the grace time stays. Hence an object is lost only to a
 * batch that takes longer than the grace time from its put to its row, and a collector that is killed
 * loses nothing: the next one settles what it left in DIR/gc.
 *
 * A pack (store/pack.h) goes when nothing in it is needed. If less than half of it is, or there are
 * many small ones, what is needed is written into a new pack first, with every object that leans on
 * it; a damaged one stays as it is.
 *
 * Times are those of the file system, so that hosts whose clocks differ agree.
 */
#ifndef HPT_STORE_GC_H
#define HPT_STORE_GC_H

#include "store/object.h"

#define HPT_GC_GRACE_US G_TIME_SPAN_DAY

typedef struct HptGc HptGc;

/* Marks what stays, by hpt_gc_keep and hpt_gc_keep_within. False, error set, ends the collection
 * with everything kept. */
typedef bool (*HptGcMarkFunc)(HptGc *gc, void *user, GError **error);

void hpt_gc_keep(HptGc *gc, const HptDigest *digest);
/* Every object whose 32 bytes of digest occur anywhere in data. Cost O(length). */
void hpt_gc_keep_within(HptGc *gc, const void *data, size_t length);

typedef struct {
    int64_t objects, bytes;         /* in the store; bytes as they lie on the disk */
    int64_t young;                  /* nothing names them, but they are within the grace time */
    int64_t removed, removed_bytes; /* or would be, in a dry run */
} HptGcCount;

/* Collects beside any number of writers; dry_run counts alone. Fails as mark, or HPT_ERROR_IO,
 * _PERMISSION, _CONFLICT if another is at work; what was not removed then is still there.
 * Cost: a listing of the store, two calls of mark; memory: 80 bytes an object, 30 a chunk. */
bool hpt_store_collect(HptStore *store, int64_t grace_us, bool dry_run, HptGcMarkFunc mark,
                       void *user, HptGcCount *count, GError **error) HPT_WARN_UNUSED;

#endif
