#include "run/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NAMES_HELD_MAX 200000 /* names in memory at a time, over all levels */
#define NAMES_MIN 64

/* One directory on the way down. Only the deepest is open, so that depth costs memory and not
 * descriptors; the way back is checked by device and inode and never follows a link. */
typedef struct {
    char *name;       /* in its parent; "" for the root */
    GPtrArray *names; /* what is in it, sorted; entries before next are done */
    guint next;
    int64_t unlisted; /* more entries than were listed */
    dev_t device;
    ino_t inode;
} Level;

typedef struct {
    int root;
    GPtrArray *levels; /* of Level */
    int fd;            /* of the deepest level, or -1 */
    size_t held;       /* names in all levels */
    GString *path;     /* of the deepest level, with a "/" at its end unless it is the root */
} Walk;

static void level_free(gpointer data)
{
    Level *level = data;
    g_free(level->name);
    g_ptr_array_free(level->names, TRUE);
    g_free(level);
}

static int open_directory(int parent, const char *name)
{
    return openat(parent, name,
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Up to limit names in the directory fd, which stays open, sorted; NULL with errno. */
static GPtrArray *list_names(int fd, size_t limit, int64_t *unlisted)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (directory == NULL) {
        if (copy >= 0)
            close(copy);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    *unlisted = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (names->len < limit)
            g_ptr_array_add(names, g_strdup(entry->d_name));
        else
            ++*unlisted;
    }
    closedir(directory);
    g_ptr_array_sort(names, compare_names);
    return names;
}

/* Lists the deepest level's directory, for the first time or again. */
static bool level_list(Walk *walk, Level *level, int fd)
{
    size_t room = NAMES_HELD_MAX > walk->held ? NAMES_HELD_MAX - walk->held : 0;
    GPtrArray *names = list_names(fd, MAX(room, NAMES_MIN), &level->unlisted);
    if (names == NULL)
        return false;
    if (level->names != NULL) {
        walk->held -= level->names->len;
        g_ptr_array_free(level->names, TRUE);
    }
    level->names = names;
    level->next = 0;
    walk->held += names->len;
    return true;
}

static bool walk_begin(Walk *walk, const char *path)
{
    *walk = (Walk){.root = -1, .fd = -1};
    walk->levels = g_ptr_array_new_with_free_func(level_free);
    walk->path = g_string_new(NULL);
    walk->root = open_directory(AT_FDCWD, path);
    return walk->root >= 0;
}

static void walk_end(Walk *walk)
{
    if (walk->fd >= 0)
        close(walk->fd);
    if (walk->root >= 0)
        close(walk->root);
    g_ptr_array_free(walk->levels, TRUE);
    g_string_free(walk->path, TRUE);
}

static Level *walk_top(const Walk *walk)
{
    return walk->levels->len > 0 ? g_ptr_array_index(walk->levels, walk->levels->len - 1) : NULL;
}

/* Goes into the directory fd, which the walk takes over. */
static bool walk_push(Walk *walk, int fd, const char *name)
{
    struct stat stat;
    Level *level = g_new0(Level, 1);
    if (fstat(fd, &stat) != 0 || !level_list(walk, level, fd)) {
        int saved = errno;
        close(fd);
        g_free(level);
        errno = saved;
        return false;
    }
    level->name = g_strdup(name);
    level->device = stat.st_dev;
    level->inode = stat.st_ino;
    g_ptr_array_add(walk->levels, level);
    if (walk->fd >= 0)
        close(walk->fd);
    walk->fd = fd;
    if (*name != '\0')
        g_string_append_printf(walk->path, "%s/", name);
    return true;
}

/* The deepest level's descriptor again after a pop: down from the root, and only if every directory
 * on the way is the one that was there before. False: it has been moved or swapped. */
static bool walk_reopen(Walk *walk)
{
    int fd = dup(walk->root);
    for (guint i = 1; fd >= 0 && i < walk->levels->len; i++) {
        const Level *level = g_ptr_array_index(walk->levels, i);
        struct stat stat;
        int next = open_directory(fd, level->name);
        close(fd);
        fd = next;
        if (fd >= 0 && (fstat(fd, &stat) != 0 || stat.st_dev != level->device ||
                        stat.st_ino != level->inode)) {
            close(fd);
            fd = -1;
        }
    }
    walk->fd = fd;
    return fd >= 0;
}

/* Leaves the deepest level; its parent by "..", which is checked, else from the root. */
static void walk_pop(Walk *walk)
{
    Level *level = walk_top(walk);
    size_t cut = strlen(level->name) + (*level->name != '\0' ? 1 : 0);
    g_string_truncate(walk->path, walk->path->len - cut);
    int parent = walk->fd >= 0 ? open_directory(walk->fd, "..") : -1;
    if (walk->fd >= 0)
        close(walk->fd);
    walk->fd = -1;
    walk->held -= level->names->len;
    g_ptr_array_remove_index(walk->levels, walk->levels->len - 1);
    const Level *top = walk_top(walk);
    struct stat stat;
    if (top != NULL && parent >= 0 && fstat(parent, &stat) == 0 && stat.st_dev == top->device &&
        stat.st_ino == top->inode) {
        walk->fd = parent;
        return;
    }
    if (parent >= 0)
        close(parent);
    if (top != NULL)
        (void)walk_reopen(walk);
}

/* ---- looking ---- */

typedef struct {
    Walk walk;
    const char *const *skip;
    int64_t max_files, max_bytes;
    HptEntryFunc func;
    void *user;
    HptWorkdirCount count;
} Look;

static bool is_skipped(const Look *look, const char *name)
{
    if (look->walk.levels->len != 1 || look->skip == NULL)
        return false;
    for (const char *const *skip = look->skip; *skip != NULL; skip++)
        if (strcmp(*skip, name) == 0)
            return true;
    return false;
}

static bool hand_on(Look *look, HptEntry *entry, const char *name, GError **error)
{
    g_autofree char *path = g_strconcat(look->walk.path->str, name, NULL);
    int64_t seen = look->count.files + look->count.symlinks + look->count.others;
    bool file = entry->kind == HPT_ENTRY_FILE;
    if (seen >= look->max_files ||
        (file && entry->stat.st_size > look->max_bytes - look->count.bytes)) {
        look->count.skipped++;
        return true;
    }
    if (file) {
        look->count.files++;
        look->count.bytes += entry->stat.st_size;
    } else if (entry->kind == HPT_ENTRY_SYMLINK) {
        look->count.symlinks++;
    } else {
        look->count.others++;
    }
    entry->path = path;
    return look->func(entry, look->user, error);
}

static bool look_at_link(Look *look, HptEntry *entry, const char *name, GError **error)
{
    char target[4097];
    ssize_t n = readlinkat(look->walk.fd, name, target, sizeof target - 1);
    if (n < 0) {
        entry->kind = HPT_ENTRY_REFUSED;
        entry->errnum = errno;
    } else {
        target[n] = '\0';
        entry->kind = HPT_ENTRY_SYMLINK;
        entry->target = target;
    }
    return hand_on(look, entry, name, error);
}

/* A regular file as the name says now; what was opened counts, not what was seen before. */
static bool look_at_file(Look *look, HptEntry *entry, const char *name, GError **error)
{
    int fd = openat(look->walk.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &entry->stat) != 0) {
        entry->kind = HPT_ENTRY_REFUSED;
        entry->errnum = errno;
    } else if (!S_ISREG(entry->stat.st_mode)) {
        entry->kind = HPT_ENTRY_SPECIAL;
    } else {
        entry->kind = HPT_ENTRY_FILE;
        entry->fd = fd;
    }
    bool ok = hand_on(look, entry, name, error);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool look_at(Look *look, const char *name, GError **error)
{
    HptEntry entry = {.fd = -1, .kind = HPT_ENTRY_SPECIAL};
    if (look->walk.fd < 0) {
        entry.kind = HPT_ENTRY_REFUSED; /* the directory was moved away under us */
        entry.errnum = ESTALE;
        return hand_on(look, &entry, name, error);
    }
    if (fstatat(look->walk.fd, name, &entry.stat, AT_SYMLINK_NOFOLLOW) != 0) {
        entry.kind = HPT_ENTRY_REFUSED;
        entry.errnum = errno;
        return hand_on(look, &entry, name, error);
    }
    if (S_ISDIR(entry.stat.st_mode)) {
        int fd = open_directory(look->walk.fd, name);
        if (fd >= 0 && walk_push(&look->walk, fd, name))
            return true;
        entry.kind = HPT_ENTRY_REFUSED;
        entry.errnum = errno;
        return hand_on(look, &entry, name, error);
    }
    if (S_ISLNK(entry.stat.st_mode))
        return look_at_link(look, &entry, name, error);
    if (!S_ISREG(entry.stat.st_mode))
        return hand_on(look, &entry, name, error);
    return look_at_file(look, &entry, name, error);
}

static bool look_around(Look *look, GError **error)
{
    for (Level *level; (level = walk_top(&look->walk)) != NULL;) {
        if (level->next >= level->names->len) {
            look->count.skipped += level->unlisted;
            walk_pop(&look->walk);
            continue;
        }
        const char *name = g_ptr_array_index(level->names, level->next++);
        if (!is_skipped(look, name) && !look_at(look, name, error))
            return false;
    }
    return true;
}

bool hpt_workdir_walk(const char *path, const char *const *skip, int64_t max_files,
                      int64_t max_bytes, HptEntryFunc func, void *user, HptWorkdirCount *count,
                      GError **error)
{
    Look look = {.skip = skip, .func = func, .user = user};
    look.max_files = max_files > 0 ? max_files : HPT_WORKDIR_FILES_MAX;
    look.max_bytes = max_bytes > 0 ? max_bytes : HPT_WORKDIR_BYTES_MAX;
    int root = -1;
    bool ok = walk_begin(&look.walk, path);
    if (ok) {
        root = dup(look.walk.root);
        ok = root >= 0 && walk_push(&look.walk, root, "");
    }
    if (!ok)
        hpt_error_set_errno(error, errno, "cannot read the trial's directory '%s'", path);
    else
        ok = look_around(&look, error);
    walk_end(&look.walk);
    if (ok)
        *count = look.count;
    return ok;
}

bool hpt_entry_changed(const HptEntry *entry)
{
    struct stat now;
    if (entry->fd < 0 || fstat(entry->fd, &now) != 0)
        return true;
    return now.st_size != entry->stat.st_size ||
           memcmp(&now.st_mtim, &entry->stat.st_mtim, sizeof now.st_mtim) != 0 ||
           memcmp(&now.st_ctim, &entry->stat.st_ctim, sizeof now.st_ctim) != 0;
}

/* ---- removing ---- */

/* A directory that the trial closed to itself is opened up; the descriptor says which, not the
 * name, so that a swapped link is never followed. */
static int open_forcibly(int parent, const char *name)
{
    int fd = open_directory(parent, name);
    if (fd >= 0) {
        (void)fchmod(fd, 0700);
        return fd;
    }
    if (errno != EACCES)
        return -1;
    int handle = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0)
        return -1;
    char self[64];
    g_snprintf(self, sizeof self, "/proc/self/fd/%d", handle);
    if (chmod(self, 0700) == 0)
        fd = open_directory(parent, name);
    int saved = errno;
    close(handle);
    errno = saved;
    return fd;
}

