/* Statements on their way to the database: kept until they are answered, sent again when their fate
 * is unknown. All of them are idempotent under ids made here, so that sending twice is harmless.
 *
 * One connection, pipelined. While the database is away everything waits here and the trials run on.
 */
#ifndef HPT_STUDY_OUTBOX_H
#define HPT_STUDY_OUTBOX_H

#include "db/project.h"
#include "study/slot.h"

/* A statement under way. */
typedef struct {
    HptSql sql;
    HptArgs *args;
    uint64_t tag;
    HptSlot *slot;    /* NULL: not a slot's */
    char *attempt_id; /* of the slot when it was sent */
    char *outcome, *cause, *next_id; /* trial_finish; owned; cause also prune_decide */
    int64_t number;                  /* fold_values, prune_decide */
    int attempt;                     /* fold_values */
} HptPending;
void hpt_pending_free(HptPending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPending, hpt_pending_free)

/* Members are for outbox.c. */
typedef struct {
    HptProject *project;
    HptDb *db;
    GQueue pending; /* of HptPending *, in the order sent */
    GQueue ended;   /* of HptPending *: ends of trials that wait for those under way */
    uint64_t next_tag;
    int64_t away_since_us, reopen_us; /* monotonic; 0: the database is there */
    HptBackoff backoff;
} HptOutbox;

void hpt_outbox_init(HptOutbox *outbox, HptProject *project);
void hpt_outbox_clear(HptOutbox *outbox);

/* Sends it, now or when the database is back. The result belongs to the outbox. */
HptPending *hpt_outbox_post(HptOutbox *outbox, HptSql sql, HptArgs *steal_args, HptSlot *slot);

/* An end of a trial (trial_finish). While others are on their way to the disk, those that come
 * meanwhile wait and then go together: as many trials as there are slots share one commit, and a
 * single one waits for nobody. The caller fills outcome, cause and next_id. */
HptPending *hpt_outbox_post_end(HptOutbox *outbox, HptArgs *steal_args, HptSlot *slot);
/* Once a round of the loop. */
void hpt_outbox_send_ended(HptOutbox *outbox);

/* Reads what has come. */
void hpt_outbox_pump(HptOutbox *outbox);
/* The next statement that was answered, owned by the caller, with its rows in reply, or reply->error
 * for one that was refused for good; NULL: nothing more now. */
HptPending *hpt_outbox_next(HptOutbox *outbox, HptReply *reply);

/* The database is away: no answers now. */
bool hpt_outbox_is_away(const HptOutbox *outbox);
bool hpt_outbox_is_empty(const HptOutbox *outbox);
/* When to call reopen; INT64_MAX: never. */
int64_t hpt_outbox_deadline(const HptOutbox *outbox);
/* Tries to get it back when that is due. Fails when it has been away for five minutes. */
bool hpt_outbox_reopen(HptOutbox *outbox, int64_t now_us, GError **error) HPT_WARN_UNUSED;

#endif
