#include "record/digestcache.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAGIC "hpt-digests/1 "
#define ENTRY ((size_t)80)
#define FILE_MAX (strlen(MAGIC) + 1024 + HPT_DIGEST_CACHE_MAX * ENTRY + HPT_DIGEST_SIZE)
#define RACY_US (INT64_C(2) * 1000000)
#define RACY_FAR_US (INT64_C(60) * 1000000)
#define DAY_US (INT64_C(86400) * 1000000)

enum { SECRET = 1 };

typedef struct {
    uint64_t device, inode; /* the key */
    int64_t size, mtime_ns, ctime_ns;
    uint32_t day, flags;
    HptDigest digest;
} Entry;

struct HptDigestCache {
    GHashTable *entries; /* Entry, by device and inode */
    char *path, *head;   /* head: its first line, newline included */
    bool changed;
};

static guint entry_hash(gconstpointer key)
{
    const Entry *entry = key;
    uint64_t mixed = (entry->inode ^ entry->device << 40) * UINT64_C(0x9e3779b97f4a7c15);
    return (guint)(mixed >> 32);
}

static gboolean entry_equal(gconstpointer a, gconstpointer b)
{
    const Entry *x = a, *y = b;
    return x->device == y->device && x->inode == y->inode;
}

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static Entry entry_of(const struct stat *info)
{
    return (Entry){
        .device = info->st_dev,
        .inode = info->st_ino,
        .size = info->st_size,
        .mtime_ns = nanoseconds(&info->st_mtim),
        .ctime_ns = nanoseconds(&info->st_ctim),
    };
}

/* ---- the file ---- */

static void put(unsigned char **at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *(*at)++ = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char **at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t) * (*at)++ << 8 * i;
    return value;
}

static void write_entry(GByteArray *out, const Entry *entry)
{
    unsigned char bytes[ENTRY], *at = bytes;
    put(&at, entry->device, 8);
    put(&at, entry->inode, 8);
    put(&at, (uint64_t)entry->size, 8);
    put(&at, (uint64_t)entry->mtime_ns, 8);
    put(&at, (uint64_t)entry->ctime_ns, 8);
    put(&at, entry->day, 4);
    put(&at, entry->flags, 4);
    memcpy(at, entry->digest.bytes, HPT_DIGEST_SIZE);
    g_byte_array_append(out, bytes, sizeof bytes);
}

static Entry read_entry(const unsigned char *at)
{
    Entry entry = {.device = get(&at, 8), .inode = get(&at, 8)};
    entry.size = (int64_t)get(&at, 8);
    entry.mtime_ns = (int64_t)get(&at, 8);
    entry.ctime_ns = (int64_t)get(&at, 8);
    entry.day = (uint32_t)get(&at, 4);
    entry.flags = (uint32_t)get(&at, 4);
    memcpy(entry.digest.bytes, at, HPT_DIGEST_SIZE);
    return entry;
}

bool hpt_digest_cache_parse(HptDigestCache *cache, const void *bytes, size_t length)
{
    size_t head = strlen(cache->head);
    if (length < head + HPT_DIGEST_SIZE || memcmp(bytes, cache->head, head) != 0 ||
        (length - head - HPT_DIGEST_SIZE) % ENTRY != 0)
        return false;
    const unsigned char *at = bytes, *end = at + length - HPT_DIGEST_SIZE;
    HptDigest digest = hpt_digest(bytes, length - HPT_DIGEST_SIZE);
    if (memcmp(digest.bytes, end, HPT_DIGEST_SIZE) != 0)
        return false;
    for (at += head; at < end; at += ENTRY) {
        Entry entry = read_entry(at);
        if (!g_hash_table_contains(cache->entries, &entry)) /* ours is newer */
            g_hash_table_add(cache->entries, g_memdup2(&entry, sizeof entry));
    }
    return true;
}

/* Who could write it could tell us any digest. */
static void load(HptDigestCache *cache)
{
    struct stat info;
    int fd = cache->path == NULL ? -1 : open(cache->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
        (info.st_mode & 077) == 0 && info.st_size > 0 && (uint64_t)info.st_size <= FILE_MAX) {
        g_autofree char *bytes = g_malloc((gsize)info.st_size);
        ssize_t n = pread(fd, bytes, (size_t)info.st_size, 0);
        if (n != info.st_size || !hpt_digest_cache_parse(cache, bytes, (size_t)n))
            g_debug("%s is not used", cache->path);
    }
    close(fd);
}

HptDigestCache *hpt_digest_cache_new(const char *path, const char *host, const char *boot)
{
    HptDigestCache *cache = g_new0(HptDigestCache, 1);
    cache->entries = g_hash_table_new_full(entry_hash, entry_equal, g_free, NULL);
    cache->path = g_strdup(path);
    g_autofree char *shown_host = hpt_text_printable(host, -1);
    g_autofree char *shown_boot = hpt_text_printable(boot, -1);
    cache->head = g_strdup_printf(MAGIC "%.255s %.64s\n", shown_host, shown_boot);
    load(cache);
    return cache;
}

