#include "store/bundle.h"

#include "base/json.h"
#include "base/text.h"
#include "store/folder.h"
#include "store/newfile.h"
#include "store/stream.h"
#include "store/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *path;
    HptObjectId id;
    HptStore *store; /* NULL: in the spool */
    int64_t offset;  /* in the spool */
} Entry;

struct HptBundle {
    char *kind;
    char *spool_dir;
    int spool;
    int64_t spool_size;
    GHashTable *by_path; /* path → Entry, borrowed */
    GPtrArray *entries;
    Entry *open; /* being appended to */
    HptDigester *digester;
};

static void entry_free(void *data)
{
    Entry *entry = data;
    g_free(entry->path);
    g_free(entry);
}

HptBundle *hpt_bundle_new(const char *kind, const char *spool_dir, GError **error)
{
    int spool = hpt_store_unnamed_file(spool_dir, error);
    if (spool < 0)
        return NULL;
    HptBundle *bundle = g_new0(HptBundle, 1);
    bundle->kind = g_strdup(kind);
    bundle->spool_dir = g_strdup(spool_dir);
    bundle->spool = spool;
    bundle->by_path = g_hash_table_new(g_str_hash, g_str_equal);
    bundle->entries = g_ptr_array_new_with_free_func(entry_free);
    return bundle;
}

void hpt_bundle_free(HptBundle *bundle)
{
    if (bundle == NULL)
        return;
    close(bundle->spool);
    g_hash_table_unref(bundle->by_path);
    g_ptr_array_unref(bundle->entries);
    hpt_digester_free(bundle->digester);
    g_free(bundle->spool_dir);
    g_free(bundle->kind);
    g_free(bundle);
}

static const char *path_fault(const char *path)
{
    if (*path == '\0')
        return "is empty";
    if (strlen(path) > 4096)
        return "is longer than 4096 bytes";
    if (*path == '/')
        return "is absolute";
    for (const char *p = path; *p != '\0'; p++)
        if (!g_ascii_isprint(*p) || *p == '\\')
            return "has a byte that is not printable ASCII, or a backslash";
    for (const char *part = path;; part++) {
        size_t length = strcspn(part, "/");
        if (length == 0)
            return "has an empty component";
        if (length > 255)
            return "has a component longer than 255 bytes";
        if ((length == 1 && part[0] == '.') || (length == 2 && strncmp(part, "..", 2) == 0))
            return "has a component . or ..";
        part += length;
        if (*part == '\0')
            return NULL;
    }
}

bool hpt_bundle_path_check(const char *path, GError **error)
{
    const char *fault = path_fault(path);
    if (fault == NULL)
        return true;
    g_autofree char *head = g_strndup(path, 200);
    g_autofree char *shown = hpt_text_printable(head, -1);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the path '%s' %s", shown, fault);
    return false;
}

/* ---- collecting ---- */

static bool is_own(const char *path)
{
    return strcmp(path, HPT_BUNDLE_MANIFEST) == 0 || strcmp(path, HPT_BUNDLE_SUMS) == 0;
}

static Entry *add_entry(HptBundle *bundle, const char *path)
{
    Entry *entry = g_new0(Entry, 1);
    entry->path = g_strdup(path);
    g_ptr_array_add(bundle->entries, entry);
    g_hash_table_insert(bundle->by_path, entry->path, entry);
    return entry;
}

static bool begin_entry(HptBundle *bundle, const char *path, GError **error)
{
    g_assert(bundle->open == NULL);
    if (!hpt_bundle_path_check(path, error))
        return false;
    if (g_hash_table_contains(bundle->by_path, path)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the path '%s' is in the bundle twice", path);
        return false;
    }
    bundle->open = add_entry(bundle, path);
    bundle->open->offset = bundle->spool_size;
    bundle->digester = hpt_digester_new();
    return true;
}

bool hpt_bundle_begin(HptBundle *bundle, const char *path, GError **error)
{
    if (is_own(path)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the path '%s' is the bundle's own", path);
        return false;
    }
    return begin_entry(bundle, path, error);
}

bool hpt_bundle_append(HptBundle *bundle, const void *data, size_t length, GError **error)
{
    g_assert(bundle->open != NULL);
    if (!hpt_stream_write_all(bundle->spool, data, length, bundle->spool_dir, error))
        return false;
    hpt_digester_add(bundle->digester, data, length);
    bundle->spool_size += (int64_t)length;
    return true;
}

bool hpt_bundle_end(HptBundle *bundle, GError **error)
{
    (void)error; /* nothing is buffered today */
    g_assert(bundle->open != NULL);
    bundle->open->id = (HptObjectId){.digest = hpt_digester_get(bundle->digester),
                                     .size = bundle->spool_size - bundle->open->offset};
    bundle->open = NULL;
    g_clear_pointer(&bundle->digester, hpt_digester_free);
    return true;
}

