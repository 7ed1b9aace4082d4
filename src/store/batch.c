#include "store/batch.h"

#include "store/objectfile.h"
#include "store/packs.h"
#include "store/packwrite.h"
#include "store/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)1024 * 1024) /* read and hashed at once */
#define BLOCKS 4                    /* on their way between the two threads */

struct HptBatch {
    HptStore *store;
    HptPackWriter *writer;
    HptKeyer *keyer;
    HptFrame frame;     /* of other packs, read to compare */
    uint8_t *stored;    /* a chunk of them */
    uint8_t *small;     /* a file of up to a block */
    GHashTable *leaned; /* HptPackId, owned: packs touched by this batch */
    GArray *files;      /* HptDigest: found as files of their own, their folders not yet synced */
    uint8_t folders[256]; /* of such files, by the first byte of the digest: HAS_… */
    bool packed;        /* something was found in a pack */
    bool begun;
    bool broken; /* what was written could not be taken back */
};

HptBatch *hpt_batch_begin(HptStore *store)
{
    HptBatch *batch = g_new0(HptBatch, 1);
    batch->store = store;
    batch->writer = hpt_pack_writer_new(store);
    batch->keyer = hpt_keyer_new();
    batch->leaned = g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    batch->files = g_array_new(false, false, sizeof(HptDigest));
    return batch;
}

void hpt_batch_free(HptBatch *batch)
{
    if (batch == NULL)
        return;
    hpt_pack_writer_free(batch->writer);
    hpt_keyer_free(batch->keyer);
    hpt_frame_clear(&batch->frame);
    g_free(batch->stored);
    g_free(batch->small);
    g_hash_table_unref(batch->leaned);
    g_array_unref(batch->files);
    g_free(batch);
}

/* Before the first put: what is there. */
static bool begin(HptBatch *batch, GError **error)
{
    if (batch->broken) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "an earlier write below %s failed",
                    batch->store->dir);
        return false;
    }
    if (!batch->begun && !hpt_packs_refresh(batch->store, true, error))
        return false;
    batch->begun = true;
    return true;
}

/* ---- what is there already ---- */

/* May this batch lean on the pack? Then a collector leaves it alone for a day. */
static bool lean(HptBatch *batch, const HptPackId *id)
{
    if (g_hash_table_contains(batch->leaned, id))
        return true;
    if (!hpt_packs_touch(batch->store, id))
        return false;
    g_hash_table_add(batch->leaned, g_memdup2(id, sizeof *id));
    return true;
}

static bool packed_object(HptBatch *batch, const HptObjectId *id)
{
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(HptPlace));
    hpt_packs_find_object(batch->store, &id->digest, places);
    for (guint i = 0; i < places->len; i++) {
        const HptPlace *place = &g_array_index(places, HptPlace, i);
        HptPack *pack = hpt_packs_hold(batch->store, &place->pack, NULL);
        if (pack == NULL)
            continue;
        bool found = false;
        if (place->number < pack->objects) {
            HptPackObject object = hpt_pack_object(pack, place->number);
            found = memcmp(&object.id.digest, &id->digest, HPT_DIGEST_SIZE) == 0 &&
                    object.id.size == id->size && lean(batch, &pack->id);
            for (uint32_t k = 0; found && k < object.refs; k++) {
                uint32_t piece;
                HptPackId other;
                if (hpt_pack_ref(pack, object.first + k, &piece, &other))
                    found = lean(batch, &other);
            }
        }
        hpt_packs_release(pack);
        if (found)
            return true;
    }
    return false;
}

enum { HAS_UNKNOWN, HAS_NONE, HAS_FOLDER };

/* Is there a folder in which it could be as a file of its own? Asked once: what is made later by others is
 * stored a second time at worst, and most stores have few such folders. */
