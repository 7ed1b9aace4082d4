#include "store/object.h"

#include "base/text.h"
#include "store/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct HptStore {
    char *dir;
    int objects_fd; /* DIR/sha256 */
    int tmp_fd;     /* DIR/tmp */
};

HptObjectId hpt_object_id(const void *data, size_t length)
{
    return (HptObjectId){.digest = hpt_digest(data, length), .size = (int64_t)length};
}

bool hpt_object_is_small(int64_t size)
{
    return size >= 0 && size <= HPT_OBJECT_INLINE_MAX;
}

/* ---- the store ---- */

/* Opens dir/name, making it first if need be. */
static int open_folder(int at, const char *name)
{
    if (mkdirat(at, name, 0777) != 0 && errno != EEXIST)
        return -1;
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

HptStore *hpt_store_open(const char *dir, GError **error)
{
    int fd = open_folder(AT_FDCWD, dir);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open the object store %s", dir);
        return NULL;
    }
    g_autoptr(HptStore) store = g_new0(HptStore, 1);
    store->dir = g_strdup(dir);
    store->objects_fd = open_folder(fd, "sha256");
    store->tmp_fd = store->objects_fd >= 0 ? open_folder(fd, "tmp") : -1;
    if (store->tmp_fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open the object store %s", dir);
        close(fd);
        return NULL;
    }
    bool ok = hpt_stream_sync(fd, dir, error);
    close(fd);
    return ok ? g_steal_pointer(&store) : NULL;
}

void hpt_store_close(HptStore *store)
{
    if (store == NULL)
        return;
    if (store->objects_fd >= 0)
        close(store->objects_fd);
    if (store->tmp_fd >= 0)
        close(store->tmp_fd);
    g_free(store->dir);
    g_free(store);
}

bool hpt_store_sweep(HptStore *store, int64_t age_us, size_t *removed, GError **error)
{
    int fd = openat(store->tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        hpt_error_set_errno(error, errno, "cannot read %s/tmp", store->dir);
        if (fd >= 0)
            close(fd);
        return false;
    }
    size_t count = 0;
    int64_t limit = hpt_time_now_us() - age_us;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct stat info;
        if (fstatat(store->tmp_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        int64_t changed = info.st_mtim.tv_sec * G_USEC_PER_SEC + info.st_mtim.tv_nsec / 1000;
        if (changed <= limit && unlinkat(store->tmp_fd, entry->d_name, 0) == 0)
            count++;
    }
    closedir(folder);
    if (removed != NULL)
        *removed = count;
    return true;
}

/* ab/cdef… with an ending; owned. */
static char *object_name(const HptDigest *digest, const char *ending)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(digest, hex);
    return g_strdup_printf("%.2s/%s%s", hex, hex + 2, ending);
}

static void prefix_object(GError **error, const HptDigest *digest)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    g_prefix_error(error, "object sha256:%s: ", hpt_digest_hex(digest, hex));
}

/* The uncompressed size of the object in fd as its header tells it; -1 if it does not. */
static int64_t declared_size(int fd, bool zstd)
{
    struct stat info;
    if (!zstd)
        return fstat(fd, &info) == 0 ? info.st_size : -1;
    char head[18]; /* the largest frame header */
    ssize_t n = pread(fd, head, sizeof head, 0);
    unsigned long long size = n > 0 ? ZSTD_getFrameContentSize(head, (size_t)n) : 0;
    return n <= 0 || size > INT64_MAX ? -1 : (int64_t)size;
}

/* Opens the object's file, plain or compressed: -1 with errno if there is none. */
static int open_object(HptStore *store, const HptDigest *digest, bool *zstd)
{
    static const char *const endings[] = {"", ".zst"};
    for (int i = 0; i < 2; i++) {
        g_autofree char *name = object_name(digest, endings[i]);
        int fd = openat(store->objects_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 || errno != ENOENT) {
            *zstd = i == 1;
            return fd;
        }
    }
    return -1;
}

