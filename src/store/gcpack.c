#include "store/gcpack.h"

#include "store/packwrite.h"
#include "store/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_BYTES (INT64_C(1) << 20)
#define SMALL_MANY 64

typedef enum { STAYS, GOES, REWRITTEN } Fate;

typedef struct {
    HptPack *pack; /* its tables: it is closed; NULL: damaged, and left alone */
    HptPackId id;
    int64_t bytes; /* on the disk */
    bool young, aside, needed, spoiled;
    uint8_t *live; /* for each piece: something needs it */
    Fate fate;
} Info;

static void free_info(void *data)
{
    Info *info = data;
    hpt_pack_close(info->pack);
    g_free(info->live);
    g_free(info);
}

void hpt_gc_forget_packs(HptGcWork *work)
{
    g_clear_pointer(&work->by_id, g_hash_table_unref);
    g_clear_pointer(&work->packs, g_ptr_array_unref);
}

/* ---- listing ---- */

static bool add_pack(HptGcWork *work, const HptPackId *id, bool aside, GError **error)
{
    g_autofree char *name = hpt_pack_name(id);
    int folder = aside ? work->aside_fd : hpt_packs_folder(work->store);
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat stat;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &stat) != 0) {
        hpt_error_set_errno(error, errno, "cannot open the pack %s", name);
        if (fd >= 0)
            close(fd);
        return false;
    }
    g_autoptr(GError) problem = NULL;
    Info *info = g_new0(Info, 1);
    info->id = *id;
    info->aside = aside;
    info->bytes = (int64_t)stat.st_blocks * 512;
    info->young = hpt_gc_touched_us(&stat) > work->limit_us;
    info->pack = hpt_pack_open(fd, id, &problem);
    if (info->pack == NULL && problem->code != HPT_ERROR_INTEGRITY) {
        free_info(info);
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (info->pack != NULL) {
        hpt_pack_shut(info->pack);
        info->live = g_malloc0((size_t)info->pack->pieces + 1);
        for (uint32_t i = 0; i < info->pack->objects; i++) {
            HptPackObject object = hpt_pack_object(info->pack, i);
            hpt_gc_know(work, &object.id.digest);
        }
    }
    g_ptr_array_add(work->packs, info);
    g_hash_table_replace(work->by_id, &info->id, info);
    return true;
}

bool hpt_gc_list_packs(HptGcWork *work, GError **error)
{
    hpt_gc_forget_packs(work);
    work->packs = g_ptr_array_new_with_free_func(free_info);
    work->by_id = g_hash_table_new(hpt_digest_hash, hpt_chunk_key_equal);
    for (int aside = 1; aside >= 0; aside--) {
        g_autoptr(GArray) ids = hpt_packs_list(work->store, aside, error);
        for (guint i = 0; ids != NULL && i < ids->len; i++)
            if (!add_pack(work, &g_array_index(ids, HptPackId, i), aside, error))
                return false;
        if (ids == NULL)
            return false;
    }
    return true;
}

/* ---- what is needed ---- */

/* The pack of reference i of the pack, and the piece; NULL: it is not there or damaged. */
static Info *piece_of(HptGcWork *work, Info *info, uint32_t i, uint32_t *piece)
{
    HptPackId other;
    Info *in = info;
    if (hpt_pack_ref(info->pack, i, piece, &other))
        in = g_hash_table_lookup(work->by_id, &other);
    return in == NULL || in->pack == NULL || *piece >= in->pack->pieces ? NULL : in;
}

static void need(HptGcWork *work, Info *info, const HptPackObject *object)
{
    info->needed = true;
    for (uint32_t i = 0; i < object->refs; i++) {
        uint32_t piece;
        Info *in = piece_of(work, info, object->first + i, &piece);
        if (in == NULL)
            continue;
        in->needed = true;
        in->live[piece] = 1;
    }
}

/* How well an object can be read from a pack: 0 without what lies aside, 1 with that, 2 not whole. */
static int rank_of(HptGcWork *work, Info *info, const HptPackObject *object)
{
    int rank = info->aside;
    for (uint32_t i = 0; i < object->refs; i++) {
        uint32_t piece;
        Info *in = piece_of(work, info, object->first + i, &piece);
        if (in == NULL)
            return 2;
        rank |= in->aside;
    }
    return rank;
}

