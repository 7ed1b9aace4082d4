#include "store/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>

#define ZSTD_LEVEL 3
#define WINDOW_LOG_MAX 24 /* level 3 uses 21; more is not ours and costs memory to read */

/* The mount point above dir: the last ancestor on the same device. Owned. */
static char *mount_point(const char *dir)
{
    char *at = realpath(dir, NULL);
    struct stat here, above;
    if (at == NULL || stat(at, &here) != 0)
        return at;
    while (strcmp(at, "/") != 0) {
        g_autofree char *parent = g_path_get_dirname(at);
        if (stat(parent, &above) != 0 || above.st_dev != here.st_dev)
            break;
        free(at);
        at = strdup(parent);
    }
    return at;
}

void hpt_stream_write_error(GError **error, int errnum, const char *dir)
{
    if (errnum != ENOSPC && errnum != EDQUOT) {
        hpt_error_set_errno(error, errnum, "writing below %s", dir);
        return;
    }
    char *mount = mount_point(dir);
    struct statvfs volume = {0};
    uint64_t free_bytes = 0;
    if (statvfs(dir, &volume) == 0)
        free_bytes = (uint64_t)volume.f_bavail * volume.f_frsize;
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO,
                "%s on the volume %s, which holds %s (%" G_GUINT64_FORMAT " KiB free)\n"
                "hint: make room there or move the folder",
                errnum == ENOSPC ? "no space left" : "disk quota exceeded",
                mount != NULL ? mount : "?", dir, free_bytes / 1024);
    free(mount);
}

bool hpt_stream_write_all(int fd, const void *data, size_t length, const char *dir, GError **error)
{
    const char *at = data;
    while (length > 0) {
        ssize_t n = write(fd, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            hpt_stream_write_error(error, errno, dir);
            return false;
        }
        at += n;
        length -= (size_t)n;
    }
    return true;
}

gssize hpt_stream_read_at(int fd, void *out, size_t length, int64_t offset)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = pread(fd, (char *)out + done, length - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (gssize)done;
}

bool hpt_stream_sync(int fd, const char *dir, GError **error)
{
    if (fsync(fd) == 0)
        return true;
    hpt_stream_write_error(error, errno, dir);
    g_prefix_error(error, "fsync: ");
    return false;
}

/* ---- out ---- */

struct HptOut {
    int fd;
    char *dir;
    ZSTD_CCtx *zstd; /* NULL: plain */
    char *buffer;
    size_t room;
};

HptOut *hpt_out_new(int fd, bool zstd, int64_t size, const char *dir)
{
    HptOut *out = g_new0(HptOut, 1);
    out->fd = fd;
    out->dir = g_strdup(dir);
    if (!zstd)
        return out;
    out->zstd = ZSTD_createCCtx();
    g_assert(out->zstd != NULL);
    ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_checksumFlag, 1);
    if (size >= 0)
        ZSTD_CCtx_setPledgedSrcSize(out->zstd, (unsigned long long)size);
    out->room = ZSTD_CStreamOutSize();
    out->buffer = g_malloc(out->room);
    return out;
}

void hpt_out_free(HptOut *out)
{
    if (out == NULL)
        return;
    ZSTD_freeCCtx(out->zstd);
    g_free(out->buffer);
    g_free(out->dir);
    g_free(out);
}

static bool compress(HptOut *out, const void *data, size_t length, ZSTD_EndDirective mode,
                     GError **error)
{
    ZSTD_inBuffer from = {data, length, 0};
    for (;;) {
        ZSTD_outBuffer to = {out->buffer, out->room, 0};
        size_t left = ZSTD_compressStream2(out->zstd, &to, &from, mode);
        if (ZSTD_isError(left)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "compressing: %s", ZSTD_getErrorName(left));
            return false;
        }
        if (!hpt_stream_write_all(out->fd, out->buffer, to.pos, out->dir, error))
            return false;
        if (mode == ZSTD_e_end ? left == 0 : from.pos == from.size)
            return true;
    }
}

bool hpt_out_write(HptOut *out, const void *data, size_t length, GError **error)
{
    if (out->zstd == NULL)
        return hpt_stream_write_all(out->fd, data, length, out->dir, error);
    return compress(out, data, length, ZSTD_e_continue, error);
}

