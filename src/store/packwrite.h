/* Writing one pack; inside store only. Nothing is seen under its name before hpt_pack_writer_publish. */
#ifndef HPT_STORE_PACKWRITE_H
#define HPT_STORE_PACKWRITE_H

#include "store/folder.h"
#include "store/pack.h"

typedef struct HptPackWriter HptPackWriter;

/* Makes a file in DIR/tmp at the first piece. */
HptPackWriter *hpt_pack_writer_new(HptStore *store);
/* Removes what was not published. */
void hpt_pack_writer_free(HptPackWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPackWriter, hpt_pack_writer_free)

/* Is this piece (key and bytes) already in this pack? */
bool hpt_pack_writer_has(HptPackWriter *writer, const HptChunkKey *key, const void *data,
                         size_t length, uint32_t *piece);
/* Writes it: alone in a frame from HPT_CHUNK_MIN bytes on, else with others. It is compressed if
 * its first 4 KiB promise a tenth. 0 < length ≤ HPT_CHUNK_MAX. Fails HPT_ERROR_IO. */
bool hpt_pack_writer_add(HptPackWriter *writer, const HptChunkKey *key, const void *data,
                         size_t length, uint32_t *piece, GError **error) HPT_WARN_UNUSED;
/* The next piece of the object that is being made; pack NULL: it is in this one. */
void hpt_pack_writer_ref(HptPackWriter *writer, const HptPackId *pack, uint32_t piece);
/* The object is what was referred to since the last one ended. */
void hpt_pack_writer_end_object(HptPackWriter *writer, const HptObjectId *id);
/* Is the object in this pack? */
bool hpt_pack_writer_has_object(const HptPackWriter *writer, const HptDigest *digest);
uint32_t hpt_pack_writer_objects(const HptPackWriter *writer);
/* The packs that objects lean on, HptPackId; borrowed. */
const GArray *hpt_pack_writer_peek_packs(const HptPackWriter *writer);

/* Takes back everything since the last object ended. Fails HPT_ERROR_IO: the writer is of no use
 * then. */
bool hpt_pack_writer_rollback(HptPackWriter *writer, GError **error) HPT_WARN_UNUSED;

/* Tables, fsync, name; the caller syncs the folder. The pack, opened and owned; NULL with *error. A
 * failed fsync is not tried again. */
HptPack *hpt_pack_writer_publish(HptPackWriter *writer, GError **error) HPT_WARN_UNUSED;

#endif
