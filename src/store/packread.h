/* An object in packs, read from its beginning; inside store only. */
#ifndef HPT_STORE_PACKREAD_H
#define HPT_STORE_PACKREAD_H

#include "store/folder.h"

typedef struct HptPackReader HptPackReader;

/* NULL without *error: no pack has it. Fails HPT_ERROR_INTEGRITY if packs that it lies in are missing
 * or damaged, HPT_ERROR_IO. */
HptPackReader *hpt_pack_reader_open(HptStore *store, const HptObjectId *id,
                                    GError **error) HPT_WARN_UNUSED;
void hpt_pack_reader_close(HptPackReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPackReader, hpt_pack_reader_close)

/* Up to length bytes, 0 at the end; -1 on failure. Bytes that were stored as they are are not
 * checked: the caller has the SHA-256 of all. */
gssize hpt_pack_reader_read(HptPackReader *reader, void *buffer, size_t length,
                            GError **error) HPT_WARN_UNUSED;

/* The pack and the byte where the object is damaged, for a message; NULL: every piece is what its
 * key says. Owned. */
char *hpt_pack_reader_find_damage(HptPackReader *reader);

#endif
