#include "study/intake-internal.h"

#include "base/path.h"
#include "base/text.h"
#include "record/secret.h"
#include "store/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MAX (INT64_C(1) << 20) /* bytes of a file that is looked through */

/* ---- keeping ---- */

static void keep_note(HptGathering *gathering, const IntakeItem *item, const char *why)
{
    if (gathering->note != NULL)
        return;
    g_autofree char *path = hpt_text_printable(item->path, -1);
    g_autofree char *reason = hpt_text_printable(why, (gssize)strcspn(why, "\n"));
    gathering->note = g_strdup_printf("the input '%s' is not kept: %s", path, reason);
}

/* The bytes of a small file; NULL: it has not so many. Owned. */
static char *read_small(int fd, size_t size)
{
    g_autofree char *bytes = g_malloc(size + 1);
    return hpt_stream_read_at(fd, bytes, size, 0) == (gssize)size ? g_steal_pointer(&bytes) : NULL;
}

/* Bytes at hand, or those of fd, become an object if they still are what the digest says. */
static HptInputState keep_content(HptGathering *gathering, IntakeItem *item, const void *bytes, int fd)
{
    HptObjectId id = {.size = item->size};
    g_autoptr(GError) error = NULL;
    g_autofree char *own = NULL;
    bool small = hpt_object_is_small(item->size), kept = true;
    if (small && bytes == NULL)
        bytes = own = read_small(fd, (size_t)item->size);
    if (small && bytes == NULL)
        return HPT_INPUT_UNSTABLE;
    if (!small && gathering->batch == NULL)
        gathering->batch = hpt_batch_begin(gathering->intake->store);
    if (small)
        id = hpt_object_id(bytes, (size_t)item->size);
    else if (bytes != NULL)
        kept = hpt_batch_put_bytes(gathering->batch, bytes, (size_t)item->size, &id, &error);
    else
        kept = hpt_batch_put_fd(gathering->batch, fd, item->path, &id, &error);
    if (!kept && !g_error_matches(error, HPT_ERROR, HPT_ERROR_CONFLICT)) {
        keep_note(gathering, item, error->message);
        return HPT_INPUT_DIGEST;
    }
    if (!kept || !hpt_digest_equal(&id.digest, &item->digest))
        return HPT_INPUT_UNSTABLE;
    item->batched = !small;
    HptSentObject object = {.digest = id.digest, .size = item->size};
    object.bytes = small ? g_bytes_new(bytes, (size_t)item->size) : NULL;
    g_array_append_val(gathering->objects, object);
    g_hash_table_add(gathering->kept, g_memdup2(&id.digest, sizeof id.digest));
    return HPT_INPUT_STORED;
}

void intake_commit(HptGathering *gathering)
{
    g_autoptr(GError) error = NULL;
    if (gathering->batch == NULL || hpt_batch_commit(gathering->batch, &error))
        return;
    for (guint i = gathering->objects->len; i-- > 0;)
        if (g_array_index(gathering->objects, HptSentObject, i).bytes == NULL)
            g_array_remove_index(gathering->objects, i);
    g_autoptr(GHashTable) lost = g_hash_table_new(hpt_digest_hash, hpt_digest_equal);
    for (guint i = 0; i < gathering->items->len; i++) {
        IntakeItem *item = &g_array_index(gathering->items, IntakeItem, i);
        if (item->batched)
            g_hash_table_add(lost, &item->digest);
    }
    for (guint i = 0; i < gathering->items->len; i++) { /* also those that are the same */
        IntakeItem *item = &g_array_index(gathering->items, IntakeItem, i);
        if (item->state != HPT_INPUT_STORED || !g_hash_table_contains(lost, &item->digest))
            continue;
        item->state = HPT_INPUT_DIGEST;
        keep_note(gathering, item, error->message);
    }
}

/* What everybody may install holds examples of secrets and none of ours. */
static bool is_public(const char *path)
{
    static const char *const folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
        if (hpt_path_inside(folders[i], path) != NULL)
            return hpt_path_inside("/usr/local", path) == NULL;
    return false;
}

