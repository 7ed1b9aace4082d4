/* What a finished run left, as the arguments of one statement: metrics, points, streams, files.
 *
 * Objects that do not go into the database are in the store, in one batch with one fsync, before the
 * arguments name them. A file that cannot be stored (a full disk, changed while it was read) is recorded as not
 * stored, with the reason: the result of the trial is none the less its result.
 *
 * What looks like a secret (record/secret.h) is masked in the streams, and a text file of up to
 * HPT_SECRET_FILE_MAX bytes that holds one that is certain is not stored.
 */
#ifndef HPT_STUDY_OUTCOME_H
#define HPT_STUDY_OUTCOME_H

#include "db/db.h"
#include "run/trial.h"
#include "store/object.h"

#define HPT_SECRET_FILE_MAX (INT64_C(1) << 20)

/* Points as they come from the scan (hpt_points_add is an HptPointFunc with the HptPoints as user).
 * A trial may report for ever: when hpt_points_full, the worker sends what there is by
 * hpt_points_take and goes on with an empty buffer. */
typedef struct HptPoints HptPoints;
HptPoints *hpt_points_new(bool allow_secrets);
void hpt_points_add(const HptPoint *point, void *points);
void hpt_points_free(HptPoints *points);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPoints, hpt_points_free)
bool hpt_points_full(const HptPoints *points);

/* Arguments of trial_points: attempt, batch, names, steps, values, and the names whose points of
 * earlier batches were read from text and are now superseded by reports. Owned; the buffer is empty
 * then. */
HptArgs *hpt_points_take(HptPoints *points, const char *attempt_id);

/* Names in a trial's folder that are hpt's own; NULL-terminated. */
extern const char *const hpt_outcome_own_files[];
#define HPT_PARAMS_FILE "params.json"

/* Appends what the result measured and left: arguments $8 … $14 and $23 … $43 of trial_finish, in
 * two parts because the trial's own facts stand between them. collected is made by _collect. */
typedef struct HptOutcome HptOutcome;

/* Where and on what it ran, for the details; NULL: nothing special. */
typedef struct {
    const char *cores, *gpus, *via;
    const GPtrArray *code_changed; /* of char *: see HptGathered */
} HptRunPlace;

/* result may be NULL (a run that could not be started at all). directory is the trial's folder.
 * note (may be NULL) is set to an owned sentence if something could not be stored. Never fails:
 * what cannot be stored is recorded so. */
HptOutcome *hpt_outcome_collect(const HptRunResult *result, HptPoints *points,
                                const HptRunPlace *place, HptStore *store, const char *directory,
                                bool allow_secrets, char **note);
/* A sentence for people about a file that is not stored because of a secret in it, or NULL. */
const char *hpt_outcome_peek_withheld(const HptOutcome *outcome);
void hpt_outcome_free(HptOutcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptOutcome, hpt_outcome_free)

void hpt_outcome_add_usage(const HptOutcome *outcome, HptArgs *args);   /* $8 … $14 */
void hpt_outcome_add_results(const HptOutcome *outcome, HptArgs *args); /* $23 … $43 */

#endif
