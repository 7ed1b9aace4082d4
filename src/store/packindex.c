#include "store/packindex.h"

#include "store/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 16
#define BLOCK 170 /* entries: 4 KiB */

struct HptIndex {
    int fd;
    uint32_t packs, entries;
    uint8_t *ids;
    int64_t at; /* of the entries */
};

static bool read_at(int fd, void *out, size_t length, int64_t offset)
{
    return hpt_stream_read_at(fd, out, length, offset) == (gssize)length;
}

static bool load(HptIndex *index)
{
    uint8_t head[HEAD], end[8];
    struct stat info;
    if (fstat(index->fd, &info) != 0 || !S_ISREG(info.st_mode) ||
        !read_at(index->fd, head, HEAD, 0) || memcmp(head, HPT_INDEX_MAGIC, 8) != 0)
        return false;
    index->packs = hpt_get32(head + 8);
    index->entries = hpt_get32(head + 12);
    index->at = HEAD + (int64_t)index->packs * 16;
    int64_t size = index->at + (int64_t)index->entries * HPT_INDEX_ENTRY + 8;
    if (info.st_size != size || !read_at(index->fd, end, 8, size - 8) ||
        memcmp(end, HPT_INDEX_MAGIC, 8) != 0)
        return false;
    index->ids = g_malloc((size_t)index->packs * 16 + 1);
    return read_at(index->fd, index->ids, (size_t)index->packs * 16, HEAD);
}

HptIndex *hpt_index_open(int fd)
{
    g_autoptr(HptIndex) index = g_new0(HptIndex, 1);
    index->fd = fd;
    return load(index) ? g_steal_pointer(&index) : NULL;
}

void hpt_index_free(HptIndex *index)
{
    if (index == NULL)
        return;
    close(index->fd);
    g_free(index->ids);
    g_free(index);
}

uint32_t hpt_index_packs(const HptIndex *index)
{
    return index->packs;
}

uint32_t hpt_index_entries(const HptIndex *index)
{
    return index->entries;
}

HptPackId hpt_index_pack(const HptIndex *index, uint32_t number)
{
    HptPackId id;
    memcpy(id.bytes, index->ids + (size_t)number * 16, sizeof id.bytes);
    return id;
}

static uint64_t head_of(const uint8_t *key)
{
    uint64_t head;
    memcpy(&head, key, sizeof head);
    return GUINT64_FROM_BE(head);
}

/* The first entry that is not before key lies in [low, high]: guessed where the key ought to be,
 * then halved. */
static uint32_t lower_bound(const HptIndex *index, const uint8_t *key)
{
    uint32_t low = 0, high = index->entries;
    uint8_t block[BLOCK * HPT_INDEX_ENTRY];
    for (int step = 0; low < high; step++) {
        uint32_t at = low + (high - low) / 2;
        if (step == 0)
            at = (uint32_t)((double)head_of(key) / 18446744073709551616.0 * index->entries);
        uint32_t from = MAX(low, at > BLOCK / 2 ? at - BLOCK / 2 : 0);
        from = MIN(from, high - 1);
        uint32_t n = MIN(BLOCK, high - from);
        if (!read_at(index->fd, block, (size_t)n * HPT_INDEX_ENTRY,
                     index->at + (int64_t)from * HPT_INDEX_ENTRY))
            return index->entries;
        uint32_t i = 0;
        while (i < n && memcmp(block + (size_t)i * HPT_INDEX_ENTRY, key, 16) < 0)
            i++;
        if (i > 0 && i < n)
            return from + i;
        if (i == 0)
            high = from;
        else
            low = from + n;
    }
    return low;
}

void hpt_index_find(const HptIndex *index, const uint8_t *key, bool object, GArray *places)
{
    for (uint32_t i = lower_bound(index, key); i < index->entries; i++) {
        uint8_t entry[HPT_INDEX_ENTRY];
        if (!read_at(index->fd, entry, sizeof entry, index->at + (int64_t)i * HPT_INDEX_ENTRY) ||
            memcmp(entry, key, 16) != 0)
            return;
        uint32_t pack = hpt_get32(entry + 16), number = hpt_get32(entry + 20);
        if (pack >= index->packs || ((number & HPT_INDEX_OBJECT) != 0) != object)
            continue;
        HptPlace place = {hpt_index_pack(index, pack), number & ~HPT_INDEX_OBJECT};
        g_array_append_val(places, place);
    }
}

bool hpt_index_load(const HptIndex *index, const uint32_t *numbers, GArray *entries)
{
    uint8_t block[BLOCK * HPT_INDEX_ENTRY];
    for (uint32_t done = 0; done < index->entries;) {
        uint32_t n = MIN(BLOCK, index->entries - done);
        if (!read_at(index->fd, block, (size_t)n * HPT_INDEX_ENTRY,
                     index->at + (int64_t)done * HPT_INDEX_ENTRY))
            return false;
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *at = block + (size_t)i * HPT_INDEX_ENTRY;
            uint32_t pack = hpt_get32(at + 16);
            if (pack >= index->packs || numbers[pack] == HPT_INDEX_LEFT_OUT)
                continue;
            HptIndexEntry entry = {.pack = numbers[pack], .number = hpt_get32(at + 20)};
            memcpy(entry.key, at, 16);
            g_array_append_val(entries, entry);
        }
        done += n;
    }
    return true;
}

void hpt_index_add_pack(const HptPack *pack, uint32_t number, GArray *entries)
{
    HptIndexEntry entry = {.pack = number};
    for (uint32_t i = 0; i < pack->pieces; i++) {
        HptPiece piece = hpt_pack_piece(pack, i);
        memcpy(entry.key, piece.key.bytes, 16);
        entry.number = i;
        g_array_append_val(entries, entry);
    }
    for (uint32_t i = 0; i < pack->objects; i++) {
        HptPackObject object = hpt_pack_object(pack, i);
        memcpy(entry.key, object.id.digest.bytes, 16);
        entry.number = i | HPT_INDEX_OBJECT;
        g_array_append_val(entries, entry);
    }
}

static int compare_entries(const void *a, const void *b)
{
    const HptIndexEntry *x = a, *y = b;
    int keys = memcmp(x->key, y->key, sizeof x->key);
    return keys != 0             ? keys
           : x->pack != y->pack ? (x->pack < y->pack ? -1 : 1)
                                : (x->number > y->number) - (x->number < y->number);
}

bool hpt_index_write(int fd, GArray *entries, const GArray *packs, const char *dir, GError **error)
{
    qsort(entries->data, entries->len, sizeof(HptIndexEntry), compare_entries);
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint8_t number[8];
    g_byte_array_append(out, (const uint8_t *)HPT_INDEX_MAGIC, 8);
    hpt_put32(number, packs->len);
    hpt_put32(number + 4, entries->len);
    g_byte_array_append(out, number, 8);
    g_byte_array_append(out, (const uint8_t *)packs->data, packs->len * 16);
    for (guint i = 0; i < entries->len; i++) {
        const HptIndexEntry *entry = &g_array_index(entries, HptIndexEntry, i);
        hpt_put32(number, entry->pack);
        hpt_put32(number + 4, entry->number);
        g_byte_array_append(out, entry->key, 16);
        g_byte_array_append(out, number, 8);
        if (out->len >= 1 << 20) {
            if (!hpt_stream_write_all(fd, out->data, out->len, dir, error))
                return false;
            g_byte_array_set_size(out, 0);
        }
    }
    g_byte_array_append(out, (const uint8_t *)HPT_INDEX_MAGIC, 8);
    return hpt_stream_write_all(fd, out->data, out->len, dir, error);
}
