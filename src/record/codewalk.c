#include "record/codewalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { DEEPEST = 128 };

/* The clock that file systems stamp with ticks every 1 to 10 ms; some keep two seconds. */
#define TICK_NS INT64_C(100000000)
#define COARSE_NS INT64_C(2000000000)

static int64_t to_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

HptStamp hpt_stamp(const struct stat *info)
{
    return (HptStamp){
        .device = info->st_dev,
        .inode = info->st_ino,
        .mode = info->st_mode,
        .size = info->st_size,
        .mtime_ns = to_ns(info->st_mtim),
        .ctime_ns = to_ns(info->st_ctim),
    };
}

bool hpt_stamp_equal(const HptStamp *a, const HptStamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->mode == b->mode &&
           a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

int64_t hpt_stamp_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool hpt_stamp_is_racy(const HptStamp *stamp, int64_t looked_ns)
{
    int64_t changed_ns = MAX(stamp->mtime_ns, stamp->ctime_ns);
    bool coarse = stamp->mtime_ns % 1000000000 == 0 && stamp->ctime_ns % 1000000000 == 0;
    return changed_ns > looked_ns - (coarse ? COARSE_NS : TICK_NS);
}

/* ---- the walk ---- */

typedef struct {
    HptWalk *walk;
    GHashTable *ignored;
    GString *path; /* of the folder that is walked, with a slash unless it is the root */
    uint64_t device;
    guint folder, last; /* the folder that is walked, and 1 + its last entry so far */
    bool full;
} Walker;

/* File systems of this machine that date a folder when a name in it comes, goes or is given another file. */
static bool dates_folders(int fd)
{
    static const uint32_t magics[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
                                      TMPFS_MAGIC,      OVERLAYFS_SUPER_MAGIC, 0x2fc12fc1 /* ZFS */};
    struct statfs info;
    if (fstatfs(fd, &info) != 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(magics); i++)
        if ((uint32_t)info.f_type == magics[i])
            return true;
    return false;
}

static HptStamp stamp_of_entry(const struct stat *info)
{
    HptStamp stamp = hpt_stamp(info);
    if (!S_ISREG(info->st_mode) && !S_ISLNK(info->st_mode))
        stamp.size = stamp.mtime_ns = stamp.ctime_ns = 0; /* that it is there is all */
    return stamp;
}

static void add(Walker *walker, const char *path, const struct stat *info, const char *reason)
{
    HptWalk *walk = walker->walk;
    HptSeen seen = {.path = g_string_chunk_insert(walk->memory, path), .reason = reason};
    if (info != NULL)
        seen.stamp = stamp_of_entry(info);
    else
        walk->sure = false;
    g_array_append_val(walk->seen, seen);
    if (walker->last > 0)
        g_array_index(walk->seen, HptSeen, walker->last - 1).next = walk->seen->len;
    else if (walk->folders->len > 0)
        g_array_index(walk->folders, HptWalked, walker->folder).first = walk->seen->len;
    walker->last = walk->seen->len;
}

/* An entry that an error kept from being looked at: nobody knows when that changes. */
static void add_failed(Walker *walker, const char *path, const struct stat *info, int errnum)
{
    add(walker, path, info, g_string_chunk_insert_const(walker->walk->memory, g_strerror(errnum)));
    walker->walk->sure = false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the folder, sorted; closes fd. NULL with errno. */
static GPtrArray *list(int fd)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    errno = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    int errnum = errno;
    closedir(folder);
    if (errnum != 0) {
        g_ptr_array_unref(names);
        errno = errnum;
        return NULL;
    }
    g_ptr_array_sort(names, by_name);
    return names;
}

static bool has(const GPtrArray *names, const char *name)
{
    return names->len > 0 && bsearch(&name, names->pdata, names->len, sizeof name, by_name) != NULL;
}

static const char *special(mode_t mode)
{
    return S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static bool walk_folder(Walker *walker, int fd, int depth);

/* The folder name of fd; info is what it was. */
static void enter(Walker *walker, int fd, const char *name, const struct stat *info, int depth)
{
    const char *reason = NULL;
    int folder = -1;
    size_t before = walker->path->len, seen = walker->walk->seen->len;
    g_string_append(walker->path, name);
    if (info->st_dev != walker->device)
        reason = "on another file system";
    else if (depth >= DEEPEST)
        reason = "too deep";
    else {
        folder = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (reason != NULL) {
        add(walker, walker->path->str, info, reason);
    } else if (folder < 0) {
        add_failed(walker, walker->path->str, info, errno);
    } else {
        g_string_append_c(walker->path, '/');
        bool walked = walk_folder(walker, folder, depth + 1);
        int errnum = errno;
        g_string_truncate(walker->path, walker->path->len - 1);
        if (!walked && errnum == 0) {
            add(walker, walker->path->str, info, "a virtual environment of Python");
        } else if (!walked) {
            add_failed(walker, walker->path->str, info, errnum);
        } else if (walker->walk->seen->len == seen) {
            add(walker, walker->path->str, info, NULL);
        }
    }
    g_string_truncate(walker->path, before);
}

static void look_at(Walker *walker, int fd, const char *name, int depth)
{
    static const char *const passed[] = {".git", ".hpt", "__pycache__"};
    for (size_t i = 0; i < G_N_ELEMENTS(passed); i++)
        if (strcmp(name, passed[i]) == 0)
            return;
    if (walker->walk->visited++ >= HPT_CODE_ENTRIES_MAX) {
        if (!walker->full)
            add(walker, ".", NULL, "more than " G_STRINGIFY(HPT_CODE_ENTRIES_MAX) " entries: the rest is not captured");
        walker->full = true;
        return;
    }
    size_t before = walker->path->len;
    g_string_append(walker->path, name);
    bool ignored = walker->ignored != NULL && g_hash_table_contains(walker->ignored, walker->path->str);
    struct stat info;
    if (ignored) {
        /* git's word */
    } else if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) /* gone meanwhile: as if it had never been */
            add_failed(walker, walker->path->str, NULL, errno);
    } else if (S_ISDIR(info.st_mode)) {
        g_string_truncate(walker->path, before);
        enter(walker, fd, name, &info, depth);
    } else {
        add(walker, walker->path->str, &info,
            S_ISREG(info.st_mode) || S_ISLNK(info.st_mode) ? NULL : special(info.st_mode));
    }
    g_string_truncate(walker->path, before);
}

/* Begins the folder fd, whose names are to be read. */
static void note_folder(Walker *walker, int fd)
{
    HptWalk *walk = walker->walk;
    size_t n = walker->path->len;
    HptWalked folder = {.path = "."};
    struct stat info;
    if (n > 0)
        folder.path = g_string_chunk_insert_len(walk->memory, walker->path->str, (gssize)n - 1);
    if (fstat(fd, &info) == 0)
        folder.stamp = hpt_stamp(&info);
    else
        walk->sure = false;
    walker->folder = walk->folders->len;
    walker->last = 0;
    g_array_append_val(walk->folders, folder);
}

/* Closes fd. False: with errno, or 0 for a folder that is not walked by rule. */
static bool walk_folder(Walker *walker, int fd, int depth)
{
    guint folder = walker->folder, last = walker->last;
    note_folder(walker, fd);
    int again = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    g_autoptr(GPtrArray) names = again < 0 ? NULL : list(again);
    bool walked = names != NULL;
    int errnum = errno;
    if (walked && depth > 0 && has(names, "pyvenv.cfg")) {
        walked = false;
        errnum = 0;
    }
    if (walked && has(names, ".git")) {
        size_t n = walker->path->len;
        g_ptr_array_add(walker->walk->repos, n == 0 ? g_strdup(".") : g_strndup(walker->path->str, n - 1));
    }
    for (guint i = 0; walked && i < names->len && !walker->full; i++)
        look_at(walker, fd, names->pdata[i], depth);
    close(fd);
    walker->folder = folder;
    walker->last = last;
    errno = errnum;
    return walked;
}

HptWalk *hpt_walk(int root_fd, GHashTable *ignored)
{
    HptWalk *walk = g_new0(HptWalk, 1);
    walk->seen = g_array_new(false, false, sizeof(HptSeen));
    walk->folders = g_array_new(false, false, sizeof(HptWalked));
    walk->repos = g_ptr_array_new_with_free_func(g_free);
    walk->memory = g_string_chunk_new(4096);
    walk->begun_ns = hpt_stamp_now_ns();
    walk->sure = dates_folders(root_fd);
    g_autoptr(GString) path = g_string_new(NULL);
    struct stat info;
    Walker walker = {.walk = walk, .ignored = ignored, .path = path};
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0)
        walker.device = info.st_dev;
    if (fd < 0 || !walk_folder(&walker, fd, 0))
        add_failed(&walker, ".", NULL, errno);
    return walk;
}

