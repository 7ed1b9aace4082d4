#include "config.h"

#include "study/spool.h"

#include "base/digest.h"
#include "base/text.h"
#include "store/newfile.h"
#include "store/stream.h"
#include "study/told.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "hpt-spool/1 "
#define WAITING ".end"
#define SENT ".sent"
#define REFUSED ".refused"
#define DAMAGED ".damaged"
#define TOLD "told" /* in the place of a statement's name: what hpt-tell was told, see study/told.h */
#define KEPT_US G_TIME_SPAN_HOUR

struct HptSpool {
    char *folder;
    bool keep;
    bool made;       /* the folder is known to be there */
    GQueue kept;     /* of Kept *, oldest first: what this process has to remove later */
};

typedef struct {
    char *path;
    int64_t until_us; /* monotonic */
} Kept;

static void kept_free(void *data)
{
    Kept *kept = data;
    g_free(kept->path);
    g_free(kept);
}

HptSpool *hpt_spool_new(const char *folder)
{
    HptSpool *spool = g_new0(HptSpool, 1);
    spool->folder = g_build_filename(folder, "spool", NULL);
    g_queue_init(&spool->kept);
    return spool;
}

void hpt_spool_free(HptSpool *spool)
{
    if (spool == NULL)
        return;
    g_queue_clear_full(&spool->kept, kept_free);
    g_free(spool->folder);
    g_free(spool);
}

const char *hpt_spool_peek_folder(const HptSpool *spool)
{
    return spool->folder;
}

void hpt_spool_keep(HptSpool *spool)
{
    spool->keep = true;
}

bool hpt_spool_keeps(const HptSpool *spool)
{
    return spool->keep;
}

static char *path_of(const HptSpool *spool, const char *attempt, const char *ending)
{
    return g_strdup_printf("%s/%s%s", spool->folder, attempt, ending);
}

/* ---- writing ---- */

static bool make_folder(HptSpool *spool, GError **error)
{
    if (spool->made)
        return true;
    if (g_mkdir_with_parents(spool->folder, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", spool->folder);
        return false;
    }
    /* Its own name has to survive a power cut too. */
    g_autofree char *parent = g_path_get_dirname(spool->folder);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open '%s'", parent);
        return false;
    }
    spool->made = hpt_stream_sync(fd, parent, error);
    close(fd);
    return spool->made;
}

/* The argument of trial_finish that asks for the next trial: its last UUID. */
static size_t next_argument(const HptSqlStatement *statement)
{
    for (size_t i = statement->params; i > 3; i--)
        if (strcmp(statement->param_types[i - 1], "uuid") == 0)
            return i - 1;
    return SIZE_MAX;
}

static void append(GByteArray *out, const void *bytes, size_t length)
{
    g_byte_array_append(out, bytes, (guint)length);
}

static void append_item(GByteArray *out, const HptSpoolItem *item)
{
    const HptSqlStatement *statement = &hpt_sql_statements[item->sql];
    g_autoptr(HptArgs) changed =
        item->sql == HPT_SQL_TRIAL_FINISH
            ? hpt_args_copy_without(item->args, next_argument(statement))
            : NULL;
    g_autoptr(GByteArray) args = g_byte_array_new();
    hpt_args_append_to(changed != NULL ? changed : item->args, args);
    uint32_t length = GUINT32_TO_BE(args->len);
    append(out, statement->name, strlen(statement->name));
    append(out, "\n", 1);
    append(out, &length, sizeof length);
    append(out, args->data, args->len);
}

/* Files are sent in the order of their times, and the kernel's own are those of its ticks, some milliseconds apart. */
static void set_time(int fd)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (futimens(fd, (const struct timespec[]){now, now}) != 0)
        g_debug("cannot set the time of a file of the spool: %s", g_strerror(errno));
}

static bool write_file(const char *path, const void *bytes, size_t length, GError **error)
{
    g_auto(HptNewFile) file = HPT_NEW_FILE_NONE;
    if (!hpt_new_file_open(&file, path, error) || !hpt_stream_write_all(file.fd, bytes, length, file.dir, error))
        return false;
    set_time(file.fd);
    return hpt_new_file_publish(&file, error);
}

static GByteArray *begin_file(void)
{
    GByteArray *out = g_byte_array_new();
    append(out, MAGIC PACKAGE_VERSION "\n", strlen(MAGIC PACKAGE_VERSION "\n"));
    return out;
}

static bool put_file(HptSpool *spool, const char *attempt, GByteArray *out, GError **error)
{
    HptDigest digest = hpt_digest(out->data, out->len);
    append(out, digest.bytes, sizeof digest.bytes);
    g_autofree char *path = path_of(spool, attempt, WAITING);
    if (make_folder(spool, error) && write_file(path, out->data, out->len, error))
        return true;
    spool->made = false;
    g_prefix_error(error, "the result cannot be put into the spool: ");
    return false;
}