void hpt_digest_cache_free(HptDigestCache *cache)
{
    if (cache == NULL)
        return;
    g_hash_table_unref(cache->entries);
    g_free(cache->path);
    g_free(cache->head);
    g_free(cache);
}

size_t hpt_digest_cache_count(const HptDigestCache *cache)
{
    return g_hash_table_size(cache->entries);
}

/* ---- entries ---- */

bool hpt_digest_cache_find(HptDigestCache *cache, const struct stat *info, HptFileDigest *out)
{
    Entry now = entry_of(info);
    Entry *found = g_hash_table_lookup(cache->entries, &now);
    if (found == NULL || found->size != now.size || found->mtime_ns != now.mtime_ns ||
        found->ctime_ns != now.ctime_ns)
        return false;
    uint32_t today = (uint32_t)(hpt_time_now_us() / DAY_US);
    cache->changed = cache->changed || found->day != today;
    found->day = today;
    *out = (HptFileDigest){.digest = found->digest, .secret = (found->flags & SECRET) != 0};
    return true;
}

/* Numbers of statfs(2). */
static const uint32_t local_types[] = {0xef53 /* ext */,    0x58465342 /* xfs */,
                                       0x9123683e /* btrfs */, 0x01021994 /* tmpfs */,
                                       0x794c7630 /* overlay */, 0x2fc12fc1 /* zfs */,
                                       0xf2f52010 /* f2fs */,  0xca451a4e /* bcachefs */};
static const uint32_t far_types[] = {0x6969 /* nfs */,       0x0bd00bd0 /* lustre */,
                                     0x47504653 /* gpfs */,  0x00c36400 /* ceph */,
                                     0x19830326 /* beegfs */};

static bool is_among(uint32_t type, const uint32_t *types, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* How long a file must have been left alone; -1: its inode says nothing. */
static int64_t racy_us(int fd, dev_t device)
{
    struct statfs system;
    if (fstatfs(fd, &system) != 0 || major(device) == LOOP_MAJOR)
        return -1;
    uint32_t type = (uint32_t)system.f_type;
    if (is_among(type, local_types, G_N_ELEMENTS(local_types)))
        return RACY_US;
    return is_among(type, far_types, G_N_ELEMENTS(far_types)) ? RACY_FAR_US : -1;
}

void hpt_digest_cache_add(HptDigestCache *cache, int fd, const struct stat *info, int64_t seen_us,
                          const HptFileDigest *digest)
{
    Entry entry = entry_of(info);
    int64_t margin_us = racy_us(fd, info->st_dev);
    int64_t changed_us = MAX(entry.mtime_ns, entry.ctime_ns) / 1000;
    if (margin_us < 0 || changed_us > seen_us - margin_us)
        return;
    entry.digest = digest->digest;
    entry.flags = digest->secret ? SECRET : 0;
    entry.day = (uint32_t)(seen_us / DAY_US);
    g_hash_table_add(cache->entries, g_memdup2(&entry, sizeof entry));
    cache->changed = true;
}

/* ---- saving ---- */

static int by_use(const void *a, const void *b)
{
    const Entry *x = *(Entry *const *)a, *y = *(Entry *const *)b;
    if (x->day != y->day)
        return x->day > y->day ? -1 : 1;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static bool write_file(const char *path, const GByteArray *bytes, GError **error)
{
    g_autofree char *tmp = g_strdup_printf("%s.%d", path, (int)getpid());
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0;
    for (guint at = 0; written && at < bytes->len;) {
        ssize_t n = write(fd, bytes->data + at, bytes->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        written = n > 0;
        at += written ? (guint)n : 0;
    }
    /* Not synced: after a power cut its checksum says whether it is whole. */
    if (fd >= 0 && close(fd) != 0)
        written = false;
    if (written && rename(tmp, path) == 0)
        return true;
    hpt_error_set_errno(error, errno, "cannot write '%s'", path);
    unlink(tmp);
    return false;
}

bool hpt_digest_cache_save(HptDigestCache *cache, GError **error)
{
    if (cache->path == NULL || !cache->changed)
        return true;
    load(cache); /* what others have added */
    g_autoptr(GPtrArray) entries = g_ptr_array_new();
    GHashTableIter iter;
    gpointer entry;
    g_hash_table_iter_init(&iter, cache->entries);
    while (g_hash_table_iter_next(&iter, &entry, NULL))
        g_ptr_array_add(entries, entry);
    g_ptr_array_sort(entries, by_use);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)cache->head, (guint)strlen(cache->head));
    for (guint i = 0; i < entries->len && i < HPT_DIGEST_CACHE_MAX; i++)
        write_entry(bytes, entries->pdata[i]);
    HptDigest digest = hpt_digest(bytes->data, bytes->len);
    g_byte_array_append(bytes, digest.bytes, HPT_DIGEST_SIZE);
    g_autofree char *folder = g_path_get_dirname(cache->path);
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", folder);
        return false;
    }
    if (!write_file(cache->path, bytes, error))
        return false;
    cache->changed = false;
    return true;
}
