/* The packs of a store: what there is, opened when it is needed, looked up by key; inside store only.
 *
 * What other processes add is seen by hpt_packs_refresh, which lists DIR/pack if it changed. Up to
 * HPT_PACKS_RECENT packs are kept in memory that no index covers; then a writer makes one of them,
 * together with smaller ones that are there, so that their number stays logarithmic.
 */
#ifndef HPT_STORE_PACKS_H
#define HPT_STORE_PACKS_H

#include "store/folder.h"
#include "store/packindex.h"

#define HPT_PACKS_RECENT 64
#define HPT_PACKS_OPEN 64 /* descriptors */
#define HPT_STORE_PACKS "pack"
#define HPT_STORE_INDEX "index"

typedef struct HptPacks HptPacks;

/* The store's set of packs, made at the first call; borrowed. Touches no disk. */
HptPacks *hpt_packs_of(HptStore *store);
void hpt_packs_free(HptPacks *packs);

/* Looks what there is; writer makes an index if there are many packs without one.
 * Damaged packs are passed over. Fails HPT_ERROR_IO, _PERMISSION. */
bool hpt_packs_refresh(HptStore *store, bool writer, GError **error) HPT_WARN_UNUSED;

/* After a refresh, where something was not found: reads the tables of all packs, once, as if there were
 * no index. */
bool hpt_packs_read_all(HptStore *store, GError **error) HPT_WARN_UNUSED;

/* A pack, held until hpt_packs_release; also one that a collector has just put aside. Fails
 * HPT_ERROR_NOT_FOUND if there is none, else as hpt_pack_open. */
HptPack *hpt_packs_hold(HptStore *store, const HptPackId *id, GError **error) HPT_WARN_UNUSED;
void hpt_packs_release(HptPack *pack);

/* A pack that was just published, already opened: it is taken over. */
void hpt_packs_add(HptStore *store, HptPack *steal_pack);

/* Places that may hold it, appended (HptPlace). */
void hpt_packs_find_object(HptStore *store, const HptDigest *digest, GArray *places);
void hpt_packs_find_piece(HptStore *store, const HptChunkKey *key, GArray *places);

/* Marks a pack as wanted, so that no collector removes it for a day. False: it is gone, or may not
 * be touched. */
bool hpt_packs_touch(HptStore *store, const HptPackId *id);

/* All packs that there are now, as HptPackId, sorted; owned. */
GArray *hpt_packs_list(HptStore *store, bool aside, GError **error) HPT_WARN_UNUSED;

/* The descriptor of DIR/pack, which is made if need be: -1 with errno. */
int hpt_packs_folder(HptStore *store);

#endif
