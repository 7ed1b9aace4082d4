/* Statements on their way to the database: kept until they are answered, sent again when their fate
 * is unknown. All of them are idempotent under ids made here, so that sending twice is harmless.
 *
 * One connection, pipelined. While the database is away, or cannot write (a full disk, a standby),
 * everything waits here and the trials run on; ends of trials are put into the spool besides, so that
 * not even kill -9 loses one. Points are stored without waiting for the disk: those that were answered
 * a moment before the server crashed are sent again.
 */
#ifndef HPT_STUDY_OUTBOX_H
#define HPT_STUDY_OUTBOX_H

#include "base/digest.h"
#include "db/project.h"
#include "study/slot.h"
#include "study/spool.h"

/* A statement under way. */
typedef struct {
    HptSql sql;
    HptArgs *args;
    uint64_t tag;
    HptSlot *slot;    /* NULL: not a slot's */
    char *attempt_id; /* of the slot when it was sent; of a record: the file's name in the spool */
    char *outcome, *cause, *next_id; /* trial_finish; owned; cause also prune_decide */
    int64_t number;                  /* fold_values, prune_decide */
    int attempt;                     /* fold_values */
    bool spooled;
    int64_t answered_us; /* of recent points */
} HptPending;
void hpt_pending_free(HptPending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPending, hpt_pending_free)

/* Members are for outbox.c. */
typedef struct {
    HptProject *project;
    HptDb *db;
    GQueue pending; /* of HptPending *, in the order sent */
    GQueue ended;   /* of HptPending *: ends of trials that wait for those under way */
    GQueue recent;  /* of HptPending *: points answered just now, oldest first */
    uint64_t next_tag;
    bool away;
    int64_t trouble_us, reopen_us; /* monotonic; trouble_us: since when nothing is recorded, 0: no */
    int64_t patience_us;
    HptBackoff backoff;
    HptSpool *spool;
    HptTimeline timeline;
    GError *unspooled;  /* why the spool cannot be written */
    GError *last;       /* why the database is away */
} HptOutbox;

#define HPT_OUTBOX_PATIENCE_US (INT64_C(300) * 1000000)

/* patience_us: how long the database may be away, 0: the usual five minutes. */
void hpt_outbox_init(HptOutbox *outbox, HptProject *project, int64_t patience_us);
void hpt_outbox_clear(HptOutbox *outbox);

/* Before the first trial: is this server one to write to (src/db/timeline.h), and is there something
 * in the spool? It is delivered first. notes: lines for people are added. */
bool hpt_outbox_begin(HptOutbox *outbox, GPtrArray *notes, GError **error) HPT_WARN_UNUSED;
/* Delivers what other processes of this project left in the spool, before their trials are declared
 * lost. */
void hpt_outbox_deliver(HptOutbox *outbox, GPtrArray *notes);

/* Sends it, now or when the database is back. The result belongs to the outbox. */
HptPending *hpt_outbox_post(HptOutbox *outbox, HptSql sql, HptArgs *steal_args, HptSlot *slot);

/* A record that others name by its digest (code_put …). It goes before what names it, and into the spool as an
 * end does. */
void hpt_outbox_post_record(HptOutbox *outbox, HptSql sql, HptArgs *steal_args,
                            const HptDigest *digest);
/* The same in one commit with the end that is posted next (inputs_put …). */
void hpt_outbox_post_with_end(HptOutbox *outbox, HptSql sql, HptArgs *steal_args,
                              const HptDigest *digest);

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
/* Tries to get it back when that is due. Fails when patience is over (called again it goes on
 * trying), or when the server may not be written to (hpt_timeline_is_refusal). */
bool hpt_outbox_reopen(HptOutbox *outbox, int64_t now_us, GError **error) HPT_WARN_UNUSED;

/* Adds to a message that ends the worker how many results are not recorded, and where they are. */
void hpt_outbox_explain(const HptOutbox *outbox, GError *error);
/* Why it is away; a copy. */
GError *hpt_outbox_reason(const HptOutbox *outbox);

#endif