bool hpt_spool_put(HptSpool *spool, const char *attempt, const HptSpoolItem *items, size_t n,
                   GError **error)
{
    g_autoptr(GByteArray) out = begin_file();
    for (size_t i = 0; i < n; i++)
        append_item(out, &items[i]);
    return put_file(spool, attempt, out, error);
}

char *hpt_spool_told_name(const char *text)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digest(text, strlen(text));
    return g_strconcat("told-", hpt_digest_hex(&digest, hex), NULL);
}

bool hpt_spool_is_aside(const HptSpool *spool, const char *attempt)
{
    g_autofree char *refused = path_of(spool, attempt, REFUSED);
    g_autofree char *damaged = path_of(spool, attempt, DAMAGED);
    return access(refused, F_OK) == 0 || access(damaged, F_OK) == 0;
}

/* ---- answered ---- */

static void remove_file(const char *path)
{
    /* One that stays is sent again, which does no harm. */
    if (unlink(path) != 0 && errno != ENOENT)
        g_debug("cannot remove %s: %s", path, g_strerror(errno));
}

static void remove_kept(HptSpool *spool)
{
    int64_t now_us = hpt_time_monotonic_us();
    for (Kept *kept; (kept = g_queue_peek_head(&spool->kept)) != NULL && kept->until_us <= now_us;) {
        remove_file(kept->path);
        kept_free(g_queue_pop_head(&spool->kept));
    }
}

void hpt_spool_answered(HptSpool *spool, const char *attempt)
{
    g_autofree char *path = path_of(spool, attempt, WAITING);
    remove_kept(spool);
    if (!spool->keep) {
        if (spool->made)
            remove_file(path);
        return;
    }
    Kept *kept = g_new0(Kept, 1);
    kept->path = path_of(spool, attempt, SENT);
    kept->until_us = hpt_time_monotonic_us() + KEPT_US;
    if (rename(path, kept->path) != 0)
        g_debug("cannot rename %s: %s", path, g_strerror(errno));
    else
        utimensat(AT_FDCWD, kept->path, NULL, 0);
    g_queue_push_tail(&spool->kept, kept);
}

/* ---- looking ---- */

typedef struct {
    char *name;
    struct timespec changed;
} Found;

static void found_free(void *data)
{
    Found *found = data;
    g_free(found->name);
    g_free(found);
}

/* Oldest first: the oldest lease runs out first, and of results that were told for one trial the first counts. */
static int by_age(const void *a, const void *b)
{
    const Found *x = *(Found *const *)a, *y = *(Found *const *)b;
    if (x->changed.tv_sec != y->changed.tv_sec)
        return x->changed.tv_sec < y->changed.tv_sec ? -1 : 1;
    if (x->changed.tv_nsec != y->changed.tv_nsec)
        return x->changed.tv_nsec < y->changed.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static GPtrArray *list(const HptSpool *spool, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(found_free);
    DIR *folder = opendir(spool->folder);
    if (folder == NULL && errno != ENOENT) {
        hpt_error_set_errno(error, errno, "cannot read '%s'", spool->folder);
        return NULL;
    }
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct stat info;
        if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        Found *found = g_new0(Found, 1);
        found->name = g_strdup(entry->d_name);
        found->changed = info.st_mtim;
        g_ptr_array_add(all, found);
    }
    if (folder != NULL)
        closedir(folder);
    g_ptr_array_sort(all, by_age);
    return g_steal_pointer(&all);
}

bool hpt_spool_count(HptSpool *spool, size_t *waiting, size_t *aside, GError **error)
{
    g_autoptr(GPtrArray) all = list(spool, error);
    if (all == NULL)
        return false;
    *waiting = *aside = 0;
    for (guint i = 0; i < all->len; i++) {
        const char *name = ((const Found *)all->pdata[i])->name;
        *waiting += g_str_has_suffix(name, WAITING) && !g_str_has_prefix(name, HPT_SPOOL_RECORD) ? 1 : 0;
        *aside += g_str_has_suffix(name, DAMAGED) || g_str_has_suffix(name, REFUSED) ? 1 : 0;
    }
    return true;
}

/* ---- reading ---- */

typedef struct {
    HptSql sql;
    HptArgs *args;
    char *told; /* instead of a statement; or NULL */
} Item;

static void item_free(void *data)
{
    Item *item = data;
    hpt_args_free(item->args);
    g_free(item->told);
    g_free(item);
}

static bool damaged(GError **error, const char *how)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "%s", how);
    return false;
}

