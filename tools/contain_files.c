#include "tools/contain_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAMES_MAX (1U << 22)

typedef struct {
    char *text;
    uint64_t hash;
    File *file; /* NULL: nothing that counts */
    unsigned generation;
} Name;

static struct {
    Name *names; /* open addressing, room a power of two */
    size_t n_names, room;
    File **files;
    size_t n_files, files_room;
    unsigned generation;
    char *below, *not_below, *spool;
    int copies; /* -1: none yet */
    int64_t copies_bytes;
    HptTraceHead head;
} table = {.copies = -1};

void files_begin(const char *below, const char *not_below, const char *spool)
{
    files_end();
    table.below = below == NULL ? NULL : strdup(below);
    table.not_below = not_below == NULL ? NULL : strdup(not_below);
    table.spool = spool == NULL ? NULL : strdup(spool);
    table.head.complete = 1;
}

void files_end(void)
{
    for (size_t i = 0; i < table.room; i++)
        free(table.names[i].text);
    for (size_t i = 0; i < table.n_files; i++) {
        free(table.files[i]->path);
        free(table.files[i]);
    }
    free(table.names);
    free(table.files);
    free(table.below);
    free(table.not_below);
    free(table.spool);
    if (table.copies >= 0)
        close(table.copies);
    memset(&table, 0, sizeof table);
    table.copies = -1;
}

void files_incomplete(bool refused, const char *format, ...)
{
    if (table.head.complete == 0)
        return;
    table.head.complete = 0;
    table.head.refused = refused;
    va_list list;
    va_start(list, format);
    vsnprintf(table.head.reason, sizeof table.head.reason, format, list);
    va_end(list);
}

void files_incomplete_too(const char *reason)
{
    char *said = table.head.reason;
    size_t used = strnlen(said, sizeof table.head.reason);
    if (table.head.complete != 0)
        files_incomplete(false, "%s", reason);
    else if (memmem(said, used, reason, strlen(reason)) == NULL)
        snprintf(said + used, sizeof table.head.reason - used, "; %s", reason);
}

/* ---- names ---- */