/* ---- putting ---- */

/* Bytes on their way into the store: from memory, or from a file. */
typedef struct {
    const char *data; /* NULL: from fd */
    int fd;
    int64_t size;
} Source;

static gssize source_read(const Source *source, int64_t offset, char *buffer, size_t length,
                          GError **error)
{
    if (source->data != NULL) {
        size_t n = MIN(length, (size_t)(source->size - offset));
        memcpy(buffer, source->data + offset, n);
        return (gssize)n;
    }
    for (;;) {
        ssize_t n = pread(source->fd, buffer, length, offset);
        if (n >= 0 || errno != EINTR) {
            if (n < 0)
                hpt_error_set_errno(error, errno, "reading");
            return n;
        }
    }
}

/* Would zstd save at least a tenth? Its fastest level on the first chunk tells. */
static bool worth_compressing(const Source *source, const char *head, size_t length)
{
    if (source->size <= HPT_OBJECT_COMPRESS_MIN)
        return false;
    size_t room = ZSTD_compressBound(length);
    g_autofree char *out = g_malloc(room);
    size_t n = ZSTD_compress(out, room, head, length, 1);
    return !ZSTD_isError(n) && n < length - length / 10;
}

/* Copies the source to fd, hashing. The size must be the source's, else it has changed. */
static bool copy_in(HptStore *store, const Source *source, int fd, bool *zstd, HptDigest *digest,
                    GError **error)
{
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    g_autoptr(HptDigester) digester = hpt_digester_new();
    g_autoptr(HptOut) out = NULL;
    int64_t done = 0;
    for (;;) {
        gssize n = source_read(source, done, buffer, HPT_STREAM_CHUNK, error);
        if (n < 0)
            return false;
        if (out == NULL) {
            *zstd = worth_compressing(source, buffer, (size_t)n);
            out = hpt_out_new(fd, *zstd, source->size, store->dir);
        }
        if (done + n > source->size || (n == 0 && done < source->size)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "the file changed while it was read");
            return false;
        }
        if (n == 0)
            break;
        hpt_digester_add(digester, buffer, (size_t)n);
        if (!hpt_out_write(out, buffer, (size_t)n, error))
            return false;
        done += n;
    }
    *digest = hpt_digester_get(digester);
    return hpt_out_end(out, error);
}

static bool sync_folder(HptStore *store, const HptDigest *digest, GError **error)
{
    char hex[HPT_DIGEST_HEX_SIZE], prefix[3] = {0};
    memcpy(prefix, hpt_digest_hex(digest, hex), 2);
    int fd = openat(store->objects_fd, prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open %s/sha256/%s", store->dir, prefix);
        return false;
    }
    bool ok = hpt_stream_sync(fd, store->dir, error) &&
              hpt_stream_sync(store->objects_fd, store->dir, error);
    close(fd);
    return ok;
}

/* Is the object there already? *found says so; an object of another size is HPT_ERROR_INTEGRITY. */
static bool find_same(HptStore *store, const HptObjectId *id, bool *found, GError **error)
{
    bool zstd = false;
    int fd = open_object(store, &id->digest, &zstd);
    *found = fd >= 0;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open it");
        return false;
    }
    int64_t size = declared_size(fd, zstd);
    close(fd);
    if (size == id->size)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "the stored file says %" G_GINT64_FORMAT " bytes instead of %" G_GINT64_FORMAT,
                size, id->size);
    return false;
}

/* Gives the finished temporary file its name. */
static bool publish(HptStore *store, int fd, const char *tmp, const HptDigest *digest, bool zstd,
                    GError **error)
{
    g_autofree char *name = object_name(digest, zstd ? ".zst" : "");
    char prefix[3] = {name[0], name[1], '\0'};
    if (!hpt_stream_sync(fd, store->dir, error))
        return false;
    if (mkdirat(store->objects_fd, prefix, 0777) != 0 && errno != EEXIST) {
        hpt_stream_write_error(error, errno, store->dir);
        return false;
    }
    if (renameat(store->tmp_fd, tmp, store->objects_fd, name) != 0) {
        hpt_stream_write_error(error, errno, store->dir);
        return false;
    }
    return true;
}