bool hpt_out_end(HptOut *out, GError **error)
{
    return out->zstd == NULL || compress(out, NULL, 0, ZSTD_e_end, error);
}

/* ---- in ---- */

struct HptIn {
    int fd;
    HptInForm form;
    ZSTD_DCtx *zstd;
    char *buffer;
    ZSTD_inBuffer input;
    bool begun;
    int64_t read; /* from the descriptor */
    bool eof;   /* the descriptor is at its end */
    bool ended; /* the frame is complete */
};

HptIn *hpt_in_new(int fd, HptInForm form)
{
    HptIn *in = g_new0(HptIn, 1);
    in->fd = fd;
    in->form = form;
    in->buffer = g_malloc(HPT_STREAM_CHUNK);
    in->input.src = in->buffer;
    return in;
}

void hpt_in_free(HptIn *in)
{
    if (in == NULL)
        return;
    ZSTD_freeDCtx(in->zstd);
    g_free(in->buffer);
    g_free(in);
}

/* Makes at least least bytes available, or fewer at the end of the file. */
static bool fill(HptIn *in, size_t least, GError **error)
{
    size_t held = in->input.size - in->input.pos;
    if (held >= least || in->eof)
        return true;
    memmove(in->buffer, in->buffer + in->input.pos, held);
    in->input.pos = 0;
    in->input.size = held;
    while (in->input.size < least && !in->eof) {
        ssize_t n = read(in->fd, in->buffer + in->input.size, HPT_STREAM_CHUNK - in->input.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            hpt_error_set_errno(error, errno, "reading");
            return false;
        }
        in->eof = n == 0;
        in->read += n;
        in->input.size += (size_t)n;
    }
    return true;
}

static gssize damaged(GError **error, const char *reason)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "the zstd frame is damaged: %s", reason);
    return -1;
}

/* The first look: which form it is; a frame must carry a checksum, and the descriptor's unused bit,
 * which decoders ignore (RFC 8878 §3.1.1.1.1.3), must be 0 as it was written. */
static bool begin(HptIn *in, GError **error)
{
    if (!fill(in, 5, error))
        return false;
    const char *head = in->buffer + in->input.pos;
    size_t held = in->input.size - in->input.pos;
    bool magic = held >= 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0;
    if (in->form == HPT_IN_DETECT)
        in->form = magic ? HPT_IN_ZSTD : HPT_IN_PLAIN;
    in->begun = true;
    if (in->form == HPT_IN_PLAIN)
        return true;
    if (!magic || held < 5 || (head[4] & 0x14) != 0x04) {
        damaged(error, "it has another header");
        return false;
    }
    in->zstd = ZSTD_createDCtx();
    g_assert(in->zstd != NULL);
    ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    return true;
}

static gssize read_plain(HptIn *in, void *buffer, size_t length, GError **error)
{
    if (!fill(in, 1, error))
        return -1;
    size_t n = MIN(length, in->input.size - in->input.pos);
    memcpy(buffer, in->buffer + in->input.pos, n);
    in->input.pos += n;
    return (gssize)n;
}

static gssize read_zstd(HptIn *in, void *buffer, size_t length, GError **error)
{
    ZSTD_outBuffer output = {buffer, length, 0};
    while (output.pos == 0) {
        if (!fill(in, 1, error))
            return -1;
        bool any = in->input.pos < in->input.size;
        if (in->ended)
            return any ? damaged(error, "bytes follow its end") : 0;
        /* Without input the decoder may still hold output. */
        size_t result = ZSTD_decompressStream(in->zstd, &output, &in->input);
        if (ZSTD_isError(result))
            return damaged(error, ZSTD_getErrorName(result));
        in->ended = result == 0;
        if (!any && !in->ended && output.pos == 0)
            return damaged(error, "it is cut short");
    }
    return (gssize)output.pos;
}

gssize hpt_in_read(HptIn *in, void *buffer, size_t length, GError **error)
{
    if (!in->begun && !begin(in, error))
        return -1;
    if (length == 0)
        return 0;
    return in->form == HPT_IN_ZSTD ? read_zstd(in, buffer, length, error)
                                   : read_plain(in, buffer, length, error);
}

int64_t hpt_in_get_read(const HptIn *in)
{
    return in->read;
}