static bool has_folder(HptBatch *batch, const HptDigest *digest)
{
    uint8_t *has = &batch->folders[digest->bytes[0]];
    if (*has == HAS_UNKNOWN) {
        char hex[HPT_DIGEST_HEX_SIZE];
        hpt_digest_hex(digest, hex)[2] = '\0';
        bool none = faccessat(batch->store->objects_fd, hex, F_OK, 0) != 0 && errno == ENOENT;
        *has = none ? HAS_NONE : HAS_FOLDER;
    }
    return *has == HAS_FOLDER;
}

/* Is it in this batch or in the store? */
static bool find_object(HptBatch *batch, const HptObjectId *id, bool *found, GError **error)
{
    *found = hpt_pack_writer_has_object(batch->writer, &id->digest);
    if (*found)
        return true;
    *found = packed_object(batch, id);
    batch->packed |= *found;
    if (*found || !has_folder(batch, &id->digest))
        return true;
    if (!hpt_object_find_file(batch->store, id, found, error)) {
        hpt_store_prefix(error, &id->digest);
        return false;
    }
    if (*found)
        g_array_append_val(batch->files, id->digest);
    return true;
}

/* A chunk of the store with the same bytes: what is damaged there is not, and is stored anew. */
static bool packed_piece(HptBatch *batch, const HptChunkKey *key, const uint8_t *data, size_t length,
                         HptPlace *out)
{
    g_autoptr(GArray) places = g_array_new(false, false, sizeof(HptPlace));
    hpt_packs_find_piece(batch->store, key, places);
    for (guint i = 0; i < places->len; i++) {
        const HptPlace *place = &g_array_index(places, HptPlace, i);
        HptPack *pack = hpt_packs_hold(batch->store, &place->pack, NULL);
        if (pack == NULL)
            continue;
        bool same = place->number < pack->pieces &&
                    hpt_pack_piece(pack, place->number).length == length;
        if (same && batch->stored == NULL)
            batch->stored = g_malloc(HPT_CHUNK_MAX);
        same = same &&
               hpt_pack_read(pack, place->number, 0, (uint32_t)length, batch->stored, &batch->frame,
                             NULL) &&
               memcmp(batch->stored, data, length) == 0 && lean(batch, &pack->id);
        hpt_packs_release(pack);
        if (same) {
            *out = *place;
            return true;
        }
    }
    return false;
}

/* ---- putting ---- */

static bool put_chunk(HptBatch *batch, const uint8_t *data, size_t length, GError **error)
{
    HptChunkKey key = hpt_keyer_key(batch->keyer, data, length);
    HptPlace place;
    uint32_t piece;
    if (packed_piece(batch, &key, data, length, &place)) {
        hpt_pack_writer_ref(batch->writer, &place.pack, place.number);
        return true;
    }
    if (!hpt_pack_writer_has(batch->writer, &key, data, length, &piece) &&
        !hpt_pack_writer_add(batch->writer, &key, data, length, &piece, error))
        return false;
    hpt_pack_writer_ref(batch->writer, NULL, piece);
    return true;
}

/* Cuts all of data, or as long as the cuts are final: *used says how much that is. */
static bool put_chunks(HptBatch *batch, const uint8_t *data, size_t length, bool all, size_t *used,
                       GError **error)
{
    size_t at = 0;
    while (at < length && (all || length - at >= HPT_CHUNK_MAX)) {
        size_t n = hpt_chunk_cut(data + at, length - at);
        if (!put_chunk(batch, data + at, n, error))
            return false;
        at += n;
    }
    *used = at;
    return true;
}

/* Ends a put: on failure nothing of it stays. */
static bool end_put(HptBatch *batch, bool ok, const HptObjectId *id)
{
    if (ok)
        hpt_pack_writer_end_object(batch->writer, id);
    else if (!hpt_pack_writer_rollback(batch->writer, NULL))
        batch->broken = true;
    return ok;
}

bool hpt_batch_put_bytes(HptBatch *batch, const void *data, size_t length, HptObjectId *out,
                         GError **error)
{
    HptObjectId id = hpt_object_id(data, length);
    bool found = false;
    size_t used;
    if (!begin(batch, error) || !find_object(batch, &id, &found, error))
        return false;
    if (!found && !end_put(batch, put_chunks(batch, data, length, true, &used, error), &id))
        return false;
    *out = id;
    return true;
}

