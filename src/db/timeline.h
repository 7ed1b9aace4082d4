/* Which history of which server a connection writes to.
 *
 * A standby that is promoted begins a new timeline. An old primary that comes back after that is a
 * fork: what is written there is lost. target_session_attrs=read-write does not see the difference,
 * so a writer remembers the highest timeline it met and refuses to write to a lower one.
 */
#ifndef HPT_DB_TIMELINE_H
#define HPT_DB_TIMELINE_H

#include "db/db.h"

typedef struct {
    char system[24];   /* the system identifier; empty where the server does not tell it */
    uint32_t timeline; /* 0: nothing seen yet */
} HptTimeline;

/* Asks the server. Fails HPT_ERROR_DB_CONNECT (SQLSTATE 25006) for a standby. */
bool hpt_timeline_read(HptDb *db, HptTimeline *out, GError **error) HPT_WARN_UNUSED;

/* Takes now into highest; *risen (may be NULL): the timeline rose. Fails HPT_ERROR_DB_CONNECT, naming
 * both, if it fell or the system is another one. */
bool hpt_timeline_advance(HptTimeline *highest, const HptTimeline *now, const char *where,
                          bool *risen, GError **error) HPT_WARN_UNUSED;

/* "SYSTEM TIMELINE" and back; false: the text is not that. */
char *hpt_timeline_text(const HptTimeline *timeline);
bool hpt_timeline_parse(const char *text, HptTimeline *out) HPT_WARN_UNUSED;

/* Is this the refusal of hpt_timeline_advance? Waiting does not cure it. */
bool hpt_timeline_is_refusal(const GError *error);

#endif