/* Removes name or goes into it. */
static bool remove_entry(Walk *walk, const char *name, dev_t device)
{
    if (unlinkat(walk->fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM && errno != EACCES)
        return false;
    int first = errno, fd = open_forcibly(walk->fd, name);
    if (fd < 0) {
        errno = errno == ENOTDIR || errno == ELOOP ? first : errno;
        return false;
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0 || stat.st_dev != device) {
        close(fd);
        errno = EXDEV;
        return false;
    }
    return walk_push(walk, fd, name);
}

/* The deepest level is empty: leaves it and removes it from its parent. */
static bool remove_level(Walk *walk)
{
    g_autofree char *name = g_strdup(walk_top(walk)->name);
    bool root = *name == '\0';
    walk_pop(walk);
    if (root)
        return true;
    if (walk->fd < 0) {
        errno = ESTALE;
        return false;
    }
    return unlinkat(walk->fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

static bool remove_below(Walk *walk, dev_t device)
{
    for (Level *level; (level = walk_top(walk)) != NULL;) {
        bool empty = level->next >= level->names->len;
        if (empty && level->unlisted > 0) {
            if (!level_list(walk, level, walk->fd))
                return false;
            continue;
        }
        const char *name = empty ? NULL : g_ptr_array_index(level->names, level->next++);
        if (empty ? !remove_level(walk) : !remove_entry(walk, name, device))
            return false;
    }
    return true;
}

bool hpt_workdir_remove(const char *path, GError **error)
{
    Walk walk = {.root = -1, .fd = -1};
    walk.levels = g_ptr_array_new_with_free_func(level_free);
    walk.path = g_string_new(NULL);
    walk.root = open_forcibly(AT_FDCWD, path);
    bool ok = walk.root >= 0, gone = !ok && errno == ENOENT;
    struct stat stat;
    ok = ok && fstat(walk.root, &stat) == 0;
    if (ok) {
        int root = dup(walk.root);
        ok = root >= 0 && walk_push(&walk, root, "") && remove_below(&walk, stat.st_dev) &&
             rmdir(path) == 0;
    }
    /* A trial put something else in the place of its folder. */
    if (!ok && !gone && walk.root < 0 && (errno == ENOTDIR || errno == ELOOP))
        ok = unlink(path) == 0;
    if (!ok && !gone)
        hpt_error_set_errno(error, errno, "cannot remove '%s'", path);
    walk_end(&walk);
    return ok || gone;
}
