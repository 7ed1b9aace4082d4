#include "store/gc.h"

#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    HptDigest digest;
    bool kept;
} Known;

/* An object as a file of its own. */
typedef struct {
    Known *known;
    int64_t bytes;
    bool zstd, young;
    bool aside; /* in DIR/gc */
} Item;

struct HptGc {
    HptStore *store;
    GHashTable *known; /* of Known, by digest */
    GArray *items;     /* of Item */
    int64_t limit_us;  /* what was touched since then is young */
    int aside_fd;      /* DIR/gc; -1: none */
};

static guint hash_digest(gconstpointer digest)
{
    guint head;
    memcpy(&head, digest, sizeof head);
    return head;
}

static gboolean same_digest(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, HPT_DIGEST_SIZE) == 0;
}

/* ---- what stays ---- */

static void keep(HptGc *gc, const void *digest)
{
    Known *known = g_hash_table_lookup(gc->known, digest);
    if (known != NULL)
        known->kept = true;
}

void hpt_gc_keep(HptGc *gc, const HptDigest *digest)
{
    keep(gc, digest->bytes);
}

void hpt_gc_keep_within(HptGc *gc, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i + HPT_DIGEST_SIZE <= length; i++)
        keep(gc, bytes + i);
}

/* ---- listing ---- */

static int64_t touched_us(const struct stat *info)
{
    return info->st_mtim.tv_sec * G_USEC_PER_SEC + info->st_mtim.tv_nsec / 1000;
}

static int64_t disk_bytes(const struct stat *info)
{
    return (int64_t)info->st_blocks * 512;
}

/* The file system's time, as a file that is made now has it. */
static bool now_us(HptStore *store, int64_t *now, GError **error)
{
    g_autofree char *name = hpt_uuid_new();
    struct stat info = {0};
    int fd = openat(store->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && fstat(fd, &info) == 0;
    if (!ok)
        hpt_error_set_errno(error, errno, "cannot write below %s/tmp", store->dir);
    if (fd >= 0) {
        close(fd);
        unlinkat(store->tmp_fd, name, 0);
    }
    *now = touched_us(&info);
    return ok;
}

static void add_item(HptGc *gc, const HptDigest *digest, bool zstd, bool aside,
                     const struct stat *info)
{
    Known *known = g_hash_table_lookup(gc->known, digest);
    if (known == NULL) {
        known = g_new0(Known, 1);
        known->digest = *digest;
        g_hash_table_add(gc->known, known);
    }
    Item item = {.known = known,
                 .bytes = disk_bytes(info),
                 .zstd = zstd,
                 .young = touched_us(info) > gc->limit_us,
                 .aside = aside};
    g_array_append_val(gc->items, item);
}

/* The objects in the folder at/name; head stands before their names there. None if it is missing. */
static bool list_folder(HptGc *gc, int at, const char *name, const char *head, bool aside,
                        GError **error)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return true;
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        hpt_error_set_errno(error, errno, "cannot read %s/%s", gc->store->dir, name);
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct stat info;
        HptDigest digest;
        bool zstd = g_str_has_suffix(entry->d_name, ".zst");
        g_autofree char *hex =
            g_strdup_printf("%s%.*s", head, (int)strlen(entry->d_name) - (zstd ? 4 : 0),
                            entry->d_name);
        if (hpt_digest_parse(hex, &digest) &&
            fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode))
            add_item(gc, &digest, zstd, aside, &info);
    }
    closedir(folder);
    return true;
}

static bool list_store(HptGc *gc, GError **error)
{
    for (int i = 0; i < 256; i++) {
        char head[3];
        g_snprintf(head, sizeof head, "%02x", i);
        if (!list_folder(gc, gc->store->objects_fd, head, head, false, error))
            return false;
    }
    return list_folder(gc, gc->store->dir_fd, HPT_STORE_ASIDE, "", true, error);
}

/* ---- moving and removing ---- */

