/* Bytes from anywhere as a pack, and as an index of packs: refused with a reason, or every piece, object
 * and place in it can be asked for. The digest of the tables is made right first, so that what is behind it
 * is reached. */
#include "store/pack.h"
#include "store/packindex.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("pack", 0);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return dup(fd);
}

static void mend(uint8_t *bytes, size_t size)
{
    uint8_t *end = bytes + size - HPT_PACK_END;
    uint64_t offset = hpt_get64(end);
    memcpy(bytes, HPT_PACK_MAGIC, 8);
    memcpy(end + HPT_PACK_END - 8, HPT_PACK_MAGIC, 8);
    if (offset < HPT_PACK_HEAD || offset > size - HPT_PACK_END)
        return;
    HptDigester *digester = hpt_digester_new();
    hpt_digester_add(digester, bytes, HPT_PACK_HEAD);
    hpt_digester_add(digester, bytes + offset, size - HPT_PACK_END - offset);
    hpt_digester_add(digester, end, 32);
    HptDigest digest = hpt_digester_get(digester);
    hpt_digester_free(digester);
    memcpy(end + 32, digest.bytes, HPT_DIGEST_SIZE);
}

static void read_pack(const uint8_t *data, size_t size)
{
    GError *error = NULL;
    HptPackId id = {{0}};
    if (size >= HPT_PACK_HEAD)
        memcpy(id.bytes, data + 8, sizeof id.bytes);
    HptPack *pack = hpt_pack_open(file_of(data, size), &id, &error);
    g_assert(pack != NULL || (error != NULL && error->domain == HPT_ERROR));
    g_clear_error(&error);
    if (pack == NULL)
        return;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pack->objects; i++) {
        HptPackObject object = hpt_pack_object(pack, i);
        for (uint32_t k = 0; k < object.refs; k++) {
            uint32_t piece;
            HptPackId other = {{0}};
            if (!hpt_pack_ref(pack, object.first + k, &piece, &other))
                sum += hpt_pack_piece(pack, piece).length;
        }
    }
    g_assert(sum <= (uint64_t)pack->refs * HPT_CHUNK_MAX);
    uint8_t *bytes = g_malloc(HPT_CHUNK_MAX);
    HptFrame frame = {0};
    for (uint32_t i = 0; i < pack->pieces; i++) {
        if (!hpt_pack_read_checked(pack, i, bytes, &frame, &error))
            g_assert(error->domain == HPT_ERROR);
        g_clear_error(&error);
    }
    hpt_frame_clear(&frame);
    g_free(bytes);
    hpt_pack_close(pack);
}

static void read_index(const uint8_t *data, size_t size)
{
    HptIndex *index = hpt_index_open(file_of(data, size));
    if (index == NULL)
        return;
    GArray *places = g_array_new(false, false, sizeof(HptPlace));
    GArray *entries = g_array_new(false, false, sizeof(HptIndexEntry));
    for (size_t at = 16; at + 16 <= size && places->len < 10000; at += 24)
        for (int object = 0; object < 2; object++)
            hpt_index_find(index, data + at, object, places);
    uint32_t *numbers = g_new0(uint32_t, (size_t)hpt_index_packs(index) + 1);
    g_assert(hpt_index_load(index, numbers, entries));
    g_free(numbers);
    g_assert(entries->len <= hpt_index_entries(index));
    g_array_unref(entries);
    g_array_unref(places);
    hpt_index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_index(data, size);
    read_pack(data, size);
    if (size < HPT_PACK_HEAD + HPT_PACK_END)
        return 0;
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data, size);
    mend(bytes, size);
    read_pack(bytes, size);
    free(bytes);
    return 0;
}
