#include "study/outbox.h"

#include "base/text.h"

#include <string.h>

/* What the server answered without having synced it lies on its disk after three rounds of its WAL
 * writer: 0.6 s unless somebody changed that. */
#define RECENT_US (INT64_C(2) * 1000000)
enum { MOST_RECENT = 16 }; /* half a megabyte each at most */

void hpt_pending_free(HptPending *pending)
{
    if (pending == NULL)
        return;
    hpt_args_free(pending->args);
    g_free(pending->attempt_id);
    g_free(pending->outcome);
    g_free(pending->cause);
    g_free(pending->next_id);
    g_free(pending);
}

static void free_pending(void *pending)
{
    hpt_pending_free(pending);
}

void hpt_outbox_init(HptOutbox *outbox, HptProject *project, int64_t patience_us)
{
    *outbox = (HptOutbox){
        .project = project,
        .db = hpt_project_get_db(project),
        .patience_us = patience_us > 0 ? patience_us : HPT_OUTBOX_PATIENCE_US,
        .spool = hpt_spool_new(hpt_project_peek_folder(project)),
    };
    g_queue_init(&outbox->pending);
    g_queue_init(&outbox->ended);
    g_queue_init(&outbox->recent);
    if (hpt_db_has_standby(outbox->db))
        hpt_spool_keep(outbox->spool);
}

void hpt_outbox_clear(HptOutbox *outbox)
{
    g_queue_clear_full(&outbox->pending, free_pending);
    g_queue_clear_full(&outbox->ended, free_pending);
    g_queue_clear_full(&outbox->recent, free_pending);
    hpt_spool_free(outbox->spool);
    g_clear_error(&outbox->unspooled);
    g_clear_error(&outbox->last);
}

/* ---- the spool ---- */

static void add_points(GArray *items, const GQueue *queue, const char *attempt)
{
    for (GList *link = queue->head; link != NULL; link = link->next) {
        const HptPending *pending = link->data;
        HptSpoolItem item = {pending->sql, pending->args};
        if (pending->sql == HPT_SQL_TRIAL_POINTS && g_strcmp0(pending->attempt_id, attempt) == 0)
            g_array_append_val(items, item);
    }
}

/* Is it lost with us unless it lies in the spool? */
static bool is_for_spool(const HptPending *pending)
{
    return pending->sql == HPT_SQL_TRIAL_FINISH || pending->sql == HPT_SQL_CODE_PUT ||
           pending->sql == HPT_SQL_INPUTS_PUT || pending->sql == HPT_SQL_ENVIRONMENT_PUT;
}

/* An end, behind the points of its trial of which nobody knows whether they arrived; or a record. */
static void put_into_spool(HptOutbox *outbox, HptPending *end)
{
    if (!is_for_spool(end) || end->spooled || end->attempt_id == NULL)
        return;
    g_autoptr(GArray) items = g_array_new(false, false, sizeof(HptSpoolItem));
    add_points(items, &outbox->recent, end->attempt_id);
    add_points(items, &outbox->pending, end->attempt_id);
    HptSpoolItem item = {end->sql, end->args};
    g_array_append_val(items, item);
    GError *error = NULL;
    end->spooled = hpt_spool_put(outbox->spool, end->attempt_id,
                                 (const HptSpoolItem *)(void *)items->data, items->len, &error);
    g_clear_error(&outbox->unspooled);
    outbox->unspooled = error;
}

static void put_all_into_spool(HptOutbox *outbox)
{
    for (GList *link = outbox->pending.head; link != NULL; link = link->next)
        put_into_spool(outbox, link->data);
    for (GList *link = outbox->ended.head; link != NULL; link = link->next)
        put_into_spool(outbox, link->data);
}

static void add_note(GPtrArray *notes, size_t n, const char *what)
{
    if (n > 0)
        g_ptr_array_add(notes, g_strdup_printf("results that waited in the spool: %zu %s", n, what));
}

static bool replay(HptOutbox *outbox, bool also_sent, GPtrArray *notes, GError **error)
{
    HptSpoolReplay result = {0};
    bool fine = hpt_spool_replay(outbox->spool, outbox->db, also_sent, &result, notes, error);
    if (notes != NULL) {
        add_note(notes, result.recorded, "recorded now");
        add_note(notes, also_sent ? 0 : result.again, "had been recorded before");
        add_note(notes, result.fenced, "belong to trials that were taken over, and are left out");
    }
    return fine;
}