/* ---- files ---- */

/* A block has room before its bytes for what the one before it left uncut. */
typedef struct {
    uint8_t *room;
    size_t length; /* of the bytes at room + HPT_CHUNK_MAX; 0: the end of the file, or errnum */
    int errnum;
} Block;

/* One thread reads and hashes, the other cuts and writes: half of the work each. */
typedef struct {
    Block blocks[BLOCKS];
    GAsyncQueue *empty, *full;
    HptDigester *digester;
    int fd;
    int64_t offset;
    gint stop;       /* atomic: nobody waits for more */
    GThread *thread; /* NULL: there is none, and what it does is done when it is asked for */
} Pipe;

/* The next block: it is handed on before it is hashed, since both only read it. False at the end. */
static bool pipe_step(Pipe *pipe)
{
    Block *block = g_async_queue_pop(pipe->empty);
    if (g_atomic_int_get(&pipe->stop) != 0)
        return false;
    gssize n = hpt_stream_read_at(pipe->fd, block->room + HPT_CHUNK_MAX, BLOCK, pipe->offset);
    block->errnum = n < 0 ? errno : 0;
    block->length = n < 0 ? 0 : (size_t)n;
    pipe->offset += (int64_t)block->length;
    size_t length = block->length;
    g_async_queue_push(pipe->full, block);
    if (length > 0)
        hpt_digester_add(pipe->digester, block->room + HPT_CHUNK_MAX, length);
    return length > 0;
}

static void *pipe_run(void *user)
{
    while (pipe_step(user)) {
    }
    return NULL;
}

static void pipe_open(Pipe *pipe, int fd)
{
    *pipe = (Pipe){.digester = hpt_digester_new(), .fd = fd};
    pipe->empty = g_async_queue_new();
    pipe->full = g_async_queue_new();
    for (int i = 0; i < BLOCKS; i++) {
        pipe->blocks[i].room = g_malloc(HPT_CHUNK_MAX + BLOCK);
        g_async_queue_push(pipe->empty, &pipe->blocks[i]);
    }
    pipe->thread = g_thread_try_new("read", pipe_run, pipe, NULL);
}

/* The next block of the file, NULL at its end or on failure. done (may be NULL) is one that is of no
 * use any more. */
static Block *pipe_next(Pipe *pipe, Block *done, GError **error)
{
    if (done != NULL)
        g_async_queue_push(pipe->empty, done);
    if (pipe->thread == NULL)
        (void)pipe_step(pipe);
    Block *block = g_async_queue_pop(pipe->full);
    if (block->length > 0)
        return block;
    if (block->errnum != 0)
        hpt_error_set_errno(error, block->errnum, "reading");
    return NULL;
}

static void pipe_close(Pipe *pipe, HptDigest *digest)
{
    g_atomic_int_set(&pipe->stop, 1);
    if (pipe->thread != NULL) {
        g_async_queue_push(pipe->empty, &pipe->blocks[0]); /* it may be waiting for one */
        g_thread_join(pipe->thread);
    }
    *digest = hpt_digester_get(pipe->digester);
    hpt_digester_free(pipe->digester);
    for (int i = 0; i < BLOCKS; i++)
        g_free(pipe->blocks[i].room);
    g_async_queue_unref(pipe->empty);
    g_async_queue_unref(pipe->full);
}