static bool put_through(HptStore *store, const Source *source, int fd, const char *tmp,
                        HptObjectId *id, GError **error)
{
    bool zstd = false, found = false;
    if (!copy_in(store, source, fd, &zstd, &id->digest, error))
        return false;
    id->size = source->size;
    /* Even when somebody else put it, their folder fsync may not have happened yet. */
    if (!find_same(store, id, &found, error) ||
        (!found && !publish(store, fd, tmp, &id->digest, zstd, error)) ||
        !sync_folder(store, &id->digest, error)) {
        prefix_object(error, &id->digest);
        return false;
    }
    return true;
}

static bool put(HptStore *store, const Source *source, HptObjectId *out, GError **error)
{
    g_autofree char *tmp = hpt_uuid_new();
    int fd = openat(store->tmp_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (fd < 0) {
        hpt_stream_write_error(error, errno, store->dir);
        return false;
    }
    HptObjectId id;
    bool ok = put_through(store, source, fd, tmp, &id, error);
    close(fd);
    /* After a rename there is nothing under the old name: the failure means nothing. */
    unlinkat(store->tmp_fd, tmp, 0);
    if (ok)
        *out = id;
    return ok;
}

bool hpt_object_put_bytes(HptStore *store, const void *data, size_t length, HptObjectId *out,
                          GError **error)
{
    HptObjectId id = hpt_object_id(data, length);
    bool found = false;
    if (!find_same(store, &id, &found, error)) {
        prefix_object(error, &id.digest);
        return false;
    }
    if (found) {
        if (!sync_folder(store, &id.digest, error))
            return false;
        *out = id;
        return true;
    }
    Source source = {.data = length > 0 ? data : "", .fd = -1, .size = (int64_t)length};
    return put(store, &source, out, error);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static const char *file_kind(mode_t mode)
{
    return S_ISLNK(mode)    ? "a symbolic link"
           : S_ISDIR(mode)  ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISREG(mode)  ? "a regular file"
                            : "a device";
}

static bool check_regular(const struct stat *info, GError **error)
{
    if (S_ISREG(info->st_mode))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED, "%s, not a regular file",
                file_kind(info->st_mode));
    return false;
}

static bool put_open_file(HptStore *store, int fd, HptObjectId *out, GError **error)
{
    struct stat before, after;
    if (fstat(fd, &before) != 0) {
        hpt_error_set_errno(error, errno, "cannot be examined");
        return false;
    }
    if (!check_regular(&before, error))
        return false;
    Source source = {.fd = fd, .size = before.st_size};
    HptObjectId id;
    if (!put(store, &source, &id, error))
        return false;
    if (fstat(fd, &after) != 0 || !same_file(&before, &after)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "the file changed while it was read");
        return false;
    }
    *out = id;
    return true;
}

bool hpt_object_put_fd(HptStore *store, int fd, const char *name, HptObjectId *out, GError **error)
{
    bool ok = put_open_file(store, fd, out, error);
    if (!ok)
        g_prefix_error(error, "%s: ", name);
    return ok;
}

/* Opens a regular file for reading without touching anything else: a FIFO would block, a device
 * could act. The second look is for what the name became in between. */