/* FNV-1a, eight bytes at a time where there are so many: names are long. */
static uint64_t hash_of(const char *text, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ length;
    for (; length >= 8; text += 8, length -= 8) {
        uint64_t part;
        memcpy(&part, text, 8);
        hash = (hash ^ part) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    for (; length > 0; text++, length--)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

/* Where the name is, or would be; room > 0. */
static Name *slot_of(const char *text, uint64_t hash)
{
    for (size_t i = hash;; i++) {
        Name *name = &table.names[i & (table.room - 1)];
        if (name->text == NULL || (name->hash == hash && strcmp(name->text, text) == 0))
            return name;
    }
}

bool files_find(const char *text, File **file)
{
    if (table.room == 0)
        return false;
    const Name *name = slot_of(text, hash_of(text, strlen(text)));
    if (name->text == NULL || name->generation != table.generation)
        return false;
    *file = name->file;
    return name->file == NULL || !name->file->away;
}

static bool grow_names(void)
{
    size_t before = table.room, room = before == 0 ? 1024 : 2 * before;
    Name *old = table.names, *grown = calloc(room, sizeof *grown);
    if (grown == NULL || room > NAMES_MAX) {
        free(grown);
        return false;
    }
    table.names = grown;
    table.room = room;
    for (size_t i = 0; i < before; i++)
        if (old[i].text != NULL)
            *slot_of(old[i].text, old[i].hash) = old[i];
    free(old);
    return true;
}

/* NULL: no memory. */
static Name *name_of(const char *text)
{
    size_t length = strlen(text);
    uint64_t hash = hash_of(text, length);
    if (2 * table.n_names >= table.room && !grow_names())
        return NULL;
    Name *name = slot_of(text, hash);
    if (name->text == NULL) {
        char *copy = malloc(length + 1);
        if (copy == NULL)
            return NULL;
        memcpy(copy, text, length + 1);
        *name = (Name){.text = copy, .hash = hash, .generation = table.generation};
        table.n_names++;
    }
    return name;
}

void files_enter(const char *text, File *file)
{
    Name *name = name_of(text);
    if (name == NULL)
        return; /* it will be resolved each time */
    name->file = file;
    name->generation = table.generation;
}

void files_forget_names(void)
{
    table.generation++;
}

/* ---- files ---- */

/* Paths have a table of their own in that of the names: behind a byte that no name begins with. */
static const char *key_of(const char *path)
{
    static char key[4200];
    snprintf(key, sizeof key, "\001%s", path);
    return key;
}

static File *file_new(const char *path)
{
    if (table.n_files == table.files_room) {
        size_t room = table.files_room == 0 ? 256 : 2 * table.files_room;
        File **grown = realloc(table.files, room * sizeof(File *));
        if (grown == NULL)
            return NULL;
        table.files = grown;
        table.files_room = room;
    }
    File *file = calloc(1, sizeof *file);
    char *copy = strdup(path);
    if (file == NULL || copy == NULL) {
        free(file);
        free(copy);
        return NULL;
    }
    file->path = copy;
    table.files[table.n_files++] = file;
    return file;
}

File *files_get(const char *path)
{
    Name *name = name_of(key_of(path));
    if (name != NULL && name->file == NULL)
        name->file = file_new(path);
    if (name == NULL || name->file == NULL) {
        files_incomplete(false, "too many files for the tracer");
        return NULL;
    }
    return name->file;
}

static int64_t ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void set_identity(File *file, const struct stat *status)
{
    HptTraceItem *item = &file->item;
    item->mode = (uint32_t)status->st_mode;
    item->dev = (uint64_t)status->st_dev;
    item->ino = (uint64_t)status->st_ino;
    item->size = status->st_size;
    item->mtime_ns = ns(status->st_mtim);
    item->ctime_ns = ns(status->st_ctim);
}

void files_identify(File *file, const struct stat *status)
{
    if (file->item.mode == 0)
        set_identity(file, status);
}

static bool unchanged(const File *file, const struct stat *status)
{
    const HptTraceItem *item = &file->item;
    return item->dev == (uint64_t)status->st_dev && item->ino == (uint64_t)status->st_ino &&
           item->size == status->st_size && item->mtime_ns == ns(status->st_mtim);
}

/* ---- copies ---- */

static bool is_below(const char *path, const char *folder)
{
    size_t length = folder == NULL ? 0 : strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    return length > 0 && strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || (length == 1 && folder[0] == '/'));
}

static bool open_copies(void)
{
    if (table.copies < 0 && table.spool != NULL)
        table.copies = open(table.spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (table.copies < 0)
        table.copies = memfd_create("hpt-kept", MFD_CLOEXEC);
    return table.copies >= 0;
}

/* The file system shares the blocks where it can. *bytes: as many as there are, which may have
 * changed. */
static bool copy(int from, int64_t at, int64_t *bytes)
{
    struct file_clone_range range = {.src_fd = from, .src_length = 0, .dest_offset = (uint64_t)at};
    if (ioctl(table.copies, FICLONERANGE, &range) == 0)
        return true;
    static char buffer[1 << 16];
    int64_t done = 0;
    for (;;) {
        ssize_t n = pread(from, buffer, sizeof buffer, done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            *bytes = done;
            return n == 0;
        }
        if (done + n > HPT_TRACE_KEEP_ONE_MAX ||
            pwrite(table.copies, buffer, (size_t)n, at + done) != n)
            return false;
        done += n;
    }
}

void files_keep(File *file, int fd)
{
    HptTraceItem *item = &file->item;
    struct stat status;
    if (file->ours || item->keep != HPT_TRACE_NOT_KEPT || !is_below(file->path, table.below) ||
        is_below(file->path, table.not_below) || fstat(fd, &status) != 0 ||
        !S_ISREG(status.st_mode))
        return;
    int64_t at = table.copies_bytes;
    item->keep = HPT_TRACE_TOO_LARGE;
    if (status.st_size > HPT_TRACE_KEEP_ONE_MAX || at + status.st_size > HPT_TRACE_KEEP_ALL_MAX)
        return;
    item->keep = HPT_TRACE_KEEP_FAILED;
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int from = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int64_t bytes = status.st_size;
    if (from >= 0 && open_copies() && copy(from, at, &bytes)) {
        item->keep = HPT_TRACE_KEPT;
        item->kept_at = at;
        item->kept_bytes = bytes;
        int64_t end = at + bytes, align = HPT_TRACE_KEEP_ALIGN;
        table.copies_bytes = (end + align - 1) / align * align;
    }
    if (from >= 0)
        close(from);
}

bool files_was_before(const File *file)
{
    return (file->item.roles & (HPT_TRACE_DELETED | HPT_TRACE_RENAMED_FROM)) != 0 &&
           (file->item.roles & HPT_TRACE_CREATED) == 0;
}

void files_move_below(const char *from, const char *to)
{
    char path[4200];
    size_t n = table.n_files;
    for (size_t i = 0; i < n; i++) {
        struct stat status;
        File *file = table.files[i];
        if (!file->ours || file->away || !is_below(file->path, from) ||
            (size_t)snprintf(path, sizeof path, "%s%s", to, file->path + strlen(from)) >= sizeof path ||
            lstat(path, &status) != 0)
            continue;
        File *moved = files_get(path);
        if (moved == NULL)
            return;
        moved->item.roles |= HPT_TRACE_RENAMED_TO | (files_was_before(moved) ? 0 : (uint32_t)HPT_TRACE_CREATED);
        moved->ours = true;
        moved->away = false;
        files_identify(moved, &status);
        file->item.roles |= HPT_TRACE_RENAMED_FROM;
        file->away = true;
    }
}

int64_t files_kept_bytes(void)
{
    return table.copies_bytes;
}

void files_doubt(int64_t from)
{
    for (size_t i = 0; i < table.n_files; i++) {
        HptTraceItem *item = &table.files[i]->item;
        if (item->keep == HPT_TRACE_KEPT && item->kept_at >= from)
            item->keep = HPT_TRACE_KEEP_FAILED;
    }
}

/* ---- handing over ---- */

/* Opened for writing and never written is what many programs do with their data. */
static void weigh(File *file)
{
    struct stat status;
    if (!file->modest || file->ours || file->away || lstat(file->path, &status) != 0 ||
        !unchanged(file, &status))
        return;
    file->item.roles &= ~(uint32_t)HPT_TRACE_WRITE;
    if (file->item.keep == HPT_TRACE_KEPT)
        file->item.keep = HPT_TRACE_NOT_KEPT;
}

static bool counts(const File *file)
{
    return (file->item.roles | file->item.before) != 0;
}

static size_t padded(size_t length)
{
    return (length + 7) / 8 * 8;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

int files_write(int *kept)
{
    size_t bytes = sizeof(HptTraceHead);
    table.head.n_files = 0;
    bool has_copies = false;
    for (size_t i = 0; i < table.n_files; i++) {
        File *file = table.files[i];
        weigh(file);
        if (!counts(file))
            continue;
        file->item.path_bytes = (uint32_t)strlen(file->path) + 1;
        bytes += sizeof file->item + padded(file->item.path_bytes);
        has_copies = has_copies || file->item.keep == HPT_TRACE_KEPT;
        table.head.n_files++;
    }
    table.head.bytes = bytes;
    char *all = calloc(1, bytes), *next = all;
    int fd = all == NULL ? -1 : memfd_create("hpt-trace", MFD_CLOEXEC);
    if (fd >= 0) {
        memcpy(next, &table.head, sizeof table.head);
        next += sizeof table.head;
        for (size_t i = 0; i < table.n_files; i++) {
            const File *file = table.files[i];
            if (!counts(file))
                continue;
            memcpy(next, &file->item, sizeof file->item);
            memcpy(next + sizeof file->item, file->path, file->item.path_bytes);
            next += sizeof file->item + padded(file->item.path_bytes);
        }
        if (!write_all(fd, all, bytes)) {
            close(fd);
            fd = -1;
        }
    }
    free(all);
    *kept = -1;
    if (fd >= 0 && has_copies) {
        *kept = table.copies;
        table.copies = -1;
    }
    return fd;
}

void files_mark(void)
{
    for (size_t i = 0; i < table.n_files; i++) {
        File *file = table.files[i];
        uint32_t changed =
            file->item.roles & (HPT_TRACE_WRITE | HPT_TRACE_CREATED | HPT_TRACE_DELETED |
                                HPT_TRACE_RENAMED_FROM | HPT_TRACE_RENAMED_TO);
        file->item.before |= file->item.roles;
        file->item.roles = 0;
        file->item.keep = HPT_TRACE_NOT_KEPT;
        file->ours = file->modest = false;
        if (changed != 0) { /* what a later trial finds there is another file */
            file->item.mode = 0;
            file->away = true;
        }
    }
    if (table.copies >= 0)
        close(table.copies);
    table.copies = -1;
    table.copies_bytes = 0;
}