/* item's digest is known: what becomes of it. fd: of the file, −1: not open. */
static void settle(HptGathering *gathering, IntakeItem *item, bool secret, int fd)
{
    HptIntake *intake = gathering->intake;
    bool ours = hpt_path_inside(intake->project, item->path) != NULL && item->role != HPT_INPUT_WRITTEN;
    if (secret && !intake->allow_secrets && !is_public(item->path)) {
        item->state = HPT_INPUT_SECRET;
    } else if (!ours) {
        item->state = HPT_INPUT_DIGEST;
    } else if (item->size > intake->max_bytes) {
        item->state = HPT_INPUT_LARGE;
    } else if (g_hash_table_contains(intake->known, &item->digest) ||
               g_hash_table_contains(gathering->kept, &item->digest)) {
        item->state = HPT_INPUT_STORED;
    } else {
        bool at_hand = fd >= 0 || item->content != NULL;
        int own = at_hand ? -1 : open(item->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        item->state = at_hand || own >= 0
                          ? keep_content(gathering, item, item->content, fd >= 0 ? fd : own)
                          : HPT_INPUT_GONE;
        if (own >= 0)
            close(own);
    }
}

/* ---- reading ---- */

void intake_stop_reading(HptGathering *gathering)
{
    if (gathering->fd >= 0)
        close(gathering->fd);
    gathering->fd = -1;
    g_clear_pointer(&gathering->digester, hpt_digester_free);
    g_clear_pointer(&gathering->whole, g_byte_array_unref);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool holds_secret(const IntakeItem *item, const void *bytes, size_t length)
{
    g_autofree char *name = g_path_get_basename(item->path);
    HptSecret secret;
    return length > 0 && length <= SECRET_MAX && hpt_secret_in_file(name, bytes, length, &secret);
}

static void begin_reading(HptGathering *gathering, IntakeItem *item)
{
    gathering->fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (gathering->fd < 0) {
        item->state = errno == ENOENT ? HPT_INPUT_GONE : HPT_INPUT_UNREAD;
        return;
    }
    struct stat now;
    if (fstat(gathering->fd, &now) != 0 || !same_file(&now, &gathering->info)) {
        item->state = HPT_INPUT_UNSTABLE;
        intake_stop_reading(gathering);
        return;
    }
    gathering->offset = 0;
    gathering->digester = hpt_digester_new();
    if (now.st_size <= SECRET_MAX)
        gathering->whole = g_byte_array_sized_new((guint)now.st_size);
}

static void look_at_content(HptGathering *gathering, IntakeItem *item)
{
    if (item->content == NULL)
        return; /* unread */
    item->digest = hpt_digest(item->content, (size_t)item->size);
    settle(gathering, item, holds_secret(item, item->content, (size_t)item->size), -1);
}

/* Begins with a file; what is known of it already is settled at once. */
void intake_look(HptGathering *gathering, IntakeItem *item)
{
    if (item->has_content) {
        look_at_content(gathering, item);
        return;
    }
    gathering->seen_us = hpt_time_now_us();
    if (stat(item->path, &gathering->info) != 0) {
        item->state = errno == ENOENT || errno == ENOTDIR ? HPT_INPUT_GONE : HPT_INPUT_UNREAD;
        item->left_out = item->state == HPT_INPUT_GONE && item->role == HPT_INPUT_WRITTEN;
        item->size = item->has_then ? item->then.st_size : -1;
        return;
    }
    item->left_out = !S_ISREG(gathering->info.st_mode);
    item->size = gathering->info.st_size;
    if (item->left_out)
        return;
    if (item->has_then && !same_file(&item->then, &gathering->info)) {
        item->size = item->then.st_size;
        item->state = HPT_INPUT_UNSTABLE;
        return;
    }
    HptFileDigest known;
    if (hpt_digest_cache_find(gathering->intake->cache, &gathering->info, &known)) {
        item->digest = known.digest;
        settle(gathering, item, known.secret, -1);
    } else {
        begin_reading(gathering, item);
    }
}

static void end_reading(HptGathering *gathering, IntakeItem *item)
{
    struct stat now;
    if (fstat(gathering->fd, &now) != 0 || !same_file(&now, &gathering->info) ||
        gathering->offset != gathering->info.st_size) {
        item->state = HPT_INPUT_UNSTABLE;
        intake_stop_reading(gathering);
        return;
    }
    HptFileDigest found = {.digest = hpt_digester_get(gathering->digester)};
    const GByteArray *whole = gathering->whole;
    found.secret = whole != NULL && holds_secret(item, whole->data, whole->len);
    item->digest = found.digest;
    hpt_digest_cache_add(gathering->intake->cache, gathering->fd, &gathering->info,
                         gathering->seen_us, &found);
    settle(gathering, item, found.secret, gathering->fd);
    intake_stop_reading(gathering);
}

void intake_read_piece(HptGathering *gathering, IntakeItem *item)
{
    char *buffer = gathering->intake->buffer;
    ssize_t n = pread(gathering->fd, buffer, PIECE, gathering->offset);
    if (n < 0 && errno == EINTR)
        return;
    if (n < 0) {
        item->state = HPT_INPUT_UNREAD;
        intake_stop_reading(gathering);
        return;
    }
    if (n > 0) {
        hpt_digester_add(gathering->digester, buffer, (size_t)n);
        if (gathering->whole != NULL)
            g_byte_array_append(gathering->whole, (const guint8 *)buffer, (guint)n);
        gathering->offset += n;
        gathering->intake->unsaved_bytes += n;
    }
    /* One that grows is noticed at its end and not read for ever. */
    if (n == 0 || gathering->offset >= gathering->info.st_size)
        end_reading(gathering, item);
}
