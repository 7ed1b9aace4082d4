#include "store/folder.h"

#include "base/text.h"
#include "store/packs.h"
#include "store/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEFT_US G_TIME_SPAN_DAY /* no write lasts that long */

HptObjectId hpt_object_id(const void *data, size_t length)
{
    return (HptObjectId){.digest = hpt_digest(data, length), .size = (int64_t)length};
}

bool hpt_object_is_small(int64_t size)
{
    return size >= 0 && size <= HPT_OBJECT_INLINE_MAX;
}

int hpt_store_open_folder(int at, const char *name)
{
    if (mkdirat(at, name, 0777) != 0 && errno != EEXIST)
        return -1;
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

HptStore *hpt_store_open(const char *dir, GError **error)
{
    int fd = hpt_store_open_folder(AT_FDCWD, dir);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open the object store %s", dir);
        return NULL;
    }
    g_autoptr(HptStore) store = g_new0(HptStore, 1);
    store->dir = g_strdup(dir);
    store->dir_fd = fd;
    store->tmp_fd = -1;
    store->objects_fd = hpt_store_open_folder(store->dir_fd, "sha256");
    store->tmp_fd = store->objects_fd >= 0 ? hpt_store_open_folder(store->dir_fd, "tmp") : -1;
    if (store->tmp_fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open the object store %s", dir);
        return NULL;
    }
    bool ok = hpt_stream_sync(fd, dir, error);
    /* What a crash left costs room and nothing else, so a failure to remove it is none. */
    bool swept = ok && hpt_store_sweep(store, LEFT_US, NULL, NULL);
    (void)swept;
    return ok ? g_steal_pointer(&store) : NULL;
}

HptStore *hpt_store_open_reading(const char *dir, GError **error)
{
    g_autoptr(HptStore) store = g_new0(HptStore, 1);
    store->dir = g_strdup(dir);
    store->tmp_fd = store->objects_fd = -1;
    store->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->dir_fd >= 0)
        store->objects_fd = openat(store->dir_fd, "sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->objects_fd >= 0)
        return g_steal_pointer(&store);
    hpt_error_set_errno(error, errno, "cannot open the object store %s", dir);
    return NULL;
}

void hpt_store_close(HptStore *store)
{
    if (store == NULL)
        return;
    hpt_packs_free(store->packs);
    if (store->dir_fd >= 0)
        close(store->dir_fd);
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

char *hpt_store_name(const HptDigest *digest, const char *ending)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(digest, hex);
    return g_strdup_printf("%.2s/%s%s", hex, hex + 2, ending);
}

void hpt_store_prefix(GError **error, const HptDigest *digest)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    g_prefix_error(error, "object sha256:%s: ", hpt_digest_hex(digest, hex));
}

static int open_name(int at, const char *folder, const char *hex, const char *ending)
{
    g_autofree char *name = folder == NULL
                                ? g_strdup_printf("%.2s/%s%s", hex, hex + 2, ending)
                                : g_strdup_printf("%s/%s%s", folder, hex, ending);
    return openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

int hpt_store_open_object(HptStore *store, const HptDigest *digest, bool *zstd)
{
    static const char *const endings[] = {"", ".zst"};
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(digest, hex);
    /* A collector may have put it back in between. */
    for (int i = 0; i < 6; i++) {
        bool aside = i / 2 == 1;
        int fd = open_name(aside ? store->dir_fd : store->objects_fd,
                           aside ? HPT_STORE_ASIDE : NULL, hex, endings[i % 2]);
        if (fd >= 0 || errno != ENOENT) {
            *zstd = i % 2 == 1;
            return fd;
        }
    }
    return -1;
}

int hpt_store_unnamed_file(const char *dir, GError **error)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool without = fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL);
    if (without)
        fd = open(g_get_tmp_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (without && fd < 0) {
        g_autofree char *name = g_build_filename(dir, ".hpt-spool-XXXXXX", NULL);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0)
        hpt_error_set_errno(error, errno, "cannot make a temporary file in %s", dir);
    return fd;
}
