#include "store/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#define RECORD 10240 /* POSIX: 20 blocks of 512 bytes; the last record is padded to it too */

struct HptTar {
    struct archive *archive;
    HptTarSink sink;
    void *user;
    GError *error; /* what the sink said */
    int64_t left;  /* bytes that the entry still wants */
    bool over;     /* nothing more may reach the sink */
};

static la_ssize_t take(struct archive *archive, void *user, const void *data, size_t length)
{
    HptTar *tar = user;
    if (!tar->over && tar->error == NULL && tar->sink(tar->user, data, length, &tar->error))
        return (la_ssize_t)length;
    archive_set_error(archive, EIO, "the sink failed");
    return -1;
}

/* Passes on the sink's own error, else libarchive's. */
static bool done(HptTar *tar, int status, GError **error)
{
    if (status == ARCHIVE_OK)
        return true;
    if (tar->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&tar->error));
        return false;
    }
    const char *said = archive_error_string(tar->archive);
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "writing tar: %s",
                said != NULL ? said : "libarchive failed");
    return false;
}

HptTar *hpt_tar_new(HptTarSink sink, void *user)
{
    HptTar *tar = g_new0(HptTar, 1);
    tar->sink = sink;
    tar->user = user;
    tar->archive = archive_write_new();
    g_assert(tar->archive != NULL);
    bool ok = archive_write_set_format_pax_restricted(tar->archive) == ARCHIVE_OK &&
              archive_write_add_filter_none(tar->archive) == ARCHIVE_OK &&
              archive_write_set_bytes_per_block(tar->archive, RECORD) == ARCHIVE_OK &&
              archive_write_set_bytes_in_last_block(tar->archive, RECORD) == ARCHIVE_OK &&
              archive_write_open(tar->archive, tar, NULL, take, NULL) == ARCHIVE_OK;
    g_assert(ok);
    return tar;
}

void hpt_tar_free(HptTar *tar)
{
    if (tar == NULL)
        return;
    tar->over = true; /* freeing closes what is open, and that writes (archive_write_fail leaks) */
    archive_write_free(tar->archive);
    g_clear_error(&tar->error);
    g_free(tar);
}

static bool finish_entry(HptTar *tar, GError **error)
{
    if (tar->left != 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO,
                    "an entry ended %" G_GINT64_FORMAT " bytes early", tar->left);
        return false;
    }
    return true;
}

bool hpt_tar_entry(HptTar *tar, const char *path, int64_t size, GError **error)
{
    if (!finish_entry(tar, error))
        return false;
    struct archive_entry *entry = archive_entry_new();
    g_assert(entry != NULL);
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, size);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    int status = archive_write_header(tar->archive, entry);
    archive_entry_free(entry);
    tar->left = size;
    return done(tar, status, error);
}

bool hpt_tar_data(HptTar *tar, const void *data, size_t length, GError **error)
{
    if ((int64_t)length > tar->left) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "an entry has more bytes than announced");
        return false;
    }
    const char *at = data;
    while (length > 0) {
        la_ssize_t n = archive_write_data(tar->archive, at, length);
        if (n <= 0)
            return done(tar, ARCHIVE_FATAL, error);
        at += n;
        length -= (size_t)n;
        tar->left -= n;
    }
    return true;
}

bool hpt_tar_end(HptTar *tar, GError **error)
{
    return finish_entry(tar, error) && done(tar, archive_write_close(tar->archive), error);
}
