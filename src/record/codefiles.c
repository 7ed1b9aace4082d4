#include "base/text.h"
#include "record/code.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    int root;
    char *parent; /* of the entry before; NULL: none */
    int fd;       /* that folder */
} Writer;

/* A failed step of path. What stands in the way came with the tree itself, or was there before. */
static bool failed(const char *path, int errnum, GError **error)
{
    g_autofree char *shown = hpt_text_printable(path, -1);
    if (errnum == ELOOP || errnum == ENOTDIR)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the way to '%s' leads through what is no folder", shown);
    else if (errnum == EEXIST)
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT, "'%s' is there already", shown);
    else
        hpt_error_set_errno(error, errnum, "cannot write '%s'", shown);
    return false;
}

/* Opens the folder that path is in, and makes it. -1 with errno. */
static int open_parent(Writer *writer, const char *path)
{
    const char *slash = strrchr(path, '/');
    g_autofree char *parent = g_strndup(path, slash == NULL ? 0 : (size_t)(slash - path));
    if (writer->parent != NULL && strcmp(writer->parent, parent) == 0)
        return writer->fd;
    int fd = openat(writer->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_auto(GStrv) parts = g_strsplit(parent, "/", -1);
    for (char **part = parts; fd >= 0 && *part != NULL; part++) {
        bool made = mkdirat(fd, *part, 0777) == 0 || errno == EEXIST;
        int next = made ? openat(fd, *part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        int errnum = errno;
        close(fd);
        fd = next;
        errno = errnum;
    }
    if (fd < 0)
        return -1;
    if (writer->parent != NULL)
        close(writer->fd);
    g_free(writer->parent);
    writer->parent = g_steal_pointer(&parent);
    writer->fd = fd;
    return fd;
}

static bool write_file(int folder, const char *name, const HptCodeEntry *entry, HptCodeFetch fetch,
                       void *user, GError **error)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(entry->path, errno, error);
    struct stat info;
    bool written = fetch(&entry->digest, entry->size, fd, user, error);
    g_autofree char *shown = hpt_text_printable(entry->path, -1);
    if (!written)
        g_prefix_error(error, "'%s': ", shown);
    if (written && (fstat(fd, &info) != 0 || fchmod(fd, (mode_t)entry->mode) != 0))
        written = failed(entry->path, errno, error);
    if (written && info.st_size != entry->size) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "'%s' has %jd bytes, not %" PRId64, shown,
                    (intmax_t)info.st_size, entry->size);
        written = false;
    }
    if (close(fd) != 0 && written)
        return failed(entry->path, errno, error);
    return written;
}

static bool write_entry(Writer *writer, const HptCodeEntry *entry, HptCodeFetch fetch, void *user,
                        GError **error)
{
    int folder = open_parent(writer, entry->path);
    if (folder < 0)
        return failed(entry->path, errno, error);
    const char *slash = strrchr(entry->path, '/'), *name = slash == NULL ? entry->path : slash + 1;
    if (entry->kind == HPT_CODE_FILE)
        return write_file(folder, name, entry, fetch, user, error);
    if (entry->kind == HPT_CODE_LINK)
        return symlinkat(entry->text, folder, name) == 0 || failed(entry->path, errno, error);
    if (mkdirat(folder, name, 0700) != 0)
        return failed(entry->path, errno, error);
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool made = fd >= 0 && fchmod(fd, (mode_t)entry->mode) == 0;
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    return made || failed(entry->path, errnum, error);
}

bool hpt_code_materialise(const void *canonical, size_t length, int dir_fd, HptCodeFetch fetch,
                          HptCodeMissing missing, void *user, GError **error)
{
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(canonical, length, error);
    if (reader == NULL)
        return false;
    Writer writer = {.root = dir_fd, .fd = -1};
    g_autoptr(GError) failure = NULL;
    HptCodeEntry entry;
    while (failure == NULL && hpt_code_next(reader, &entry, &failure)) {
        if (entry.kind != HPT_CODE_MISSING)
            (void)!write_entry(&writer, &entry, fetch, user, &failure);
        else if (missing != NULL)
            missing(&entry, user);
    }
    if (writer.parent != NULL)
        close(writer.fd);
    g_free(writer.parent);
    if (failure == NULL)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}