bool hpt_bundle_add_bytes(HptBundle *bundle, const char *path, const void *data, size_t length,
                          GError **error)
{
    return hpt_bundle_begin(bundle, path, error) &&
           hpt_bundle_append(bundle, data, length, error) && hpt_bundle_end(bundle, error);
}

char *hpt_bundle_object_path(const HptDigest *digest)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(digest, hex);
    return g_strdup_printf("objects/sha256/%.2s/%s", hex, hex + 2);
}

bool hpt_bundle_add_object(HptBundle *bundle, HptStore *store, const HptObjectId *id,
                           GError **error)
{
    g_autofree char *path = hpt_bundle_object_path(&id->digest);
    if (g_hash_table_contains(bundle->by_path, path))
        return true;
    /* Opening it now names a missing object before hours of writing. */
    g_autoptr(HptObjectReader) reader = hpt_object_open(store, id, error);
    if (reader == NULL)
        return false;
    Entry *entry = add_entry(bundle, path);
    entry->store = store;
    entry->id = *id;
    return true;
}

bool hpt_bundle_add_object_bytes(HptBundle *bundle, const void *data, size_t length, GError **error)
{
    HptDigest digest = hpt_digest(data, length);
    g_autofree char *path = hpt_bundle_object_path(&digest);
    return g_hash_table_contains(bundle->by_path, path) ||
           hpt_bundle_add_bytes(bundle, path, data, length, error);
}

bool hpt_bundle_find(const HptBundle *bundle, const char *path, HptObjectId *out)
{
    const Entry *entry = g_hash_table_lookup(bundle->by_path, path);
    if (entry == NULL || entry == bundle->open)
        return false;
    *out = entry->id;
    return true;
}

/* ---- manifest ---- */

static int compare(const void *a, const void *b)
{
    const Entry *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

static bool add_sums(HptBundle *bundle, GError **error)
{
    if (g_hash_table_contains(bundle->by_path, HPT_BUNDLE_SUMS))
        return true; /* written before, e.g. to another name */
    g_autoptr(GString) sums = g_string_new(NULL);
    g_ptr_array_sort(bundle->entries, compare);
    for (guint i = 0; i < bundle->entries->len; i++) {
        const Entry *entry = bundle->entries->pdata[i];
        char hex[HPT_DIGEST_HEX_SIZE];
        g_string_append_printf(sums, "%s  %s\n", hpt_digest_hex(&entry->id.digest, hex),
                               entry->path);
    }
    bool ok = begin_entry(bundle, HPT_BUNDLE_SUMS, error) &&
              hpt_bundle_append(bundle, sums->str, sums->len, error) &&
              hpt_bundle_end(bundle, error);
    g_ptr_array_sort(bundle->entries, compare);
    return ok;
}

static GString *make_manifest(const HptBundle *bundle, HptBundleInfo *info)
{
    GString *out = g_string_new("{\"entries\":[");
    *info = (HptBundleInfo){.entries = 1 + bundle->entries->len};
    for (guint i = 0; i < bundle->entries->len; i++) {
        const Entry *entry = bundle->entries->pdata[i];
        char hex[HPT_DIGEST_HEX_SIZE];
        g_string_append(out, i > 0 ? ",{\"path\":" : "{\"path\":");
        hpt_json_append_string(out, entry->path);
        g_string_append_printf(out, ",\"sha256\":\"%s\",\"size\":%" G_GINT64_FORMAT "}",
                               hpt_digest_hex(&entry->id.digest, hex), entry->id.size);
        info->bytes += entry->id.size;
    }
    g_string_append(out, "],\"format\":\"" HPT_BUNDLE_FORMAT "\",\"kind\":");
    hpt_json_append_string(out, bundle->kind);
    g_string_append_c(out, '}');
    info->bytes += (int64_t)out->len;
    info->identity = hpt_digest(out->str, out->len);
    return out;
}

/* ---- writing ---- */

static bool to_out(void *user, const void *data, size_t length, GError **error)
{
    return hpt_out_write(user, data, length, error);
}

static bool copy_spooled(const HptBundle *bundle, const Entry *entry, HptTar *tar, char *buffer,
                         GError **error)
{
    int64_t done = 0;
    while (done < entry->id.size) {
        size_t want = (size_t)MIN((int64_t)HPT_STREAM_CHUNK, entry->id.size - done);
        ssize_t n = pread(bundle->spool, buffer, want, entry->offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            hpt_error_set_errno(error, n < 0 ? errno : EIO, "reading the spool in %s",
                                bundle->spool_dir);
            return false;
        }
        if (!hpt_tar_data(tar, buffer, (size_t)n, error))
            return false;
        done += n;
    }
    return true;
}

static bool copy_object(const Entry *entry, HptTar *tar, char *buffer, GError **error)
{
    g_autoptr(HptObjectReader) reader = hpt_object_open(entry->store, &entry->id, error);
    if (reader == NULL)
        return false;
    for (;;) {
        gssize n = hpt_object_read(reader, buffer, HPT_STREAM_CHUNK, error);
        if (n <= 0)
            return n == 0;
        if (!hpt_tar_data(tar, buffer, (size_t)n, error))
            return false;
    }
}

static bool write_tar(HptBundle *bundle, const GString *manifest, HptOut *out, GError **error)
{
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    g_autoptr(HptTar) tar = hpt_tar_new(to_out, out);
    if (!hpt_tar_entry(tar, HPT_BUNDLE_MANIFEST, (int64_t)manifest->len, error) ||
        !hpt_tar_data(tar, manifest->str, manifest->len, error))
        return false;
    for (guint i = 0; i < bundle->entries->len; i++) {
        const Entry *entry = bundle->entries->pdata[i];
        if (!hpt_tar_entry(tar, entry->path, entry->id.size, error))
            return false;
        if (entry->store != NULL ? !copy_object(entry, tar, buffer, error)
                                 : !copy_spooled(bundle, entry, tar, buffer, error))
            return false;
    }
    return hpt_tar_end(tar, error) && hpt_out_end(out, error);
}

/* What was written must read back: libarchive has been seen to report success for a file that does
 * not, when memory was short. */
static bool read_back(int fd, const HptBundleInfo *info, GError **error)
{
    if (lseek(fd, 0, SEEK_SET) != 0) {
        hpt_error_set_errno(error, errno, "reading back");
        return false;
    }
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, "reading back", error);
    if (reader == NULL)
        return false;
    HptBundleEntry entry;
    for (bool end = false; !end;)
        if (!hpt_bundle_next(reader, &entry, &end, error))
            return false;
    const HptBundleInfo *found = hpt_bundle_get_info(reader);
    if (memcmp(&found->identity, &info->identity, sizeof info->identity) == 0)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "reading back: the manifest is not the one that was written");
    return false;
}