/* ---- which server ---- */

/* A server that does not tell its timeline, as some managed ones, is taken as it is. */
static bool look_at_server(HptOutbox *outbox, HptTimeline *now, GError **error)
{
    g_autoptr(GError) failure = NULL;
    *now = (HptTimeline){0};
    if (hpt_timeline_read(outbox->db, now, &failure) ||
        hpt_db_retry_class(failure) != HPT_RETRY_RECONNECT)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* Takes the server's timeline over, and remembers it on disk where several servers may answer. */
static bool accept_server(HptOutbox *outbox, const HptTimeline *now, bool *risen, GError **error)
{
    if (now->timeline == 0)
        return true;
    HptTimeline before = outbox->timeline;
    if (!hpt_timeline_advance(&outbox->timeline, now, hpt_db_peek_where(outbox->db), risen, error))
        return false;
    bool changed = before.timeline != now->timeline || strcmp(before.system, now->system) != 0;
    return !changed || !hpt_spool_keeps(outbox->spool) ||
           hpt_spool_write_timeline(outbox->spool, now, error);
}

bool hpt_outbox_begin(HptOutbox *outbox, GPtrArray *notes, GError **error)
{
    HptTimeline now;
    bool risen = false;
    if (!look_at_server(outbox, &now, error))
        return false;
    if (hpt_spool_keeps(outbox->spool))
        hpt_spool_read_timeline(outbox->spool, &outbox->timeline);
    return accept_server(outbox, &now, &risen, error) && replay(outbox, risen, notes, error);
}

void hpt_outbox_deliver(HptOutbox *outbox, GPtrArray *notes)
{
    /* What fails now is tried again by whoever comes next. */
    g_autoptr(GError) ignored = NULL;
    if (!replay(outbox, false, notes, &ignored))
        g_debug("%s", ignored->message);
}

/* ---- sending ---- */

static void lose_connection(HptOutbox *outbox, const GError *reason)
{
    if (outbox->away)
        return;
    int64_t now_us = hpt_time_monotonic_us();
    outbox->away = true;
    /* At once for the first time; then, as with a full disk, not in a tight loop. */
    outbox->reopen_us =
        outbox->trouble_us == 0 ? now_us : now_us + hpt_backoff_next_us(&outbox->backoff);
    if (outbox->trouble_us == 0)
        outbox->trouble_us = now_us;
    g_clear_error(&outbox->last);
    outbox->last = reason == NULL ? NULL : g_error_copy(reason);
    put_all_into_spool(outbox);
}

static void transmit(HptOutbox *outbox, const HptPending *pending)
{
    g_autoptr(GError) error = NULL;
    if (!outbox->away &&
        !hpt_db_send(outbox->db, pending->sql, pending->args, pending->tag, &error))
        lose_connection(outbox, error);
}

static HptPending *pending_new(HptOutbox *outbox, HptSql sql, HptArgs *steal_args, HptSlot *slot)
{
    HptPending *pending = g_new0(HptPending, 1);
    pending->sql = sql;
    pending->args = steal_args;
    pending->tag = ++outbox->next_tag;
    pending->slot = slot;
    pending->attempt_id = slot == NULL ? NULL : g_strdup(slot->attempt_id);
    return pending;
}

HptPending *hpt_outbox_post(HptOutbox *outbox, HptSql sql, HptArgs *steal_args, HptSlot *slot)
{
    HptPending *pending = pending_new(outbox, sql, steal_args, slot);
    g_queue_push_tail(&outbox->pending, pending);
    transmit(outbox, pending);
    return pending;
}

static HptPending *record_new(HptOutbox *outbox, HptSql sql, HptArgs *steal_args,
                              const HptDigest *digest)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    HptPending *pending = pending_new(outbox, sql, steal_args, NULL);
    pending->attempt_id = g_strconcat(HPT_SPOOL_RECORD, hpt_digest_hex(digest, hex), NULL);
    return pending;
}

void hpt_outbox_post_record(HptOutbox *outbox, HptSql sql, HptArgs *steal_args,
                            const HptDigest *digest)
{
    HptPending *pending = record_new(outbox, sql, steal_args, digest);
    g_queue_push_tail(&outbox->pending, pending);
    if (outbox->away || hpt_spool_keeps(outbox->spool))
        put_into_spool(outbox, pending);
    transmit(outbox, pending);
}

