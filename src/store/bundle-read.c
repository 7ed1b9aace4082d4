#include "store/bundle.h"

#include "base/json.h"
#include "base/text.h"
#include "store/stream.h"
#include "store/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define MANIFEST_MAX ((int64_t)256 * 1024 * 1024)

/* A stream of tar bytes as a digest: of what was read, and of what the writer would have made.
 * Equal digests mean that also headers and padding, which no file's digest covers, are as written.
 */
typedef struct {
    HptDigester *digester;
    int64_t bytes;
} Trace;

typedef struct {
    char *path;
    HptObjectId id;
} Listed;

struct HptBundleReader {
    char *name;
    HptIn *in;
    char *buffer;
    struct archive *archive;
    GError *error; /* of reading, to be passed on through libarchive */
    Trace raw, echo;
    HptTar *tar; /* writes to echo */
    char *kind;
    GArray *listed; /* of Listed, by path */
    size_t next;    /* of listed */
    HptBundleInfo info;
    bool inside; /* in the entry before next */
    int64_t done;
    HptDigester *digester; /* of this entry */
    bool ended;
};

#define HEAD_BYTES 1024 /* the manifest's header and its first bytes */

/* What the file begins with, without zstd around it. */
static size_t read_head(const void *data, size_t length, char head[HEAD_BYTES])
{
    static const guint8 magic[] = {0x28, 0xb5, 0x2f, 0xfd}; /* RFC 8878, 3.1.1 */
    ZSTD_inBuffer in = {data, length, 0};
    ZSTD_outBuffer out = {head, HEAD_BYTES, 0};
    if (length < sizeof magic || memcmp(data, magic, sizeof magic) != 0) {
        memcpy(head, data, MIN(length, (size_t)HEAD_BYTES));
        return MIN(length, (size_t)HEAD_BYTES);
    }
    ZSTD_DStream *stream = ZSTD_createDStream();
    size_t left = 1;
    while (left != 0 && !ZSTD_isError(left) && in.pos < in.size && out.pos < out.size)
        left = ZSTD_decompressStream(stream, &out, &in);
    ZSTD_freeDStream(stream);
    return out.pos;
}

bool hpt_bundle_is(const void *data, size_t length)
{
    static const char name[] = HPT_BUNDLE_MANIFEST, first[] = "{\"entries\":[";
    char head[HEAD_BYTES];
    return read_head(data, length, head) == HEAD_BYTES && memcmp(head, name, sizeof name) == 0 &&
           memcmp(head + 257, "ustar", 5) == 0 && memcmp(head + 512, first, strlen(first)) == 0;
}

static void trace_add(Trace *trace, const void *data, size_t length)
{
    hpt_digester_add(trace->digester, data, length);
    trace->bytes += (int64_t)length;
}

static bool to_trace(void *user, const void *data, size_t length, GError **error)
{
    (void)error;
    trace_add(user, data, length);
    return true;
}

static la_ssize_t give(struct archive *archive, void *user, const void **data)
{
    HptBundleReader *reader = user;
    gssize n = hpt_in_read(reader->in, reader->buffer, HPT_STREAM_CHUNK, &reader->error);
    if (n < 0) {
        archive_set_error(archive, EIO, "reading failed");
        return -1;
    }
    trace_add(&reader->raw, reader->buffer, (size_t)n);
    *data = reader->buffer;
    return n;
}

static bool fault(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fault(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_INTEGRITY, text);
    return false;
}

/* Any status but OK: a warning is a fault too, as nothing of ours makes libarchive warn. */
static bool archive_fault(HptBundleReader *reader, GError **error)
{
    if (reader->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&reader->error));
        return false;
    }
    const char *said = archive_error_string(reader->archive);
    g_autofree char *shown = hpt_text_printable(said != NULL ? said : "not a tar file", -1);
    return fault(error, "not a bundle, or damaged: %s", shown);
}