/* One statement from *at on; moves *at. */
static bool read_item(const char **at, const char *end, GPtrArray *items, GError **error)
{
    const char *line = memchr(*at, '\n', (size_t)(end - *at));
    uint32_t length = 0;
    if (line == NULL || (size_t)(end - line - 1) < sizeof length)
        return damaged(error, "it is cut short");
    g_autofree char *name = g_strndup(*at, (size_t)(line - *at));
    memcpy(&length, line + 1, sizeof length);
    length = GUINT32_FROM_BE(length);
    const char *data = line + 1 + sizeof length;
    if ((size_t)(end - data) < length)
        return damaged(error, "it is cut short");
    *at = data + length;
    if (strcmp(name, TOLD) == 0) {
        Item *told = g_new0(Item, 1);
        told->told = g_strndup(data, length);
        g_ptr_array_add(items, told);
        return true;
    }
    HptSql sql = 0;
    while (sql < HPT_SQL_COUNT && strcmp(hpt_sql_statements[sql].name, name) != 0)
        sql++;
    if (sql != HPT_SQL_TRIAL_FINISH && sql != HPT_SQL_TRIAL_POINTS && sql != HPT_SQL_CODE_PUT &&
        sql != HPT_SQL_INPUTS_PUT && sql != HPT_SQL_ENVIRONMENT_PUT)
        return damaged(error, "it holds a statement that has no place there");
    g_autoptr(HptArgs) args = hpt_args_parse(data, length, error);
    if (args == NULL)
        return false;
    if (hpt_args_count(args) > hpt_sql_statements[sql].params)
        return damaged(error, "it is of a later hpt");
    hpt_args_fill(args, hpt_sql_statements[sql].params);
    Item *item = g_new0(Item, 1);
    *item = (Item){.sql = sql, .args = g_steal_pointer(&args)};
    g_ptr_array_add(items, item);
    return true;
}

/* NULL with *error INTEGRITY or DATA: damaged; IO NOT_FOUND: somebody else was faster. */
static GPtrArray *read_file(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) failure = NULL;
    if (!g_file_get_contents(path, &text, &length, &failure)) {
        bool gone = g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        g_set_error(error, HPT_ERROR, gone ? HPT_ERROR_NOT_FOUND : HPT_ERROR_IO, "%s",
                    failure->message);
        return NULL;
    }
    if (length < strlen(MAGIC) + HPT_DIGEST_SIZE || memcmp(text, MAGIC, strlen(MAGIC)) != 0) {
        damaged(error, "it is not a file of the spool, or of a version this hpt does not know");
        return NULL;
    }
    length -= HPT_DIGEST_SIZE;
    HptDigest digest = hpt_digest(text, length);
    if (memcmp(digest.bytes, text + length, HPT_DIGEST_SIZE) != 0) {
        damaged(error, "its checksum is wrong");
        return NULL;
    }
    const char *end = text + length, *at = memchr(text, '\n', length);
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(item_free);
    if (at == NULL) {
        damaged(error, "it is cut short");
        return NULL;
    }
    for (at++; at < end;)
        if (!read_item(&at, end, items, error))
            return NULL;
    return g_steal_pointer(&items);
}

/* ---- told ---- */

/* The same text lies there to be delivered, and is judged anew. */
static void forget_aside(const HptSpool *spool, const char *name)
{
    static const char *const endings[] = {REFUSED, DAMAGED};
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = path_of(spool, name, endings[i]);
        remove_file(path);
    }
}

bool hpt_spool_put_told(HptSpool *spool, const char *text, GError **error)
{
    g_autofree char *name = hpt_spool_told_name(text), *path = path_of(spool, name, WAITING);
    g_autoptr(GPtrArray) there = read_file(path, NULL);
    if (there != NULL) {
        spool->made = true;
        forget_aside(spool, name);
        return true; /* in its place among what was told since */
    }
    g_autoptr(GByteArray) out = begin_file();
    uint32_t length = GUINT32_TO_BE((uint32_t)strlen(text));
    append(out, TOLD "\n", strlen(TOLD "\n"));
    append(out, &length, sizeof length);
    append(out, text, strlen(text));
    if (!put_file(spool, name, out, error))
        return false;
    forget_aside(spool, name);
    return true;
}

/* ---- sending ---- */

static void put_aside(const HptSpool *spool, const char *name, const char *ending,
                      const char *reason, HptSpoolReplay *result, GPtrArray *notes)
{
    g_autofree char *from = g_build_filename(spool->folder, name, NULL);
    g_autofree char *base = g_strndup(name, strlen(name) - strlen(strrchr(name, '.')));
    g_autofree char *to = path_of(spool, base, ending);
    result->aside++;
    bool moved = rename(from, to) == 0;
    if (notes != NULL)
        g_ptr_array_add(notes, g_strdup_printf("a result in the spool could not be delivered: %s; "
                                               "it is kept as %s",
                                               reason, moved ? to : from));
}