/* Writes to fd, a file of ours in dir, and verifies it there. */
static bool write_file(HptBundle *bundle, int fd, const char *dir, bool zstd, HptBundleInfo *info,
                       GError **error)
{
    g_assert(bundle->open == NULL);
    if (!add_sums(bundle, error))
        return false;
    GString *manifest = make_manifest(bundle, info);
    g_autoptr(HptOut) out = hpt_out_new(fd, zstd, -1, dir);
    bool ok = write_tar(bundle, manifest, out, error) && hpt_stream_sync(fd, dir, error) &&
              read_back(fd, info, error);
    g_string_free(manifest, TRUE);
    return ok;
}

/* To a device or a pipe: unlike our own files it is on no volume worth naming. */
static bool write_out(int fd, const char *data, size_t length, const char *name, GError **error)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            hpt_error_set_errno(error, errno, "%s", name);
            return false;
        }
        data += n;
        length -= (size_t)n;
    }
    return true;
}

bool hpt_bundle_write_fd(HptBundle *bundle, int fd, const char *name, bool zstd,
                         HptBundleInfo *info, GError **error)
{
    HptBundleInfo written;
    int file = hpt_store_unnamed_file(bundle->spool_dir, error);
    if (file < 0)
        return false;
    bool ok = write_file(bundle, file, bundle->spool_dir, zstd, &written, error);
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    int64_t done = 0;
    while (ok) {
        ssize_t n = pread(file, buffer, HPT_STREAM_CHUNK, done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            hpt_error_set_errno(error, errno, "reading the spool in %s", bundle->spool_dir);
        if (n <= 0) {
            ok = n == 0;
            break;
        }
        ok = write_out(fd, buffer, (size_t)n, name, error);
        done += n;
    }
    close(file);
    if (ok && info != NULL)
        *info = written;
    return ok;
}

/* A device or a pipe is written to; renaming over it would replace it. */
static bool write_special(HptBundle *bundle, const char *path, bool zstd, HptBundleInfo *info,
                          GError **error)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open %s", path);
        return false;
    }
    bool ok = hpt_bundle_write_fd(bundle, fd, path, zstd, info, error);
    if (close(fd) != 0 && ok) {
        hpt_error_set_errno(error, errno, "closing %s", path);
        return false;
    }
    return ok;
}

bool hpt_bundle_write(HptBundle *bundle, const char *path, bool zstd, HptBundleInfo *info,
                      GError **error)
{
    if (hpt_new_file_is_special(path))
        return write_special(bundle, path, zstd, info, error);
    g_auto(HptNewFile) file = HPT_NEW_FILE_NONE;
    HptBundleInfo written;
    if (!hpt_new_file_open(&file, path, error) ||
        !write_file(bundle, file.fd, file.dir, zstd, &written, error) ||
        !hpt_new_file_publish(&file, error))
        return false;
    if (info != NULL)
        *info = written;
    return true;
}
