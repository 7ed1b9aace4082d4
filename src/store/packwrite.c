#include "store/packwrite.h"

#include "store/packs.h"
#include "store/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PROBE 4096
#define GROUP_MAX ((size_t)128 * 1024) /* small pieces that share a frame */
#define LEVEL 3
#define BUFFER ((size_t)64 * 1024) /* written at once, and ends at a multiple of it */
#define WRITE_BEHIND (8 * 1024 * 1024)

/* How far everything was when the last object ended. */
typedef struct {
    guint frames, pieces, refs, flushes;
    size_t group;
    int64_t size;
} Mark;

typedef struct {
    int64_t offset;
    uint32_t stored, length;
    HptChunkKey key; /* of what is stored, if it is compressed */
} Frame;

struct HptPackWriter {
    HptStore *store;
    HptPackId id;
    char *tmp; /* name in DIR/tmp */
    int fd;
    int64_t size;    /* with what is buffered */
    int64_t written; /* without */
    int64_t asked;   /* of that, what was asked to be on its way to the disk */
    GArray *frames;  /* Frame */
    GArray *pieces; /* HptPiece */
    GArray *refs;   /* two uint32_t each: pack, piece */
    GArray *objects; /* HptPackObject */
    GArray *packs;  /* HptPackId */
    GHashTable *pieces_by_key;  /* key, owned -> 1 + piece */
    GHashTable *objects_by_digest; /* digest, owned */
    GHashTable *packs_by_id;    /* id, owned -> 1 + place */
    uint8_t *group;             /* the frame of small pieces that is being filled */
    size_t group_used;
    uint8_t *buffer;
    size_t buffered;
    uint8_t *compressed;
    ZSTD_CCtx *zstd;
    HptKeyer *keyer;
    guint flushes; /* of groups */
    Mark mark;
};

static void new_id(HptPackId *id)
{
    g_autofree char *uuid = hpt_uuid_new();
    size_t n = 0;
    for (const char *at = uuid; n < 32 && *at != '\0'; at++) {
        if (*at == '-')
            continue;
        unsigned value = (unsigned)g_ascii_xdigit_value(*at);
        unsigned both = n % 2 == 0 ? value << 4 : id->bytes[n / 2] | value;
        id->bytes[n / 2] = (uint8_t)both;
        n++;
    }
}

HptPackWriter *hpt_pack_writer_new(HptStore *store)
{
    HptPackWriter *writer = g_new0(HptPackWriter, 1);
    writer->store = store;
    writer->fd = -1;
    new_id(&writer->id);
    writer->frames = g_array_new(false, false, sizeof(Frame));
    writer->pieces = g_array_new(false, false, sizeof(HptPiece));
    writer->refs = g_array_new(false, false, 2 * sizeof(uint32_t));
    writer->objects = g_array_new(false, false, sizeof(HptPackObject));
    writer->packs = g_array_new(false, false, sizeof(HptPackId));
    writer->pieces_by_key =
        g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    writer->objects_by_digest =
        g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    writer->packs_by_id = g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    return writer;
}

void hpt_pack_writer_free(HptPackWriter *writer)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->tmp != NULL)
        unlinkat(writer->store->tmp_fd, writer->tmp, 0);
    g_free(writer->tmp);
    g_array_unref(writer->frames);
    g_array_unref(writer->pieces);
    g_array_unref(writer->refs);
    g_array_unref(writer->objects);
    g_array_unref(writer->packs);
    g_hash_table_unref(writer->pieces_by_key);
    g_hash_table_unref(writer->objects_by_digest);
    g_hash_table_unref(writer->packs_by_id);
    g_free(writer->group);
    g_free(writer->buffer);
    g_free(writer->compressed);
    ZSTD_freeCCtx(writer->zstd);
    hpt_keyer_free(writer->keyer);
    g_free(writer);
}

/* ---- bytes ---- */

/* Asks for what was written to go to the disk already, so that fsync finds less to do. */
static void write_behind(HptPackWriter *writer)
{
    if (writer->written - writer->asked < WRITE_BEHIND)
        return;
    (void)sync_file_range(writer->fd, writer->asked, writer->written - writer->asked,
                          SYNC_FILE_RANGE_WRITE);
    writer->asked = writer->written;
}

static bool flush_buffer(HptPackWriter *writer, GError **error)
{
    if (!hpt_stream_write_all(writer->fd, writer->buffer, writer->buffered, writer->store->dir,
                              error))
        return false;
    writer->written += (int64_t)writer->buffered;
    writer->buffered = 0;
    write_behind(writer);
    return true;
}

