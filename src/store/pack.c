#include "store/pack.h"

#include "store/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define TABLES_MAX (INT64_C(1) << 31)

/* ---- names ---- */

char *hpt_pack_name(const HptPackId *id)
{
    GString *name = g_string_sized_new(40);
    for (size_t i = 0; i < sizeof id->bytes; i++)
        g_string_append_printf(name, "%02x", id->bytes[i]);
    g_string_append(name, HPT_PACK_ENDING);
    return g_string_free(name, FALSE);
}

bool hpt_pack_parse_name(const char *name, HptPackId *id)
{
    if (strlen(name) != 2 * sizeof id->bytes + strlen(HPT_PACK_ENDING) ||
        strcmp(name + 2 * sizeof id->bytes, HPT_PACK_ENDING) != 0)
        return false;
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        int high = g_ascii_xdigit_value(name[2 * i]), low = g_ascii_xdigit_value(name[2 * i + 1]);
        if (high < 0 || low < 0 || g_ascii_isupper(name[2 * i]) || g_ascii_isupper(name[2 * i + 1]))
            return false;
        id->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- opening ---- */

static bool read_at(int fd, void *out, size_t length, int64_t offset, GError **error)
{
    gssize n = hpt_stream_read_at(fd, out, length, offset);
    if (n < 0)
        hpt_error_set_errno(error, errno, "reading");
    else if ((size_t)n < length)
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "it is cut short");
    return n == (gssize)length;
}

static bool wrong(GError **error, const char *what)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "%s", what);
    return false;
}

/* Where the tables are, from the end's counts; the digest is not looked at yet. */
static bool read_end(HptPack *pack, uint8_t *end, int64_t *at, size_t *length, GError **error)
{
    struct stat info;
    if (fstat(pack->fd, &info) != 0) {
        hpt_error_set_errno(error, errno, "reading");
        return false;
    }
    pack->size = info.st_size;
    if (!S_ISREG(info.st_mode) || pack->size < HPT_PACK_HEAD + HPT_PACK_END)
        return wrong(error, "it is cut short");
    if (!read_at(pack->fd, end, HPT_PACK_END, pack->size - HPT_PACK_END, error))
        return false;
    if (memcmp(end + HPT_PACK_END - 8, HPT_PACK_MAGIC, 8) != 0)
        return wrong(error, "it has no end: it is cut short or damaged");
    uint64_t offset = hpt_get64(end);
    pack->frames = hpt_get32(end + 8);
    pack->pieces = hpt_get32(end + 12);
    pack->objects = hpt_get32(end + 16);
    pack->refs = hpt_get32(end + 20);
    pack->packs = hpt_get32(end + 24);
    uint64_t need = (uint64_t)pack->frames * HPT_PACK_FRAME +
                    (uint64_t)pack->pieces * HPT_PACK_PIECE +
                    (uint64_t)pack->objects * HPT_PACK_OBJECT +
                    (uint64_t)pack->refs * HPT_PACK_REF + (uint64_t)pack->packs * 16;
    if (need > (uint64_t)TABLES_MAX || offset < HPT_PACK_HEAD ||
        offset > (uint64_t)(pack->size - HPT_PACK_END) ||
        (uint64_t)(pack->size - HPT_PACK_END) - offset != need)
        return wrong(error, "the numbers at its end do not fit");
    *at = (int64_t)offset;
    *length = (size_t)need;
    return true;
}

static bool check_frames(HptPack *pack, int64_t end, GError **error)
{
    uint64_t at = HPT_PACK_HEAD;
    pack->offsets = g_new(uint64_t, (size_t)pack->frames + 1);
    for (uint32_t i = 0; i < pack->frames; i++) {
        uint32_t stored, length;
        hpt_pack_frame(pack, i, &stored, &length);
        if (length == 0 || length > HPT_FRAME_MAX || stored == 0 || stored > length)
            return wrong(error, "a frame's length is impossible");
        pack->offsets[i] = at;
        at += stored;
    }
    pack->offsets[pack->frames] = at;
    return at == (uint64_t)end || wrong(error, "its frames do not end where its tables begin");
}

static bool check_pieces(const HptPack *pack, GError **error)
{
    for (uint32_t i = 0; i < pack->pieces; i++) {
        HptPiece piece = hpt_pack_piece(pack, i);
        uint32_t stored, length;
        if (piece.frame >= pack->frames)
            return wrong(error, "a piece lies in no frame");
        hpt_pack_frame(pack, piece.frame, &stored, &length);
        if (piece.length == 0 || piece.length > length || piece.offset > length - piece.length)
            return wrong(error, "a piece reaches out of its frame");
    }
    return true;
}