/* Cuts the whole file, which is to have size bytes. */
static bool put_through(HptBatch *batch, Pipe *pipe, int64_t size, GError **error)
{
    g_autoptr(GError) problem = NULL;
    const uint8_t *rest = NULL; /* uncut, at the end of the block before */
    size_t left = 0;
    int64_t done = 0;
    Block *block = pipe_next(pipe, NULL, &problem), *before = NULL;
    while (block != NULL && done + (int64_t)block->length <= size) {
        uint8_t *from = block->room + HPT_CHUNK_MAX - left;
        if (left > 0)
            memcpy(from, rest, left);
        done += (int64_t)block->length;
        size_t used;
        if (!put_chunks(batch, from, left + block->length, done == size, &used, error))
            return false;
        rest = from + used;
        left = left + block->length - used;
        Block *next = pipe_next(pipe, before, &problem);
        before = block;
        block = next;
    }
    if (problem != NULL)
        g_propagate_error(error, g_steal_pointer(&problem));
    else if (block == NULL && done == size)
        return true;
    else
        hpt_object_set_changed(error);
    return false;
}

static bool put_large(HptBatch *batch, int fd, const struct stat *before, HptObjectId *id,
                      GError **error)
{
    Pipe pipe;
    bool found = false;
    pipe_open(&pipe, fd);
    bool ok = put_through(batch, &pipe, id->size, error);
    pipe_close(&pipe, &id->digest);
    ok = ok && hpt_object_unchanged(fd, before, error) && find_object(batch, id, &found, error);
    (void)end_put(batch, ok && !found, id);
    return ok;
}

static bool put_small(HptBatch *batch, int fd, const struct stat *before, HptObjectId *id,
                      GError **error)
{
    if (batch->small == NULL)
        batch->small = g_malloc(BLOCK + 1);
    /* One call in almost every case: that what it gave is all shows in the look afterwards. */
    gssize n = pread(fd, batch->small, (size_t)id->size + 1, 0);
    if (n != id->size)
        n = hpt_stream_read_at(fd, batch->small, (size_t)id->size + 1, 0);
    if (n < 0) {
        hpt_error_set_errno(error, errno, "reading");
        return false;
    }
    if (n != id->size) {
        hpt_object_set_changed(error);
        return false;
    }
    return hpt_object_unchanged(fd, before, error) &&
           hpt_batch_put_bytes(batch, batch->small, (size_t)n, id, error);
}

bool hpt_batch_put_fd(HptBatch *batch, int fd, const char *name, HptObjectId *out, GError **error)
{
    struct stat before;
    HptObjectId id;
    bool ok = begin(batch, error) && hpt_object_examine(fd, &before, error);
    if (ok) {
        id.size = before.st_size;
        ok = id.size > (int64_t)BLOCK ? put_large(batch, fd, &before, &id, error)
                                      : put_small(batch, fd, &before, &id, error);
    }
    if (ok) {
        *out = id;
        return true;
    }
    g_prefix_error(error, "%s: ", name);
    return false;
}

/* ---- the end ---- */

static bool publish(HptBatch *batch, GError **error)
{
    const GArray *packs = hpt_pack_writer_peek_packs(batch->writer);
    for (guint i = 0; i < packs->len; i++)
        if (!hpt_packs_touch(batch->store, &g_array_index(packs, HptPackId, i))) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                        "a collector removed what these files share with others");
            return false;
        }
    HptPack *pack = hpt_pack_writer_publish(batch->writer, error);
    if (pack == NULL)
        return false;
    hpt_packs_add(batch->store, pack);
    batch->packed = true;
    return true;
}

bool hpt_batch_commit(HptBatch *batch, GError **error)
{
    if (!begin(batch, error) ||
        (hpt_pack_writer_objects(batch->writer) > 0 && !publish(batch, error)))
        return false;
    /* Even where somebody else stored it, their fsync of the folder may not have happened yet. */
    if (batch->packed && !hpt_stream_sync(hpt_packs_folder(batch->store), batch->store->dir, error))
        return false;
    bool synced[256] = {false};
    for (guint i = 0; i < batch->files->len; i++) {
        const HptDigest *digest = &g_array_index(batch->files, HptDigest, i);
        if (!synced[digest->bytes[0]] && !hpt_object_sync_folder(batch->store, digest, error))
            return false;
        synced[digest->bytes[0]] = true;
    }
    return true;
}
