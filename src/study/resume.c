#include "study/resume.h"

#include "base/digest.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

/* A name in the record is relative and goes nowhere but down; whoever wrote it. */
static bool is_safe(const char *path, size_t length)
{
    if (length == 0 || strlen(path) != length || path[0] == '/')
        return false;
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part != NULL; part++)
        if (**part == '\0' || strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0)
            return false;
    return true;
}

static bool copy_object(HptStore *store, const HptObjectId *id, int fd, const char *path,
                        GError **error)
{
    g_autoptr(HptObjectReader) reader = hpt_object_open(store, id, error);
    char buffer[65536];
    for (gssize n = 1; reader != NULL && n > 0;) {
        n = hpt_object_read(reader, buffer, sizeof buffer, error);
        if (n == 0)
            return true;
        if (n > 0 && !write_all(fd, buffer, (size_t)n)) {
            hpt_error_set_errno(error, errno, "cannot write '%s'", path);
            return false;
        }
    }
    return false;
}

static bool restore_one(const HptRows *rows, size_t row, HptStore *store, const char *directory,
                        GError **error)
{
    size_t length = 0, digest_length = 0, bytes_length = 0;
    const char *name = hpt_rows_peek_bytea(rows, row, 0, &length);
    const void *digest = hpt_rows_peek_bytea(rows, row, 1, &digest_length);
    if (!is_safe(name, length) || digest_length != HPT_DIGEST_SIZE) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "file '%s' %s", name,
                    digest == NULL ? "was not stored" : "has no name to be restored under");
        return false;
    }
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    int mode = hpt_rows_null(rows, row, 3) ? 0600 : hpt_rows_int4(rows, row, 3) & 0777;
    int fd = g_mkdir_with_parents(parent, 0700) == 0
                 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : -1;
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", path);
        return false;
    }
    const void *bytes = hpt_rows_peek_bytea(rows, row, 4, &bytes_length);
    HptObjectId id = {.size = hpt_rows_int8(rows, row, 2)};
    memcpy(id.digest.bytes, digest, HPT_DIGEST_SIZE);
    bool done = bytes != NULL ? write_all(fd, bytes, bytes_length)
                              : copy_object(store, &id, fd, path, error);
    if (done)
        done = fchmod(fd, (mode_t)mode | 0400) == 0;
    if (!done && error != NULL && *error == NULL)
        hpt_error_set_errno(error, errno, "cannot write '%s'", path);
    close(fd);
    return done;
}

bool hpt_resume_restore(const HptRows *rows, HptStore *store, const char *directory, GError **error)
{
    if (mkdir(directory, 0700) != 0 &&
        (errno != EEXIST || !hpt_workdir_remove(directory, error) || mkdir(directory, 0700) != 0)) {
        if (error == NULL || *error == NULL)
            hpt_error_set_errno(error, errno, "cannot make '%s'", directory);
        return false;
    }
    for (size_t i = 0; i < hpt_rows_count(rows); i++)
        if (!restore_one(rows, i, store, directory, error)) {
            g_prefix_error(error, "checkpoint: ");
            return false;
        }
    return true;
}
