#include "store/folder.h"
#include "store/packread.h"
#include "store/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct HptObjectReader {
    HptObjectId id;
    HptPackReader *packed; /* NULL: it is a file of its own, fd */
    int fd;
    HptIn *in;
    HptDigester *digester;
    int64_t done;
};

static HptObjectReader *new_reader(const HptObjectId *id, HptPackReader *packed, int fd, bool zstd)
{
    HptObjectReader *reader = g_new0(HptObjectReader, 1);
    reader->id = *id;
    reader->packed = packed;
    reader->fd = fd;
    reader->in = fd >= 0 ? hpt_in_new(fd, zstd ? HPT_IN_ZSTD : HPT_IN_PLAIN) : NULL;
    reader->digester = hpt_digester_new();
    return reader;
}

HptObjectReader *hpt_object_open(HptStore *store, const HptObjectId *id, GError **error)
{
    bool zstd = false;
    char hex[HPT_DIGEST_HEX_SIZE];
    int fd = hpt_store_open_object(store, &id->digest, &zstd);
    if (fd >= 0)
        return new_reader(id, NULL, fd, zstd);
    hpt_digest_hex(&id->digest, hex);
    if (errno != ENOENT) {
        hpt_error_set_errno(error, errno, "object sha256:%s in %s", hex, store->dir);
        return NULL;
    }
    g_autoptr(GError) problem = NULL;
    HptPackReader *packed = hpt_pack_reader_open(store, id, &problem);
    if (packed != NULL)
        return new_reader(id, packed, -1, false);
    if (problem == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "object sha256:%s is missing in %s", hex,
                    store->dir);
        return NULL;
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    hpt_store_prefix(error, &id->digest);
    return NULL;
}

void hpt_object_close(HptObjectReader *reader)
{
    if (reader == NULL)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    hpt_pack_reader_close(reader->packed);
    hpt_in_free(reader->in);
    hpt_digester_free(reader->digester);
    g_free(reader);
}

static bool check_end(const HptObjectReader *reader, GError **error)
{
    HptDigest digest = hpt_digester_get(reader->digester);
    if (reader->id.size >= 0 && reader->done != reader->id.size) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                    "damaged: %s %" G_GINT64_FORMAT " bytes instead of %" G_GINT64_FORMAT,
                    reader->done > reader->id.size ? "more than" : "it has",
                    MIN(reader->done, reader->id.size), reader->id.size);
        return false;
    }
    if (memcmp(&digest, &reader->id.digest, sizeof digest) != 0) {
        g_autofree char *place =
            reader->packed == NULL ? NULL : hpt_pack_reader_find_damage(reader->packed);
        if (place != NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "%s", place);
            return false;
        }
        char hex[HPT_DIGEST_HEX_SIZE];
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "damaged: its bytes have SHA-256 %s",
                    hpt_digest_hex(&digest, hex));
        return false;
    }
    return true;
}

gssize hpt_object_read(HptObjectReader *reader, void *buffer, size_t length, GError **error)
{
    gssize n = reader->packed != NULL
                   ? hpt_pack_reader_read(reader->packed, buffer, length, error)
                   : hpt_in_read(reader->in, buffer, length, error);
    if (n > 0) {
        hpt_digester_add(reader->digester, buffer, (size_t)n);
        reader->done += n;
    }
    bool over = reader->id.size >= 0 && reader->done > reader->id.size;
    if (n >= 0 && (n == 0 || over) && length > 0 && !check_end(reader, error))
        n = -1;
    if (n < 0)
        hpt_store_prefix(error, &reader->id.digest);
    return n;
}

char *hpt_object_get(HptStore *store, const HptObjectId *id, size_t max, size_t *length,
                     GError **error)
{
    g_autoptr(HptObjectReader) reader = hpt_object_open(store, id, error);
    if (reader == NULL)
        return NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    for (gssize n; (n = hpt_object_read(reader, buffer, HPT_STREAM_CHUNK, error)) != 0;) {
        if (n < 0)
            return NULL;
        if ((size_t)n > max - out->len) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "larger than %zu bytes", max);
            hpt_store_prefix(error, &id->digest);
            return NULL;
        }
        g_string_append_len(out, buffer, n);
    }
    if (length != NULL)
        *length = out->len;
    return g_string_free(g_steal_pointer(&out), FALSE);
}

bool hpt_object_check(HptStore *store, const HptObjectId *id, GError **error)
{
    g_autoptr(HptObjectReader) reader = hpt_object_open(store, id, error);
    if (reader == NULL)
        return false;
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    gssize n;
    do
        n = hpt_object_read(reader, buffer, HPT_STREAM_CHUNK, error);
    while (n > 0);
    return n == 0;
}