static bool check_objects(const HptPack *pack, GError **error)
{
    for (uint32_t i = 0; i < pack->refs; i++) {
        const uint8_t *ref = pack->ref_table + (size_t)i * HPT_PACK_REF;
        uint32_t other = hpt_get32(ref);
        if (other > pack->packs || (other == 0 && hpt_get32(ref + 4) >= pack->pieces))
            return wrong(error, "a reference leads nowhere");
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < pack->objects; i++) {
        HptPackObject object = hpt_pack_object(pack, i);
        if (object.first != used || object.refs > pack->refs - used)
            return wrong(error, "an object has references that are not there");
        used += object.refs;
        int64_t sum = 0;
        bool whole = true;
        for (uint32_t k = 0; k < object.refs; k++) {
            uint32_t number;
            HptPackId other;
            if (hpt_pack_ref(pack, object.first + k, &number, &other))
                whole = false;
            else
                sum += hpt_pack_piece(pack, number).length;
        }
        if (object.id.size < 0 || (whole ? sum != object.id.size : sum >= object.id.size))
            return wrong(error, "an object's size is not that of its pieces");
    }
    return true;
}

static bool check_digest(const HptPack *pack, const uint8_t *head, const uint8_t *end, size_t length,
                         GError **error)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    hpt_digester_add(digester, head, HPT_PACK_HEAD);
    hpt_digester_add(digester, pack->tables, length);
    hpt_digester_add(digester, end, 32);
    HptDigest digest = hpt_digester_get(digester);
    return memcmp(digest.bytes, end + 32, HPT_DIGEST_SIZE) == 0 ||
           wrong(error, "its tables are damaged");
}

static bool load(HptPack *pack, GError **error)
{
    uint8_t head[HPT_PACK_HEAD], end[HPT_PACK_END];
    int64_t at;
    size_t length;
    if (!read_end(pack, end, &at, &length, error) ||
        !read_at(pack->fd, head, sizeof head, 0, error))
        return false;
    if (memcmp(head, HPT_PACK_MAGIC, 8) != 0 || memcmp(head + 8, pack->id.bytes, 16) != 0)
        return wrong(error, "its head is damaged, or it is another pack under this name");
    pack->tables = g_try_malloc(length + 1);
    if (pack->tables == NULL) {
        hpt_error_set_errno(error, ENOMEM, "reading its tables");
        return false;
    }
    if (!read_at(pack->fd, pack->tables, length, at, error) ||
        !check_digest(pack, head, end, length, error))
        return false;
    pack->frame_table = pack->tables;
    pack->piece_table = pack->frame_table + (size_t)pack->frames * HPT_PACK_FRAME;
    pack->object_table = pack->piece_table + (size_t)pack->pieces * HPT_PACK_PIECE;
    pack->ref_table = pack->object_table + (size_t)pack->objects * HPT_PACK_OBJECT;
    pack->pack_table = pack->ref_table + (size_t)pack->refs * HPT_PACK_REF;
    return check_frames(pack, at, error) && check_pieces(pack, error) &&
           check_objects(pack, error);
}

static void prefix(const HptPack *pack, GError **error)
{
    g_autofree char *name = hpt_pack_name(&pack->id);
    g_prefix_error(error, "pack %s: ", name);
}

HptPack *hpt_pack_open(int fd, const HptPackId *id, GError **error)
{
    g_autoptr(HptPack) pack = g_new0(HptPack, 1);
    pack->fd = fd;
    pack->id = *id;
    if (load(pack, error))
        return g_steal_pointer(&pack);
    prefix(pack, error);
    return NULL;
}

void hpt_pack_shut(HptPack *pack)
{
    if (pack->fd >= 0)
        close(pack->fd);
    pack->fd = -1;
}

void hpt_pack_close(HptPack *pack)
{
    if (pack == NULL)
        return;
    hpt_pack_shut(pack);
    g_free(pack->offsets);
    g_free(pack->tables);
    g_free(pack);
}

/* ---- tables ---- */

void hpt_pack_frame(const HptPack *pack, uint32_t number, uint32_t *stored, uint32_t *length)
{
    const uint8_t *at = pack->frame_table + (size_t)number * HPT_PACK_FRAME;
    *stored = hpt_get32(at);
    *length = hpt_get32(at + 4);
}

HptPiece hpt_pack_piece(const HptPack *pack, uint32_t number)
{
    const uint8_t *at = pack->piece_table + (size_t)number * HPT_PACK_PIECE;
    HptPiece piece = {
        .frame = hpt_get32(at + 16), .offset = hpt_get32(at + 20), .length = hpt_get32(at + 24)};
    memcpy(piece.key.bytes, at, sizeof piece.key.bytes);
    return piece;
}