/* Everything in young packs is needed, and of every object that is named the best there is. */
static void find_needed(HptGcWork *work)
{
    for (int rank = 0; rank < 3; rank++)
        for (guint p = 0; p < work->packs->len; p++) {
            Info *info = work->packs->pdata[p];
            for (uint32_t i = 0; info->pack != NULL && i < info->pack->objects; i++) {
                HptPackObject object = hpt_pack_object(info->pack, i);
                HptGcKnown *known = hpt_gc_know(work, &object.id.digest);
                bool wanted = known->kept && !known->chosen;
                if (info->young && rank == 0) {
                    known->young = true;
                    need(work, info, &object);
                }
                if (wanted && rank_of(work, info, &object) == rank) {
                    known->chosen = true;
                    known->broken = rank == 2;
                    need(work, info, &object);
                }
            }
        }
}

/* ---- what goes ---- */

/* Stored bytes of the frames in which something is needed. */
static int64_t live_bytes(const Info *info)
{
    int64_t sum = 0;
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < info->pack->pieces; i++) {
        uint32_t frame = hpt_pack_piece(info->pack, i).frame, stored, length;
        if (!info->live[i] || frame == last)
            continue;
        hpt_pack_frame(info->pack, frame, &stored, &length);
        sum += stored;
        last = frame;
    }
    return sum;
}

static int64_t frame_bytes(const HptPack *pack)
{
    return (int64_t)pack->offsets[pack->frames] - HPT_PACK_HEAD;
}

static bool is_movable(const Info *info)
{
    return info->pack != NULL && !info->young && !info->aside && !info->spoiled;
}

static guint count_small(const HptGcWork *work)
{
    guint small = 0;
    for (guint p = 0; p < work->packs->len; p++) {
        const Info *info = work->packs->pdata[p];
        small += is_movable(info) && info->needed && info->bytes < SMALL_BYTES;
    }
    return small;
}

/* An object of which no whole pack is left is not copied: what it lies in stays, too. */
static void spare_broken(HptGcWork *work)
{
    for (guint p = 0; p < work->packs->len; p++) {
        Info *info = work->packs->pdata[p];
        for (uint32_t i = 0; info->pack != NULL && i < info->pack->objects; i++) {
            HptPackObject object = hpt_pack_object(info->pack, i);
            const HptGcKnown *known = hpt_gc_know(work, &object.id.digest);
            if (!known->broken)
                continue;
            info->spoiled = true;
            for (uint32_t k = 0; k < object.refs; k++) {
                uint32_t piece;
                Info *in = piece_of(work, info, object.first + k, &piece);
                if (in != NULL)
                    in->spoiled = true;
            }
        }
    }
}

void hpt_gc_plan_packs(HptGcWork *work, int64_t *bytes, int64_t *removed_bytes)
{
    find_needed(work);
    spare_broken(work);
    bool merge = count_small(work) >= SMALL_MANY;
    for (guint p = 0; p < work->packs->len; p++) {
        Info *info = work->packs->pdata[p];
        *bytes += info->bytes;
        info->fate = STAYS;
        if (info->aside && !info->young && !info->needed && info->pack != NULL) {
            *removed_bytes += info->bytes; /* left there by one that was killed */
            continue;
        }
        int64_t live = info->pack == NULL ? 0 : live_bytes(info);
        if (is_movable(info) && !info->needed)
            info->fate = GOES;
        else if (is_movable(info) && (live * 2 < frame_bytes(info->pack) ||
                                      (merge && info->bytes < SMALL_BYTES)))
            info->fate = REWRITTEN;
        if (info->fate != STAYS)
            *removed_bytes += MAX(info->bytes - live, 0);
        for (uint32_t i = 0; info->pack != NULL && info->fate == STAYS && i < info->pack->objects;
             i++) {
            HptPackObject object = hpt_pack_object(info->pack, i);
            hpt_gc_know(work, &object.id.digest)->stays = true;
        }
    }
}

/* ---- the new pack ---- */

static bool leans_on_rewritten(HptGcWork *work, Info *info, const HptPackObject *object)
{
    if (info->fate == REWRITTEN)
        return true;
    for (uint32_t i = 0; i < object->refs; i++) {
        uint32_t piece;
        Info *in = piece_of(work, info, object->first + i, &piece);
        if (in != NULL && in->fate == REWRITTEN)
            return true;
    }
    return false;
}

/* A piece of a pack that is rewritten, into the new one. */
static bool copy_piece(HptGcWork *work, HptPackWriter *writer, Info *from, uint32_t number,
                       HptFrame *frame, uint8_t *bytes, GError **error)
{
    HptPack *pack = hpt_packs_hold(work->store, &from->id, error);
    if (pack == NULL)
        return false;
    HptPiece piece = hpt_pack_piece(pack, number);
    bool ok = hpt_pack_read_checked(pack, number, bytes, frame, error);
    hpt_packs_release(pack);
    if (!ok)
        return false;
    uint32_t made;
    if (!hpt_pack_writer_has(writer, &piece.key, bytes, piece.length, &made) &&
        !hpt_pack_writer_add(writer, &piece.key, bytes, piece.length, &made, error))
        return false;
    hpt_pack_writer_ref(writer, NULL, made);
    return true;
}

