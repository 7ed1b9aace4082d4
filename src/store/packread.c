#include "store/packread.h"

#include "store/packs.h"

#include <string.h>

struct HptPackReader {
    HptStore *store;
    HptObjectId id;
    HptPack *pack; /* that says what the object is made of */
    HptPackObject object;
    HptPack *other; /* of the last piece, if it is another */
    uint32_t at;    /* next reference */
    uint32_t done;  /* bytes of its piece that were given out */
    int64_t given;
    HptFrame frame;
};

/* Says that an object is to be had, but not where a pack says it is. */
static bool missing(GError *problem, GError **error)
{
    if (problem->code == HPT_ERROR_NOT_FOUND)
        problem->code = HPT_ERROR_INTEGRITY;
    g_clear_error(error);
    g_propagate_error(error, problem);
    return false;
}

/* Does every pack that it leans on open? */
static bool is_complete(HptStore *store, const HptPack *pack, const HptPackObject *object,
                        GError **error)
{
    for (uint32_t i = 0; i < object->refs; i++) {
        uint32_t piece;
        HptPackId other;
        GError *problem = NULL;
        if (!hpt_pack_ref(pack, object->first + i, &piece, &other))
            continue;
        HptPack *held = hpt_packs_hold(store, &other, &problem);
        if (held == NULL)
            return missing(problem, error);
        bool there = piece < held->pieces;
        hpt_packs_release(held);
        if (!there) {
            g_set_error(&problem, HPT_ERROR, HPT_ERROR_INTEGRITY, "a piece is not in its pack");
            return missing(problem, error);
        }
    }
    return true;
}

/* Holds the first pack in which the object is complete. */
static bool look_up(HptPackReader *reader, GError **error)
{
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(HptPlace));
    hpt_packs_find_object(reader->store, &reader->id.digest, places);
    for (guint i = 0; i < places->len; i++) {
        const HptPlace *place = &g_array_index(places, HptPlace, i);
        GError *problem = NULL;
        HptPack *pack = hpt_packs_hold(reader->store, &place->pack, &problem);
        if (pack == NULL) {
            missing(problem, error);
            continue;
        }
        if (place->number < pack->objects) {
            reader->object = hpt_pack_object(pack, place->number);
            if (memcmp(&reader->object.id.digest, &reader->id.digest, HPT_DIGEST_SIZE) == 0 &&
                is_complete(reader->store, pack, &reader->object, error)) {
                reader->pack = pack;
                g_clear_error(error);
                return true;
            }
        }
        hpt_packs_release(pack);
    }
    return false;
}

HptPackReader *hpt_pack_reader_open(HptStore *store, const HptObjectId *id, GError **error)
{
    g_autoptr(HptPackReader) reader = g_new0(HptPackReader, 1);
    g_autoptr(GError) problem = NULL;
    reader->store = store;
    reader->id = *id;
    /* The second time with what others have added or moved meanwhile, the third without trusting an
     * index. */
    if (look_up(reader, &problem))
        return g_steal_pointer(&reader);
    if (!hpt_packs_refresh(store, false, error))
        return NULL;
    if (look_up(reader, &problem))
        return g_steal_pointer(&reader);
    if (!hpt_packs_read_all(store, error))
        return NULL;
    if (look_up(reader, &problem))
        return g_steal_pointer(&reader);
    if (problem != NULL)
        g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
}

void hpt_pack_reader_close(HptPackReader *reader)
{
    if (reader == NULL)
        return;
    hpt_packs_release(reader->pack);
    hpt_packs_release(reader->other);
    hpt_frame_clear(&reader->frame);
    g_free(reader);
}

/* The pack and number of reference i; held by the reader until the next call. */
static HptPack *piece_at(HptPackReader *reader, uint32_t i, uint32_t *piece, GError **error)
{
    HptPackId other;
    HptPack *pack = reader->pack;
    if (hpt_pack_ref(reader->pack, reader->object.first + i, piece, &other)) {
        if (reader->other == NULL || memcmp(&reader->other->id, &other, sizeof other) != 0) {
            hpt_packs_release(reader->other);
            GError *problem = NULL;
            reader->other = hpt_packs_hold(reader->store, &other, &problem);
            if (reader->other == NULL) {
                missing(problem, error);
                return NULL;
            }
        }
        pack = reader->other;
    }
    if (*piece < pack->pieces)
        return pack;
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "a piece is not in its pack");
    return NULL;
}

/* A collector has rewritten a pack since the object was opened: goes on at the same byte of it as it
 * lies now. */
static bool reopen(HptPackReader *reader, GError **error)
{
    hpt_packs_release(reader->pack);
    hpt_packs_release(reader->other);
    reader->pack = reader->other = NULL;
    if (!hpt_packs_refresh(reader->store, false, error) || !look_up(reader, error))
        return false;
    int64_t skip = reader->given;
    for (reader->at = 0, reader->done = 0; skip > 0 && reader->at < reader->object.refs;) {
        uint32_t piece;
        HptPack *pack = piece_at(reader, reader->at, &piece, error);
        if (pack == NULL)
            return false;
        uint32_t length = hpt_pack_piece(pack, piece).length;
        if (skip < length) {
            reader->done = (uint32_t)skip;
            return true;
        }
        skip -= length;
        reader->at++;
    }
    return true;
}

gssize hpt_pack_reader_read(HptPackReader *reader, void *buffer, size_t length, GError **error)
{
    size_t filled = 0;
    while (filled < length && reader->at < reader->object.refs) {
        uint32_t piece;
        g_autoptr(GError) problem = NULL;
        HptPack *pack = piece_at(reader, reader->at, &piece, &problem);
        if (pack == NULL) {
            if (!reopen(reader, error)) {
                if (error != NULL && *error == NULL)
                    g_propagate_error(error, g_steal_pointer(&problem));
                return -1;
            }
            continue;
        }
        uint32_t whole = hpt_pack_piece(pack, piece).length;
        uint32_t n = (uint32_t)MIN(length - filled, whole - reader->done);
        if (!hpt_pack_read(pack, piece, reader->done, n, (char *)buffer + filled, &reader->frame,
                           error))
            return -1;
        filled += n;
        reader->given += n;
        reader->done += n;
        if (reader->done == whole) {
            reader->at++;
            reader->done = 0;
        }
    }
    return (gssize)filled;
}

char *hpt_pack_reader_find_damage(HptPackReader *reader)
{
    g_autofree uint8_t *bytes = g_malloc(HPT_CHUNK_MAX);
    for (uint32_t i = 0; i < reader->object.refs; i++) {
        uint32_t number;
        g_autoptr(GError) problem = NULL;
        HptPack *pack = piece_at(reader, i, &number, &problem);
        if (pack == NULL || !hpt_pack_read_checked(pack, number, bytes, &reader->frame, &problem))
            return g_strdup(problem->message);
    }
    return NULL;
}