void hpt_walk_free(HptWalk *walk)
{
    if (walk == NULL)
        return;
    g_array_unref(walk->seen);
    g_array_unref(walk->folders);
    g_ptr_array_unref(walk->repos);
    g_string_chunk_free(walk->memory);
    g_free(walk);
}

bool hpt_walk_equal(const HptWalk *a, const HptWalk *b)
{
    if (a->seen->len != b->seen->len || a->repos->len != b->repos->len)
        return false;
    for (guint i = 0; i < a->seen->len; i++) {
        const HptSeen *x = &g_array_index(a->seen, HptSeen, i), *y = &g_array_index(b->seen, HptSeen, i);
        if (strcmp(x->path, y->path) != 0 || g_strcmp0(x->reason, y->reason) != 0 ||
            !hpt_stamp_equal(&x->stamp, &y->stamp))
            return false;
    }
    for (guint i = 0; i < a->repos->len; i++)
        if (strcmp(a->repos->pdata[i], b->repos->pdata[i]) != 0)
            return false;
    return true;
}

/* Has the folder the same names, and are they what they were? */
static bool folder_holds(const HptWalk *walk, const HptWalked *folder, int fd)
{
    struct stat info;
    HptStamp stamp;
    if (fstat(fd, &info) != 0)
        return false;
    stamp = hpt_stamp(&info);
    if (!hpt_stamp_equal(&stamp, &folder->stamp) || hpt_stamp_is_racy(&stamp, walk->begun_ns))
        return false;
    for (guint i = folder->first; i > 0;) {
        const HptSeen *seen = &g_array_index(walk->seen, HptSeen, i - 1);
        const char *slash = strrchr(seen->path, '/');
        if (fstatat(fd, slash == NULL ? seen->path : slash + 1, &info, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        stamp = stamp_of_entry(&info);
        if (!hpt_stamp_equal(&stamp, &seen->stamp))
            return false;
        i = seen->next;
    }
    return true;
}

bool hpt_walk_holds(const HptWalk *walk, int root_fd)
{
    bool holds = walk->sure;
    for (guint i = 0; holds && i < walk->folders->len; i++) {
        const HptWalked *folder = &g_array_index(walk->folders, HptWalked, i);
        /* A link on the way leads to another folder, or to the same one. */
        int fd = openat(root_fd, folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        holds = fd >= 0 && folder_holds(walk, folder, fd);
        if (fd >= 0)
            close(fd);
    }
    return holds;
}

/* ---- opening ---- */

int hpt_open_below(int root_fd, const char *path, int flags)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    int folder = root_fd;
    for (size_t i = 0; parts[i] != NULL; i++) {
        bool last = parts[i + 1] == NULL;
        int fd = openat(folder, parts[i],
                        (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        int errnum = errno;
        if (folder != root_fd)
            close(folder);
        folder = fd;
        errno = errnum;
        if (fd < 0)
            break;
    }
    return folder;
}
