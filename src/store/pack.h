/* A pack: the chunks and objects of one batch in one file that never changes; inside store only.
 *
 * Form (numbers little-endian):
 *   head     "hptpack1", 16 bytes of the pack's id (its name is the id in hexadecimal)
 *   frames   one after the other: bytes as they are, or one zstd frame with content size and
 *            checksum; each holds one piece of 16 KiB and more, or several smaller ones
 *   tables   frames   u32 stored length, u32 length; equal: as it is; 16 bytes key (store/chunk.h) of
 *                     what is stored if it is compressed, else 0
 *            pieces   16 bytes key, u32 frame, u32 offset in it, u32 length
 *            objects  32 bytes SHA-256, u64 size, u32 first reference, u32 references
 *            references  u32 pack (0: this, else the n-th of the next table), u32 piece
 *            packs    16 bytes id
 *   end      u64 offset of the tables, u32 frames, pieces, objects, references, packs, u32 0,
 *            SHA-256 of head, tables and end up to here, "hptpack1"
 * An object is its references' pieces in order; objects take the references one after the other. Pieces of other packs are named by pack and number,
 * so nothing is looked up to read; a collector that removes a pack first writes the objects that
 * lean on it into a new one.
 */
#ifndef HPT_STORE_PACK_H
#define HPT_STORE_PACK_H

#include "store/chunk.h"
#include "store/object.h"

#define HPT_PACK_MAGIC "hptpack1"
#define HPT_PACK_HEAD 24
#define HPT_PACK_END 72
#define HPT_PACK_FRAME 24
#define HPT_PACK_PIECE 28
#define HPT_PACK_OBJECT 48
#define HPT_PACK_REF 8
#define HPT_PACK_ENDING ".pack"
#define HPT_FRAME_MAX HPT_CHUNK_MAX /* bytes in a frame */

typedef struct {
    uint8_t bytes[16];
} HptPackId;

typedef struct {
    HptChunkKey key;
    uint32_t frame, offset, length;
} HptPiece;

typedef struct {
    HptObjectId id;
    uint32_t first, refs;
} HptPackObject;

typedef struct {
    int fd;
    HptPackId id;
    int64_t size; /* of the file */
    uint32_t frames, pieces, objects, refs, packs;
    uint64_t *offsets; /* of the frames, and of the tables */
    uint8_t *tables;
    const uint8_t *frame_table, *piece_table, *object_table, *ref_table, *pack_table;
    int held; /* by readers; the set of packs lets go of those that are not */
} HptPack;

/* Reads and checks head, tables and end; takes fd over in any case. Fails HPT_ERROR_INTEGRITY,
 * HPT_ERROR_IO. Every number in an opened pack is in its bounds, and each object's size is the sum
 * of its pieces as far as they are in this pack. */
HptPack *hpt_pack_open(int fd, const HptPackId *id, GError **error) HPT_WARN_UNUSED;
void hpt_pack_close(HptPack *pack);
/* Closes the file and leaves the tables. */
void hpt_pack_shut(HptPack *pack);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPack, hpt_pack_close)

HptPiece hpt_pack_piece(const HptPack *pack, uint32_t number);
HptPackObject hpt_pack_object(const HptPack *pack, uint32_t number);
/* *other is the other pack's id; false: the piece is in this one. */
bool hpt_pack_ref(const HptPack *pack, uint32_t number, uint32_t *piece, HptPackId *other);
void hpt_pack_frame(const HptPack *pack, uint32_t number, uint32_t *stored, uint32_t *length);

/* One frame at a time, kept for the next piece. Zero-initialise; clear at the end. */
typedef struct {
    HptPackId id;
    uint32_t frame;
    bool filled;
    uint8_t *bytes, *stored; /* HPT_FRAME_MAX, and as much as zstd may need */
    void *zstd;
    HptKeyer *keyer;
} HptFrame;
void hpt_frame_clear(HptFrame *frame);

/* length bytes of a piece from offset on into out; the content of a frame that is stored as it is
 * goes there directly and is not checked. Fails HPT_ERROR_INTEGRITY, HPT_ERROR_IO, with the place. */
bool hpt_pack_read(const HptPack *pack, uint32_t piece, uint32_t offset, uint32_t length, void *out,
                   HptFrame *frame, GError **error) HPT_WARN_UNUSED;

/* The whole piece, compared with its key; out has room for HPT_CHUNK_MAX bytes. */
bool hpt_pack_read_checked(const HptPack *pack, uint32_t piece, void *out, HptFrame *frame,
                           GError **error) HPT_WARN_UNUSED;

/* 32 hexadecimal digits and the ending; owned. Back: false if it is not such a name. */
char *hpt_pack_name(const HptPackId *id);
bool hpt_pack_parse_name(const char *name, HptPackId *id);

static inline uint32_t hpt_get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static inline uint64_t hpt_get64(const uint8_t *at)
{
    return hpt_get32(at) | (uint64_t)hpt_get32(at + 4) << 32;
}
static inline void hpt_put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}
static inline void hpt_put64(uint8_t *at, uint64_t value)
{
    hpt_put32(at, (uint32_t)value);
    hpt_put32(at + 4, (uint32_t)(value >> 32));
}

#endif