void hpt_outbox_post_with_end(HptOutbox *outbox, HptSql sql, HptArgs *steal_args,
                              const HptDigest *digest)
{
    HptPending *pending = record_new(outbox, sql, steal_args, digest);
    g_queue_push_tail(&outbox->ended, pending);
    if (outbox->away || hpt_spool_keeps(outbox->spool))
        put_into_spool(outbox, pending);
}

HptPending *hpt_outbox_post_end(HptOutbox *outbox, HptArgs *steal_args, HptSlot *slot)
{
    HptPending *pending = pending_new(outbox, HPT_SQL_TRIAL_FINISH, steal_args, slot);
    g_queue_push_tail(&outbox->ended, pending);
    if (outbox->away || hpt_spool_keeps(outbox->spool))
        put_into_spool(outbox, pending);
    return pending;
}

void hpt_outbox_send_ended(HptOutbox *outbox)
{
    if (outbox->away || g_queue_is_empty(&outbox->ended))
        return;
    for (GList *link = outbox->pending.head; link != NULL; link = link->next)
        if (((const HptPending *)link->data)->sql == HPT_SQL_TRIAL_FINISH)
            return;
    hpt_db_begin_group(outbox->db);
    for (HptPending *pending; (pending = g_queue_pop_head(&outbox->ended)) != NULL;) {
        g_queue_push_tail(&outbox->pending, pending);
        transmit(outbox, pending);
    }
    hpt_db_end_group(outbox->db);
}

/* ---- answers ---- */

void hpt_outbox_pump(HptOutbox *outbox)
{
    g_autoptr(GError) error = NULL;
    if (!outbox->away && !hpt_db_pump(outbox->db, &error))
        lose_connection(outbox, error);
}

static bool ends_wait(const HptOutbox *outbox)
{
    for (GList *link = outbox->pending.head; link != NULL; link = link->next)
        if (((const HptPending *)link->data)->sql == HPT_SQL_TRIAL_FINISH)
            return true;
    return outbox->ended.length > 0;
}

/* Points are stored without waiting for the disk: they are kept for a moment after their answer. */
static void keep_recent(HptOutbox *outbox, HptPending *pending, int64_t now_us)
{
    HptPending *copy = g_new0(HptPending, 1);
    copy->sql = pending->sql;
    copy->args = g_steal_pointer(&pending->args);
    copy->attempt_id = g_strdup(pending->attempt_id);
    copy->answered_us = now_us;
    g_queue_push_tail(&outbox->recent, copy);
}

static void forget_recent(HptOutbox *outbox, int64_t now_us)
{
    for (HptPending *oldest; (oldest = g_queue_peek_head(&outbox->recent)) != NULL &&
                             (oldest->answered_us + RECENT_US < now_us ||
                              outbox->recent.length > MOST_RECENT);)
        hpt_pending_free(g_queue_pop_head(&outbox->recent));
}

/* A statement is done with, for good or ill. */
static void settle(HptOutbox *outbox, HptPending *pending, const GError *error)
{
    int64_t now_us = hpt_time_monotonic_us();
    forget_recent(outbox, now_us);
    if (pending->sql == HPT_SQL_TRIAL_POINTS && error == NULL)
        keep_recent(outbox, pending, now_us);
    if (is_for_spool(pending) && error != NULL)
        put_into_spool(outbox, pending); /* refused: its only copy shall not be lost */
    else if (is_for_spool(pending) && pending->spooled)
        hpt_spool_answered(outbox->spool, pending->attempt_id);
    /* With a full disk renewals may go through and ends not. */
    if (error == NULL && (pending->sql == HPT_SQL_TRIAL_FINISH || !ends_wait(outbox))) {
        outbox->trouble_us = 0;
        outbox->backoff = (HptBackoff){0};
    }
}