static bool begin(HptPackWriter *writer, GError **error)
{
    if (writer->fd >= 0)
        return true;
    g_autofree char *tmp = hpt_uuid_new();
    writer->fd = openat(writer->store->tmp_fd, tmp,
                        O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (writer->fd < 0) {
        hpt_stream_write_error(error, errno, writer->store->dir);
        return false;
    }
    writer->tmp = g_steal_pointer(&tmp);
    writer->buffer = g_malloc(BUFFER);
    writer->group = g_malloc(GROUP_MAX);
    writer->compressed = g_malloc(ZSTD_compressBound(HPT_FRAME_MAX));
    writer->keyer = hpt_keyer_new();
    writer->zstd = ZSTD_createCCtx();
    g_assert(writer->zstd != NULL);
    memcpy(writer->buffer, HPT_PACK_MAGIC, 8);
    memcpy(writer->buffer + 8, writer->id.bytes, 16);
    writer->buffered = HPT_PACK_HEAD;
    writer->size = writer->mark.size = HPT_PACK_HEAD;
    return true;
}

/* Everything goes through the buffer: the kernel takes whole aligned blocks at little more than half the cost of
 * a write for each frame, which ends within a page and comes back to it. Larger blocks need memory in
 * larger pieces, which is not always at hand. */
static bool put(HptPackWriter *writer, const void *data, size_t length, GError **error)
{
    const uint8_t *at = data;
    writer->size += (int64_t)length;
    while (length > 0) {
        size_t room = BUFFER - (size_t)writer->written % BUFFER - writer->buffered;
        size_t n = MIN(length, room);
        memcpy(writer->buffer + writer->buffered, at, n);
        writer->buffered += n;
        if (n == room && !flush_buffer(writer, error))
            return false;
        at += n;
        length -= n;
    }
    return true;
}

/* Does the head promise a tenth? */
static bool is_promising(HptPackWriter *writer, const void *data, size_t length)
{
    size_t probe = MIN(length, PROBE), room = ZSTD_compressBound(HPT_FRAME_MAX);
    size_t n = ZSTD_compressCCtx(writer->zstd, writer->compressed, room, data, probe, 1);
    return !ZSTD_isError(n) && n < probe - probe / 10;
}

static bool write_frame(HptPackWriter *writer, const void *data, size_t length, GError **error)
{
    size_t stored = length;
    if (is_promising(writer, data, length)) {
        ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
        size_t n = ZSTD_compress2(writer->zstd, writer->compressed,
                                  ZSTD_compressBound(HPT_FRAME_MAX), data, length);
        if (!ZSTD_isError(n) && n < length)
            stored = n;
    }
    Frame frame = {
        .offset = writer->size, .stored = (uint32_t)stored, .length = (uint32_t)length};
    if (stored < length)
        frame.key = hpt_keyer_key(writer->keyer, writer->compressed, stored);
    g_array_append_val(writer->frames, frame);
    return put(writer, stored < length ? writer->compressed : data, stored, error);
}

static bool flush_group(HptPackWriter *writer, GError **error)
{
    if (writer->group_used == 0)
        return true;
    /* What could not be written is still in the group. */
    if (!write_frame(writer, writer->group, writer->group_used, error))
        return false;
    writer->group_used = 0;
    writer->flushes++;
    return true;
}

/* ---- pieces and objects ---- */

bool hpt_pack_writer_add(HptPackWriter *writer, const HptChunkKey *key, const void *data,
                         size_t length, uint32_t *piece, GError **error)
{
    g_assert(length > 0 && length <= HPT_CHUNK_MAX);
    HptPiece made = {.key = *key, .length = (uint32_t)length};
    bool large = length >= HPT_CHUNK_MIN;
    if (!begin(writer, error) ||
        ((large || writer->group_used + length > GROUP_MAX) && !flush_group(writer, error)))
        return false;
    made.frame = writer->frames->len;
    if (large) {
        if (!write_frame(writer, data, length, error))
            return false;
    } else {
        made.offset = (uint32_t)writer->group_used;
        memcpy(writer->group + writer->group_used, data, length);
        writer->group_used += length;
    }
    *piece = writer->pieces->len;
    g_array_append_val(writer->pieces, made);
    g_hash_table_insert(writer->pieces_by_key, g_memdup2(key, sizeof *key),
                        GUINT_TO_POINTER(writer->pieces->len));
    return true;
}

/* A frame may be in the file, in the buffer, or begin in the one and end in the other. */
static bool read_back(HptPackWriter *writer, const Frame *frame, uint8_t *out)
{
    int64_t in_file = CLAMP(writer->written - frame->offset, 0, (int64_t)frame->stored);
    size_t n = (size_t)in_file;
    if (n < frame->stored)
        memcpy(out + n, writer->buffer + (frame->offset + in_file - writer->written),
               frame->stored - n);
    return hpt_stream_read_at(writer->fd, out, n, frame->offset) == in_file;
}

bool hpt_pack_writer_has(HptPackWriter *writer, const HptChunkKey *key, const void *data,
                         size_t length, uint32_t *piece)
{
    guint at = GPOINTER_TO_UINT(g_hash_table_lookup(writer->pieces_by_key, key));
    if (at == 0)
        return false;
    const HptPiece *made = &g_array_index(writer->pieces, HptPiece, at - 1);
    *piece = at - 1;
    if (made->length != length)
        return false;
    if (made->frame == writer->frames->len)
        return memcmp(writer->group + made->offset, data, length) == 0;
    const Frame *frame = &g_array_index(writer->frames, Frame, made->frame);
    g_autofree uint8_t *stored = g_malloc(frame->stored);
    if (!read_back(writer, frame, stored))
        return false;
    if (frame->stored == frame->length)
        return memcmp(stored + made->offset, data, length) == 0;
    g_autofree uint8_t *bytes = g_malloc(frame->length);
    size_t n = ZSTD_decompress(bytes, frame->length, stored, frame->stored);
    return n == frame->length && memcmp(bytes + made->offset, data, length) == 0;
}

void hpt_pack_writer_ref(HptPackWriter *writer, const HptPackId *pack, uint32_t piece)
{
    uint32_t ref[2] = {0, piece};
    if (pack != NULL) {
        ref[0] = GPOINTER_TO_UINT(g_hash_table_lookup(writer->packs_by_id, pack));
        if (ref[0] == 0) {
            g_array_append_val(writer->packs, *pack);
            ref[0] = writer->packs->len;
            g_hash_table_insert(writer->packs_by_id, g_memdup2(pack, sizeof *pack),
                                GUINT_TO_POINTER(ref[0]));
        }
    }
    g_array_append_val(writer->refs, ref);
}

void hpt_pack_writer_end_object(HptPackWriter *writer, const HptObjectId *id)
{
    HptPackObject object = {
        .id = *id, .first = writer->mark.refs, .refs = writer->refs->len - writer->mark.refs};
    g_array_append_val(writer->objects, object);
    g_hash_table_add(writer->objects_by_digest, g_memdup2(&id->digest, sizeof id->digest));
    writer->mark = (Mark){
        .frames = writer->frames->len,
        .pieces = writer->pieces->len,
        .refs = writer->refs->len,
        .flushes = writer->flushes,
        .group = writer->group_used,
        .size = writer->size,
    };
}

bool hpt_pack_writer_has_object(const HptPackWriter *writer, const HptDigest *digest)
{
    return g_hash_table_contains(writer->objects_by_digest, digest);
}

uint32_t hpt_pack_writer_objects(const HptPackWriter *writer)
{
    return writer->objects->len;
}

const GArray *hpt_pack_writer_peek_packs(const HptPackWriter *writer)
{
    return writer->packs;
}

bool hpt_pack_writer_rollback(HptPackWriter *writer, GError **error)
{
    const Mark *mark = &writer->mark;
    for (guint i = mark->pieces; i < writer->pieces->len; i++)
        g_hash_table_remove(writer->pieces_by_key,
                            &g_array_index(writer->pieces, HptPiece, i).key);
    g_array_set_size(writer->pieces, mark->pieces);
    g_array_set_size(writer->refs, mark->refs);
    if (writer->fd < 0)
        return true;
    /* Small pieces of earlier objects may have been flushed meanwhile: they are the first frame
     * since then, and nothing else is in it. */
    guint frames = mark->frames;
    int64_t size = mark->size;
    writer->group_used = mark->group;
    if (mark->group > 0 && writer->flushes > mark->flushes) {
        const Frame *group = &g_array_index(writer->frames, Frame, frames);
        size = group->offset + group->stored;
        writer->group_used = 0;
        frames++;
    }
    g_array_set_size(writer->frames, frames);
    writer->size = size;
    writer->buffered = (size_t)MAX(size - writer->written, 0);
    writer->written = MIN(size, writer->written);
    writer->asked = MIN(writer->asked, writer->written);
    if (ftruncate(writer->fd, writer->written) == 0 &&
        lseek(writer->fd, writer->written, SEEK_SET) >= 0)
        return true;
    hpt_stream_write_error(error, errno, writer->store->dir);
    return false;
}

/* ---- the end ---- */

static void add_numbers(GByteArray *out, uint32_t a, uint32_t b)
{
    uint8_t bytes[8];
    hpt_put32(bytes, a);
    hpt_put32(bytes + 4, b);
    g_byte_array_append(out, bytes, sizeof bytes);
}

static GByteArray *make_tables(const HptPackWriter *writer)
{
    GByteArray *out = g_byte_array_new();
    for (guint i = 0; i < writer->frames->len; i++) {
        const Frame *frame = &g_array_index(writer->frames, Frame, i);
        add_numbers(out, frame->stored, frame->length);
        g_byte_array_append(out, frame->key.bytes, sizeof frame->key.bytes);
    }
    for (guint i = 0; i < writer->pieces->len; i++) {
        const HptPiece *piece = &g_array_index(writer->pieces, HptPiece, i);
        uint8_t length[4];
        hpt_put32(length, piece->length);
        g_byte_array_append(out, piece->key.bytes, sizeof piece->key.bytes);
        add_numbers(out, piece->frame, piece->offset);
        g_byte_array_append(out, length, sizeof length);
    }
    for (guint i = 0; i < writer->objects->len; i++) {
        const HptPackObject *object = &g_array_index(writer->objects, HptPackObject, i);
        uint8_t size[8];
        hpt_put64(size, (uint64_t)object->id.size);
        g_byte_array_append(out, object->id.digest.bytes, HPT_DIGEST_SIZE);
        g_byte_array_append(out, size, sizeof size);
        add_numbers(out, object->first, object->refs);
    }
    for (guint i = 0; i < writer->refs->len; i++) {
        const uint32_t *ref = &g_array_index(writer->refs, uint32_t, 2 * i);
        add_numbers(out, ref[0], ref[1]);
    }
    g_byte_array_append(out, (const uint8_t *)writer->packs->data, writer->packs->len * 16);
    return out;
}

static bool write_tables(HptPackWriter *writer, GError **error)
{
    g_autoptr(GByteArray) tables = make_tables(writer);
    uint8_t end[HPT_PACK_END] = {0}, head[HPT_PACK_HEAD];
    memcpy(head, HPT_PACK_MAGIC, 8);
    memcpy(head + 8, writer->id.bytes, 16);
    hpt_put64(end, (uint64_t)writer->size);
    hpt_put32(end + 8, writer->frames->len);
    hpt_put32(end + 12, writer->pieces->len);
    hpt_put32(end + 16, writer->objects->len);
    hpt_put32(end + 20, writer->refs->len);
    hpt_put32(end + 24, writer->packs->len);
    g_autoptr(HptDigester) digester = hpt_digester_new();
    hpt_digester_add(digester, head, sizeof head);
    hpt_digester_add(digester, tables->data, tables->len);
    hpt_digester_add(digester, end, 32);
    HptDigest digest = hpt_digester_get(digester);
    memcpy(end + 32, digest.bytes, HPT_DIGEST_SIZE);
    memcpy(end + HPT_PACK_END - 8, HPT_PACK_MAGIC, 8);
    g_byte_array_append(tables, end, sizeof end);
    return flush_buffer(writer, error) && hpt_stream_write_all(writer->fd, tables->data, tables->len,
                                                               writer->store->dir, error);
}

HptPack *hpt_pack_writer_publish(HptPackWriter *writer, GError **error)
{
    if (!begin(writer, error) || !hpt_pack_writer_rollback(writer, error) ||
        !flush_group(writer, error) || !write_tables(writer, error) ||
        !hpt_stream_sync(writer->fd, writer->store->dir, error))
        return NULL;
    g_autofree char *name = hpt_pack_name(&writer->id);
    int folder = hpt_packs_folder(writer->store);
    /* Read back before it has a name: what does not open would hide what is in it. */
    int fd = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || folder < 0) {
        hpt_stream_write_error(error, errno, writer->store->dir);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    g_autoptr(HptPack) pack = hpt_pack_open(fd, &writer->id, error);
    if (pack == NULL)
        return NULL;
    if (renameat(writer->store->tmp_fd, writer->tmp, folder, name) != 0) {
        hpt_stream_write_error(error, errno, writer->store->dir);
        return NULL;
    }
    g_clear_pointer(&writer->tmp, g_free);
    return g_steal_pointer(&pack);
}