/* The next header, or *end. Only regular files pass. */
static bool next_header(HptBundleReader *reader, struct archive_entry **entry, bool *end,
                        GError **error)
{
    int status = archive_read_next_header(reader->archive, entry);
    *end = status == ARCHIVE_EOF;
    if (*end && reader->error == NULL)
        return true;
    if (status != ARCHIVE_OK)
        return archive_fault(reader, error);
    const char *path = archive_entry_pathname(*entry);
    if (path == NULL)
        return fault(error, "an entry has no name");
    if (archive_entry_filetype(*entry) != AE_IFREG || archive_entry_hardlink(*entry) != NULL ||
        archive_entry_symlink(*entry) != NULL || archive_entry_sparse_count(*entry) > 0) {
        g_autofree char *shown = hpt_text_printable(path, -1);
        return fault(error, "the entry '%s' is not a regular file", shown);
    }
    return hpt_tar_entry(reader->tar, path, archive_entry_size(*entry), error);
}

/* Bytes of the current entry, also for the echo. */
static gssize read_data(HptBundleReader *reader, void *buffer, size_t length, GError **error)
{
    la_ssize_t n = archive_read_data(reader->archive, buffer, length);
    if (n < 0) {
        (void)archive_fault(reader, error);
        return -1;
    }
    return n == 0 || hpt_tar_data(reader->tar, buffer, (size_t)n, error) ? n : -1;
}

/* ---- manifest ---- */

static void listed_clear(void *data)
{
    g_free(((Listed *)data)->path);
}

static bool list_entry(HptBundleReader *reader, const json_t *item, GError **error)
{
    const json_t *size = json_object_get(item, "size");
    const char *path = json_string_value(json_object_get(item, "path"));
    const char *hex = json_string_value(json_object_get(item, "sha256"));
    Listed listed = {0};
    if (json_object_size(item) != 3 || path == NULL || hex == NULL || !json_is_integer(size) ||
        json_integer_value(size) < 0 || !hpt_digest_parse(hex, &listed.id.digest))
        return fault(error, "the manifest has an entry of another form");
    if (json_integer_value(size) > INT64_MAX - reader->info.bytes)
        return fault(error, "the manifest has sizes that add up to more than there can be");
    if (!hpt_bundle_path_check(path, error)) {
        g_prefix_error(error, "the manifest: ");
        (*error)->code = HPT_ERROR_INTEGRITY;
        return false;
    }
    listed.id.size = json_integer_value(size);
    if (reader->listed->len > 0) {
        const Listed *last = &g_array_index(reader->listed, Listed, reader->listed->len - 1);
        if (strcmp(last->path, path) >= 0)
            return fault(error, "the manifest is not sorted at '%s'", path);
    }
    if (strcmp(path, HPT_BUNDLE_MANIFEST) == 0)
        return fault(error, "the manifest lists itself");
    listed.path = g_strdup(path);
    g_array_append_val(reader->listed, listed);
    reader->info.entries++;
    reader->info.bytes += listed.id.size;
    return true;
}

static bool take_manifest(HptBundleReader *reader, const GString *text, GError **error)
{
    g_autoptr(json_t) manifest = hpt_json_parse(text->str, text->len, error);
    if (manifest == NULL) {
        g_prefix_error(error, "the manifest: ");
        (*error)->code = HPT_ERROR_INTEGRITY;
        return false;
    }
    g_autofree char *canonical = hpt_json_canonical(manifest, NULL);
    const char *format = json_string_value(json_object_get(manifest, "format"));
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    const json_t *entries = json_object_get(manifest, "entries");
    if (canonical == NULL || strcmp(canonical, text->str) != 0)
        return fault(error, "the manifest is not canonical JSON");
    if (format == NULL || strcmp(format, HPT_BUNDLE_FORMAT) != 0)
        return fault(error, "the manifest's format is not " HPT_BUNDLE_FORMAT);
    if (kind == NULL || !json_is_array(entries) || json_object_size(manifest) != 3)
        return fault(error, "the manifest has another form");
    reader->kind = g_strdup(kind);
    reader->info = (HptBundleInfo){
        .identity = hpt_digest(text->str, text->len), .entries = 1, .bytes = (int64_t)text->len};
    for (size_t i = 0; i < json_array_size(entries); i++)
        if (!list_entry(reader, json_array_get(entries, i), error))
            return false;
    return true;
}

