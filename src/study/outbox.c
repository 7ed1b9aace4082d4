#include "study/outbox.h"

#include "base/text.h"

#define PATIENCE_US (INT64_C(300) * 1000000)

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

void hpt_outbox_init(HptOutbox *outbox, HptProject *project)
{
    *outbox = (HptOutbox){.project = project, .db = hpt_project_get_db(project)};
    g_queue_init(&outbox->pending);
    g_queue_init(&outbox->ended);
}

void hpt_outbox_clear(HptOutbox *outbox)
{
    g_queue_clear_full(&outbox->pending, free_pending);
    g_queue_clear_full(&outbox->ended, free_pending);
}

/* ---- sending ---- */

static void lose_connection(HptOutbox *outbox)
{
    if (outbox->away_since_us != 0)
        return;
    outbox->away_since_us = outbox->reopen_us = hpt_time_monotonic_us();
    outbox->backoff = (HptBackoff){0};
}

static void transmit(HptOutbox *outbox, const HptPending *pending)
{
    g_autoptr(GError) error = NULL;
    if (outbox->away_since_us == 0 &&
        !hpt_db_send(outbox->db, pending->sql, pending->args, pending->tag, &error))
        lose_connection(outbox);
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

HptPending *hpt_outbox_post_end(HptOutbox *outbox, HptArgs *steal_args, HptSlot *slot)
{
    HptPending *pending = pending_new(outbox, HPT_SQL_TRIAL_FINISH, steal_args, slot);
    g_queue_push_tail(&outbox->ended, pending);
    return pending;
}

void hpt_outbox_send_ended(HptOutbox *outbox)
{
    if (outbox->away_since_us != 0 || g_queue_is_empty(&outbox->ended))
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
    if (outbox->away_since_us == 0 && !hpt_db_pump(outbox->db, &error))
        lose_connection(outbox);
}

HptPending *hpt_outbox_next(HptOutbox *outbox, HptReply *reply)
{
    while (outbox->away_since_us == 0 && hpt_db_next(outbox->db, reply)) {
        /* Answers come in the order sent; after a lost connection all of them as failures. */
        HptPending *pending = g_queue_peek_head(&outbox->pending);
        bool ours = pending != NULL && pending->tag == reply->tag;
        HptRetry retry = reply->error == NULL ? HPT_RETRY_NO : hpt_db_retry_class(reply->error);
        if (ours && retry == HPT_RETRY_RECONNECT) {
            lose_connection(outbox);
        } else if (ours) {
            g_queue_pop_head(&outbox->pending);
            if (retry != HPT_RETRY_STATEMENT)
                return pending;
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
    return outbox->away_since_us != 0;
}

bool hpt_outbox_is_empty(const HptOutbox *outbox)
{
    return outbox->pending.length == 0 && outbox->ended.length == 0;
}

int64_t hpt_outbox_deadline(const HptOutbox *outbox)
{
    return outbox->away_since_us != 0 ? outbox->reopen_us : INT64_MAX;
}

static void resend(HptOutbox *outbox)
{
    for (GList *link = outbox->pending.head; link != NULL; link = link->next) {
        HptPending *pending = link->data;
        pending->tag = ++outbox->next_tag;
        transmit(outbox, pending);
    }
}

bool hpt_outbox_reopen(HptOutbox *outbox, int64_t now_us, GError **error)
{
    if (outbox->away_since_us == 0 || now_us < outbox->reopen_us)
        return true;
    g_autoptr(GError) failure = NULL;
    if (hpt_project_reopen(outbox->project, &failure)) {
        /* What the lost connection still had to say is not wanted: it is all sent again. */
        g_auto(HptReply) stale = {0};
        while (hpt_db_next(outbox->db, &stale))
            hpt_reply_clear(&stale);
        outbox->away_since_us = 0;
        resend(outbox);
        return true;
    }
    if (now_us - outbox->away_since_us > PATIENCE_US) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    outbox->reopen_us = hpt_time_monotonic_us() + hpt_backoff_next_us(&outbox->backoff);
    return true;
}