/* ab/cdef…[.zst], or all in one where it lies aside. */
static void item_names(const Item *item, char **name, char **aside)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    const char *ending = item->zstd ? ".zst" : "";
    *name = hpt_store_name(&item->known->digest, ending);
    *aside = g_strconcat(hpt_digest_hex(&item->known->digest, hex), ending, NULL);
}

static bool put_aside(HptGc *gc, Item *item, GError **error)
{
    g_autofree char *name = NULL, *aside = NULL;
    item_names(item, &name, &aside);
    item->aside = renameat(gc->store->objects_fd, name, gc->aside_fd, aside) == 0;
    if (item->aside || errno == ENOENT) /* another collector was faster */
        return true;
    hpt_error_set_errno(error, errno, "cannot move object %s", aside);
    return false;
}

/* What is aside goes, or back: what was touched before it was moved is younger than it seemed. */
static bool settle(HptGc *gc, Item *item, GError **error)
{
    g_autofree char *name = NULL, *aside = NULL;
    struct stat info;
    item_names(item, &name, &aside);
    if (fstatat(gc->aside_fd, aside, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    item->young = touched_us(&info) > gc->limit_us;
    bool back = item->young || item->known->kept;
    bool done = back ? renameat(gc->aside_fd, aside, gc->store->objects_fd, name) == 0
                     : unlinkat(gc->aside_fd, aside, 0) == 0;
    if (done || errno == ENOENT)
        return true;
    hpt_error_set_errno(error, errno, "cannot %s object %s", back ? "put back" : "remove", aside);
    return false;
}

static bool goes(const Item *item)
{
    return !item->young && !item->known->kept;
}

static bool remove_items(HptGc *gc, HptGcMarkFunc mark, void *user, GError **error)
{
    bool any = false;
    for (guint i = 0; i < gc->items->len; i++) {
        Item *item = &g_array_index(gc->items, Item, i);
        any |= item->aside;
        if (item->aside || !goes(item))
            continue;
        if (!put_aside(gc, item, error))
            return false;
        any = true;
    }
    if (any && !mark(gc, user, error))
        return false;
    for (guint i = 0; i < gc->items->len; i++) {
        Item *item = &g_array_index(gc->items, Item, i);
        if (item->aside && !settle(gc, item, error))
            return false;
    }
    return true;
}

static void sum_up(const HptGc *gc, HptGcCount *count)
{
    for (guint i = 0; i < gc->items->len; i++) {
        const Item *item = &g_array_index(gc->items, Item, i);
        count->objects++;
        count->bytes += item->bytes;
        if (item->young && !item->known->kept) {
            count->young++;
            count->young_bytes += item->bytes;
        } else if (goes(item)) {
            count->removed++;
            count->removed_bytes += item->bytes;
        }
    }
}

static bool collect(HptGc *gc, bool dry_run, HptGcMarkFunc mark, void *user, GError **error)
{
    if (!list_store(gc, error) || !mark(gc, user, error))
        return false;
    return dry_run || remove_items(gc, mark, user, error);
}

bool hpt_store_collect(HptStore *store, int64_t grace_us, bool dry_run, HptGcMarkFunc mark,
                       void *user, HptGcCount *count, GError **error)
{
    HptGc gc = {.store = store, .aside_fd = -1};
    HptGcCount counted = {0};
    int64_t now;
    if (!now_us(store, &now, error))
        return false;
    gc.limit_us = now - grace_us;
    if (!dry_run)
        gc.aside_fd = hpt_store_open_folder(store->dir_fd, HPT_STORE_ASIDE);
    if (!dry_run && gc.aside_fd < 0) {
        hpt_error_set_errno(error, errno, "cannot make %s/%s", store->dir, HPT_STORE_ASIDE);
        return false;
    }
    gc.known = g_hash_table_new_full(hash_digest, same_digest, g_free, NULL);
    gc.items = g_array_new(false, false, sizeof(Item));
    bool ok = collect(&gc, dry_run, mark, user, error);
    if (ok) {
        sum_up(&gc, &counted);
        *count = counted;
    }
    if (gc.aside_fd >= 0)
        close(gc.aside_fd);
    g_array_unref(gc.items);
    g_hash_table_unref(gc.known);
    return ok;
}