/* The same for what hpt-tell was told. Studies are read anew: a spool is short, and they may have changed. */
static bool send_told(HptDb *db, const char *text, HptSpoolReplay *result, char **refusal, GError **error)
{
    HptTellAnswer answer = HPT_TELL_DONE;
    g_autoptr(GError) failure = NULL;
    g_autoptr(GHashTable) studies = hpt_told_studies_new();
    if (hpt_told_record(db, studies, text, strlen(text), &answer, NULL, &failure)) {
        result->again += answer != HPT_TELL_DONE;
        result->recorded += answer == HPT_TELL_DONE;
        return true;
    }
    /* The message may quote what was told, so that it says nothing of trying again. */
    if (g_error_matches(failure, HPT_ERROR, HPT_ERROR_DB_CONNECT)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    *refusal = g_strndup(failure->message, strcspn(failure->message, "\n")); /* hints are for those who type it */
    return true;
}

/* Sends one file. False only if it is worth to try again later. */
static bool send_items(HptDb *db, const GPtrArray *items, HptSpoolReplay *result, char **refusal,
                       GError **error)
{
    for (guint i = 0; i < items->len; i++) {
        const Item *item = items->pdata[i];
        if (item->told != NULL) {
            if (!send_told(db, item->told, result, refusal, error))
                return false;
            continue;
        }
        g_autoptr(GError) failure = NULL;
        g_autoptr(HptRows) rows = hpt_db_row(db, item->sql, item->args, &failure);
        if (rows == NULL && hpt_db_retry_class(failure) != HPT_RETRY_NO) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (rows == NULL) {
            *refusal = g_strdup(failure->message);
            return true;
        }
        if (item->sql != HPT_SQL_TRIAL_FINISH)
            continue;
        const char *finished = hpt_rows_peek_text(rows, 0, 0);
        if (strcmp(finished, "again") == 0)
            result->again++;
        else if (strcmp(finished, "fenced") == 0)
            result->fenced++;
        else
            result->recorded++;
    }
    return true;
}

static bool is_old(const Found *found)
{
    return found->changed.tv_sec * G_USEC_PER_SEC + KEPT_US < hpt_time_now_us();
}

bool hpt_spool_replay(HptSpool *spool, HptDb *db, bool also_sent, HptSpoolReplay *result,
                      GPtrArray *notes, GError **error)
{
    g_autoptr(GPtrArray) all = list(spool, error);
    if (all == NULL)
        return false;
    for (guint i = 0; i < all->len; i++) {
        const Found *found = all->pdata[i];
        bool sent = g_str_has_suffix(found->name, SENT);
        g_autofree char *path = g_build_filename(spool->folder, found->name, NULL);
        if (sent && !also_sent && is_old(found))
            remove_file(path);
        if (!g_str_has_suffix(found->name, WAITING) && !(sent && also_sent))
            continue;
        g_autoptr(GError) failure = NULL;
        g_autofree char *refusal = NULL;
        g_autoptr(GPtrArray) items = read_file(path, &failure);
        if (items == NULL && failure->code == HPT_ERROR_NOT_FOUND)
            continue;
        if (items == NULL && failure->code == HPT_ERROR_IO) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (items == NULL) {
            put_aside(spool, found->name, DAMAGED, failure->message, result, notes);
            continue;
        }
        if (!send_items(db, items, result, &refusal, error))
            return false;
        if (refusal != NULL) {
            put_aside(spool, found->name, REFUSED, refusal, result, notes);
        } else if (!sent) {
            g_autofree char *attempt = g_strndup(found->name, strlen(found->name) - strlen(WAITING));
            spool->made = true;
            hpt_spool_answered(spool, attempt);
        }
    }
    return true;
}

/* ---- the timeline ---- */

void hpt_spool_read_timeline(const HptSpool *spool, HptTimeline *out)
{
    g_autofree char *path = g_build_filename(spool->folder, "timeline", NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL) || !hpt_timeline_parse(text, out))
        *out = (HptTimeline){0};
}

bool hpt_spool_write_timeline(const HptSpool *spool, const HptTimeline *timeline, GError **error)
{
    g_autofree char *path = g_build_filename(spool->folder, "timeline", NULL);
    g_autofree char *text = hpt_timeline_text(timeline);
    if (g_mkdir_with_parents(spool->folder, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", spool->folder);
        return false;
    }
    return write_file(path, text, strlen(text), error);
}
