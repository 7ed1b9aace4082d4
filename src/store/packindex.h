/* Where to find chunks and objects in many packs; inside store only.
 *
 * An index is a file DIR/index/ID.index that covers some packs, or what is kept in memory of packs
 * that none covers. It is a hint: places are compared with the packs' own tables, and one that is
 * lost is made again from them. Numbers are little-endian:
 *   head     "hptindx1", u32 packs, u32 entries
 *   packs    16 bytes id
 *   entries  ascending: 16 bytes (key of a piece, or the first of an object's SHA-256), u32 pack, u32
 *            number of the piece, or of the object with the top bit set
 *   end      "hptindx1"
 * Keys are spread evenly, so that a place is guessed: one read of 4 KiB, mostly.
 */
#ifndef HPT_STORE_PACKINDEX_H
#define HPT_STORE_PACKINDEX_H

#include "store/pack.h"

#define HPT_INDEX_MAGIC "hptindx1"
#define HPT_INDEX_ENDING ".index"
#define HPT_INDEX_ENTRY 24
#define HPT_INDEX_OBJECT UINT32_C(0x80000000)

typedef struct {
    HptPackId pack;
    uint32_t number; /* with HPT_INDEX_OBJECT for an object */
} HptPlace;

typedef struct {
    uint8_t key[16];
    uint32_t pack, number;
} HptIndexEntry;

typedef struct HptIndex HptIndex;

/* Opens a file; takes fd over in any case. NULL if it is no index: it is then as if it were not
 * there. */
HptIndex *hpt_index_open(int fd);
void hpt_index_free(HptIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptIndex, hpt_index_free)

uint32_t hpt_index_packs(const HptIndex *index);
uint32_t hpt_index_entries(const HptIndex *index);
HptPackId hpt_index_pack(const HptIndex *index, uint32_t number);

/* Adds to places what has the key. */
void hpt_index_find(const HptIndex *index, const uint8_t *key, bool object, GArray *places);

#define HPT_INDEX_LEFT_OUT UINT32_MAX

/* All entries, as HptIndexEntry with numbers[i] for its i-th pack, are appended to entries, but for
 * packs whose number is HPT_INDEX_LEFT_OUT; false if they cannot be read. */
bool hpt_index_load(const HptIndex *index, const uint32_t *numbers,
                    GArray *entries) HPT_WARN_UNUSED;

/* The entries of a pack with the pack number given. */
void hpt_index_add_pack(const HptPack *pack, uint32_t number, GArray *entries);

/* Sorts entries and writes an index of them to fd. */
bool hpt_index_write(int fd, GArray *entries, const GArray *packs, const char *dir,
                     GError **error) HPT_WARN_UNUSED;

#endif
