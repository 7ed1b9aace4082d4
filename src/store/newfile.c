#include "store/newfile.h"

#include "base/digest.h"
#include "store/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool hpt_new_file_is_special(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && !S_ISREG(there.st_mode);
}

/* The name of an unnamed file, by which it can be linked. */
static char *fd_path(int fd)
{
    return g_strdup_printf("/proc/self/fd/%d", fd);
}

static int open_unnamed(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    g_autofree char *name = fd_path(fd);
    if (fd < 0 || access(name, F_OK) == 0)
        return fd;
    close(fd); /* no /proc: it could never be given a name */
    return -1;
}

bool hpt_new_file_open(HptNewFile *file, const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *unique = hpt_uuid_new();
    g_autofree char *tmp = g_strdup_printf("%s/.%.100s.%s", dir, base, unique);
    int fd = open_unnamed(dir);
    bool unnamed = fd >= 0;
    if (!unnamed)
        fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot write %s", path);
        return false;
    }
    *file = (HptNewFile){.fd = fd,
                         .path = g_strdup(path),
                         .dir = g_steal_pointer(&dir),
                         .tmp = g_steal_pointer(&tmp),
                         .unnamed = unnamed};
    return true;
}

static bool sync_folder(const char *dir, GError **error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open %s", dir);
        return false;
    }
    bool ok = hpt_stream_sync(fd, dir, error);
    close(fd);
    return ok;
}

bool hpt_new_file_publish(HptNewFile *file, GError **error)
{
    if (!hpt_stream_sync(file->fd, file->dir, error))
        return false;
    g_autofree char *name = fd_path(file->fd);
    /* A free name is taken in one step, so that kill -9 leaves nothing; only to replace a file needs
     * a second name, for the moment between the two calls. */
    if (file->unnamed &&
        linkat(AT_FDCWD, name, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW) == 0) {
        file->unnamed = false;
        g_clear_pointer(&file->tmp, g_free);
        return sync_folder(file->dir, error);
    }
    if (file->unnamed && linkat(AT_FDCWD, name, AT_FDCWD, file->tmp, AT_SYMLINK_FOLLOW) != 0) {
        hpt_stream_write_error(error, errno, file->dir);
        return false;
    }
    file->unnamed = false;
    if (rename(file->tmp, file->path) != 0) {
        hpt_error_set_errno(error, errno, "cannot write %s", file->path);
        return false;
    }
    g_clear_pointer(&file->tmp, g_free);
    return sync_folder(file->dir, error);
}

void hpt_new_file_clear(HptNewFile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->tmp != NULL && !file->unnamed)
        unlink(file->tmp);
    g_free(file->tmp);
    g_free(file->path);
    g_free(file->dir);
    *file = HPT_NEW_FILE_NONE;
}