static int open_regular(int dir_fd, const char *path, struct stat *info, GError **error)
{
    if (fstatat(dir_fd, path, info, AT_SYMLINK_NOFOLLOW) != 0) {
        hpt_error_set_errno(error, errno, "cannot be examined");
        return -1;
    }
    if (!check_regular(info, error))
        return -1;
    int fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, info) != 0) {
        hpt_error_set_errno(error, errno, "cannot be opened");
    } else if (check_regular(info, error)) {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

bool hpt_object_put_file(HptStore *store, int dir_fd, const char *path, HptObjectId *out,
                         GError **error)
{
    struct stat info;
    int fd = open_regular(dir_fd, path, &info, error);
    bool ok = fd >= 0 && put_open_file(store, fd, out, error);
    if (fd >= 0)
        close(fd);
    if (!ok)
        g_prefix_error(error, "%s: ", path);
    return ok;
}

static bool look(int fd, const struct stat *before, HptObjectId *out, char **data, GError **error)
{
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    g_autoptr(HptDigester) digester = hpt_digester_new();
    g_autoptr(GString) small = g_string_new(NULL);
    Source source = {.fd = fd, .size = before->st_size};
    struct stat after;
    int64_t done = 0;
    for (gssize n; (n = source_read(&source, done, buffer, HPT_STREAM_CHUNK, error)) != 0;) {
        if (n < 0)
            return false;
        hpt_digester_add(digester, buffer, (size_t)n);
        if (hpt_object_is_small(done + n))
            g_string_append_len(small, buffer, n);
        done += n;
    }
    if (fstat(fd, &after) != 0 || done != before->st_size || !same_file(before, &after)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "the file changed while it was read");
        return false;
    }
    *out = (HptObjectId){.digest = hpt_digester_get(digester), .size = done};
    if (data != NULL && hpt_object_is_small(done))
        *data = g_string_free(g_steal_pointer(&small), FALSE);
    return true;
}

bool hpt_object_look_file(int dir_fd, const char *path, HptObjectId *out, char **data,
                          GError **error)
{
    struct stat info;
    int fd = open_regular(dir_fd, path, &info, error);
    bool ok = fd >= 0 && look(fd, &info, out, data, error);
    if (fd >= 0)
        close(fd);
    if (!ok)
        g_prefix_error(error, "%s: ", path);
    return ok;
}

/* ---- reading ---- */

struct HptObjectReader {
    HptObjectId id;
    int fd;
    HptIn *in;
    HptDigester *digester;
    int64_t done;
};

HptObjectReader *hpt_object_open(HptStore *store, const HptObjectId *id, GError **error)
{
    bool zstd = false;
    int fd = open_object(store, &id->digest, &zstd);
    if (fd < 0) {
        char hex[HPT_DIGEST_HEX_SIZE];
        hpt_digest_hex(&id->digest, hex);
        if (errno == ENOENT)
            g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "object sha256:%s is missing in %s",
                        hex, store->dir);
        else
            hpt_error_set_errno(error, errno, "object sha256:%s in %s", hex, store->dir);
        return NULL;
    }
    HptObjectReader *reader = g_new0(HptObjectReader, 1);
    reader->id = *id;
    reader->fd = fd;
    reader->in = hpt_in_new(fd, zstd ? HPT_IN_ZSTD : HPT_IN_PLAIN);
    reader->digester = hpt_digester_new();
    return reader;
}

void hpt_object_close(HptObjectReader *reader)
{
    if (reader == NULL)
        return;
    close(reader->fd);
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
        char hex[HPT_DIGEST_HEX_SIZE];
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "damaged: its bytes have SHA-256 %s",
                    hpt_digest_hex(&digest, hex));
        return false;
    }
    return true;
}

gssize hpt_object_read(HptObjectReader *reader, void *buffer, size_t length, GError **error)
{
    gssize n = hpt_in_read(reader->in, buffer, length, error);
    if (n > 0) {
        hpt_digester_add(reader->digester, buffer, (size_t)n);
        reader->done += n;
    }
    bool over = reader->id.size >= 0 && reader->done > reader->id.size;
    if (n >= 0 && (n == 0 || over) && length > 0 && !check_end(reader, error))
        n = -1;
    if (n < 0)
        prefix_object(error, &reader->id.digest);
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
            prefix_object(error, &id->digest);
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
