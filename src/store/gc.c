#include "store/gc.h"

#include "base/text.h"
#include "store/folder.h"
#include "store/gcpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* An object as a file of its own. */
typedef struct {
    HptGcKnown *known;
    int64_t bytes;
    bool zstd, young;
    bool aside; /* in DIR/gc */
} Item;

struct HptGc {
    HptGcWork work;
    GArray *items; /* of Item */
};

/* ---- what stays ---- */

HptGcKnown *hpt_gc_know(HptGcWork *work, const HptDigest *digest)
{
    HptGcKnown *known = g_hash_table_lookup(work->known, digest);
    if (known != NULL)
        return known;
    known = g_new0(HptGcKnown, 1);
    known->digest = *digest;
    g_hash_table_add(work->known, known);
    return known;
}

static void keep(HptGc *gc, const void *digest)
{
    HptGcKnown *known = g_hash_table_lookup(gc->work.known, digest);
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

int64_t hpt_gc_touched_us(const struct stat *info)
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
    if (store->tmp_fd < 0) { /* a dry run, which writes nothing */
        *now = hpt_time_now_us();
        return true;
    }
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
    *now = hpt_gc_touched_us(&info);
    return ok;
}

static void add_item(HptGc *gc, const HptDigest *digest, bool zstd, bool aside,
                     const struct stat *info)
{
    Item item = {.known = hpt_gc_know(&gc->work, digest),
                 .bytes = disk_bytes(info),
                 .zstd = zstd,
                 .young = hpt_gc_touched_us(info) > gc->work.limit_us,
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
        hpt_error_set_errno(error, errno, "cannot read %s/%s", gc->work.store->dir, name);
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
        if (!list_folder(gc, gc->work.store->objects_fd, head, head, false, error))
            return false;
    }
    return list_folder(gc, gc->work.store->dir_fd, HPT_STORE_ASIDE, "", true, error);
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
    item->aside = renameat(gc->work.store->objects_fd, name, gc->work.aside_fd, aside) == 0;
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
    if (fstatat(gc->work.aside_fd, aside, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    item->young = hpt_gc_touched_us(&info) > gc->work.limit_us;
    bool back = item->young || item->known->kept;
    bool done = back ? renameat(gc->work.aside_fd, aside, gc->work.store->objects_fd, name) == 0
                     : unlinkat(gc->work.aside_fd, aside, 0) == 0;
    if (done || errno == ENOENT)
        return true;
    hpt_error_set_errno(error, errno, "cannot %s object %s", back ? "put back" : "remove", aside);
    return false;
}

static bool goes(const Item *item)
{
    return !item->young && !item->known->kept;
}

static bool move_items(HptGc *gc, bool *any, GError **error)
{
    for (guint i = 0; i < gc->items->len; i++) {
        Item *item = &g_array_index(gc->items, Item, i);
        *any |= item->aside;
        if (item->aside || !goes(item))
            continue;
        if (!put_aside(gc, item, error))
            return false;
        *any = true;
    }
    return true;
}

static bool settle_items(HptGc *gc, GError **error)
{
    for (guint i = 0; i < gc->items->len; i++) {
        Item *item = &g_array_index(gc->items, Item, i);
        if (item->aside && !settle(gc, item, error))
            return false;
    }
    return true;
}

static void plan(HptGc *gc, HptGcCount *count)
{
    for (guint i = 0; i < gc->items->len; i++) {
        Item *item = &g_array_index(gc->items, Item, i);
        count->bytes += item->bytes;
        if (goes(item)) {
            count->removed_bytes += item->bytes;
            continue;
        }
        item->known->stays = true;
        item->known->young |= item->young;
    }
    hpt_gc_plan_packs(&gc->work, &count->bytes, &count->removed_bytes);
    GHashTableIter iter;
    gpointer each;
    g_hash_table_iter_init(&iter, gc->work.known);
    while (g_hash_table_iter_next(&iter, &each, NULL)) {
        const HptGcKnown *known = each;
        count->objects++;
        count->young += known->young && !known->kept;
        count->removed += !known->kept && !known->stays;
    }
}

static bool collect(HptGc *gc, bool dry_run, HptGcMarkFunc mark, void *user, HptGcCount *count,
                    GError **error)
{
    bool any = false;
    if (!list_store(gc, error) || !hpt_gc_list_packs(&gc->work, error) || !mark(gc, user, error))
        return false;
    plan(gc, count);
    if (dry_run)
        return true;
    if (!move_items(gc, &any, error) || !hpt_gc_move_packs(&gc->work, &any, error))
        return false;
    if (!any)
        return true;
    GHashTableIter iter;
    gpointer each;
    g_hash_table_iter_init(&iter, gc->work.known);
    while (g_hash_table_iter_next(&iter, &each, NULL)) {
        HptGcKnown *known = each;
        known->chosen = known->broken = false;
    }
    return hpt_gc_list_packs(&gc->work, error) && mark(gc, user, error) && settle_items(gc, error) &&
           hpt_gc_settle_packs(&gc->work, error);
}

/* Where a collector puts what is to go, locked against a second one. */
static int open_aside(HptStore *store, GError **error)
{
    int fd = hpt_store_open_folder(store->dir_fd, HPT_STORE_ASIDE);
    if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK))
        return fd; /* where there are no locks two of them do no harm but work */
    if (fd >= 0) {
        close(fd);
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "another collector is at work in %s",
                    store->dir);
    } else {
        hpt_error_set_errno(error, errno, "cannot make %s/%s", store->dir, HPT_STORE_ASIDE);
    }
    return -1;
}

bool hpt_store_collect(HptStore *store, int64_t grace_us, bool dry_run, HptGcMarkFunc mark,
                       void *user, HptGcCount *count, GError **error)
{
    HptGc gc = {.work = {.store = store, .aside_fd = -1}};
    HptGcCount counted = {0};
    int64_t now;
    if (!now_us(store, &now, error))
        return false;
    gc.work.limit_us = now - grace_us;
    gc.work.aside_fd = dry_run ? openat(store->dir_fd, HPT_STORE_ASIDE,
                                        O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                               : open_aside(store, error);
    if (!dry_run && gc.work.aside_fd < 0)
        return false;
    gc.work.known = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    gc.items = g_array_new(false, false, sizeof(Item));
    bool ok = collect(&gc, dry_run, mark, user, &counted, error);
    if (ok)
        *count = counted;
    if (gc.work.aside_fd >= 0)
        close(gc.work.aside_fd);
    hpt_gc_forget_packs(&gc.work);
    g_array_unref(gc.items);
    g_hash_table_unref(gc.work.known);
    return ok;
}
