#include "base/text.h"
#include "store/objectfile.h"
#include "store/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

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
            hpt_object_set_changed(error);
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

bool hpt_object_sync_folder(HptStore *store, const HptDigest *digest, GError **error)
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

bool hpt_object_find_file(HptStore *store, const HptObjectId *id, bool *found, GError **error)
{
    *found = false;
    for (int zstd = 0; zstd < 2 && !*found; zstd++) {
        g_autofree char *name = hpt_store_name(&id->digest, zstd ? ".zst" : "");
        int fd = openat(store->objects_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0) {
            hpt_error_set_errno(error, errno, "cannot open it");
            return false;
        }
        int64_t size = declared_size(fd, zstd);
        close(fd);
        if (size != id->size) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                        "the stored file says %" G_GINT64_FORMAT
                        " bytes instead of %" G_GINT64_FORMAT,
                        size, id->size);
            return false;
        }
        /* By its name: what was moved away in between is not touched. */
        *found = utimensat(store->objects_fd, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
    }
    return true;
}

/* Gives the finished temporary file its name. */
static bool publish(HptStore *store, int fd, const char *tmp, const HptDigest *digest, bool zstd,
                    GError **error)
{
    g_autofree char *name = hpt_store_name(digest, zstd ? ".zst" : "");
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
    if (!hpt_object_find_file(store, id, &found, error) ||
        (!found && !publish(store, fd, tmp, &id->digest, zstd, error)) ||
        !hpt_object_sync_folder(store, &id->digest, error)) {
        hpt_store_prefix(error, &id->digest);
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
    if (!hpt_object_find_file(store, &id, &found, error)) {
        hpt_store_prefix(error, &id.digest);
        return false;
    }
    if (found) {
        if (!hpt_object_sync_folder(store, &id.digest, error))
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

void hpt_object_set_changed(GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "the file changed while it was read");
}

bool hpt_object_examine(int fd, struct stat *info, GError **error)
{
    if (fstat(fd, info) == 0)
        return check_regular(info, error);
    hpt_error_set_errno(error, errno, "cannot be examined");
    return false;
}

bool hpt_object_unchanged(int fd, const struct stat *before, GError **error)
{
    struct stat after;
    if (fstat(fd, &after) == 0 && same_file(before, &after))
        return true;
    hpt_object_set_changed(error);
    return false;
}

static bool put_open_file(HptStore *store, int fd, HptObjectId *out, GError **error)
{
    struct stat before;
    HptObjectId id;
    if (!hpt_object_examine(fd, &before, error))
        return false;
    Source source = {.fd = fd, .size = before.st_size};
    if (!put(store, &source, &id, error) || !hpt_object_unchanged(fd, &before, error))
        return false;
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