HptPending *hpt_outbox_next(HptOutbox *outbox, HptReply *reply)
{
    while (!outbox->away && hpt_db_next(outbox->db, reply)) {
        /* Answers come in the order sent; after a lost connection all of them as failures. */
        HptPending *pending = g_queue_peek_head(&outbox->pending);
        bool ours = pending != NULL && pending->tag == reply->tag;
        HptRetry retry = reply->error == NULL ? HPT_RETRY_NO : hpt_db_retry_class(reply->error);
        if (ours && retry == HPT_RETRY_RECONNECT) {
            lose_connection(outbox, reply->error);
        } else if (ours) {
            g_queue_pop_head(&outbox->pending);
            if (retry != HPT_RETRY_STATEMENT) {
                settle(outbox, pending, reply->error);
                return pending;
            }
            pending->tag = ++outbox->next_tag;
            g_queue_push_tail(&outbox->pending, pending);
            transmit(outbox, pending);
        }
        hpt_reply_clear(reply);
    }
    return NULL;
}

/* ---- the database went away ---- */

bool hpt_outbox_is_away(const HptOutbox *outbox)
{
    return outbox->away;
}

bool hpt_outbox_is_empty(const HptOutbox *outbox)
{
    return outbox->pending.length == 0 && outbox->ended.length == 0;
}

int64_t hpt_outbox_deadline(const HptOutbox *outbox)
{
    return outbox->away ? outbox->reopen_us : INT64_MAX;
}

static void resend(HptOutbox *outbox)
{
    /* Before the ends, which may be of the same trials. */
    for (HptPending *recent; (recent = g_queue_pop_tail(&outbox->recent)) != NULL;)
        g_queue_push_head(&outbox->pending, recent);
    for (GList *link = outbox->pending.head; link != NULL; link = link->next) {
        HptPending *pending = link->data;
        pending->tag = ++outbox->next_tag;
        transmit(outbox, pending);
    }
}

/* The connection is there: may it be written to? Then all goes out again. */
static bool resume(HptOutbox *outbox, GError **error)
{
    HptTimeline now;
    bool risen = false;
    if (!look_at_server(outbox, &now, error) || !accept_server(outbox, &now, &risen, error) ||
        (risen && !replay(outbox, true, NULL, error)))
        return false;
    /* What the lost connection still had to say is not wanted: it is all sent again. */
    g_auto(HptReply) stale = {0};
    while (hpt_db_next(outbox->db, &stale))
        hpt_reply_clear(&stale);
    outbox->away = false;
    resend(outbox);
    return true;
}

bool hpt_outbox_reopen(HptOutbox *outbox, int64_t now_us, GError **error)
{
    if (!outbox->away || now_us < outbox->reopen_us)
        return true;
    g_autoptr(GError) failure = NULL;
    if (hpt_project_reopen(outbox->project, &failure) && resume(outbox, &failure))
        return true;
    put_all_into_spool(outbox); /* what found no room before may find it now */
    now_us = hpt_time_monotonic_us();
    outbox->reopen_us = now_us + hpt_backoff_next_us(&outbox->backoff);
    g_clear_error(&outbox->last);
    outbox->last = g_error_copy(failure);
    if (!hpt_timeline_is_refusal(failure) && now_us - outbox->trouble_us <= outbox->patience_us)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

GError *hpt_outbox_reason(const HptOutbox *outbox)
{
    return outbox->last != NULL ? g_error_copy(outbox->last)
                                : g_error_new(HPT_ERROR, HPT_ERROR_DB_CONNECT,
                                              "the database is away");
}

static void count_ends(const GQueue *queue, size_t *spooled, size_t *lost)
{
    for (GList *link = queue->head; link != NULL; link = link->next) {
        const HptPending *pending = link->data;
        *spooled += pending->sql == HPT_SQL_TRIAL_FINISH && pending->spooled;
        *lost += pending->sql == HPT_SQL_TRIAL_FINISH && !pending->spooled;
    }
}

void hpt_outbox_explain(const HptOutbox *outbox, GError *error)
{
    size_t spooled = 0, lost = 0;
    count_ends(&outbox->pending, &spooled, &lost);
    count_ends(&outbox->ended, &spooled, &lost);
    g_autoptr(GString) text = g_string_new(error->message);
    if (spooled > 0)
        g_string_append_printf(text,
                               "\nhint: %zu result%s in the spool, %s; the same line again "
                               "delivers %s",
                               spooled, spooled == 1 ? " lies" : "s lie",
                               hpt_spool_peek_folder(outbox->spool), spooled == 1 ? "it" : "them");
    if (lost > 0)
        g_string_append_printf(text, "\nhint: lost results: %zu: %s", lost,
                               outbox->unspooled == NULL ? "" : outbox->unspooled->message);
    g_free(error->message);
    error->message = g_strdup(text->str);
}