HptPackObject hpt_pack_object(const HptPack *pack, uint32_t number)
{
    const uint8_t *at = pack->object_table + (size_t)number * HPT_PACK_OBJECT;
    HptPackObject object = {.first = hpt_get32(at + 40), .refs = hpt_get32(at + 44)};
    memcpy(object.id.digest.bytes, at, HPT_DIGEST_SIZE);
    uint64_t size = hpt_get64(at + 32);
    object.id.size = size > INT64_MAX ? -1 : (int64_t)size;
    return object;
}

bool hpt_pack_ref(const HptPack *pack, uint32_t number, uint32_t *piece, HptPackId *other)
{
    const uint8_t *at = pack->ref_table + (size_t)number * HPT_PACK_REF;
    uint32_t where = hpt_get32(at);
    *piece = hpt_get32(at + 4);
    if (where > 0)
        memcpy(other->bytes, pack->pack_table + (size_t)(where - 1) * 16, 16);
    return where > 0;
}

/* ---- content ---- */

void hpt_frame_clear(HptFrame *frame)
{
    ZSTD_freeDCtx(frame->zstd);
    hpt_keyer_free(frame->keyer);
    g_free(frame->bytes);
    g_free(frame->stored);
    *frame = (HptFrame){0};
}

static bool fill_frame(const HptPack *pack, uint32_t number, uint32_t stored, uint32_t length,
                       HptFrame *frame, GError **error)
{
    if (frame->bytes == NULL) {
        frame->bytes = g_malloc(HPT_FRAME_MAX);
        frame->stored = g_malloc(HPT_FRAME_MAX);
        frame->zstd = ZSTD_createDCtx();
        g_assert(frame->zstd != NULL);
    }
    if (frame->keyer == NULL)
        frame->keyer = hpt_keyer_new();
    frame->filled = false;
    if (!read_at(pack->fd, frame->stored, stored, (int64_t)pack->offsets[number], error))
        return false;
    /* Some bits of a zstd frame mean nothing: its own checksum does not see them. */
    HptChunkKey key = hpt_keyer_key(frame->keyer, frame->stored, stored);
    const uint8_t *wanted = pack->frame_table + (size_t)number * HPT_PACK_FRAME + 8;
    if (memcmp(key.bytes, wanted, sizeof key.bytes) != 0)
        return wrong(error, "other bytes than were stored");
    size_t n = ZSTD_decompressDCtx(frame->zstd, frame->bytes, length, frame->stored, stored);
    if (ZSTD_isError(n) || n != length)
        return wrong(error, ZSTD_isError(n) ? ZSTD_getErrorName(n) : "another length");
    frame->filled = true;
    frame->id = pack->id;
    frame->frame = number;
    return true;
}

bool hpt_pack_read(const HptPack *pack, uint32_t number, uint32_t offset, uint32_t length, void *out,
                   HptFrame *frame, GError **error)
{
    g_assert(number < pack->pieces);
    HptPiece piece = hpt_pack_piece(pack, number);
    uint32_t stored, whole;
    hpt_pack_frame(pack, piece.frame, &stored, &whole);
    g_assert(offset <= piece.length && length <= piece.length - offset);
    bool ok = true;
    if (stored == whole) {
        int64_t at = (int64_t)pack->offsets[piece.frame] + piece.offset + offset;
        ok = read_at(pack->fd, out, length, at, error);
    } else {
        if (!frame->filled || frame->frame != piece.frame ||
            memcmp(&frame->id, &pack->id, sizeof pack->id) != 0)
            ok = fill_frame(pack, piece.frame, stored, whole, frame, error);
        if (ok)
            memcpy(out, frame->bytes + piece.offset + offset, length);
    }
    if (!ok) {
        g_prefix_error(error, "damaged at byte %" G_GUINT64_FORMAT ": ",
                       pack->offsets[piece.frame]);
        prefix(pack, error);
    }
    return ok;
}

bool hpt_pack_read_checked(const HptPack *pack, uint32_t number, void *out, HptFrame *frame,
                           GError **error)
{
    HptPiece piece = hpt_pack_piece(pack, number);
    if (!hpt_pack_read(pack, number, 0, piece.length, out, frame, error))
        return false;
    if (frame->keyer == NULL)
        frame->keyer = hpt_keyer_new();
    HptChunkKey key = hpt_keyer_key(frame->keyer, out, piece.length);
    if (hpt_chunk_key_equal(&key, &piece.key))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "damaged at byte %" G_GUINT64_FORMAT ": other bytes than were stored",
                pack->offsets[piece.frame] + piece.offset);
    prefix(pack, error);
    return false;
}
