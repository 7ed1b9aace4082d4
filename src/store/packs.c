#include "store/packs.h"

#include "base/text.h"
#include "store/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFRESH_US (30 * G_USEC_PER_SEC) /* others' packs are looked for by a writer so often */

typedef struct {
    HptIndexEntry entry; /* its key is the first member: what the table looks up */
    guint next;          /* 1 + the next of this key; 0: none */
} Recent;

typedef struct {
    char *name;
    HptIndex *index;
} Segment;

struct HptPacks {
    int pack_fd, index_fd;  /* DIR/pack, DIR/index; -1: not opened yet */
    GPtrArray *segments;    /* of Segment */
    GHashTable *covered;    /* HptPackId, owned: by an index */
    GHashTable *remembered; /* HptPackId, owned: in recent */
    bool all;               /* every pack that was listed is remembered */
    GArray *recent_packs;   /* HptPackId */
    GArray *recent;         /* Recent */
    GHashTable *heads;      /* key, owned -> 1 + place in recent */
    GHashTable *open;       /* HptPackId in the pack -> HptPack */
    struct timespec listed; /* the folder's time when it was listed */
    int64_t looked_us;
};

static void close_pack(void *pack)
{
    hpt_pack_close(pack);
}

static void free_segment(void *data)
{
    Segment *segment = data;
    g_free(segment->name);
    hpt_index_free(segment->index);
    g_free(segment);
}

static void clear_recent(HptPacks *packs)
{
    g_array_set_size(packs->recent_packs, 0);
    g_array_set_size(packs->recent, 0);
    g_hash_table_remove_all(packs->heads);
    g_hash_table_remove_all(packs->remembered);
    packs->all = false;
}

HptPacks *hpt_packs_of(HptStore *store)
{
    if (store->packs != NULL)
        return store->packs;
    HptPacks *packs = store->packs = g_new0(HptPacks, 1);
    packs->pack_fd = packs->index_fd = -1;
    packs->segments = g_ptr_array_new_with_free_func(free_segment);
    packs->covered = g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    packs->remembered = g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    packs->recent_packs = g_array_new(false, false, sizeof(HptPackId));
    packs->recent = g_array_new(false, false, sizeof(Recent));
    packs->heads = g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    packs->open = g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, NULL, close_pack);
    return packs;
}

void hpt_packs_free(HptPacks *packs)
{
    if (packs == NULL)
        return;
    if (packs->pack_fd >= 0)
        close(packs->pack_fd);
    if (packs->index_fd >= 0)
        close(packs->index_fd);
    g_ptr_array_unref(packs->segments);
    g_hash_table_unref(packs->covered);
    g_hash_table_unref(packs->remembered);
    g_array_unref(packs->recent_packs);
    g_array_unref(packs->recent);
    g_hash_table_unref(packs->heads);
    g_hash_table_unref(packs->open);
    g_free(packs);
}

/* ---- folders ---- */