static bool read_manifest(HptBundleReader *reader, GError **error)
{
    struct archive_entry *entry;
    bool end = false;
    if (!next_header(reader, &entry, &end, error))
        return false;
    if (end || strcmp(archive_entry_pathname(entry), HPT_BUNDLE_MANIFEST) != 0)
        return fault(error, "not a bundle: its first entry is not " HPT_BUNDLE_MANIFEST);
    int64_t size = archive_entry_size(entry);
    if (size > MANIFEST_MAX)
        return fault(error, "the manifest is larger than 256 MiB");
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    gssize n;
    while ((n = read_data(reader, buffer, HPT_STREAM_CHUNK, error)) > 0)
        g_string_append_len(text, buffer, n);
    return n == 0 && take_manifest(reader, text, error);
}

/* ---- reading ---- */

HptBundleReader *hpt_bundle_open(int fd, const char *name, GError **error)
{
    GError *local = NULL;
    g_autoptr(HptBundleReader) reader = g_new0(HptBundleReader, 1);
    reader->name = g_strdup(name);
    reader->in = hpt_in_new(fd, HPT_IN_DETECT);
    reader->buffer = g_malloc(HPT_STREAM_CHUNK);
    reader->raw.digester = hpt_digester_new();
    reader->echo.digester = hpt_digester_new();
    reader->tar = hpt_tar_new(to_trace, &reader->echo);
    reader->listed = g_array_new(FALSE, FALSE, sizeof(Listed));
    g_array_set_clear_func(reader->listed, listed_clear);
    reader->archive = archive_read_new();
    g_assert(reader->archive != NULL);
    bool ok = archive_read_support_format_tar(reader->archive) == ARCHIVE_OK;
    g_assert(ok);
    ok = archive_read_open(reader->archive, reader, NULL, give, NULL) == ARCHIVE_OK
             ? read_manifest(reader, &local)
             : archive_fault(reader, &local);
    if (ok)
        return g_steal_pointer(&reader);
    g_propagate_prefixed_error(error, local, "%s: ", name);
    return NULL;
}

void hpt_bundle_close(HptBundleReader *reader)
{
    if (reader == NULL)
        return;
    archive_read_free(reader->archive);
    hpt_tar_free(reader->tar);
    hpt_digester_free(reader->raw.digester);
    hpt_digester_free(reader->echo.digester);
    hpt_digester_free(reader->digester);
    hpt_in_free(reader->in);
    g_array_unref(reader->listed);
    g_clear_error(&reader->error);
    g_free(reader->buffer);
    g_free(reader->kind);
    g_free(reader->name);
    g_free(reader);
}

/* The tar file is over: nothing may be missing, nothing may follow, and not a bit of what no
 * file's digest covers may differ. */
static bool check_whole(HptBundleReader *reader, GError **error)
{
    if (reader->next < reader->listed->len)
        return fault(error, "the entry '%s' is missing",
                     g_array_index(reader->listed, Listed, reader->next).path);
    if (!hpt_tar_end(reader->tar, error))
        return false;
    gssize n = 1;
    while (n > 0 && reader->raw.bytes <= reader->echo.bytes) {
        n = hpt_in_read(reader->in, reader->buffer, HPT_STREAM_CHUNK, error);
        if (n < 0)
            return false;
        trace_add(&reader->raw, reader->buffer, (size_t)n);
    }
    HptDigest raw = hpt_digester_get(reader->raw.digester);
    HptDigest echo = hpt_digester_get(reader->echo.digester);
    if (n > 0 || memcmp(&raw, &echo, sizeof raw) != 0)
        return fault(error, "headers or padding are not as hpt writes them");
    return true;
}

