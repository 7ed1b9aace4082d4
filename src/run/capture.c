#include "run/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_MAX 65536
#define TAIL_MAX 262144

struct HptCapture {
    char *spool;
    int64_t cap, head_cap, tail_cap;
    HptDigester *digester;
    GByteArray *head; /* until it is longer than MEMORY_MAX */
    int fd;
    int64_t head_length;
    bool head_full;
    char *tail; /* a ring of tail_cap bytes, made when the head is full */
    int64_t tail_total;
    HptCaptured result;
    bool ended;
};

HptCapture *hpt_capture_new(const char *spool, int64_t cap)
{
    HptCapture *capture = g_new0(HptCapture, 1);
    capture->spool = g_strdup(spool);
    capture->cap = cap;
    capture->tail_cap = MIN(TAIL_MAX, cap / 2);
    capture->head_cap = cap - capture->tail_cap;
    capture->digester = hpt_digester_new();
    capture->head = g_byte_array_new();
    capture->fd = -1;
    return capture;
}

void hpt_capture_free(HptCapture *capture)
{
    if (capture == NULL)
        return;
    if (capture->fd >= 0)
        close(capture->fd);
    hpt_digester_free(capture->digester);
    g_byte_array_free(capture->head, TRUE);
    g_free(capture->tail);
    g_free(capture->spool);
    g_free(capture);
}

/* A file without a name, so that nothing is left whatever happens to us. */
static int open_spool(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    g_autofree char *path = g_strdup_printf("%s/hpt-XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* Returns what could be written; less than length only on an error. */
static size_t write_at(int fd, const void *data, size_t length, int64_t offset)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = pwrite(fd, (const char *)data + done, length - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static void spool_failed(HptCapture *capture)
{
    capture->result.spool_errno = errno != 0 ? errno : EIO;
    capture->head_full = true;
}

/* From memory to the file, once. On failure the head stays what is in memory. */
static bool move_to_file(HptCapture *capture)
{
    int fd = open_spool(capture->spool);
    if (fd >= 0 && write_at(fd, capture->head->data, capture->head->len, 0) == capture->head->len) {
        capture->fd = fd;
        g_byte_array_set_size(capture->head, 0);
        return true;
    }
    spool_failed(capture);
    if (fd >= 0)
        close(fd);
    return false;
}

/* Takes what the head has room for and returns how much that was. */
static size_t add_head(HptCapture *capture, const char *data, size_t length)
{
    if (capture->head_full)
        return 0;
    int64_t room = capture->head_cap - capture->head_length;
    size_t take = (int64_t)length < room ? length : (size_t)room;
    if (capture->fd < 0 && capture->head_length + (int64_t)take > MEMORY_MAX &&
        !move_to_file(capture))
        return 0;
    if (capture->fd < 0) {
        g_byte_array_append(capture->head, (const guint8 *)data, (guint)take);
    } else {
        errno = 0;
        size_t written = write_at(capture->fd, data, take, capture->head_length);
        if (written < take)
            spool_failed(capture);
        take = written;
    }
    capture->head_length += (int64_t)take;
    if (capture->head_length == capture->head_cap)
        capture->head_full = true;
    return take;
}

static void add_tail(HptCapture *capture, const char *data, size_t length)
{
    if (capture->tail_cap == 0 || length == 0)
        return;
    size_t size = (size_t)capture->tail_cap;
    if (capture->tail == NULL)
        capture->tail = g_malloc(size);
    if (length > size) {
        capture->tail_total += (int64_t)(length - size);
        data += length - size;
        length = size;
    }
    size_t at = (size_t)(capture->tail_total % capture->tail_cap);
    size_t first = MIN(length, size - at);
    memcpy(capture->tail + at, data, first);
    memcpy(capture->tail, data + first, length - first);
    capture->tail_total += (int64_t)length;
}

void hpt_capture_add(HptCapture *capture, const void *data, size_t length)
{
    hpt_digester_add(capture->digester, data, length);
    capture->result.total += (int64_t)length;
    size_t taken = add_head(capture, data, length);
    add_tail(capture, (const char *)data + taken, length - taken);
}

/* Puts a piece of the tail behind what is stored; in memory while it is short. */
static int64_t append(HptCapture *capture, const char *data, size_t length, int64_t offset)
{
    if (capture->fd < 0) {
        g_byte_array_append(capture->head, (const guint8 *)data, (guint)length);
        return (int64_t)length;
    }
    errno = 0;
    size_t written = write_at(capture->fd, data, length, offset);
    if (written < length)
        spool_failed(capture);
    return (int64_t)written;
}

static int64_t store_tail(HptCapture *capture)
{
    int64_t kept = MIN(capture->tail_total, capture->tail_cap);
    if (kept == 0)
        return 0;
    if (capture->fd < 0 && capture->result.spool_errno == 0 &&
        capture->head_length + kept > MEMORY_MAX)
        (void)move_to_file(capture);
    size_t at = (size_t)((capture->tail_total - kept) % capture->tail_cap);
    size_t first = MIN((size_t)kept, (size_t)capture->tail_cap - at);
    int64_t stored = append(capture, capture->tail + at, first, capture->head_length);
    if (stored == (int64_t)first && kept > stored)
        stored +=
            append(capture, capture->tail, (size_t)kept - first, capture->head_length + stored);
    return stored;
}

const HptCaptured *hpt_capture_end(HptCapture *capture)
{
    HptCaptured *result = &capture->result;
    if (capture->ended)
        return result;
    capture->ended = true;
    result->digest = hpt_digester_get(capture->digester);
    result->stored = capture->head_length + store_tail(capture);
    result->dropped = result->total - result->stored;
    result->head = result->dropped > 0 ? capture->head_length : result->stored;
    result->fd = capture->fd;
    result->data = capture->fd < 0 ? (const void *)capture->head->data : NULL;
    if (capture->fd < 0 && result->data == NULL)
        result->data = "";
    g_clear_pointer(&capture->tail, g_free);
    return result;
}