static int open_existing(HptStore *store, const char *name)
{
    return openat(store->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int hpt_packs_folder(HptStore *store)
{
    HptPacks *packs = hpt_packs_of(store);
    if (packs->pack_fd < 0)
        packs->pack_fd = hpt_store_open_folder(store->dir_fd, HPT_STORE_PACKS);
    return packs->pack_fd;
}

/* Names in the folder fd with the ending; NULL with *error. Owned strings. */
static GPtrArray *list_names(HptStore *store, int fd, const char *ending, GError **error)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (folder == NULL) {
        hpt_error_set_errno(error, errno, "cannot list the packs of %s", store->dir);
        if (copy >= 0)
            close(copy);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (g_str_has_suffix(entry->d_name, ending))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    closedir(folder);
    return names;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

GArray *hpt_packs_list(HptStore *store, bool aside, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(false, false, sizeof(HptPackId));
    int fd = open_existing(store, aside ? HPT_STORE_ASIDE : HPT_STORE_PACKS);
    if (fd < 0 && errno == ENOENT)
        return g_steal_pointer(&ids);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot list the packs of %s", store->dir);
        return NULL;
    }
    g_autoptr(GPtrArray) names = list_names(store, fd, HPT_PACK_ENDING, error);
    close(fd);
    if (names == NULL)
        return NULL;
    for (guint i = 0; i < names->len; i++) {
        HptPackId id;
        if (hpt_pack_parse_name(names->pdata[i], &id))
            g_array_append_val(ids, id);
    }
    g_array_sort(ids, compare_ids);
    return g_steal_pointer(&ids);
}

/* ---- packs ---- */

static gboolean is_idle(gpointer id G_GNUC_UNUSED, gpointer pack, gpointer user G_GNUC_UNUSED)
{
    return ((HptPack *)pack)->held == 0;
}

HptPack *hpt_packs_hold(HptStore *store, const HptPackId *id, GError **error)
{
    HptPacks *packs = hpt_packs_of(store);
    HptPack *pack = g_hash_table_lookup(packs->open, id);
    if (pack != NULL) {
        pack->held++;
        return pack;
    }
    if (g_hash_table_size(packs->open) >= HPT_PACKS_OPEN)
        g_hash_table_foreach_remove(packs->open, is_idle, NULL);
    g_autofree char *name = hpt_pack_name(id);
    int fd = -1;
    /* A collector may have put it back in between. */
    for (int i = 0; fd < 0 && i < 3; i++) {
        g_autofree char *path =
            g_strdup_printf("%s/%s", i == 1 ? HPT_STORE_ASIDE : HPT_STORE_PACKS, name);
        fd = openat(store->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno != ENOENT) {
            hpt_error_set_errno(error, errno, "cannot open the pack %s", name);
            return NULL;
        }
    }
    if (fd < 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "the pack %s is missing", name);
        return NULL;
    }
    pack = hpt_pack_open(fd, id, error);
    if (pack == NULL)
        return NULL;
    pack->held = 1;
    g_hash_table_insert(packs->open, &pack->id, pack);
    return pack;
}

void hpt_packs_release(HptPack *pack)
{
    if (pack != NULL)
        pack->held--;
}

bool hpt_packs_touch(HptStore *store, const HptPackId *id)
{
    g_autofree char *name = hpt_pack_name(id);
    int fd = hpt_packs_folder(store);
    return fd >= 0 && utimensat(fd, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- what is in them ---- */

static void remember(HptPacks *packs, const HptPack *pack)
{
    if (!g_hash_table_add(packs->remembered, g_memdup2(&pack->id, sizeof pack->id)))
        return;
    g_autoptr(GArray) entries = g_array_new(false, false, sizeof(HptIndexEntry));
    hpt_index_add_pack(pack, packs->recent_packs->len, entries);
    g_array_append_val(packs->recent_packs, pack->id);
    for (guint i = 0; i < entries->len; i++) {
        Recent recent = {.entry = g_array_index(entries, HptIndexEntry, i)};
        recent.next = GPOINTER_TO_UINT(g_hash_table_lookup(packs->heads, recent.entry.key));
        g_array_append_val(packs->recent, recent);
        g_hash_table_insert(packs->heads, g_memdup2(recent.entry.key, 16),
                            GUINT_TO_POINTER(packs->recent->len));
    }
}

void hpt_packs_add(HptStore *store, HptPack *steal_pack)
{
    HptPacks *packs = hpt_packs_of(store);
    remember(packs, steal_pack);
    if (g_hash_table_contains(packs->open, &steal_pack->id))
        hpt_pack_close(steal_pack);
    else
        g_hash_table_insert(packs->open, &steal_pack->id, steal_pack);
}

static void find(HptStore *store, const uint8_t *key, bool object, GArray *places)
{
    HptPacks *packs = hpt_packs_of(store);
    for (guint at = GPOINTER_TO_UINT(g_hash_table_lookup(packs->heads, key)); at > 0;) {
        const Recent *recent = &g_array_index(packs->recent, Recent, at - 1);
        uint32_t number = recent->entry.number;
        HptPlace place = {g_array_index(packs->recent_packs, HptPackId, recent->entry.pack),
                          number & ~HPT_INDEX_OBJECT};
        if (((number & HPT_INDEX_OBJECT) != 0) == object)
            g_array_append_val(places, place);
        at = recent->next;
    }
    for (guint i = 0; i < packs->segments->len; i++)
        hpt_index_find(((Segment *)packs->segments->pdata[i])->index, key, object, places);
}

void hpt_packs_find_object(HptStore *store, const HptDigest *digest, GArray *places)
{
    find(store, digest->bytes, true, places);
}

void hpt_packs_find_piece(HptStore *store, const HptChunkKey *key, GArray *places)
{
    find(store, key->bytes, false, places);
}

/* ---- looking ---- */

static void cover(HptPacks *packs, const HptIndex *index)
{
    for (uint32_t i = 0; i < hpt_index_packs(index); i++) {
        HptPackId id = hpt_index_pack(index, i);
        g_hash_table_add(packs->covered, g_memdup2(&id, sizeof id));
    }
}

static void add_segment(HptPacks *packs, const char *name, HptIndex *index)
{
    Segment *segment = g_new0(Segment, 1);
    segment->name = g_strdup(name);
    segment->index = index;
    g_ptr_array_add(packs->segments, segment);
    cover(packs, index);
}

static bool has_segment(const HptPacks *packs, const char *name)
{
    for (guint i = 0; i < packs->segments->len; i++)
        if (strcmp(((Segment *)packs->segments->pdata[i])->name, name) == 0)
            return true;
    return false;
}

/* Lets go of the indexes that were removed: others have merged them. */
static void close_indexes(HptPacks *packs, GPtrArray *names)
{
    guint before = packs->segments->len;
    for (guint i = before; i-- > 0;) {
        const Segment *segment = packs->segments->pdata[i];
        if (!g_ptr_array_find_with_equal_func(names, segment->name, g_str_equal, NULL))
            g_ptr_array_remove_index(packs->segments, i);
    }
    if (packs->segments->len == before)
        return;
    g_hash_table_remove_all(packs->covered);
    for (guint i = 0; i < packs->segments->len; i++)
        cover(packs, ((const Segment *)packs->segments->pdata[i])->index);
}

/* Opens the indexes that are not open yet. What is not readable is as if it were not there. */
static bool open_indexes(HptStore *store, HptPacks *packs, GError **error)
{
    if (packs->index_fd < 0)
        packs->index_fd = open_existing(store, HPT_STORE_INDEX);
    if (packs->index_fd < 0)
        return true;
    g_autoptr(GPtrArray) names = list_names(store, packs->index_fd, HPT_INDEX_ENDING, error);
    if (names == NULL)
        return false;
    close_indexes(packs, names);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        if (has_segment(packs, name))
            continue;
        int fd = openat(packs->index_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        HptIndex *index = fd >= 0 ? hpt_index_open(fd) : NULL;
        if (index != NULL)
            add_segment(packs, name, index);
    }
    return true;
}

static bool is_there(const HptPacks *packs, const HptPackId *id)
{
    g_autofree char *name = hpt_pack_name(id);
    return faccessat(packs->pack_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* Adds what an index says of packs that are not among ids yet, since others may have merged it, too, and
 * that no collector has removed. */
static bool add_index(const HptPacks *packs, const HptIndex *index, GArray *entries, GArray *ids,
                      GHashTable *seen)
{
    uint32_t count = hpt_index_packs(index);
    guint next = ids->len, before = entries->len;
    g_autofree uint32_t *numbers = g_new(uint32_t, (size_t)count + 1);
    for (uint32_t k = 0; k < count; k++) {
        HptPackId id = hpt_index_pack(index, k);
        bool wanted = !g_hash_table_contains(seen, &id) && is_there(packs, &id);
        numbers[k] = wanted ? next++ : HPT_INDEX_LEFT_OUT;
    }
    if (!hpt_index_load(index, numbers, entries)) {
        g_array_set_size(entries, before);
        return false;
    }
    for (uint32_t k = 0; k < count; k++) {
        HptPackId id = hpt_index_pack(index, k);
        if (numbers[k] == HPT_INDEX_LEFT_OUT)
            continue;
        g_array_append_val(ids, id);
        g_hash_table_add(seen, g_memdup2(&id, sizeof id));
    }
    return true;
}

/* Gathers what the next index is to hold: the recent packs, and the indexes that are not much
 * larger, which are removed from the segments into merged. */
static void gather(HptPacks *packs, GArray *entries, GArray *ids, GPtrArray *merged)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(hpt_digest_hash, hpt_chunk_key_equal, g_free, NULL);
    g_array_append_vals(ids, packs->recent_packs->data, packs->recent_packs->len);
    for (guint i = 0; i < ids->len; i++)
        g_hash_table_add(seen, g_memdup2(&g_array_index(ids, HptPackId, i), sizeof(HptPackId)));
    for (guint i = 0; i < packs->recent->len; i++)
        g_array_append_val(entries, g_array_index(packs->recent, Recent, i).entry);
    for (guint i = packs->segments->len; i-- > 0;) {
        const HptIndex *index = ((Segment *)packs->segments->pdata[i])->index;
        if (hpt_index_entries(index) <= 2 * entries->len &&
            add_index(packs, index, entries, ids, seen))
            g_ptr_array_add(merged, g_ptr_array_steal_index(packs->segments, i));
    }
}

/* The new file, open for reading; -1 with *error. */
static int publish_index(HptStore *store, HptPacks *packs, GArray *entries, const GArray *ids,
                         const char *name, GError **error)
{
    if (packs->index_fd < 0)
        packs->index_fd = hpt_store_open_folder(store->dir_fd, HPT_STORE_INDEX);
    int fd = packs->index_fd < 0 ? -1
                                 : openat(store->tmp_fd, name,
                                          O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (fd < 0) {
        hpt_stream_write_error(error, errno, store->dir);
        return -1;
    }
    bool ok = hpt_index_write(fd, entries, ids, store->dir, error) &&
              hpt_stream_sync(fd, store->dir, error);
    if (ok && renameat(store->tmp_fd, name, packs->index_fd, name) != 0) {
        hpt_stream_write_error(error, errno, store->dir);
        ok = false;
    }
    if (ok)
        return fd;
    unlinkat(store->tmp_fd, name, 0);
    close(fd);
    return -1;
}

static bool write_index(HptStore *store, HptPacks *packs, GError **error)
{
    g_autoptr(GArray) entries = g_array_new(false, false, sizeof(HptIndexEntry));
    g_autoptr(GArray) ids = g_array_new(false, false, sizeof(HptPackId));
    g_autoptr(GPtrArray) merged = g_ptr_array_new_with_free_func(free_segment);
    g_autofree char *unique = hpt_uuid_new();
    g_autofree char *name = g_strconcat(unique, HPT_INDEX_ENDING, NULL);
    gather(packs, entries, ids, merged);
    int fd = publish_index(store, packs, entries, ids, name, error);
    HptIndex *index = fd >= 0 ? hpt_index_open(fd) : NULL;
    for (guint i = merged->len; i-- > 0;) {
        Segment *segment = g_ptr_array_index(merged, i);
        if (index != NULL)
            unlinkat(packs->index_fd, segment->name, 0);
        else
            g_ptr_array_add(packs->segments, g_ptr_array_steal_index(merged, i));
    }
    if (index == NULL)
        return fd >= 0;
    clear_recent(packs);
    add_segment(packs, name, index);
    return true;
}

/* Reads the tables of packs, of those that no index covers or of all. A damaged one is passed over: who asks for an
 * object in it hears that it is missing, and hpt_store_check_packs says why. */
static bool open_packs(HptStore *store, HptPacks *packs, bool aside, bool covered, GError **error)
{
    g_autoptr(GArray) ids = hpt_packs_list(store, aside, error);
    for (guint i = 0; ids != NULL && i < ids->len; i++) {
        const HptPackId *id = &g_array_index(ids, HptPackId, i);
        if (g_hash_table_contains(packs->remembered, id) ||
            (!covered && g_hash_table_contains(packs->covered, id)))
            continue;
        g_autoptr(GError) problem = NULL;
        HptPack *pack = hpt_packs_hold(store, id, &problem);
        if (pack != NULL) {
            remember(packs, pack);
            hpt_packs_release(pack);
        } else if (problem->code != HPT_ERROR_INTEGRITY && problem->code != HPT_ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
    }
    return ids != NULL;
}

bool hpt_packs_refresh(HptStore *store, bool writer, GError **error)
{
    HptPacks *packs = hpt_packs_of(store);
    struct stat info;
    int64_t now = hpt_time_monotonic_us();
    if (writer && packs->looked_us > 0 && now - packs->looked_us < REFRESH_US)
        return true;
    packs->looked_us = now;
    if (packs->pack_fd < 0)
        packs->pack_fd = open_existing(store, HPT_STORE_PACKS);
    if (packs->pack_fd < 0)
        return true;
    if (fstat(packs->pack_fd, &info) != 0) {
        hpt_error_set_errno(error, errno, "cannot list the packs of %s", store->dir);
        return false;
    }
    bool same = memcmp(&info.st_mtim, &packs->listed, sizeof info.st_mtim) == 0;
    packs->listed = info.st_mtim;
    packs->all &= same;
    if (!(writer && same) &&
        !(open_indexes(store, packs, error) && open_packs(store, packs, false, false, error) &&
          (writer || open_packs(store, packs, true, false, error))))
        return false;
    g_autoptr(GError) ignored = NULL; /* it only says where to look first */
    if (writer && packs->recent_packs->len > HPT_PACKS_RECENT && !write_index(store, packs, &ignored))
        g_debug("%s", ignored->message);
    return true;
}

bool hpt_packs_read_all(HptStore *store, GError **error)
{
    HptPacks *packs = hpt_packs_of(store);
    packs->all = packs->all || (open_packs(store, packs, false, true, error) &&
                                open_packs(store, packs, true, true, error));
    return packs->all;
}

bool hpt_store_check_packs(HptStore *store, HptDamageFunc damaged, void *user, GError **error)
{
    g_autoptr(GArray) ids = hpt_packs_list(store, false, error);
    for (guint i = 0; ids != NULL && i < ids->len; i++) {
        g_autoptr(GError) problem = NULL;
        HptPack *pack = hpt_packs_hold(store, &g_array_index(ids, HptPackId, i), &problem);
        hpt_packs_release(pack);
        if (pack != NULL || problem->code == HPT_ERROR_NOT_FOUND)
            continue;
        if (problem->code != HPT_ERROR_INTEGRITY) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        if (!damaged(problem->message, user, error))
            return false;
    }
    return ids != NULL;
}