static bool begin_entry(HptBundleReader *reader, struct archive_entry *entry, HptBundleEntry *out,
                        GError **error)
{
    const char *path = archive_entry_pathname(entry);
    if (reader->next >= reader->listed->len) {
        g_autofree char *shown = hpt_text_printable(path, -1);
        return fault(error, "the entry '%s' is not in the manifest", shown);
    }
    const Listed *listed = &g_array_index(reader->listed, Listed, reader->next);
    if (strcmp(listed->path, path) != 0) {
        g_autofree char *shown = hpt_text_printable(path, -1);
        return fault(error, "the entry '%s' stands where the manifest has '%s'", shown,
                     listed->path);
    }
    if (archive_entry_size(entry) != listed->id.size)
        return fault(error,
                     "the entry '%s' has %" G_GINT64_FORMAT " bytes instead of %" G_GINT64_FORMAT,
                     path, (int64_t)archive_entry_size(entry), listed->id.size);
    reader->next++;
    reader->inside = true;
    reader->done = 0;
    reader->digester = hpt_digester_new();
    *out = (HptBundleEntry){listed->path, listed->id.size, listed->id.digest};
    return true;
}

static bool finish_entry(HptBundleReader *reader, GError **error)
{
    const Listed *listed = &g_array_index(reader->listed, Listed, reader->next - 1);
    HptDigest digest = hpt_digester_get(reader->digester);
    g_clear_pointer(&reader->digester, hpt_digester_free);
    reader->inside = false;
    if (reader->done == listed->id.size && memcmp(&digest, &listed->id.digest, sizeof digest) == 0)
        return true;
    char hex[HPT_DIGEST_HEX_SIZE];
    return fault(error, "the entry '%s' is damaged: its bytes have SHA-256 %s", listed->path,
                 hpt_digest_hex(&digest, hex));
}

static gssize read_entry(HptBundleReader *reader, void *buffer, size_t length, GError **error)
{
    if (!reader->inside || length == 0)
        return 0;
    gssize n = read_data(reader, buffer, length, error);
    if (n > 0) {
        hpt_digester_add(reader->digester, buffer, (size_t)n);
        reader->done += n;
    }
    return n != 0 || finish_entry(reader, error) ? n : -1;
}

static bool next_entry(HptBundleReader *reader, HptBundleEntry *out, bool *end, GError **error)
{
    g_autofree char *buffer = reader->inside ? g_malloc(HPT_STREAM_CHUNK) : NULL;
    while (reader->inside)
        if (read_entry(reader, buffer, HPT_STREAM_CHUNK, error) < 0)
            return false;
    struct archive_entry *entry;
    if (!reader->ended && !next_header(reader, &entry, &reader->ended, error))
        return false;
    if (reader->ended && !check_whole(reader, error))
        return false;
    if (!reader->ended && !begin_entry(reader, entry, out, error))
        return false;
    *end = reader->ended;
    return true;
}

bool hpt_bundle_next(HptBundleReader *reader, HptBundleEntry *out, bool *end, GError **error)
{
    g_assert(!reader->ended);
    bool ok = next_entry(reader, out, end, error);
    if (!ok)
        g_prefix_error(error, "%s: ", reader->name);
    return ok;
}

gssize hpt_bundle_read(HptBundleReader *reader, void *buffer, size_t length, GError **error)
{
    gssize n = read_entry(reader, buffer, length, error);
    if (n < 0)
        g_prefix_error(error, "%s: ", reader->name);
    return n;
}

const HptBundleInfo *hpt_bundle_get_info(const HptBundleReader *reader)
{
    return &reader->info;
}

const char *hpt_bundle_get_kind(const HptBundleReader *reader)
{
    return reader->kind;
}

int64_t hpt_bundle_get_read(const HptBundleReader *reader)
{
    return hpt_in_get_read(reader->in);
}

bool hpt_bundle_check(const char *path, HptBundleInfo *info, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open %s", path);
        return false;
    }
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, path, error);
    bool ok = reader != NULL, end = false;
    HptBundleEntry entry;
    while (ok && !end)
        ok = hpt_bundle_next(reader, &entry, &end, error);
    close(fd);
    if (ok && info != NULL)
        *info = reader->info;
    return ok;
}
