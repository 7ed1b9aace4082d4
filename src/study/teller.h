/* Who tells of trials (hpt-tell, hpt-ask --serve): what was told is in the record, or lies in the project's spool.
 *
 * While the database is away each result goes to the spool at once, before anything is waited for, so that whoever is
 * killed has lost nothing that was told. It is delivered when the database is back, by this process or by the next
 * hpt-tell, hpt-ask or hpt-run of the project; telling twice is harmless. With a standby that may take over it lies there
 * before it is sent (see study/spool.h). So does a report, but nobody waits for its answer: a trial goes on meanwhile.
 */
#ifndef HPT_STUDY_TELLER_H
#define HPT_STUDY_TELLER_H

#include "db/project.h"
#include "study/told.h"

typedef struct {
    HptProject *project;     /* borrowed; NULL: it is opened */
    HptProjectOptions open;  /* without project; its strings are borrowed */
    const char *study;       /* of trials that name none, borrowed; NULL: the only one there is */
    int64_t patience_us;     /* how long the database may be away; 0: five minutes */
} HptTellerOptions;

typedef struct HptTeller HptTeller;

/* Delivers what lies in the spool, if the database is there: hpt_teller_away says whether it is. notes: lines for people are
 * added, here and below. Fails where there is no project at all, or nothing that could be a database. */
HptTeller *hpt_teller_new(const HptTellerOptions *options, GPtrArray *notes, GError **error) HPT_WARN_UNUSED;
void hpt_teller_free(HptTeller *teller);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTeller, hpt_teller_free)

/* Why the database is away, borrowed; NULL: it is there. */
const GError *hpt_teller_away(const HptTeller *teller);
/* NULL: it was never reached. */
HptProject *hpt_teller_get_project(const HptTeller *teller);
/* Of a trial that may name none; borrowed. Fails as hpt_told_study, and HPT_ERROR_DB_CONNECT. */
HptStudy *hpt_teller_study(HptTeller *teller, const char *named, GError **error) HPT_WARN_UNUSED;

typedef enum {
    HPT_TOLD_RECORDED,
    HPT_TOLD_AGAIN,   /* before, the same */
    HPT_TOLD_OVER,    /* not needed: its trial had ended before */
    HPT_TOLD_STOP,    /* of a report: the trial is to stop */
    HPT_TOLD_SPOOLED, /* the database is away; of a report: go on */
} HptTellFate;

/* *id, owned: what the trial is called, NULL where it is spooled. Fails as hpt_told_record for a result that is refused;
 * with HPT_ERROR_DB_CONNECT only where neither the database nor the spool took it. */
bool hpt_teller_tell(HptTeller *teller, const HptTellLine *line, HptTellFate *told, char **id, GPtrArray *notes,
                     GError **error) HPT_WARN_UNUSED;

/* Results that lie in the spool and have no answer. */
size_t hpt_teller_owed(const HptTeller *teller);

/* The last was told: waits for the database, if something lies in the spool and it was there before. *refused: of those
 * that lay there so many could not be delivered, notes say why. Fails HPT_ERROR_DB_CONNECT if it stays away, and says
 * what lies where. */
bool hpt_teller_end(HptTeller *teller, size_t *refused, GPtrArray *notes, GError **error) HPT_WARN_UNUSED;

#endif