static bool copy_object(HptGcWork *work, HptPackWriter *writer, Info *info,
                        const HptPackObject *object, HptFrame *frame, uint8_t *bytes,
                        GError **error)
{
    for (uint32_t i = 0; i < object->refs; i++) {
        uint32_t piece;
        Info *in = piece_of(work, info, object->first + i, &piece);
        if (in->fate != REWRITTEN) {
            hpt_pack_writer_ref(writer, &in->id, piece);
        } else if (!copy_piece(work, writer, in, piece, frame, bytes, error)) {
            /* A damaged pack is evidence: it stays as it is. */
            in->spoiled = true;
            return false;
        }
    }
    hpt_pack_writer_end_object(writer, &object->id);
    return true;
}

/* Writes every needed object that lies in a rewritten pack, or leans on one. */
static bool write_objects(HptGcWork *work, HptPackWriter *writer, GError **error)
{
    g_autofree uint8_t *bytes = g_malloc(HPT_CHUNK_MAX);
    HptFrame frame = {0};
    bool ok = true;
    for (guint p = 0; ok && p < work->packs->len; p++) {
        Info *info = work->packs->pdata[p];
        for (uint32_t i = 0; ok && info->pack != NULL && i < info->pack->objects; i++) {
            HptPackObject object = hpt_pack_object(info->pack, i);
            const HptGcKnown *known = hpt_gc_know(work, &object.id.digest);
            if ((known->kept || known->young) && leans_on_rewritten(work, info, &object) &&
                rank_of(work, info, &object) < 2 &&
                !hpt_pack_writer_has_object(writer, &object.id.digest))
                ok = copy_object(work, writer, info, &object, &frame, bytes, error);
        }
    }
    hpt_frame_clear(&frame);
    return ok;
}

static bool rewrite(HptGcWork *work, GError **error)
{
    for (;;) {
        bool any = false;
        for (guint p = 0; p < work->packs->len; p++) {
            Info *info = work->packs->pdata[p];
            if (info->fate == REWRITTEN && info->spoiled)
                info->fate = STAYS;
            any |= info->fate == REWRITTEN;
        }
        if (!any)
            return true;
        g_autoptr(GError) problem = NULL;
        g_autoptr(HptPackWriter) writer = hpt_pack_writer_new(work->store);
        if (!write_objects(work, writer, &problem)) {
            if (problem->code == HPT_ERROR_INTEGRITY)
                continue; /* without the damaged one */
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        if (hpt_pack_writer_objects(writer) == 0)
            return true;
        HptPack *pack = hpt_pack_writer_publish(writer, error);
        if (pack == NULL)
            return false;
        hpt_packs_add(work->store, pack);
        return hpt_stream_sync(hpt_packs_folder(work->store), work->store->dir, error);
    }
}

/* ---- moving ---- */

bool hpt_gc_move_packs(HptGcWork *work, bool *any, GError **error)
{
    if (!rewrite(work, error))
        return false;
    int folder = hpt_packs_folder(work->store);
    for (guint p = 0; p < work->packs->len; p++) {
        Info *info = work->packs->pdata[p];
        *any |= info->aside;
        if (info->fate == STAYS)
            continue;
        g_autofree char *name = hpt_pack_name(&info->id);
        if (renameat(folder, name, work->aside_fd, name) != 0 && errno != ENOENT) {
            hpt_error_set_errno(error, errno, "cannot move the pack %s", name);
            return false;
        }
        *any = true;
    }
    return true;
}

bool hpt_gc_settle_packs(HptGcWork *work, GError **error)
{
    int folder = hpt_packs_folder(work->store);
    find_needed(work);
    for (guint p = 0; p < work->packs->len; p++) {
        Info *info = work->packs->pdata[p];
        if (!info->aside)
            continue;
        bool back = info->needed || info->young || info->pack == NULL;
        g_autofree char *name = hpt_pack_name(&info->id);
        bool done = back ? renameat(work->aside_fd, name, folder, name) == 0
                         : unlinkat(work->aside_fd, name, 0) == 0;
        if (!done && errno != ENOENT) {
            hpt_error_set_errno(error, errno, "cannot %s the pack %s",
                                back ? "put back" : "remove", name);
            return false;
        }
    }
    return true;
}
