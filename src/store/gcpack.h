/* Collecting packs: a part of store/gc.c. */
#ifndef HPT_STORE_GCPACK_H
#define HPT_STORE_GCPACK_H

#include "store/gc.h"
#include "store/packs.h"

#include <sys/stat.h>

/* An object of the store, whatever it lies in. */
typedef struct {
    HptDigest digest;
    bool kept;   /* something names it */
    bool young;  /* it lies in something young */
    bool stays;  /* it lies in something that is not removed */
    bool chosen; /* a pack was chosen to read it from */
    bool broken; /* that one is not whole */
} HptGcKnown;

typedef struct {
    HptStore *store;
    GHashTable *known; /* of HptGcKnown, by digest */
    int64_t limit_us;  /* what was touched since then is young */
    int aside_fd;      /* DIR/gc; -1: none */
    GPtrArray *packs;  /* what hpt_gc_list_packs found */
    GHashTable *by_id; /* of packs */
} HptGcWork;

HptGcKnown *hpt_gc_know(HptGcWork *work, const HptDigest *digest);
int64_t hpt_gc_touched_us(const struct stat *info);

/* Reads the tables of all packs, those that lie aside first; anew at each call. */
bool hpt_gc_list_packs(HptGcWork *work, GError **error) HPT_WARN_UNUSED;
void hpt_gc_forget_packs(HptGcWork *work);

/* Decides, after the marks, what is needed and which packs go: those of which nothing is needed, and
 * those of which less than half is, and many small ones, when what is needed of them has been written
 * into a new one. Adds up bytes and what goes of them, and sets stays in known. */
void hpt_gc_plan_packs(HptGcWork *work, int64_t *bytes, int64_t *removed_bytes);

/* Writes the new pack and moves aside what goes; *any: something lies aside now. */
bool hpt_gc_move_packs(HptGcWork *work, bool *any, GError **error) HPT_WARN_UNUSED;

/* After a second listing and second marks: what is aside goes, or back if it is needed after all. */
bool hpt_gc_settle_packs(HptGcWork *work, GError **error) HPT_WARN_UNUSED;

#endif
